"""The torch backend: the public names that every backend offers."""

from hvdgan.backends.torch.device import count_devices, peak_memory, seed, use_device
from hvdgan.backends.torch.gan import MODELS, Gan

__all__ = ["Gan", "MODELS", "count_devices", "peak_memory", "seed", "use_device"]
