"""The configuration may name what the sheets have."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sheet_faults import CONFIG, SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.study import load_study


def test_names_that_the_sheets_have_are_accepted(study_dir: Callable[..., Path]) -> None:
    config = CONFIG + (
        "release: W1\n"
        "hold_back: {P02_D1_pbmc: haemolysed}\n"
        "freeze:\n"
        "  microarray:\n"
        "  - {id: F1, waves: [W1], platforms: [chip_a], tissues: [pbmc]}\n"
        "  - {id: F2, waves: [W1, W2], platforms: [chip_a]}\n"
    )
    study = load_study(study_dir(SmallStudy(config=config)))
    assert study.warnings == ()
    assert study.config.freeze["microarray"][1].waves == ["W1", "W2"]


def test_a_chip_that_has_no_samples_yet_may_be_configured(study_dir: Callable[..., Path]) -> None:
    config = CONFIG + "    chip_b: {definition: [reference/chip_b.cdf]}\n"
    assert load_study(study_dir(SmallStudy(config=config))).warnings == ()


def test_a_chip_without_annotation_is_warned_of(study_dir: Callable[..., Path]) -> None:
    config = CONFIG.replace("annotation: reference/chip_a.tsv, ", "")
    (warning,) = load_study(study_dir(SmallStudy(config=config))).warnings
    assert "has no annotation in config.yaml: no gene symbols, and sex is not checked" in str(warning)


def test_what_makes_a_disease_advanced_is_a_measure_of_the_protocol(study_dir: Callable[..., Path]) -> None:
    config = CONFIG + "analysis: {advanced_with: [pah, mrss]}\n"
    with pytest.raises(InputError, match=r"analysis\.advanced_with.*'mrss': is no yes-or-no measure"):
        load_study(study_dir(SmallStudy(config=config)))


def exome(**cells: str) -> SmallStudy:
    """A study with one exome beside its chips."""
    study = SmallStudy()
    row = {**study.sheets["samples"][0], "sample": "P01_exome", "assay": "variants", "platform": "exome_a"}
    study.sheets["samples"].append({**row, "format": "fastq", "path": "raw/1.fq.gz;raw/2.fq.gz", **cells})
    return study


GENOME = "variants: {reference: {fasta: g.fa}, platforms: {exome_a: {targets: t.bed}}}\n"


def test_variants_need_a_genome_and_a_platform(study_dir: Callable[..., Path]) -> None:
    with pytest.raises(InputError) as error:
        load_study(study_dir(exome()))
    first, second = str(error.value).splitlines()
    assert "variants.reference.fasta" in first
    assert "is absent; allowed: the FASTA of the genome" in first
    assert (
        "column platform: 'exome_a': is not in config.yaml; allowed: a platform under variants.plat" in second
    )


def test_lanes_are_pairs_of_files(study_dir: Callable[..., Path]) -> None:
    study = exome(path="raw/1.fq.gz;raw/2.fq.gz;raw/3.fq.gz")
    study.config += GENOME
    with pytest.raises(InputError, match="holds 3 paths; allowed: R1;R2 of each lane"):
        load_study(study_dir(study))


def test_rarity_is_an_annotation_and_a_platform_no_folder_of_the_genome(
    study_dir: Callable[..., Path],
) -> None:
    study = exome()
    study.config += "variants: {reference: {fasta: g.fa}, platforms: {exome_a: {}, reference: {}},"
    study.config += " burden: {rarity: exac}}\n"
    with pytest.raises(InputError) as error:
        load_study(study_dir(study))
    first, second = sorted(str(error.value).splitlines())
    assert "variants.burden.rarity: 'exac': is no annotation" in first
    assert "variants.platforms.reference" in second
