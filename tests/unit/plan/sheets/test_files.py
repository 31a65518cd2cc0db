"""The raw files are looked at only when asked, and every one of them."""

import os
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path

import pytest
from sheet_faults import CONFIG, SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.study import load_study

Write = Callable[..., Path]


def faults(folder: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        load_study(folder, files=True)
    return str(error.value).splitlines()


def test_raw_files_are_not_needed_to_load_a_study(study_dir: Write) -> None:
    assert load_study(study_dir()).release == "W2"


def test_present_files_are_no_fault(study_dir: Write) -> None:
    assert load_study(study_dir(raw=True), files=True).warnings == ()


def test_every_missing_file_is_named(study_dir: Write) -> None:
    lines = faults(study_dir())
    assert len(lines) == len(SmallStudy().sheets["samples"]) + 3  # and those of the platforms
    found = "\n".join(lines)
    assert (
        "config.yaml, line 3, key microarray.platforms.chip_a.definition[0]: 'reference/chip_a.cdf'" in found
    )
    assert "column path: 'raw/P01_D1_pbmc.CEL': raw/P01_D1_pbmc.CEL does not exist" in found


def test_an_empty_file_and_a_folder_are_faults(study_dir: Write) -> None:
    folder = study_dir(raw=True)
    (folder / "raw" / "P01_D1_pbmc.CEL").write_bytes(b"")
    (folder / "raw" / "P01_D1_muscle.CEL").unlink()
    (folder / "raw" / "P01_D1_muscle.CEL").mkdir()
    first, second = faults(folder)
    assert "line 2, column path" in first
    assert "is empty" in first
    assert "line 3, column path" in second
    assert "is a folder" in second


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_a_fault(study_dir: Write) -> None:
    folder = study_dir(raw=True)
    (folder / "raw" / "P01_D1_pbmc.CEL").chmod(0)
    (line,) = faults(folder)
    assert "cannot be read (Permission denied)" in line


def test_an_md5_that_differs_is_shown_beside_the_declared_one(study_dir: Write) -> None:
    study = SmallStudy()
    good, wrong = md5(b"raw/P01_D1_pbmc.CEL", usedforsecurity=False).hexdigest(), "0" * 32
    study.sheets["samples"][0]["md5"] = good.upper()
    study.sheets["samples"][1]["md5"] = wrong
    (line,) = faults(study_dir(study, raw=True))
    found = md5(b"raw/P01_D1_muscle.CEL", usedforsecurity=False).hexdigest()
    assert line.startswith(
        f"samples.tsv, line 3, column md5: '{wrong}': the md5 of raw/P01_D1_muscle.CEL is {found}"
    )


def test_one_file_under_two_names_is_found_through_links(study_dir: Write) -> None:
    folder = study_dir(raw=True)
    link = folder / "raw" / "P02_D1_pbmc.CEL"
    link.unlink()
    link.symlink_to("P01_D1_pbmc.CEL")
    (line,) = faults(folder)
    assert "is the file raw/P01_D1_pbmc.CEL of P01_D1_pbmc on line 2" in line


def test_the_checksum_of_a_chip_definition_is_compared(study_dir: Write) -> None:
    study = SmallStudy()
    right = sha256(b"reference/chip_a.cdf").hexdigest()
    study.config = CONFIG.replace("]}", f"], sha256: {{reference/chip_a.cdf: {right!r}}}}}")
    assert load_study(study_dir(study, raw=True), files=True)
    study.config = study.config.replace(right, "0" * 64)
    (line,) = faults(study_dir(study, raw=True))
    assert "its SHA-256 is not the declared one" in line


def test_an_annotation_without_its_columns_is_a_fault(study_dir: Write) -> None:
    folder = study_dir(raw=True)
    (folder / "reference" / "chip_a.tsv").write_text("probe\tgene\n")
    first, second = faults(folder)
    assert "chip_a.annotation" in first
    assert "chip_table.annotation" in second
    assert "its header line lacks columns; allowed: feature, gene_id, gene_symbol" in first


def test_the_genome_and_what_is_known_of_it_must_be_there(study_dir: Write) -> None:
    study = SmallStudy()
    study.config += (
        "variants:\n"
        "  reference: {fasta: g.fa, annotations: {gnomad: n.vcf.gz}, sha256: {g.fa: '" + "0" * 64 + "'}}\n"
        "  platforms: {exome_a: {targets: t.bed}}\n"
    )
    folder = study_dir(study, raw=True)
    (folder / "g.fa").write_text(">chr1\nACGT\n")
    found = faults(folder)
    assert len(found) == 3
    for words in (
        "variants.reference.fasta: 'g.fa': its SHA-256 is not the declared one",
        "variants.reference.annotations.gnomad: 'n.vcf.gz': does not exist",
        "variants.platforms.exome_a.targets: 't.bed': does not exist",
    ):
        assert any(words in line for line in found)
