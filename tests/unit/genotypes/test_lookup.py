"""A sample's genotype at a site comes from its own profile by a stated order of evidence, and from nothing else."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from loci import Someone, Variant, sites, split, write_genome, write_profile

from scleromyomics.core.errors import InputError
from scleromyomics.genotypes.lookup import Genotypes, Intervals, Profile, called, genotypes
from scleromyomics.variants.loci import Genome, Sites

SAMPLE = Someone(
    variants=[
        Variant(where="chr1:100:A:G", gt=1, dp=30, ad=14, gq=80),
        Variant(where="chr1:150:C:T", gt=1, dp=4, ad=2, gq=9, passed=False),
        Variant(where="chr1:200:ACGT:A", gt=1, dp=22, ad=9, gq=70),
        Variant(where="chr1:250:G:GA", gt=2, dp=18, ad=18, gq=50),
        Variant(where="chr1:260:GTT:G", gt=-1, dp=7, ad=3, gq=0),
        Variant(where="chr1:300:A:C", gt=1, dp=40, ad=20, gq=99),
        Variant(where="chr1:300:A:T", gt=1, dp=41, ad=20, gq=60),
        Variant(where="chrX:300:A:C", gt=2, dp=12, ad=12, gq=30),
        Variant(where="chrX:310:A:C", gt=1, dp=12, ad=6, gq=30),
        Variant(where="chrX:50:A:C", gt=1, ploidy=1, dp=12, ad=12, gq=30),
    ],
    blocks=[
        ("chr1", 1, 99, 12, 40),
        ("chr1", 101, 120, 20, 50),
        ("chr1", 121, 149, 9, 25),
        ("chr1", 151, 199, 15, 44),
        ("chr1", 204, 250, 15, 45),
        ("chr1", 400, 450, 0, 0),
        ("chr1", 451, 460, 0, 33),
        ("chr2", 10, 20, 8, 33),
    ],
)


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def profile(someone: Someone, genome: Genome, folder: Path) -> Profile:
    write_profile(folder / "profile.npz", someone)
    return Profile.load(folder / "profile.npz", genome)


def look(
    found: Profile, wanted: Sites, genome: Genome, sex: str = "F", **more: Intervals
) -> list[tuple[int, ...]]:
    one = genotypes(found, wanted, genome.ploidy(wanted, sex), **more)
    return [tuple(int(cell) for cell in row) for row in zip(one.gt, one.dp, one.ad, one.gq, strict=True)]


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("chr1:100:A:G", (1, 30, 14, 80)),  # its own record
        ("chr1:100:A:T", (0, 30, 0, 80)),  # another allele there
        ("chr1:150:C:T", (-1, 4, 2, 9)),  # filtered: no call, reads kept
        ("chr1:150:C:G", (-1, 4, 0, 9)),  # another allele there, filtered
        ("chr1:202:G:A", (0, 22, 0, 70)),  # a deletion across it
        ("chr1:201:CGTT:C", (0, 22, 0, 70)),  # another deletion across it
        ("chr1:199:TA:T", (-1, 0, 0, 0)),  # no block holds the base that it deletes, no record reaches it
        ("chr1:250:G:GT", (0, 18, 0, 50)),  # another insertion in the same gap
        ("chr1:250:G:A", (0, 15, 0, 45)),  # the base before an insertion is unaltered: the block tells
        ("chr1:261:T:A", (-1, 7, 0, 0)),  # a deletion across it, without a genotype
        ("chr1:300:A:G", (0, 40, 0, 60)),  # two others: fewest reads, lowest quality
        ("chr1:50:A:G", (0, 12, 0, 40)),  # inside a block
        ("chr1:119:ACGT:A", (0, 9, 0, 25)),  # a deletion over the border of two blocks: the lower one
        ("chr1:98:ACG:A", (0, 30, 0, 80)),  # a deletion across a base that the sample has otherwise
        ("chr1:148:AC:A", (0, 9, 0, 25)),
        ("chr1:148:ACC:A", (-1, 4, 0, 9)),
        ("chr1:410:A:G", (-1, 0, 0, 0)),  # a block without reads
        ("chr1:455:A:G", (0, 0, 0, 33)),  # one of a file that tells quality alone
        ("chr1:500:A:G", (-1, 0, 0, 0)),  # not covered
        ("chr2:15:A:AT", (0, 8, 0, 33)),
        ("chr2:20:A:AT", (0, 8, 0, 33)),
        ("chr2:21:A:AT", (-1, 0, 0, 0)),
        ("chrM:15:A:T", (-1, 0, 0, 0)),
        ("chr1:200:A:T", (0, 22, 0, 70)),  # right before a deletion, without a block: its reference allele
    ],
)
def test_the_evidence_is_taken_in_order(
    site: str, expected: tuple[int, ...], genome: Genome, tmp_path: Path
) -> None:
    assert look(profile(SAMPLE, genome, tmp_path), sites(genome, [site]), genome) == [expected]


def test_copies_are_of_the_ploidy_of_the_person(genome: Genome, tmp_path: Path) -> None:
    found = profile(SAMPLE, genome, tmp_path)
    names = [
        "chrX:300:A:C",
        "chrX:310:A:C",
        "chrX:50:A:C",
        "chrY:200:A:C",
        "chrY:50:A:C",
        "chrM:3:A:C",
        "chr1:9:A:C",
    ]
    wanted = sites(genome, names)
    assert genome.ploidy(wanted, "M").tolist() == [1, 1, 2, 1, 2, 1, 2]
    assert genome.ploidy(wanted, "F").tolist() == [2, 2, 2, 0, 0, 1, 2]
    men, women = look(found, wanted, genome, "M"), look(found, wanted, genome, "F")
    assert [row[0] for row in men[:3]] == [
        1,
        -1,
        2,
    ]  # both copies called: one; het: no call; one called of two: both
    assert [row[0] for row in women[:3]] == [2, 1, 2]
    assert men[1][1:] == (12, 6, 30)


def test_absent_positions_of_targets_are_reference_where_the_study_says_so(
    genome: Genome, tmp_path: Path
) -> None:
    (tmp_path / "targets.bed").write_text("chr1\t499\t600\nchr2\t0\t100\n")
    targets = Intervals.load(tmp_path / "targets.bed", genome)
    wanted = sites(genome, ["chr1:499:A:G", "chr1:500:A:G", "chr1:600:A:G", "chr1:601:A:G", "chr1:150:C:T"])
    complete = profile(replace(SAMPLE, complete=True), genome, tmp_path)
    assert [row[0] for row in look(complete, wanted, genome, targets=targets)] == [-1, 0, 0, -1, -1]
    assert [row[0] for row in look(complete, wanted, genome)] == [-1, -1, -1, -1, -1]
    partial = profile(SAMPLE, genome, tmp_path)
    assert [row[0] for row in look(partial, wanted, genome, targets=targets)] == [-1, -1, -1, -1, -1]


def test_an_empty_profile_covers_nothing(genome: Genome, tmp_path: Path) -> None:
    found = profile(Someone(), genome, tmp_path)
    assert look(found, sites(genome, ["chr1:5:A:G"]), genome) == [(-1, 0, 0, 0)]
    assert look(found, Sites.none(), genome) == []


def test_passing_variants_are_those_that_are_called(genome: Genome, tmp_path: Path) -> None:
    write_profile(tmp_path / "profile.npz", SAMPLE)
    found = called(tmp_path / "profile.npz", genome)
    assert found.names(genome.contigs).tolist() == [
        *("chr1:100:A:G", "chr1:200:ACGT:A", "chr1:250:G:GA", "chr1:300:A:C", "chr1:300:A:T"),
        *("chrX:50:A:C", "chrX:300:A:C", "chrX:310:A:C"),
    ]


def test_profiles_with_contigs_in_another_order_say_the_same(genome: Genome, tmp_path: Path) -> None:
    wanted = sites(genome, ["chr1:100:A:G", "chr2:15:A:T", "chrX:300:A:C", "chr1:119:ACGT:A"])
    here = look(profile(SAMPLE, genome, tmp_path), wanted, genome)
    write_profile(tmp_path / "profile.npz", SAMPLE, ("chrX", "chr2", "chr1"))
    assert look(Profile.load(tmp_path / "profile.npz", genome), wanted, genome) == here


def test_a_profile_of_another_genome_is_refused(genome: Genome, tmp_path: Path) -> None:
    write_profile(tmp_path / "profile.npz", SAMPLE, ("chr1", "chr2", "chrX", "19"))
    with pytest.raises(
        InputError, match=r"profile.npz: found contig 19; allowed: the contigs of the genome \(chr1,"
    ):
        Profile.load(tmp_path / "profile.npz", genome)


def slow(someone: Someone, site: str, ploidy: int) -> tuple[int, int, int, int]:
    """The rule of the module's docstring, one site at a time."""

    def altered(name: str) -> tuple[str, float, float]:
        contig, pos, ref, alt = split(name)
        shared = ref[0] == alt[0]
        if shared and len(ref) == 1:
            return contig, pos + 0.5, pos + 0.5
        return contig, pos + shared, pos + len(ref) - 1

    contig, pos, *_ = split(site)
    for one in someone.variants:
        if one.where == site:
            gt = one.gt if one.ploidy == ploidy or one.gt <= 0 else (ploidy if one.gt == one.ploidy else -1)
            return gt if one.passed and ploidy else -1, one.dp, one.ad, one.gq
    here = altered(site)

    def others(spans: list[tuple[Variant, tuple[str, float, float]]], at: tuple[str, float, float]):
        found = [one for one, span in spans if span[0] == at[0] and span[1] <= at[2] and span[2] >= at[1]]
        sure = all(one.passed and one.gt >= 0 for one in found) and ploidy
        return found and (0 if sure else -1, min(o.dp for o in found), 0, min(o.gq for o in found))

    if told := others([(one, altered(one.where)) for one in someone.variants], here):
        return told
    bases = range(int(here[1]), int(here[2]) + 1)
    holding = [[b for b in someone.blocks if b[0] == contig and b[1] <= base <= b[2]] for base in bases]
    if all(holding):
        dp = min(b[0][3] for b in holding)
        gq = min(b[0][4] for b in holding)
        return 0 if (dp or gq) and ploidy else -1, dp, 0, gq
    reach = [
        (o, (split(o.where)[0], split(o.where)[1], split(o.where)[1] + len(split(o.where)[2]) - 1))
        for o in someone.variants
    ]
    return others(reach, (contig, pos, pos)) or (-1, 0, 0, 0)


