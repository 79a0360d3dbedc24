"""`hvdgan bench step`: what a training step of one process takes, and how much of the processor it uses."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import yaml

from hvdgan.backends import load as load_backend
from hvdgan.backends.interface import Batch, Draw, GanSpec
from hvdgan.bench.emulation import PUBLISHED
from hvdgan.bench.operations import count_step
from hvdgan.bench.records import StepRecord, append, environment
from hvdgan.bench.step import ROWS, Figures, measure
from hvdgan.calo.shower import Showers
from hvdgan.config import Config, load
from hvdgan.data.stream import stream
from hvdgan.errors import UsageError
from hvdgan.files import write_atomically
from hvdgan.launch import count_cores
from hvdgan.parallel.launcher import launcher
from hvdgan.parallel.ring import SoloRing
from hvdgan.parallel.world import SoloWorld
from hvdgan.report.tables import Table
from hvdgan.run.bench import check_out
from hvdgan.run.build import check_data, check_model, make_spec, opened, plan_course
from hvdgan.run.measured import tabulate_step
from hvdgan.run.processes import open_pinned_ring
from hvdgan.run.request import read_request
from hvdgan.run.simulate import Order, write_files
from hvdgan.training.course import Course
from hvdgan.training.draws import draw

BATCH = 16
"""Events of a step where no configuration says how many."""


class Feed:
    """Gives batches and draws of a training without end.

    Args:
        config: The configuration.
        course: The events.
        spec: What the networks are built from.
        passes: How often a step runs the generator.
    """

    def __init__(self, config: Config, course: Course, spec: GanSpec, passes: int) -> None:
        self._config, self._course, self._spec, self._passes = config, course, spec, passes
        self._batches = self._read()

    def __call__(self, number: int) -> tuple[Batch, Draw]:
        """Return what a step gets."""
        batch, settings = self._course.batch(next(self._batches)), self._config.training
        noise = draw(
            settings.seed, number, 0, len(batch), self._spec.latent_size, passes=self._passes,
            classes=len(self._course.particles), energies=self._course.energies, label_flip=settings.label_flip,
        )  # fmt: skip
        return batch, noise

    def close(self) -> None:
        """End the reading thread."""
        self._batches.close()

    def _read(self) -> Iterator[Showers]:
        """Yield the batches of one epoch after the other."""
        settings, epoch = self._config.training, 0
        while True:
            size = settings.batch_size
            shard = (self._course.files, self._course.train, 0, 1, size, settings.seed, epoch, settings.shuffle_block)
            with stream(*shard) as batches:
                yield from batches
            epoch += 1


def bench_step(
    file: Path | None, backend: str | None, settings: Sequence[str], steps: int, repeats: int, out: Path
) -> Table:
    """Time steps of one process, append the record and return a table.

    Args:
        file: The configuration; None trains the published 3DGAN on simulated showers.
        backend: Framework; None is the configuration's.
        settings: `dotted.name=value` texts that override it.
        steps: In a row.
        repeats: How often whole steps, their parts and products of matrices have their turn.
        out: File that gets the record.

    Raises:
        UsageError: A launcher started this process, or the configuration cannot be trained.
    """
    if launcher(os.environ) != "none":
        raise UsageError("`hvdgan bench step` measures one process: run it without a launcher")
    check_out(out)
    settings = [*settings, *([f"gan.backend={backend}"] if backend else [])]
    with TemporaryDirectory(prefix="hvdgan-bench-") as folder:
        config = read_request(file, settings) if file else simulate(Path(folder), PUBLISHED, 8 * BATCH, settings)
        check_model(config)
        check_data(config, 1, None)
        record = _measure(config, load_backend(config.gan.backend), steps, repeats)
    append(out, [record], environment(count_cores()), repeats)
    return tabulate_step(record, out)


def simulate(
    folder: Path,
    grid: tuple[int, int, int],
    events: int,
    settings: Sequence[str],
    classes: tuple[str, ...] = ("electron",),
    batch: int = BATCH,
) -> Config:
    """Simulate showers, and return the configuration of one epoch with them.

    Args:
        folder: Where showers and configuration go.
        grid: Cells.
        events: To train on; as many are held out.
        settings: `dotted.name=value` texts that override the configuration.
        classes: Of the particles.
        batch: Events per rank and step.
    """
    showers = Order(folder / "data", 1, 2 * events, (10.0, 500.0), classes, 0, hcal=False)
    write_files(showers, None, grid, SoloWorld(), lambda path, count: None)
    content = {
        "data": {"files": [str(showers.path(0))], "validation": 0.5, "validation_events": 256},
        "training": {"epochs": 1, "batch_size": batch},
    }
    path = folder / "simulated.yaml"
    write_atomically(path, yaml.safe_dump(content))
    return load(path, list(settings))


def _measure(config: Config, backend: ModuleType, steps: int, repeats: int) -> StepRecord:
    """Measure and count what a step does."""
    with open_pinned_ring(config, backend, SoloWorld()) as ring, opened(config, ring) as files:
        course = plan_course(config, files, None)
        calibration = course.calibrate(ring, config.gan.template)
        spec = make_spec(config, files.image_shape, course.particles, calibration, course.angles)
        with closing(backend.Gan(spec, SoloRing())) as gan:
            passes = gan.passes
        with closing(Feed(config, course, spec, passes)) as feed:
            multiply = backend.multiply(ROWS, spec.precision)
            figures = measure(lambda: backend.Gan(spec, SoloRing()), feed, multiply, steps, repeats)
    return describe(config, spec, figures)


def describe(config: Config, spec: GanSpec, figures: Figures) -> StepRecord:
    """Return the record of a measurement."""
    batch, peak = config.training.batch_size, 2 * ROWS**3 / figures.product / 1e9
    counted = count_step(spec.model, spec.image_shape, spec.latent_size, spec.model_args, len(spec.particles))
    gflops = batch * counted / figures.seconds / 1e9 if counted else None
    return StepRecord(
        config.gan.backend, spec.model, spec.precision, spec.image_shape, batch, figures.seconds, figures.spread,
        batch / figures.seconds, gflops, peak, gflops / peak if gflops else None, dict(figures.phases),
        figures.jitter,
    )  # fmt: skip
