"""Devices: one training process per GPU, or none on any; pure arithmetic."""

from collections import Counter
from collections.abc import Mapping, Sequence

from hvdgan.errors import UsageError


def assign_devices(hosts: Sequence[str], gpus: Mapping[str, int]) -> list[int | None]:
    """Give every training rank a GPU of its own.

    Horovod's local rank is no help here: inside a group it counts the group's ranks only, and two groups on one host
    would share a GPU.

    Args:
        hosts: Name of the host of every training rank of the job, in the order of ranks; no coordinator.
        gpus: Number of GPUs of every host that trains.

    Returns:
        Number of the GPU on its host for every training rank, or None for all when no host has any.

    Raises:
        UsageError: A host has more training ranks than GPUs, or only some of the hosts have GPUs.

    >>> assign_devices(["a", "a", "b"], {"a": 2, "b": 4})
    [0, 1, 0]
    >>> assign_devices(["a", "a"], {"a": 0})
    [None, None]
    """
    ranks = Counter(hosts)
    if not any(gpus[host] for host in ranks):
        return [None] * len(hosts)
    for host, count in ranks.items():
        if count > gpus[host]:
            raise UsageError(
                f"host {host} has {count} training ranks and {_plural(gpus[host])}, but each needs one of its own; "
                f"start at most {gpus[host]} training ranks there, or set CUDA_VISIBLE_DEVICES= to train without GPUs"
            )
    used: Counter[str] = Counter()
    devices: list[int | None] = []
    for host in hosts:
        devices.append(used[host])
        used[host] += 1
    return devices


def _plural(count: int) -> str:
    """Return a count of GPUs in words."""
    return f"{count or 'no'} GPU{'' if count == 1 else 's'}"