def random_sample(rng: np.random.Generator) -> tuple[Someone, list[str]]:
    def allele(pos: int) -> str:
        kind = rng.integers(4)
        ref, alt = ("A", "CGT"[rng.integers(3)]) if kind < 2 else ("A", "A" + "C" * rng.integers(1, 4))
        if kind == 3:
            ref, alt = "A" + "G" * int(rng.integers(1, 9)), "A"
        return f"{('chr1', 'chr2')[rng.integers(2)]}:{pos}:{ref}:{alt}"

    names = {allele(int(pos)) for pos in rng.integers(5, 120, 40)}
    variants = [
        Variant(
            where=name,
            gt=int(rng.integers(-1, 3)),
            dp=int(rng.integers(50)),
            ad=int(rng.integers(9)),
            gq=int(rng.integers(99)),
            passed=bool(rng.random() < 0.8),
        )
        for name in names
    ]
    edges = np.unique(rng.integers(1, 130, 24))
    blocks = [
        (
            contig,
            int(a),
            int(b) - 1 - int(rng.integers(0, 2)),
            int(rng.integers(0, 40)),
            int(rng.integers(99)),
        )
        for contig in ("chr1", "chr2")
        for a, b in pairwise(edges)
        if rng.random() < 0.8
    ]
    wanted = [*names, *(allele(int(pos)) for pos in rng.integers(1, 140, 200))]
    return Someone(variants=variants, blocks=[b for b in blocks if b[1] <= b[2]]), wanted


@pytest.mark.parametrize("seed", range(20))
def test_all_sites_at_once_are_as_one_by_one(seed: int, genome: Genome, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("scleromyomics.genotypes.lookup.CHUNK", 37)
    rng = np.random.default_rng(seed)
    someone, names = random_sample(rng)
    found = profile(someone, genome, tmp_path)
    wanted = sites(genome, names)
    assert look(found, wanted, genome) == [slow(someone, name, 2) for name in names]
    order = rng.permutation(len(names))
    few = order[:17]
    everything, some = (
        genotypes(found, wanted[rows], np.full(len(rows), 2, np.int8)) for rows in (order, few)
    )
    for name in Genotypes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(everything, name)[:17], getattr(some, name))
