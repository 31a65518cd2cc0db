"""Quantile normalisation is that of preprocessCore, ties included, and an array can be set on any target."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.microarray.normalise import log2_at_ranks, rank

VALUES = Path(__file__).parents[2] / "reference" / "rma" / "values.npz"


def test_normalised_arrays_equal_preprocess_core() -> None:
    with np.load(VALUES) as stored:
        background, expected = stored["background"], stored["quantiles"]
    sorted_arrays, ranks = zip(*(rank(array) for array in background), strict=True)
    assert any(np.unique(array).size < array.size for array in background)  # tied intensities take part
    levels = log2_at_ranks(np.mean(sorted_arrays, axis=0))
    np.testing.assert_allclose([levels[one] for one in ranks], np.log2(expected), rtol=0, atol=1e-12)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30))
def test_tied_values_share_the_middle_of_their_ranks(values: list[int]) -> None:
    array = np.array(values, dtype=float)
    ascending, ranks = rank(array)
    middle = [np.flatnonzero(ascending == value).mean() for value in array]
    np.testing.assert_array_equal(ascending, np.sort(array))
    np.testing.assert_array_equal(ranks, 2 * np.array(middle))


def test_a_middle_between_two_ranks_is_halfway_between_two_target_values() -> None:
    np.testing.assert_allclose(2 ** log2_at_ranks(np.array([1.0, 2.0, 6.0])), [1, 1.5, 2, 4, 6])
