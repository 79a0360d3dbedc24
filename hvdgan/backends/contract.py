"""What a model must return, held against what it did: the checks that both frameworks make of a user's own.

Every error names what was returned and what is expected.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hvdgan.backends.events import Arrays, fake_events, real_events
from hvdgan.backends.interface import NETWORKS, Batch, Draw, GanSpec
from hvdgan.calo.response import expected_sum
from hvdgan.errors import ConfigError

EACH = 2
"""Events of each particle class that a model is tried on."""

ENERGIES = (20.0, 400.0)
"""Range of their incident energies in GeV."""

CLOSE = {"float32": 1e-3, "float64": 1e-9, "bfloat16": 0.1}
"""How far the numbers of a network that was split may be from those before, over the largest of them."""

WORDS = ("terms", "heads", "passes", "train")
"""What a recipe has, see `backends.model.Recipe`."""


def unpack(model: str, built: Any, network: type) -> tuple[Any, ...]:
    """Return the generator, the discriminator and, where there is one, the recipe that a builder returned.

    Args:
        model: Name of the model, for errors.
        built: What the builder returned.
        network: The framework's class of networks.

    Raises:
        ConfigError: It is something else.
    """
    needed = f"return generator, discriminator (each a {network.__module__.split('.')[0]} {network.__name__})"
    parts = built if isinstance(built, tuple | list) else [built]
    kinds = ", ".join(type(part).__name__ for part in parts)
    if len(parts) not in (2, 3) or not all(isinstance(part, network) for part in parts[:2]):
        raise ConfigError(f"gan.model: {model} returned {kinds}; {needed}, and a recipe if it brings one")
    missing = [word for recipe in parts[2:] for word in WORDS if not hasattr(recipe, word)]
    if missing:
        raise ConfigError(f"gan.model: the recipe of {model}, {kinds.split(', ')[2]}, has no {', '.join(missing)}")
    return tuple(parts)


def make_events(spec: GanSpec, passes: int) -> tuple[Arrays, list[Arrays]]:
    """Return some real events of noise, and fakes for each pass of a generator."""
    classes, random = len(spec.particles), np.random.default_rng(0)
    count = EACH * classes
    energy, particle = random.uniform(*ENERGIES, (passes + 1, count)), np.arange(count) % classes
    sums = [expected_sum(spec.response[kind], energy[-1:, place])[0] for place, kind in enumerate(particle)]
    images = random.exponential(size=(count, *spec.image_shape)) / np.prod(spec.image_shape)
    images *= np.maximum(np.array(sums), 0.0)[:, None, None, None]
    latent, mix = random.normal(size=(passes, count, spec.latent_size)), random.uniform(size=(passes, count))
    angle = None if spec.angles is None else random.uniform(*spec.angles, (passes + 1, count))
    angles = (None, None) if angle is None else (angle[:-1], angle[-1].astype(np.float32))
    flip = np.zeros((2, count), dtype=bool)
    draw = Draw(latent, energy[:-1], np.tile(particle, (passes, 1)), mix, flip, seed=0, angle=angles[0])
    batch = Batch(images.astype(np.float32), energy[-1].astype(np.float32), particle, angles[1])
    fakes = [fake_events(draw, number, spec.response, spec.template) for number in range(passes)]
    return real_events(batch, draw, classes, spec.template), fakes


def check_output(what: str, given: tuple[tuple[int, ...], str], shape: tuple[int, ...], precision: str) -> None:
    """Check the shape and type of a tensor that a network returned.

    Args:
        what: Names the tensor, for errors.
        given: Its shape and the name of its type.
        shape: Expected.
        precision: Of the spec; says which types are expected.

    Raises:
        ConfigError: They are others.
    """
    kinds = ("float32", "bfloat16") if precision == "bfloat16" else (precision,)
    if given[0] != shape:
        raise ConfigError(f"{what} has shape {given[0]}; {shape} is expected")
    if given[1] not in kinds:
        raise ConfigError(f"{what} holds {given[1]}; {' or '.join(kinds)} is expected (gan.precision: {precision})")


def check_images(what: str, smallest: float, largest: float) -> None:
    """Check the numbers of images that a generator returned.

    Raises:
        ConfigError: A cell is not finite, or negative.
    """
    if not np.isfinite([smallest, largest]).all():
        raise ConfigError(f"{what} has cells that are not finite, before any training")
    if smallest < 0:
        raise ConfigError(
            f"{what} has cells down to {smallest:.3g} GeV; deposited energy is not negative: end the generator with a "
            "unit such as relu or softplus"
        )


def check_heads(what: str, heads: Any, wanted: Mapping[str, int]) -> None:
    """Check that a discriminator says what its recipe wants to hear.

    Raises:
        ConfigError: It returned no dictionary, or one without a head.
    """
    expected = ", ".join(f"{name} (n,)" if size == 1 else f"{name} (n, {size})" for name, size in wanted.items())
    if not isinstance(heads, Mapping):
        raise ConfigError(f"{what} returned {type(heads).__name__}; a dictionary with {expected} is expected")
    missing = [name for name in wanted if name not in heads]
    if missing:
        raise ConfigError(f"{what} returned {', '.join(heads) or 'nothing'}, but not {missing[0]}; {expected} expected")


def check_losses(what: str, shape: tuple[int, ...], total: float, terms: tuple[str, ...]) -> None:
    """Check what a loss of a recipe returned.

    Raises:
        ConfigError: It is not the total and the terms, or not finite.
    """
    if shape != (1 + len(terms),):
        raise ConfigError(f"{what} has shape {shape}; {(1 + len(terms),)} is expected: total, {', '.join(terms)}")
    if not np.isfinite(total):
        raise ConfigError(f"{what} is {total} before any training")


def check_updates(model: str, reached: Mapping[str, bool]) -> None:
    """Check that a step trains both networks.

    Args:
        model: Name of the model, for errors.
        reached: Of each network that was updated, whether a gradient reached a weight of it.

    Raises:
        ConfigError: One is not updated, or no gradient reaches it.
    """
    for name in NETWORKS:
        if name not in reached:
            raise ConfigError(f"gan.model: the recipe of {model} never updates the {name}")
        if not reached[name]:
            raise ConfigError(
                f"gan.model: no gradient reaches the {name} of {model}: its loss does not depend on a weight that can "
                "be trained; is everything frozen, or a tensor detached or rounded on the way?"
            )


def check_names(what: str, names: Iterable[str]) -> None:
    """Check that the weights of a network are called apart in checkpoints.

    Raises:
        ConfigError: Two have the same name.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"{what} has several weights called {twice[0]}; give its layers names of their own")


def check_split(spec: GanSpec, before: Mapping[str, NDArray], after: Mapping[str, NDArray], shards: int) -> None:
    """Check that networks return the same once they are split.

    Args:
        spec: What they were built from.
        before: What they returned in one piece, by name.
        after: What they return in shards.
        shards: How many.

    Raises:
        ConfigError: They do not.
    """
    for name, array in before.items():
        if not np.abs(after[name] - array).max() <= CLOSE[spec.precision] * np.abs(array).max():
            raise ConfigError(
                f"training.shards: split over {shards} shards, {spec.model} returns another {name}: does it use the "
                "weights of a layer outside of that layer, or hooks? set training.shards to 1"
            )
