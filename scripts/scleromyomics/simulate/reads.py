"""Reads as a paired-end sequencer writes them, from the haplotypes of a sample.

Molecules (fragments of a haplotype) are drawn first: their place, by the kit's targets or evenly; their length, some
shorter than a read, so that it runs into the adapter; copies of molecules, which the PCR made. Both ends of each are
read over 150 bases, with qualities in the sequencer's four bins that fall towards the 3' end (and are lower in the
second mate), and with errors as often as the qualities say.

Everything is an array with one row per pair; places count through the whole haplotype (`Haplotype`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scleromyomics.plan.vocabulary import Sex
from scleromyomics.simulate.coding import COMPLEMENT, Bases, bases, random_bases, reverse_complement
from scleromyomics.simulate.genome import PSEUDOGENE, Genome
from scleromyomics.simulate.germline import Genotypes, absent
from scleromyomics.simulate.latent import stream
from scleromyomics.simulate.mosaics import Mosaic

Ints = NDArray[np.int64]

LENGTH = 150
"""Bases of a read."""
FRAGMENT, FRAGMENT_SD = 300, 40
"""Length of a molecule, bases."""
SHORT, SHORT_LENGTHS = 0.03, (60, 146)
"""Part of the molecules that are shorter than a read, and their lengths."""
DUPLICATES = 0.08
"""Part of the pairs that are copies of another."""
ON_TARGET = 0.85
"""Part of the molecules of an exome that the kit captured; the rest is from anywhere."""
EFFICIENCY_SD = 0.25
"""Spread of the kit's targets, log scale, around the same mean on every contig: X and Y are captured as autosomes."""
MITOCHONDRIAL = 4.0
"""Copies of chrM per copy of an autosome (fewer than in life, to save reads)."""
ADAPTERS = (
    "AGATCGGAAGAGCACACGTCTGAACTCCAGTCACACGTTGCAATCTCGTATGCCGTCTTCTGCTTG",
    "AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGTAGATCTCGGTGGTCGCCGTATCATT",
)
"""What follows a short molecule in the first and in the second mate; then the sequencer reads G."""
FOREIGN = 0.004
"""Part of the pairs whose molecule is from no human genome: random bases."""
QUALITIES = (2, 12, 23, 37)
"""Phred scores of the sequencer's bins; the lowest one is no call (N)."""
TEMPLATES = 4096
"""Different courses of qualities over a read; every read has one of them."""


@dataclass(frozen=True)
class Haplotype:
    """All contigs of one haplotype, one after another, as places of its own.

    Attributes:
        bases: the sequence.
        reference: the genome's place of each base; of inserted ones, that of the base before.
        inserted: which bases the genome does not have.
        starts: (contigs + 1) first place of each contig; the last entry is the length of all.
        lacks: numbers of the contigs that this haplotype does not have (no molecule comes from them).
    """

    bases: Bases
    reference: Ints
    inserted: NDArray[np.bool_]
    starts: Ints
    lacks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.bases)

    @cached_property
    def reverse(self) -> Bases:
        """The other strand."""
        return reverse_complement(self.bases)

    @cached_property
    def insertions(self) -> Ints:
        """(n + 1) number of inserted bases before each place."""
        return np.concatenate([[0], np.cumsum(self.inserted)])

    def at(self, places: Ints) -> Ints:
        """Place on the haplotype of each place of the genome, or of the first base after it that is not deleted."""
        return np.searchsorted(self.reference, places)


def haplotypes(of: Genome, own: Genotypes, sex: Sex) -> tuple[Haplotype, Haplotype]:
    """Write a participant's variants into the genome, once for each haplotype."""
    first, second = (
        _haplotype(of, own, number, tuple(lacks)) for number, lacks in enumerate(absent(of, sex))
    )
    return first, second


