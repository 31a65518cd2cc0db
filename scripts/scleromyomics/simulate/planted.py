"""Alleles that are planted in the toy cohort, so that questions have an answer.

A risk allele of SSc (a common missense variant), private loss of function of one gene in SSc, private missense
variants of another gene in myositis, and a pair of indels in a fourth gene: frameshifts alone, in frame together. No
population database has the private ones. The exons of these four genes hold no other variants.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scleromyomics.plan.vocabulary import Group
from scleromyomics.simulate.alleles import Kind, Variant, consequence, left_aligned
from scleromyomics.simulate.coding import COMPLEMENT, TRANSITION, TRANSVERSIONS, Bases, bases, text, translate
from scleromyomics.simulate.genome import Gene, Genome
from scleromyomics.simulate.latent import stream

RISK_GENE, LOSS_GENE, MISSENSE_GENE, FRAME_GENE = "IL7R", "THBS1", "MYH7", "TTN"
RISK_FREQUENCY: dict[Group, float] = {"im_control": 0.1, "im": 0.1, "ssc_control": 0.1, "ssc": 0.85}
"""Frequency of the risk allele by group; in the population it is that of the controls."""
CARRIERS = 0.85
"""Part of those with SSc who carry a loss of function, and of those with myositis who carry a missense variant."""
FRAME_DISTANCE = 9
"""Bases from the deletion of one base to the insertion that restores the frame."""


@dataclass(frozen=True)
class Planted:
    """The alleles that participants draw from.

    Attributes:
        risk: the risk allele.
        losses: alleles that end the function of LOSS_GENE, by the kind of their consequence.
        missense: alleles that change one residue of MISSENSE_GENE.
        frame_pair: a deletion of one base and an insertion of one, on one haplotype.
    """

    risk: Variant
    losses: dict[str, list[Variant]]
    missense: list[Variant]
    frame_pair: tuple[Variant, Variant]

    def own(self, group: Group, rng: np.random.Generator) -> list[Variant]:
        """The private variant that a participant of a group carries, if any."""
        carries, chosen = rng.random() < CARRIERS, rng.random(2)
        found: list[Variant] = []
        if group == "ssc" and carries:
            found = list(self.losses.values())[int(chosen[0] * len(self.losses))]
        if group == "im" and carries:
            found = self.missense
        return [found[int(chosen[1] * len(found))]] if found else []


def planted(of: Genome, *, seed: int) -> Planted:
    """Find the alleles that can be planted in a genome."""
    common = [one for one in _substitutions(of, RISK_GENE, "risk") if one.consequence == "missense"]
    chosen = common[stream(seed, "risk").integers(len(common))]
    frequency = RISK_FREQUENCY["ssc_control"]
    risk = Variant(chosen.place, chosen.ref, chosen.alt, "risk", frequency, True, RISK_GENE, "missense")
    changed = _substitutions(of, MISSENSE_GENE, "missense")
    return Planted(
        risk=risk,
        losses={
            "stop_gained": [
                one
                for one in _substitutions(of, LOSS_GENE, "loss_of_function")
                if one.consequence == "stop_gained"
            ],
            "frameshift": list(_deletions(of)),
            "splice": list(_splice_sites(of)),
        },
        missense=[one for one in changed if one.consequence == "missense"],
        frame_pair=_frame_pair(of, stream(seed, "frame_pair")),
    )


def _private(of: Genome, place: int, ref: str, alt: str, kind: Kind) -> Variant:
    return Variant(place, ref, alt, kind, 0.0, False, *consequence(of, place, ref, alt))


def _substitutions(of: Genome, symbol: str, kind: Kind) -> Iterator[Variant]:
    """All SNVs in the first four fifths of a gene's coding sequence, after the start codon."""
    places = of.coding_places(of.gene(symbol))
    for place in places[3 : len(places) * 4 // 5].tolist():
        base = int(of.bases[place])
        for alt in (TRANSITION[base], *TRANSVERSIONS[base]):
            yield _private(of, place, chr(base), chr(alt), kind)


def _deletions(of: Genome) -> Iterator[Variant]:
    """Deletions of one or two bases well within an exon of the gene that loses its function."""
    places = of.coding_places(of.gene(LOSS_GENE))
    for place in places[6 : len(places) * 4 // 5].tolist():
        for length in (1, 2):
            ref = text(of.bases[place : place + length + 1])
            at, ref, alt = left_aligned(of, place, ref, ref[0])
            around = of.coding_at[at - 3 : at + length + 4]
            if (around >= 0).all() and (np.abs(np.diff(around)) == 1).all():
                yield _private(of, at, ref, alt, "loss_of_function")


def _splice_sites(of: Genome) -> Iterator[Variant]:
    """Transitions of the two bases at either end of the gene's introns."""
    gene = of.gene(LOSS_GENE)
    start = of.place(gene.contig, 0)
    exons = gene.transcripts[0].exons
    for (_, last), (first, _) in pairwise(exons):
        for place in (start + last, start + last + 1, start + first - 2, start + first - 1):
            base = int(of.bases[place])
            yield _private(of, place, chr(base), chr(TRANSITION[base]), "loss_of_function")


def _frame_pair(of: Genome, rng: np.random.Generator) -> tuple[Variant, Variant]:
    """Draw places until the two lie in one exon, are left-aligned, and make no stop codon together."""
    gene = of.gene(FRAME_GENE)
    sequence, places = of.coding_sequence(gene), of.coding_places(gene)
    while True:
        offset = int(rng.integers(30, len(places) - 60))
        first, second = sorted((int(places[offset]), int(places[offset + FRAME_DISTANCE])))
        whole = of.coding_at[first - 6 : second + 7]
        deleted, base = text(of.bases[first : first + 2]), chr(of.bases[second])
        if second - first != FRAME_DISTANCE or (whole < 0).any() or deleted[0] == deleted[1]:
            continue
        added = next(one for one in "ACGT" if one not in (base, chr(of.bases[second + 1])))
        before = of.bases[first - 6 : second + 7]
        after = np.concatenate(
            [of.bases[first - 6 : first + 1], of.bases[first + 2 : second + 1], bases(added)]
        )
        after = np.concatenate([after, of.bases[second + 1 : second + 7]])
        edited = sequence.replace(_sense(before, gene), _sense(after, gene))
        if translate(edited).index("*") == len(edited) // 3 - 1 and edited != sequence:
            return (
                _private(of, first, deleted, deleted[0], "frame_pair"),
                _private(of, second, base, base + added, "frame_pair"),
            )


def _sense(sequence: Bases, gene: Gene) -> str:
    return text(sequence if gene.forward else COMPLEMENT[sequence[::-1]])
