"""The assay as a whole: references, raw files and truth of a study."""

import hashlib
from collections import Counter

import numpy as np
import pysam
import pytest
import yaml

from scleromyomics.core.files import read_tsv
from scleromyomics.plan.config import Config
from scleromyomics.plan.study import load_study
from scleromyomics.simulate import study, variants
from scleromyomics.simulate.coding import text
from scleromyomics.simulate.planted import LOSS_GENE, RISK_GENE


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tiny") / "study"
    study.run(directory=directory, size="tiny")
    return directory


@pytest.fixture(scope="module")
def references(known, tmp_path_factory):
    folder = tmp_path_factory.mktemp("references")
    variants.write_references(folder, known)
    return folder


def test_the_configuration_names_the_references_that_are_written(references):
    settings = Config.model_validate({"variants": variants.configuration()}).variants
    named = [settings.reference.fasta, settings.reference.gff3, settings.reference.common]
    named += [*settings.reference.annotations.values(), settings.platforms["ToyExome"].targets]
    for path in named:
        assert (references / path.removeprefix("references/")).stat().st_size
    assert settings.burden.rarity in settings.reference.annotations
    assert settings.platforms["ToyVcf"].absent_is_reference


@pytest.mark.parametrize("file", ["common", "gnomad", "clinvar"])
def test_known_sites_are_sorted_indexed_and_of_the_reference(known, references, file):
    path = str(references / f"{file}.vcf.gz")
    found = Counter()
    with pysam.VariantFile(path) as sites:
        for record in sites:
            place = known.genome.place(record.contig, record.pos - 1)
            assert text(known.genome.bases[place : place + len(record.ref)]) == record.ref
            found[record.contig] += 1
    with pysam.VariantFile(path) as sites:
        assert sum(1 for _ in sites.fetch("chr2")) == found["chr2"] > 0


def test_common_sites_are_biallelic_snvs_of_autosomes_with_a_frequency(references):
    with pysam.VariantFile(str(references / "common.vcf.gz")) as sites:
        records = list(sites)
    assert 300 < len(records) < 600
    assert {len(one.ref) for one in records} == {len(one.alts[0]) for one in records} == {1}
    assert {one.contig for one in records} == {"chr1", "chr2"}
    assert all(0.05 <= one.info["AF"][0] <= 0.95 for one in records)


def test_the_population_database_has_common_sites_and_half_of_the_rare_ones_but_no_private_ones(
    known, references
):
    with pysam.VariantFile(str(references / "gnomad.vcf.gz")) as sites:
        found = {
            (known.genome.place(one.contig, one.pos - 1), one.ref, one.alts[0]): one.info["AF"][0]
            for one in sites
        }
    for one in known.sites:
        frequency = found.pop((one.place, one.ref, one.alt), None)
        assert (frequency is not None) == one.listed
        assert frequency is None or frequency == pytest.approx(one.frequency, rel=1e-3)
        assert frequency is None or one.kind != "rare" or frequency < 0.001
    assert not found
    private = [one for kind in known.planted.losses.values() for one in kind] + known.planted.missense
    taken = {(one.place, one.ref, one.alt) for one in known.sites}
    assert not [one for one in private if (one.place, one.ref, one.alt) in taken]


def test_clinvar_has_pathogenic_and_benign_sites_and_the_risk_allele(references):
    with pysam.VariantFile(str(references / "clinvar.vcf.gz")) as sites:
        found = [(one.info["CLNSIG"][0], one.info["GENEINFO"].split(":")[0]) for one in sites]
    assert {"Pathogenic", "Benign", "Uncertain_significance"} <= {kind for kind, _ in found}
    assert ("risk_factor", RISK_GENE) in found


def test_every_format_of_the_assay_is_delivered_and_every_file_has_its_sum(tiny):
    samples = [one for one in load_study(tiny, files=True).cohort.samples.values() if one.assay == "variants"]
    assert Counter(one.format for one in samples) == {"fastq": 3, "gvcf": 1, "vcf": 1}
    for one in samples:
        assert len(one.paths) == (4 if one.format == "fastq" else 1)
        for path, md5 in zip(one.paths, one.md5, strict=True):
            assert hashlib.md5((tiny / path).read_bytes(), usedforsecurity=False).hexdigest() == md5
        if one.format == "fastq":
            stem = f"raw/variants/{one.sample}"
            assert list(one.paths) == [
                f"{stem}_L00{lane}_R{mate}.fastq.gz" for lane in (1, 2) for mate in (1, 2)
            ]


