"""How Horovod averages: what of it can be chosen, and how it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FUSION, CYCLE = "HOROVOD_FUSION_THRESHOLD", "HOROVOD_CYCLE_TIME"


@dataclass(frozen=True)
class Tuning:
    """What of the averaging of gradients is chosen; None leaves it to Horovod.

    Args:
        fusion_threshold: Most bytes of gradients that are averaged in one go; 0 averages each alone.
        cycle_time: Milliseconds between looks for gradients to average.
        compression: Type in which gradients travel; "none" is their own.
    """

    fusion_threshold: int | None = None
    cycle_time: float | None = None
    compression: Literal["none", "fp16"] = "none"

    def settings(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that tell Horovod; those that are set already have the last word.

        >>> Tuning(cycle_time=0.5, fusion_threshold=0).settings({"HOROVOD_CYCLE_TIME": "3"})
        {'HOROVOD_FUSION_THRESHOLD': '0'}
        """
        chosen = {FUSION: self.fusion_threshold, CYCLE: self.cycle_time}
        return {name: f"{value:g}" if name == CYCLE else str(value) for name, value in chosen.items()
                if value is not None and name not in environ}  # fmt: skip


UNTUNED = Tuning()
"""Everything as Horovod does it."""
