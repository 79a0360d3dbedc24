"""Build one training from a configuration: events, networks, validation; shared by `train` and every trial."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hvdgan.backends import load
from hvdgan.backends.angle import NO_ANGLES
from hvdgan.backends.arguments import check_arguments
from hvdgan.backends.interface import GanSpec, LossWeights
from hvdgan.backends.resolve import is_own, resolve
from hvdgan.calo.settings import Settings
from hvdgan.config import Config, Evaluation
from hvdgan.data.files import ShowerFiles, open_files
from hvdgan.data.split import fold, hold_out
from hvdgan.errors import ConfigError, DataError
from hvdgan.parallel.agreement import together
from hvdgan.parallel.exchange import Exchange, NoExchange
from hvdgan.parallel.ring import Ring, SoloRing
from hvdgan.parallel.shards import model_of
from hvdgan.run.request import list_models
from hvdgan.study.search.conditions import listed
from hvdgan.training.appraisal import Appraisal, restore_best
from hvdgan.training.checkpoint import Saved
from hvdgan.training.course import Calibration, Course
from hvdgan.training.loop import Hooks, Result, Run
from hvdgan.training.validation import Validation

ARGUMENTS = "gan.model_args."
"""How the dotted names of a model's own hyper-parameters begin."""


UNTOLD = ("3dgan",)
"""Models that do not look at the angle: trained on showers of different angles, they make a mixture of these."""


def check_model(config: Config) -> None:
    """Check the model's name, signature and arguments, also those of the search space.

    Raises:
        ConfigError: The model is unknown, or an argument is unknown to it or has the wrong type, or it would not look
            at a template.
        MissingDependencyError: The backend's library is not installed.
    """
    gan, backend = config.gan, load(config.gan.backend)
    for model in list_models(config):
        build = resolve(model, backend.MODELS, gan.model_path)
        for point in [gan.model_args, *_searched_arguments(config, model)]:
            check_arguments(model, build, point)
        if gan.template and model in ("3dgan", "3dgan_angle"):
            raise ConfigError(
                f"gan.template: {model} does not look at a template; leave it out, or train wgan_gp or a model of your "
                "own"
            )


def _searched_arguments(config: Config, model: str) -> Iterator[dict[str, Any]]:
    """Yield the ends of what the space searches among the arguments of a model."""
    for name, dimension in config.study.space.items():
        if name.startswith(ARGUMENTS) and model in listed(dimension.when.get("gan.model", model)):
            yield from ({name.removeprefix(ARGUMENTS): value} for value in dimension.ends())


def try_model(config: Config) -> None:
    """Build a user's own model for the data and try it on a few events; built-in models are known to work.

    Raises:
        ConfigError: The model breaks the contract, or fails.
    """
    if is_own(config.gan.model):
        load(config.gan.backend).Gan(_assume_spec(config), SoloRing()).close()


def list_whole_layers(config: Config) -> list[tuple[str, str]]:
    """Return the layers that every shard of a model would hold whole, and why."""
    return load(config.gan.backend).list_whole_layers(_assume_spec(config), config.training.shards)


def _assume_spec(config: Config) -> GanSpec:
    """Return what the networks are built from, but for what the data says of showers."""
    with open_data(config) as files:
        particles = files.particles()
        assumed = Calibration.assume(len(particles), files.image_shape, config.gan.template)
        return make_spec(config, files.image_shape, particles, assumed, files.angle_range())


def check_data(config: Config, models: int, number: int | None) -> None:
    """Check the shower files' structure, and that some models find enough events for a step.

    Args:
        config: The configuration.
        models: Copies of the networks that train on the events together: as many as ranks, where there are no shards.
        number: The fold that is left out, or None for the hold-out of `data.validation`.

    Raises:
        DataError: A file is not what it should be, or there are too few events.
    """
    with open_data(config) as files:
        plan_course(config, files, number).steps(models, config.training.batch_size)


def check_angles(config: Config) -> None:
    """Refuse a model that has nothing to learn from showers which all enter alike.

    Raises:
        ConfigError: `3dgan_angle` is trained, or searched, on such showers.
        DataError: A file is not what it should be.
    """
    if "3dgan_angle" in list_models(config):
        with open_data(config) as files:
            if files.angle_range() is None:
                raise ConfigError(NO_ANGLES)


def open_data(config: Config) -> ShowerFiles:
    """Open the configuration's shower files.

    Raises:
        DataError: A file is not what it should be.
    """
    data = config.data
    return open_files(data.files, data.format, data.detector, data.particles, data.grid, data.binning)


@contextmanager
def opened(config: Config, ring: Ring) -> Iterator[ShowerFiles]:
    """Open the configuration's shower files on every rank, or raise the same error on all."""
    files = together(ring, lambda: open_data(config))
    with files:
        yield files


