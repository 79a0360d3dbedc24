"""`hvdgan bench scaling`: starts trainings on more and more ranks, in turn, and says what the ranks bring."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import hvdgan
from hvdgan.bench.emulation import PUBLISHED
from hvdgan.bench.jobs import run_job
from hvdgan.bench.records import append, environment
from hvdgan.bench.ring import Place
from hvdgan.bench.scaling import Point, Sample, Samples, Subject, plan, read_steps, refuse, summarise
from hvdgan.config import Config
from hvdgan.errors import MissingDependencyError, UsageError
from hvdgan.files import read_json_lines, write_atomically
from hvdgan.launch import count_cores
from hvdgan.parallel.launcher import launcher
from hvdgan.report.tables import Table
from hvdgan.run.bench import check_out, configure
from hvdgan.run.build import check_model, open_data
from hvdgan.run.measured import tabulate_scaling
from hvdgan.run.processes import check_horovod
from hvdgan.run.request import read_request
from hvdgan.run.stepping import simulate

PROGRAMS = Path(hvdgan.__file__).parents[1] / "scripts" / "benchmarks"

CONTROLS = {name: PROGRAMS / name for name in ("ddp", "apart")}
"""Programs that train the same without hvdgan's rings; they belong to the repository, not to the package."""

CLASSES = ("electron", "photon", "charged_hadron", "neutral_hadron")
"""What is simulated to train on."""


BATCH, STEPS = 4, 8
"""Events per rank and step, and steps of the most ranks, where nothing says otherwise."""


@dataclass(frozen=True)
class Order:
    """What to measure.

    Args:
        ranks: Numbers of ranks.
        modes: "weak", "strong" or both; not looked at where computing is emulated.
        batch: Events per rank and step, of the fewest ranks where the mode is strong; None is the configuration's,
            or `BATCH`.
        steps: Of the most ranks where the mode is weak, in which all trainings see the same simulated showers; None is
            `STEPS`, or whole epochs of a configuration's events.
        grid: Cells of the simulated showers; None is the published ones, or those of a configuration's events.
        repeats: How often every point has its turn.
        compute: Seconds that a step sleeps instead of computing; None trains.
        controls: Names of what to compare with.
        backend: Framework; None is the configuration's.
        transport: "mpi" or "gloo".
        threads: Of every rank.
        oversubscribe: Let ranks share cores.
        timeout: Seconds after which a job counts as hung.
    """

    ranks: tuple[int, ...]
    modes: tuple[str, ...] = ("weak", "strong")
    batch: int | None = None
    steps: int | None = None
    grid: tuple[int, int, int] | None = None
    repeats: int = 3
    compute: float | None = None
    controls: tuple[str, ...] = ()
    backend: str | None = None
    transport: str = "mpi"
    threads: int = 1
    oversubscribe: bool = False
    timeout: float = 900.0

    def points(self) -> list[Point]:
        """Return what is measured, in turn."""
        if self.compute is not None:
            return plan(["emulated"], self.ranks, 0, [None])
        return plan(self.modes, self.ranks, self.batch or BATCH, [None, *self.controls])


def sort_words(words: Sequence[str], ranks: Sequence[int]) -> tuple[Path | None, tuple[int, ...]]:
    """Tell a configuration from numbers of ranks that follow the first one.

    Args:
        words: Of the command line, in any order.
        ranks: Numbers that were given by name.

    Raises:
        UsageError: More than one word is no number.

    >>> sort_words(["2", "first.yaml", "4"], [1])
    (PosixPath('first.yaml'), (1, 2, 4))
    """
    files = [word for word in words if not word.isdigit()]
    if len(files) > 1:
        raise UsageError(f"give one CONFIG and numbers of ranks (--ranks 1 2 4); given: {' '.join(files)}")
    numbers = (*ranks, *(int(word) for word in words if word.isdigit()))
    return Path(files[0]) if files else None, numbers or (1, 2)


def bench_scaling(
    order: Order, config: Path | None, settings: Sequence[str], out: Path, told: Callable[[str], None]
) -> Table:
    """Run all points as often as asked, in turn, append their records and return a table.

    Args:
        order: What to measure.
        config: The configuration of the training; None trains 3DGAN on simulated showers of four classes.
        settings: `dotted.name=value` texts that override it.
        out: File that gets the records.
        told: Takes a line on every job that has ended.

    Raises:
        UsageError: Something cannot be measured here; says what can.
        HvdganError: A job failed.
    """
    order = settle(order, config, settings)
    _refuse(order, count_cores(), out)
    with TemporaryDirectory(prefix="hvdgan-bench-") as folder:
        measure = _train if order.compute is None else _emulate
        samples, subject = measure(order, config, settings, Path(folder), told)
    place = Place(order.transport, order.backend)
    records = list(summarise(samples, place, subject))
    append(out, records, environment(count_cores(), str(order.threads)), order.repeats)
    return tabulate_scaling(records, out)


def settle(order: Order, file: Path | None, settings: Sequence[str]) -> Order:
    """Return an order that says everything: what is not given is the configuration's, or a default.

    Raises:
        UsageError: Simulated showers are asked for beside a configuration, or anything real beside emulated computing.
        ConfigError: The configuration is not legal.
    """
    if order.compute is not None and (file or order.batch or order.grid or order.transport == "gloo"):
        raise UsageError("--emulate-compute takes 3DGAN over MPI: leave CONFIG, --batch, --grid and --transport out")
    if file is None:
        return replace(
            order, steps=order.steps or STEPS, grid=order.grid or PUBLISHED, backend=order.backend or "torch"
        )
    if order.steps or order.grid:
        raise UsageError(f"{file} has events of its own: leave --steps and --grid, which are of simulated ones, out")
    config = read_request(file, list(settings))
    batch, backend = order.batch or config.training.batch_size, order.backend or config.gan.backend
    return replace(order, batch=batch, backend=backend)


