"""Histories are in order of time, and the stage of disease at a visit uses nothing that came after it."""

import pytest
from cohorts import Cohorts

from scleromyomics.plan.histories import Histories

RULE = {"after_years": 5, "damage": ["pah", "renal_crisis"]}


def one_visit(timepoint="D1", *, onset=None, day=None, **measures):
    """Histories of one participant with one visit, and that visit."""
    cohorts = Cohorts()
    (name,) = cohorts.people(4, 1, onset_day=onset)
    cohorts.visit(name, timepoint, day=day, **measures)
    return Histories(cohorts.study(release="W1").cohort), cohorts.visits[name, timepoint]


def test_visits_events_and_treatments_are_oldest_first():
    cohorts = Cohorts()
    (name, other) = cohorts.people(4, 2)
    for timepoint in ("Y5", "D1", "M12"):
        cohorts.visit(name, timepoint)
    for day in (400, -20, 30):
        cohorts.event(name, day, "complication", "ild")
        cohorts.treat(name, day)
    found = Histories(cohorts.study(release="W1").cohort)
    assert [one.timepoint for one in found.visits(name)] == ["D1", "M12", "Y5"]
    assert [one.day for one in found.events(name)] == [-20, 30, 400]
    assert [one.start_day for one in found.treatments(name)] == [-20, 30, 400]
    assert not found.visits(other)
    assert not found.events(other)
    assert not found.treatments(other)


def test_inclusion_is_the_day_of_its_visit():
    found, visit = one_visit(day=9)
    assert found.inclusion(visit.participant) == 9
    assert found.at(visit.participant, "D1") == visit
    assert found.at(visit.participant, "M12") is None
    assert found.inclusion("nobody") == 0


@pytest.mark.parametrize(
    ("timepoint", "onset", "measures", "expected"),
    [
        ("D1", -1826, {}, False),  # 5 years are 1826.25 days
        ("D1", -1827, {}, True),
        ("M12", -1462, {}, True),
        ("M12", -1460, {}, False),
        ("D1", None, {}, False),
        ("Y5", None, {}, True),
        ("Y5", -1, {}, True),
        ("D1", -100, {"pah": True}, True),
        ("D1", -100, {"renal_crisis": True}, True),
        ("D1", -100, {"pah": False, "renal_crisis": None}, False),
        ("D1", -100, {"ild": True}, False),
    ],
)
def test_disease_is_advanced_by_duration_damage_or_visit(timepoint, onset, measures, expected):
    found, visit = one_visit(timepoint, onset=onset, **measures)
    assert found.advanced(visit, **RULE) is expected


def test_damage_counts_from_the_visit_at_which_it_is_there():
    cohorts = Cohorts()
    (name,) = cohorts.people(4, 1)
    cohorts.visit(name, "D1", pah=False)
    cohorts.visit(name, "EVENT", day=200, visit="E1", pah=True)
    cohorts.visit(name, "M12", pah=None)
    found = Histories(cohorts.study(release="W1").cohort)
    assert [found.advanced(one, **RULE) for one in found.visits(name)] == [False, True, True]
