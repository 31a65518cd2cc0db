"""How often each rule is planned, and that Snakemake's own linter is content."""

import subprocess
import sys

import pytest
from conftest import ROOT

from scleromyomics.core.files import read_tsv
from scleromyomics.plan.study import load_study
from scleromyomics.plan.verdicts import planned_verdicts


def test_the_toy_study_plans_each_rule_as_often_as_its_sheets_say(toy, planned):
    samples = read_tsv(toy / "samples.tsv")
    visits = {(row["participant"], row["visit"]): row["timepoint"] for row in read_tsv(toy / "visits.tsv")}
    at = {(row["tissue"], visits[row["participant"], row["visit"]]) for row in samples}
    assert planned(toy) == {
        "cohort_tables": 1,
        "cohort_verdicts": 1,
        "microarray_chip": 1,  # ToySkin comes as expression tables
        "microarray_admit": len(samples),
        "microarray_fit": len({row["platform"] for row in samples}),
        "microarray_rma": len(samples),
        "microarray_quality": 1,
        "matrices_tissue": len(at),
        "describe_profiles": len({tissue for tissue, _ in at}),
        "matrices_timepoint": len({timepoint for _, timepoint in at}),
        "compare_question": sum(
            one.verdict != "SKIP"
            for one in planned_verdicts(load_study(toy))
            if one.cell.assay == "microarray"
        ),
        "compare_families": 1,
        "compare_gene_sets": 1,
        "report_build": 1,
    }


@pytest.mark.slow
def test_snakemakes_linter_is_content(tiny):
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", ROOT / "Snakefile", "-d", tiny, "--lint"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
