"""Questions within a subtype or a stage count those who are of it, at the visit that they ask about, and name it."""

from dataclasses import replace

import pytest
from cohorts import DAYS, Cohorts

from scleromyomics.plan.verdicts import planned_verdicts

BOTH_SKINS = "ssc_sclerotic_vs_healthy_skin"
MILD = {
    "verdicts": {"caution_below_freeze_samples": 1, "caution_below_pairs": 3, "caution_below_participants": 3}
}


def judged(cohorts, question, tissue, **asked):
    """The verdict on a question of the library that was changed."""
    study = cohorts.study(**MILD)
    changed = next(one for one in study.protocol.questions if one.id == question).model_copy(update=asked)
    study = replace(study, protocol=study.protocol.model_copy(update={"questions": [changed]}))
    return next(
        one for one in planned_verdicts(study) if (one.cell.assay, one.cell.tissue) == ("microarray", tissue)
    )


def ageing(*, number=6):
    """People with SSc whose disease becomes advanced between inclusion and 12 months, in all but one."""
    cohorts = Cohorts()
    for name in cohorts.people(4, number, onset_day=-1600):
        for timepoint in DAYS:
            for tissue in ("pbmc", "skin_sclerotic", "skin_healthy"):
                cohorts.sample(name, timepoint, tissue=tissue)
    cohorts.change("S001", onset_day=-100)
    return cohorts


@pytest.mark.parametrize(
    ("timepoint", "stage", "pairs"),
    [
        ("D1", "early", 6),
        ("D1", "advanced", 0),
        ("M12", "early", 1),
        ("M12", "advanced", 5),
        ("Y5", "advanced", 6),
    ],
)
def test_the_stage_of_two_tissues_is_that_at_their_visit(timepoint, stage, pairs):
    found = judged(ageing(), BOTH_SKINS, "skin_sclerotic", timepoint=timepoint, stage=stage)
    assert found.n_pairs == pairs
    assert f"SSc ({stage})" in found.reason


@pytest.mark.parametrize(
    ("earlier", "stage", "pairs"),
    [("D1", "early", 6), ("D1", "advanced", 0), ("M12", "early", 1), ("M12", "advanced", 5)],
)
def test_the_stage_of_two_visits_is_that_at_the_first(earlier, stage, pairs):
    found = judged(ageing(), "ssc_change_d1_y5", "pbmc", earlier=earlier, stage=stage)
    assert found.n_pairs == pairs


@pytest.mark.parametrize(("timepoint", "cases"), [("D1", 6), ("M12", 1), ("Y5", 0)])
def test_the_stage_of_a_group_is_that_at_its_visit(timepoint, cases):
    found = judged(ageing(), "ssc_vs_control_d1", "pbmc", timepoint=timepoint, stage="early")
    assert found.n_case == cases


def test_those_of_other_and_of_unknown_subtype_are_told_apart_and_what_is_needed_is_of_the_subtype():
    cohorts = Cohorts()
    for population in (3, 4):
        for name in cohorts.people(population, 6):
            cohorts.sample(name)
    for name, subtype in (("S001", "dcSSc"), ("S002", "dcSSc"), ("S003", "lcSSc")):
        cohorts.change(name, disease_subtype=subtype)
    found = judged(cohorts, "dcssc_vs_control_d1", "pbmc")
    assert (found.verdict, found.reason, found.remedy) == (
        "SKIP",
        (
            "2 SSc (dcSSc) vs 6 SSc controls; at least 3 of each are needed; "
            "4 left out (1 other subtype, 3 subtype unknown)"
        ),
        "1 more SSc (dcSSc) with microarray of pbmc at D1",
    )


def test_subtype_and_stage_are_named_together():
    found = judged(ageing(), BOTH_SKINS, "skin_sclerotic", stage="advanced", subtype="dcSSc")
    assert found.reason.startswith("0 complete pairs of SSc (advanced, dcSSc)")


@pytest.mark.parametrize(
    ("question", "reason", "remedy"),
    [
        (
            "ssc_infectious_complication",
            "no SSc with an infectious complication",
            "4 more complete pairs of D1 and an infectious complication",
        ),
        (
            "ssc_targeted_treatment",
            "no SSc with an immunomodulator or a cell therapy",
            "4 more complete pairs around the start of an immunomodulator or a cell therapy",
        ),
    ],
)
def test_an_event_that_nobody_had_is_named(question, reason, remedy):
    found = judged(ageing(), question, "pbmc")
    assert found.reason == f"0 complete pairs of SSc; {reason}; at least 4 are needed"
    assert found.remedy == remedy


def test_slopes_over_visits_need_someone_with_several():
    cohorts = Cohorts()
    for number, name in enumerate(cohorts.people(4, 8)):
        cohorts.visit(name, "D1", mrss=number)
        cohorts.sample(name)
    found = judged(cohorts, "ssc_mrss_visits", "pbmc")
    assert (found.verdict, found.reason, found.remedy) == (
        "SKIP",
        (
            "8 SSc with mrss and a sample at D1, M12 or Y5, 8 profiles in all, 0 with several; "
            "nobody has several profiles"
        ),
        "samples of the same participants at a second visit",
    )


def test_levels_that_batches_use_up_want_participants_not_other_batches():
    cohorts = Cohorts()
    for number, name in enumerate(cohorts.people(4, 6)):
        cohorts.visit(name, "D1", mrss_biopsy_site=str(number % 3))
        cohorts.sample(name, tissue="skin_sclerotic", batch=f"b{number}")
    found = judged(cohorts, "ssc_mrss_biopsy_site", "skin_sclerotic")
    assert found.verdict == "SKIP"
    assert "0 residual df, at least 3 are needed" in found.reason
    assert found.remedy.endswith("more participants")


def test_those_reclassified_later_are_named_where_changes_are_subtracted():
    cohorts = Cohorts()
    for population in (3, 4):
        for name in cohorts.people(population, 4):
            cohorts.sample(name, "D1")
            cohorts.sample(name, "M12")
    cohorts.event("R001", 200, "reclassification", "ssc")
    reason = judged(cohorts, "ssc_change_vs_control_d1_m12", "pbmc").reason
    assert reason.endswith("1 reclassified later, counted as at inclusion")
