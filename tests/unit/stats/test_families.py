"""The adjusted values against the procedure as its paper states it, level by level."""

import numpy as np
import pytest
from scipy.stats import norm

from scleromyomics.stats.families import adjust_family
from scleromyomics.stats.multiplicity import benjamini_hochberg

LEVELS = np.concatenate([np.linspace(0.001, 0.1, 60), np.linspace(0.1, 1, 40)])


def random_family(seed):
    """Tables of 1 to 30 rows: some null, some with effects, some with ties."""
    rng = np.random.default_rng(seed)
    strength = rng.choice([1, 1, 5, 40], rng.integers(1, 12))
    tables = [rng.random(rng.integers(1, 31)) ** power for power in strength]
    return [table.round(2) if rng.random() < 0.3 else table for table in tables]


def rejected(p_values, level):
    """Benjamini and Hochberg by its definition: the largest i with p(i) <= level i / n, and all before it."""
    order = np.sort(p_values)
    below = np.flatnonzero(order <= level * np.arange(1, order.size + 1) / order.size)
    return p_values <= order[below[-1]] if below.size else np.zeros(p_values.size, dtype=bool)


def procedure(tables, level):
    """Benjamini and Bogomolov at one level: which tables are selected, which rows of each are called."""
    simes = np.array([(np.sort(p) * p.size / np.arange(1, p.size + 1)).min() for p in tables])
    selected = rejected(simes, level)
    share = level * selected.mean()
    return selected, [rejected(p, share) & chosen for p, chosen in zip(tables, selected, strict=True)]


@pytest.mark.parametrize("seed", range(40))
def test_calling_q_family_is_the_procedure_at_every_level(seed):
    tables = random_family(seed)
    family = adjust_family(tables)
    for level in LEVELS + 1e-9:  # beside the rounding of ties with a level
        selected, called = procedure(tables, level)
        assert np.array_equal(family.q_table <= level, selected)
        for ours, theirs in zip(family.q_family, called, strict=True):
            assert np.array_equal(ours <= level, theirs)


def test_the_value_of_a_table_is_simes():
    (p,) = tables = [np.array([0.04, 0.01, 0.5, 0.03])]
    assert adjust_family(tables).p_table == pytest.approx(min(0.01 * 4, 0.03 * 4 / 2, 0.04 * 4 / 3, 0.5))
    assert adjust_family(tables).q_value[0] == pytest.approx(benjamini_hochberg(p))


def test_a_family_of_one_table_is_benjamini_and_hochberg():
    p = np.random.default_rng(3).random(200) ** 3
    assert adjust_family([p]).q_family[0] == pytest.approx(benjamini_hochberg(p))


@pytest.mark.parametrize("seed", range(5))
def test_a_selected_table_has_a_call_and_no_row_is_called_before_its_table(seed):
    family = adjust_family(random_family(seed))
    assert [q.min() for q in family.q_family] == pytest.approx(family.q_table)


def test_null_tables_beside_a_true_one_cost_power_and_never_add_it():
    rng = np.random.default_rng(4)
    true, null = rng.random(50) ** 20, [rng.random(50) for _ in range(20)]
    alone, among = adjust_family([true]), adjust_family([true, *null])
    assert (among.q_family[0] >= alone.q_family[0]).all()
    assert (among.q_family[0] <= 0.05).any()


def test_the_order_of_tables_and_rows_does_not_matter():
    tables = random_family(7)
    turned = adjust_family([table[::-1] for table in tables[::-1]])
    for first, second in zip(adjust_family(tables).q_family, turned.q_family[::-1], strict=True):
        assert np.array_equal(first, second[::-1])


def test_a_family_without_tables_is_empty():
    assert adjust_family([]).q_family == ()


def test_over_the_tables_with_a_call_false_discoveries_stay_at_the_level():
    """40 tables that share people, a tenth of them with effects; q-values within tables do not keep it."""
    rng = np.random.default_rng(8)
    proportions = {"q_family": [], "q_value": []}
    for _ in range(400):
        shared = rng.normal(size=60)
        true = (rng.random((40, 1)) < 0.1) & (rng.random((40, 60)) < 0.1)
        z = np.sqrt(0.5) * (shared + rng.normal(size=true.shape)) + 4 * true
        family = adjust_family(list(2 * norm.sf(np.abs(z))))
        for name, found in proportions.items():
            called = np.stack(getattr(family, name)) <= 0.05
            false = (called & ~true).sum(axis=1) / np.maximum(called.sum(axis=1), 1)
            found.append(false[called.any(axis=1)].mean() if called.any() else 0.0)
    mean, error = np.mean(proportions["q_family"]), np.std(proportions["q_family"]) / np.sqrt(400)
    assert mean <= 0.05 + 2 * error
    assert np.mean(proportions["q_value"]) > 0.2
