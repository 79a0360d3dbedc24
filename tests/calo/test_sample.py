"""Samples: observables of layers worked by hand, the same whatever the blocks, and nothing lost."""

import numpy as np
import pytest

from hvdgan.calo.observables import CELL_EDGES, cell_spectrum, layer_moments
from hvdgan.calo.sample import BLOCK, Sample, features, observe
from hvdgan.errors import DataError


def test_observables_by_hand():
    """One event of 100 GeV in 3 x 2 x 2 cells; layer 0: 1 GeV at x 0 and 3 GeV at x 2, both y 1; layer 1: 4 GeV."""
    image = np.zeros((1, 3, 2, 2), dtype=np.float32)
    image[0, 0, 1, 0], image[0, 2, 1, 0], image[0, 1, 0, 1] = 1.0, 3.0, 4.0
    found = observe(Sample.of(image, np.array([100.0])))
    assert found["sampling_fraction"].tolist() == [[0.08]]
    assert found["layer_energy"].tolist() == [[0.04, 0.04]]
    assert found["layer_centre"].tolist() == [[1.5, 1.0, 1.0, 0.0]]  # x of both layers, then y
    assert found["layer_width"][0] == pytest.approx([np.sqrt(0.75), 0.0, 0.0, 0.0])
    assert (found["depth"].item(), found["depth_width"].item(), found["sparsity"].item()) == (0.5, 0.5, 0.25)
    assert features(Sample.of(image, np.array([100.0]))).shape == (1, 5 + 5 * 2)
    assert features(Sample.of(image, np.array([100.0])))[0, 0] == 2.0


def test_every_cell_with_energy_is_counted_once():
    images = np.random.default_rng(0).lognormal(-8, 6, (4, 3, 4, 5)).astype(np.float32)
    images[:, 0] = 0.0
    images[0, 1, 0, 0] = np.nan
    counts = cell_spectrum(images)
    assert counts.sum(axis=1).tolist() == [39, 40, 40, 40]
    expected = np.histogram(images[1:], CELL_EDGES)[0]
    assert np.abs(counts[1:, 1:-1].sum(axis=0) - expected).sum() <= 2  # rounding at an edge


def test_layers_agree_with_a_loop():
    images = np.random.default_rng(1).random((3, 4, 5, 2))
    for axis, cells in ((1, 4), (2, 5)):
        shares = images.sum(axis=3 - axis) / images.sum(axis=(1, 2))[:, None]
        centre = np.einsum("ncz,c->nz", shares, np.arange(cells))
        np.testing.assert_allclose(layer_moments(images, axis)[:, :, 0], centre)


def test_a_sample_does_not_depend_on_its_blocks():
    generator = np.random.default_rng(2)
    images, energy = generator.random((BLOCK + 3, 2, 2, 2)), generator.uniform(10, 100, BLOCK + 3)
    whole = Sample.of(images, energy)
    parts = Sample.join([Sample.of(images[:5], energy[:5]), Sample.of(images[5:], energy[5:])])
    np.testing.assert_array_equal(features(whole), features(parts))
    np.testing.assert_array_equal(features(whole[3:9]), features(whole)[3:9])
    assert len(whole) == BLOCK + 3
    assert len(Sample.of(images[:0], energy[:0])) == 0


def test_parts_of_different_length_are_refused():
    sample = Sample.of(np.ones((2, 2, 2, 2)), np.ones(2))
    with pytest.raises(DataError, match="as many of each"):
        Sample(np.ones(3), sample.profiles, sample.layers, sample.hits, sample.spectrum)
