"""The layouts that are compared, and the training that each of them does: the same events, seeds and networks."""

from typing import Any

from hvdgan.config import Config, parse

RANKS = 4
SLOWER = 3.0
"""How many times longer a step takes the slow rank."""

UPDATES = 2
"""Steps of the critic in one training step."""

LAYOUTS: dict[str, dict[str, Any]] = {
    "ring": {"training.replicas": 1},
    "two": {"training.replicas": 2},
    "easgd": {"training.replicas": 4},
    "downpour": {"training.replicas": 4, "training.exchange.kind": "downpour"},
    "gem": {"training.replicas": 4, "training.exchange.kind": "gem"},
}
"""What each sets; all others are as in `configure`."""


def configure(files: str, epochs: int, layout: str, seed: int) -> Config:
    """Return the configuration of one training.

    Args:
        files: Shell pattern of the shower files.
        epochs: Passes over the events.
        layout: Name of the layout.
        seed: Of the training.
    """
    base = {
        "data": {"files": [files], "validation": 0.2},
        "gan": {"model": "wgan_gp", "latent_size": 16, "model_args": {"width": 0.25, "critic_steps": UPDATES}},
        "training": {
            "epochs": epochs,
            "seed": seed,
            "batch_size": 16,
            "optimizer": "adam",
            "adam": {"beta1": 0.0, "beta2": 0.9},
            "metric_every": 10,
            "exchange": {"every": 4},
        },
    }
    return parse(base).replace(LAYOUTS[layout])


def ring_bytes(config: Config, parameters: dict[str, int], steps: int) -> int:
    """Return the bytes that ring-allreduces move between all ranks in a training.

    A ring of q ranks moves 2 (q - 1) times a network's gradients at each of its updates.

    Args:
        config: The configuration.
        parameters: By network.
        steps: Of all rings together.
    """
    size = RANKS // config.training.replicas
    updated = UPDATES * parameters["discriminator"] + parameters["generator"]
    return steps * 2 * (size - 1) * 4 * updated
