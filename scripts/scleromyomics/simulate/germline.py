"""The germline of the toy cohort: the population's sites, and which alleles each participant has.

The catalogue is what a population database would know: common sites (one per 600 bases), low-frequency and rare ones,
SNVs with two transitions per transversion, and 12 % insertions and deletions of 1 to 8 bases, left-aligned. Every
participant draws two haplotypes from it, each allele independently (so genotypes are in Hardy-Weinberg proportions
and unlinked), from a stream of its own. Men have one X and one Y, women two X; chrM is the same on both haplotypes.
What else a participant carries is planted (`planted`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scleromyomics.plan.vocabulary import Group, Sex
from scleromyomics.simulate.alleles import Kind, Variant, consequence, left_aligned
from scleromyomics.simulate.coding import TRANSITION, TRANSVERSIONS, random_bases, text
from scleromyomics.simulate.genome import PARALOGUE, Genome
from scleromyomics.simulate.latent import stream
from scleromyomics.simulate.planted import (
    FRAME_GENE,
    LOSS_GENE,
    MISSENSE_GENE,
    RISK_FREQUENCY,
    RISK_GENE,
    Planted,
    planted,
)

COMMON_SPACING = 600
"""Bases per common site."""
LOW, RARE = 350, 7_000
"""Numbers of low-frequency and of rare sites."""
FREQUENCIES: dict[Kind, tuple[float, float]] = {
    "common": (0.05, 0.95),
    "low": (0.002, 0.05),
    "rare": (0.0003, 0.00095),
}
"""Ranges of the alternate allele's frequency, whose logarithm is uniform: a density of 1/f, as drift leaves it."""
LISTED_SHARE = 0.5
"""Part of the rare sites that the population database has."""
TRANSITIONS = 2 / 3
"""Part of the SNVs that are transitions: Ti/Tv of 2."""
INDELS = 0.12
"""Part of the sites that are insertions or deletions."""
INDEL_LENGTHS = (0.45, 0.2, 0.12, 0.09, 0.05, 0.04, 0.03, 0.02)
"""How often insertions and deletions are 1, 2, ... bases long."""
TANDEM = 0.5
"""Part of the insertions that repeat the bases before them."""
SLOT = 24
"""Bases in which at most one site lies, in the middle third, so that no two touch on a haplotype."""
EDGE, AROUND = 200, 30
"""Bases without sites at the ends of contigs, and around repeats and the planted genes' exons."""
HIDDEN_FREQUENCY = 0.5
"""Frequency of the site that short reads do not see, since its gene has a copy."""
SEVERE = ("stop_gained", "start_lost", "stop_lost", "frameshift", "splice_donor", "splice_acceptor")
"""Consequences that common and low-frequency sites do not have: selection removes them."""


@dataclass(frozen=True, slots=True)
class Person:
    """A participant, as far as the genome depends on it."""

    participant: str
    sex: Sex
    group: Group  # at inclusion


@dataclass(frozen=True)
class Genotypes:
    """The germline of a participant: variants in the order of the genome, and copies (2, n) on each haplotype."""

    variants: tuple[Variant, ...]
    copies: NDArray[np.int8]


@dataclass(frozen=True)
class Catalogue:
    """The population's sites in the order of the genome, the genome that they are in, and what is planted."""

    genome: Genome
    sites: tuple[Variant, ...]
    planted: Planted
    seed: int

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Place of each site."""
        return np.array([one.place for one in self.sites])

    @cached_property
    def taken(self) -> NDArray[np.bool_]:
        """Places on or beside a site."""
        found = np.zeros(len(self.genome), bool)
        for one in self.sites:
            found[one.place - 2 : one.place + len(one.ref) + 2] = True
        return found

    def frequency(self, group: Group) -> NDArray[np.float64]:
        """Frequency of each site's alternate allele in a group."""
        frequencies = [RISK_FREQUENCY[group] if one.kind == "risk" else one.frequency for one in self.sites]
        return np.array(frequencies)


