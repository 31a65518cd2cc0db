"""The grid of questions depends on the protocol alone."""

from cohorts import Cohorts

from scleromyomics.plan.cells import Cell, cells, questions
from scleromyomics.plan.protocol.questions import groups_of


def test_the_grid_is_sorted_and_has_no_cell_twice():
    grid = cells(Cohorts().study())
    assert list(grid) == sorted(set(grid))


def test_data_do_not_change_the_grid():
    cohorts = Cohorts()
    before = cells(cohorts.study())
    for name in cohorts.people(4, 3):
        cohorts.sample(name, tissue="muscle", assay="scrna")
    assert cells(cohorts.study()) == before


def test_a_question_is_asked_in_all_tissues_of_its_groups_that_the_assay_measures():
    grid = cells(Cohorts().study())
    asked = [cell for cell in grid if cell.question == "ssc_vs_im_d1"]
    assert [cell.tissue for cell in asked if cell.assay == "microarray"] == [
        "muscle", "pbmc", "skin_healthy", "skin_sclerotic",
    ]  # fmt: skip
    assert [cell.assay for cell in asked if cell.tissue == "serum"] == ["proteomics"]


def test_a_pair_of_tissues_is_one_cell_that_the_cases_tissue_names():
    grid = [cell for cell in cells(Cohorts().study()) if cell.question == "ssc_sclerotic_vs_control_skin"]
    assert Cell("ssc_sclerotic_vs_control_skin", "microarray", "skin_sclerotic", "skin_healthy") in grid
    assert len(grid) == 4


def test_every_question_names_its_groups_case_first():
    library = questions(Cohorts().study())
    assert groups_of(library["ssc_vs_im_d1"]) == ("ssc", "im")
    assert groups_of(library["im_change_d1_m12"]) == ("im",)
    assert groups_of(library["ssc_sclerotic_vs_healthy_skin"]) == ("ssc",)
    assert groups_of(library["ssc_sclerotic_vs_control_skin"]) == ("ssc", "ssc_control")
