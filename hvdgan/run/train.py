"""`hvdgan train`: one training on all ranks of the job."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hvdgan.backends import load
from hvdgan.config import Config
from hvdgan.errors import EXIT_DONE, EXIT_FAILED, EXIT_PREEMPTED
from hvdgan.files import append_json_line, read_json_lines, write_atomically
from hvdgan.log import log_to, logger
from hvdgan.parallel.agreement import gather_texts, lead, together
from hvdgan.parallel.horovod_start import count_ranks
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.watchdog import BITES, Watchdog
from hvdgan.parallel.world import World
from hvdgan.report.live import training_line
from hvdgan.run.build import check_data, check_model, train_once, try_model
from hvdgan.run.directory import RunDirectory, create, reopen
from hvdgan.run.processes import check_horovod, open_pinned_ring
from hvdgan.training.checkpoint import Saved, has_checkpoint, load_checkpoint
from hvdgan.training.interrupt import Interrupt
from hvdgan.training.loop import PREEMPT, Hooks, Result
from hvdgan.verdict import write_verdict

CODES = {"done": EXIT_DONE, "preempted": EXIT_PREEMPTED, "stopped": EXIT_FAILED}

Row = dict[str, Any]


def train(config: Config, path: Path, resume: bool, world: World, told: Callable[[Row], None]) -> int:
    """Train on all ranks and return the exit code.

    Args:
        config: The configuration.
        path: The run directory.
        resume: Go on with the run in the directory instead of making it.
        world: The processes of the job.
        told: Takes every line of metrics, on rank 0.

    Raises:
        HvdganError: Something the message explains, the same on every rank; the verdict is written.
    """
    world.agree(lambda: refuse(config, count_ranks(world)))
    with open_pinned_ring(config, load(config.gan.backend), world) as ring:
        together(ring, lambda: try_model(config))
        hosts = gather_texts(ring, world.hosts[world.rank])
        lead(ring, lambda: str((reopen(path) if resume else create(path, config, hosts)).path))
        directory = RunDirectory(path)
        try:
            with log_to(directory.log) if ring.rank == 0 else nullcontext():
                logger.info("%s training on %s", "resumed" if resume else "new", ", ".join(hosts))
                result = _train(config, directory, resume, ring, told)
        except Exception as error:
            _conclude(ring, path, getattr(error, "exit_code", EXIT_FAILED), f"{type(error).__name__}: {error}")
            raise
        code = CODES[result.ending]
        _conclude(ring, path, code)
        return code


def refuse(config: Config, size: int) -> None:
    """Refuse, before any work, data or a model that cannot serve a ring of some ranks."""
    check_data(config, size, None)
    check_model(config)
    check_horovod(config, size)


def _train(config: Config, directory: RunDirectory, resume: bool, ring: Ring, told: Callable[[Row], None]) -> Result:
    """Train with signals, watchdog and metrics tied to the loop."""

    def record(row: Row) -> None:
        append_json_line(directory.metrics, row)
        logger.info(training_line(row, config.training.epochs))
        told(row)

    saved = together(ring, lambda: _last_state(directory) if resume and ring.rank == 0 else None)
    with Interrupt() as interrupt, Watchdog(BITES * config.training.stall_timeout) as watchdog:
        hooks = Hooks(lambda: PREEMPT * interrupt.wanted, record, watchdog.beat)
        return train_once(config, ring, directory.checkpoints, hooks, saved=saved)


def _last_state(directory: RunDirectory) -> Saved | None:
    """Return the latest checkpoint, if there is one, and forget metrics that were recorded after it."""
    if not has_checkpoint(directory.checkpoints):
        directory.metrics.unlink(missing_ok=True)
        return None
    saved = load_checkpoint(directory.checkpoints)
    kept = [row for row in read_json_lines(directory.metrics) if row["steps"] <= saved.manifest["step"]]
    write_atomically(directory.metrics, "".join(json.dumps(row) + "\n" for row in kept))
    return saved


def _conclude(ring: Ring, path: Path, code: int, message: str = "") -> None:
    """Store the verdict, on rank 0."""
    if ring.rank == 0:
        write_verdict(path, code, message)
