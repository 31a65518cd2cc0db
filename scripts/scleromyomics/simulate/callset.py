"""gVCF and VCF as other pipelines deliver them: what a caller in GATK's manner would write of a sample's molecules.

Depths are those of the molecules that cover a position on each haplotype, likelihoods the usual ones of a diploid
genotype from the reads of each allele, genotypes the most likely ones. As GATK does unless it is told the sex, every
contig is called with two copies. A gVCF has blocks of positions without variant, divided by bands of genotype
quality, and the allele <NON_REF>; a VCF has the sites at which one of its samples differs from the reference, and a
few false ones that its filter marks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.files import replacing
from scleromyomics.simulate.alleles import Variant, located
from scleromyomics.simulate.genome import Genome
from scleromyomics.simulate.germline import Genotypes, substitute
from scleromyomics.simulate.reads import LENGTH, Haplotype, Molecules

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

ERROR = 0.002
"""Chance that a read shows another allele than it is from."""
BANDS = np.array([*range(1, 61), 70, 80, 90, 99])
"""Lower ends of the bands of genotype quality, GATK's own."""
PADDING = 100
"""Bases around the targets in which calls are made."""
FALSE_CALLS = 3
"""False sites of a VCF, with FILTER LowQual."""
FALSE_READS = (34, 4)
"""Reads without and with the allele of a false site."""


@dataclass(frozen=True)
class Called:
    """A participant's own variants as they were called.

    Attributes:
        variants: those of which at least one read was seen and whose most likely genotype has the allele.
        reads: (n, 2) reads without and with the allele.
        depth: per place of the genome.
    """

    variants: tuple[Variant, ...]
    reads: Counts
    depth: Counts


def called(genome: Genome, own: Genotypes, of: Sequence[Haplotype], library: Molecules) -> Called:
    """Count the molecules over each position, and call the participant's variants."""
    depths = np.array([_depth(genome, one, library, number) for number, one in enumerate(of)])
    places = np.array([one.place for one in own.variants])
    with_allele = own.copies.astype(bool)
    at = depths[:, places]
    reads = np.column_stack([(at * ~with_allele).sum(axis=0), (at * with_allele).sum(axis=0)])
    found = np.argmin(likelihoods(reads), axis=1) > 0
    chosen = np.flatnonzero(found & (reads[:, 1] > 0))
    return Called(tuple(own.variants[one] for one in chosen), reads[chosen], depths.sum(axis=0))


def _depth(genome: Genome, of: Haplotype, library: Molecules, number: int) -> Counts:
    """Molecules, each counted once, over each place of the genome."""
    mine = (library.haplotype == number) & ~library.copy & ~library.foreign
    start, end = library.start[mine], library.end[mine]
    change = np.zeros(len(of) + 1, np.int64)
    middle = np.minimum(start + LENGTH, end)
    again = np.maximum(end - LENGTH, middle)  # what lies between is not read
    for places, step in ((start, 1), (middle, -1), (again, 1), (end, -1)):
        np.add.at(change, places, step)
    depth = np.zeros(len(genome), np.int64)
    depth[of.reference[~of.inserted]] = np.cumsum(change)[:-1][~of.inserted]
    return depth


def likelihoods(reads: Counts) -> Counts:
    """Phred-scaled likelihoods (n, genotypes) of diploid genotypes, in VCF's order, from reads (n, alleles)."""
    alleles = reads.shape[1]
    shown = np.full((alleles, alleles), ERROR) + np.eye(alleles) * (1 - 2 * ERROR)
    columns = [
        reads @ np.log10((shown[first] + shown[second]) / 2)
        for second in range(alleles)
        for first in range(second + 1)
    ]
    found: Floats = -10 * np.column_stack(columns)
    lowest: Floats = found.min(axis=1, keepdims=True)
    return np.rint(found - lowest).astype(np.int64)


def write_gvcf(path: Path, genome: Genome, found: Called, label: str) -> None:
    """Write one sample's gVCF (bgzip) of the padded targets.

    Args:
        path: to write.
        genome: the reference.
        found: its calls.
        label: the centre's name of the sample.
    """
    inside = np.zeros(len(genome), bool)
    for contig, first, last in genome.targets:
        start = genome.place(contig, first)
        inside[start - PADDING : start + last - first + PADDING] = True
    kept = [one for one, variant in enumerate(found.variants) if inside[variant.place]]
    for one in kept:
        variant = found.variants[one]
        inside[variant.place : variant.place + len(variant.ref)] = False
    lines = dict(_blocks(genome, inside, found.depth))
    reads = np.column_stack([found.reads, np.zeros(len(found.reads), np.int64)])[kept]
    for one, counts, scores in zip(kept, reads, likelihoods(reads), strict=True):
        variant = found.variants[one]
        lines[variant.place] = _variant(genome, variant, counts, scores)
    _write(path, [*_GVCF, *_contigs(genome), _columns(label)], [lines[place] for place in sorted(lines)])


