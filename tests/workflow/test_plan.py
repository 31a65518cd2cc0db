"""How often each rule is planned, and that Snakemake's own linter is content."""

import subprocess
import sys

import pytest
from conftest import ROOT

from scleromyomics.core.files import read_tsv


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
        # SSc and its control: blood, healthy skin, sclerotic against healthy; myositis and its control: blood,
        # muscle; SSc and myositis: blood. At 12 months the same without muscle and without the pair of sites.
        # Changes: each disease's and beyond its control's (myositis in blood, SSc in blood and skin; a control
        # has no sclerotic site), SSc beyond myositis, the two sites; around treatments; at complications of SSc.
        "compare_question": 6 + 4 + (1 + 1) + (3 + 2) + 1 + 1 + (1 + 3) + 3,
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
