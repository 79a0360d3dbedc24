"""The storage of a study: an Optuna storage that is opened, recognised, or refused.

Optuna loads an existing study under the same name whatever its direction, space or objective were. Here every study
carries a fingerprint of what defines its values, and another one is refused with the difference.
"""

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hvdgan.config import Config
from hvdgan.errors import UsageError
from hvdgan.study import space

DIRECTION = "minimize"
_FINGERPRINT = "hvdgan:fingerprint"
_STUDY_KEYS = ("objective", "ranks_per_trial", "folds", "fold_mode")
_NOT_THE_OBJECTIVE = ("training.checkpoint", "training.metric_every", "training.stall_timeout")


def locate(config: Config, directory: Path) -> tuple[str, str]:
    """Return the storage URL and the study's name.

    Args:
        config: `study.storage` may name any Optuna storage; then the study is called like the run directory.
        directory: The run directory; holds a SQLite file by default.
    """
    if config.study.storage is None:
        return f"sqlite:///{directory.resolve() / 'study.db'}", "hvdgan"
    return config.study.storage, directory.resolve().name


def fingerprint(config: Config) -> dict[str, Any]:
    """Return what makes two trials comparable: direction, space, and all keys that define the objective."""
    content = config.model_dump()
    objective = {
        **_flatten({key: content[key] for key in ("data", "gan", "training")}),
        **{f"study.{key}": content["study"][key] for key in _STUDY_KEYS},
    }
    ignored = (*config.study.space, *_NOT_THE_OBJECTIVE)
    kept = {name: value for name, value in objective.items() if not _lies_in(name, ignored)}
    return {"direction": DIRECTION, "space": space.describe(config.study.space), "objective": kept}


def open_study(config: Config, directory: Path, resume: bool) -> Any:
    """Create the study of a run directory, or open it again. The sampler is set by the ledger.

    Raises:
        UsageError: The storage cannot be opened; it holds trials and `resume` is False; there is nothing to resume;
            or it belongs to another search (says what differs).
    """
    import optuna

    silence()
    url, name = locate(config, directory)
    with _explained(url):
        known = name in optuna.get_all_study_names(url)
        if resume and not known:
            raise UsageError(f"{_hide_password(url)} holds no study {name!r} to resume; start it without --resume")
        study = optuna.create_study(storage=url, study_name=name, direction=DIRECTION, load_if_exists=True)
        held = len(study.get_trials(deepcopy=False))
        if held and not resume:
            raise UsageError(
                f"{_hide_password(url)} already holds study {name!r} with {held} trials; "
                "continue it with --resume, or choose another run directory"
            )
        _recognise(study, fingerprint(config), held)
    return study


def load_study(config: Config, directory: Path) -> Any:
    """Open an existing study to look at it.

    Raises:
        UsageError: There is none, or the storage cannot be opened.
    """
    import optuna

    silence()
    url, name = locate(config, directory)
    with _explained(url):
        if name not in optuna.get_all_study_names(url):
            raise UsageError(
                f"{_hide_password(url)} holds no study {name!r}; was `hvdgan study` started with this run directory?"
            )
        return optuna.load_study(storage=url, study_name=name)


def silence() -> None:
    """Let Optuna log warnings and errors only; a level that the user set for its logger stays."""
    import optuna

    if logging.getLogger("optuna").level == logging.INFO:
        optuna.logging.set_verbosity(optuna.logging.WARNING)


def differences(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
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


def _recognise(study: Any, wanted: dict[str, Any], held: int) -> None:
    """Sign a study without trials; compare the signature of one that has some."""
    if not held:
        study.set_user_attr(_FINGERPRINT, wanted)
        return
    lines = differences(study.user_attrs.get(_FINGERPRINT, {}), wanted)
    if study.direction.name.lower() != DIRECTION:
        lines.append(f"direction: stored {study.direction.name.lower()}, now {DIRECTION}")
    if lines:
        raise UsageError(
            "the stored study is another search, its trials cannot be compared with new ones:\n"
            + "\n".join(f"  {line}" for line in lines)
            + "\nset these keys back, or start a new run directory"
        )


def _lies_in(name: str, sections: tuple[str, ...]) -> bool:
    """Tell whether a dotted name is one of some sections, or inside one.

    >>> _lies_in("gan.weights.ecal", ("gan.weights",)), _lies_in("gan.weights_too", ("gan.weights",))
    (True, False)
    """
    return any(name == section or name.startswith(f"{section}.") for section in sections)


def _hide_password(url: str) -> str:
    """Return a storage URL that can be shown.

    >>> _hide_password("postgresql://ann:secret@host/db")
    'postgresql://ann:***@host/db'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _flatten(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn the errors of a storage into one of ours that names it."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"study.storage: cannot open {_hide_password(url)}: {reason}; give an Optuna storage URL such as sqlite:////folder/study.db"
        ) from None
