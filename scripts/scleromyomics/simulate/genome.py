"""The toy genome: five small contigs with the named genes of resources/simulate/genes.tsv, drawn base by base.

Genes lie on X or Y where the table says so, all others on chr1 and chr2. A gene has 2 to 4 exons, introns from GT to
AG, and a coding sequence of 150 to 220 codons, whose translation (`proteins`) stands for the gene in every assay. One
gene has a pseudogene that equals it but for 2 % of the bases, none of them in the middle; one stretch consists of
repeats. XIST codes for nothing, as in life.

Positions inside are 0-based and half-open, on the contig, and `place` counts through all contigs one after another;
the files have what their formats have (GFF3 from 1, BED from 0).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.files import write_text
from scleromyomics.simulate.coding import (
    COMPLEMENT,
    TRANSITION,
    TRANSVERSIONS,
    Bases,
    bases,
    random_bases,
    random_coding_sequence,
    reverse_complement,
    text,
    translate,
)
from scleromyomics.simulate.latent import stream

Interval = tuple[int, int]

CONTIGS = {"chr1": 165_000, "chr2": 120_000, "chrX": 40_000, "chrY": 25_000, "chrM": 5_000}
"""Lengths, bases."""
CHR1_SHARE = 0.58
"""Part of the genes that are neither on X nor on Y which lie on chr1; the others lie on chr2."""
RESIDUES = (150, 221)
"""Lengths of proteins: from the first, below the second."""
EXONS = {2: 0.35, 3: 0.4, 4: 0.25}
"""Numbers of exons, and how often each occurs."""
UTR5, UTR3, INTRON = (50, 91), (90, 161), (80, 161)
"""Lengths of untranslated regions and introns, bases."""
SMALLEST_PART = 75
"""Fewest coding bases of an exon."""
ISOFORM_SHARE = 0.8
"""Part of the genes with four exons that have a second transcript, which leaves the second exon out."""
GC_MEAN, GC_SD, GC_WINDOW = 0.42, 0.05, 5_000
"""GC content between genes: mean, and spread between windows of this many bases."""
SMALLEST_GAP = 300
"""Fewest bases between two genes, and at the ends of contigs."""
NONCODING = {"XIST"}
PARALOGUE, PSEUDOGENE, PSEUDOGENE_ID = "KRT14", "KRT14P1", "ENSG00000999001"
"""The gene with a pseudogene on the other autosome."""
DIVERGENCE, TRACT = 0.05, 600
"""Part of the bases in which the pseudogene differs, and bases in the middle in which it does not, as after a gene
conversion: reads from there have two places. Over all, 2 % differ."""
REPEATS = "CA" * 45 + "A" * 36 + "TTTA" * 20 + "GA" * 30 + "T" * 28
"""The low-complexity stretch, in lower case in the FASTA as masked sequence is."""
TARGET_PAD = 25
"""Bases that the kit captures on either side of an exon."""
LINE = 60
"""Bases per line of the FASTA."""


@dataclass(frozen=True)
class Transcript:
    """One transcript; intervals ascend along the contig, whatever the strand."""

    name: str
    protein: str  # its id; "" if it codes for nothing
    exons: tuple[Interval, ...]
    coding: tuple[Interval, ...]  # with the stop codon


@dataclass(frozen=True)
class Gene:
    """A gene on its contig."""

    symbol: str
    gene_id: str
    biotype: str  # protein_coding | lncRNA | unprocessed_pseudogene
    contig: str
    forward: bool
    start: int
    end: int
    transcripts: tuple[Transcript, ...]  # the first one is the longest


@dataclass(frozen=True)
class Genome:
    """Contigs and genes.

    Attributes:
        names: of the contigs.
        starts: (contigs + 1) place of each contig's first base; the last entry is the length of all.
        bases: all contigs, one after another.
        masked: which bases belong to the low-complexity stretch.
        genes: by contig and position.
    """

    names: tuple[str, ...]
    starts: NDArray[np.int64]
    bases: Bases
    masked: NDArray[np.bool_]
    genes: tuple[Gene, ...]

    def __len__(self) -> int:
        return len(self.bases)

    def place(self, contig: str, position: int) -> int:
        """Place of a 0-based position."""
        return int(self.starts[self.names.index(contig)]) + position

    def contig_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the contig on which each place lies."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def sequence(self, contig: str) -> Bases:
        """The bases of one contig."""
        at = self.names.index(contig)
        return self.bases[self.starts[at] : self.starts[at + 1]]

    def gene(self, symbol: str) -> Gene:
        """The gene of a name."""
        return next(one for one in self.genes if one.symbol == symbol)

    @cached_property
    def gene_at(self) -> NDArray[np.int16]:
        """Number of the gene at each place; -1 between genes."""
        found = np.full(len(self), -1, np.int16)
        for number, gene in enumerate(self.genes):
            first = self.place(gene.contig, gene.start)
            found[first : first + gene.end - gene.start] = number
        return found

    @cached_property
    def coding_at(self) -> NDArray[np.int32]:
        """Offset of each place in its gene's coding sequence (first transcript); -1 where it is not coding."""
        found = np.full(len(self), -1, np.int32)
        for gene in self.genes:
            places = self.coding_places(gene)
            found[places] = np.arange(len(places))
        return found

    def coding_places(self, gene: Gene) -> NDArray[np.int64]:
        """Places of the coding bases of a gene's first transcript, from the start codon to the stop."""
        first = self.place(gene.contig, 0)
        parts = [np.arange(start, end) + first for start, end in gene.transcripts[0].coding]
        places = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return places if gene.forward else places[::-1]

    def coding_sequence(self, gene: Gene) -> str:
        """The coding sequence of a gene's first transcript."""
        found = self.bases[self.coding_places(gene)]
        return text(found if gene.forward else COMPLEMENT[found])

    @cached_property
    def targets(self) -> tuple[tuple[str, int, int], ...]:
        """Contig, start and end of what the kit captures: coding exons (of XIST, all) and their surroundings."""
        found: list[tuple[str, int, int]] = []
        wanted = sorted(
            (self.names.index(gene.contig), start - TARGET_PAD, end + TARGET_PAD)
            for gene in self.genes
            if gene.symbol != PSEUDOGENE
            for start, end in gene.transcripts[0].coding or gene.transcripts[0].exons
        )
        for number, start, end in wanted:
            contig = self.names[number]
            if found and found[-1][0] == contig and start <= found[-1][2]:
                found[-1] = (contig, found[-1][1], max(end, found[-1][2]))
            else:
                found.append((contig, start, end))
        return tuple(found)