def _haplotype(of: Genome, own: Genotypes, number: int, lacks: tuple[int, ...]) -> Haplotype:
    sequence: list[Bases] = []
    reference: list[Ints] = []
    inserted: list[NDArray[np.bool_]] = []
    everywhere = np.arange(len(of))
    at = 0
    for variant, copies in zip(own.variants, own.copies[number], strict=True):
        if not copies:
            continue
        after = variant.place + len(variant.ref)
        kept = min(len(variant.ref), len(variant.alt))
        added = len(variant.alt) - kept
        sequence += [of.bases[at : variant.place], bases(variant.alt)]
        reference += [
            everywhere[at : variant.place + kept],
            np.full(added, variant.place + kept - 1, np.int64),
        ]
        inserted += [np.zeros(variant.place + kept - at, bool), np.ones(added, bool)]
        at = after
    sequence.append(of.bases[at:])
    reference.append(everywhere[at:])
    inserted.append(np.zeros(len(of) - at, bool))
    places = np.concatenate(reference)
    return Haplotype(
        np.concatenate(sequence),
        places,
        np.concatenate(inserted),
        np.searchsorted(places, of.starts),
        lacks,
    )


@dataclass(frozen=True)
class Kit:
    """What a library holds more of: intervals of the genome's places, with their weights (which add up to 1)."""

    starts: Ints
    ends: Ints
    weights: NDArray[np.float64]


def capture(of: Genome, *, seed: int) -> Kit:
    """The exome kit; the pseudogene, which resembles a target, is captured with it."""
    contigs = np.array([of.names.index(contig) for contig, _, _ in of.targets])
    bounds = np.array([(start, end) for _, start, end in of.targets]) + of.starts[contigs][:, None]
    pseudogene = of.gene(PSEUDOGENE)
    offset = of.place(pseudogene.contig, 0)
    extra = np.array(pseudogene.transcripts[0].exons) + offset
    efficiency = stream(seed, "kit").normal(0, EFFICIENCY_SD, len(bounds))
    for contig in np.unique(contigs):
        efficiency[contigs == contig] -= efficiency[contigs == contig].mean()
    bounds = np.concatenate([bounds, extra])
    size = bounds[:, 1] - bounds[:, 0] + FRAGMENT / 3  # a molecule is caught by a part of it, too
    weights = size * np.exp(np.concatenate([efficiency, np.zeros(len(extra))]))
    return Kit(bounds[:, 0], bounds[:, 1], weights / weights.sum())


def whole(of: Genome) -> Kit:
    """No capture: every contig, chrM with its copies."""
    size = np.diff(of.starts).astype(float)
    size[of.names.index("chrM")] *= MITOCHONDRIAL
    return Kit(of.starts[:-1], of.starts[1:], size / size.sum())


@dataclass(frozen=True)
class Molecules:
    """Sequenced molecules, one row per pair of reads.

    Attributes:
        haplotype: number of the haplotype.
        start, length: place on it, and bases.
        reverse: whether the first mate reads the other strand.
        origin: number of the molecule that a pair is a copy of: copies have the same.
        copy: whether another pair has the original.
        foreign: whether the molecule is from elsewhere.
    """

    haplotype: NDArray[np.int8]
    start: Ints
    length: Ints
    reverse: NDArray[np.bool_]
    origin: Ints
    copy: NDArray[np.bool_]
    foreign: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def end(self) -> Ints:
        """Place after the last base."""
        return self.start + self.length


