"""Networks in Keras of many kinds, and with one flaw each; see `test_examine.py`."""

from math import prod
from typing import Literal

import keras
import tensorflow as tf
from keras import layers


class Flawed(layers.Layer):
    """Makes of images what a flaw makes of them."""

    def __init__(self, flaw):
        super().__init__(trainable=True, dtype=keras.config.floatx())
        self.flaw = flaw
        self.scale = self.add_weight(shape=(), initializer="ones")
        if flaw == "twice":
            self.kernels = [self.add_weight(shape=(), name="kernel") for _ in range(2)]

    def call(self, image):
        """Return images of one channel that are not negative, or something else."""
        if self.flaw == "raises":
            raise ValueError("no such detector")
        image = tf.nn.softplus(image) * self.scale
        flawed = {"shape": image[..., 0], "type": tf.cast(image, tf.float16), "negative": -image, "kind": [image]}
        flawed |= {"nan": image / 0 * 0, "detached": tf.stop_gradient(image)}
        return flawed.get(self.flaw, image)


class Block(layers.Layer):
    """Layers in a layer, with a weight of its own."""

    def __init__(self, cells):
        super().__init__()
        self.steps = [layers.Dense(cells), layers.Dropout(0.3)]
        self.frozen = layers.Dense(cells, trainable=False)
        self.shift = self.add_weight(shape=(cells,))

    def call(self, image):
        """Go through all of it."""
        for step in (*self.steps, self.frozen):
            image = step(image)
        return image + self.shift


class Join(layers.Layer):
    """Begins a Sequential: a row of numbers of each event."""

    def call(self, events):
        """Join noise, energy and class."""
        return tf.concat((events["noise"], events["energy"][:, None], events["particle"]), axis=1)


class Subclassed(keras.Model):
    """A generator that is built by its first call."""

    def __init__(self, rest):
        super().__init__()
        self.join, self.rest, self.slope = Join(), rest, self.add_weight(shape=(1,), initializer="ones", name="slope")

    def call(self, events):
        """Return images."""
        row = self.join(events) * self.slope
        for layer in self.rest:
            row = layer(row)
        return row


class Discriminator(keras.Model):
    """One dense layer."""

    def __init__(self, classes, flaw):
        super().__init__()
        self.flaw, self.flat = flaw, layers.Flatten()
        self.heads = layers.Dense(2 + classes, trainable=flaw != "frozen")
        self.extra = []

    def call(self, events):
        """Return heads, or what the flaw makes of them."""
        told = self.heads(self.flat(events["images"]))
        total = tf.reduce_sum(events["images"], axis=(1, 2, 3, 4))
        heads = {"generation": told[:, 0], "auxiliary": told[:, 1], "ecal": total, "particle": told[:, 2:]}
        flawed = {"list": list(heads.values()), "head": heads | {"generation": told[:, :1]}, "missing": {"ecal": total}}
        return flawed.get(self.flaw, heads)


class Lazy:
    """A recipe that never trains the generator."""

    terms, heads, passes = ("half",), {"generation": 1}, 1

    def train(self, trainer, real, fakes):
        """Train the discriminator on nothing but real events."""
        trainer.update("discriminator", self.judge, real)

    def judge(self, trainer, real):
        """Return a loss."""
        loss = tf.reduce_mean(trainer.judge(real["images"], real)["generation"])
        return tf.stack([loss, loss])


def functional(latent_size, rest, listed):
    """Build a functional generator of noise and energy."""
    events = {"noise": keras.Input((latent_size,), name="noise"), "energy": keras.Input((), name="energy")}
    row = layers.Concatenate()([events["noise"], layers.Reshape((1,))(events["energy"])])
    for layer in rest:
        row = layer(row)
    return keras.Model(list(events.values()) if listed else events, row)


def build(
    image_shape,
    classes,
    latent_size,
    *,
    flaw: str = "none",
    kind: Literal["subclassed", "sequential", "functional", "listed", "strange"] = "subclassed",
):
    """Build networks of a kind with a flaw."""
    cells = prod(image_shape)
    rest = [layers.Dense(cells), Block(cells), layers.Reshape((*image_shape, 1)), layers.BatchNormalization()]
    rest.append(Flawed(flaw))
    discriminator = Discriminator(classes, flaw)
    if kind == "subclassed":
        generator = Subclassed(rest)
    elif kind == "sequential":
        generator = keras.Sequential([Join(), *rest])
    elif kind == "strange":
        colour = keras.Input((4,), name="colour")
        generator = keras.Model(colour, rest[0](colour))
    else:
        generator = functional(latent_size, rest, kind == "listed")
    if flaw == "alone":
        return generator
    if flaw == "shared":
        discriminator.extra.append(rest[0])
    recipes = {"wordless": (object(),), "one-sided": (Lazy(),)}
    return generator, discriminator, *recipes.get(flaw, ())