def plan_course(config: Config, files: ShowerFiles, number: int | None, seed: int | None = None) -> Course:
    """Decide which events are learned from and which judge.

    Args:
        config: The configuration.
        files: The opened files.
        number: The fold that is left out, or None for the hold-out of `data.validation`.
        seed: Seeds which events belong together; None is `training.seed`.

    Raises:
        DataError: No event is left on one of the sides.
    """
    data, seed = config.data, config.training.seed if seed is None else seed
    if number is None:
        train, held_out = hold_out(files.count, data.validation, seed)
    else:
        train, held_out = fold(files.count, config.study.folds, number, seed)
    if not (len(train) and len(held_out)):
        raise DataError(
            f"{files.count} events leave {len(train)} to train on and {len(held_out)} to validate with; "
            "give more events or change data.validation"
        )
    return Course(files, data.detector, train, held_out, files.energy_range(), files.particles(), files.angle_range())


def train_once(
    config: Config,
    ring: Ring,
    checkpoints: Path,
    hooks: Hooks,
    number: int | None = None,
    saved: Saved | None = None,
    baseline: bool = True,
    split_seed: int | None = None,
    metrics: Sequence[str] = (),
    exchange: Exchange | None = None,
) -> Result:
    """Train one pair of networks on a ring, or replicas on several, with validation and checkpoints. Collective.

    Args:
        config: The configuration.
        ring: The ranks that train together.
        checkpoints: Folder for the checkpoints.
        hooks: Ties to the outside.
        number: The fold that is left out, or None for the hold-out of `data.validation`.
        saved: A checkpoint to go on from; only rank 0's is looked at.
        baseline: Also measure the untrained generator.
        split_seed: Seeds which events are left out; None is `training.seed`.
        metrics: What to measure at the best epoch, when all epochs are done; names of `calo.metrics`.
        exchange: With other rings that train replicas; None where there are none.
    """
    backend, exchange = load(config.gan.backend), exchange or NoExchange()
    with opened(config, ring) as files:
        course = together(ring, lambda: plan_course(config, files, number, split_seed))
        steps = course.steps(exchange.replicas * model_of(ring).size, config.training.batch_size)
        calibration = course.calibrate(ring, config.gan.template)
        spec = make_spec(config, files.image_shape, course.particles, calibration, course.angles)
        hooks = _tie(hooks, exchange, {"spec": describe(spec), "steps_per_epoch": steps})
        events, seed = config.data.validation_events, config.training.seed
        validation = Validation(files, course.held_out, course.detector, ring, events, seed, hooks.beat)
        gan = together(ring, lambda: backend.Gan(spec, ring))
        try:
            run = Run(gan, ring, course, config.training, checkpoints, hooks, exchange)
            result = run.train(validation, saved, baseline)
            if metrics and result.ending == "done" and exchange.leads:
                restore_best(gan, ring, checkpoints)
                appraisal = Appraisal(metrics, choose_settings(config.evaluation), events, seed, hooks.beat)
                result = replace(result, metrics=appraisal.measure(gan, ring, course))
            exchange.finish()
            return result
        finally:
            gan.close()


def _tie(hooks: Hooks, exchange: Exchange, manifest: dict[str, Any]) -> Hooks:
    """Return hooks whose beats the other replicas hear, too, with values to keep in every checkpoint."""

    def beat() -> None:
        hooks.beat()
        exchange.beat()

    return Hooks(hooks.word, hooks.record, beat, manifest)


def make_spec(
    config: Config,
    image_shape: tuple[int, int, int],
    particles: tuple[int, ...],
    calibration: Calibration,
    angles: tuple[float, float] | None,
) -> GanSpec:
    """Return what the networks are built from."""
    gan, training = config.gan, config.training
    return GanSpec(
        image_shape=image_shape,
        latent_size=gan.latent_size,
        particles=particles,
        model=gan.model,
        model_args=gan.model_args,
        weights=LossWeights(**gan.weights.model_dump()),
        optimizer=training.optimizer,
        optimizer_args=training.adam.model_dump() if training.optimizer == "adam" else {},
        precision=gan.precision,
        averaging=training.averaging,
        channels_last=gan.channels_last,
        seed=training.seed,
        model_path=gan.model_path,
        response=calibration.response,
        template=calibration.template,
        angles=angles,
    )


def choose_settings(evaluation: Evaluation) -> Settings:
    """Return the section `evaluation` of a configuration as the metrics take it."""
    bins, frechet, classifier = evaluation.bins, evaluation.frechet, evaluation.classifier
    return Settings(
        bins=tuple(bins) if isinstance(bins, list) else bins,
        repeats=evaluation.repeats,
        seed=evaluation.seed,
        frechet_sizes=(frechet.smallest, frechet.largest),
        frechet_points=frechet.sizes,
        frechet_draws=frechet.draws,
        kernel_batch=evaluation.kernel.batch,
        kernel_batches=evaluation.kernel.batches,
        train=classifier.train,
        calibrate=classifier.calibrate,
        iterations=classifier.iterations,
    )


def describe(spec: GanSpec) -> dict[str, Any]:
    """Return the part of a spec that a generator is rebuilt from, as plain JSON values."""
    return {
        "image_shape": list(spec.image_shape),
        "particles": list(spec.particles),
        "response": [list(row) for row in spec.response],
        "angles": spec.angles and list(spec.angles),
    }