def test_a_participant_has_the_same_genotypes_in_every_wave_and_in_the_files(tiny):
    first, second = (read_tsv(tiny / f"truth/genotypes_{wave}.tsv") for wave in ("W1", "W2"))
    carried = {row["variant"]: row["P401"] for row in first if "1" in row["P401"]}
    assert carried == {row["variant"]: row["P401"] for row in second if "1" in row["P401"]}
    with pysam.VariantFile(str(tiny / "raw/variants/ToyVcf_W1.vcf.gz")) as file:
        called = {
            f"{one.contig}:{one.pos}:{one.ref}:{one.alts[0]}": sum(one.samples["P302_D1_pbmc_dna"]["GT"])
            for one in file
            if "LowQual" not in one.filter
        }
    true = {row["variant"]: row["P302"].count("1") for row in first}
    assert len(called) > 50
    assert np.mean([true[variant] == copies for variant, copies in called.items()]) > 0.95


def test_mosaic_variants_grow_from_visit_to_visit(tiny):
    fractions = [
        {row["variant"]: float(row["fraction"]) for row in read_tsv(tiny / f"truth/mosaics_{wave}.tsv")}
        for wave in ("W1", "W2")
    ]
    assert len(fractions[0]) == 3
    assert fractions[0].keys() == fractions[1].keys()
    assert all(fractions[1][one] > 1.4 * fractions[0][one] for one in fractions[0])


def test_what_is_planted_is_told_with_gene_and_group(tiny, known):
    effects = {(row["effect"], row["group"]): row for row in read_tsv(tiny / "truth/variant_effects.tsv")}
    assert float(effects["risk", "ssc"]["share"]) > 0.8
    assert effects["loss_of_function", "ssc"]["gene_symbol"] == LOSS_GENE
    sites = {row["variant"]: row for row in read_tsv(tiny / "truth/variant_sites.tsv")}
    assert len(sites) == len(known.sites)
    assert sites[effects["risk", "ssc"]["variants"]]["gene_symbol"] == RISK_GENE


def test_another_cohort_leaves_the_files_of_a_sample_as_they_are(tiny, tmp_path, monkeypatch):
    """Files of one participant are the same bytes in a cohort of one."""
    whole = study.scenario

    def alone(size, protocol, *, seed):
        script = whole(size, protocol, seed=seed)
        for block in script.samples:
            if block["assay"] == "variants":
                block["participants"] = [one for one in block["participants"] if one == "P402"]
        return script

    monkeypatch.setattr(study, "scenario", alone)
    study.run(directory=tmp_path / "study", size="tiny")
    files = [path.name for path in (tmp_path / "study/raw/variants").iterdir()]
    assert files == ["P402_D1_pbmc_dna.g.vcf.gz"]
    for path in (
        "raw/variants/P402_D1_pbmc_dna.g.vcf.gz",
        "references/gnomad.vcf.gz",
        "references/genome.fa",
    ):
        assert (tmp_path / "study" / path).read_bytes() == (tiny / path).read_bytes()


def test_the_toy_cohort_measures_groups_in_the_same_batches_and_materials_again():
    script = yaml.safe_load((study.RESOURCES / "toy.yaml").read_text())
    blocks = [one for one in script["samples"] if one["assay"] == "variants"]
    samples = [(one, participant) for one in blocks for participant in one["participants"]]
    assert len(samples) == 34
    assert Counter(one["format"] for one, _ in samples) == {
        "fastq": 28,
        "gvcf": 2,
        "vcf": 2,
        "bam": 1,
        "cram": 1,
    }
    batches = {}
    for one, participant in samples:
        if one["tissue"] == "pbmc" and one["visit"] == "D1" and not one.get("bridge"):
            number = (int(participant[2:]) - 1) % len(one["batches"])
            batches.setdefault(one["batches"][number], set()).add(participant[1])
    assert all({"3", "4"} <= batches[one] for one in ("d1", "d2", "d3", "w1"))
    assert sum(bool(one.get("bridge")) for one, _ in samples) == 2
    assert {one["tissue"] for one, _ in samples} == {"pbmc", "muscle", "skin_sclerotic", "skin_healthy"}
