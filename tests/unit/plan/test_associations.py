"""Associations: whose profiles count, on which scale, and what the model determines."""

import re
from dataclasses import replace
from math import log, log2

import numpy as np
import pytest
from cohorts import Cohorts
from sheet_faults import SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.associations import (
    BASELINE,
    ChangeSlope,
    OrdinalOdds,
    RepeatedSlopes,
    Slope,
    select_association,
)
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.protocol.measures import Measure
from scleromyomics.plan.protocol.questions import Association
from scleromyomics.plan.study import DEFAULT_PROTOCOL, load_study

CELL = Cell("asked", "microarray", "pbmc", "")
SLOPE, BETWEEN, WITHIN = "slope", "between participants", "within participants"


def asked(made, *, measure=None, **question):
    """The study with one question about the skin score, and its selection; `measure` changes the measure."""
    study = made.study()
    settings = {
        "kind": "association",
        "id": "asked",
        "title": "?",
        "group": "ssc",
        "measure": "mrss",
        **question,
    }
    if "visits" not in question:
        settings = {"timepoint": "D1", **settings}
    protocol = study.protocol
    one = Measure.model_validate({"label": "Skin score", "type": "number", **(measure or {})})
    protocol = protocol.model_copy(
        update={
            "questions": [Association.model_validate(settings)],
            "measures": {**protocol.measures, "mrss": one},
        }
    )
    return replace(study, protocol=protocol)


def selected(made, held=None, **question):
    return select_association(asked(made, **question), CELL, held)


def cohort(scores, *, timepoints=("D1",), batches=("b1",)):
    """A person per row of scores, with blood and the score at each timepoint; None: no score."""
    made = Cohorts()
    for number, (name, row) in enumerate(zip(made.people(4, len(scores)), scores, strict=True)):
        made.change(name, age=40.0 + number**2 % 17, sex="FM"[number % 2])
        for timepoint, score in zip(timepoints, np.atleast_1d(row).tolist(), strict=True):
            made.visit(name, timepoint, mrss=score)
            made.sample(name, timepoint, batch=batches[number % len(batches)])
    return made


# --- who counts


def test_a_profile_without_the_measure_is_named_and_left_out():
    found = selected(cohort([5, None, 9, 12, 20, 3, 8, 14]))
    assert isinstance(found, Slope)
    assert found.participants == 7
    assert found.absent == ("S002",)
    assert "S002" not in [one.participant for one in found.members]
    assert found.values == (5, 9, 12, 20, 3, 8, 14)


def test_overlap_syndromes_other_groups_and_held_samples_are_left_out_with_their_reason():
    made = cohort([5, 6, 9, 12, 20, 3, 8, 14])
    made.change("S003", overlap=True)
    (control,) = made.people(3, 1)
    made.visit(control, "D1", mrss=0)
    made.sample(control)
    found = selected(made, held={"S005_D1_pbmc_microarray_1": "poor"})
    assert found.excluded == {"S003": "overlap syndrome", "S005": "held back: poor"}
    assert found.participants == 6
    assert selected(made, include_overlap=True).participants == 8


def test_replicates_are_one_row():
    made = cohort([5, 6, 9, 12, 20, 3, 8, 14])
    made.sample("S001", "D1")
    found = selected(made)
    assert found.participants == len(found.members) == 8
    assert len(found.members[0].samples) == 2


def test_a_constant_measure_is_not_determined():
    found = selected(cohort([0.1 * 3] * 8))
    assert found.constant
    assert not found.determined(SLOPE)
    assert not selected(cohort([7.0] * 7 + [8.0])).constant


def test_nobody_is_no_error():
    made = Cohorts()
    made.sample(*made.people(3, 1))
    for question in ({}, {"visits": ["D1", "M12"]}, {"timepoint": "M12", "change_from": "D1"}):
        found = selected(made, **question)
        assert found.participants == 0
        assert found.constant
        assert not any(found.determined(name) for name in found.names)
    categories = {"type": "category", "levels": ["low", "high"], "ordered": True}
    assert not selected(made, measure=categories).determined("odds of a higher level")


# --- the scale


