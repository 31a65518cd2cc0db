"""Median polish is that of preprocessCore; weights count arrays; the last sweep is the one over probes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.microarray.polish import (
    NETWORK,
    median_over_arrays,
    median_over_probes,
    median_polish,
    stacks,
)

VALUES = Path(__file__).parents[2] / "reference" / "rma" / "values.npz"
ONE_EACH = np.ones(6, dtype=np.int64)


def test_values_equal_preprocess_core() -> None:
    with np.load(VALUES) as stored:
        logged, expected, starts = np.log2(stored["quantiles"]), stored["polish"], stored["starts"]
    assert len(set(np.diff(starts))) > 5  # probe sets of many sizes, one probe included
    for sets, probes in stacks(starts, 6):
        values, _ = median_polish(np.moveaxis(logged[:, probes], 0, -1), ONE_EACH)
        np.testing.assert_allclose(values, expected[:, sets].T, rtol=0, atol=1e-12)


def test_values_are_medians_of_what_the_probe_effects_leave() -> None:
    stack = np.random.default_rng(1).normal(8, 1, (11, 50, 6)).round(1)
    values, effects = median_polish(stack, ONE_EACH)
    np.testing.assert_allclose(np.median(stack - effects[..., None], axis=0), values, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.median(effects, axis=0), 0, atol=1e-13)


def test_a_probe_set_is_polished_as_if_it_were_alone() -> None:
    stack = np.random.default_rng(2).normal(8, 1, (11, 40, 6))
    values, effects = median_polish(stack, ONE_EACH)
    alone = [median_polish(stack[:, [i]], ONE_EACH) for i in range(40)]
    np.testing.assert_array_equal(np.concatenate([one[0] for one in alone]), values)
    np.testing.assert_array_equal(np.concatenate([one[1] for one in alone], axis=1), effects)


def test_a_perfect_fit_is_found_exactly() -> None:
    random = np.random.default_rng(3)
    probe, array = np.array([-1.0, 0.0, 2.0]), random.integers(4, 12, 6).astype(float)
    values, effects = median_polish((probe[:, None] + array)[:, None, :], ONE_EACH)
    np.testing.assert_array_equal(effects[:, 0], probe)
    np.testing.assert_array_equal(values[0], array)


def test_a_weight_counts_as_so_many_equal_arrays() -> None:
    stack = np.random.default_rng(4).normal(8, 1, (11, 30, 4))
    weights = np.array([3, 1, 2, 2])
    values, effects = median_polish(stack, weights)
    repeated = np.repeat(np.arange(4), weights)
    copies, same = median_polish(stack[..., repeated], np.ones(8, dtype=np.int64))
    np.testing.assert_allclose(effects, same, rtol=0, atol=1e-12)
    np.testing.assert_allclose(values[:, repeated], copies, rtol=0, atol=1e-12)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), min_size=1, max_size=12))
def test_a_weighted_median_is_the_median_of_repeated_values(pairs: list[tuple[int, int]]) -> None:
    values, weights = np.array(pairs, dtype=np.int64).T
    found = median_over_arrays(values.astype(float), weights)
    assert found == np.median(np.repeat(values, weights))


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 200, NETWORK + 1])
def test_the_median_network_finds_the_median(size: int) -> None:
    stack = np.random.default_rng(size).integers(0, size, (size, 30, 2)).astype(float)
    before = stack.copy()
    np.testing.assert_array_equal(median_over_probes(stack), np.median(stack, axis=0))
    np.testing.assert_array_equal(stack, before)


def test_every_probe_is_in_one_stack() -> None:
    starts = np.concatenate([[0], np.cumsum(np.random.default_rng(6).integers(1, 30, 100))])
    cut = list(stacks(starts, 5000))
    assert sorted(np.concatenate([sets for sets, _ in cut])) == list(range(100))
    assert sorted(np.concatenate([probes.ravel() for _, probes in cut])) == list(range(starts[-1]))
    assert all((probes[0] == starts[sets]).all() for sets, probes in cut)
