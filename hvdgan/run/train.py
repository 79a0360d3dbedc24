"""`hvdgan train`: one training on all ranks of the job."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hvdgan.backends import load
from hvdgan.config import Config
from hvdgan.errors import EXIT_DONE, EXIT_FAILED, EXIT_LOSSES, EXIT_PREEMPTED, RingBrokenError
from hvdgan.files import append_json_line, read_json_lines, write_atomically
from hvdgan.log import log_to, logger
from hvdgan.parallel.agreement import everywhere, gather_texts, lead, together
from hvdgan.parallel.exchange import Exchange
from hvdgan.parallel.horovod_start import count_ranks
from hvdgan.parallel.launcher import check_one_world, survives_losses
from hvdgan.parallel.ring import Ring
from hvdgan.parallel.topology import ring_size
from hvdgan.parallel.watchdog import BITES, Watchdog
from hvdgan.parallel.world import World, leave_at_once
from hvdgan.report.live import training_line
from hvdgan.run.build import check_angles, check_data, check_model, train_once, try_model
from hvdgan.run.directory import RunDirectory, create, reopen
from hvdgan.run.processes import check_horovod, nesting_of, open_pinned_cell
from hvdgan.training.checkpoint import Saved, has_checkpoint, load_checkpoint
from hvdgan.training.interrupt import Interrupt
from hvdgan.training.loop import PREEMPT, Hooks, Result
from hvdgan.verdict import read_verdict, write_verdict

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
    job = Job(config, RunDirectory(path), resume, world, told)
    if config.training.replicas == 1:
        return job.run()
    if config.training.exchange.tolerate_loss:
        return _run_tolerantly(job)
    with ExitStack() as stack:

        def run() -> int:
            try:
                return job.run()
            finally:  # nobody waits for ever for a rank that was killed
                stack.enter_context(Watchdog(BITES * config.training.stall_timeout))

        return everywhere(world, run)[0]


def _run_tolerantly(job: "Job") -> int:
    """Train, and leave alone if this replica fails: the others go on."""
    try:
        return job.run()
    except Exception as error:
        sys.stderr.write(f"hvdgan: rank {job.world.rank} leaves, and the other replicas go on: {error}\n")
        if survives_losses(os.environ):
            leave_at_once(EXIT_LOSSES)
        return EXIT_LOSSES


@dataclass(frozen=True)
class Job:
    """A training on the processes of one job; see `train`."""

    config: Config
    directory: RunDirectory
    resume: bool
    world: World
    told: Callable[[Row], None]

    def run(self) -> int:
        """Train, and return the exit code. Collective."""
        with open_pinned_cell(self.config, load(self.config.gan.backend), self.world) as (ring, exchange):
            together(ring, lambda: try_model(self.config))
            hosts = self._open(ring, exchange)
            try:
                with log_to(self.directory.log) if ring.rank == 0 else nullcontext():
                    logger.info("%s training on %s", "resumed" if self.resume else "new", ", ".join(hosts))
                    result = self._train(ring, exchange)
            except Exception as error:
                self._explain(error, ring)
                raise
            return self._conclude(result, ring, exchange)

    def _open(self, ring: Ring, exchange: Exchange) -> list[str]:
        """Make or reopen the run directory, for all replicas; return the host of every rank."""
        hosts, path = gather_texts(ring, self.world.hosts[self.world.rank]), self.directory.path
        if exchange.replicas > 1:
            hosts = list(self.world.hosts)

        def make() -> None:
            lead(ring, lambda: str((reopen(path) if self.resume else create(path, self.config, hosts)).path))

        everywhere(self.world, lambda: make() if exchange.leads else None)
        return hosts

    def _train(self, ring: Ring, exchange: Exchange) -> Result:
        """Train with signals, watchdog and metrics tied to the loop."""

        def record(row: Row) -> None:
            append_json_line(self.directory.metrics, row)
            logger.info(training_line(row, self.config.training.epochs))
            self.told(row)

        saved = together(ring, lambda: self._last_state(exchange) if self.resume and ring.rank == 0 else None)
        with Interrupt() as interrupt, Watchdog(BITES * self.config.training.stall_timeout) as watchdog:
            hooks = Hooks(lambda: PREEMPT * interrupt.wanted, record, watchdog.beat)
            checkpoints = self.directory.checkpoints
            return train_once(self.config, ring, checkpoints, hooks, saved=saved, exchange=exchange)

    def _last_state(self, exchange: Exchange) -> Saved | None:
        """Return the latest checkpoint, if there is one; where it is judged, forget metrics recorded after it."""
        saved = load_checkpoint(self.directory.checkpoints) if has_checkpoint(self.directory.checkpoints) else None
        if exchange.leads:
            _forget(self.directory.metrics, saved)
        return saved

    def _explain(self, error: Exception, ring: Ring) -> None:
        """Store the verdict of a training that failed, on rank 0; that of a ring that failed first remains."""
        first = not isinstance(error, RingBrokenError) or read_verdict(self.directory.path) is None
        if ring.rank == 0 and first:
            code = getattr(error, "exit_code", EXIT_FAILED)
            write_verdict(self.directory.path, code, f"{type(error).__name__}: {error}")

    def _conclude(self, result: Result, ring: Ring, exchange: Exchange) -> int:
        """Store the verdict, on rank 0 where the training was judged, and return its code.

        Where a replica was lost for which nobody should wait, this is the end of the process.
        """
        missing, lost = exchange.missing(), exchange.lost()
        code, message = CODES[result.ending], ""
        if missing and code == EXIT_DONE:
            names = ", ".join(map(str, missing))
            code, message = EXIT_LOSSES, f"done without replica {names}, which failed or was lost on the way"
        if exchange.leads and ring.rank == 0:
            write_verdict(self.directory.path, code, message)
        if lost:
            exchange.finish()
            leave_at_once(code)
        return code


def _forget(metrics: Path, saved: Saved | None) -> None:
    """Forget the metrics that were recorded after a checkpoint; all where there is none."""
    if saved is None:
        metrics.unlink(missing_ok=True)
        return
    kept = [row for row in read_json_lines(metrics) if row["steps"] <= saved.manifest["step"]]
    write_atomically(metrics, "".join(json.dumps(row) + "\n" for row in kept))


def refuse(config: Config, size: int) -> None:
    """Refuse, before any work, replicas, data or a model that cannot serve so many ranks."""
    nesting = nesting_of(config)
    if nesting.replicas > 1:
        check_one_world(os.environ, "train")
    models = ring_size(size, nesting)
    check_data(config, models * nesting.replicas, None)
    check_model(config)
    check_angles(config)
    check_horovod(config, models * nesting.shards)
