"""What the words of `train` and `study` ask for: a configuration and a run directory, new or to go on with."""

from pathlib import Path

from hvdgan.backends.resolve import find_folder, is_own
from hvdgan.config import Config, load
from hvdgan.errors import ConfigError, UsageError
from hvdgan.run.directory import read_config


def request_run(
    file: Path | None,
    out: Path | None,
    settings: list[str] | None,
    resume: Path | None,
    aliases: dict[str, int | None] | None = None,
) -> tuple[Config, Path]:
    """Return the configuration and the run directory that the words of a verb ask for.

    Raises:
        UsageError: A configuration and --resume, or neither.
        ConfigError: The configuration is not legal.
    """
    given = {name: value for name, value in (aliases or {}).items() if value is not None}
    if (file is None) == (resume is None):
        raise UsageError("give a CONFIG to start a run, or --resume RUN to go on with one")
    if resume is not None:
        return _resumed(resume, out, settings, given)
    config = read_request(file, settings)
    return (config.replace(given) if given else config), out or Path("runs") / file.stem


def read_request(file: Path, settings: list[str] | None) -> Config:
    """Read a configuration, and note in it where models of the user's own lie: a run is generated from anywhere.

    Raises:
        ConfigError: The configuration is not legal, or a model's module is not where it says, or in two places.
    """
    config = load(file, settings)
    given, own = config.gan.model_path, [model for model in list_models(config) if is_own(model)]
    places = [Path.cwd(), file.parent] if given is None else [Path(given)]
    found = {model: find_folder(model, places) for model in own}
    if given is not None and None in found.values():
        raise ConfigError(f"gan.model_path: {given} does not hold the modules of {', '.join(own)}")
    if len(set(found.values())) > 1:
        raise ConfigError(f"gan.model: {', '.join(own)} lie in different folders; bring them into one")
    folder = next(iter(found.values()), None)
    return config.replace({"gan.model_path": str(folder)}) if folder else config


def list_models(config: Config) -> list[str]:
    """Return the models that a configuration can train: its own, and those that its space chooses from."""
    chosen = config.study.space.get("gan.model")
    return list(dict.fromkeys([config.gan.model, *(map(str, chosen.ends()) if chosen else [])]))


def _resumed(run: Path, out: Path | None, settings: list[str] | None, given: dict[str, int]) -> tuple[Config, Path]:
    """Return the configuration of a run directory and its path; only the total of trials may change."""
    if out is not None or settings or given.keys() - {"study.trials"}:
        raise UsageError("--resume goes on with a run as it is; beside it only --trials may be given")
    config = read_config(run)
    return (config.replace(given) if given else config), run
