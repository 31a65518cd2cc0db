"""Sites are sorted as a VCF is, each once; what they alter is told to half a base; people's copies are by sex."""

from pathlib import Path

import numpy as np
import pytest
from loci import LENGTHS, sites, write_genome

from scleromyomics.core.errors import InputError
from scleromyomics.variants.loci import Genome, Sites, concatenate, find, fixed, same_genome


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def random_sites(rng: np.random.Generator, size: int) -> Sites:
    ref = np.array(["A", "AC", "ACG" * 30, "C"])[rng.integers(0, 4, size)]
    alt = np.array(["G", "A", "T" * 40])[rng.integers(0, 3, size)]
    return Sites.of(rng.integers(0, 3, size), rng.integers(1, 40, size), ref, alt)


def keys(some: Sites) -> list[tuple[int, int, str, str]]:
    return list(
        zip(some.contig.tolist(), some.pos.tolist(), some.ref.tolist(), some.alt.tolist(), strict=True)
    )


def test_the_order_is_contig_position_and_alleles_and_each_site_stands_once() -> None:
    some = random_sites(np.random.default_rng(1), 500)
    assert keys(some[some.order()]) == sorted(keys(some))
    distinct, back = some.distinct()
    assert keys(distinct) == sorted(set(keys(some)))
    assert keys(distinct[back]) == keys(some)


def test_sites_are_found_among_others_or_not() -> None:
    rng = np.random.default_rng(2)
    among = random_sites(rng, 300).distinct()[0]
    wanted = random_sites(rng, 400)
    place = {key: number for number, key in enumerate(keys(among))}
    assert find(wanted, among).tolist() == [place.get(key, -1) for key in keys(wanted)]
    assert find(wanted[:3], Sites.none()).tolist() == [-1, -1, -1]
    assert find(Sites.none(), among).size == 0


def test_names_are_contig_position_and_alleles(genome: Genome) -> None:
    names = ["chr2:7:A:ACC", "chrM:300:T:C"]
    assert sites(genome, names).names(genome.contigs).tolist() == names
    assert Sites.none().names(genome.contigs).size == 0
    assert fixed(sites(genome, names).alt).tolist() == ["ACC", "C"]
    assert fixed(Sites.none().alt).dtype == np.dtype("U1")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("chr1:10:A:C", 20, 20),
        ("chr1:10:AC:GT", 20, 22),
        ("chr1:10:ACG:A", 22, 24),
        ("chr1:10:A:ACG", 21, 21),
    ],
)
def test_what_an_allele_alters_is_told_in_half_bases(
    name: str, first: int, last: int, genome: Genome
) -> None:
    found = sites(genome, [name]).altered()
    assert [end.tolist() for end in found] == [[first], [last]]


def test_the_genome_is_read_from_its_folder(genome: Genome) -> None:
    assert dict(zip(genome.contigs, genome.lengths, strict=True)) == LENGTHS
    assert genome.genes is not None
    assert genome.pseudoautosomal == (("chrX", 1, 100), ("chrY", 1, 100))
    assert genome.contig(["chrM", "chr1"], "here").tolist() == [4, 0]
    with pytest.raises(
        InputError, match=r"here: found contig 7; allowed: the contigs of the genome \(chr1, ...\)"
    ):
        genome.contig(["chr1", "7"], "here")


def test_freezes_of_a_release_share_one_genome(tmp_path: Path) -> None:
    one, same, other = (
        write_genome(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same_genome([one.fasta, same.fasta]).fasta == one.fasta
    with pytest.raises(InputError, match=r"c/genome.fa: found other sequences than .*a/genome.fa"):
        same_genome([one.fasta, other.fasta])


def test_nothing_is_concatenated_to_nothing() -> None:
    assert len(concatenate([])) == 0