@dataclass(frozen=True)
class _Unit:
    """What is put on a contig as a whole; intervals run 5' to 3' along `bases`."""

    bases: Bases
    masked: bool = False
    symbol: str = ""
    gene_id: str = ""
    biotype: str = ""
    exons: tuple[Interval, ...] = ()
    coding: tuple[Interval, ...] = ()
    isoform: bool = False


def genome(genes: Sequence[Mapping[str, str]], *, seed: int) -> Genome:
    """Draw the genome.

    Args:
        genes: rows with gene_symbol, gene_id, chromosome.
        seed: of the study.
    """
    units = {row["gene_symbol"]: _gene(row, seed) for row in genes}
    rng = stream(seed, "genome")
    chromosome = {row["gene_symbol"]: row["chromosome"] for row in genes}
    autosomal = [name for name in units if chromosome[name] not in ("X", "Y", "MT")]
    autosomal = [autosomal[one] for one in rng.permutation(len(autosomal))]
    first = round(CHR1_SHARE * len(autosomal))
    members: dict[str, list[_Unit]] = {
        "chr1": [units[name] for name in autosomal[:first]],
        "chr2": [*(units[name] for name in autosomal[first:]), _Unit(bases(REPEATS), masked=True)],
        "chrX": [units[name] for name in units if chromosome[name] == "X"],
        "chrY": [units[name] for name in units if chromosome[name] == "Y"],
        "chrM": [units[name] for name in units if chromosome[name] == "MT"],
    }
    other = "chr2" if PARALOGUE in autosomal[:first] else "chr1"
    members[other].append(_pseudogene(units[PARALOGUE], seed))
    sequences, masks, found = [], [], []
    for contig, length in CONTIGS.items():
        sequence, masked, here = _contig(contig, length, members[contig], stream(seed, "contig", contig))
        sequences.append(sequence)
        masks.append(masked)
        found += here
    return Genome(
        names=tuple(CONTIGS),
        starts=np.concatenate([[0], np.cumsum(list(CONTIGS.values()))]),
        bases=np.concatenate(sequences),
        masked=np.concatenate(masks),
        genes=tuple(found),
    )


def proteins(of: Genome) -> dict[str, str]:
    """The protein of every coding gene, by gene symbol; sorted, without the stop."""
    coding = sorted((one for one in of.genes if one.biotype == "protein_coding"), key=lambda one: one.symbol)
    return {gene.symbol: translate(of.coding_sequence(gene))[:-1] for gene in coding}


