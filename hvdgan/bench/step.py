"""What a training step of one process takes: as a whole, by phase, and beside a product of matrices."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from hvdgan.backends.interface import NETWORKS, Batch, Draw, Gan, Rates
from hvdgan.backends.model import Events, Loss, Recipe, Trainer
from hvdgan.bench.records import middle, vary

WARM = 2
"""Steps of a Gan that do not count."""

ROWS, PRODUCTS = 1024, 8
"""Rows of the matrices that are multiplied, and products in a row."""

RATES = Rates(0.0, 0.0)
"""Weights stay, and so does what a step costs."""

Feed = Callable[[int], tuple[Batch, Draw]]
"""Returns batch and draw of a step; what it takes is the phase `input`."""


class Only:
    """A recipe of which only the updates of one network are done, with all that they need.

    Args:
        recipe: The whole recipe.
        name: "generator" or "discriminator".
    """

    def __init__(self, recipe: Recipe, name: str) -> None:
        self._recipe, self._name = recipe, name
        self.terms, self.heads, self.passes = recipe.terms, recipe.heads, recipe.passes

    def train(self, trainer: Trainer, real: Events, fakes: Sequence[Events]) -> None:
        """Do that part of a step."""
        self._recipe.train(_Part(trainer, self._name), real, fakes)


class _Part:
    """A trainer that updates one network; fakes are made only where the discriminator learns from them."""

    def __init__(self, trainer: Trainer, name: str) -> None:
        self._trainer, self._name = trainer, name
        self.make, self.judge = trainer.make, trainer.judge

    def imagine(self, events: Events) -> Events:
        """Return fakes with their images, or as they are where nobody is going to look."""
        return self._trainer.imagine(events) if self._name == "discriminator" else events

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Update a network, or do nothing where it is the other one's turn."""
        if name == self._name:
            self._trainer.update(name, loss, *events)


@dataclass
class Timed:
    """A Gan whose steps are timed.

    Args:
        gan: The Gan, prepared.
        feed: Gives it batches.
        seconds: Of every step, with its input.
        input: Of these, the seconds of the input.
    """

    gan: Gan
    feed: Feed
    seconds: list[float] = field(default_factory=list)
    input: list[float] = field(default_factory=list)

    def step(self, number: int) -> None:
        """Do a step to the end of its work."""
        start = time.perf_counter()
        batch, draw = self.feed(number)
        fed = time.perf_counter()
        self.gan.train_step(batch, draw, RATES)
        self.gan.metrics()
        self.seconds.append(time.perf_counter() - start)
        self.input.append(fed - start)


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Args:
        seconds: Median of a step, input included.
        spread: Its smallest and largest value.
        phases: Medians by phase; they add up to the median of a step.
        product: Seconds of a product of matrices, the fastest: what the processor can do when nobody disturbs.
        jitter: How much single steps vary, see `records.vary`.
    """

    seconds: float
    spread: tuple[float, float]
    phases: Mapping[str, float]
    product: float
    jitter: float


def measure(build: Callable[[], Any], feed: Feed, multiply: Callable[[], None], steps: int, repeats: int) -> Figures:
    """Time whole steps, steps of either network alone, and products of matrices, all in turn.

    A framework may run a step as one graph, into which no clock reaches: the phases are steps of Gans that update one
    network only. What they do not explain of a whole step is the phase `rest`, which may fall below 0.

    Args:
        build: Returns a new Gan, whose recipe can be replaced until its first step.
        feed: Gives batches.
        multiply: Multiplies two matrices of `ROWS` rows.
        steps: Of each in a row.
        repeats: How often each has its turn.
    """
    with closing(build()) as whole, closing(build()) as first, closing(build()) as second:
        parts = dict(zip(NETWORKS, (first, second), strict=True))
        for name, gan in parts.items():
            gan.recipe = Only(gan.recipe, name)
        timed = {name: _warm(gan, feed) for name, gan in {"step": whole, **parts}.items()}
        products = []
        for _ in range(repeats):
            products.append(_time(multiply))
            for one in timed.values():
                for _ in range(steps):
                    one.step(len(one.seconds))
    return _sum_up(timed, min(products))


def _sum_up(timed: Mapping[str, Timed], product: float) -> Figures:
    """Return medians, and phases that add up."""
    seconds, spread = middle(timed["step"].seconds)
    taken = {"input": middle(timed["step"].input)[0]}
    for name in NETWORKS:
        one = timed[name]
        taken[name] = middle([all_ - fed for all_, fed in zip(one.seconds, one.input, strict=True)])[0]
    phases = {**taken, "rest": seconds - sum(taken.values())}
    return Figures(seconds, spread, phases, product, vary(timed["step"].seconds))


def _warm(gan: Gan, feed: Feed) -> Timed:
    """Return a Gan that has done its first steps, which do not count."""
    gan.prepare(len(feed(0)[0]))
    timed = Timed(gan, feed)
    for number in range(WARM):
        timed.step(number)
    return Timed(gan, feed)


def _time(multiply: Callable[[], None]) -> float:
    """Return the seconds of a product, in the middle of several."""
    seconds = []
    for _ in range(PRODUCTS):
        start = time.perf_counter()
        multiply()
        seconds.append(time.perf_counter() - start)
    return middle(seconds)[0]