def catalogue(of: Genome, *, seed: int) -> Catalogue:
    """Draw the sites of the population."""
    rng = stream(seed, "sites")
    counts: dict[Kind, int] = {"common": len(of) // COMMON_SPACING, "low": LOW, "rare": RARE}
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    places = _free_places(of, len(kinds), rng)
    order = rng.permutation(len(kinds))
    sites = [_site(of, int(place), kinds[one], rng) for place, one in zip(places, order, strict=True)]
    hidden = _hidden(of)
    kept = [
        one
        for one in sites
        if one
        and (one.kind == "rare" or one.consequence not in SEVERE)
        and abs(one.place - hidden.place) > SLOT
    ]
    alleles = planted(of, seed=seed)
    kept += [alleles.risk, hidden]
    return Catalogue(of, tuple(sorted(kept, key=lambda one: one.place)), alleles, seed)


def germline(known: Catalogue, person: Person, *, frame_pair: bool = False) -> Genotypes:
    """The genotypes of a participant.

    Args:
        known: the population's sites.
        person: who; nobody else's genotypes depend on it.
        frame_pair: whether the person carries the two indels that keep the frame together.
    """
    of, seed = known.genome, known.seed
    drawn = stream(seed, "germline", person.participant).random((2, len(known.sites)))
    copies = (drawn < known.frequency(person.group)).astype(np.int8)
    contig = of.contig_at(known.places)
    mitochondrial = contig == of.names.index("chrM")
    copies[1, mitochondrial] = copies[0, mitochondrial]
    for haplotype, missing in enumerate(absent(of, person.sex)):
        copies[haplotype, np.isin(contig, missing)] = 0
    carried = [(known.sites[one], copies[:, one].tolist()) for one in np.flatnonzero(copies.any(axis=0))]
    rng = stream(seed, "planted", person.participant)
    side = int(rng.integers(2))
    own = known.planted.own(person.group, rng) + list(known.planted.frame_pair if frame_pair else ())
    carried += [(one, [1 - side, side]) for one in own]
    carried.sort(key=lambda one: one[0].place)
    return Genotypes(
        tuple(one for one, _ in carried), np.array([one for _, one in carried], np.int8).reshape(-1, 2).T
    )


def absent(of: Genome, sex: Sex) -> tuple[list[int], list[int]]:
    """Contigs that each of the two haplotypes lacks: Y in women; in men Y on one and X on the other."""
    x, y = of.names.index("chrX"), of.names.index("chrY")
    return [y], [y] if sex == "F" else [x]


def substitute(base: int, rng: np.random.Generator) -> str:
    """Another base: a transition in two of three cases."""
    transition, other = rng.random() < TRANSITIONS, TRANSVERSIONS[base, rng.integers(2)]
    return chr(TRANSITION[base]) if transition else chr(other)


def _free_places(of: Genome, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places for sites, at most one in a slot."""
    closed = np.zeros(len(of), bool)
    for edge in of.starts:
        closed[max(0, edge - EDGE) : edge + EDGE] = True
    for symbol in (RISK_GENE, LOSS_GENE, MISSENSE_GENE, FRAME_GENE):
        gene = of.gene(symbol)
        start = of.place(gene.contig, 0)
        for first, last in gene.transcripts[0].exons:
            closed[start + first - AROUND : start + last + AROUND] = True
    repeats = np.flatnonzero(of.masked)
    closed[repeats[0] - AROUND : repeats[-1] + AROUND] = True
    slots = np.arange(0, len(of) - SLOT, SLOT)
    slots = slots[~np.logical_or.reduceat(closed, slots)]
    chosen = np.sort(rng.choice(slots, count, replace=False))
    return chosen + SLOT // 3 + rng.integers(0, SLOT // 3, count)


def _hidden(of: Genome) -> Variant:
    """A common site in the middle of the gene with a pseudogene, where short reads have two places."""
    gene = of.gene(PARALOGUE)
    places = of.coding_places(gene)
    middle = of.place(gene.contig, (gene.start + gene.end) // 2)
    for place in places[np.argsort(np.abs(places - middle), kind="stable")].tolist():
        ref, alt = chr(of.bases[place]), chr(TRANSITION[of.bases[place]])
        symbol, effect = consequence(of, place, ref, alt)
        if effect in ("missense", "synonymous"):
            break
    return Variant(place, ref, alt, "common", HIDDEN_FREQUENCY, True, symbol, effect)


def _site(of: Genome, place: int, kind: Kind, rng: np.random.Generator) -> Variant | None:
    """A site of the catalogue; None where an indel moves out of its slot."""
    low, high = FREQUENCIES[kind]
    frequency = round(float(low * (high / low) ** rng.random()), 6)
    listed = kind != "rare" or bool(rng.random() < LISTED_SHARE)
    at, ref = place, chr(of.bases[place])
    if rng.random() >= INDELS:
        alt = substitute(int(of.bases[place]), rng)
    else:
        length = 1 + int(rng.choice(len(INDEL_LENGTHS), p=INDEL_LENGTHS))
        before = text(of.bases[place - length + 1 : place + 1])
        after = text(of.bases[place + 1 : place + length + 1])
        if rng.random() < 0.5:
            at, ref, alt = left_aligned(of, place, ref + after, ref)
        else:
            added = before if rng.random() < TANDEM else text(random_bases(rng, length, 0.45))
            at, ref, alt = left_aligned(of, place, ref, ref + added)
        if at < place - SLOT // 3:
            return None
    return Variant(at, ref, alt, kind, frequency, listed, *consequence(of, at, ref, alt))
