"""Who is seen, missing or gone at each visit, and how lost differ from kept participants at inclusion."""

import math

import numpy as np
import pytest
from cohorts import Cohorts
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.plan.attrition import SMALLEST, attrition, hedges_g, newcombe, states
from scleromyomics.plan.completeness import completeness


@pytest.fixture
def cohort():
    """Ten SSc participants: S001 to S006 come at 12 months, S007 to S010 do not, each for another reason."""
    cohorts = Cohorts()
    names = cohorts.people(4, 10)
    for number, name in enumerate(names):
        cohorts.sample(name)
        cohorts.visit(name, "D1", mrss=10 + number, ild=number % 2 == 0)
        if number < 6:
            cohorts.sample(name, "M12")
    cohorts.visit("S007", "ROUTINE", day=300, visit="R1")
    cohorts.event("S008", 100, "death")
    cohorts.event("S009", 200, "withdrawal")
    return cohorts


def find(cohorts, measure, level="", timepoint="M12"):
    """The one row of a measure."""
    (row,) = [
        one
        for one in attrition(cohorts.study())
        if (one.measure, one.level, one.timepoint) == (measure, level, timepoint)
    ]
    return row


def test_every_participant_is_in_one_state_at_each_follow_up_visit(cohort):
    counts = {
        one.level: one.n
        for one in attrition(cohort.study())
        if (one.measure, one.timepoint) == ("participants", "M12")
    }
    assert counts == {"seen": 6, "missing": 1, "death": 1, "withdrawal": 1, "lost": 0, "not_due": 1}


def test_the_same_are_missing_as_in_completeness(cohort):
    study = cohort.study()
    absent = {
        (row.participant, row.timepoint)
        for row in completeness(study)
        if row.status == "missing" and not row.visit
    }
    assert absent == {key for key, state in states(study).items() if state == "missing"} == {("S007", "M12")}


def test_who_left_before_a_visit_stays_lost_at_later_ones(cohort):
    now = states(cohort.study())
    assert {now["S008", time] for time in ("M12", "Y5")} == {"death"}
    assert {now["S009", time] for time in ("M12", "Y5")} == {"withdrawal"}


def test_who_is_not_due_is_neither_kept_nor_lost(cohort):
    before = attrition(cohort.study())
    cohort.change("S010", age=90.0)
    assert [one for one in attrition(cohort.study()) if one.timepoint == "M12"] == [
        one for one in before if one.timepoint == "M12"
    ]


def test_lost_and_kept_are_compared_at_inclusion(cohort):
    row = find(cohort, "mrss")
    assert (row.n, row.n_kept, row.n_lost) == (9, 6, 3)
    assert (row.kept, row.lost) == (12.5, 17.0)
    assert row.kept_sd == pytest.approx(math.sqrt(3.5))
    assert row.lost_sd == 1.0
    assert row.low < row.difference < row.high
    assert row.difference_unit == "SD"


def test_later_values_of_a_measure_do_not_count(cohort):
    before = find(cohort, "mrss")
    cohort.visit("S001", "M12", mrss=50)
    assert find(cohort, "mrss") == before


def test_shares_are_given_with_their_counts(cohort):
    row = find(cohort, "ild", "true")
    assert (row.count_kept, row.n_kept, row.kept) == (3, 6, 0.5)
    assert (row.count_lost, row.n_lost, row.lost) == (2, 3, pytest.approx(2 / 3))
    assert row.difference == pytest.approx(1 / 6)
    assert (row.unit, row.difference_unit) == ("fraction", "fraction")


def test_unknown_values_are_not_counted(cohort):
    cohort.visit("S001", "D1", mrss=None, ild=True)
    assert find(cohort, "mrss").n_kept == 5
    assert find(cohort, "disease_subtype", "dcSSc").n == 0
    cohort.change("S002", disease_subtype="lcSSc", onset_day=-731)
    assert find(cohort, "disease_subtype", "lcSSc").count_kept == 1
    assert find(cohort, "disease_subtype", "dcSSc").count_kept == 0
    assert find(cohort, "disease_duration").kept == pytest.approx(2.0, abs=0.01)


def test_a_lost_group_of_two_has_values_and_no_interval(cohort):
    cohort.sample("S007", "M12")
    for measure, level in (("mrss", ""), ("ild", "true")):
        row = find(cohort, measure, level)
        assert row.n_lost == SMALLEST - 1
        assert row.lost is not None
        assert row.difference is row.low is row.high is None


def test_groups_without_participants_or_visits_to_come_have_no_rows(cohort):
    found = {(one.group, one.timepoint) for one in attrition(cohort.study())}
    assert found == {("ssc", "M12"), ("ssc", "Y5")}


def test_the_order_of_the_sheets_does_not_matter(cohort):
    before = attrition(cohort.study())
    cohort.events.reverse()
    cohort.participants = dict(reversed(cohort.participants.items()))
    assert attrition(cohort.study()) == before


def test_a_difference_of_one_standard_deviation_is_found_without_bias():
    random = np.random.default_rng(2)
    found = np.array([hedges_g(random.normal(0, 1, 6), random.normal(1, 1, 4)) for _ in range(4000)])
    assert found[:, 0].mean() == pytest.approx(1.0, abs=0.05)
    covered = ((found[:, 1] < 1.0) & (found[:, 2] > 1.0)).mean()
    assert 0.94 < covered < 0.975


def test_what_does_not_vary_has_no_standardised_difference():
    assert hedges_g([3.0] * 5, [3.0] * 4) is None


def test_newcombes_own_example_is_met():
    """Newcombe 1998, table II, method 10: 56 of 70 and 48 of 80."""
    assert newcombe(48, 80, 56, 70) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(st.integers(3, 40), st.integers(3, 40), st.data())
def test_intervals_of_shares_hold_their_difference_and_mirror(n, m, data):
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    middle, low, high = newcombe(a, n, b, m)
    assert -1 - 1e-12 <= low <= middle <= high <= 1 + 1e-12
    assert newcombe(b, m, a, n) == pytest.approx((-middle, -high, -low))
