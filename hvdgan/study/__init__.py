"""The search for hyper-parameters with Optuna; knows trials and groups of ranks, but no GAN and no framework."""
