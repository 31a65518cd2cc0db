"""BAM and CRAM as a sequencing centre delivers them: reads at the places that they are from, sorted, copies marked.

The header has what the centre's programs wrote: the reference with its M5 sums, a read group per lane under the
centre's name of the sample, and command lines. Adapters are soft-clipped, and so are inserted bases at the end of a
read. Pairs from no human genome are unmapped, at the end of the file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.files import replacing
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.simulate.coding import COMPLEMENT, Bases, text
from scleromyomics.simulate.fastq import lane_of
from scleromyomics.simulate.genome import Genome, write_fasta
from scleromyomics.simulate.people import LANES
from scleromyomics.simulate.reads import LENGTH, Haplotype, Mates, Molecules

MAPPED = 60
"""Mapping quality of every read: its place is known."""
PAIRED, PROPER, UNMAPPED, MATE_UNMAPPED, REVERSE, MATE_REVERSE, DUPLICATE = 1, 2, 4, 8, 16, 32, 1024
FIRST, SECOND = 64, 128
PROGRAM = "bwa mem -t 16 -K 100000000 /srv/references/toy/genome.fa lanes_R1.fastq.gz lanes_R2.fastq.gz"


class _Placed(NamedTuple):
    """One end of each pair on the reference's strand, and where it lies."""

    bases: Bases
    qualities: Bases
    place: NDArray[np.int64]
    after: NDArray[np.int64]  # the place after its last base
    cigars: list[str]
    differences: NDArray[np.int64]  # NM


def write_alignments(
    path: Path,
    form: Literal["bam", "cram"],
    *,
    genome: Genome,
    of: Sequence[Haplotype],
    library: Molecules,
    mates: Mates,
    named: Bases,
    label: str,
) -> None:
    """Write the pairs of a sample.

    Args:
        path: to write.
        form: its format; a CRAM needs the reference to be read.
        genome: the reference.
        of: the haplotypes.
        library: the molecules, of which `mates` are the reads.
        mates: the reads.
        named: a name per pair.
        label: the centre's name of the sample.
    """
    samtools = find_tool("samtools", "embedded")  # the same bytes on every machine
    with TemporaryDirectory() as scratch, replacing(path) as temporary:
        head, sam, fasta, packed = (Path(scratch) / name for name in ("head", "sam", "genome.fa", "packed"))
        header = "".join(_header(genome, label))
        head.write_text(header, encoding="ascii", newline="\n")
        with sam.open("w", encoding="ascii", newline="\n") as handle:
            handle.write(header)
            handle.writelines(_records(genome, of, library, mates, named))
        write_fasta(fasta, genome)
        view = samtools("view", "--no-PG", "--output-fmt", form)
        if form == "bam":
            pipe([*view, "-o", temporary, sam], what=path.name)
            return
        pipe([*view, "-T", fasta, "-o", packed, sam], what=path.name)
        # htslib has written the path of the reference into the header
        pipe(samtools("reheader", "-P", head, packed), what=path.name, stdout=temporary)


def _header(genome: Genome, label: str) -> Iterator[str]:
    yield "@HD\tVN:1.6\tSO:coordinate\n"
    for name in genome.names:
        sequence = genome.sequence(name).tobytes()
        digest = hashlib.md5(sequence, usedforsecurity=False).hexdigest()
        yield f"@SQ\tSN:{name}\tLN:{len(sequence)}\tM5:{digest}\tAS:toy1\n"
    for lane in range(1, LANES + 1):
        yield f"@RG\tID:FC01.{lane}\tPL:ILLUMINA\tPU:FC01.{lane}\tLB:{label}_1\tSM:{label}\tCN:toy\n"
    yield f"@PG\tID:bwa\tPN:bwa\tVN:0.7.17-r1188\tCL:{PROGRAM}\n"
    yield "@PG\tID:MarkDuplicates\tPP:bwa\tPN:MarkDuplicates\tVN:4.1.9\n"


