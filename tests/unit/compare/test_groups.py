"""Comparisons between participants: planted effects, uniform p-values, counts and flags."""

import numpy as np
from groups import EFFECT, FEATURES, MOVED, SD, comparison, fields, people, profiles

from scleromyomics.compare.groups import compare_groups
from scleromyomics.plan.contrasts import Member


def answer(values: dict[str, np.ndarray], members: list[Member], **options) -> dict[str, np.ndarray]:
    asked = comparison(members, **options)
    return compare_groups(np.array([values[s] for m in asked.members for s in m.samples]), asked)


def test_planted_effects_are_found_and_estimated():
    members = people(40)
    found = answer(profiles(members), members)
    called = found["q_value"] < 0.05
    assert called[:MOVED].all()
    assert called[MOVED:].sum() <= 4
    assert abs(found["estimate"][:MOVED].mean() - EFFECT) < 3 * SD / np.sqrt(10 * MOVED)


def test_intervals_hold_the_planted_effect_as_often_as_they_say():
    inside = []
    for seed in range(20):
        members = people(seed=seed)
        found = answer(profiles(members, seed=100 + seed), members)
        truth = np.where(np.arange(FEATURES) < MOVED, EFFECT, 0.0)
        inside.append(((found["ci_low"] <= truth) & (truth <= found["ci_high"])).mean())
    assert abs(np.mean(inside) - 0.95) < 0.01


def test_without_an_effect_p_values_are_uniform():
    from scipy.stats import kstest

    members = people()
    p = np.array([answer(profiles(members, seed=s, effect=0.0), members)["p_value"][7] for s in range(60)])
    assert kstest(p, "uniform").pvalue > 0.01


def test_age_is_adjusted_for_and_the_unadjusted_estimate_stands_beside():
    members = people(60)
    older = [m if m.role == "reference" else Member(**{**fields(m), "age": m.age + 25}) for m in members]
    values = profiles(older, effect=0.0)
    for one in older:
        values[one.samples[0]][0] += 0.1 * one.age
    found = answer(values, older)
    assert abs(found["estimate"][0]) < 0.8
    assert found["estimate_unadjusted"][0] > 1.8


def test_the_unadjusted_estimate_still_holds_the_batch():
    members = people()
    values = profiles(members)
    both = answer(values, members)["estimate_unadjusted"]
    np.testing.assert_allclose(both, answer(values, members, covariates=())["estimate"], rtol=1e-12)


def test_replicates_count_once_with_their_mean():
    members = people()
    values = profiles(members)
    first = members[0].samples[0]
    twice = [Member(**{**fields(members[0]), "samples": (first, "extra")}), *members[1:]]
    values["extra"] = values[first] + 1.0
    merged = {**values, first: values[first] + 0.5}
    two, one = answer(values, twice), answer(merged, members)
    np.testing.assert_allclose(two["p_value"], one["p_value"], rtol=1e-10)
    assert set(two["n_samples"] - one["n_samples"]) == {1}
    assert (two["n_participants"] == one["n_participants"]).all()


def test_counts_are_of_values_and_change_by_one_with_one_sample():
    members = people()
    values = profiles(members)
    values[members[1].samples[0]][5] = np.nan  # a case
    whole, less = answer(values, members), answer(values, members[:-2] + members[-1:])
    for name, change in (("n_samples", 1), ("n_participants", 1), ("n_reference", 1), ("n_case", 0)):
        assert set(whole[name] - less[name]) == {change}
    assert (whole["n_case"][5], whole["n_reference"][5]) == (11, 12)
    assert (whole["flag"][5], whole["flag"][6]) == ("missing values", "")


def test_features_that_cannot_be_tested_keep_their_row_with_a_flag():
    members = people(12)
    values = profiles(members)
    cases = [m.samples[0] for m in members if m.role == "case"]
    for sample, profile in values.items():
        profile[0], profile[1] = np.nan, 3.0
        profile[2] = np.nan if sample in cases else profile[2]
    for sample in [m.samples[0] for m in members[4:]]:
        values[sample][3] = np.nan
    found = answer(values, members)
    assert found["flag"][:4].tolist() == [
        "not measured",
        "constant",
        "not estimable",
        "no residual degrees of freedom",
    ]
    for name in ("estimate", "p_value", "q_value", "mde", "estimate_unadjusted"):
        assert np.isnan(found[name][:4]).all()
        assert np.isfinite(found[name][4:]).all()
    rest = answer({name: profile[4:] for name, profile in values.items()}, members)
    np.testing.assert_array_equal(found["p_value"][4:], rest["p_value"])


def test_with_nothing_to_test_there_are_flags_only():
    members = people(12)
    found = answer({m.samples[0]: np.full(3, 7.0) for m in members}, members)
    assert found["flag"].tolist() == ["constant"] * 3
    assert np.isnan(found["q_value"]).all()
