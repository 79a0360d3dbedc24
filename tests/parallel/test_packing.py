"""Packing: nothing is lost on the way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from hvdgan.parallel.packing import decode, encode, flatten, from_bits, to_bits, unflatten

KINDS = st.one_of(
    stn.floating_dtypes(endianness="="),
    stn.integer_dtypes(endianness="="),
    stn.boolean_dtypes(),
    st.just(np.dtype("U3")),
)
ARRAYS = stn.arrays(KINDS, stn.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
STATES = st.dictionaries(st.text(max_size=8), ARRAYS, max_size=4)


@given(STATES)
def test_state_comes_back_bit_for_bit(state):
    got = decode(encode(state))
    assert list(got) == list(state)
    for name, array in state.items():
        assert (got[name].dtype, got[name].shape, got[name].tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert got[name].flags.writeable


def test_objects_cannot_be_sent():
    with pytest.raises(TypeError, match="weights holds Python objects"):
        encode({"weights": np.array([None])})


@given(st.dictionaries(st.text(max_size=4), stn.arrays(np.float64, stn.array_shapes(min_dims=0, max_dims=2))))
def test_numbers_come_back_in_their_places(values):
    got = unflatten(flatten(values), values)
    assert list(got) == list(values)
    for name, array in values.items():
        assert np.array_equal(got[name], array, equal_nan=True)
        assert got[name].shape == array.shape


def test_types_after_averaging():
    like = {"number": 1, "single": np.zeros(2, dtype=np.float32), "counts": np.zeros(2, dtype=int)}
    got = unflatten(np.full(5, 0.25), like)
    assert got["number"] == 0.25
    assert (got["single"].dtype, got["counts"].dtype) == (np.float32, np.float64)


@given(st.integers(0, 2**16 - 1))
def test_words_and_bits(word):
    assert from_bits(to_bits(word, 16)) == word
