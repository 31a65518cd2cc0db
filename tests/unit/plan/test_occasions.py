"""Profiles at events are found without looking ahead, and nobody is with and without the event."""

import numpy as np
import pytest
from cohorts import Cohorts

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import Samples
from scleromyomics.plan.occasions import Occasions
from scleromyomics.plan.pairs import Pairing

SYSTEMIC = "ssc_systemic_complication"
RECENT = "ssc_systemic_complication_recent"
INFECTIOUS = "ssc_infectious_complication"
TARGETED = "ssc_targeted_treatment"
QUESTIONS = (SYSTEMIC, RECENT, INFECTIOUS, TARGETED)


def find(cohorts, question, **changed):
    """The pairs of one question in blood; `changed` fields of the question."""
    samples = Samples(cohorts.study())
    asked = samples.questions[question].model_copy(update=changed)
    samples.questions = {**samples.questions, question: asked}
    return Occasions(Pairing(samples), Cell(question, "microarray", "pbmc", ""), asked)


def days(cohorts, pairs):
    """The days of both profiles of each pair."""

    def day(unit):
        sample = cohorts.samples[unit.samples[0]]
        return cohorts.visits[sample.participant, sample.visit].day

    return {name: tuple(day(unit) for unit in pair) for name, pair in pairs.complete.items()}


def someone(cohorts, *profiles, population=4):
    """A participant with blood on the given days; the first is the inclusion visit."""
    (name,) = cohorts.people(population, 1)
    for number, day in enumerate(profiles):
        at(cohorts, name, day, "D1" if not number else f"V{number}")
    return name


def at(cohorts, name, day, visit):
    timepoint = "D1" if visit == "D1" else "EVENT"
    cohorts.visit(name, timepoint, day=day, visit=visit)
    cohorts.sample(name, timepoint, visit=visit)


# --- complications


@pytest.mark.parametrize(
    ("profiles", "event", "expected"),
    [
        ((0, 300), 300, (0, 300)),
        ((0, 330), 300, (0, 330)),
        ((0, 331), 300, "no sample within 30 days"),
        ((0, 299), 300, "no sample within 30 days"),
        ((0, 305, 310), 300, (0, 305)),
        ((0, 200, 310), 300, (0, 310)),
        ((0, 10), -5, "complication before inclusion"),
        ((0, 10), 0, "complication before inclusion"),
        ((5, 10), 4, "complication before inclusion"),
    ],
)
def test_the_initial_profile_and_the_first_one_at_the_complication(profiles, event, expected):
    cohorts = Cohorts()
    name = someone(cohorts, *profiles)
    cohorts.event(name, event, "complication", "ild")
    found = find(cohorts, SYSTEMIC)
    if isinstance(expected, str):
        assert dict(found.cases.incomplete) == {name: expected}
        assert not found.cases.complete
    else:
        assert days(cohorts, found.cases) == {name: expected}
        assert not found.cases.incomplete


def test_the_last_profile_before_the_complication_is_the_sensitivity():
    cohorts = Cohorts()
    name = someone(cohorts, 0, 200, 299, 310)
    cohorts.event(name, 300, "complication", "ild")
    assert days(cohorts, find(cohorts, SYSTEMIC).cases) == {name: (0, 310)}
    assert days(cohorts, find(cohorts, RECENT).cases) == {name: (299, 310)}


def test_without_a_profile_at_inclusion_only_the_last_one_before_it_counts():
    cohorts = Cohorts()
    name = someone(cohorts, 0, 200, 310)
    cohorts.event(name, 300, "complication", "ild")
    del cohorts.samples[f"{name}_D1_pbmc_microarray_1"]
    assert dict(find(cohorts, SYSTEMIC).cases.incomplete) == {name: "no D1 sample"}
    assert days(cohorts, find(cohorts, RECENT).cases) == {name: (200, 310)}


def test_of_several_complications_the_first_with_a_profile_counts():
    cohorts = Cohorts()
    name = someone(cohorts, 0, 510, 805)
    for day in (-30, 100, 500, 800):
        cohorts.event(name, day, "complication", "ild")
    assert days(cohorts, find(cohorts, SYSTEMIC).cases) == {name: (0, 510)}


def test_complications_are_of_the_kind_that_is_asked_for():
    cohorts = Cohorts()
    name = someone(cohorts, 0, 310)
    cohorts.event(name, 300, "complication", "lung")
    cohorts.event(name, 300, "reclassification", "overlap")
    assert days(cohorts, find(cohorts, INFECTIOUS).cases) == {name: (0, 310)}
    assert not find(cohorts, SYSTEMIC).cases.complete


def test_replicates_are_one_profile_and_what_is_held_back_is_none():
    cohorts = Cohorts()
    name = someone(cohorts, 0, 310, 320)
    cohorts.sample(name, "EVENT", visit="V1")
    cohorts.event(name, 300, "complication", "ild")
    (pair,) = find(cohorts, SYSTEMIC).cases.complete.values()
    assert len(pair[1].samples) == 2
    samples = Samples(cohorts.study(), dict.fromkeys(pair[1].samples, "NUSE 1.3"))
    question = samples.questions[SYSTEMIC]
    found = Occasions(Pairing(samples), Cell(SYSTEMIC, "microarray", "pbmc", ""), question)
    assert days(cohorts, found.cases) == {name: (0, 320)}