def _gene(row: Mapping[str, str], seed: int) -> _Unit:
    """A gene, 5' to 3'."""
    symbol = row["gene_symbol"]
    rng = stream(seed, "gene", symbol)
    coding = random_coding_sequence(rng, int(rng.integers(*RESIDUES)))
    utr5, utr3 = int(rng.integers(*UTR5)), int(rng.integers(*UTR3))
    count = int(rng.choice(list(EXONS), p=list(EXONS.values())))
    isoform = count == 4 and rng.random() < ISOFORM_SHARE
    free = len(coding) - count * SMALLEST_PART
    parts = SMALLEST_PART + np.floor(free * rng.dirichlet(np.full(count, 3.0))).astype(int)
    if isoform:
        parts -= parts % 3  # whole codons: without the second exon, the frame is kept
    cuts = np.cumsum(parts[:-1])
    ends = np.concatenate([[0], cuts, [len(coding)]])
    pieces: list[Bases] = []
    exons: list[Interval] = []
    coded: list[Interval] = []
    at = 0
    for number in range(count):
        before = utr5 if number == 0 else 0
        after = utr3 if number == count - 1 else 0
        part = coding[ends[number] : ends[number + 1]]
        pieces += [random_bases(rng, before, 0.55), bases(part), random_bases(rng, after, 0.42)]
        length = before + len(part) + after
        exons.append((at, at + length))
        coded.append((at + before, at + before + len(part)))
        at += length
        if number < count - 1:
            pieces.append(_intron(rng))
            at += len(pieces[-1])
    silent = symbol in NONCODING
    return _Unit(
        bases=np.concatenate(pieces),
        symbol=symbol,
        gene_id=row["gene_id"],
        biotype="lncRNA" if silent else "protein_coding",
        exons=tuple(exons),
        coding=() if silent else tuple(coded),
        isoform=isoform and not silent,
    )


def _intron(rng: np.random.Generator) -> Bases:
    """Donor site, bases, polypyrimidine tract and acceptor site."""
    head = "GTAAGT" if rng.random() < 0.6 else "GTGAGT"
    tract = np.where(rng.random(14) < 0.6, ord("T"), ord("C")).astype(np.uint8)
    inner = int(rng.integers(*INTRON)) - len(head) - len(tract) - 3
    return np.concatenate([bases(head), random_bases(rng, inner, 0.42), tract, bases("CAG")])


