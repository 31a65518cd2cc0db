"""Reads of an allele are counted at every site, with or without the allele, the same by any order of the sites."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from loci import alternative, sequences, sites, split, tools, write_genome, write_reads

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import find_tool
from scleromyomics.genotypes.reads import Filters, Reads, count_reads, first_base
from scleromyomics.variants.loci import Genome, Sites

CONTIGS = sequences()
CHR1 = CONTIGS["chr1"]
FILTERS = Filters(minimum_mapping_quality=20, minimum_base_quality=13, maximum_depth=2000)
KINDS = tools("bcftools")


def distinct(pos: int) -> int:
    """A place from `pos` on where neither an insertion nor a deletion can move."""
    return next(p for p in range(pos, pos + 50) if len({CHR1[p - 1], CHR1[p], CHR1[p + 1], CHR1[p + 2]}) == 4)


SNVS = {
    alternative(CONTIGS, "chr1", pos): f for pos, f in ((400, 0.5), (700, 0.05), (1300, 1.0), (2000, 0.15))
}
GONE, MORE = distinct(900), distinct(1600)
INDELS = {
    f"chr1:{GONE}:{CHR1[GONE - 1 : GONE + 2]}:{CHR1[GONE - 1]}": 0.4,
    f"chr1:{MORE}:{CHR1[MORE - 1]}:{CHR1[MORE - 1]}{CHR1[MORE + 1]}{CHR1[MORE]}": 0.5,
}


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def counted(path: Path, genome: Genome, wanted: Sites, bcftools: str, filters: Filters = FILTERS) -> Reads:
    return count_reads(path, wanted, genome, filters, find_tool("bcftools", bcftools))


@pytest.mark.parametrize("bcftools", KINDS)
def test_reads_are_those_that_were_laid(genome: Genome, bcftools: str, tmp_path: Path) -> None:
    laid = write_reads(tmp_path / "a.cram", genome, SNVS | INDELS, depth=80)
    names = list(SNVS | INDELS)
    found = counted(tmp_path / "a.cram", genome, sites(genome, names), bcftools)
    for row, name in enumerate(names):
        depth, alternate = laid[name]
        slack = 0 if name in SNVS else 3  # reads that end beside an indel do not tell it
        assert abs(int(found.alternate[row]) - alternate) <= slack, name
        assert abs(int(found.depth[row]) - depth) <= 2 + slack, name  # reads that end at a site tell it too
    np.testing.assert_array_equal(found.forward + found.reverse, found.alternate)
    assert (found.quality[:4] == 37).all()  # "F"


@pytest.mark.parametrize("bcftools", KINDS)
def test_sites_without_the_allele_have_the_depth_of_the_position(
    genome: Genome, bcftools: str, tmp_path: Path
) -> None:
    write_reads(tmp_path / "a.cram", genome, SNVS, depth=50)
    here, absent = next(iter(SNVS)), alternative(CONTIGS, "chr1", 450)
    contig, pos, ref, alt = split(here)
    third = next(one for one in "ACGT" if one not in {ref, alt})
    wanted = [
        here,
        f"{contig}:{pos}:{ref}:{third}",
        absent,
        "chr1:450:{0}:{0}T".format(CHR1[449]),
        "chr2:50:A:C",
    ]
    found = counted(tmp_path / "a.cram", genome, sites(genome, wanted), bcftools)
    assert found.alternate[0] > 10
    assert found.alternate[1:].tolist() == [0, 0, 0, 0]
    assert found.depth[1] == found.depth[0]
    assert found.depth[2] == found.depth[3] > 30
    assert found.depth[4] == 0
    assert np.isnan(found.quality[1:]).all()


@pytest.mark.parametrize("bcftools", KINDS)
def test_counts_of_a_site_do_not_depend_on_the_others(
    genome: Genome, bcftools: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reads(tmp_path / "a.cram", genome, SNVS | INDELS, depth=60, errors=0.01)
    names = [alternative(CONTIGS, "chr1", pos) for pos in range(50, 2900, 37)] + list(SNVS) + list(INDELS)
    names = list(dict.fromkeys(names))
    wanted = sites(genome, names)
    together = counted(tmp_path / "a.cram", genome, wanted, bcftools)
    order = np.random.default_rng(1).permutation(len(names))[:20]
    some = counted(tmp_path / "a.cram", genome, wanted[order], bcftools)
    monkeypatch.setattr("scleromyomics.genotypes.reads.JUMP", 5)
    jumping = counted(tmp_path / "a.cram", genome, wanted, bcftools)
    for field in fields(Reads):
        np.testing.assert_array_equal(getattr(some, field.name), getattr(together, field.name)[order])
        np.testing.assert_array_equal(getattr(jumping, field.name), getattr(together, field.name))


def test_filters_are_those_of_calling(genome: Genome, tmp_path: Path) -> None:
    write_reads(tmp_path / "a.cram", genome, SNVS, depth=50)
    wanted = sites(genome, list(SNVS))
    strict = Filters(minimum_mapping_quality=20, minimum_base_quality=38, maximum_depth=2000)
    assert counted(tmp_path / "a.cram", genome, wanted, "embedded", strict).depth.tolist() == [0, 0, 0, 0]
    unsure = Filters(minimum_mapping_quality=61, minimum_base_quality=13, maximum_depth=2000)
    assert counted(tmp_path / "a.cram", genome, wanted, "embedded", unsure).depth.tolist() == [0, 0, 0, 0]


def test_deep_indels_are_counted(genome: Genome, tmp_path: Path) -> None:
    laid = write_reads(tmp_path / "a.cram", genome, INDELS, depth=600)
    found = counted(tmp_path / "a.cram", genome, sites(genome, list(INDELS)), "embedded")
    for row, name in enumerate(INDELS):
        assert found.alternate[row] == pytest.approx(laid[name][1], rel=0.05)


def test_of_several_bases_the_first_one_counts(genome: Genome) -> None:
    wanted = first_base(sites(genome, ["chr1:5:AC:GT", "chr1:5:A:AGT", "chr1:5:AC:A", "chr1:5:A:G"]))
    assert list(zip(wanted.ref.tolist(), wanted.alt.tolist(), strict=True)) == [
        ("A", "G"),
        ("A", "AGT"),
        ("AC", "A"),
        ("A", "G"),
    ]


def test_no_sites_are_no_reads_and_broken_alignments_are_refused(genome: Genome, tmp_path: Path) -> None:
    assert counted(tmp_path / "none.cram", genome, Sites.none(), "embedded").depth.size == 0
    with pytest.raises(InputError, match=r"reads of .*none.cram: bcftools mpileup failed"):
        counted(tmp_path / "none.cram", genome, sites(genome, ["chr1:5:A:G"]), "embedded")
