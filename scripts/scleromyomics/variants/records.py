"""The records of a sample's gVCF as arrays, and as text for bcftools.

Variants are biallelic and left-aligned; blocks are stretches that are homozygous for the reference, with the fewest
reads and the lowest quality of their positions. The header says what our records hold and nothing of where they were
made. Files of other callers come out in the same form.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from scleromyomics.variants.loci import TEXT, Genome, Sites, concatenate, join, place

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Texts = NDArray[np.object_]

FORMATS: Mapping[str, tuple[str, str, str]] = {
    "GT": ("1", "String", "Genotype"),
    "GQ": ("1", "Integer", "Phred-scaled genotype quality"),
    "DP": ("1", "Integer", "Reads; in a block the fewest"),
    "AD": ("R", "Integer", "Reads with each allele"),
    "ADF": ("R", "Integer", "Reads with each allele, forward strand"),
    "ADR": ("R", "Integer", "Reads with each allele, reverse strand"),
    "SP": ("1", "Integer", "Phred-scaled strand bias"),
}
UNDECIDED = "undecided"
HAPLOID_HETEROZYGOUS = "heterozygous_single_copy"
LOW_QUALITY = "low_quality"
OWN_FILTERS: Mapping[str, str] = {
    UNDECIDED: "No variant was called, but the reads do not favour the reference tenfold",
    HAPLOID_HETEROZYGOUS: "Heterozygous where the person has one copy",
}
FROM_SOURCE = "A filter of the program that made the source file"
HIGHEST_GQ = 99  # Phred: what callers of gVCFs report at most
HALF = 3  # Phred per read: a heterozygous position shows one allele alone in half of the reads' draws each


@dataclass(frozen=True, kw_only=True, eq=False)
class Variants:
    """Records with an alternate allele, in any order.

    Attributes:
        sites: positions and alleles.
        qual: QUAL as text; "" for none.
        filters: names between semicolons; "" for PASS.
        fields: FORMAT values as text, by name; "" where a record does not have it.
    """

    sites: Sites
    qual: "Texts"
    filters: "Texts"
    fields: "Mapping[str, Texts]"

    def __len__(self) -> int:
        return len(self.sites)

    def __getitem__(self, rows: "NDArray[np.intp] | NDArray[np.bool_]") -> "Variants":
        return Variants(
            sites=self.sites[rows],
            qual=self.qual[rows],
            filters=self.filters[rows],
            fields={name: values[rows] for name, values in self.fields.items()},
        )

    def distinct(self) -> "Variants":
        """Sorted, each allele once: of equals the one with the highest QUAL."""
        import pyarrow as pa
        import pyarrow.compute as pc

        known = np.where(self.qual == "", "0", self.qual)
        return self[firsts(self.sites, pc.cast(pa.array(known.astype(TEXT)), pa.float64()).to_numpy())]


def firsts(sites: Sites, preference: "NDArray[np.number]") -> "NDArray[np.intp]":
    """Rows of sites, sorted, each allele once: of equals the most preferred, then the first."""
    order = np.argsort(-preference, kind="stable")
    order = order[sites[order].order()]
    _, back = sites[order].distinct()
    return order[np.unique(back, return_index=True)[1]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """Stretches without variants, sorted.

    Attributes:
        contig: number of the contig.
        start: first base, from 1.
        end: last base.
        single: whether they were called with one copy.
        dp: fewest reads; -1 unknown.
        gq: lowest quality, Phred; -1 unknown.
    """

    contig: "NDArray[np.int16]"
    start: "NDArray[np.int32]"
    end: "NDArray[np.int32]"
    single: "NDArray[np.bool_]"
    dp: "NDArray[np.int32]"
    gq: "NDArray[np.int32]"

    def __len__(self) -> int:
        return self.start.size

    def __getitem__(self, rows: "NDArray[np.intp] | NDArray[np.bool_]") -> "Blocks":
        return Blocks(
            contig=self.contig[rows],
            start=self.start[rows],
            end=self.end[rows],
            single=self.single[rows],
            dp=self.dp[rows],
            gq=self.gq[rows],
        )

    def on(
        self, contig: "NDArray[np.int16]", start: "NDArray[np.int32]", end: "NDArray[np.int32]"
    ) -> "Blocks":
        """What lies within other stretches, sorted and apart from each other."""
        first, last = place(self.contig, self.start), place(self.contig, self.end)
        left, right = place(contig, start), place(contig, end)
        begin = np.searchsorted(right, first, "left")
        count = np.maximum(np.searchsorted(left, last, "right") - begin, 0)
        rows = np.repeat(np.arange(len(self)), count)
        at = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
        found = self[rows]
        return Blocks(
            contig=found.contig,
            start=np.maximum(found.start, start[at]),
            end=np.minimum(found.end, end[at]),
            single=found.single,
            dp=found.dp,
            gq=found.gq,
        )

    def without(self, sites: Sites) -> "Blocks":
        """Cut so that the positions of some sites lie in no block."""
        holes = np.unique(sites.place)
        owner = np.searchsorted(place(self.contig, self.start), holes, "right") - 1
        holes = (
            holes[(owner >= 0) & (place(self.contig, self.end)[owner] >= holes)] if len(self) else holes[:0]
        )
        start = np.sort(np.concatenate([place(self.contig, self.start), holes + 1]))
        end = np.sort(np.concatenate([place(self.contig, self.end), holes - 1]))
        rows = np.searchsorted(place(self.contig, self.start), start, "right") - 1
        rows, start, end = (part[start <= end] for part in (rows, start, end))
        found = self[rows]
        zero = place(found.contig, np.int32(0))
        return Blocks(
            contig=found.contig,
            start=(start - zero).astype(np.int32),
            end=(end - zero).astype(np.int32),
            single=found.single,
            dp=found.dp,
            gq=found.gq,
        )

    def merged(self, depths: Sequence[int]) -> "Blocks":
        """Neighbours joined where their reads fall between the same of `depths` and their quality in the same ten."""
        if not len(self):
            return self
        band = np.searchsorted(np.array(sorted(depths)), self.dp, "right")
        new = np.ones(len(self), dtype=bool)
        new[1:] = (
            (self.contig[1:] != self.contig[:-1])
            | (self.start[1:] != self.end[:-1] + 1)
            | (self.single[1:] != self.single[:-1])
            | (band[1:] != band[:-1])
            | (self.gq[1:] // 10 != self.gq[:-1] // 10)
            | ((self.dp[1:] < 0) != (self.dp[:-1] < 0))
        )
        starts = np.flatnonzero(new)
        return Blocks(
            contig=self.contig[starts],
            start=self.start[starts],
            end=self.end[np.append(starts[1:], len(self)) - 1],
            single=self.single[starts],
            dp=np.minimum.reduceat(self.dp, starts),
            gq=np.minimum.reduceat(self.gq, starts),
        )


def among(texts: "Texts", values: Collection[str]) -> "NDArray[np.bool_]":
    """Which texts are one of some values."""
    return np.logical_or.reduce([texts == value for value in values])


def block_quality(
    dp: "NDArray[np.int32]", single: "NDArray[np.bool_]", base_quality: int
) -> "NDArray[np.int32]":
    """Phred quality of a homozygous reference genotype of which no read shows another allele.

    Two copies: each read of a heterozygous position shows the reference by one half. One copy: all reads would have
    to be wrong, each at least by the base quality that counts.
    """
    return np.minimum(dp * np.where(single, max(1, base_quality), HALF), HIGHEST_GQ).astype(np.int32)


def join_variants(parts: Sequence[Variants]) -> Variants:
    """Records one after another; a field that only some have is empty in the others."""
    names = [name for name in FORMATS if any(name in part.fields for part in parts)]

    def column(name: str) -> "Texts":
        return np.concatenate([part.fields.get(name, np.full(len(part), "", dtype=TEXT)) for part in parts])

    return Variants(
        sites=concatenate([part.sites for part in parts]),
        qual=np.concatenate([part.qual for part in parts]),
        filters=np.concatenate([part.filters for part in parts]),
        fields={name: column(name) for name in names},
    )


def header(
    sample: str, genome: Genome, filters: Mapping[str, str], formats: Sequence[str], *, blocks: bool = True
) -> str:
    """The text of a header.

    Args:
        sample: name of the only column.
        genome: whose contigs it lists.
        filters: descriptions by name.
        formats: FORMAT fields, of `FORMATS`.
        blocks: whether there are any.
    """
    lines = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="All filters passed">']
    lines += [
        f"##contig=<ID={name},length={length}>"
        for name, length in zip(genome.contigs, genome.lengths, strict=True)
    ]
    for name, text in filters.items():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'##FILTER=<ID={name},Description="{quoted}">')
    if blocks:
        lines.append('##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of the block">')
    for name in formats:
        number, kind, text = FORMATS[name]
        lines.append(f'##FORMAT=<ID={name},Number={number},Type={kind},Description="{text}">')
    lines.append(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}")
    return "".join(f"{line}\n" for line in lines)


def write(file: IO[bytes], genome: Genome, variants: Variants, blocks: Blocks | None = None) -> None:
    """Write records as the lines of a VCF, sorted; a block stands before a variant at its first base."""
    import pyarrow as pa

    lines = [_variant_lines(variants, genome)]
    places = [variants.sites.place]
    if blocks is not None and len(blocks):
        lines.insert(0, _block_lines(blocks, genome))
        places.insert(0, place(blocks.contig, blocks.start))
    order = np.argsort(np.concatenate(places), kind="stable")
    if order.size:
        chosen = pa.concat_arrays(lines).take(pa.array(order))
        file.write(_bytes(chosen))


def _bytes(lines: "pa.Array") -> memoryview:
    """The texts of an array, one after another."""
    offsets = np.frombuffer(lines.buffers()[1], np.int64)[lines.offset :]
    return memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[len(lines)])]


def _variant_lines(variants: Variants, genome: Genome) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    sites, count = variants.sites, len(variants)
    names = list(variants.fields)
    dot = pa.scalar(".", pa.large_string())
    filters = variants.filters.copy()
    filters[filters == ""] = "PASS"
    values = [_or_dot(variants.fields[name]) for name in names]
    parts = [
        _contigs(sites.contig, genome),
        pc.cast(pa.array(sites.pos), pa.large_string()),
        _same(".", count),
        pa.array(sites.ref),
        pa.array(sites.alt),
        _or_dot(variants.qual),
        pa.array(filters),
        _same(".", count),
        _same(":".join(names), count),
        join(values, ":") if values else pa.array([dot] * count),
    ]
    return _ended(join(parts, "\t"))


def _block_lines(blocks: Blocks, genome: Genome) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    count = len(blocks)
    genotype = np.where(blocks.single, "0", "0/0").astype(TEXT)
    numbers = [_or_dot(_number_texts(values)) for values in (blocks.gq, blocks.dp)]
    end = join([_same("END", count), pc.cast(pa.array(blocks.end), pa.string())], "=")
    parts = [
        _contigs(blocks.contig, genome),
        pc.cast(pa.array(blocks.start), pa.large_string()),
        _same(".", count),
        pa.array(bases(genome.fasta, blocks.contig, blocks.start)),
        _same(".", count),
        _same(".", count),
        _same("PASS", count),
        end,
        _same("GT:GQ:DP", count),
        join([pa.array(genotype), *numbers], ":"),
    ]
    return _ended(join(parts, "\t"))


def _ended(lines: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(
        lines, pa.scalar("\n", pa.large_string()), pa.scalar("", pa.large_string())
    )


def _contigs(contig: "NDArray[np.int16]", genome: Genome) -> "pa.Array":
    import pyarrow as pa

    return pa.array(np.asarray(genome.contigs, dtype=np.str_), type=pa.large_string()).take(pa.array(contig))


def _same(text: str, count: int) -> "pa.Array":
    import pyarrow as pa

    return pa.repeat(pa.scalar(text, pa.large_string()), count)


def _or_dot(texts: "Texts") -> "pa.Array":
    import pyarrow as pa

    known = texts.copy()
    known[known == ""] = "."
    return pa.array(known)


def _number_texts(values: "NDArray[np.int32]") -> "Texts":
    """Numbers as text; "" for those below 0."""
    texts = values.astype(np.str_).astype(TEXT)
    texts[values < 0] = ""
    return texts


def bases(fasta: Path, contig: "NDArray[np.int16]", pos: "NDArray[np.int32]") -> "NDArray[np.str_]":
    """The reference base at each position; N where it is no plain base."""
    with fasta.with_name(f"{fasta.name}.fai").open(encoding="utf-8") as index:
        rows = [line.split("\t") for line in index]
    offset, width, stride = (np.array([int(row[i]) for row in rows], dtype=np.int64) for i in (2, 3, 4))
    data = np.memmap(fasta, np.uint8, mode="r")
    at = pos.astype(np.int64) - 1
    letters = (
        data[offset[contig] + at // width[contig] * stride[contig] + at % width[contig]] & 0xDF
    )  # upper case
    letters[~np.isin(letters, np.frombuffer(b"ACGT", np.uint8))] = ord("N")
    return letters.astype(np.uint8).view("S1").astype(np.str_)
