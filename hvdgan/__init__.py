"""Train and tune calorimeter-simulation GANs with Horovod and Optuna inside one MPI job."""

__version__ = "0.1.0"
