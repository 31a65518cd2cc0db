"""Residuals hold what is left between participants or within them, of those who count, a row per gene."""

import numpy as np
import pytest

from scleromyomics.compare.residuals import residuals

GENES = ["B", "A", "C", "D"]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def visits(matrix_of, rng):
    """Two visits of 6 + 6 participants, who differ from each other; the second visit without the last two."""
    people = [{"participant": f"P{n:02d}", "group": "ssc" if n < 6 else "im"} for n in range(12)]
    own = rng.normal(8, 2, (12, 4))
    return [
        matrix_of(people[:n], own[:n] + rng.normal(size=(n, 4)), GENES, timepoint=timepoint)
        for timepoint, n in (("D1", 12), ("M12", 10))
    ]


def by_hand(values, labels):
    """Centred within labels, then of length 1; genes sorted."""
    left = values.copy()
    for label in set(labels):
        own = np.array(labels) == label
        left[own] -= values[own].mean(axis=0)
    return (left / np.linalg.norm(left, axis=0))[:, [1, 0, 2, 3]].T


def test_groups_are_taken_out_and_genes_sorted(visits):
    found = residuals(visits[:1], within=False)
    assert found.genes.tolist() == sorted(GENES)
    assert found.df == 10
    np.testing.assert_allclose(
        found.values, by_hand(visits[0].X, visits[0].obs["group"].tolist()), atol=1e-12
    )


def test_repeated_visits_add_no_degrees_of_freedom_beyond_participants(visits):
    found = residuals(visits, within=False)
    assert found.values.shape == (4, 22)
    assert found.df == 12 - 2


def test_within_participants_the_differences_are_left(visits):
    """With two visits the mean products of residuals are those of the differences, centred by group."""
    found = residuals(visits, within=True)
    assert found.df == 10 - 2
    centred = by_hand(visits[1].X - visits[0].X[:10], visits[1].obs["group"].tolist())
    np.testing.assert_allclose(found.values @ found.values.T, centred @ centred.T, atol=1e-12)


def test_two_tissues_of_the_same_participants_leave_their_differences(matrix_of, rng):
    people = [{"participant": f"P{n}"} for n in range(8)]
    both = [matrix_of(people, rng.normal(size=(8, 4)), GENES, tissue=name) for name in ("muscle", "pbmc")]
    assert residuals(both, within=True).df == 7
    assert residuals(both, within=False).df == 7


def test_batches_are_taken_out(matrix_of, rng):
    people = [{"participant": f"P{n}", "batch": f"b{n % 2}"} for n in range(8)]
    X = rng.normal(size=(8, 4))
    plain = residuals([matrix_of(people, X, GENES)], within=False)
    shifted = residuals([matrix_of(people, X + 5 * (np.arange(8) % 2)[:, None], GENES)], within=False)
    assert plain.df == 6
    np.testing.assert_allclose(plain.values, shifted.values, atol=1e-12)


def test_those_outside_the_analysis_set_and_bridges_do_not_count_and_replicates_count_once(matrix_of, rng):
    people = [{"participant": f"P{n}"} for n in range(7)]
    X = rng.normal(size=(7, 4))
    plain = residuals([matrix_of(people, X, GENES)], within=False)
    more = [
        {"participant": "P6", "replicate": 2},
        {"participant": "P1", "bridge": "pbmc_D1_001"},
        {"participant": "P9", "eligible": False},
    ]
    extra = np.vstack([X, X[6] + 2, rng.normal(size=(2, 4))])
    extra[6] -= 2
    found = residuals([matrix_of([*people, *more], extra, GENES)], within=False)
    assert found.df == plain.df == 6
    np.testing.assert_allclose(found.values, plain.values, atol=1e-12)


def test_an_overlap_of_both_diseases_is_a_group_of_its_own(matrix_of, rng):
    people = [{"participant": f"P{n}", "overlap": n > 4} for n in range(9)]
    assert residuals([matrix_of(people, rng.normal(size=(9, 4)), GENES)], within=False).df == 7


def test_features_that_are_incomplete_constant_or_without_gene_take_no_part(matrix_of, rng):
    X = rng.normal(size=(8, 5))
    X[2, 0], X[:, 1] = np.nan, 4.2
    people = [{"participant": f"P{n}"} for n in range(8)]
    found = residuals([matrix_of(people, X, ["A", "B", "", "C", "C"])], within=False)
    assert found.genes.tolist() == ["C"]
    assert np.linalg.norm(found.values) == pytest.approx(1)


def test_without_anyone_who_counts_there_are_no_genes(matrix_of, rng):
    people = [{"participant": f"P{n}", "eligible": False} for n in range(3)]
    found = residuals([matrix_of(people, rng.normal(size=(3, 4)), GENES)], within=False)
    assert found.genes.size == 0
    assert found.df <= 0
