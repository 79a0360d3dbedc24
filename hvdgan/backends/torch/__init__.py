"""The torch backend: the public names that every backend offers."""

from hvdgan.backends.torch.device import count_devices, peak_memory, seed, use_device
from hvdgan.backends.torch.gan import MODELS, Gan, list_whole_layers

__all__ = ["Gan", "MODELS", "count_devices", "list_whole_layers", "peak_memory", "seed", "use_device"]
