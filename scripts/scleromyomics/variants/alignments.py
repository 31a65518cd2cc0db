"""BAM and CRAM files at the door: read once to the end, and held against the study's genome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import Tool, ToolError, pipe, reading
from scleromyomics.variants import header, sam
from scleromyomics.variants.contigs import stranger
from scleromyomics.variants.fastq import Places, fault, require_end
from scleromyomics.variants.lines import Hashes, Lines, hashed, text_hashes
from scleromyomics.variants.mates import COLUMNS, Mates, is_cut

PAIRED, UNMAPPED, SECOND, SECONDARY, DUPLICATE, SUPPLEMENTARY = 0x1, 0x4, 0x80, 0x100, 0x400, 0x800
NOWHERE = 2**30  # the number of the contig of reads without one, which come last
CHECKED = {"bam": {"LN": "a length of"}, "cram": {"LN": "a length of", "M5": "the MD5"}}
CRAM_END = bytes.fromhex("0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b")
"""The empty container that ends every complete CRAM 3 file."""


@dataclass(frozen=True)
class Contigs:
    """Contigs that the file's header names.

    Attributes:
        names: in order.
        lengths: bases.
        faults: what is wrong with those that the genome has another sequence of, or does not have.
        order: by hash of the name.
        hashes: these, ascending.
    """

    names: Sequence[str]
    lengths: Sequence[int]
    faults: Mapping[int, str]
    order: Places
    hashes: Hashes

    def numbers(self, found: Hashes, same: Hashes | None = None) -> Places:
        """The number of each contig, by the hash of its name.

        Args:
            found: hashes of names.
            same: of the names that `=` stands for.
        """
        if same is not None:
            found = np.where(found == EQUALS, same, found)
        place = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
        return np.where(self.hashes[place] == found, self.order[place], NOWHERE)


EQUALS = text_hashes("=")[0]


def contigs_of(raw: Path, form: str, top: Sequence[str], genome: Mapping[str, Mapping[str, str]]) -> Contigs:
    """The contigs of a header, held against the genome: by length, and in CRAM by MD5 too.

    Args:
        raw: the file.
        form: bam or cram. A BAM holds its bases, and an extract of one may name the MD5 of the whole contig.
        top: its header lines.
        genome: fields of the genome's contigs by name (SN, LN, M5).

    Raises:
        InputError: it names none that the genome has.
    """
    rows = [
        dict(part.partition(":")[::2] for part in line.split("\t")[1:]) for line in top if line[:3] == "@SQ"
    ]
    names = [row.get("SN", "") for row in rows]
    own = {name: int(row["LN"]) for name, row in genome.items()}
    if not names:
        raise fault(raw, "no contig in its header (@SQ)", "reads aligned to the study's genome")
    if not set(names) & set(own):
        raise stranger(f"file {raw}", names[0], own, "alignment")
    faults = {}
    for number, row in enumerate(rows):
        ours = genome.get(names[number])
        if ours is None:
            faults[number] = str(stranger(f"file {raw}", names[number], own, "alignment"))
        else:
            for key, what in CHECKED[form].items():
                if row.get(key, ours[key]).lower() != ours[key].lower():
                    found = f"contig {names[number]!r} with {what} {row[key]}"
                    allowed = f"{ours[key]}, as the study's genome has: reads aligned to it"
                    faults[number] = str(fault(raw, found, allowed))
                    break
    hashes = text_hashes(*names)
    order = np.argsort(hashes)
    return Contigs(names, [int(row.get("LN", 0)) for row in rows], faults, order, hashes[order])


@dataclass
class Scan:
    """What is counted while the file passes by."""

    raw: Path
    contigs: Contigs
    groups: Sequence[str]
    records: int = 0
    primary: int = 0
    mapped: int = 0
    placed: int = 0
    duplicates: int = 0
    unnamed: int = 0
    used: set[int] = field(default_factory=set)
    by_group: Places = field(default_factory=lambda: np.empty(0, np.int64))
    first: tuple[int, int] = (NOWHERE, 0)
    last: tuple[int, int] = (0, 0)
    mates: Mates = field(default_factory=Mates)
    _previous: int = -1

    def add(self, lines: Lines) -> None:
        """Count these lines.

        Raises:
            InputError: they are not sorted by position.
        """
        flag, position = lines.numbers(sam.FLAG), lines.numbers(sam.POSITION)
        named = lines.hashes(sam.CONTIG)
        contig = self.contigs.numbers(named)
        self._require_order(lines, contig, position)
        primary = flag & (SECONDARY | SUPPLEMENTARY) == 0
        mapped = flag & UNMAPPED == 0
        self.records += len(lines)
        self.primary += int(primary.sum())
        self.mapped += int((primary & mapped).sum())
        self.duplicates += int((primary & (flag & DUPLICATE > 0)).sum())
        self._count_groups(lines)
        placed = np.flatnonzero(contig < NOWHERE)
        self.placed += len(placed)
        if placed.size:
            self.used |= set(np.unique(contig[placed]).tolist())
            here = [(int(contig[i]), int(position[i])) for i in (placed[0], placed[-1])]
            self.first, self.last = min(self.first, here[0]), here[1]
        some = np.flatnonzero(primary & (flag & PAIRED > 0))
        rows = np.empty((len(some), COLUMNS), np.int64)
        mate = self.contigs.numbers(lines.hashes(sam.MATE_CONTIG), named)
        columns = (
            lines.hashes(sam.NAME).view(np.int64),
            flag & SECOND,
            contig,
            position,
            np.where(mate == NOWHERE, -1, mate),
            lines.numbers(sam.MATE_POSITION),
        )
        for place, column in enumerate(columns):
            rows[:, place] = column[some]
        self.mates.add(rows)

    def _require_order(self, lines: Lines, contig: Places, position: Places) -> None:
        key = (contig << 32) + position
        falls = np.flatnonzero(np.diff(key, prepend=self._previous) < 0)
        if falls.size:
            line = int(falls[0])
            place = f"{lines.text(line, sam.CONTIG)}:{position[line]}"
            raise fault(
                self.raw,
                f"a read at {place} after one that lies behind it (not sorted)",
                "reads sorted by position: samtools sort",
            )
        self._previous = int(key[-1])

    def _count_groups(self, lines: Lines) -> None:
        """Reads by read group; those without one count as of the first."""
        tagged = np.flatnonzero(lines.count > sam.MANDATORY)
        start, stop = lines[tagged].bounds(sam.MANDATORY)
        names = text_hashes(*self.groups)
        order = np.argsort(names)
        found = hashed(lines.data, start + len("RG:Z:"), stop)
        place = np.minimum(np.searchsorted(names[order], found), len(names) - 1)
        known = names[order][place] == found
        group = np.where(known, order[place], 0)
        counts = np.bincount(group, minlength=len(names))
        counts[0] += len(lines) - len(tagged)
        self.unnamed += len(lines) - len(tagged) + int((~known).sum())
        self.by_group = counts if not self.by_group.size else self.by_group + counts


def alignment_facts(
    raw: Path, form: str, sample: str, genome: Path, samtools: Tool, *, known: bool
) -> dict[str, object]:
    """Read a BAM or CRAM file to its end.

    Args:
        raw: the file.
        form: bam or cram.
        sample: name of the sample.
        genome: genome.fa, with genome.dict beside it.
        samtools: reads the file.
        known: the file has the MD5 that it was delivered with, so that it is whole.

    Returns:
        Counts of its reads.

    Raises:
        InputError: it is damaged, cut, not sorted, without read group, or aligned to another genome.
    """
    _require_end(raw, form)
    reference: list[str | Path] = ["-T", genome] if form == "cram" else []
    command = samtools("view", "-h", "--no-PG", "--keep-tag", "RG", *reference, raw)
    scan: Scan | None = None
    try:
        with reading(command, what=f"file {raw}") as handle:
            top, blocks = sam.split(handle)
            if top:
                contigs = contigs_of(raw, form, top, header.contigs(genome.with_suffix(".dict")))
                scan = Scan(raw, contigs, _groups(raw, top))
                for lines in blocks:
                    scan.add(lines)
    except ToolError as error:
        faults = scan.contigs.faults if scan and form == "cram" else {}
        text = next(iter(faults.values()), "")
        raise (
            InputError(text)
            if text
            else fault(raw, f"what samtools cannot read to its end ({error.words})", "a complete file")
        ) from error
    if not scan or not scan.records:
        raise fault(raw, "no reads", "one or more")
    for number in sorted(scan.used & set(scan.contigs.faults)):
        raise InputError(scan.contigs.faults[number])
    counted = _indexed(raw, form, samtools)
    missing = scan.mates.missing()
    if counted is not None and counted != scan.placed:
        raise fault(
            raw,
            f"{scan.placed} reads on contigs where the index beside it counts {counted} (cut, or an index of another"
            " file)",
            "the whole file with its own index",
        )
    if counted is None and not known and is_cut(missing, scan.first, scan.last, scan.contigs.lengths):
        raise fault(
            raw,
            f"an end at {scan.contigs.names[scan.last[0]]}:{scan.last[1]}, with the mates missing that should come"
            " next (cut)",
            "all of the file; an extract with its index beside it, or with its MD5 in samples.tsv",
        )
    return {
        "records": scan.records,
        "primary": scan.primary,
        "mapped": scan.mapped,
        "duplicates": scan.duplicates,
        "mates_missing": len(missing),
        "without_group": scan.unnamed,
        "read_groups": {header.group(sample, i + 1): n for i, n in enumerate(scan.by_group.tolist())},
    }


def _groups(raw: Path, top: Sequence[str]) -> list[str]:
    found = sam.read_groups(top)
    if not found:
        raise fault(raw, "no read group in its header (@RG)", "one or more: samtools addreplacerg adds one")
    return found


def _require_end(raw: Path, form: str) -> None:
    """Refuse a file of another kind, or one that lacks the block that ends it."""
    with raw.open("rb") as handle:
        head = handle.read(4)
        handle.seek(max(0, raw.stat().st_size - len(CRAM_END)))
        tail = handle.read()
    if form == "bam":
        if head[:2] != b"\x1f\x8b":
            raise fault(raw, "no BAM file (it is not compressed)", "what its format says")
        require_end(raw)
    elif head != b"CRAM":
        raise fault(raw, "no CRAM file", "what its format says")
    elif tail != CRAM_END:
        raise fault(
            raw, "a CRAM file without its last block (cut, or of another version than 3)", "a complete file"
        )


def _indexed(raw: Path, form: str, samtools: Tool) -> int | None:
    """Reads on contigs that the index beside a file counts; None where it has none that counts.

    The index of a CRAM does not count; it tells where the last reads stand, and there the file must end.
    """
    beside = [Path(f"{raw}{suffix}") for suffix in (".bai", ".csi")] + [raw.with_suffix(".bai")]
    if form == "cram" or not any(path.exists() for path in beside):
        return None
    rows = [
        row.split("\t") for row in pipe(samtools("idxstats", raw), what=f"file {raw}").decode().splitlines()
    ]
    counted = sum(int(row[2]) + int(row[3]) for row in rows if row[0] != "*")
    return counted or None