@pytest.mark.parametrize(
    ("measure", "values", "expected", "per"),
    [
        ({"unit": "U/L"}, [0, 100, 400], [0, 100, 400], "U/L"),
        ({}, [0, 100, 400], [0, 100, 400], "point of mrss"),
        ({"type": "boolean"}, [True, False, True], [1, 0, 1], ""),
        ({"transform": "log2", "minimum": 0}, [0, 100, 400], [log2(50), log2(100), log2(400)], "doubling of mrss"),
        (
            {"type": "integer", "transform": "logit", "minimum": 0, "maximum": 51},
            [0, 51, 10],
            [log(0.5 / 51.5), log(51.5 / 0.5), log(10.5 / 41.5)],
            "logit of mrss",
        ),
        (
            {"transform": "logit", "minimum": 10, "maximum": 30},
            [10, 30, 20],
            [log(0.5 / 20.5), log(20.5 / 0.5), 0],
            "logit of mrss",
        ),
    ],
)  # fmt: skip
def test_values_are_on_the_scale_of_the_measure(measure, values, expected, per):
    found = selected(cohort(values), measure=measure)
    np.testing.assert_allclose(found.values, expected)
    assert found.per == per


def test_levels_of_an_ordered_category_count_in_their_order():
    levels = {"type": "category", "levels": ["none", "mild", "severe"], "ordered": True}
    found = selected(
        cohort(["mild", "none", "severe", "none", "mild", "severe", "none", "mild"]), measure=levels
    )
    assert isinstance(found, OrdinalOdds)
    assert found.outcome.tolist() == [1, 0, 2, 0, 1, 2, 0, 1]
    (name,) = found.names
    assert found.determined(name)
    assert found.residual_df(name) == 8 - 2 - 2 - 1  # thresholds, age and sex, the feature
    assert not selected(cohort(["mild"] * 8), measure=levels).determined(name)


# --- the models


def test_the_slope_is_adjusted_for_age_sex_and_batch():
    found = selected(cohort([5, 6, 9, 12, 20, 3, 8, 14], batches=("b1", "b1", "b2")))
    assert found.design.formula == "~ 1 + measure + sex + age + batch"
    assert found.residual_df(SLOPE) == 3
    assert found.inflation(SLOPE) > 1


def test_covariates_are_dropped_where_they_hide_the_slope_or_too_little_is_left():
    few = selected(cohort([5, 6, 9, 12, 20, 3]))
    assert few.covariates == ("sex",)
    assert few.dropped == {"age": "only 2 residual df with it"}
    made = cohort([5, 6, 9, 12, 20, 3, 8, 14])
    for name in made.participants:
        made.change(name, age=30.0 + made.visits[name, "D1"].measures["mrss"])
    hidden = selected(made)
    assert hidden.dropped == {"age": "aliased with mrss"}
    assert hidden.determined(SLOPE)


def test_a_measure_that_differs_between_batches_alone_is_not_determined():
    assert not selected(cohort([5, 9] * 4, batches=("b1", "b2"))).determined(SLOPE)


def test_change_on_change_is_adjusted_for_the_baseline_of_the_measure():
    scores = [(5, 7), (6, 3), (9, 9), (12, 20), (20, 14), (3, 8), (8, None), (14, 15)]
    made = cohort(scores, timepoints=("D1", "M12"))
    found = selected(made, timepoint="M12", change_from="D1")
    assert isinstance(found, ChangeSlope)
    assert found.values == (2, -3, 0, 8, -6, 5, 1)
    assert found.baselines == (5, 6, 9, 12, 20, 3, 14)
    assert found.absent == ("S007",)
    assert found.design.names == ("change", "measure", BASELINE)
    before, after = found.sides
    assert [one.samples for one in before] == [
        (f"{n.participant}_D1_pbmc_microarray_1",) for n in found.members
    ]
    assert [one.participant for one in after] == [one.participant for one in found.members]


def test_the_baseline_is_dropped_where_it_says_the_same_or_leaves_too_little():
    question = {"timepoint": "M12", "change_from": "D1"}
    name = "change on change"
    to_zero = selected(
        cohort([(x, 0) for x in (5, 6, 9, 12, 20, 3, 8)], timepoints=("D1", "M12")), **question
    )
    assert to_zero.dropped == {BASELINE: "aliased with mrss"}
    assert to_zero.determined(name)
    few = selected(cohort([(5, 7), (6, 3), (9, 9), (12, 20), (20, 14)], timepoints=("D1", "M12")), **question)
    assert few.dropped == {BASELINE: "only 2 residual df with it"}
    assert few.residual_df(name) == 3


