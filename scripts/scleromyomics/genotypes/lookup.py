"""What one sample says of any site: how many copies of the allele it has, and by how many reads.

The first of these that the sample's profile has tells (a rule for each site and sample alone: other sites and other
samples never matter):

1. a record of the site itself: its copies where it passed the filters, else no call; its reads in any case;
2. records of other alleles that alter one of the bases that the site alters (another base in its place, a deletion
   across it, another insertion in the same gap): 0 copies where all of them passed and have a genotype, else no call;
   fewest reads and lowest quality of them, none with the allele;
3. blocks that are homozygous for the reference and hold all bases that the site alters (for an insertion: the base
   before it): 0 copies, fewest reads and lowest quality of the blocks, none with the allele;
4. records that alter other bases, but whose reference allele reaches across the position of the site (an insertion or
   deletion right behind it, in files that have no block there): as 2;
5. the word that absent positions of the targets are reference: 0 copies, no reads;
6. nothing: the site was not covered: no call, no reads.

Copies are of the ploidy that the genome and the sheet's sex tell: a homozygous record of two copies is one copy where
a person has one, and the other way round; a heterozygous one there is no call.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.variants.loci import Genome, Sites, find, place

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 2**20  # sites looked up at a time: their alleles are copied
NO_CALL = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Intervals:
    """Parts of the genome that do not overlap, sorted.

    Attributes:
        start: place of the first base of each.
        end: place of the last base.
    """

    start: "NDArray[np.int64]"
    end: "NDArray[np.int64]"

    @classmethod
    def load(cls, bed: Path, genome: Genome) -> "Intervals":
        """The targets of a platform (BED, sorted and merged)."""
        with bed.open(encoding="utf-8") as lines:
            parts = [line.rstrip("\n").split("\t")[:3] for line in lines if line.strip()]
        contig = genome.contig([part[0] for part in parts], str(bed))
        first, last = (np.array([int(part[i]) for part in parts], dtype=np.int32) for i in (1, 2))
        return cls(start=place(contig, first + 1), end=place(contig, last))

    def holding(self, where: "NDArray[np.int64]") -> "NDArray[np.intp]":
        """The part that holds each place; -1 for none."""
        at = np.searchsorted(self.start, where, "right") - 1
        return np.where((at >= 0) & (np.append(self.end, -1)[at] >= where), at, -1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """One sample: its variants and its blocks without variants.

    Attributes:
        sites: the variants, sorted.
        gt: copies of the allele, -1 without a genotype.
        ploidy: copies that the genotype was called with.
        dp: reads.
        ad: reads with the allele.
        gq: genotype quality, Phred.
        passed: whether no filter applies.
        blocks: homozygous for the reference, sorted.
        block_dp: fewest reads in each block; 0 or -1 where the file does not say.
        block_gq: genotype quality of each block.
        complete: whether absent positions of the targets are reference.
    """

    sites: Sites
    gt: "NDArray[np.int8]"
    ploidy: "NDArray[np.int8]"
    dp: "NDArray[np.int32]"
    ad: "NDArray[np.int32]"
    gq: "NDArray[np.int16]"
    passed: "NDArray[np.bool_]"
    blocks: Intervals
    block_dp: "NDArray[np.int32]"
    block_gq: "NDArray[np.int16]"
    complete: bool

    @classmethod
    def load(cls, path: Path, genome: Genome) -> "Profile":
        """Read what variants_profile wrote.

        Raises:
            InputError: it is of another genome.
        """
        with np.load(path, allow_pickle=False) as stored:
            number = _numbers(stored["contigs"], genome, path)
            sites = Sites.of(number[stored["contig"]], stored["pos"], stored["ref"], stored["alt"])
            by_site = sites.order()
            contig = number[stored["block_contig"]]
            start = place(contig, stored["block_start"])
            by_block = np.argsort(start, kind="stable")
            return cls(
                sites=sites[by_site],
                **{name: stored[name][by_site] for name in ("gt", "ploidy", "dp", "ad", "gq", "passed")},
                blocks=Intervals(start=start[by_block], end=place(contig, stored["block_end"])[by_block]),
                block_dp=stored["block_dp"][by_block],
                block_gq=stored["block_gq"][by_block],
                complete=bool(stored["complete"]),
            )


def called(path: Path, genome: Genome) -> Sites:
    """The variants of a profile that passed and of which the sample has at least one copy."""
    with np.load(path, allow_pickle=False) as stored:
        number = _numbers(stored["contigs"], genome, path)
        there = stored["passed"] & (stored["gt"] > 0)
        columns = (stored[name][there] for name in ("pos", "ref", "alt"))
        sites = Sites.of(number[stored["contig"][there]], *columns)
    return sites[sites.order()]


def _numbers(contigs: "NDArray[np.str_]", genome: Genome, path: Path) -> "NDArray[np.int16]":
    return genome.contig(contigs, str(path)) if contigs.size else np.empty(0, np.int16)


@dataclass(frozen=True, kw_only=True, eq=False)
class Genotypes:
    """One sample at some sites, in the order of the sites.

    Attributes:
        gt: copies of the allele; -1: no call, with `dp` 0 where the site was not covered.
        ploidy: copies that the person has of the position.
        dp: reads.
        ad: reads with the allele.
        gq: genotype quality, Phred.
    """

    gt: "NDArray[np.int8]"
    ploidy: "NDArray[np.int8]"
    dp: "NDArray[np.int32]"
    ad: "NDArray[np.int32]"
    gq: "NDArray[np.int16]"


def genotypes(
    profile: Profile, sites: Sites, ploidy: "NDArray[np.int8]", targets: Intervals | None = None
) -> Genotypes:
    """Look one sample up at sites.

    Args:
        profile: of the sample.
        sites: in any order.
        ploidy: copies that the person has of each site.
        targets: of the sample's platform; needed where absent positions are reference.
    """
    found = Genotypes(
        gt=np.full(len(sites), NO_CALL, dtype=np.int8),
        ploidy=ploidy,
        dp=np.zeros(len(sites), dtype=np.int32),
        ad=np.zeros(len(sites), dtype=np.int32),
        gq=np.zeros(len(sites), dtype=np.int16),
    )
    index = _Index.of(profile)
    for start in range(0, len(sites), CHUNK):
        rows = slice(start, start + CHUNK)
        _look(profile, index, sites[rows], targets, _rows(found, rows))
    found.gt[ploidy == 0] = NO_CALL
    return found


def _rows(found: Genotypes, rows: slice) -> Genotypes:
    """A view."""
    return Genotypes(
        gt=found.gt[rows], ploidy=found.ploidy[rows], dp=found.dp[rows], ad=found.ad[rows], gq=found.gq[rows]
    )


@dataclass(frozen=True, eq=False)
class _Index:
    """Spans of the records by their start: bases that they alter, and bases of their reference allele."""

    altered: "_Spans"
    reference: "_Spans"
    run: "NDArray[np.int64]"  # number of the run of blocks without a gap that each block belongs to

    @classmethod
    def of(cls, profile: Profile) -> "_Index":
        where = profile.sites.place
        gap = profile.blocks.start[1:] > profile.blocks.end[:-1] + 1
        return cls(
            _Spans.of(*profile.sites.altered()),
            _Spans.of(2 * where, 2 * (where + profile.sites.end - profile.sites.pos)),
            np.concatenate([np.zeros(min(1, profile.blocks.start.size), np.int64), np.cumsum(gap)]),
        )


@dataclass(frozen=True, eq=False)
class _Spans:
    first: "NDArray[np.int64]"  # ascending
    last: "NDArray[np.int64]"
    reach: "NDArray[np.int64]"  # the farthest end so far
    record: "NDArray[np.intp]"

    @classmethod
    def of(cls, first: "NDArray[np.int64]", last: "NDArray[np.int64]") -> "_Spans":
        order = np.argsort(first, kind="stable")
        return cls(first[order], last[order], np.maximum.accumulate(last[order]), order)

    def across(
        self, first: "NDArray[np.int64]", last: "NDArray[np.int64]"
    ) -> tuple["NDArray[np.intp]", "NDArray[np.intp]"]:
        """Pairs of a query (ascending) and a record that overlap."""
        start = np.searchsorted(self.reach, first, "left")
        count = np.maximum(np.searchsorted(self.first, last, "right") - start, 0)
        query = np.repeat(np.arange(first.size), count)
        at = np.arange(query.size) - np.repeat(np.cumsum(count) - count, count) + np.repeat(start, count)
        kept = self.last[at] >= first[query]
        return query[kept], self.record[at[kept]]


def _look(profile: Profile, index: _Index, sites: Sites, targets: Intervals | None, found: Genotypes) -> None:
    own = find(sites, profile.sites)
    rows = np.flatnonzero(own >= 0)
    at = own[rows]
    copies = _copies(profile.gt[at], profile.ploidy[at], found.ploidy[rows])
    found.gt[rows] = np.where(profile.passed[at], copies, NO_CALL)
    found.dp[rows], found.ad[rows], found.gq[rows] = profile.dp[at], profile.ad[at], profile.gq[at]
    left = np.flatnonzero(own < 0)
    left = _others(profile, index.altered, left, sites.altered(), found)
    left = _blocks(profile, index, left, sites, found)
    here = 2 * sites.place
    left = _others(profile, index.reference, left, (here, here), found)
    if profile.complete and targets is not None:
        found.gt[left[targets.holding(sites.place[left]) >= 0]] = 0


def _copies(
    gt: "NDArray[np.int8]", called: "NDArray[np.int8]", ploidy: "NDArray[np.int8]"
) -> "NDArray[np.int8]":
    """Copies among `ploidy` of genotypes that were called with another one."""
    whole = np.where(gt == called, ploidy, NO_CALL)
    return np.where((gt <= 0) | (called == ploidy), gt, whole).astype(np.int8)


def _others(
    profile: Profile,
    spans: _Spans,
    left: "NDArray[np.intp]",
    altered: "tuple[NDArray[np.int64], NDArray[np.int64]]",
    found: Genotypes,
) -> "NDArray[np.intp]":
    """Sites that other records tell of; returns those still left."""
    query, record = spans.across(altered[0][left], altered[1][left])
    if not query.size:
        return left
    told, starts = np.unique(query, return_index=True)
    rows = left[told]
    sure = np.minimum.reduceat(profile.passed[record] & (profile.gt[record] >= 0), starts)
    found.gt[rows] = np.where(sure, 0, NO_CALL)
    found.dp[rows] = np.minimum.reduceat(profile.dp[record], starts)
    found.gq[rows] = np.minimum.reduceat(profile.gq[record], starts)
    return np.delete(left, told)


def _blocks(
    profile: Profile, index: _Index, left: "NDArray[np.intp]", sites: Sites, found: Genotypes
) -> "NDArray[np.intp]":
    """Sites inside blocks; returns those still left."""
    if not profile.blocks.start.size:
        return left
    first, last = (end[left] // 2 for end in sites.altered())  # the gap of an insertion: the base before it
    one, other = profile.blocks.holding(first), profile.blocks.holding(last)
    inside = np.flatnonzero((one >= 0) & (other >= 0) & (index.run[one] == index.run[other]))
    one, other = one[inside], other[inside]
    rows = left[inside]
    dp, gq = profile.block_dp[one].copy(), profile.block_gq[one].copy()
    wide = np.flatnonzero(other > one)
    if wide.size:
        edges = np.column_stack([one[wide], other[wide] + 1]).ravel()
        for values, lowest in ((profile.block_dp, dp), (profile.block_gq, gq)):
            padded = np.append(values, values[-1])  # an edge may be the end
            lowest[wide] = np.minimum.reduceat(padded, edges)[::2]
    found.gt[rows] = np.where((dp == 0) & (gq == 0), NO_CALL, 0)  # without reads and quality it tells nothing
    found.dp[rows], found.gq[rows] = np.maximum(dp, 0), np.maximum(gq, 0)
    return np.delete(left, inside)
