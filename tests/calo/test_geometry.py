"""The calorimeter as data: the default's known scales, other stacks, grids, merged cells, and what is refused."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hvdgan.calo.geometry import CLIC, Geometry, merge_cells
from hvdgan.errors import ConfigError, DataError


def changed(path: str, value: object) -> dict:
    """Return the default's dictionary with one dotted key set."""
    content = copy.deepcopy(CLIC)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    target = content
    for parent in parents:
        target = target[parent]
    target[last] = value
    return content


def test_default_has_the_scales_of_clic():
    geometry = Geometry.parse()
    assert geometry.grid == (25, 25, 25)
    assert geometry.window_mm == pytest.approx((127.5, 127.5))
    x0 = np.diff(geometry.depth_x0)
    assert x0[[0, 24]] == pytest.approx([0.669, 1.301], rel=2e-3)
    assert geometry.mip_fraction[[0, 24]] == pytest.approx([0.0338, 0.0182], rel=1e-2)
    medium = geometry.medium
    assert medium.z == pytest.approx(69, rel=0.01)
    assert medium.critical_energy == pytest.approx(8.7, rel=0.02)
    assert 13.0 < medium.moliere_mm < 15.7
    assert medium.e_over_mip == pytest.approx(0.704, abs=1e-3)
    assert medium.sampling_frequency == pytest.approx(25 / geometry.depth_x0[-1])


def test_another_stack():
    content = changed("layers", [{"count": 10, "absorber_mm": 3.5, "silicon_mm": 0.3, "readout_mm": 0}])
    content["cells"] = {"count": [8, 16], "size_mm": 10}
    geometry = Geometry.parse(content)
    assert geometry.grid == (8, 16, 10)
    assert geometry.window_mm == (80.0, 160.0)
    assert geometry.mip_fraction[0] == pytest.approx(0.3 * 0.388 / (0.3 * 0.388 + 3.5 * 2.04))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("layer", 3, "unknown key layer"),
        ("layers", [], "a list of groups"),
        ("layers.0.count", 0, r"layers\[0\].count"),
        ("layers.1.absorber_mm", "thick", r"layers\[1\].absorber_mm: 'thick'"),
        ("layers.1.silicon_mm", 0, "positive number"),
        ("layers.0", {"count": 3}, "missing key absorber_mm, missing key readout_mm, missing key silicon_mm"),
        ("cells", 25, "a mapping with the keys count, size_mm"),
        ("cells.count", [25], "cells.count"),
        ("cells.size_mm", -5.1, "cells.size_mm: -5.1"),
        ("absorber.x0_mm", float("nan"), "absorber.x0_mm: nan"),
        ("silicon.z", True, "silicon.z: True"),
    ],
)
def test_illegal_dictionary_is_refused(path: str, value: object, words: str):
    with pytest.raises(ConfigError, match=words):
        Geometry.parse(changed(path, value))


@given(z=st.integers(1, 25))
def test_layers_are_merged_into_nearly_equal_runs(z: int):
    depth = Geometry.parse().with_grid(5, 5, z).depth_of_layer
    sizes = np.bincount(depth, minlength=z)
    assert (np.diff(depth) >= 0).all()
    assert len(sizes) == z
    assert sizes.max() - sizes.min() <= 1


@given(x=st.integers(1, 60), y=st.integers(1, 60))
def test_grid_keeps_the_window(x: int, y: int):
    fine = Geometry.parse()
    coarse = fine.with_grid(x, y, 3)
    assert coarse.grid == (x, y, 3)
    assert (coarse.window_mm, coarse.impact_mm, coarse.medium) == (fine.window_mm, fine.impact_mm, fine.medium)


@pytest.mark.parametrize("grid", [(5, 5, 26), (0, 5, 5), (5, 2.5, 5)])
def test_illegal_grid_is_refused(grid: tuple):
    with pytest.raises(ConfigError, match="grid"):
        Geometry.parse().with_grid(*grid)


def test_merge_cells_by_hand():
    images = np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4)
    assert merge_cells(images, (1, 2, 2)).tolist() == [[[[0 + 1 + 8 + 9, 2 + 3 + 10 + 11], [4 + 5 + 12 + 13, 42]]]]
    assert merge_cells(images, (2, 2, 4)).tolist() == images.tolist()


@given(
    images=arrays(np.float32, (2, 6, 4, 5), elements=st.floats(0, 100, width=32)),
    grid=st.tuples(st.sampled_from([1, 2, 3, 6]), st.sampled_from([1, 2, 4]), st.sampled_from([1, 5])),
)
@settings(deadline=None)
def test_merge_cells_keeps_totals_and_commutes_with_swapping_axes(images: np.ndarray, grid: tuple):
    merged = merge_cells(images, grid)
    assert merged.shape == (2, *grid)
    assert merged.dtype == images.dtype
    np.testing.assert_allclose(merged.sum(axis=(1, 2, 3)), images.sum(axis=(1, 2, 3)), rtol=1e-5)
    swapped = merge_cells(images.swapaxes(1, 2), (grid[1], grid[0], grid[2]))
    np.testing.assert_allclose(swapped.swapaxes(1, 2), merged, rtol=1e-6)


def test_merge_cells_lists_the_legal_numbers():
    images = np.zeros((1, 12, 6, 25), dtype=np.float32)
    legal = r"x \[1, 2, 3, 4, 6, 12\], y \[1, 2, 3, 6\], z \[1, 5, 25\]"
    with pytest.raises(DataError, match=f"12 x 6 x 25 cells cannot be merged to 6 x 4 x 5; legal numbers are {legal}"):
        merge_cells(images, (6, 4, 5))
    with pytest.raises(DataError, match="legal numbers"):
        merge_cells(images, (24, 6, 25))
    with pytest.raises(DataError, match="is needed"):
        merge_cells(images[0], (6, 3, 5))
