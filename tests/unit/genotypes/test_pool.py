"""Variants of many samples as one list: each once, with who has it and since when."""

from pathlib import Path

import pytest
from loci import sites, write_genome

from scleromyomics.genotypes.pool import Pool, of_participant, plain, pool
from scleromyomics.variants.loci import Genome


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def told(found: Pool, genome: Genome) -> dict[str, tuple[int, int, int]]:
    columns = zip(found.samples.tolist(), found.carriers.tolist(), found.first.tolist(), strict=True)
    return dict(zip(found.sites.names(genome.contigs).tolist(), columns, strict=True))


def test_samples_people_and_first_waves_are_counted(genome: Genome) -> None:
    a, b, c = "chr1:10:A:C", "chr1:10:A:G", "chr2:3:A:AT"

    def sample(wave: int, *names: str) -> Pool:
        return Pool.of(sites(genome, names), wave)

    people = [
        of_participant([sample(1, a, b), sample(2, a), sample(3, c)]),
        of_participant([sample(2, a, c)]),
        of_participant([]),
    ]
    expected = {a: (3, 2, 1), b: (1, 1, 1), c: (2, 2, 2)}
    assert told(pool(people), genome) == expected
    assert told(pool(people[::-1]), genome) == expected
    assert told(pool([]), genome) == {}


def test_only_bases_make_a_site(genome: Genome) -> None:
    some = sites(
        genome, ["chr1:1:A:C", "chr1:2:A:<DEL>", "chr1:3:A:*", "chr1:4:N:A", "chr1:5:AC:A", "chr1:6:A:."]
    )
    assert plain(some).tolist() == [True, False, False, False, True, False]
    assert len(Pool.of(some).sites) == 2
