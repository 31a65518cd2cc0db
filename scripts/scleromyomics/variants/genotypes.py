"""VCF and gVCF files at the door: read once to the end, and held against the study's genome.

A VCF does not tell where it ends. One that was cut is known by its index, by a last line that is not whole, or by
what it lacks: no record on the last quarter of the genome or more, while it starts where the genome does.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from gzip import BadGzipFile
from pathlib import Path

import numpy as np

from scleromyomics.core.tools import Tool, ToolError, pipe, reading
from scleromyomics.variants import header
from scleromyomics.variants.alleles import Bases, check_alleles, runs
from scleromyomics.variants.contigs import beyond, stranger
from scleromyomics.variants.fastq import LF, Places, fault, opened, require_end
from scleromyomics.variants.lines import Lines, blocks, text_hashes

CHROM, POS, REF, ALT, GT = range(5)
FIELDS = r"%CHROM\t%POS\t%REF\t%ALT[\t%GT]\n"
EMPTY_END = (
    0.25  # part of the genome: sex chromosomes and small contigs, where a file may have nothing, are less
)
EMPTY_START = 0.05
EXPECTED = 50  # records; where fewer are expected, chance can leave them out
MATCHING = 20  # reference alleles: as many fit by chance in one of 4^20 files
READ_BYTES = 8_000_000
NO_ALLELE = text_hashes(".", "<NON_REF>", "<*>")
"""What stands for the alternate allele in a reference block."""
NO_CALL = text_hashes(".", "./.", ".|.")


@dataclass
class Scan:
    """What is counted while the records pass by.

    Attributes:
        contigs: lengths of the genome's contigs by name.
        bases: of the genome.
        records: number of records.
        blocks: those without alternate allele.
        called: those with a genotype.
        first: contig and position of the first record.
        last: of the last one.
        seen: contigs so far.
    """

    raw: Path
    contigs: Mapping[str, int]
    bases: Bases
    records: int = 0
    blocks: int = 0
    called: int = 0
    first: tuple[str, int] = ("", 0)
    last: tuple[str, int] = ("", 0)
    seen: set[str] = field(default_factory=set)

    def add(self, lines: Lines) -> None:
        """Count these records.

        Raises:
            InputError: contigs or alleles that the genome does not have, positions beyond their end, or no order.
        """
        position = lines.numbers(POS)
        for contig, part in runs(lines, CHROM):
            self._add_run(contig, position[part])
        check_alleles(f"file {self.raw}", lines, (CHROM, POS, REF), self.bases)
        self.records += len(lines)
        self.blocks += int(np.isin(lines.hashes(ALT), NO_ALLELE).sum())
        self.called += len(lines) - int(np.isin(lines.hashes(GT), NO_CALL).sum())

    def _add_run(self, contig: str, position: Places) -> None:
        """Records on one contig."""
        if contig not in self.contigs:
            raise stranger(f"file {self.raw}", contig, self.contigs, "vcf")
        if position.max() > self.contigs[contig]:
            raise beyond(f"file {self.raw}", contig, int(position.max()), self.contigs[contig])
        before = self.last[1] if contig == self.last[0] else 0
        falls = np.flatnonzero(np.diff(position, prepend=before) < 0)
        if falls.size or (contig in self.seen and contig != self.last[0]):
            place = f"{contig}:{position[falls[0]] if falls.size else position[0]}"
            raise fault(
                self.raw, f"a record at {place} that is out of order", "sorted records: bcftools sort"
            )
        self.seen.add(contig)
        self.first = self.first if self.first[0] else (contig, int(position[0]))
        self.last = contig, int(position[-1])


def genotype_facts(
    raw: Path, form: str, column: str, genome: Path, bcftools: Tool, *, known: bool
) -> dict[str, object]:
    """Read a VCF or gVCF file to its end.

    Args:
        raw: the file (VCF, plain or gzip, or BCF).
        form: vcf or gvcf.
        column: the sample's column; may be empty where the file has one.
        genome: genome.fa, with genome.dict beside it.
        bcftools: reads the file.
        known: the file has the MD5 that it was delivered with, so that it is whole.

    Returns:
        Counts of its records.

    Raises:
        InputError: it is damaged, cut, not sorted, of another genome, or has not the sample's genotypes.
    """
    _require_whole(raw)
    lengths = {name: int(row["LN"]) for name, row in header.contigs(genome.with_suffix(".dict")).items()}
    scan = Scan(raw, lengths, Bases(genome))
    try:
        top = pipe(bcftools("view", "-h", "--no-version", raw), what=f"file {raw}").decode("utf-8", "replace")
        rows = re.findall(r"^##contig=<ID=([^,>]+)(.*)>$", top, re.MULTILINE)
        order = [name for name, _ in rows if name in lengths] or list(lengths)
        sample = _column(raw, top, column)
        if not re.search(r"^##FORMAT=<ID=GT,", top, re.MULTILINE):
            raise fault(raw, "no genotypes (FORMAT/GT)", "a VCF with GT")
        query = bcftools("query", "-s", sample, "-f", FIELDS, raw)
        with reading(query, what=f"file {raw}") as handle:
            for lines in blocks(handle):
                scan.add(lines)
        _require_content(raw, form, scan)
        if scan.records < MATCHING:
            _require_lengths(raw, dict(rows), lengths)
        counted = _indexed(raw, bcftools)
    except ToolError as error:
        raise fault(raw, f"what bcftools cannot read to its end ({error.words})", "a complete VCF") from error
    if counted not in {None, scan.records}:
        raise fault(
            raw,
            f"{scan.records} records where the index beside it counts {counted} (cut, or an index of another file)",
            "the whole file with its own index",
        )
    if counted is None and not known and _is_cut(scan, order):
        raise fault(
            raw,
            f"an end at {scan.last[0]}:{scan.last[1]}, with no record on the large part of the genome that comes"
            " next (cut)",
            "all of the file; an extract with its index beside it, or with its MD5 in samples.tsv",
        )
    return {"records": scan.records, "blocks": scan.blocks, "called": scan.called}


def _require_whole(raw: Path) -> None:
    """Refuse a file whose compression is damaged or cut, or that ends in the middle of a line."""
    require_end(raw)
    first, last = b"", b""
    try:
        with opened(raw) as handle:
            while block := handle.read(READ_BYTES):
                first, last = first or block[:16], block[-1:]
    except (EOFError, BadGzipFile, zlib.error) as error:
        raise fault(raw, "a damaged gzip file", "a complete one with the right checksum") from error
    if not first.startswith((b"##fileformat=VCF", b"BCF")):
        raise fault(raw, "no VCF file", "one that starts with ##fileformat=VCF, or BCF")
    if first.startswith(b"#") and last[0] != LF:
        raise fault(raw, "an end in the middle of a line (cut)", "a complete file")


def _require_lengths(raw: Path, rows: Mapping[str, str], lengths: Mapping[str, int]) -> None:
    """Refuse contigs that have another length by the header. Enough alleles that fit prove more than that."""
    for name, rest in rows.items():
        told = re.search(r"length=(\d+)", rest)
        if told and name in lengths and int(told[1]) != lengths[name]:
            found = f"contig {name!r} of {told[1]} bases"
            raise fault(raw, found, f"{lengths[name]}, as in the study's genome: a file of this build")


def _column(raw: Path, top: str, column: str) -> str:
    """The sample's column. Columns that are not asked for are not named in errors: they are other people's."""
    names = top.rstrip("\n").rsplit("\n", 1)[-1].split("\t")[9:]
    if column and column not in names:
        raise fault(
            raw, f"no sample column {column!r} among {len(names)}", "the name of one, after # in path"
        )
    if not column and len(names) != 1:
        raise fault(
            raw, f"{len(names)} sample columns", "one, or the sample's name after the path: file.vcf.gz#name"
        )
    return column or names[0]


def _require_content(raw: Path, form: str, scan: Scan) -> None:
    if not scan.records:
        raise fault(raw, "no records", "one or more")
    if not scan.called:
        raise fault(raw, f"no genotype in {scan.records} records", "GT of the sample")
    if form == "gvcf" and not scan.blocks:
        raise fault(raw, "no reference blocks", "a gVCF; for other files format vcf")


def _indexed(raw: Path, bcftools: Tool) -> int | None:
    """Records that the index beside a file counts; None where it has none."""
    if not any(Path(f"{raw}{suffix}").exists() for suffix in (".tbi", ".csi")):
        return None
    told = pipe(bcftools("index", "--nrecords", raw), what=f"file {raw}").decode().strip()
    return int(told) if told.isdigit() else None


def _is_cut(scan: Scan, order: Sequence[str]) -> bool:
    """Whether the file starts where the genome does, and ends long before its end.

    Records on one contig only may well be all that there are.
    """
    if len(scan.seen) < 2 or not {scan.first[0], scan.last[0]} <= set(order):
        return False
    lengths = [scan.contigs[name] for name in order]
    total = sum(lengths)
    first, last = (sum(lengths[: order.index(name)]) + position for name, position in (scan.first, scan.last))
    expected = scan.records / max(1, last - first) * (total - last)
    return first < EMPTY_START * total and total - last > EMPTY_END * total and expected > EXPECTED