# --- treatments


@pytest.mark.parametrize(
    ("profiles", "starts", "expected"),
    [
        ((0, 365), [100], (0, 365)),
        ((0, 90, 110, 365), [100], (90, 110)),
        ((0, 100, 110), [100], (100, 110)),  # on the day of the start: before it
        ((0, 465), [100], (0, 465)),
        ((0, 466), [100], "no sample within 365 days after the start"),
        ((0, 500), [366], "no sample within 365 days before the start"),
        ((0, 500), [365], (0, 500)),
        ((0, 365), [-1], "treated before inclusion"),
        ((0, 365), [-1, 100], "treated before inclusion"),
        ((0, 365), [0], (0, 365)),
        ((0, 150, 365), [100, 200], (0, 150)),
    ],
)
def test_the_last_profile_before_the_first_start_and_the_first_after_it(profiles, starts, expected):
    cohorts = Cohorts()
    name = someone(cohorts, *profiles)
    for start in starts:
        cohorts.treat(name, start)
    cases = find(cohorts, TARGETED).cases
    if isinstance(expected, str):
        assert dict(cases.incomplete) == {name: expected}
    else:
        assert days(cohorts, cases) == {name: expected}


def test_treatments_that_start_between_the_profiles_are_named_on_both_sides():
    cohorts = Cohorts()
    case, other = (someone(cohorts, 0, 365) for _ in range(2))
    cohorts.treat(case, 100, drug="tocilizumab")
    cohorts.treat(case, 0, "corticosteroid", drug="hydrocortisone")
    cohorts.treat(case, 365, "corticosteroid", drug="prednisone")
    cohorts.treat(case, 200, "other", drug="iloprost")
    cohorts.treat(case, 366, "other", drug="bosentan")
    cohorts.treat(other, 50, "corticosteroid", drug="prednisone")
    found = find(cohorts, TARGETED)
    assert dict(found.cases.remarks) == {case: "hydrocortisone, iloprost, prednisone started too"}
    assert dict(found.others.remarks) == {other: "prednisone started"}
    assert not find(cohorts, SYSTEMIC).others.remarks


# --- participants without the event


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        ((0, 310), (0, 310)),
        ((0, 400), (0, 400)),
        ((0, 401), None),
        ((0, 219), None),
        ((0, 250, 320, 360), (0, 320)),  # the nearest
        ((0,), None),
    ],
)
def test_without_the_event_the_nearest_interval_within_90_days_counts(profiles, expected):
    cohorts = Cohorts()
    case = someone(cohorts, 0, 310)
    cohorts.event(case, 300, "complication", "ild")
    other = someone(cohorts, *profiles)
    assert days(cohorts, find(cohorts, SYSTEMIC).others).get(other) == expected


def test_the_initial_profile_of_those_without_the_event_is_that_at_inclusion():
    cohorts = Cohorts()
    case, other = someone(cohorts, 0, 310), someone(cohorts, 0, 20, 310)
    cohorts.event(case, 300, "complication", "ild")
    del cohorts.samples[f"{other}_D1_pbmc_microarray_1"]
    assert not find(cohorts, SYSTEMIC).others.complete
    assert days(cohorts, find(cohorts, RECENT).others) == {other: (20, 310)}


@pytest.mark.parametrize(
    ("happening", "matched"),
    [
        (("ild", -400), False),  # had it before
        (("ild", 311), True),  # it comes later: nobody knows yet
        (("lung", 300), False),  # an infection shows
        (("lung", 200), True),  # but not for ever
        (("lung", 311), True),
    ],
)
def test_without_the_event_nothing_else_has_happened_by_then(happening, matched):
    cohorts = Cohorts()
    case, other = (someone(cohorts, 0, 310) for _ in range(2))
    cohorts.event(case, 300, "complication", "ild")
    cohorts.event(other, happening[1], "complication", happening[0])
    assert (other in find(cohorts, SYSTEMIC).others.complete) is matched


def test_without_the_treatment_means_before_any_start_of_it():
    for start, matched in ((-10, False), (200, False), (365, True), (400, True)):
        cohorts = Cohorts()
        case, other = someone(cohorts, 0, 300), someone(cohorts, 0, 365)
        cohorts.treat(case, 100)
        cohorts.treat(other, start, "cell_therapy")
        found = find(cohorts, TARGETED, after_days=250)
        assert (other in found.cases.complete) is (start == 200)
        assert (other in found.others.complete) is matched


def test_a_case_is_no_match_even_for_a_time_before_its_event():
    cohorts = Cohorts()
    early, late = someone(cohorts, 0, 310), someone(cohorts, 0, 310, 910)
    cohorts.event(early, 300, "complication", "ild")
    cohorts.event(late, 900, "complication", "ild")
    found = find(cohorts, SYSTEMIC)
    assert days(cohorts, found.cases) == {early: (0, 310), late: (0, 910)}
    assert not found.others.complete