def _refuse(order: Order, cores: int, out: Path) -> None:
    """Refuse what cannot be measured, before any work."""
    if launcher(os.environ) != "none":
        raise UsageError("`hvdgan bench scaling` starts its jobs itself: run it once, without a launcher")
    check_out(out)
    order.points()
    if order.compute is None:
        refuse(max(order.ranks), order.threads, cores, order.oversubscribe)
    elif order.controls:
        raise UsageError("--control compares real training; leave it or --emulate-compute out")
    for control in order.controls:
        if control not in CONTROLS:
            raise UsageError(f"--control {control}: choose from {', '.join(CONTROLS)}")
        if (control == "ddp" and order.backend != "torch") or not CONTROLS[control].exists():
            raise UsageError(
                f"--control {control} compares {'--backend torch' if control == 'ddp' else 'training'} with "
                f"{CONTROLS[control]}, a script of hvdgan's repository; run it from a clone"
            )


def _train(
    order: Order, file: Path | None, settings: Sequence[str], folder: Path, told: Callable[[str], None]
) -> tuple[Samples, Subject]:
    """Train all points in turn, a job each; return what they gave, and what was trained."""
    settings, points = [*settings, f"gan.backend={order.backend}"], order.points()
    config = read_request(file, settings) if file else _simulate(order, settings, folder)
    check_model(config)
    check_horovod(config, max(order.ranks))
    with open_data(config) as files:
        subject = Subject(config.gan.model, files.image_shape, None, count_cores())
    samples: dict[Point, list[Sample]] = {point: [] for point in points}
    for repeat in range(order.repeats):
        for number, point in enumerate(points):
            samples[point].append(_train_once(order, config, point, folder / f"{repeat}-{number}"))
            told(_line(point, samples[point][-1], f"{repeat + 1}/{order.repeats}"))
    return samples, subject


def _simulate(order: Order, settings: Sequence[str], folder: Path) -> Config:
    """Simulate as many showers as the most ranks see in their steps."""
    batch, steps = order.batch or BATCH, order.steps or STEPS
    return simulate(folder, order.grid or PUBLISHED, steps * batch * max(order.ranks), settings, CLASSES, batch)


def _train_once(order: Order, config: Config, point: Point, folder: Path) -> Sample:
    """Train as a user would, in a folder to make, and read the lines of metrics."""
    folder.mkdir()
    file, metrics = folder / "config.yaml", folder / "run" / "metrics.jsonl"
    changes = {"training.batch_size": point.batch, "training.metric_every": 1}
    write_atomically(file, config.replace(changes).dump())
    if point.control:
        (folder / "run").mkdir()
        words = [str(CONTROLS[point.control]), str(point.ranks), str(file), str(metrics)]
    else:
        verb = ["train", str(file), "--out", str(folder / "run"), "--live", "off"]
        words = command(point.ranks, order.transport, verb)
    _run(words, order)
    return read_steps(read_json_lines(metrics), point.ranks, point.batch)


def _emulate(
    order: Order, file: Path | None, settings: Sequence[str], folder: Path, told: Callable[[str], None]
) -> tuple[Samples, Subject]:
    """Emulate all points in one job of the most ranks, in which their rings take turns within seconds."""
    check_horovod(configure(order.backend, settings), max(order.ranks))
    points, path = order.points(), folder / "emulated.jsonl"
    told(f"starting {max(order.ranks)} ranks")
    verb = ["bench", "emulate", "--compute", str(order.compute), "--steps", str(order.steps), "--out", str(path)]
    verb += ["--backend", order.backend, "--repeats", str(order.repeats)]
    verb += [word for point in points for word in ("--ranks", str(point.ranks))]
    verb += [word for one in settings for word in ("--set", one)]
    _run(command(max(order.ranks), order.transport, verb), order)
    rows = read_json_lines(path)
    samples = {point: [Sample(row["seconds"], 0) for row in rows if row["ranks"] == point.ranks] for point in points}
    return samples, Subject("3dgan", PUBLISHED, order.compute, count_cores())


def command(ranks: int, transport: str, verb: Sequence[str]) -> list[str]:
    """Return the command line of a verb on some ranks; one rank needs no launcher.

    Raises:
        MissingDependencyError: There is no horovodrun.
    """
    program = [sys.executable, "-m", "hvdgan"]
    if ranks == 1:
        return [*program, *verb]
    if transport == "mpi":
        return [*program, "launch", "-np", str(ranks), *verb]
    own = Path(sys.prefix, "bin", "horovodrun")
    found = str(own) if own.exists() else shutil.which("horovodrun")
    if found is None:
        raise MissingDependencyError("there is no horovodrun for --transport gloo; run scripts/setup")
    return [found, "--gloo", "-np", str(ranks), *program, *verb]


def _run(words: Sequence[str], order: Order) -> None:
    """Run a job whose ranks have their threads."""
    run_job(words, {**os.environ, "OMP_NUM_THREADS": str(order.threads)}, order.timeout)


def _line(point: Point, sample: Sample, turn: str) -> str:
    """Say what a job gave."""
    who = point.control or "hvdgan"
    return f"{turn} {point.mode}, {point.ranks} ranks, {who}: {sample.seconds:.4g} s a step"
