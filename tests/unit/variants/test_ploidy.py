"""Copies by sex, as bcftools call is told them; genotypes of other programs are set on them."""

from pathlib import Path

import numpy as np
import pytest
from called import write_reference

from scleromyomics.variants.loci import TEXT, Genome
from scleromyomics.variants.ploidy import absent, on_copies, ploidy_file

CONTIGS = {"chr1": "A" * 50, "chrX": "A" * 100, "chrY": "A" * 60, "chrM": "A" * 20}


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    shared = ["chrX:1-10", "chrX:91-100", "chrY:1-5"]
    return Genome.load(write_reference(tmp_path, CONTIGS, pseudoautosomal=shared).fasta)


def test_men_have_one_x_and_one_y_outside_of_what_these_share(genome: Genome) -> None:
    assert ploidy_file(genome, "M").splitlines() == [
        "chrX\t11\t90\tM\t1",
        "chrY\t6\t60\tM\t1",
        "chrM\t1\t20\tM\t1",
        "*\t*\t*\tM\t2",
    ]
    assert absent(genome, "M") == ()


def test_women_have_two_x_and_no_y(genome: Genome) -> None:
    assert ploidy_file(genome, "F").splitlines() == ["chrM\t1\t20\tF\t1", "*\t*\t*\tF\t2"]
    assert absent(genome, "F") == ("chrY",)


def test_a_genome_without_sex_chromosomes_has_two_copies_of_all(tmp_path: Path) -> None:
    genome = Genome.load(write_reference(tmp_path, {"1": "ACGT"}).fasta)
    assert ploidy_file(genome, "M") == "*\t*\t*\tM\t2\n"
    assert absent(genome, "F") == ()


@pytest.mark.parametrize(
    ("given", "copies", "expected", "wrong"),
    [
        ("1/1", 1, "1", False),
        ("0|0", 1, "0", False),
        ("0/1", 1, ".", True),
        ("1", 1, "1", False),
        ("./.", 1, "./.", False),
        ("1", 2, "1/1", False),
        ("0", 2, "0/0", False),
        ("0|1", 2, "0|1", False),
        ("./1", 2, "./1", False),
    ],
)
def test_genotypes_are_set_on_the_copies_that_the_person_has(
    given: str, copies: int, expected: str, wrong: bool
) -> None:
    found, faults = on_copies(np.array([given], dtype=TEXT), np.array([copies], dtype=np.int8))
    assert (found.tolist(), faults.tolist()) == ([expected], [wrong])
