"""Expected against received, for each participant, visit, tissue and assay."""

import pytest
from cohorts import Cohorts

from scleromyomics.plan.completeness import completeness


def rows(cohorts, *, assay="microarray", **settings):
    """Visit, timepoint, tissue, expected, received, status and reason of each row of one assay."""
    return [
        (r.visit, r.timepoint, r.tissue, r.expected, r.received, r.status, r.reason)
        for r in completeness(cohorts.study(**settings))
        if r.assay == assay
    ]


@pytest.fixture
def control():
    """One participant of population 3 (blood and healthy skin) with blood at inclusion."""
    cohorts = Cohorts()
    (name,) = cohorts.people(3, 1)
    cohorts.sample(name, "D1")
    return cohorts


BLOOD = ("D1", "D1", "pbmc", True, 1, "received", "")
NO_SKIN = ("D1", "D1", "skin_healthy", True, 0, "missing", "no sample")


def test_a_visit_beyond_the_last_known_day_is_not_due(control):
    assert rows(control) == [BLOOD, NO_SKIN]


def test_a_visit_whose_window_opened_is_missing(control):
    control.visit("R001", "ROUTINE", day=300, visit="V2")
    assert rows(control)[2:] == [
        ("", "M12", tissue, True, 0, "missing", "no M12 visit") for tissue in ("pbmc", "skin_healthy")
    ]


@pytest.mark.parametrize(
    ("kind", "words"), [("death", "death"), ("withdrawal", "withdrawal"), ("lost", "lost to follow-up")]
)
def test_after_the_end_of_follow_up_nothing_is_expected(control, kind, words):
    control.event("R001", 200, kind)
    assert rows(control)[2:] == [
        ("", timepoint, tissue, False, 0, "lost", f"{words} on day 200")
        for timepoint in ("M12", "Y5")
        for tissue in ("pbmc", "skin_healthy")
    ]


def test_a_sample_after_withdrawal_is_unexpected(control):
    control.event("R001", 200, "withdrawal")
    control.sample("R001", "M12")
    assert ("M12", "M12", "pbmc", False, 1, "unexpected", "after withdrawal on day 200") in rows(control)


def test_a_visit_missed_before_the_end_is_missing(control):
    control.event("R001", 1000, "lost")
    statuses = {(row[1], row[5]) for row in rows(control)}
    assert {("M12", "missing"), ("Y5", "lost")} <= statuses


def test_tissues_that_the_protocol_does_not_take_are_unexpected(control):
    control.sample("R001", "D1", tissue="muscle")
    reason = "the protocol takes no muscle from population 3"
    assert ("D1", "D1", "muscle", False, 1, "unexpected", reason) in rows(control)


def test_muscle_after_inclusion_is_unexpected():
    cohorts = Cohorts()
    (name,) = cohorts.people(2, 1)
    cohorts.sample(name, "M12", tissue="muscle")
    reason = "the protocol takes muscle at D1, not at M12"
    assert ("M12", "M12", "muscle", False, 1, "unexpected", reason) in rows(cohorts)


def test_event_visits_are_listed_when_samples_exist(control):
    control.visit("R001", "EVENT", day=100, visit="E1")
    assert rows(control) == [BLOOD, NO_SKIN]
    control.sample("R001", "EVENT", visit="E1")
    assert rows(control)[2:] == [("E1", "EVENT", "pbmc", False, 1, "received", "")]


def test_samples_of_routine_visits_are_unexpected(control):
    control.visit("R001", "ROUTINE", day=100, visit="V2")
    control.sample("R001", "ROUTINE", visit="V2")
    reason = "the protocol takes pbmc at D1, M12, Y5, not at ROUTINE"
    assert rows(control)[2:] == [("V2", "ROUTINE", "pbmc", False, 1, "unexpected", reason)]


def test_replicates_are_counted(control):
    control.sample("R001", "D1")
    assert ("D1", "D1", "pbmc", True, 2, "received", "") in rows(control)


def test_an_assay_without_any_sample_says_so(control):
    assert {row[6] for row in rows(control, assay="scrna")} == {"the study has no scrna samples yet"}


def test_a_sample_of_a_later_wave_has_not_arrived_in_an_earlier_release(control):
    before = rows(control, release="W1")
    control.sample("R001", "D1", tissue="skin_healthy", wave="W2")
    assert rows(control, release="W1") == before
    assert rows(control, release="W2") == [BLOOD, ("D1", "D1", "skin_healthy", True, 1, "received", "")]


def test_rows_are_in_order_of_participants_and_days(control):
    control.people(4, 2)
    for name in ("S001", "S002"):
        control.sample(name, "D1")
        control.sample(name, "M12")
    found = completeness(control.study())
    days = {"D1": 0, "M12": 365}
    keys = [(one.participant, days[one.timepoint], one.tissue, one.assay) for one in found]
    assert keys == sorted(keys)
