"""The Keras backend, over TensorFlow: the public names that every backend offers."""

from hvdgan.backends.keras.device import count_devices, peak_memory, seed, use_device
from hvdgan.backends.keras.gan import Gan
from hvdgan.backends.keras.models import MODELS, list_whole_layers
from hvdgan.backends.keras.yardsticks import Gradients, multiply

__all__ = [
    "Gan",
    "Gradients",
    "MODELS",
    "count_devices",
    "list_whole_layers",
    "multiply",
    "peak_memory",
    "seed",
    "use_device",
]
