"""Pairs are found by participant, and their differences carry batches and bridges."""

import numpy as np
import pytest

from scleromyomics.plan.contrasts import Unit
from scleromyomics.plan.pairs import difference_design, linking
from scleromyomics.stats.design import centred, estimable


def unit(name, batch, platform="chip"):
    """The merged samples of one participant."""
    return Unit(name, (f"{name}_{batch}",), platform, batch, "W1")


def pair(name, before, after):
    """One participant in two batches."""
    return unit(name, before), unit(name, after)


SAME = [pair(name, "b1", "b2") for name in "ABC"]


def test_time_that_equals_batch_is_not_estimable_and_a_bridge_makes_it_so():
    for bridges, expected in (([], False), ([pair("A", "b1", "b2")], True)):
        design = difference_design(SAME, bridges)
        assert estimable(design, design.contrast({"change": 1.0})) is expected


def test_the_design_recovers_change_and_batch_effects():
    shift = {"b1": 0.0, "b2": 1.5, "b3": -2.0}
    pairs = [pair("A", "b1", "b2"), pair("B", "b1", "b3"), pair("C", "b2", "b2"), pair("D", "b3", "b1")]
    y = np.array([0.7 + shift[after.batch] - shift[before.batch] for before, after in pairs])
    design = difference_design(pairs, [])
    assert design.names == ("change", "batch[b2]", "batch[b3]")
    np.testing.assert_allclose(np.linalg.lstsq(design.matrix, y, rcond=None)[0], [0.7, 1.5, -2.0])


def test_bridges_have_neither_change_nor_term():
    design = difference_design(SAME, [pair("A", "b1", "b2")], centred("measure", [1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(design.matrix[-1], [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(design.matrix[:3, 1], [-1.0, 0.0, 1.0])


@pytest.mark.parametrize("bridge", [pair("A", "b1", "b1"), pair("A", "b1", "b7")])
def test_a_bridge_that_links_no_two_batches_of_the_pairs_is_left_out(bridge):
    assert linking(SAME, [bridge]) == []
    assert len(difference_design(SAME, [bridge]).matrix) == 3