def _blocks(genome: Genome, inside: NDArray[np.bool_], depth: Counts) -> Iterator[tuple[int, str]]:
    """Runs of positions without variant, of one band of quality."""
    places = np.flatnonzero(inside)
    quality = np.minimum(99, 3 * depth[places])
    band = np.searchsorted(BANDS, quality, side="right")
    contig = genome.contig_at(places)
    new = (np.diff(places) != 1) | (np.diff(band) != 0) | (np.diff(contig) != 0)
    first = np.concatenate([[0], np.flatnonzero(new) + 1])
    last = np.concatenate([first[1:], [len(places)]]) - 1
    lowest = np.minimum.reduceat(depth[places], first)
    mean = np.rint(np.add.reduceat(depth[places], first) / (last - first + 1)).astype(int)
    for start, end, low, middle in zip(places[first], places[last], lowest, mean, strict=True):
        name, position = located(genome, int(start))
        score = min(99, 3 * int(low))
        reference = f"{name}\t{position}\t.\t{chr(genome.bases[start])}\t<NON_REF>\t.\t."
        cell = f"0/0:{middle}:{score}:{low}:0,{score},{15 * score}"
        yield int(start), f"{reference}\tEND={position + end - start}\tGT:DP:GQ:MIN_DP:PL\t{cell}"


