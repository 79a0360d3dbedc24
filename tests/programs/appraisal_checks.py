"""The metrics at a training's end: a ring measures what one process does; run by `gan_rings.py`.

The weights, events and seeds are the same. Real events are the same to the last bit, and so are generated ones but for
the rounding of other batch sizes, which float64 networks keep below what float32 images hold.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.metrics import METRICS
from hvdgan.calo.settings import Settings
from hvdgan.calo.simulate import draw_conditions, simulate
from hvdgan.config import parse
from hvdgan.data.formats import LcdV1
from hvdgan.parallel.agreement import lead
from hvdgan.parallel.ring import SoloRing
from hvdgan.run.build import make_spec, open_data, plan_course
from hvdgan.training.appraisal import Appraisal

EVENTS = 61
"""An odd number: the ranks' shares differ."""

QUICK = Settings(repeats=5, frechet_draws=3, kernel_batches=3, iterations=10)
NETWORKS = {"latent_size": 4, "precision": "float64", "model_args": {"width": 0.05, "cell_unit": 1e-3}}


def measure(config, ring, make):
    """Measure every metric with the networks of a seed."""
    with open_data(config) as files:
        course = plan_course(config, files, None)
        calibration = course.calibrate(SoloRing(), False)
        gan = make(make_spec(config, files.image_shape, course.particles, calibration, course.angles), ring)
        return Appraisal(tuple(METRICS), QUICK, EVENTS, 3).measure(gan, ring, course)


def check_appraisal(ring, make):
    with TemporaryDirectory() as folder:
        showers = simulate(draw_conditions(130, seed=3), Geometry.parse().with_grid(5, 5, 5), 3)
        LcdV1().write(Path(folder, "showers.h5"), showers)
        config = parse({"data": {"files": [f"{folder}/*.h5"], "validation": 0.5}, "gan": NETWORKS})
        alone = lead(ring, lambda: measure(config, SoloRing(), make))
        shared = measure(config, ring, make)
    assert list(shared) == list(alone) == list(METRICS)
    for name, value in alone.items():
        assert np.isclose(shared[name], value, rtol=1e-12, atol=0), (name, shared[name], value)
