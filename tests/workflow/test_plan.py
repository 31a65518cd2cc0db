"""How often each rule is planned, and that Snakemake's own linter is content."""

import subprocess
import sys
from collections import Counter

import pytest
from conftest import ROOT

from scleromyomics.core.files import read_tsv
from scleromyomics.plan.placement import PROCESSED
from scleromyomics.plan.study import load_study
from scleromyomics.plan.verdicts import planned_verdicts


def test_the_toy_study_plans_each_rule_as_often_as_its_sheets_say(toy, planned):
    every = read_tsv(toy / "samples.tsv")
    samples = [row for row in every if row["assay"] == "microarray"]
    genomes = [row for row in every if row["assay"] == "variants"]
    people = Counter(row["participant"] for row in genomes)
    visits = {(row["participant"], row["visit"]): row["timepoint"] for row in read_tsv(toy / "visits.tsv")}
    at, genotyped = (
        {(row["tissue"], visits[row["participant"], row["visit"]]) for row in rows}
        for rows in (samples, genomes)
    )
    assert planned(toy) == {
        "cohort_tables": 1,
        "cohort_verdicts": 1,
        "microarray_chip": 1,  # ToySkin comes as expression tables
        "microarray_admit": len(samples),
        "microarray_fit": len({row["platform"] for row in samples}),
        "microarray_rma": len(samples),
        "microarray_quality": 1,
        "variants_reference": 1,
        "variants_targets": len({row["platform"] for row in genomes}),
        "variants_admit": len(genomes),
        "variants_align": sum(row["format"] in {"fastq", "bam", "cram"} for row in genomes),
        "variants_call": len(genomes),
        "variants_profile": len(genomes),
        "variants_quality": 1,
        "genotypes_fit": len({row["platform"] for row in genomes}),
        "genotypes_sites": 1,
        "genotypes_joint": 1,
        "genotypes_within": sum(count > 1 for count in people.values()),
        "genotypes_mosaic": 1,
        "matrices_genotypes": len(genotyped),
        "matrices_tissue": len(at),
        "describe_profiles": len({tissue for tissue, _ in at}) + len({tissue for tissue, _ in genotyped}),
        "matrices_timepoint": len({timepoint for _, timepoint in at | genotyped}),
        "compare_question": sum(
            one.verdict != "SKIP" for one in planned_verdicts(load_study(toy)) if one.cell.assay in PROCESSED
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
