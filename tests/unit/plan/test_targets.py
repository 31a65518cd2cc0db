import shutil
from types import SimpleNamespace

import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_json
from scleromyomics.plan.cells import cells, questions
from scleromyomics.plan.targets import flag, load_plan


@pytest.fixture(scope="module")
def plan(tiny):
    return load_plan(tiny, overrides={})


def test_only_the_release_can_be_set_on_the_command_line(tiny):
    assert load_plan(tiny, overrides={"release": "W1"}).release == "W1"
    with pytest.raises(InputError, match="--config seed: only release can be set on the command line"):
        load_plan(tiny, overrides={"seed": 3})


def test_the_newest_release_is_built(plan):
    assert plan.release == "W2"
    assert plan.targets[0] == "results/releases/W2/report/index.html"


def test_every_cell_of_the_grid_has_one_table(plan):
    tables = [*plan.tables, *(one.format(release="W2") for one in plan.unasked_tables)]
    assert len(tables) == len(set(tables)) == len(cells(plan.study))
    assert len(plan.rows.asked) + len(plan.rows.unasked) == len(tables)


def test_a_question_of_two_tissues_reads_both_matrices(plan):
    key = SimpleNamespace(
        question="ssc_sclerotic_vs_control_skin", assay="microarray", tissue="skin_sclerotic"
    )
    folder = "results/releases/W2/matrices/microarray"
    assert plan.question_products(".h5ad", key) == [
        f"{folder}/skin_healthy/D1.h5ad",
        f"{folder}/skin_sclerotic/D1.h5ad",
    ]


def test_profiles_of_a_tissue_read_its_matrices_at_all_timepoints(plan):
    assert "results/releases/W2/describe/microarray/pbmc.parquet" in plan.profile_tables
    assert set(plan.profile_tables) <= set(plan.targets)
    folder = "results/releases/W2/matrices/microarray/pbmc"
    found = plan.tissue_products(".h5ad", SimpleNamespace(assay="microarray", tissue="pbmc"))
    assert found == [f"{folder}/D1.h5ad", f"{folder}/M12.h5ad"]


def test_gene_sets_read_all_matrices_and_know_which_questions_are_within_participants(plan):
    matrices = plan.matrix_files(".h5ad", genotypes=False)
    abundances = [key for key in plan.rows.matrices if key[0] != "variants"]
    assert len(matrices) == len(set(matrices)) == len(abundances) < len(plan.rows.matrices)
    assert set(matrices) < set(plan.targets)
    library = questions(plan.study)
    kinds = {name: library[name].kind for name in plan.within}
    assert (
        {"within", "interaction", "event"}
        <= set(kinds.values())
        <= {*("within", "interaction", "event", "tissue", "association")}
    )
    associations = [one for one in library.values() if one.kind == "association"]
    assert {one.id for one in associations if one.change_from} == {
        name for name, kind in kinds.items() if kind == "association"
    }
    assert not {name for name, one in library.items() if one.kind == "between"} & set(plan.within)


def test_only_chips_have_a_definition(plan):
    assert plan.chip("P301_D1_pbmc_chip", "chip.npz") == ["results/frozen/microarray/F1/ToyHG/chip.npz"]
    assert plan.chip("P301_D1_skin_healthy_chip", "chip.npz") == []


def test_both_skin_sites_stand_on_the_same_models(plan):
    keys = [SimpleNamespace(assay="microarray", tissue=name) for name in ("skin_healthy", "skin_sclerotic")]
    first, second = (plan.tissue_models("model.npz", key) for key in keys)
    assert first == second == ["results/frozen/microarray/F1/ToySkin/model.npz"]


def test_a_flag_without_value_is_left_out():
    assert flag("--chip", ["a"]) == ["--chip", "a"]
    assert flag("--column", "S1") == ["--column", "S1"]
    assert flag("--column", "") == flag("--chip", []) == []


def test_results_without_their_record_are_refused(tiny, tmp_path):
    study = shutil.copytree(tiny, tmp_path / "study")
    write_json(study / "results" / "samples" / "microarray" / "F1" / "S" / "raw.receipt.json", {})
    with pytest.raises(
        InputError, match=r"\.snakemake: is gone, and with it what the results were made from"
    ):
        load_plan(study, overrides={})
    (study / ".snakemake" / "incomplete").mkdir(parents=True)
    (study / ".snakemake" / "incomplete" / "cmVzdWx0").touch()
    load_plan(study, overrides={})
