"""The models that can be trained in torch: built-in ones and the user's own, with the recipe of each."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from hvdgan.backends.checks import choose_model
from hvdgan.backends.interface import GanSpec
from hvdgan.backends.model import Recipe
from hvdgan.backends.resolve import blamed, is_own
from hvdgan.backends.torch.angle import Paired, build_3dgan_angle
from hvdgan.backends.torch.examine import adopt, tells_angle
from hvdgan.backends.torch.networks import build_3dgan
from hvdgan.backends.torch.recipe import OnePass, TwoPass
from hvdgan.backends.torch.sharding import list_whole
from hvdgan.backends.torch.wasserstein import build_wgan_gp

MODELS: dict[str, Callable[..., Any]] = {
    "3dgan": build_3dgan,
    "3dgan_angle": build_3dgan_angle,
    "wgan_gp": build_wgan_gp,
}
"""Built-in models, see `backends.model`."""


def build_model(spec: GanSpec) -> tuple[nn.Module, nn.Module, Recipe]:
    """Build the generator and the discriminator of a spec, and their recipe; its seed alone decides initial weights.

    Raises:
        ConfigError: The model or one of its arguments is unknown, or the model refuses the grid or fails.
    """
    build, classes = choose_model(spec, MODELS), len(spec.particles)
    with blamed(spec.model, torch.OutOfMemoryError), torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        built = build(spec.image_shape, classes, spec.latent_size, **spec.model_args)
        generator, discriminator, *recipe = adopt(spec, built) if is_own(spec.model) else built
        angle = not recipe and tells_angle(spec, discriminator)
    return generator, discriminator, *(recipe or [_plan(spec, classes, angle)])


def _plan(spec: GanSpec, classes: int, angle: bool) -> Recipe:
    """Return how a model is trained that brings no recipe: as 3DGAN is."""
    kind = OnePass if not is_own(spec.model) and spec.model_args.get("one_pass", False) else TwoPass
    recipe = kind(spec.weights, classes, angle)
    return Paired(recipe, spec.model_args.get("aspect", 1.0)) if spec.model == "3dgan_angle" else recipe


def list_whole_layers(spec: GanSpec, shards: int) -> list[tuple[str, str]]:
    """Return the layers with weights that are not split over so many shards, and why."""
    generator, discriminator, _ = build_model(spec)
    return list_whole({"generator": generator, "discriminator": discriminator}, shards)
