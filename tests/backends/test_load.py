"""Backends come in by name, when asked for, or say what is missing."""

import subprocess
import sys

import pytest

from hvdgan.backends import load
from hvdgan.errors import ConfigError


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_an_unknown_backend_is_refused_with_the_legal_names():
    with pytest.raises(ConfigError, match="'jax'; legal are torch"):
        load("jax")


def test_a_backend_offers_the_public_names():
    backend = load("torch")
    assert {"Gan", "MODELS", "use_device", "count_devices", "seed"} <= set(backend.__all__)
    assert all(hasattr(backend, name) for name in backend.__all__)


def test_importing_the_room_loads_no_framework():
    program = "import sys, hvdgan.backends.interface, hvdgan.training.draws; print('torch' in sys.modules)"
    assert run(program).stdout.strip() == "False"


def test_a_missing_library_is_named_with_what_to_install():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from hvdgan.backends import load; from hvdgan.errors import MissingDependencyError\n"
        "try: load('torch')\n"
        "except MissingDependencyError as error: print(error)"
    )
    assert "needs torch, which is not installed: pip install" in run(program).stdout


def test_a_gpu_that_is_not_there_is_refused():
    backend = load("torch")
    with pytest.raises(ConfigError, match=r"there is no number 99; None uses the processor"):
        backend.use_device(99)
    backend.use_device(None)


def test_seeding_repeats_the_frameworks_numbers():
    import torch

    backend = load("torch")
    backend.seed(5)
    first = torch.rand(3).tolist()
    backend.seed(5)
    assert torch.rand(3).tolist() == first