def _variant(genome: Genome, variant: Variant, reads: Counts, scores: Counts) -> str:
    name, position = located(genome, variant.place)
    genotype = ("0/0", "0/1", "1/1")[int(np.argmin(scores[:3]))]
    count = genotype.count("1")
    without, having, _ = reads.tolist()
    strands = ",".join(map(str, (without - without // 2, without // 2, having - having // 2, having // 2)))
    quality = min(99, int(np.sort(scores)[1]))
    information = (
        f"DP={without + having};ExcessHet=0.0000;MLEAC={count},0;MLEAF={count / 2:.3f},0.00;"
        f"RAW_MQandDP={3600 * (without + having)},{without + having}"
    )
    return (
        f"{name}\t{position}\t.\t{variant.ref}\t{variant.alt},<NON_REF>\t{scores[0]}.06\t.\t{information}"
        f"\tGT:AD:DP:GQ:PL:SB\t{genotype}:{without},{having},0:{without + having}:{quality}"
        f":{','.join(map(str, scores.tolist()))}:{strands}"
    )


def write_vcf(path: Path, genome: Genome, samples: dict[str, Called], rng: np.random.Generator) -> None:
    """Write a VCF (bgzip) of several samples, called together.

    Args:
        path: to write.
        genome: the reference.
        samples: calls by the name of the sample's column.
        rng: the file's own stream, for its false sites.
    """
    inside = np.zeros(len(genome), bool)
    for contig, first, last in genome.targets:
        inside[genome.place(contig, first) : genome.place(contig, last)] = True
    sites = {
        (one.place, one.ref, one.alt): one
        for found in samples.values()
        for one in found.variants
        if inside[one.place]
    }
    lines: dict[tuple[int, str, str], str] = {}
    for key, variant in sites.items():
        reads = np.array([_reads(found, variant) for found in samples.values()])
        lines[key] = _site(genome, variant, reads, "PASS")
    for one in sites.values():
        inside[max(0, one.place - LENGTH) : one.place + LENGTH] = False
    for place in rng.choice(np.flatnonzero(inside), FALSE_CALLS, replace=False).tolist():
        ref, alt = chr(genome.bases[place]), substitute(int(genome.bases[place]), rng)
        depth = [(int(found.depth[place]), 0) for found in samples.values()]
        reads = np.array([FALSE_READS, *depth[1:]])
        lines[place, ref, alt] = _site(genome, Variant(place, ref, alt, "rare"), reads, "LowQual")
    _write(
        path, [*_VCF, *_contigs(genome), _columns("\t".join(samples))], [lines[key] for key in sorted(lines)]
    )


def _reads(found: Called, variant: Variant) -> tuple[int, int]:
    if variant in found.variants:
        without, having = found.reads[found.variants.index(variant)].tolist()
        return without, having
    return int(found.depth[variant.place]), 0


def _site(genome: Genome, variant: Variant, reads: Counts, verdict: str) -> str:
    name, position = located(genome, variant.place)
    scores = likelihoods(reads)
    cells, copies = [], 0
    for counts, each in zip(reads.tolist(), scores, strict=True):
        depth = sum(counts)
        genotype = ("0/0", "0/1", "1/1")[int(np.argmin(each))]
        if verdict != "PASS" and counts[1]:
            genotype = "0/1"
        if not depth:
            cells.append("./.:0,0:0:.:.")
            continue
        copies += genotype.count("1")
        quality = min(99, int(np.sort(each)[1]))
        cells.append(
            f"{genotype}:{counts[0]},{counts[1]}:{depth}:{quality}:{','.join(map(str, each.tolist()))}"
        )
    called_alleles = 2 * sum(not one.startswith(".") for one in cells)
    quality = int(scores[:, 0].max()) if verdict == "PASS" else 21
    total = int(reads.sum())
    information = (
        f"AC={copies};AF={copies / max(1, called_alleles):.3f};AN={called_alleles};DP={total};FS=0.000;MQ=60.00;"
        f"QD={min(35.0, quality / max(1, total)):.2f}"
    )
    fixed = (name, str(position), ".", variant.ref, variant.alt, f"{quality}.06", verdict, information)
    return "\t".join([*fixed, "GT:AD:DP:GQ:PL", *cells])


_FORMATS = (
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">',
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Phred-scaled likelihoods of genotypes">',
)
_COMMAND = (
    '##GATKCommandLine=<ID=HaplotypeCaller,CommandLine="HaplotypeCaller --emit-ref-confidence GVCF'
    ' --reference /srv/references/toy/genome.fa",Version="4.4.0.0",Date="1 January 2020 10:00:00 CET">'
)
_GVCF = (
    "##fileformat=VCFv4.2",
    '##ALT=<ID=NON_REF,Description="Any other allele at this location">',
    '##FILTER=<ID=LowQual,Description="Low quality">',
    *_FORMATS,
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Fewest reads within the block">',
    '##FORMAT=<ID=SB,Number=4,Type=Integer,Description="Reads by allele and strand">',
    _COMMAND,
    "##GVCFBlock0-1=minGQ=0(inclusive),maxGQ=1(exclusive)",
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="Reads">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last position of the block">',
    '##INFO=<ID=ExcessHet,Number=1,Type=Float,Description="Phred-scaled p-value for excess heterozygosity">',
    '##INFO=<ID=MLEAC,Number=A,Type=Integer,Description="Most likely allele count">',
    '##INFO=<ID=MLEAF,Number=A,Type=Float,Description="Most likely allele frequency">',
    '##INFO=<ID=RAW_MQandDP,Number=2,Type=Integer,Description="Squared mapping qualities, and reads">',
)
_VCF = (
    "##fileformat=VCFv4.2",
    '##FILTER=<ID=PASS,Description="All filters passed">',
    '##FILTER=<ID=LowQual,Description="Low quality">',
    *_FORMATS,
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of the allele">',
    '##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency of the allele in this file">',
    '##INFO=<ID=AN,Number=1,Type=Integer,Description="Called alleles">',
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="Reads">',
    '##INFO=<ID=FS,Number=1,Type=Float,Description="Strand bias, Phred">',
    '##INFO=<ID=MQ,Number=1,Type=Float,Description="Mapping quality">',
    '##INFO=<ID=QD,Number=1,Type=Float,Description="Quality by depth">',
    "##source=GenotypeGVCFs",
    _COMMAND,
)


def _contigs(genome: Genome) -> list[str]:
    return [
        f"##contig=<ID={name},length={len(genome.sequence(name))},assembly=toy1>" for name in genome.names
    ]


def _columns(names: str) -> str:
    return f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}"


def _write(path: Path, header: Sequence[str], lines: Sequence[str]) -> None:
    """Write a VCF, compressed with bgzip."""
    import pysam

    with TemporaryDirectory() as scratch, replacing(path) as temporary:
        plain = Path(scratch) / "calls.vcf"
        plain.write_text("\n".join([*header, *lines]) + "\n", encoding="ascii", newline="\n")
        pysam.tabix_compress(str(plain), str(temporary), force=True)
