"""The cases: what each changes of the recipe, as words of `hvdgan train --set`."""

RECIPE = {
    "data.validation": "0.15",
    "gan.model": "wgan_gp",
    "gan.latent_size": "64",
    "gan.template": "true",
    "training.batch_size": "32",
    "training.optimizer": "adam",
    "training.adam.beta1": "0.0",
    "training.adam.beta2": "0.9",
    "training.learning_rate": "0.001",
    "training.decay": "linear",
    "training.averaging": "0.2",
}
"""The recipe itself."""

CASES = {
    "recipe": {},  # the recipe itself
    "no_template": {"gan.template": "false"},  # the generator begins with even showers
    "critic_only": {"gan.model_args.distance": "0.0"},  # no energy score beside the critic
    "score_only": {"gan.model_args.distance": "1000.0"},  # next to no critic beside the energy score
    "no_averaging": {"training.averaging": "0.0"},  # the last generator instead of the mean of the last ones
    "no_decay": {"training.decay": "none"},  # a constant learning rate
    "three_critic_steps": {"gan.model_args.critic_steps": "3"},  # as the conv prototype had
    "double_rate": {"training.learning_rate": "0.002"},  # a learning rate of 0.002
    "half_rate": {"training.learning_rate": "0.0005"},  # a learning rate of 0.0005
    "half_width": {"gan.model_args.width": "0.5"},  # 128 units instead of 256
    "wide_hits": {"gan.model_args.hit_spread": "1.0"},  # hits of exponential energies
    "published_3dgan": {  # 3DGAN with its own optimizer
        "gan.model": "3dgan",
        "gan.template": "false",
        "training.optimizer": "rmsprop",
        "gan.model_args.cell_unit": "0.001",
        "gan.model_args.cell_power": "0.5",
        "gan.model_args.width": "0.5",
    },
}
"""Changes by the name of the case."""


def on_ring(ranks: int, grown: bool, scaling: str = "none") -> dict[str, str]:
    """Return what a ring changes: the batch of a rank, or the learning rate where the global batch grows with the ring.

    >>> on_ring(4, grown=False)
    {'training.batch_size': '8'}
    """
    if grown:
        return {"training.rate_scaling": scaling}
    return {"training.batch_size": str(int(RECIPE["training.batch_size"]) // ranks)}
