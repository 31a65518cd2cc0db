"""Criteria are met, not met or unknown; the analysis set follows from them and from the configuration."""

import pytest
from cohorts import Cohorts

from scleromyomics.plan.eligibility import analysis_set, outcomes


def one_person(population, **fields):
    """A study of one person with these eligibility fields."""
    cohorts = Cohorts()
    (name,) = cohorts.people(population, 1)
    age = fields.pop("age", 50.0)
    cohorts.change(name, age=age, eligibility={**cohorts.participants[name].eligibility, **fields})
    return cohorts


@pytest.mark.parametrize(("population", "number"), [(1, 6), (2, 6), (3, 8), (4, 6)])
def test_each_population_has_its_own_criteria(population, number):
    found = outcomes(one_person(population).study())
    assert len(found) == number
    assert {one.outcome for one in found} == {"met"}


@pytest.mark.parametrize(
    ("population", "fields", "criterion", "outcome"),
    [
        (4, {"age": 18.0}, "adult", "met"),
        (4, {"age": 17.9}, "adult", "not_met"),
        (4, {"cancer_within_3_years": True}, "no_cancer", "not_met"),
        (4, {"cancer_within_3_years": None}, "no_cancer", "unknown"),
        (3, {"capillaroscopic_anomaly": True}, "no_capillaroscopic_anomaly", "not_met"),
        (1, {"muscle_biopsy_contraindicated": False}, "muscle_biopsy_possible", "met"),
    ],
)
def test_a_criterion_is_met_not_met_or_unknown(population, fields, criterion, outcome):
    found = {one.criterion: one for one in outcomes(one_person(population, **fields).study())}
    assert found[criterion].outcome == outcome
    assert all(one.outcome == "met" for name, one in found.items() if name != criterion)


def test_an_ineligible_participant_is_left_out_with_the_criterion_in_words():
    cohorts = one_person(4, age=16.0, cancer_within_3_years=True, pregnant_or_breastfeeding=None)
    expected = (
        "not eligible: Aged 18 or over; "
        "No active cancer and none within 3 years except non-melanoma skin cancer"
    )
    assert analysis_set(cohorts.study()) == {"S001": expected}
    assert analysis_set(cohorts.study(analysis={"keep_ineligible": True})) == {"S001": ""}


def test_an_unknown_criterion_excludes_only_where_the_configuration_says_so():
    cohorts = one_person(4, pregnant_or_breastfeeding=None)
    assert analysis_set(cohorts.study()) == {"S001": ""}
    assert analysis_set(cohorts.study(analysis={"unknown_eligibility": "exclude"})) == {
        "S001": "eligibility unknown: Neither pregnant nor breast feeding"
    }


def test_a_criterion_of_another_population_does_not_count():
    assert analysis_set(one_person(4, capillaroscopic_anomaly=True).study()) == {"S001": ""}
