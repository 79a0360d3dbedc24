"""The layout of a trial as part of the search: what cannot be laid out in a group leaves the space.

Folds that train side by side need a group that they divide, and replicas one that they divide in each of these; folds
that train one after the other fit any group. The rules, for a space with `study.folds`, `study.fold_mode` or
`training.replicas`:

- A value leaves the space if it is illegal together with everything that it can meet.
- If both remain and some pairs are illegal, `study.fold_mode` is searched only where the folds divide the group. The
  other folds train one after the other, which therefore must be the configuration's own `study.fold_mode`.
"""

import itertools
from collections.abc import Mapping

from hvdgan.config import Choices, Config, Dimension, Plain
from hvdgan.errors import ConfigError
from hvdgan.study.search import conditions, space, values

FOLDS, MODE, REPLICAS = "study.folds", "study.fold_mode", "training.replicas"
KEYS = {FOLDS, MODE, REPLICAS}
Layout = dict[str, Plain]
"""Folds, mode and replicas of a trial."""


def fit_layout(config: Config) -> tuple[Config, list[str]]:
    """Take out of the space what the group of a trial cannot be divided into.

    Args:
        config: The configuration; `study.ranks_per_trial` is the size of a group.

    Returns:
        The configuration with the reduced space, and a message for each change.

    Raises:
        ConfigError: The space is not legal, or what is left of it still has layouts that are not.
    """
    space.check(config.study.space)
    if not KEYS & config.study.space.keys():
        return config, []
    reduced, messages = dict(config.study.space), []
    for key in sorted(KEYS & reduced.keys()):
        messages += _take_out(config, reduced, key)
    if _find_illegal(config, reduced):
        messages += _tie(config, reduced)
    if illegal := _find_illegal(config, reduced):
        raise ConfigError(f"study.space: {_refuse(config, illegal)}; set study.fold_mode: sequential, or search others")
    space.check(reduced)
    return (config.replace({"study.space": space.describe(reduced)}) if messages else config), messages


def _take_out(config: Config, reduced: dict[str, Dimension], key: str) -> list[str]:
    """Remove the values of a key that no point could lay out, and say which; change the space."""
    met = [(chosen[key], layout) for chosen, layout in _list_layouts(config, config.study.space) if key in chosen]
    possible = [value for value, layout in met if _is_legal(config, layout)]
    gone: dict[Plain, str] = {}
    for value, layout in met:
        if value not in possible:
            gone.setdefault(value, f"{key}: {value} leaves the space: {_refuse(config, layout)}")
    if not gone:
        return []
    messages = list(gone.values())
    if not possible:
        raise ConfigError("\n".join([*messages, f"{key}: nothing is left to search; change study.ranks_per_trial"]))
    kept = list(dict.fromkeys(possible))
    reduced[key] = Choices(type="categorical", choices=kept, when=reduced[key].when)
    return messages


def _tie(config: Config, reduced: dict[str, Dimension]) -> list[str]:
    """Search the mode only where the folds divide the group, and say so; change the space, if that is possible."""
    if not {FOLDS, MODE} <= reduced.keys() or MODE in conditions.requirements(reduced, FOLDS):
        return []
    met = [layout for _, layout in _list_layouts(config, reduced) if layout[MODE] == "parallel"]
    illegal = {layout[FOLDS] for layout in met if not _is_legal(config, layout)}
    legal = [folds for folds in _list_values(reduced[FOLDS]) if folds not in illegal]
    when = reduced[MODE].when
    if FOLDS in when:
        legal = [folds for folds in legal if folds in conditions.listed(when[FOLDS])]
    reduced[MODE] = reduced[MODE].model_copy(update={"when": {**when, FOLDS: legal}})
    numbers = ", ".join(str(folds) for folds in legal)
    return [f"{MODE}: searched only where {FOLDS} is {numbers}; other folds are trained one after the other"]


def _find_illegal(config: Config, dimensions: Mapping[str, Dimension]) -> Layout | None:
    """Return a layout that a point of a space can have and its group cannot, or None."""
    layouts = (layout for _, layout in _list_layouts(config, dimensions))
    return next((layout for layout in layouts if not _is_legal(config, layout)), None)


def _list_layouts(config: Config, dimensions: Mapping[str, Dimension]) -> list[tuple[Layout, Layout]]:
    """Return what points can choose for the layout, and the whole layout: what is not chosen is as configured.

    Conditions on keys other than these may hold or not.
    """
    names = [name for name in conditions.order(dimensions) if name in KEYS]
    default = {FOLDS: config.study.folds, MODE: config.study.fold_mode, REPLICAS: config.training.replicas}
    options = [
        [*_list_values(dimensions[name]), *([None] if dimensions[name].when.keys() - KEYS else [])] for name in names
    ]
    layouts = []
    for candidates in itertools.product(*options):
        chosen: Layout = {}
        for name, value in zip(names, candidates, strict=True):
            within = {key: legal for key, legal in dimensions[name].when.items() if key in KEYS}
            if value is not None and conditions.holds(within, chosen):
                chosen[name] = value
        layouts.append((chosen, {**default, **chosen}))
    return layouts


def _list_values(dimension: Dimension) -> list[Plain]:
    """Return all values of a countable dimension."""
    return [values.nth(dimension, place) for place in range(values.count(dimension) or 0)]


def _is_legal(config: Config, layout: Layout) -> bool:
    """Tell whether a group can be divided so."""
    cells = 1 if layout[MODE] == "sequential" else layout[FOLDS]
    return config.study.ranks_per_trial % (cells * layout[REPLICAS] * config.training.shards) == 0


def _refuse(config: Config, layout: Layout) -> str:
    """Say why a group cannot be divided so."""
    ranks = config.study.ranks_per_trial
    replicas = f"{layout[REPLICAS]} replicas" if layout[REPLICAS] > 1 else ""
    folds = f"{layout[FOLDS]} folds side by side" if layout[MODE] == "parallel" else ""
    shards = f"models of {config.training.shards} shards" if config.training.shards > 1 else ""
    parts = " of ".join(filter(None, (shards, replicas, folds)))
    return f"{ranks} {'rank' if ranks == 1 else 'ranks'} per trial cannot train {parts}"
