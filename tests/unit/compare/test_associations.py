"""Associations with clinical measures: numbers are those of the whole model, planted slopes are recovered."""

import importlib.util
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cohorts import Cohorts

from scleromyomics.compare.associations import ODDS, compare_association
from scleromyomics.compare.tested import LINEAR
from scleromyomics.core.results import COLUMNS
from scleromyomics.plan.associations import select_association
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.protocol.measures import Measure
from scleromyomics.plan.protocol.questions import Association
from scleromyomics.stats.design import Design
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import fit_mixed
from scleromyomics.stats.ordinal import fit_odds

FEATURES = 200
CELL = Cell("asked", "microarray", "pbmc", "")
TIMEPOINTS = ("D1", "M12", "Y5")


def cohort(scores, *, batches=("b1", "b2"), replicates=False):
    """A person per row of scores, with blood and the score at each timepoint; nan: no visit."""
    made = Cohorts()
    for number, (name, row) in enumerate(zip(made.people(4, len(scores)), scores, strict=True)):
        made.change(name, age=40.0 + number**2 % 17, sex="FM"[number % 2])
        for timepoint, score in zip(TIMEPOINTS, row, strict=False):
            if np.isnan(score):
                continue
            made.visit(name, timepoint, mrss=score)
            for _ in range(1 + (replicates and number % 2)):
                made.sample(name, timepoint, batch=batches[(number // 2) % len(batches)])
    return made


def selected(made, *, measure=None, **question):
    study = made.study()
    settings = {
        "kind": "association",
        "id": "asked",
        "title": "?",
        "group": "ssc",
        "measure": "mrss",
        **question,
    }
    one = Measure.model_validate({"label": "Skin score", "type": "number", **(measure or {})})
    update = {
        "questions": [Association.model_validate(settings)],
        "measures": {**study.protocol.measures, "mrss": one},
    }
    return select_association(replace(study, protocol=study.protocol.model_copy(update=update)), CELL)


def scored(number, *, visits=1, seed=1):
    """Scores of people: whole numbers around each one's own."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(5, 25, (number, 1)) + rng.normal(0, 4, (number, visits))).round(1)


def noise(association, *, seed=2, spread=0.3):
    """A profile per unit of each side: a person's own level and noise."""
    rng = np.random.default_rng(seed)
    people = sorted({one.participant for one in association.members})
    own = dict(zip(people, rng.normal(8, 1, (len(people), FEATURES)), strict=True))
    return [
        np.array([own[one.participant] + rng.normal(0, spread, FEATURES) for one in side])
        for side in association.sides
    ]


def answer(association, profiles):
    return compare_association(profiles, association, "log2")


def test_the_columns_are_those_of_a_result_table():
    association = selected(cohort(scored(12)), timepoint="D1")
    columns = answer(association, noise(association))
    assert columns.keys() <= COLUMNS.keys()
    assert {name for name, kind in COLUMNS.items() if kind == "double"} <= columns.keys()


def test_a_slope_is_that_of_the_whole_model_and_the_unadjusted_one_that_without_age_and_sex():
    scores = scored(14)
    association = selected(cohort(scores), timepoint="D1", measure={"unit": "points"})
    profiles = noise(association)
    profiles[0][:, 0] += 0.5 * scores[:, 0]
    columns = answer(association, profiles)
    number = np.arange(14)
    plain = np.column_stack([np.ones(14), scores[:, 0], number // 2 % 2])
    full = np.column_stack([plain, number**2 % 17, number % 2])
    for name, matrix in (("estimate", full), ("estimate_unadjusted", plain)):
        expected = np.linalg.lstsq(matrix, profiles[0], rcond=None)[0][1]
        np.testing.assert_allclose(columns[name], expected, atol=1e-10)
    assert abs(columns["estimate"][0] - 0.5) < 0.4
    assert columns["p_value"][0] < 0.01
    assert columns["formula"][0] == "~ 1 + measure + sex + age + batch"
    assert columns["unit"][0] == "log2 per points"
    assert columns["method"][0] == LINEAR
    assert set(columns["contrast"]) == {"mrss: slope"}
    assert set(columns["n_participants"]) == {14}
    assert set(columns["n_pairs"]) == {0}


def test_missing_values_of_a_feature_leave_its_participants_out_and_replicates_count_as_samples():
    association = selected(cohort(scored(12), replicates=True), timepoint="D1")
    profiles = noise(association)
    profiles[0][:3, 0] = np.nan
    columns = answer(association, profiles)
    assert columns["n_participants"][:2].tolist() == [9, 12]
    assert columns["n_samples"][:2].tolist() == [9 + 5, 12 + 6]
    assert columns["flag"][:2].tolist() == ["missing values", ""]
    assert columns["df"][0] < columns["df"][1]


def test_change_on_change_is_that_of_the_paired_model_with_the_baseline():
    scores = scored(14, visits=2)
    association = selected(cohort(scores), timepoint="M12", change_from="D1")
    before, after = noise(association)
    change = scores[:, 1] - scores[:, 0]
    after[:, 0] += 0.5 * change
    columns = answer(association, [before, after])
    full = np.column_stack([np.ones(14), change, scores[:, 0]])
    for name, matrix in (("estimate", full), ("estimate_unadjusted", full[:, :2])):
        expected = np.linalg.lstsq(matrix, after - before, rcond=None)[0][1]
        np.testing.assert_allclose(columns[name], expected, atol=1e-10)
    np.testing.assert_array_equal(columns["estimate_pairs"], columns["estimate"])
    np.testing.assert_array_equal(columns["p_pairs"], columns["p_value"])
    assert columns["p_value"][0] < 0.01
    assert columns["formula"][0] == "~ change + measure + baseline + batch"
    assert set(columns["n_pairs"]) == {14}
    assert set(columns["n_samples"]) == {28}


def repeated(number=20, *, seed=1):
    """People with one to three visits, and profiles whose first feature has slope 1 between and -1 within."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0, 10, (number, 1)) + rng.normal(0, 2, (number, 3))
    scores[rng.random(scores.shape) < 0.2] = np.nan
    scores[np.isnan(scores).all(axis=1), 0] = 5.0
    association = selected(cohort(scores), visits=list(TIMEPOINTS))
    (profiles,) = noise(association)
    design = association.design
    between, within = (design.matrix[:, design.names.index(name)] for name in ("between", "within"))
    profiles[:, 0] += between - within
    return association, profiles, between, within


def test_planted_slopes_between_and_within_participants_are_both_recovered():
    association, profiles, *_ = repeated(40)
    columns = answer(association, [profiles])
    assert columns["contrast"].tolist() == [
        f"mrss: {name} participants" for name in ("between", "within") for _ in range(FEATURES)
    ]
    between, within = columns["estimate"].reshape(2, FEATURES)
    low, high = columns["ci_low"].reshape(2, -1)[:, 0], columns["ci_high"].reshape(2, -1)[:, 0]
    assert low[0] < 1 < high[0]
    assert low[1] < -1 < high[1]
    assert abs(between[0] - 1) < 0.3
    assert abs(within[0] + 1) < 0.1
    assert np.abs(between[1:]).mean() < 0.2
    assert np.abs(within[1:]).mean() < 0.05
    assert set(columns["method"]) == {LINEAR}
    assert columns["formula"][0] == "~ 1 + between + visit + sex + age + batch"
    assert columns["formula"][-1] == "~ 1 + within + visit + batch + participant"
    assert set(columns["n_participants"]) == {40}
    assert set(columns["n_samples"]) == {len(association.members)}


def test_a_slope_that_is_not_determined_is_left_out():
    scores = scored(12)
    association = selected(cohort(np.hstack([scores, scores])), visits=["D1", "M12"])
    columns = answer(association, noise(association))
    assert set(columns["contrast"]) == {"mrss: between participants"}
    assert len(columns["estimate"]) == FEATURES


@pytest.mark.r
@pytest.mark.slow
def test_slopes_between_and_within_equal_those_of_lmertest(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    if subprocess.run(["Rscript", "-e", "library(lmerTest)"], capture_output=True, check=False).returncode:
        pytest.skip("R has no package lmerTest")
    association, profiles, *_ = repeated()
    members, features = association.members, 12
    header = [
        "participant",
        "visit",
        "m",
        "age",
        "sex",
        "batch",
        *(f"f{number}" for number in range(features)),
    ]
    rows = [
        [one.participant, visit, repr(value), repr(one.age), one.sex, one.batch, *map(repr, profile.tolist())]
        for one, visit, value, profile in zip(
            members, association.timepoints, association.values, profiles[:, :features], strict=True
        )
    ]
    (tmp_path / "data.tsv").write_text("\n".join("\t".join(row) for row in [header, *rows]), encoding="utf-8")
    script = """
      suppressPackageStartupMessages(library(lmerTest))
      d <- read.delim("data.tsv")
      d$m_mean <- ave(d$m, d$participant)
      d$m_dev <- d$m - d$m_mean
      control <- lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14))
      for (f in grep("^f[0-9]+$", names(d), value = TRUE)) {
        model <- reformulate(c("m_mean", "m_dev", "visit", "age", "sex", "batch", "(1 | participant)"), f)
        table <- summary(lmer(model, d, control = control))$coefficients
        cat(sprintf("%.15g", t(table[c("m_mean", "m_dev"), 1:3])), "\\n")
      }"""
    done = subprocess.run(
        ["Rscript", "-e", script], cwd=tmp_path, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    theirs = np.array([line.split() for line in done.stdout.splitlines()], dtype=float).T.reshape(
        2, 3, features
    )
    contrasts = [association.design.contrast({name: 1.0}) for name in ("between", "within")]
    fit = fit_mixed(profiles.T[:features], association.design, contrasts, association.groups)
    se = np.sqrt(fit.variance)
    assert np.max(np.abs(fit.estimate - theirs[:, 0]) / se) < 1e-5
    np.testing.assert_allclose(se, theirs[:, 1], rtol=1e-5)
    np.testing.assert_allclose(fit.df, theirs[:, 2], rtol=1e-4)


def test_the_fixed_part_of_the_slope_within_is_the_one_of_participants_factors():
    """With everyone complete, within participants is least squares with a column per person."""
    scores = scored(12, visits=3)
    association = selected(cohort(scores), visits=list(TIMEPOINTS))
    (profiles,) = noise(association)
    columns = answer(association, [profiles])
    people = np.repeat(np.eye(12), 3, axis=0)
    visits = np.tile(np.eye(3)[:, 1:], (12, 1))
    names = tuple(f"c{i}" for i in range(15))
    design = Design(np.column_stack([scores.ravel(), people, visits]), names)
    fit = fit_contrast(profiles.T, design, design.contrast({"c0": 1.0}))
    np.testing.assert_allclose(columns["estimate"][FEATURES:], fit.estimate, atol=1e-9)


LEVELS = {"type": "category", "levels": ["0", "1", "2", "3"], "ordered": True}


def ordinal(number=24, *, seed=5):
    rng = np.random.default_rng(seed)
    made = cohort(np.zeros((number, 1)))
    levels = rng.integers(0, 4, number)
    for name, level in zip(made.participants, levels.tolist(), strict=True):
        made.visit(name, "D1", mrss=str(level))
    return selected(made, timepoint="D1", measure=LEVELS), levels


def test_an_ordered_category_has_odds_ratios():
    association, levels = ordinal()
    (profiles,) = noise(association)
    profiles[:, 0] += levels
    profiles[:4, 1] = np.nan
    profiles[:, 2] = 8.0
    columns = answer(association, [profiles])
    fit = fit_odds(profiles.T, levels, association.design.matrix[:, 1:])
    np.testing.assert_allclose(columns["estimate"], fit.estimate, rtol=1e-6)
    np.testing.assert_allclose(columns["p_value"], fit.p_value, rtol=1e-6)
    assert columns["p_value"][0] < 0.01
    assert columns["estimate"][0] > 0
    assert columns["flag"][:4].tolist() == ["", "missing values", "constant", ""]
    assert columns["n_participants"][:2].tolist() == [24, 20]
    assert (columns["mde"][3:] > 0).all()
    assert columns["unit"][0] == "log odds per log2"
    assert columns["method"][0] == ODDS
    assert columns["formula"][0] == "mrss ~ feature + sex + age + batch"


def test_a_feature_that_separates_the_levels_is_flagged():
    association, levels = ordinal()
    (profiles,) = noise(association)
    profiles[:, 0] = levels + np.linspace(0, 0.5, levels.size)
    columns = answer(association, [profiles])
    assert columns["flag"][0] == "separated"
    assert np.isfinite(columns["estimate"][0])
    assert columns["p_value"][0] < 1e-4


@pytest.mark.parametrize("kind", ["slope", "change on change", "slopes over visits", "odds"])
def test_tests_keep_their_level_where_nothing_is_related(kind):
    """The short version of benchmarks/calibration_association.py."""
    path = Path(__file__).parents[3] / "benchmarks" / "calibration_association.py"
    spec = importlib.util.spec_from_file_location("calibration_association", path)
    calibration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(calibration)
    found = [calibration.study(np.random.default_rng([9, i]), kind, 8) for i in range(40)]
    for name in found[0].keys() - {"odds of a higher level, likelihood ratio"}:
        rates = np.array([one[name] for one in found if name in one])
        assert abs(rates.mean() - 0.05) <= 4 * rates.std(ddof=1) / np.sqrt(rates.size), name
