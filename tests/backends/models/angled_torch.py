"""Networks that are told the angle, as a user would bring them; see `test_angle.py`."""

from hvdgan.backends.torch.angle import build_3dgan_angle


def build(image_shape, classes, latent_size, *, angles: bool, width: float = 0.2):
    """Build networks that tell the angle."""
    return build_3dgan_angle(image_shape, classes, latent_size, angles=angles, width=width)
