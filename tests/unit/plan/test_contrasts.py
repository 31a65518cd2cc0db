"""The rows and covariates of a comparison are exactly those that its question means."""

import numpy as np
import pytest
from cohorts import Cohorts

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import Samples, compare_groups, select
from scleromyomics.stats.design import estimable, residual_df

D1 = Cell("ssc_vs_control_d1", "microarray", "pbmc", "")


@pytest.fixture
def cohorts():
    """Six people in each of populations 3 and 4, with blood at inclusion."""
    cohorts = Cohorts()
    for population in (3, 4):
        for i, name in enumerate(cohorts.people(population, 6)):
            cohorts.change(name, age=40.0 + i * i + population, sex="FM"[i % 2])
            cohorts.sample(name, batch=f"b{1 + i // 2 % 2}")
    return cohorts


def test_members_are_sorted_participants_with_their_role(cohorts):
    members = select(cohorts.study(), D1).members
    assert [one.participant for one in members] == sorted(one.participant for one in members)
    assert {one.role for one in members if one.participant.startswith("S")} == {"case"}
    assert {one.role for one in members if one.participant.startswith("R")} == {"reference"}


def test_the_design_estimates_case_minus_reference(cohorts):
    comparison = select(cohorts.study(), D1)
    assert comparison.design.formula == "~ 1 + case + sex + age + batch"
    truth = np.array([5.0, 2.0, 0.1, -1.0, 3.0])
    y = comparison.design.matrix @ truth
    fitted = np.linalg.lstsq(comparison.design.matrix, y, rcond=None)[0]
    assert comparison.contrast @ fitted == pytest.approx(2.0)
    assert estimable(comparison.design, comparison.contrast)


def test_replicates_are_merged_and_their_batches_joined(cohorts):
    cohorts.sample("S001", batch="b2")
    (merged,) = (one for one in select(cohorts.study(), D1).members if one.participant == "S001")
    assert merged.samples == ("S001_D1_pbmc_microarray_1", "S001_D1_pbmc_microarray_2")
    assert merged.batch == "b1+b2"


def test_a_bridge_does_not_change_the_comparison_of_what_it_measures_again(cohorts):
    before = select(cohorts.study(), D1)
    cohorts.sample("S001", batch="b9", bridge="S001_D1_pbmc_microarray_1")
    assert select(cohorts.study(), D1) == before


def test_a_bridge_stands_in_for_a_sample_that_is_held_back(cohorts):
    again = cohorts.sample("S001", batch="b2", bridge="S001_D1_pbmc_microarray_1")
    found = select(cohorts.study(), D1, {"S001_D1_pbmc_microarray_1": "RLE 0.4"}).members
    assert [one.samples for one in found if one.participant == "S001"] == [(again,)]


def test_those_left_out_are_named_with_the_reason(cohorts):
    cohorts.change("S001", overlap=True)
    cohorts.change("S002", age=17.0)
    study = cohorts.study(hold_back={"R001_D1_pbmc_microarray_1": "haemolysed"})
    comparison = select(study, D1, {"R002_D1_pbmc_microarray_1": "RLE 0.4"})
    assert comparison.excluded == {
        "R001": "held back: haemolysed",
        "R002": "held back: RLE 0.4",
        "S001": "overlap syndrome",
        "S002": "not eligible: Aged 18 or over",
    }
    assert (comparison.count("case"), comparison.count("reference")) == (4, 4)


def test_a_reclassified_control_stays_a_control(cohorts):
    before = select(cohorts.study(), D1)
    cohorts.event("R001", 500, "reclassification", "ssc")
    assert select(cohorts.study(), D1) == before


def test_samples_of_later_waves_do_not_count_in_an_earlier_release(cohorts):
    before = select(cohorts.study(), D1)
    (late,) = cohorts.people(4, 1)
    cohorts.sample(late, wave="W2")
    assert select(cohorts.study(release="W1"), D1) == before
    assert select(cohorts.study(), D1).count("case") == 7


def test_a_constant_covariate_is_simply_not_in_the_model(cohorts):
    for name in cohorts.participants:
        cohorts.change(name, sex="F")
    comparison = select(cohorts.study(), D1)
    assert (comparison.covariates, comparison.dropped) == (("age",), {})


def test_covariates_are_dropped_from_the_end_of_the_configured_list_and_those_that_are_needed_last(cohorts):
    for name in ("S004", "S005", "S006", "R004", "R005", "R006"):
        del cohorts.samples[f"{name}_D1_pbmc_microarray_1"]
    for order in (["age", "sex"], ["sex", "age"]):
        limits = {"skip_below_residual_df": 2, "skip_without": []}
        comparison = select(cohorts.study(analysis={"covariates": order}, verdicts=limits), D1)
        assert comparison.covariates == (order[0],)
        assert list(comparison.dropped) == order[1:]
        assert residual_df(comparison.design) == 2
        for needed, other in (("sex", "age"), ("age", "sex")):
            limits["skip_without"] = [needed]
            comparison = select(cohorts.study(analysis={"covariates": order}, verdicts=limits), D1)
            assert (comparison.covariates, list(comparison.dropped)) == ((needed,), [other])


def test_a_covariate_that_hides_the_groups_goes_first(cohorts):
    for name in cohorts.participants:
        cohorts.change(name, age=60.0 if name.startswith("S") else 40.0)
    comparison = select(cohorts.study(), D1)
    assert comparison.covariates == ("sex",)
    assert comparison.dropped == {"age": "aliased with case"}


def test_batches_of_several_platforms_are_kept_apart(cohorts):
    for name in [*cohorts.people(3, 2), *cohorts.people(4, 2)]:
        cohorts.sample(name, platform="exon", batch="b1")
    names = select(cohorts.study(), D1).design.names
    assert names[-2:] == ("batch[chip/b2]", "batch[exon/b1]")


def test_a_pair_of_tissues_takes_each_side_from_its_own_tissue():
    cohorts = Cohorts()
    for population in (3, 4):
        for name in cohorts.people(population, 3):
            for tissue in ("skin_healthy", "skin_sclerotic")[: population - 2]:
                cohorts.sample(name, tissue=tissue)
    cell = Cell("ssc_sclerotic_vs_control_skin", "microarray", "skin_sclerotic", "skin_healthy")
    members = select(cohorts.study(), cell).members
    assert [one.samples[0] for one in members] == [
        *(f"R00{i}_D1_skin_healthy_microarray_1" for i in (1, 2, 3)),
        *(f"S00{i}_D1_skin_sclerotic_microarray_1" for i in (1, 2, 3)),
    ]


def test_one_index_serves_all_cells(cohorts):
    study = cohorts.study()
    assert compare_groups(Samples(study), D1) == select(study, D1)


def test_a_question_within_participants_is_refused(cohorts):
    cell = Cell("ssc_change_d1_m12", "microarray", "pbmc", "")
    with pytest.raises(ValueError, match="a within question does not compare groups"):
        select(cohorts.study(), cell)


def test_a_germline_is_adjusted_for_sex_and_not_for_age(cohorts):
    for name in list(cohorts.participants):
        cohorts.sample(name, assay="variants", platform="exome")
    study = cohorts.study()
    assert select(study, D1).covariates == ("sex", "age")
    assert select(study, Cell("ssc_vs_control_d1", "variants", "pbmc", "")).covariates == ("sex",)