def molecules(
    of: Sequence[Haplotype],
    shares: Sequence[float],
    pairs: int,
    *,
    genome: Genome,
    kit: Kit | None,
    rng: np.random.Generator,
) -> Molecules:
    """Draw the molecules of a library.

    Args:
        of: the haplotypes.
        shares: part of the library that is from each.
        pairs: how many, with those that fall away: beyond the end of a contig, or from one that a haplotype lacks.
        genome: the reference.
        kit: what was captured; None: whole genomes.
        rng: the library's own stream.
    """
    count = round(pairs * (1 - DUPLICATES))
    anywhere = whole(genome)
    places = _centres(anywhere, count, rng)
    if kit:
        caught = rng.random(count) < ON_TARGET
        places = np.where(caught, _centres(kit, count, rng), places)
    chosen = rng.choice(len(of), count, p=np.array(shares) / sum(shares)).astype(np.int8)
    length = np.clip(np.rint(rng.normal(FRAGMENT, FRAGMENT_SD, count)), LENGTH, 2 * FRAGMENT).astype(np.int64)
    short = rng.random(count) < SHORT
    length[short] = rng.integers(*SHORT_LENGTHS, short.sum())
    contig = genome.contig_at(places)
    start = np.zeros(count, np.int64)
    there = np.ones(count, bool)
    for number, one in enumerate(of):
        mine = chosen == number
        spare = np.maximum(length[mine], LENGTH)  # a short molecule's reads go on into the adapter
        first, last = one.starts[contig[mine]], one.starts[contig[mine] + 1]
        start[mine] = one.at(places[mine]) - length[mine] // 2
        inside = (start[mine] + length[mine] - spare >= first) & (start[mine] + spare <= last)
        there[mine] = inside & ~np.isin(contig[mine], one.lacks)
    reverse = rng.random(count) < 0.5
    kept = np.flatnonzero(there)
    copies = rng.choice(kept, round(len(kept) * DUPLICATES / (1 - DUPLICATES)))
    origin = np.concatenate([kept, copies])
    again = np.arange(len(origin)) >= len(kept)
    order = rng.permutation(len(origin))
    origin, again = origin[order], again[order]
    foreign = rng.random(count) < FOREIGN
    return Molecules(
        chosen[origin], start[origin], length[origin], reverse[origin], origin, again, foreign[origin]
    )


def _centres(kit: Kit, count: int, rng: np.random.Generator) -> Ints:
    """Places of the middles of molecules."""
    interval = rng.choice(len(kit.weights), count, p=kit.weights)
    size = kit.ends[interval] - kit.starts[interval]
    return kit.starts[interval] + (rng.random(count) * size).astype(np.int64)


def pairs_for(depth: float, kit: Kit | None, genome: Genome) -> int:
    """Pairs that give a mean depth over the kit's targets (or the genome), copies counted, in somebody with two X."""
    if kit is None:
        y = genome.names.index("chrY")
        share = float(whole(genome).weights[:y].sum())
        return round(depth * float(genome.starts[y]) / share / FRAGMENT)
    rng = np.random.default_rng(0)
    places, length = _centres(kit, 20_000, rng), rng.normal(FRAGMENT, FRAGMENT_SD, 20_000).astype(int)
    start = places - length // 2
    inside = np.zeros(len(genome) + 1, np.int64)
    for contig, first, last in genome.targets:
        inside[genome.place(contig, first) + 1 : genome.place(contig, last) + 1] = 1
    covered = np.cumsum(inside)
    size = int(covered[-1])
    ends = np.clip([start, start + length], 0, len(genome))
    per_pair = ON_TARGET * float(np.mean(covered[ends[1]] - covered[ends[0]]))
    per_pair += (1 - ON_TARGET) * FRAGMENT * size / len(genome)
    return round(depth * size / per_pair)


@dataclass(frozen=True)
class Ends:
    """What was read of both ends of each molecule: (n, LENGTH) each, 5' to 3' along the read."""

    left: Bases
    right: Bases  # of the other strand


def ends(
    of: Sequence[Haplotype],
    library: Molecules,
    mosaics: Sequence[tuple[Mosaic, float]],
    rng: np.random.Generator,
) -> Ends:
    """The true sequence of both ends; beyond a short molecule, the adapter.

    Args:
        of: the haplotypes.
        library: the molecules.
        mosaics: variants of a part of the cells on the first two haplotypes, with their allele fraction.
        rng: the library's own stream.
    """
    count = len(library)
    left, right = np.empty((count, LENGTH), np.uint8), np.empty((count, LENGTH), np.uint8)
    for number, one in enumerate(of):
        mine = np.flatnonzero(library.haplotype == number)
        forward = np.lib.stride_tricks.sliding_window_view(one.bases, LENGTH)
        backward = np.lib.stride_tricks.sliding_window_view(one.reverse, LENGTH)
        left[mine] = forward[library.start[mine]]
        right[mine] = backward[len(one) - library.end[mine]]
    read = Ends(left, right)
    for mosaic, fraction in mosaics:
        carries = rng.random(int(library.origin.max(initial=0)) + 1) < 2 * fraction  # of one haplotype
        _insert(read, of[mosaic.haplotype], library, mosaic, carries)
    foreign = np.flatnonzero(library.foreign)
    for side in (left, right):
        side[foreign] = random_bases(rng, foreign.size * LENGTH, 0.5).reshape(-1, LENGTH)
    for row in np.flatnonzero(library.length < LENGTH):
        first, second = ADAPTERS[:: -1 if library.reverse[row] else 1]
        for side, adapter in ((left, first), (right, second)):
            tail = bases(adapter.ljust(LENGTH, "G"))
            side[row, library.length[row] :] = tail[: LENGTH - library.length[row]]
    return read


