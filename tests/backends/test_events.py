"""What events the networks get, class by class."""

import numpy as np
import pytest

from hvdgan.backends.events import asked_events, classify, fake_events, real_events
from hvdgan.backends.interface import Batch
from hvdgan.calo.response import expected_sum
from hvdgan.calo.shower import Conditions
from hvdgan.errors import ConfigError
from hvdgan.training.draws import draw

RESPONSE = ((-0.02, 2.1), (0.0, 1.4))
DRAW = draw(1, 0, 0, 6, 3, passes=2, classes=2, energies=(10.0, 500.0), label_flip=0.4)


def test_fakes_expect_the_sum_of_their_own_class():
    for number in (0, 1):
        fakes = fake_events(DRAW, number, RESPONSE)
        for event, (energy, particle) in enumerate(zip(DRAW.energy[number], DRAW.particle[number], strict=True)):
            assert fakes["deposited"][event] == pytest.approx(float(expected_sum(RESPONSE[particle], energy)))
            assert fakes["particle"][event].tolist() == np.eye(2)[particle].tolist()
        np.testing.assert_allclose(fakes["energy"], DRAW.energy[number] / 100)
        np.testing.assert_array_equal(fakes["label"], DRAW.flip[1])


def test_real_events_hold_their_own_sum():
    images = np.random.default_rng(0).random((6, 2, 3, 4), dtype=np.float32)
    real = real_events(Batch(images, np.full(6, 50, np.float32), np.arange(6) % 2), DRAW, 2)
    np.testing.assert_allclose(real["deposited"], images.sum(axis=(1, 2, 3)), rtol=1e-6)
    np.testing.assert_array_equal(real["label"], ~DRAW.flip[0])
    assert real["particle"].tolist() == [[1, 0], [0, 1]] * 3


def test_every_event_has_the_template_of_its_class_and_energy():
    template = np.zeros((2, 4, 2, 3, 4), dtype=np.float32)
    template[:, 0] = np.array([0.02, 0.01])[:, None, None, None]
    fakes = fake_events(DRAW, 1, RESPONSE, template)
    expected = DRAW.energy[1] * np.array([0.02, 0.01])[DRAW.particle[1]]
    np.testing.assert_allclose(
        fakes["template"], np.broadcast_to(expected[:, None, None, None], (6, 2, 3, 4)), rtol=1e-5
    )
    assert "template" not in fake_events(DRAW, 1, RESPONSE)


def test_a_class_that_was_never_trained_is_refused_by_name():
    conditions = Conditions.perpendicular(np.full(3, 50.0), np.array([11, -11, 22]))
    assert asked_events(conditions, (22, 11), 0, 0, 5)["particle"].argmax(axis=1).tolist() == [1, 1, 0]
    with pytest.raises(ConfigError, match="trained with electron, charged_hadron; they know no photon"):
        classify(conditions.particle, (11, 211))
