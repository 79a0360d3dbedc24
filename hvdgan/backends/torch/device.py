"""Where networks live: one device for the whole process, chosen before a Gan is built."""

import torch

from hvdgan.errors import ConfigError

_chosen = torch.device("cpu")


def use_device(index: int | None) -> None:
    """Choose the device of the Gans built from now on.

    Args:
        index: Number of a GPU of this host, or None for the processor.

    Raises:
        ConfigError: There is no such GPU.
    """
    global _chosen
    if index is None:
        _chosen = torch.device("cpu")
        return
    available = torch.cuda.device_count()
    if not 0 <= index < available:
        raise ConfigError(
            f"torch sees {available} GPUs on this host: there is no number {index}; None uses the processor"
        )
    torch.cuda.set_device(index)
    _chosen = torch.device("cuda", index)


def count_devices() -> int:
    """Return the number of GPUs torch sees on this host."""
    return torch.cuda.device_count()


def peak_memory() -> int:
    """Return the most bytes of the chosen GPU that this process took so far; 0 on the processor."""
    return torch.cuda.max_memory_reserved(_chosen) if _chosen.type == "cuda" else 0


def chosen_device() -> torch.device:
    """Return the device that `use_device` chose; the processor before the first call."""
    return _chosen


def seed(number: int) -> None:
    """Seed torch's global random generators on every device."""
    torch.manual_seed(number)
