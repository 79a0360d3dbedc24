"""The torch backend: the public names that every backend offers."""

from hvdgan.backends.torch.device import count_devices, peak_memory, seed, use_device
from hvdgan.backends.torch.gan import MODELS, Gan
from hvdgan.backends.torch.yardsticks import Gradients, multiply

__all__ = ["Gan", "Gradients", "MODELS", "count_devices", "multiply", "peak_memory", "seed", "use_device"]
