"""Several samples of one person as one call; reads as they are stored."""

import numpy as np
import pytest

from scleromyomics.stats.calls import allele_fraction, merge_burdens, merge_calls, storable_reads

NAN = np.nan


@pytest.mark.parametrize(
    ("calls", "quality", "merged", "score"),
    [
        ([1, 1], [20, 30], 1, 50),  # who agree add up
        ([0, 1], [20, 30], 1, 30),  # the better supported one, not the mean
        ([0, 1], [30, 20], 0, 30),
        ([0, 1], [30, 30], NAN, 0),  # as much speaks for either
        ([0, 1, 1], [50, 30, 30], 1, 60),  # two weak ones are more than a strong one
        ([0, 1, 1], [99, 10, 10], 0, 99),
        ([NAN, 2], [0, 12], 2, 12),
        ([NAN, NAN], [0, 0], NAN, 0),
        ([1, 1, 0], [0, 0, 0], 1, 0),  # without qualities the majority
        ([1], [7], 1, 7),
    ],
)
def test_the_call_with_most_support_stands(calls, quality, merged, score):
    dosage, phred = merge_calls(np.array(calls, float)[:, None], np.array(quality, float)[:, None])
    np.testing.assert_array_equal([dosage[0], phred[0]], [merged, score])


def test_the_order_of_samples_does_not_matter():
    rng = np.random.default_rng(1)
    calls = rng.choice([0, 1, 2, NAN], (4, 500))
    quality = np.where(np.isnan(calls), 0, rng.integers(0, 5, calls.shape)).astype(float)
    for one, other in zip(merge_calls(calls, quality), merge_calls(calls[::-1], quality[::-1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_burden_is_that_of_the_sample_with_most_sites_called():
    burden = np.array([[1, 0, NAN, NAN, 0], [0, 2, NAN, 3, 1.0]])
    called = np.array([[9, 4, 0, 0, 5], [8, 4, 0, 1, 5.0]])
    np.testing.assert_array_equal(merge_burdens(burden, called), [1, 2, NAN, 3, 1])
    assert merge_burdens(burden[:0], called[:0]).shape == (5,)


def test_very_deep_sites_keep_their_allele_fraction():
    depth, alternate = np.array([0, 10, 65_535, 1_000_000]), np.array([0, 3, 65_535, 250_000])
    stored = storable_reads(depth, alternate)
    assert [one.tolist() for one in stored] == [[0, 10, 65_535, 65_535], [0, 3, 65_535, 16_384]]
    assert {one.dtype for one in stored} == {np.dtype("uint16")}
    np.testing.assert_allclose(allele_fraction(depth, alternate), [NAN, 0.3, 1, 0.25])
    assert allele_fraction(depth, alternate).dtype == np.float32