def _pseudogene(of: _Unit, seed: int) -> _Unit:
    rng = stream(seed, "pseudogene")
    copied = of.bases.copy()
    middle = np.abs(np.arange(len(copied)) - len(copied) // 2) < TRACT // 2
    changed = np.flatnonzero((rng.random(len(copied)) < DIVERGENCE) & ~middle)
    swap = rng.random(len(changed)) < 2 / 3
    other = TRANSVERSIONS[copied[changed], rng.integers(0, 2, len(changed))]
    copied[changed] = np.where(swap, TRANSITION[copied[changed]], other)
    return _Unit(copied, False, PSEUDOGENE, PSEUDOGENE_ID, "unprocessed_pseudogene", of.exons)


def _contig(
    name: str, length: int, units: list[_Unit], rng: np.random.Generator
) -> tuple[Bases, NDArray[np.bool_], list[Gene]]:
    """Put units on a contig in random order, on either strand, with gaps between them."""
    windows = rng.normal(GC_MEAN, GC_SD, length // GC_WINDOW + 1).clip(0.3, 0.6)
    sequence = random_bases(rng, length, np.repeat(windows, GC_WINDOW)[:length])
    masked = np.zeros(length, bool)
    free = length - sum(len(one.bases) for one in units) - SMALLEST_GAP * (len(units) + 1)
    gaps = SMALLEST_GAP + np.floor(free * rng.dirichlet(np.full(len(units) + 1, 2.0))).astype(int)
    genes: list[Gene] = []
    at = 0
    for gap, number in zip(gaps, rng.permutation(len(units)), strict=False):
        unit = units[number]
        start = at + int(gap)
        at = start + len(unit.bases)
        forward = bool(rng.random() < 0.5) or unit.masked
        sequence[start:at] = unit.bases if forward else reverse_complement(unit.bases)
        masked[start:at] = unit.masked
        if unit.symbol:
            genes.append(_placed(unit, name, start, forward=forward))
    return sequence, masked, genes


def _placed(unit: _Unit, contig: str, start: int, *, forward: bool) -> Gene:
    length = len(unit.bases)

    def there(parts: Sequence[Interval]) -> tuple[Interval, ...]:
        if forward:
            return tuple((start + first, start + last) for first, last in parts)
        return tuple((start + length - last, start + length - first) for first, last in reversed(parts))

    number = unit.gene_id.removeprefix("ENSG")
    chosen = [(unit.exons, unit.coding)]
    if unit.isoform:
        chosen.append((unit.exons[:1] + unit.exons[2:], unit.coding[:1] + unit.coding[2:]))
    transcripts = tuple(
        Transcript(
            name=f"ENST{version}{number[1:]}",
            protein=f"ENSP{version}{number[1:]}" if coding else "",
            exons=there(exons),
            coding=there(coding),
        )
        for version, (exons, coding) in enumerate(chosen)
    )
    return Gene(unit.symbol, unit.gene_id, unit.biotype, contig, forward, start, start + length, transcripts)


def write_fasta(path: Path, of: Genome) -> None:
    """Write the contigs; the low-complexity stretch in lower case."""
    shown = np.where(of.masked, of.bases + 32, of.bases).astype(np.uint8)
    lines = []
    for number, name in enumerate(of.names):
        sequence = text(shown[of.starts[number] : of.starts[number + 1]])
        lines.append(f">{name}")
        lines += [sequence[at : at + LINE] for at in range(0, len(sequence), LINE)]
    write_text(path, "\n".join(lines) + "\n")


def write_gff3(path: Path, of: Genome) -> None:
    """Write the genes in Ensembl's form of GFF3, as bcftools csq reads it."""
    lines = ["##gff-version 3"]
    lines += [f"##sequence-region {name} 1 {len(of.sequence(name))}" for name in of.names]
    for gene in of.genes:
        lines += [*_gff3_lines(gene), "###"]
    write_text(path, "\n".join(lines) + "\n")


GFF3_TYPES = {
    "protein_coding": ("gene", "mRNA"),
    "lncRNA": ("ncRNA_gene", "lnc_RNA"),
    "unprocessed_pseudogene": ("pseudogene", "pseudogenic_transcript"),
}
"""Feature types of genes and transcripts by biotype, as Ensembl has them."""


def _gff3_lines(gene: Gene) -> Iterator[str]:
    kind, child = GFF3_TYPES[gene.biotype]
    strand = "+" if gene.forward else "-"

    def line(feature: str, part: Interval, attributes: str, phase: int | str = ".") -> str:
        first, last = part
        columns = (gene.contig, "toy", feature, first + 1, last, ".", strand, phase, attributes)
        return "\t".join(map(str, columns))

    name = (
        f"ID=gene:{gene.gene_id};Name={gene.symbol};biotype={gene.biotype};gene_id={gene.gene_id};version=1"
    )
    yield line(kind, (gene.start, gene.end), name)
    for number, transcript in enumerate(gene.transcripts, start=201):
        parent = f"Parent=transcript:{transcript.name}"
        whole = (transcript.exons[0][0], transcript.exons[-1][1])
        yield line(
            child,
            whole,
            f"ID=transcript:{transcript.name};Parent=gene:{gene.gene_id};Name={gene.symbol}-{number};"
            f"biotype={gene.biotype};transcript_id={transcript.name};version=1",
        )
        order = 1 if gene.forward else -1
        for rank, exon in enumerate(transcript.exons[::order], start=1):
            yield line("exon", exon, f"{parent};Name={transcript.name}.{rank};rank={rank}")
        if not transcript.coding:
            continue
        before = (whole[0], transcript.coding[0][0])
        after = (transcript.coding[-1][1], whole[1])
        ends = ("five_prime_UTR", "three_prime_UTR")[::order]
        for feature, region in zip(ends, (before, after), strict=True):
            for exon in transcript.exons:
                first, last = max(exon[0], region[0]), min(exon[1], region[1])
                if first < last:
                    yield line(feature, (first, last), parent)
        done = 0
        for part in transcript.coding[::order]:
            phase = -done % 3
            protein = transcript.protein
            yield line("CDS", part, f"ID=CDS:{protein};{parent};protein_id={protein}", phase)
            done += part[1] - part[0]


def write_targets(path: Path, of: Genome) -> None:
    """Write what the kit captures (BED)."""
    write_text(path, "".join(f"{contig}\t{start}\t{end}\n" for contig, start, end in of.targets))
