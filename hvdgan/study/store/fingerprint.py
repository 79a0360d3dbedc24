"""The fingerprint of a study: what its values depend on; another search is refused with the difference.

Optuna loads an existing study under the same name whatever its direction, space or objective were.
"""

from pathlib import Path
from typing import Any

from hvdgan.config import EVALUATED, Config
from hvdgan.errors import UsageError
from hvdgan.log import logger
from hvdgan.study.search import space

Fingerprint = dict[str, Any]

DIRECTION = "minimize"
"""Of every objective."""
OVERRIDE = "--despite-differences"
_FINGERPRINT, _EARLIER, _DIRECTORY = "hvdgan:fingerprint", "hvdgan:earlier_fingerprints", "hvdgan:directory"
_STUDY_KEYS = ("objective", "ranks_per_trial", "folds", "fold_mode")
_NOT_THE_OBJECTIVE = ("gan.model_path", "training.checkpoint", "training.metric_every", "training.stall_timeout")
_UNCHANGEABLE = ("type", "choices", "log")


def fingerprint(config: Config) -> Fingerprint:
    """Return what makes two trials comparable: directions, space, and all keys that define the objective."""
    content = config.model_dump()
    objective = {
        **_flatten({key: content[key] for key in ("data", "gan", "training", *_judging(config))}),
        **{f"study.{key}": content["study"][key] for key in _STUDY_KEYS},
    }
    ignored = (*config.study.space, *_NOT_THE_OBJECTIVE)
    kept = {name: value for name, value in objective.items() if not _lies_in(name, ignored)}
    directions = ", ".join([DIRECTION] * len(config.study.objective))
    return {"direction": directions, "space": space.describe(config.study.space), "objective": kept}


def _judging(config: Config) -> tuple[str, ...]:
    """Return the section that values depend on when a metric of it is an objective."""
    return ("evaluation",) if set(config.study.objective) & set(EVALUATED) else ()


def differences(stored: Fingerprint, wanted: Fingerprint) -> list[str]:
    """Say, key by key, how two nested mappings differ.

    >>> differences({"space": {"a": {"low": 1}}}, {"space": {"a": {"low": 2}}})
    ['space.a.low: stored 1, now 2']
    """
    before, now = _flatten(stored), _flatten(wanted)
    names = sorted(before.keys() | now.keys())
    absent = "nothing"
    return [
        f"{name}: stored {before.get(name, absent)}, now {now.get(name, absent)}"
        for name in names
        if name not in before or name not in now or before[name] != now[name]
    ]


def recognise(study: Any, config: Config, directory: Path | None, force: bool) -> None:
    """Sign a study without trials; compare the signature of one that has some.

    Args:
        study: An Optuna study.
        config: The configuration.
        directory: The run directory, where the storage lies elsewhere: then another one could name the same study.
        force: Sign a study that differs, where Optuna can go on with it.

    Raises:
        UsageError: It is another search, or another run directory's; says what differs.
    """
    wanted, stored = fingerprint(config), study.user_attrs.get(_FINGERPRINT, {})
    held = len(study.get_trials(deepcopy=False))
    _insist_on_direction(study, wanted)
    lines = differences(stored, wanted) if held else []
    lines += _moved(study, directory)
    if held:
        _insist_on_kinds([*study.user_attrs.get(_EARLIER, []), stored], wanted)
    if lines and not force:
        raise UsageError(_refusal(lines))
    if lines:
        logger.warning("going on with the stored study despite differences:\n%s", _listed(lines))
        study.set_user_attr(_EARLIER, [*study.user_attrs.get(_EARLIER, []), stored])
    if lines or not held:
        study.set_user_attr(_FINGERPRINT, wanted)
        study.set_user_attr(_DIRECTORY, directory and str(directory.resolve()))


def _moved(study: Any, directory: Path | None) -> list[str]:
    """Say that the study was begun from another run directory, or nothing."""
    stored = study.user_attrs.get(_DIRECTORY)
    if directory is None or stored in (None, str(directory.resolve())):
        return []
    return [f"run directory: stored {stored}, now {directory.resolve()}"]


def _insist_on_direction(study: Any, wanted: Fingerprint) -> None:
    """Raise when the study minimises something else, or another number of things."""
    stored = ", ".join(direction.name.lower() for direction in study.directions)
    if stored != wanted["direction"]:
        raise UsageError(
            "the stored study is another search:\n"
            + _listed([f"direction: stored {stored}, now {wanted['direction']}"])
            + "\nstart a new run directory: every stored trial has one value per objective, so no flag overrides this"
        )


def _insist_on_kinds(earlier: list[Fingerprint], wanted: Fingerprint) -> None:
    """Raise when a searched key became something that Optuna does not take under the same name."""
    pairs = [(name, before, now) for one in earlier for name, before in one.get("space", {}).items()
             if (now := wanted["space"].get(name))]  # fmt: skip
    lines = {
        f"space.{name}.{key}: stored {before.get(key, 'nothing')}, now {now.get(key, 'nothing')}": None
        for name, before, now in pairs
        for key in _UNCHANGEABLE
        if before.get(key) != now.get(key)
    }
    if lines:
        raise UsageError(
            "the stored study is another search:\n"
            + _listed(list(lines))
            + "\nwithin a study Optuna changes ranges and steps, but neither type nor choices nor log of a key, so "
            "no flag overrides this: set these back, or start a new run directory (study.enqueue takes points along)"
        )


def _refusal(lines: list[str]) -> str:
    """Say what differs and what can be done about it."""
    return (
        "the stored study is another search, its trials cannot be compared with new ones:\n"
        + _listed(lines)
        + f"\nset these keys back, or start a new run directory, or go on all the same with {OVERRIDE}"
    )


def _listed(lines: list[str]) -> str:
    """Return lines as an indented list."""
    return "\n".join(f"  {line}" for line in lines)


def _lies_in(name: str, sections: tuple[str, ...]) -> bool:
    """Tell whether a dotted name is one of some sections, or inside one.

    >>> _lies_in("gan.weights.ecal", ("gan.weights",)), _lies_in("gan.weights_too", ("gan.weights",))
    (True, False)
    """
    return any(name == section or name.startswith(f"{section}.") for section in sections)


def _flatten(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
