"""The torch backend: the public names that every backend offers."""

from hvdgan.backends.torch.device import count_devices, peak_memory, seed, use_device
from hvdgan.backends.torch.gan import Gan
from hvdgan.backends.torch.models import MODELS, list_whole_layers
from hvdgan.backends.torch.yardsticks import Gradients, multiply

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