def test_bridges_are_rows_of_change_on_change():
    scores = [(5, 7), (6, 3), (9, 9), (12, 20), (20, 14), (3, 8), (8, 1), (14, 15)]
    made = cohort(scores, timepoints=("D1", "M12"))
    for name in list(made.participants):
        made.samples[f"{name}_M12_pbmc_microarray_1"] = replace(
            made.samples[f"{name}_M12_pbmc_microarray_1"], batch="b2"
        )
    for name in list(made.participants)[:3]:
        made.sample(name, "D1", batch="b2", bridge=f"{name}_D1_pbmc_microarray_1")
    found = selected(made, timepoint="M12", change_from="D1")
    assert len(found.design.matrix) == len(found.sides[0]) == len(found.sides[1]) == 11
    assert found.determined("change on change")


def test_repeated_visits_have_a_slope_between_and_one_within():
    scores = [
        (5, 7, 9),
        (6, 3, None),
        (9, 9, 12),
        (12, 20, 8),
        (20, 14, 11),
        (3, 8, 8),
        (8, 1, 4),
        (14, 15, 2),
    ]
    found = selected(cohort(scores, timepoints=("D1", "M12", "Y5")), visits=["Y5", "D1", "M12"])
    assert isinstance(found, RepeatedSlopes)
    assert found.names == (BETWEEN, WITHIN)
    assert found.participants == found.repeated == 8
    assert found.timepoints[:5] == ("D1", "M12", "Y5", "D1", "M12")
    assert found.absent == ("S002",)
    design = found.design
    assert design.names == ("intercept", "between", "within", "visit[M12]", "visit[Y5]", "sex[M]", "age")
    np.testing.assert_allclose(design.matrix[:3, 2], [-2, 0, 2])
    means = np.array([np.mean([x for x in row if x is not None]) for row in scores])
    assert design.matrix[0, 1] == pytest.approx(7 - np.repeat(means, [3, 2, 3, 3, 3, 3, 3, 3]).mean())
    assert found.residual_df(BETWEEN) == 8 - 5  # intercept, mean, sex, age, and the visit that one missed
    assert found.residual_df(WITHIN) == 23 - 8 - 3  # deviation, two visits
    assert found.determined(BETWEEN)
    assert found.determined(WITHIN)


def test_within_participants_is_not_determined_unless_someones_measure_varies():
    scores = [(x, x) for x in (0.1, 0.2, 0.3, 0.7, 0.9, 1.1, 1.3, 1.7)]
    found = selected(cohort(scores, timepoints=("D1", "M12")), visits=["D1", "M12"])
    assert found.determined(BETWEEN)
    assert not found.determined(WITHIN)
    assert found.answered == (BETWEEN,)


def test_within_participants_is_not_determined_where_everyone_changes_alike():
    scores = [(x, x + 2) for x in (5, 6, 9, 12, 20, 3, 8, 14)]
    found = selected(cohort(scores, timepoints=("D1", "M12")), visits=["D1", "M12"])
    assert found.determined(BETWEEN)
    assert not found.determined(WITHIN)
    nearly = selected(cohort([*scores, (5, 7.5)], timepoints=("D1", "M12")), visits=["D1", "M12"])
    assert nearly.determined(WITHIN)
    assert nearly.inflation(WITHIN) > 5


def test_a_slope_that_lacks_sex_is_not_answered_unless_it_is_within_participants():
    scores = [(x + y, x - y) for x, y in ((1, 2), (2, 0), (1, -1), (2, 3), (1, 1), (2, -2), (1, 4), (2, 2))]
    made = cohort(scores, timepoints=("D1", "M12"))  # the mean is 1 for women, 2 for men
    for question, answered, name in (
        ({"visits": ["D1", "M12"]}, (WITHIN,), BETWEEN),
        ({"timepoint": "M12", "change_from": "D1"}, ("change on change",), ""),
    ):
        found = selected(made, **question)
        assert found.answered == answered
        assert not found.lacking(answered[0])
        if name:
            assert found.lacking(name) == {"sex": "aliased with mrss"}
            assert found.determined(name)
            assert replace(found, required=()).answered == (BETWEEN, WITHIN)


