"""Alleles of the toy genome: their names, their left-most form, and what they do to the gene that they lie in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scleromyomics.simulate.coding import COMPLEMENT, translate
from scleromyomics.simulate.genome import Gene, Genome

Kind = Literal["common", "low", "rare", "risk", "loss_of_function", "missense", "frame_pair", "mosaic"]


START = 3
"""Bases of the start codon."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One allele: left-aligned and with as few bases as VCF allows."""

    place: int  # of the first base of `ref` (`Genome.place`)
    ref: str
    alt: str
    kind: Kind
    frequency: float = 0.0  # in the population; 0: private
    listed: bool = False  # in the population database
    gene: str = ""
    consequence: str = ""


def name(of: Genome, variant: Variant) -> str:
    """Name of a variant as in matrices: chr1:12345:A:G."""
    contig, position = located(of, variant.place)
    return f"{contig}:{position}:{variant.ref}:{variant.alt}"


def located(of: Genome, place: int) -> tuple[str, int]:
    """Contig and 1-based position of a place."""
    number = int(of.contig_at(np.array([place]))[0])
    return of.names[number], place - int(of.starts[number]) + 1


def left_aligned(of: Genome, place: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The same insertion or deletion as far left as it goes, with one base before it."""
    while ref[-1] == alt[-1]:
        if min(len(ref), len(alt)) == 1:
            place -= 1
            before = chr(of.bases[place])
            ref, alt = before + ref, before + alt
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        place, ref, alt = place + 1, ref[1:], alt[1:]
    return place, ref, alt


def consequence(of: Genome, place: int, ref: str, alt: str) -> tuple[str, str]:
    """Gene and consequence of a variant on the gene's first transcript; blanks between genes."""
    first = place if len(ref) == len(alt) else place + 1
    touched = np.arange(first, max(place + len(ref), first + 1))
    numbers = of.gene_at[touched]
    if (numbers < 0).all():
        return "", ""
    gene = of.genes[int(numbers[numbers >= 0][0])]
    if gene.biotype != "protein_coding":
        return gene.symbol, "non_coding"
    coding = of.coding_at[touched]
    if len(ref) == len(alt) and coding[0] >= 0:
        return gene.symbol, _codon(of, gene, int(coding[0]), alt)
    if len(ref) != len(alt):
        sides = coding if len(ref) > len(alt) else of.coding_at[[place, place + 1]]
        if (sides >= 0).all():
            return gene.symbol, _shift(len(alt) - len(ref), sides)
    return gene.symbol, _outside(of, gene, touched)


def _codon(of: Genome, gene: Gene, offset: int, alt: str) -> str:
    sequence = of.coding_sequence(gene)
    at = offset - offset % 3
    new = alt if gene.forward else chr(COMPLEMENT[ord(alt)])
    codon = sequence[at : at + 3]
    before, after = translate(codon), translate(codon[: offset - at] + new + codon[offset - at + 1 :])
    if before == after:
        return "stop_retained" if before == "*" else "synonymous"
    if offset < START:
        return "start_lost"
    if after == "*":
        return "stop_gained"
    return "stop_lost" if before == "*" else "missense"


def _shift(length: int, offsets: NDArray[np.int32]) -> str:
    """Consequence of an insertion between two coding bases, or of the deletion of some."""
    if offsets.max() < START if length > 0 else offsets.min() < START:
        return "start_lost"
    return "frameshift" if length % 3 else "inframe_insertion" if length > 0 else "inframe_deletion"


def _outside(of: Genome, gene: Gene, touched: NDArray[np.int64]) -> str:
    """Splice site, intron or untranslated region."""
    start = of.place(gene.contig, 0)
    exons = [(first + start, last + start) for first, last in gene.transcripts[0].exons]
    ends = ("splice_acceptor", "splice_donor") if gene.forward else ("splice_donor", "splice_acceptor")
    for number, (first, last) in enumerate(exons):
        if number and ((touched >= first - 2) & (touched < first)).any():
            return ends[0]
        if number < len(exons) - 1 and ((touched >= last) & (touched < last + 2)).any():
            return ends[1]
    inside = any(((touched >= first) & (touched < last)).any() for first, last in exons)
    return "utr" if inside else "intron"
