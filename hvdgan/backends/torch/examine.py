"""Try a model of the user's own on a few events before anything is trained; see `backends.contract`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hvdgan.backends import contract
from hvdgan.backends.events import CONDITIONS, Arrays
from hvdgan.backends.interface import NETWORKS, GanSpec
from hvdgan.backends.model import Events, Loss, Recipe
from hvdgan.backends.resolve import blamed, is_own
from hvdgan.backends.torch.state import copy_in, name_tensors, network_tensors, to_array
from hvdgan.backends.torch.trainer import Trainer
from hvdgan.errors import ConfigError


def adopt(spec: GanSpec, built: Any) -> tuple[Any, ...]:
    """Return generator, discriminator and perhaps recipe of a builder; weights that wait for a first batch are made.

    Raises:
        ConfigError: The builder returned something else.
    """
    generator, discriminator, *recipe = contract.unpack(spec.model, built, nn.Module)
    conditions = _conditions(spec)
    inputs = {"noise": torch.zeros(2, spec.latent_size)}, {"images": torch.zeros(2, 1, *spec.image_shape)}
    for network, own in zip((generator, discriminator), inputs, strict=True):
        if any(nn.parameter.is_lazy(weight) for weight in network.parameters()):
            with torch.no_grad():
                network.eval()({**own, **conditions})
            network.train()
    return generator, discriminator, *recipe


def tells_angle(spec: GanSpec, discriminator: nn.Module) -> bool:
    """Tell whether events have an angle that a discriminator says something of; changes nothing in it."""
    if not spec.angles:
        return False
    with torch.no_grad():
        heads = discriminator.eval()({"images": torch.zeros(2, 1, *spec.image_shape), **_conditions(spec)})
    discriminator.train()
    return isinstance(heads, Mapping) and "angle" in heads


def examine(
    spec: GanSpec, networks: Mapping[str, nn.Module], recipe: Recipe, place: Callable[[Arrays], Events]
) -> None:
    """Refuse networks and a recipe that break the contract; leaves their weights as they are.

    Args:
        spec: What they were built from.
        networks: The networks by name, where they will train.
        recipe: Their recipe.
        place: Brings arrays to the device.

    Raises:
        ConfigError: They do, or fail; says what was returned and what is expected, or where they failed.
    """
    tensors: dict[str, Tensor] = {}
    for name in NETWORKS:
        contract.check_names(f"gan.model: the {name} of {spec.model}", [key for key, _ in name_tensors(networks[name])])
        tensors |= network_tensors(networks[name], name)
    if len({id(tensor) for tensor in tensors.values()}) < len(tensors):
        raise ConfigError(f"gan.model: the networks of {spec.model} share weights; each is trained on its own")
    kept = {name: to_array(tensor) for name, tensor in tensors.items()}
    with blamed(spec.model, torch.OutOfMemoryError), torch.random.fork_rng(devices=[]):
        real, fakes = contract.make_events(spec, recipe.passes)
        events, drawn = place(real), [place(fake) for fake in fakes]
        _look(spec, networks, recipe, events, drawn[0])
        probe = Probe(Trainer(networks, {}, recipe.terms, spec.precision), spec.model)
        recipe.train(probe, events, drawn)
    contract.check_updates(spec.model, probe.reached)
    copy_in(kept, tensors)


@contextmanager
def unchanged(
    spec: GanSpec, networks: Mapping[str, nn.Module], place: Callable[[Arrays], Events], shards: int
) -> Iterator[None]:
    """Refuse networks that the block splits, and that return something else afterwards; built-in ones do not.

    Raises:
        ConfigError: They do.
    """
    watched = shards > 1 and is_own(spec.model)
    before = _try_out(spec, networks, place) if watched else {}
    yield
    if watched:
        contract.check_split(spec, before, _try_out(spec, networks, place), shards)


class Probe:
    """A trainer that takes gradients, and no steps.

    Args:
        trainer: With the networks.
        model: Name of the model, for errors.
    """

    def __init__(self, trainer: Trainer, model: str) -> None:
        self.make, self.imagine, self.judge = trainer.make, trainer.imagine, trainer.judge
        self.networks, self.terms, self.model = trainer.networks, trainer.terms, model
        self.reached: dict[str, bool] = {}

    def update(self, name: str, loss: Loss, *events: Events) -> None:
        """Note whether a gradient of a loss reaches a network."""
        losses = loss(self, *events)
        what = f"gan.model: the {name}'s loss of {self.model}"
        contract.check_losses(what, tuple(losses.shape), losses.detach().flatten()[0].item(), self.terms)
        weights = [weight for weight in self.networks[name].parameters() if weight.requires_grad]
        connected = losses.requires_grad and weights
        gradients = torch.autograd.grad(losses[0], weights, allow_unused=True) if connected else ()
        self.reached[name] = self.reached.get(name, False) or any(one is not None for one in gradients)


def _try_out(spec: GanSpec, networks: Mapping[str, nn.Module], place: Callable[[Arrays], Events]) -> dict[str, NDArray]:
    """Return what networks make of a few events by their running statistics, by name."""
    real, (fake,) = contract.make_events(spec, 1)
    events = {"generator": place(fake), "discriminator": place(real)}
    low = torch.autocast(events["generator"]["energy"].device.type, torch.bfloat16, spec.precision == "bfloat16")
    told = {}
    with blamed(spec.model, torch.OutOfMemoryError), torch.no_grad(), low:
        for name, own in (("generator", "noise"), ("discriminator", "images")):
            seen = {key: events[name][key] for key in (own, *CONDITIONS) if key in events[name]}
            made = networks[name].eval()(seen)
            networks[name].train()
            told |= {"image": made} if name == "generator" else made
    return {name: to_array(tensor.double()) for name, tensor in told.items()}


def _look(spec: GanSpec, networks: Mapping[str, nn.Module], recipe: Recipe, real: Events, fake: Events) -> None:
    """Check what the networks return."""
    whose, count = f"of {spec.model}", len(real["energy"])
    low = torch.autocast(real["energy"].device.type, torch.bfloat16, enabled=spec.precision == "bfloat16")
    with torch.no_grad(), low:
        images = networks["generator"]({name: fake[name] for name in ("noise", *CONDITIONS) if name in fake})
        what = f"gan.model: what the generator {whose} returned"
        contract.check_output(what, _describe(what, images), (count, 1, *spec.image_shape), spec.precision)
        contract.check_images(what, images.min().item(), images.max().item())
        heads = networks["discriminator"]({name: real[name] for name in ("images", *CONDITIONS) if name in real})
    contract.check_heads(f"gan.model: the discriminator {whose}", heads, recipe.heads)
    for name, size in recipe.heads.items():
        what = f"gan.model: the head {name} {whose}"
        contract.check_output(what, _describe(what, heads[name]), (count, size)[: 1 + (size > 1)], spec.precision)


def _conditions(spec: GanSpec) -> dict[str, Tensor]:
    """Return the conditions of two events, to try networks with."""
    known = {"energy": torch.ones(2), "particle": torch.eye(len(spec.particles))[[0, 0]]}
    known |= {"angle": torch.ones(2)} if spec.angles else {}
    return known | ({} if spec.template is None else {"template": torch.zeros(2, 1, *spec.image_shape)})


def _describe(what: str, tensor: Any) -> tuple[tuple[int, ...], str]:
    """Return the shape and type of a tensor."""
    if not isinstance(tensor, Tensor):
        raise ConfigError(f"{what} is a {type(tensor).__name__}; a tensor is expected")
    return tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
