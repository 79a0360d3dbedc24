"""Try a model of the user's own on a few events before anything is trained; see `backends.contract`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow import Tensor

from hvdgan.backends import contract
from hvdgan.backends.events import CONDITIONS, Arrays
from hvdgan.backends.interface import NETWORKS, GanSpec
from hvdgan.backends.keras.state import copy_in, name_tensors, network_tensors, to_array
from hvdgan.backends.keras.trainer import Trainer, make_graph
from hvdgan.backends.model import Events, Loss, Recipe
from hvdgan.backends.resolve import blamed, is_own
from hvdgan.errors import ConfigError


def adopt(spec: GanSpec, built: Any) -> tuple[Any, ...]:
    """Return generator, discriminator and perhaps recipe of a builder; weights that wait for a first batch are made.

    Raises:
        ConfigError: The builder returned something else.
    """
    generator, discriminator, *recipe = contract.unpack(spec.model, built, keras.Model)
    shapes = _conditions(spec)
    inputs = {"noise": (spec.latent_size,)}, {"images": (*spec.image_shape, 1)}
    networks = []
    for network, own in zip((generator, discriminator), inputs, strict=True):
        events = _empty(own | shapes)
        networks.append(_choose_inputs(network, events))
        networks[-1](events, training=False)
    return *networks, *recipe


def tells_angle(spec: GanSpec, discriminator: keras.Model) -> bool:
    """Tell whether events have an angle that a discriminator says something of; changes nothing in it."""
    if not spec.angles:
        return False
    heads = discriminator(_empty({"images": (*spec.image_shape, 1), **_conditions(spec)}), training=False)
    return isinstance(heads, Mapping) and "angle" in heads


def examine(
    spec: GanSpec, networks: Mapping[str, keras.Model], recipe: Recipe, place: Callable[[Arrays], Events]
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
    tensors: dict[str, keras.Variable] = {}
    for name in NETWORKS:
        contract.check_names(f"gan.model: the {name} of {spec.model}", [key for key, _ in name_tensors(networks[name])])
        tensors |= network_tensors(networks[name], name)
    if len({id(tensor) for tensor in tensors.values()}) < len(tensors):
        raise ConfigError(f"gan.model: the networks of {spec.model} share weights; each is trained on its own")
    kept = {name: to_array(tensor) for name, tensor in tensors.items()}
    with blamed(spec.model, tf.errors.ResourceExhaustedError):
        real, fakes = contract.make_events(spec, recipe.passes)
        events, drawn = place(real), [place(fake) for fake in fakes]
        _look(spec, networks, recipe, events, drawn[0])
        probe = Probe(Trainer(networks, {}, recipe.terms, keras.config.floatx()), spec.model)
        recipe.train(probe, events, drawn)
    contract.check_updates(spec.model, probe.reached)
    copy_in(kept, tensors)


@contextmanager
def unchanged(
    spec: GanSpec, networks: Mapping[str, keras.Model], place: Callable[[Arrays], Events], shards: int
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
        weights = [weight.value for weight in self.networks[name].trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            losses = loss(self, *events)
            total = tf.reshape(losses, [-1])[0]
        what = f"gan.model: the {name}'s loss of {self.model}"
        contract.check_losses(what, tuple(losses.shape), float(total), self.terms)
        gradients = tape.gradient(total, weights)
        self.reached[name] = self.reached.get(name, False) or any(one is not None for one in gradients)


class _Chooser(keras.Model):
    """Gives a functional model those of the events that its inputs name.

    Args:
        network: The functional model.
        inputs: Its inputs, each replaced by the name of what it gets.
    """

    def __init__(self, network: keras.Model, inputs: Any) -> None:
        super().__init__(name="chooser", dtype=keras.config.floatx())
        self.network, self._wanted = network, keras.tree.flatten(inputs)
        self._pack = lambda values: keras.tree.pack_sequence_as(inputs, values)

    def call(self, events: Events, training: bool = False) -> Any:
        """Return what the functional model returns; Keras tells the layers of training."""
        return self.network(self._pack([events[name] for name in self._wanted]))


def _choose_inputs(network: keras.Model, events: Events) -> keras.Model:
    """Return a network that takes all events: any but a functional one does.

    Raises:
        ConfigError: A functional model has an input that is none of the events.
    """
    if isinstance(network, keras.Sequential) or getattr(network, "inputs", None) is None:
        return network
    inputs = network.input
    names = {key: key for key in inputs} if isinstance(inputs, dict) else keras.tree.map_structure(_name, inputs)
    strangers = [name for name in keras.tree.flatten(names) if name not in events]
    if strangers:
        raise ConfigError(
            f"gan.model: the functional model {network.name} has an input {strangers[0]!r}; "
            f"legal names of its inputs are {', '.join(events)}"
        )
    return _Chooser(network, names)


def _name(tensor: keras.KerasTensor) -> str:
    """Return the name of an input."""
    return tensor.name


def _try_out(
    spec: GanSpec, networks: Mapping[str, keras.Model], place: Callable[[Arrays], Events]
) -> dict[str, NDArray]:
    """Return what networks make of a few events by their running statistics, by name."""
    real, (fake,) = contract.make_events(spec, 1)
    events = {"generator": place(fake), "discriminator": place(real)}

    def work() -> dict[str, Tensor]:
        told = {}
        for name, own in (("generator", "noise"), ("discriminator", "images")):
            seen = {key: events[name][key] for key in (own, *CONDITIONS) if key in events[name]}
            made = networks[name](seen, training=False)
            told |= {"image": made} if name == "generator" else made
        return told

    with blamed(spec.model, tf.errors.ResourceExhaustedError):
        return {name: tf.cast(tensor, tf.float64).numpy() for name, tensor in make_graph(work)().items()}


def _look(spec: GanSpec, networks: Mapping[str, keras.Model], recipe: Recipe, real: Events, fake: Events) -> None:
    """Check what the networks return."""
    whose, count = f"of {spec.model}", len(real["energy"])
    images = networks["generator"]({name: fake[name] for name in ("noise", *CONDITIONS) if name in fake}, training=True)
    what = f"gan.model: what the generator {whose} returned"
    contract.check_output(what, _describe(what, images), (count, *spec.image_shape, 1), spec.precision)
    contract.check_images(what, float(tf.reduce_min(images)), float(tf.reduce_max(images)))
    seen = {name: real[name] for name in ("images", *CONDITIONS) if name in real}
    heads = networks["discriminator"](seen, training=True)
    contract.check_heads(f"gan.model: the discriminator {whose}", heads, recipe.heads)
    for name, size in recipe.heads.items():
        what = f"gan.model: the head {name} {whose}"
        contract.check_output(what, _describe(what, heads[name]), (count, size)[: 1 + (size > 1)], spec.precision)


def _conditions(spec: GanSpec) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an event's conditions."""
    shapes = {"energy": (), "particle": (len(spec.particles),)}
    shapes |= {"angle": ()} if spec.angles else {}
    return shapes | ({} if spec.template is None else {"template": (*spec.image_shape, 1)})


def _empty(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tf.Tensor]:
    """Return two events of zeros, to try networks with."""
    return {name: tf.zeros((2, *shape), keras.config.floatx()) for name, shape in shapes.items()}


def _describe(what: str, tensor: Any) -> tuple[tuple[int, ...], str]:
    """Return the shape and type of a tensor."""
    if not tf.is_tensor(tensor):
        raise ConfigError(f"{what} is a {type(tensor).__name__}; a tensor is expected")
    return tuple(tensor.shape), tensor.dtype.name