def test_odds_that_lack_sex_are_not_answered():
    levels = {"type": "category", "levels": ["none", "mild", "severe"], "ordered": True}
    made = cohort(["mild", "none", "severe", "none", "mild", "severe"])  # 6 less 2 thresholds, the feature
    found = selected(made, measure=levels)
    assert dict(found.dropped) == {
        "age": "only 1 residual df with it",
        "sex": "only 2 residual df with it",
    }
    assert found.residual_df(*found.names) == 3
    assert found.answered == ()
    assert replace(found, required=()).answered == found.names


def test_nothing_is_determined_over_visits_that_nobody_has_two_of():
    made = cohort([5, 6, 9, 12, 20, 3, 8, 14])
    found = selected(made, visits=["D1", "M12"])
    assert found.repeated == 0
    assert not found.determined(BETWEEN)
    assert not found.determined(WITHIN)


# --- the protocol

TEXT = DEFAULT_PROTOCOL.read_text(encoding="utf-8")
BROKEN = [
    ("ild: {label: Interstitial lung disease, type: boolean", "transform: log2", "is log2 for a boolean"),
    ("fvc: {label: Forced vital capacity, type: number", "transform: logit", "is logit without a range"),
    ("fvc: {label: Forced vital capacity, type: number", "transform: log2", "may be negative; allowed: a minimum"),
    ("fvc: {label: Forced vital capacity, type: number", "ordered: true", "is true for a number; allowed: ordered"),
]  # fmt: skip
QUESTION = "{id: ssc_fvc, kind: association, title: t, group: ssc, measure: fvc, "
CATEGORY = "fvc: {label: f, type: category, levels: [low, high]"
WRONG = [
    ("timepoint: D1", f"{CATEGORY}}}", "is a category without order"),
    ("visits: [D1, M12]", f"{CATEGORY}, ordered: true}}", "is an ordered category; allowed: one timepoint for it"),
    ("timepoint: M12, change_from: D1", f"{CATEGORY}, ordered: true}}", "allowed: one timepoint for it"),
    ("timepoint: D1, visits: [D1, M12]", "", "both or neither of timepoint and visits"),
    ("change_from: D1", "", "both or neither of timepoint and visits"),
    ("visits: [D1, M12], change_from: D1", "", "does not go with visits"),
    ("visits: [D1, D1]", "", "fewer than two, or one is there twice"),
    ("visits: [D1]", "", "fewer than two, or one is there twice"),
]  # fmt: skip


def faults(text, study_dir):
    """Lines about the protocol of a study with it."""
    with pytest.raises(InputError) as error:
        load_study(study_dir(SmallStudy(protocol=text)))
    return [line for line in str(error.value).splitlines() if line.startswith("protocol.yaml")]


@pytest.mark.parametrize(("start", "added", "words"), BROKEN)
def test_a_scale_that_does_not_go_with_its_measure_is_refused(start, added, words, study_dir):
    assert start in TEXT
    line = next(line for line in TEXT.splitlines() if start in line)
    lines = faults(TEXT.replace(line, f"  {start}, {added}}}"), study_dir)
    assert any(words in line for line in lines), lines


@pytest.mark.parametrize(("when", "measure", "words"), WRONG)
def test_an_association_that_has_no_meaning_is_refused(when, measure, words, study_dir):
    text = re.sub(r"\{id: ssc_fvc,.*\}", f"{QUESTION}{when}}}", TEXT)
    text = re.sub(r"  fvc: \{.*\}", f"  {measure}", text) if measure else text
    lines = faults(text, study_dir)
    assert any(words in line for line in lines), lines


@pytest.mark.parametrize(
    "when", ["timepoint: D1", "visits: [D1, M12, Y5]", "timepoint: M12, change_from: D1"]
)
def test_an_association_with_a_number_may_be_at_a_visit_over_visits_or_of_changes(when, study_dir):
    text = re.sub(r"\{id: ssc_fvc,.*\}", f"{QUESTION}{when}}}", TEXT)
    assert load_study(study_dir(SmallStudy(protocol=text)))