def test_those_who_do_not_count_are_neither_with_nor_without_the_event():
    cohorts = Cohorts()
    case, minor, overlap = (someone(cohorts, 0, 310) for _ in range(3))
    elsewhere = someone(cohorts, 0, 310, population=2)
    cohorts.event(case, 300, "complication", "ild")
    cohorts.change(minor, age=17.0)
    cohorts.change(overlap, overlap=True)
    found = find(cohorts, SYSTEMIC)
    assert not {minor, overlap, elsewhere} & {*found.cases.complete, *found.others.complete}


def test_without_anyone_with_the_event_nobody_is_matched():
    cohorts = Cohorts()
    someone(cohorts, 0, 310)
    found = find(cohorts, SYSTEMIC)
    assert not found.cases.complete
    assert not found.others.complete


# --- no look-ahead


def random_people(rng):
    """People with profiles, complications and treatments on random days."""
    cohorts = Cohorts()
    for _ in range(int(rng.integers(4, 12))):
        profiles = np.unique(rng.integers(1, 800, int(rng.integers(1, 6))))
        name = someone(cohorts, 0, *profiles.tolist())
        for _ in range(int(rng.integers(0, 3))):
            happen(
                cohorts,
                name,
                int(rng.choice([*(profiles - rng.integers(0, 40)), rng.integers(-100, 800)])),
                rng,
            )
    return cohorts


def happen(cohorts, name, day, rng):
    """A complication or a treatment on that day."""
    if rng.random() < 0.6:
        cohorts.event(name, day, "complication", str(rng.choice(["ild", "pah", "lung"])))
    else:
        cohorts.treat(name, day, str(rng.choice(["immunomodulator", "cell_therapy", "corticosteroid"])))


def change_later(cohorts, name, day, rng, *, samples):
    """Take away what came after a day, and let other things happen."""
    cohorts.events = [one for one in cohorts.events if one.participant != name or one.day <= day]
    cohorts.treatments = [
        one for one in cohorts.treatments if one.participant != name or one.start_day <= day
    ]
    later = [key for key, one in cohorts.visits.items() if key[0] == name and one.day > day]
    for key in later:
        del cohorts.visits[key]
        cohorts.samples = {
            k: one for k, one in cohorts.samples.items() if (one.participant, one.visit) != key
        }
    for _ in range(int(rng.integers(0, 4))):
        happen(cohorts, name, day + int(rng.integers(1, 300)), rng)
    cohorts.event(name, day + 1, "lost")
    for number in range(int(rng.integers(0, 3)) if samples else 0):
        at(cohorts, name, day + int(rng.integers(1, 300)), f"L{number}")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("first", range(0, 100, 25))
def test_nothing_after_the_second_profile_changes_a_pair(question, first):
    met = 0
    for seed in range(first, first + 25):
        rng = np.random.default_rng(seed)
        cohorts = random_people(rng)
        found = find(cohorts, question)
        cases, others = days(cohorts, found.cases), days(cohorts, found.others)
        pairs = found.cases.complete, found.others.complete
        met += bool(cases and others)
        for name, (_, second) in {**cases, **others}.items():
            # with later samples, one who had been matched may turn into a case
            change_later(cohorts, name, second, rng, samples=name in cases)
        again = find(cohorts, question)
        assert (again.cases.complete, again.others.complete) == pairs
    assert met


@pytest.mark.parametrize("question", QUESTIONS)
def test_nobody_is_on_both_sides_and_those_without_it_are_matched_before_it(question):
    met = 0
    for seed in range(200, 260):
        cohorts = random_people(np.random.default_rng(seed))
        found = find(cohorts, question)
        cases, others = days(cohorts, found.cases), days(cohorts, found.others)
        assert not cases.keys() & others.keys()
        assert not cases.keys() & found.cases.incomplete.keys()
        for name, interval in others.items():
            met += 1
            assert interval[0] < interval[1]
            assert any(
                max(abs(a - b) for a, b in zip(interval, one, strict=True)) <= 90 for one in cases.values()
            )
            for event in cohorts.events:
                if event.participant == name and event.subtype in found.subtypes and question != TARGETED:
                    assert event.day > interval[1]
            for one in cohorts.treatments:
                targeted = one.treatment_class in {"immunomodulator", "cell_therapy"}
                if question == TARGETED and one.participant == name and targeted:
                    assert one.start_day >= interval[1]
    assert met > 20


def test_a_match_that_turns_into_a_case_changes_sides():
    cohorts = Cohorts()
    case, other = (someone(cohorts, 0, 310) for _ in range(2))
    cohorts.event(case, 300, "complication", "ild")
    assert list(find(cohorts, SYSTEMIC).others.complete) == [other]
    cohorts.event(other, 500, "complication", "ild")
    assert list(find(cohorts, SYSTEMIC).others.complete) == [other]
    at(cohorts, other, 510, "V9")
    found = find(cohorts, SYSTEMIC)
    assert days(cohorts, found.cases) == {case: (0, 310), other: (0, 510)}
    assert not found.others.complete
