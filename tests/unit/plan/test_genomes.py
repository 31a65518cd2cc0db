"""What the rules of variants are made from, on the tiny study."""

import pytest

from scleromyomics.plan.targets import load_plan

FOLDER = "results/samples/variants/F1"


@pytest.fixture(scope="module")
def plan(tiny):
    return load_plan(tiny, overrides={})


@pytest.fixture(scope="module")
def genomes(plan):
    return plan.genomes


def test_reads_are_aligned_and_calls_taken_as_they_come(plan, genomes):
    formats = {name: plan.sample(name).format for name in genomes.samples}
    assert {"fastq", "gvcf"} <= set(formats.values())
    for name, form in formats.items():
        aligned = genomes.aligned(name, "aligned.cram")
        if form in {"fastq", "bam", "cram"}:
            assert genomes.source(name) == aligned == [f"{FOLDER}/{name}/aligned.cram"]
        else:
            assert aligned == []
            assert genomes.source(name) == list(plan.sample(name).paths)


def test_participants_with_several_samples_are_compared_with_themselves(plan, genomes):
    assert genomes.repeated == ["P401"]
    assert genomes.tables == ["results/releases/W2/variants/within/P401.parquet"]
    assert genomes.counts == ["results/releases/W2/variants/within/P401.counts.parquet"]
    assert {plan.sample(name).visit for name in genomes.own("P401")} == {"D1", "M12"}
    assert genomes.own_genome("P401") == "results/frozen/variants/F1/reference/genome.fa"


def test_genotypes_and_burdens_are_promised(plan, genomes):
    folder = "results/releases/W2"
    burdens = {f"{folder}/matrices/variants/pbmc/{timepoint}.burden.h5ad" for timepoint in ("D1", "M12")}
    assert burdens < set(plan.targets)
    assert f"{folder}/variants/genotypes.bcf" in genomes.results
    assert set(genomes.results) < set(plan.targets)


def test_references_are_those_that_the_configuration_names(genomes):
    assert genomes.file("fasta") == ["references/genome.fa"]
    assert genomes.named_annotations[0] == "gnomad=references/gnomad.vcf.gz"
    assert genomes.common("F1") == ["results/frozen/variants/F1/reference/common.bcf"]
    assert genomes.bed("ToyExome") == ["references/targets.bed"]
    assert all("=" in one for one in genomes.filters)


def test_a_release_without_variants_promises_none(tiny, tmp_path):
    import shutil

    study = shutil.copytree(tiny, tmp_path / "study")
    sheet = study / "samples.tsv"
    lines = [line for line in sheet.read_text().splitlines(keepends=True) if "\tvariants\t" not in line]
    sheet.write_text("".join(lines))
    plan = load_plan(study, overrides={})
    assert plan.genomes.results == plan.genomes.models == plan.genomes.tables == []
