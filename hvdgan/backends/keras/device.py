"""Where networks live: one device for the whole process, chosen before a Gan is built."""

import keras
import tensorflow as tf

from hvdgan.errors import ConfigError

_chosen = "/CPU:0"


def use_device(index: int | None) -> None:
    """Choose the device of the Gans built from now on.

    TensorFlow takes memory of every GPU it can see: it is shown this one alone.

    Args:
        index: Number of a GPU of this host, or None for the processor.

    Raises:
        ConfigError: There is no such GPU.
    """
    global _chosen
    gpus = tf.config.list_physical_devices("GPU")
    if index is not None and not 0 <= index < len(gpus):
        raise ConfigError(
            f"TensorFlow sees {len(gpus)} GPUs on this host: there is no number {index}; None uses the processor"
        )
    mine = [] if index is None else [gpus[index]]
    if tf.config.get_visible_devices("GPU") != mine:
        tf.config.set_visible_devices(mine, "GPU")
        for gpu in mine:
            tf.config.experimental.set_memory_growth(gpu, True)
    _chosen = "/GPU:0" if mine else "/CPU:0"


def count_devices() -> int:
    """Return the number of GPUs TensorFlow sees on this host."""
    return len(tf.config.list_physical_devices("GPU"))


def peak_memory() -> int:
    """Return the most bytes of the chosen GPU that this process took so far; 0 on the processor."""
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] if _chosen.startswith("/GPU") else 0


def chosen_device() -> str:
    """Return the device that `use_device` chose; the processor before the first call."""
    return _chosen


def seed(number: int) -> None:
    """Seed the global random generators of Keras and TensorFlow, and Python's and numpy's with them."""
    keras.utils.set_random_seed(number % 2**32)