def _records(
    genome: Genome, of: Sequence[Haplotype], library: Molecules, mates: Mates, named: Bases
) -> Iterator[str]:
    swapped = mates.reverse[:, None]
    first, second = mates.bases
    scores, others = mates.qualities
    left = _place(
        genome, of, library, np.where(swapped, second, first), np.where(swapped, others, scores), right=False
    )
    right = _place(
        genome,
        of,
        library,
        COMPLEMENT[np.where(swapped, first, second)][:, ::-1],
        np.where(swapped, scores, others)[:, ::-1],
        right=True,
    )
    lane = lane_of(len(library))
    names, size = text(named), named.shape[1]
    flags = PAIRED + PROPER + DUPLICATE * library.copy
    flags_left = flags + MATE_REVERSE + np.where(mates.reverse, SECOND, FIRST)
    flags_right = flags + REVERSE + np.where(mates.reverse, FIRST, SECOND)
    contig = genome.contig_at(left.place)
    offset = genome.starts[contig] - 1
    span = right.after - left.place

    def lines(end: _Placed, flag: NDArray[np.int64], mate: _Placed, sign: int) -> list[str]:
        sequence, quality = text(np.ascontiguousarray(end.bases)), text(end.qualities + np.uint8(33))
        columns = zip(
            flag.tolist(),
            contig.tolist(),
            (end.place - offset).tolist(),
            end.cigars,
            (mate.place - offset).tolist(),
            (sign * span).tolist(),
            lane.tolist(),
            end.differences.tolist(),
            strict=True,
        )
        return [
            f"{names[row * size : (row + 1) * size]}\t{bits}\t{genome.names[on]}\t{at}\t{MAPPED}\t{cigar}\t=\t{there}"
            f"\t{far}\t{sequence[row * LENGTH : (row + 1) * LENGTH]}\t{quality[row * LENGTH : (row + 1) * LENGTH]}"
            f"\tNM:i:{off}\tRG:Z:FC01.{number}\n"
            for row, (bits, on, at, cigar, there, far, number, off) in enumerate(columns)
        ]

    every = lines(left, flags_left, right, 1) + lines(right, flags_right, left, -1)
    order = np.argsort(np.concatenate([left.place, right.place]), kind="stable")
    human = ~np.tile(library.foreign, 2)
    yield from (every[one] for one in order[human[order]])
    for row in np.flatnonzero(library.foreign):
        for mate, bit in enumerate((FIRST, SECOND)):
            sequence, quality = mates.bases[mate][row], mates.qualities[mate][row] + np.uint8(33)
            flag = PAIRED + UNMAPPED + MATE_UNMAPPED + bit
            yield (
                f"{names[row * size : (row + 1) * size]}\t{flag}\t*\t0\t0\t*\t*\t0\t0"
                f"\t{text(sequence)}\t{text(quality)}\tRG:Z:FC01.{lane[row]}\n"
            )


def _place(
    genome: Genome, of: Sequence[Haplotype], library: Molecules, read: Bases, quality: Bases, *, right: bool
) -> _Placed:
    """Where the left or the right ends lie, on the reference's strand."""
    own = np.minimum(library.length, LENGTH)  # the rest is adapter
    window = library.end - own if right else library.start
    place, after = np.zeros(len(library), np.int64), np.zeros(len(library), np.int64)
    plain = np.zeros(len(library), bool)
    for number, one in enumerate(of):
        mine = np.flatnonzero(library.haplotype == number)
        start, end = window[mine], (window + own)[mine]
        place[mine], after[mine] = one.reference[start], one.reference[end - 1] + 1
        straight = after[mine] - place[mine] == own[mine]
        plain[mine] = straight & (one.insertions[end] == one.insertions[start])
    clip = LENGTH - own
    cigars = [
        _clipped([(bases, "M")], clipped, right=right)
        for bases, clipped in zip(own.tolist(), clip.tolist(), strict=True)
    ]
    span = np.clip(place - (clip if right else 0), 0, len(genome) - LENGTH)
    expected = np.lib.stride_tricks.sliding_window_view(genome.bases, LENGTH)[span]
    column = np.arange(LENGTH)
    inside = column >= clip[:, None] if right else column < own[:, None]
    differences = ((read != expected) & inside).sum(axis=1)
    for row in np.flatnonzero(~plain):
        one = of[library.haplotype[row]]
        there = slice(window[row], window[row] + own[row])
        steps, place[row], after[row] = _steps(one.reference[there], one.inserted[there])
        cigars[row] = _clipped(steps, int(clip[row]), right=right)
        differences[row] = _distance(genome, read[row, clip[row] if right else 0 :], int(place[row]), steps)
    return _Placed(read, quality, place, after, cigars, differences)


def _steps(
    reference: NDArray[np.int64], inserted: NDArray[np.bool_]
) -> tuple[list[tuple[int, str]], int, int]:
    """CIGAR operations of a window of a haplotype, its first place on the reference, and the place after its last."""
    own = np.flatnonzero(~inserted)
    steps: list[tuple[int, str]] = [(int(own[0]), "S")] if own[0] else []
    run = 1
    for before, here in pairwise(own):
        added, left_out = int(here - before - 1), int(reference[here] - reference[before] - 1)
        if added or left_out:
            steps.append((run, "M"))
            steps += [(size, kind) for size, kind in ((added, "I"), (left_out, "D")) if size]
            run = 0
        run += 1
    steps.append((run, "M"))
    rest = len(reference) - 1 - int(own[-1])
    if rest:
        steps.append((rest, "S"))
    return steps, int(reference[own[0]]), int(reference[own[-1]]) + 1


def _clipped(steps: list[tuple[int, str]], clip: int, *, right: bool) -> str:
    """The CIGAR with the adapter clipped off: before the right end of a molecule, after its left end."""
    steps = list(steps)
    if clip:
        at = 0 if right else -1
        if steps[at][1] == "S":
            clip += steps.pop(at)[0]
        steps.insert(0 if right else len(steps), (clip, "S"))
    return "".join(f"{size}{kind}" for size, kind in steps)


def _distance(genome: Genome, read: Bases, place: int, steps: list[tuple[int, str]]) -> int:
    """Edit distance to the reference."""
    found, at = 0, 0
    for size, kind in steps:
        if kind == "M":
            found += int((read[at : at + size] != genome.bases[place : place + size]).sum())
        elif kind in "ID":
            found += size
        at += size if kind in "MIS" else 0
        place += size if kind in "MD" else 0
    return found
