"""Alignments made elsewhere under our own header: a filter on SAM text whose reads come grouped by name.

Read groups are renamed to those of the sample, and reads without one join the first; all other lines of the foreign
header are left out. Reads whose mate is not in the file (as in an extract of a region) go into a file of their own,
as they are: `samtools fixmate` would take them for reads with an unmapped mate, and later steps would then not count
them, or take many of them for duplicates. What `samtools markdup` needs to know of the mate is added to them.
"""

import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import find_tool
from scleromyomics.variants import header, sam
from scleromyomics.variants.fastq import Places
from scleromyomics.variants.lines import Hashes, Lines

PAIRED, PROPER, MATE_UNMAPPED, MATE_REVERSE = 0x1, 0x2, 0x8, 0x20
SECONDARY, SUPPLEMENTARY = 0x100, 0x800
TAG = b"\tRG:Z:"
GROUP = re.compile(TAG + rb"([^\t\n]*)")
MATE_CIGAR, NO_SCORE = b"MC:Z:", b"ms:i:0"
NO_MATE = (b"*", b"0", b"0")  # contig and position of the mate, length of the template
KEPT_TAGS = "RG,MC"
"""What may stay of the tags of a foreign file; the next steps make their own."""


def run(*, sample: str, dictionary: Path, lonely: Path, samtools: str = "auto") -> None:
    """Read SAM text on standard input, and write it under our header to standard output.

    Args:
        sample: name of the sample; its read groups are called after it.
        dictionary: genome.dict.
        lonely: reads whose mate is not in the file, to write (BAM); whole before standard output ends.
        samtools: which samtools (`tools.samtools`).
    """
    command = find_tool("samtools", samtools)("view", "-u", "--no-PG", "-o", lonely, "-")
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        regroup(sys.stdin.buffer, sys.stdout.buffer, process.stdin, sample, dictionary)
    if process.returncode:
        raise InputError(f"{lonely}: found status {process.returncode} of samtools view; allowed: 0")
    sys.stdout.buffer.flush()


def regroup(source: IO[bytes], target: IO[bytes], apart: IO[bytes], sample: str, dictionary: Path) -> None:
    """Write the alignments of `source` under our header, those of reads without mate `apart`."""
    top, blocks = sam.split(source, grouped=True)
    old = sam.read_groups(top)
    new = [header.group(sample, i + 1).encode() for i in range(max(1, len(old)))]
    names = {name.encode(): new[i] for i, name in enumerate(old)}
    contigs = {name.encode() for name in header.contigs(dictionary)}
    ours = header.text(dictionary, sample, len(new)).encode()
    target.write(ours)
    apart.write(ours)
    for lines in blocks:
        alone = lonely_lines(lines.hashes(sam.NAME), lines.numbers(sam.FLAG))
        target.write(_renamed(_text(lines[~alone]), names, new[0]))
        odd = b"".join(_kept(line, contigs) for line in _each(lines[alone]))
        apart.write(_renamed(odd, names, new[0]))


def lonely_lines(name: Hashes, flag: Places) -> NDArray[np.bool_]:
    """Lines of reads of pairs whose mate is not among the lines of that name."""
    group = np.cumsum(np.concatenate([[0], name[1:] != name[:-1]]))
    primary = (flag & PAIRED > 0) & (flag & (SECONDARY | SUPPLEMENTARY) == 0)
    return (np.bincount(group, primary) < 2)[group] & (flag & PAIRED > 0)


def _renamed(text: bytes, names: Mapping[bytes, bytes], first: bytes) -> bytes:
    """The text with our read groups."""
    return GROUP.sub(lambda found: TAG + names.get(found[1], first), text)


def _text(lines: Lines) -> bytes:
    """The text of lines; those without a read group get an empty one."""
    tagged = _is_group(lines, sam.MANDATORY) | _is_group(lines, sam.MANDATORY + 1)
    if tagged.all() and (lines.start[1:] == lines.stop[:-1] + 1).all():
        return lines.data[lines.start[0] : lines.stop[-1] + 1].tobytes() if len(lines) else b""
    return b"".join(
        line + (b"\n" if has else TAG + b"\n")
        for line, has in zip(_each(lines), tagged.tolist(), strict=True)
    )


def _is_group(lines: Lines, field: int) -> NDArray[np.bool_]:
    """Whether a field of each line, if it has that many, is its read group."""
    found = np.zeros(len(lines), bool)
    some = np.flatnonzero(lines.count > field)
    start, _ = lines[some].bounds(field)
    for offset, letter in enumerate(TAG[1:]):
        found[some] = (found[some] | (offset == 0)) & (lines.data[start + offset] == letter)
    return found


def _each(lines: Lines) -> Iterator[bytes]:
    """The lines one by one, without their ends."""
    for start, stop in zip(lines.start.tolist(), lines.stop.tolist(), strict=True):
        yield lines.data[start:stop].tobytes()


def _kept(line: bytes, contigs: Collection[bytes]) -> bytes:
    """A read without mate, with what `samtools markdup` needs to know of the mate."""
    fields = line.split(b"\t")
    flag, start, length = int(fields[sam.FLAG]), int(fields[sam.POSITION]), int(fields[sam.LENGTH])
    if fields[sam.MATE_CONTIG] not in {b"=", b"*", *contigs}:
        fields[sam.MATE_CONTIG : sam.LENGTH + 1] = NO_MATE
        flag = (flag | MATE_UNMAPPED) & ~(PROPER | MATE_REVERSE)
    tags = [tag for tag in fields[sam.MANDATORY :] if tag[:5] in {TAG[1:], MATE_CIGAR}]
    if not any(tag.startswith(TAG[1:]) for tag in tags):
        tags.append(TAG[1:])
    if not any(tag.startswith(MATE_CIGAR) for tag in tags):
        bases = start + length - int(fields[sam.MATE_POSITION])  # up to the 5' end of a reverse mate
        known = length > 0 and flag & MATE_REVERSE and bases > 0
        tags.append(MATE_CIGAR + b"%dM" % (bases if known else max(1, len(fields[sam.BASES]))))
    fields[sam.FLAG] = b"%d" % flag
    return b"\t".join([*fields[: sam.MANDATORY], *tags, NO_SCORE]) + b"\n"


if __name__ == "__main__":
    entry_point(run)
