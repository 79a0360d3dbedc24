"""What the user asked for, and what an earlier set-up was asked for."""

import argparse
from dataclasses import asdict, dataclass
from typing import Any

from installation.problems import SetupError

FRAMEWORKS = ("torch", "keras")


@dataclass(frozen=True)
class Options:
    """What to install."""

    frameworks: tuple[str, ...] = FRAMEWORKS
    """What Horovod is built for; torch itself is always installed."""
    system_mpi: bool = False
    """Use the MPI on the PATH instead of the one that pip installs."""
    gpu: bool = False
    """CUDA builds of the frameworks, NCCL in Horovod."""

    @property
    def keras(self) -> bool:
        """Whether TensorFlow is installed."""
        return "keras" in self.frameworks

    @property
    def cuda_torch(self) -> bool:
        """Whether torch is the CUDA build."""
        return self.gpu and "torch" in self.frameworks

    def content(self) -> dict[str, Any]:
        """Return the options as JSON knows them."""
        return {**asdict(self), "frameworks": list(self.frameworks)}


def frameworks(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of frameworks.

    Raises:
        argparse.ArgumentTypeError: A name is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FRAMEWORKS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text!r}: write torch, keras or torch,keras")
    return tuple(name for name in FRAMEWORKS if name in names)


def read(words: list[str], earlier: dict[str, Any] | None = None) -> Options:
    """Return the options of a command line; what it does not mention stays as it was.

    Args:
        words: The command line.
        earlier: The options of the environment that exists, as `Options.content` gives them.

    Raises:
        SetupError: The options cannot be had together.
    """
    given = {name: value for name, value in vars(parser().parse_args(words)).items() if value is not None}
    alone = {"frameworks": ("torch",)} if given.get("gpu") and not (earlier or {}).get("gpu") else {}
    options = remember({**(earlier or {}), **alone, **given})
    if options.gpu and len(options.frameworks) > 1:
        raise SetupError(
            "--gpu serves one framework at a time, because the CUDA builds of torch and TensorFlow bring different "
            "releases of CUDA and NCCL: write --gpu --frameworks torch or --gpu --frameworks keras"
        )
    return options


def parser() -> argparse.ArgumentParser:
    """Return the command line of scripts/setup."""
    result = argparse.ArgumentParser(
        prog="scripts/setup",
        description="Make .venv with everything hvdgan needs, Horovod included. Options that are not given stay as "
        "they were at the last set-up.",
    )
    result.add_argument(
        "--frameworks", type=frameworks, metavar="torch,keras", help="what Horovod is built for (default: torch,keras)"
    )
    result.add_argument(
        "--system-mpi", action=argparse.BooleanOptionalAction, help="use the MPI on the PATH (default: one from pip)"
    )
    result.add_argument(
        "--gpu",
        action=argparse.BooleanOptionalAction,
        help="CUDA build of one framework (default: torch), all-reduce over NCCL; default: CPU",
    )
    return result


def remember(content: dict[str, Any]) -> Options:
    """Build options from plain content.

    Raises:
        SetupError: The content is not what `Options.content` wrote.
    """
    try:
        options = Options(**content)
        return Options(tuple(options.frameworks), bool(options.system_mpi), bool(options.gpu))
    except TypeError as error:
        raise SetupError(
            f"the record of the last set-up is not readable ({error}): delete .venv and run again"
        ) from None
