"""What reruns what: nothing without a change of meaning, and exactly what depends on one."""

import os
import shutil

import pytest
from conftest import ROOT, command

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]
ANSWERS = {"compare_question", "compare_families", "compare_gene_sets", "report_build"}
POOLED = {"matrices_tissue", "describe_profiles", "matrices_timepoint"} | ANSWERS


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A copy of the workflow that a test may edit, at another path."""
    target = tmp_path_factory.mktemp("code") / "clone"
    for name in ("rules", "scripts", "config", "envs", "resources"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", target)
    return target


def edited(code, module, old, new):
    path = code / "scripts" / "scleromyomics" / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_nothing_is_planned_when_nothing_changed(finished, planned):
    assert planned(finished) == {}


def test_nothing_is_planned_after_a_touch(finished_copy, planned):
    for path in [
        *finished_copy.glob("*.tsv"),
        *finished_copy.glob("raw/**/*"),
        *finished_copy.glob("references/*"),
    ]:
        os.utime(path)
    for path in finished_copy.glob("results/**/*.npz"):
        os.utime(path)
    assert planned(finished_copy) == {}


def test_nothing_is_planned_after_shuffling_rows(finished_copy, planned):
    for sheet in finished_copy.glob("*.tsv"):
        header, *rows = sheet.read_text().splitlines(keepends=True)
        sheet.write_text(header + "".join(reversed(rows)))
    assert planned(finished_copy) == {}


def test_nothing_is_planned_in_another_place(finished, tmp_path, planned, code):
    study = shutil.copytree(finished, tmp_path / "moved elsewhere" / "study")
    assert planned(study, code=code) == {}


def test_a_comment_plans_nothing(finished, planned, code):
    edited(code, "microarray/polish.py", "import numpy", "# a comment\nimport numpy")
    assert planned(finished, code=code) == {}


def test_an_operator_plans_its_rule_and_what_depends_on_it(finished, planned, code):
    module = code / "scripts" / "scleromyomics" / "matrices" / "timepoint.py"
    module.write_text(module.read_text() + "\n\n_CHANGED = 1 + 1\n")
    assert planned(finished, code=code).keys() == {"matrices_timepoint"}
    module.write_text(module.read_text().replace("1 + 1", "1 - 1"))
    assert planned(finished, code=code).keys() == {"matrices_timepoint"}


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("releases/W2/matrices/microarray/pbmc/D1.h5ad", "matrices_tissue"),
        ("releases/W2/compare/ssc_vs_im_y5/proteomics/serum.parquet", "cohort_tables"),
        ("releases/W2/describe/microarray/pbmc.parquet", "describe_profiles"),
        ("samples/microarray/F1/P301_D1_pbmc_chip/profile.npz", "microarray_rma"),
        ("releases/W2/matrices/variants/pbmc/D1.burden.h5ad", "matrices_genotypes"),
        ("releases/W2/variants/genotypes.bcf", "genotypes_joint"),
        ("samples/variants/F1/P301_D1_pbmc_dna/profile.npz", "variants_profile"),
        ("frozen/microarray/F1/ToyHG/model.npz", "microarray_fit"),
    ],
    ids=lambda text: text.rpartition("/")[2],
)
def test_a_deleted_result_is_made_again(finished_copy, planned, path, rule):
    (finished_copy / "results" / path).unlink()
    assert planned(finished_copy)[rule] == 1


def test_a_study_that_lost_its_record_is_refused(finished_copy):
    shutil.rmtree(finished_copy / ".snakemake")
    done = command("run", finished_copy)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "a changed sheet would pass unseen" in line


def test_a_used_cell_plans_what_uses_it(finished_copy, planned):
    """A batch is part of one matrix and of its answers, and of nothing before them."""
    sheet = finished_copy / "samples.tsv"
    lines = sheet.read_text().splitlines(keepends=True)
    column = lines[0].split("\t").index("batch")
    cells = lines[1].split("\t")
    cells[column] += "x"
    sheet.write_text("".join([lines[0], "\t".join(cells), *lines[2:]]))
    jobs = planned(finished_copy)
    assert jobs["matrices_tissue"] == 1
    assert not {"microarray_chip", "microarray_admit", "microarray_fit", "microarray_rma"} & jobs.keys()
    assert jobs.keys() >= POOLED


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("protocol.yaml", "{id: ssc_vs_control_d1,", "{include_overlap: true, id: ssc_vs_control_d1,"),
        ("config.yaml", "skip_below_pairs: 2", "skip_below_pairs: 1"),
    ],
)  # fmt: skip
def test_a_question_that_changes_is_answered_anew_in_one_run(finished_copy, planned, name, old, new):
    """Though the verdicts, which any change of the cohort makes again, are made again too."""
    path = finished_copy / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    jobs = planned(finished_copy)
    assert jobs.keys() == {"cohort_tables", "cohort_verdicts"} | ANSWERS
    assert command("run", finished_copy).returncode == 0
    assert planned(finished_copy) == {}