def _insert(
    into: Ends, of: Haplotype, library: Molecules, mosaic: Mosaic, carries: NDArray[np.bool_]
) -> None:
    """Put a mosaic variant into the molecules that carry it; copies have what the original has."""
    place = int(of.at(np.array([mosaic.variant.place]))[0])
    spans = (library.start <= place) & (place < library.end) & (library.haplotype == mosaic.haplotype)
    rows = np.flatnonzero(spans & carries[library.origin])
    base = ord(mosaic.variant.alt)
    offset = place - library.start[rows]
    seen = offset < LENGTH
    into.left[rows[seen], offset[seen]] = base
    offset = library.end[rows] - 1 - place
    seen = offset < LENGTH
    into.right[rows[seen], offset[seen]] = COMPLEMENT[base]


@dataclass(frozen=True)
class Mates:
    """Both mates of each pair: bases and Phred scores, (n, LENGTH) each, and which mate is the left end."""

    bases: tuple[Bases, Bases]
    qualities: tuple[Bases, Bases]
    reverse: NDArray[np.bool_]  # the first mate is the right end


def sequenced(true: Ends, library: Molecules, rng: np.random.Generator) -> Mates:
    """Read the ends with the sequencer's errors."""
    swapped = library.reverse[:, None]
    both = (np.where(swapped, true.right, true.left), np.where(swapped, true.left, true.right))
    qualities = tuple(_courses(mate)[rng.integers(0, TEMPLATES, len(library))] for mate in (0, 1))
    for read, quality in zip(both, qualities, strict=True):
        _err(read, quality, rng)
    return Mates(both, (qualities[0], qualities[1]), library.reverse)


def _err(read: Bases, quality: Bases, rng: np.random.Generator) -> None:
    """Replace bases as often as their quality says; those of the lowest bin become N."""
    chance = (10 ** (-np.arange(64) / 10)).astype(np.float32)
    chance[QUALITIES[0]] = 0
    flat, scores = read.reshape(-1), quality.reshape(-1)
    wrong = np.flatnonzero(rng.random(len(flat), dtype=np.float32) < chance[scores])
    other = bases("ACGT")[rng.integers(0, 4, len(wrong))]
    same = other == flat[wrong]
    other[same] = COMPLEMENT[other[same]]
    flat[wrong] = other
    flat[scores == QUALITIES[0]] = ord("N")


def _courses(mate: int) -> Bases:
    """Courses of qualities over a read: (TEMPLATES, LENGTH); the same for every study."""
    if mate not in _KNOWN:
        rng = np.random.default_rng(mate)
        cycle = np.linspace(0, 1, LENGTH)
        poor = rng.gamma(1.5, 1 / 1.5, TEMPLATES)[:, None] * (0.008 + (0.04, 0.07)[mate] * cycle**2)
        level = np.full(TEMPLATES, 3)
        course = np.empty((TEMPLATES, LENGTH), np.uint8)
        for at in range(LENGTH):
            fall = rng.random(TEMPLATES) < poor[:, at]
            rise = rng.random(TEMPLATES) < 0.45
            level = np.where(fall, rng.integers(1, 3, TEMPLATES), np.where(rise, 3, level))
            course[:, at] = np.array(QUALITIES)[level]
        course[rng.random((TEMPLATES, LENGTH)) < 0.0003] = QUALITIES[0]
        _KNOWN[mate] = course
    return _KNOWN[mate]


_KNOWN: dict[int, Bases] = {}
