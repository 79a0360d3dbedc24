"""Backends come in by name, when asked for, or say what is missing."""

import os
import re
import subprocess
import sys

import pytest

from hvdgan.backends import load, settings
from hvdgan.errors import ConfigError


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_an_unknown_backend_is_refused_with_the_legal_names():
    with pytest.raises(ConfigError, match="'jax'; legal are torch, keras"):
        load("jax")


def test_a_backend_offers_the_public_names():
    backend = load("torch")
    assert {"Gan", "MODELS", "use_device", "count_devices", "seed"} <= set(backend.__all__)
    assert all(hasattr(backend, name) for name in backend.__all__)


@pytest.mark.slow
def test_keras_comes_in_quietly_alone_and_with_as_many_threads_as_openmp():
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    program = (
        "import os, sys; from hvdgan.backends import load\n"
        "keras = load('keras'); keras.use_device(None)\n"
        "import tensorflow as tf; tf.function(lambda x: x @ x)(tf.ones((300, 300)))\n"
        "print(sorted(keras.__all__), 'torch' in sys.modules, len(os.listdir('/proc/self/task')))"
    )
    bounded = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=90, env=bounded)
    assert done.stderr == ""
    names, torch, threads = done.stdout.rsplit(maxsplit=2)
    assert names == str(sorted(load("torch").__all__))
    assert torch == "False"
    assert int(threads) <= 5  # TensorFlow's own housekeeping beside the one that computes


@pytest.mark.slow
def test_torch_needs_no_tensorflow_for_any_verb():
    program = (
        "import sys; sys.modules.update(tensorflow=None, keras=None)\n"
        "from hvdgan.backends import load; import hvdgan.run.study, hvdgan.run.check, hvdgan.parallel.horovod_torch\n"
        "print(load('torch').Gan)"
    )
    done = run(program)
    assert done.stdout == "<class 'hvdgan.backends.torch.gan.Gan'>\n", done.stderr


def test_notes_are_held_back_and_all_else_is_passed_on():
    program = (
        "import os; from hvdgan.backends.quiet import quiet\n"
        "with quiet():\n"
        "    os.write(2, b'WARNING: All log messages before absl::InitializeLog() is called\\n')\n"
        "    os.write(2, b'I0000 00:00:1795571699.545366    5284 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "    os.write(2, b'E0000 00:00:1795571699.545366    5284 cuda.cc:1] no device\\n')\n"
        "    raise SystemExit('lost')"
    )
    said = run(program).stderr.splitlines()
    assert said == ["E0000 00:00:1795571699.545366    5284 cuda.cc:1] no device", "lost"]


def test_an_environment_of_the_users_own_is_kept():
    assert settings({"OMP_NUM_THREADS": "auto", "TF_CPP_MIN_LOG_LEVEL": "0"}) == {"TF_CPP_MIN_LOG_LEVEL": "0"}
    bounds = {"TF_NUM_INTRAOP_THREADS": "3", "TF_NUM_INTEROP_THREADS": "1"}
    assert bounds.items() <= settings({"OMP_NUM_THREADS": "3", "TF_NUM_INTEROP_THREADS": "1"}).items()


def test_importing_the_room_loads_no_framework():
    program = "import sys, hvdgan.backends.interface, hvdgan.training.draws; "
    program += "print({'torch', 'tensorflow', 'keras'} & set(sys.modules))"
    assert run(program).stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("library", "name", "advice"),
    [
        ("torch", "torch", "needs torch, which is not installed: pip install"),
        ("tensorflow", "keras", "needs tensorflow, which is not installed: run scripts/setup --frameworks torch,keras"),
        ("keras", "keras", "needs keras, which is not installed: .* pip install 'hvdgan\\[keras\\]'"),
    ],
)
def test_a_missing_library_is_named_with_what_to_install(library, name, advice):
    program = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from hvdgan.backends import load; from hvdgan.errors import MissingDependencyError\n"
        f"try: load({name!r})\n"
        "except MissingDependencyError as error: print(error)"
    )
    assert re.search(advice, run(program).stdout)


def test_a_gpu_that_is_not_there_is_refused(backend):
    assert backend.count_devices() < 99
    with pytest.raises(ConfigError, match=r"there is no number 99; None uses the processor"):
        backend.use_device(99)
    backend.use_device(None)


def test_seeding_repeats_the_frameworks_numbers(backend):
    backend.seed(2**40 + 5)
    first = backend.eyes.random()
    backend.seed(2**40 + 5)
    assert backend.eyes.random() == first
