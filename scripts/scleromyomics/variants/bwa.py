"""BWA-MEM over the lanes of a sample, as one command that writes alignments with our own header to standard output.

Li 2013 (arXiv:1303.3997), with `-K 10000000`: reads are taken in batches of ten million bases, so that the result
does not depend on the number of threads. The program is a native `bwa` or `bwa-mem2` (SAM comes out), or the library
that pybwa carries (uncompressed BAM comes out). The lanes go in one after another, each as a read group of its own.

Of pybwa the C functions are called, not its classes: those make a Python object of every read and alignment. The
library is BWA's own code but for how it makes records: it loses the flags 0x2, 0x40 and 0x80, and 0x20 where the mate
is unmapped, and takes bases and qualities of hard-clipped reverse alignments from the wrong end of the read. All are
put right here, 0x2 by BWA's own rules and what it prints of a batch (`mem_infer_dir`, `mem_pair` and `mem_sam_pe` of
BWA): both mates on one contig, the distance of their 5' ends within the boundaries of their orientation, and not so
improbable that BWA prefers to place the mates each for itself.
"""

import ctypes as c
import math
import os
import queue
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.variants import fastq, header

BATCH_BASES = 10_000_000  # what bwa calls -K
COPIED_BYTES = 1_048_576  # of a stream at once
WHEEL = "2.3.2"
"""The version of pybwa whose structures are described here; another one is refused."""

PAIRED_ENDS = 0x2  # MEM_F_PE of mem_opt_t
WHOLE_INDEX = 7  # BWA_IDX_ALL
ERRORS_ONLY, MESSAGES = 1, 3  # of bwa_verbose; with messages it prints the boundaries of proper pairs
PROPER, UNMAPPED, MATE_UNMAPPED, REVERSE, MATE_REVERSE, FIRST, SECOND = 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80
ORIENTATIONS = ("FF", "FR", "RF", "RR")
CONSUME_REFERENCE = np.array([1, 0, 1, 1, 0, 0, 0, 1, 1] + [0] * 7, dtype=bool)  # M D N = X of MIDNSHP=X
HARD_CLIP = 5
TAG_TYPES = {"c": "<b", "C": "<B", "s": "<h", "S": "<H", "i": "<i", "I": "<I", "f": "<f", "A": "<c"}
UNPAIRED_PENALTY = 17  # of BWA, for mates that are not placed as a pair
COMMON_DEVIATIONS = 5.0  # of a distance: up to here the chance costs a pair less than that (10.3)
COMPLEMENT = np.array([8, 4, 2, 1, 15], dtype=np.uint8)  # of A C G T N, as BAM writes bases (T G C A N)
START, CONTIG, FLAG, NAME_BYTES, OPERATIONS, BASES, DATA = 0, 8, 16, 18, 20, 24, 56
"""Where the parts of bam1_t stand, in bytes."""

Pointers = NDArray[np.uint64]
Places = NDArray[np.int64]

SEQUENCE = np.dtype(
    [("length", "<i4"), ("id", "<i4")]
    + [(name, "<u8") for name in ("name", "comment", "sequence", "quality", "records")]
)
"""bseq1_t."""


@dataclass(frozen=True)
class Distances:
    """Distances of the 5' ends of proper pairs in a batch, in bases."""

    low: int
    high: int
    mean: float
    deviation: float


NONE = Distances(1, 0, 0.0, 1.0)
"""Of an orientation with too few pairs."""

Bounds = dict[str, Distances]


class Options(c.Structure):
    """The start of mem_opt_t."""

    _fields_ = (
        *(
            (name, c.c_int)
            for name in ("match", "mismatch", "open_del", "extend_del", "open_ins", "extend_ins")
        ),
        *((name, c.c_int) for name in ("unpaired", "clip5", "clip3", "band", "zdrop")),
        ("max_interval", c.c_uint64),
        *((name, c.c_int) for name in ("minimum_score", "flag", "seed", "chain_weight", "chain_extend")),
        ("split_factor", c.c_float),
        *((name, c.c_int) for name in ("split_width", "occurrences", "chain_gap", "threads", "batch")),
    )


DEFAULTS = {"match": 1, "mismatch": 4, "unpaired": 17, "minimum_score": 30, "flag": 0, "seed": 19, "threads": 1,
            "batch": 10_000_000}  # fmt: skip


class Index(c.Structure):
    """The start of bwaidx_t."""

    _fields_ = (("bwt", c.c_void_p), ("bns", c.c_void_p), ("pac", c.c_void_p))


@dataclass(frozen=True)
class Batch:
    """Reads of one call: mates alternate.

    Attributes:
        sequences: as BWA wants them (`SEQUENCE`), with addresses into `blocks`.
        blocks: the bytes that they point into, which must outlive the call.
        done: reads of the lane before this batch.
        lane: counted from 1.
    """

    sequences: NDArray[Any]
    blocks: tuple[fastq.Bytes, ...]
    done: int
    lane: int


class Library:
    """The functions of pybwa's library."""

    def __init__(self) -> None:
        from importlib.metadata import version

        from pybwa import libbwamem

        found = version("pybwa")
        if found != WHEEL:
            raise InputError(f"tools.bwa: found pybwa {found}; allowed: {WHEEL}, or a native bwa")
        self._slow = c.CDLL(libbwamem.__file__)  # lets other threads run
        self._fast = c.PyDLL(libbwamem.__file__)
        self._slow.hts_set_log_level(c.c_int(0))  # of writing to a pipe that nobody reads any more
        for name in ("bwa_idx_load", "mem_opt_init", "sam_hdr_parse", "hts_open"):
            getattr(self._slow, name).restype = c.c_void_p

    @cached_property
    def options(self) -> Options:
        """BWA's defaults."""
        address = self._slow.mem_opt_init()
        found = Options.from_address(address)
        if any(getattr(found, name) != value for name, value in DEFAULTS.items()):
            raise InputError("tools.bwa: found a pybwa with other structures; allowed: a native bwa")
        return found

    def index(self, genome: Path) -> Index:
        """Load the index of a genome."""
        verbosity = c.c_int.in_dll(self._slow, "bwa_verbose")
        verbosity.value = ERRORS_ONLY
        address = self._slow.bwa_idx_load(os.fsencode(genome), WHOLE_INDEX)
        verbosity.value = MESSAGES
        if not address:
            raise InputError(f"file {genome}: found no bwa index beside it; allowed: .amb .ann .bwt .pac .sa")
        return Index.from_address(address)

    def align(self, batch: Batch, options: Options, index: Index, group: str) -> Bounds:
        """Align a batch; records hang on its sequences. Returns the boundaries of proper pairs."""
        (c.c_char * 256).in_dll(self._slow, "bwa_rg_id").value = group.encode()
        with _told() as told:
            self._slow.mem_process_seqs(
                c.byref(options),
                *(c.c_void_p(pointer) for pointer in (index.bwt, index.bns, index.pac)),
                c.c_int64(batch.done),
                c.c_int(len(batch.sequences)),
                c.c_void_p(batch.sequences.ctypes.data),
                None,
                None,
            )
        return boundaries(told())

    @contextmanager
    def output(self, text: str) -> Iterator[Callable[[Pointers], None]]:
        """Standard output as uncompressed BAM: gives a function that writes records."""
        encoded = text.encode()
        top = c.c_void_p(self._slow.sam_hdr_parse(c.c_size_t(len(encoded)), encoded))
        file = c.c_void_p(self._slow.hts_open(b"-", b"wbu"))
        if not file or self._slow.sam_hdr_write(file, top) < 0:
            raise BrokenPipeError
        write, record = self._fast.sam_write1, c.c_void_p

        def put(records: Pointers) -> None:
            for address in records.tolist():
                if write(file, top, record(address)) < 0:
                    raise BrokenPipeError

        yield put
        if self._slow.hts_close(file) < 0:
            raise BrokenPipeError

    def free(self, batch: Batch) -> None:
        """Give the memory of a batch's records back."""
        destroy, pointer = self._fast.bams_destroy, c.c_void_p
        for address in batch.sequences["records"].tolist():
            destroy(pointer(address))


@contextmanager
def _told() -> Iterator[Callable[[], str]]:
    """What C code prints on standard error meanwhile."""
    sys.stderr.flush()
    kept, words = os.dup(2), os.memfd_create("words")
    os.dup2(words, 2)
    try:
        yield lambda: os.pread(words, os.fstat(words).st_size, 0).decode(errors="replace")
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def boundaries(told: str) -> Bounds:
    """The boundaries of proper pairs by orientation, from what BWA prints of a batch."""
    found: Bounds = {}
    orientation, mean, deviation = "", 0.0, 1.0
    for line in told.splitlines():
        if match := re.search(r"analyzing insert size distribution for orientation (\w\w)", line):
            orientation = match[1]
        elif match := re.search(r"mean and std\.dev: \((\S+), (\S+)\)", line):
            mean, deviation = float(match[1]), float(match[2])
        elif match := re.search(r"boundaries for proper pairs: \((-?\d+), (-?\d+)\)", line):
            found[orientation] = Distances(int(match[1]), int(match[2]), mean, deviation)
        elif match := re.search(r"skip orientation (\w\w)", line):
            found.pop(match[1], None)
    return found


def peek(pointers: Pointers, offset: int, kind: str) -> NDArray[Any]:
    """The numbers of type `kind` that stand `offset` bytes after each address."""
    view, places = _memory(pointers, offset, kind)
    return view[places]


def poke(pointers: Pointers, offset: int, kind: str, values: NDArray[Any]) -> None:
    """Write numbers `offset` bytes after each address."""
    view, places = _memory(pointers, offset, kind)
    view[places] = values


def _memory(pointers: Pointers, offset: int, kind: str) -> tuple[NDArray[Any], Places]:
    """Memory from the lowest to the highest address as one array, and where in it the addresses are.

    Most of it belongs to others or to nobody: only what is at the addresses may be touched.
    """
    size = np.dtype(kind).itemsize
    places = (pointers.astype(np.int64) + offset) // size
    lowest, highest = (int(places.min()), int(places.max())) if places.size else (0, -1)
    window = type("Window", (), {})()
    window.__array_interface__ = {
        "shape": (highest - lowest + 1,),
        "typestr": kind,
        "data": (lowest * size, False),
        "version": 3,
    }
    return np.asarray(window), places - lowest


@dataclass(frozen=True)
class Records:
    """The alignments of a batch: addresses of bam1_t, in the order of the reads.

    Attributes:
        pointers: of each record.
        read: which read it belongs to.
        first: the position in `pointers` of each read's primary record.
    """

    pointers: Pointers
    read: Places
    first: Places


def records(batch: Batch) -> Records:
    """Collect the records that BWA hung on the reads."""
    lists = batch.sequences["records"]
    count = peek(lists, 0, "<i4").astype(np.int64)
    read = np.repeat(np.arange(len(lists)), count)
    first = np.cumsum(count) - count
    within = (np.arange(len(read)) - first[read]).astype(np.uint64)
    return Records(peek(peek(lists, 8, "<u8")[read] + np.uint64(8) * within, 0, "<u8"), read, first)


def mend(batch: Batch, found: Records, bounds: Bounds) -> None:
    """Set the flags that the library loses, and the bases of hard-clipped reverse alignments."""
    flag = peek(found.pointers, FLAG, "<u2")
    primary = found.pointers[found.first]
    single = np.bincount(found.read // 2) == 2  # pairs without further alignments
    proper = np.repeat(_proper(primary, single, bounds), 2)
    flag |= np.where(found.read % 2, SECOND, FIRST).astype(np.uint16)
    flag |= np.where(proper[found.read], PROPER, 0).astype(np.uint16)
    alone = (flag & MATE_UNMAPPED > 0) & (flag & UNMAPPED == 0) & (flag & REVERSE > 0)
    flag |= np.where(alone, MATE_REVERSE, 0).astype(np.uint16)
    poke(found.pointers, FLAG, "<u2", flag)
    further = np.ones(len(flag), bool)
    further[found.first] = False
    for place in np.flatnonzero(further & (flag & REVERSE > 0)).tolist():
        _rewrite(int(found.pointers[place]), batch.sequences[found.read[place]])


def _proper(primary: Pointers, single: NDArray[np.bool_], bounds: Bounds) -> NDArray[np.bool_]:
    """Whether each pair is a proper one, by BWA's rules.

    Args:
        primary: the primary record of each read; mates alternate.
        single: pairs of which neither mate has a further record. Only those BWA tries to place as a pair, with
            orientations as seen on the genome (FF FR RF RR); else it sees the second mate from the first.
        bounds: distances in this batch by orientation.
    """
    contig, flag = peek(primary, CONTIG, "<i4"), peek(primary, FLAG, "<u2")
    start = peek(primary, START, "<i8")
    reverse = flag & REVERSE > 0
    end5 = np.where(reverse, start + _reference_length(primary) - 1, start)
    one, two = slice(0, None, 2), slice(1, None, 2)
    mapped = flag & UNMAPPED == 0
    together = mapped[one] & mapped[two] & (contig[one] == contig[two])
    distance = np.abs(end5[two] - end5[one])
    on_genome = np.where(
        end5[one] < end5[two], 2 * reverse[one] + reverse[two], 2 * reverse[two] + reverse[one]
    )
    ahead = np.where(reverse[one], end5[two] < end5[one], end5[two] > end5[one])
    on_first_read = (reverse[one] != reverse[two]) ^ np.where(ahead, 0, 3)
    as_pair, fits = (together & _is_within(distance, way, bounds) for way in (on_genome, on_first_read))
    proper = np.where(single & as_pair, as_pair, fits)
    ways = [bounds.get(name, NONE) for name in ORIENTATIONS]
    mean, deviation = (np.array([getattr(way, name) for way in ways]) for name in ("mean", "deviation"))
    off = np.abs(distance - mean[on_genome]) / deviation[on_genome]
    for pair in np.flatnonzero(as_pair & single & (off > COMMON_DEVIATIONS)).tolist():
        scores = sum(_score(int(primary[read])) for read in (2 * pair, 2 * pair + 1))
        proper[pair] = _preferred(scores, float(off[pair]))
    return proper


def _is_within(distance: Places, orientation: Places, bounds: Bounds) -> NDArray[np.bool_]:
    """Whether distances are within the boundaries of their orientations."""
    ways = [bounds.get(name, NONE) for name in ORIENTATIONS]
    low, high = (np.array([getattr(way, name) for way in ways])[orientation] for name in ("low", "high"))
    return (distance >= low) & (distance <= high)


def _preferred(scores: int, off: float) -> bool:
    """Whether BWA places two mates as a pair (`mem_pair`), or does not try because nothing speaks for it.

    Args:
        scores: of both alignments.
        off: deviations between the distance of the mates and its mean.
    """
    chance = 2 * math.erfc(off / math.sqrt(2))
    score = int(max(scores + math.log(chance) / math.log(4) + 0.499, 0)) if chance else 0
    return score == 0 or score > scores - UNPAIRED_PENALTY


def _score(record: int) -> int:
    """The alignment score (AS) of a record."""
    at = np.array([record], np.uint64)
    data, size, name = (
        int(peek(at, *place)[0]) for place in ((DATA, "<u8"), (DATA + 8, "<i4"), (NAME_BYTES, "<u2"))
    )
    n, length = (int(peek(at, place, "<u4")[0]) for place in (OPERATIONS, BASES))
    place, tags = 0, _bytes(data, size)[name + 4 * n + (length + 1) // 2 + length :].tobytes()
    while tags[place : place + 2] != b"AS":
        kind = chr(tags[place + 2])
        place = tags.index(b"\0", place) + 1 if kind == "Z" else place + 3 + struct.calcsize(TAG_TYPES[kind])
    return int(struct.unpack_from(TAG_TYPES[chr(tags[place + 2])], tags, place + 3)[0])


def _reference_length(pointers: Pointers) -> Places:
    """Bases of the reference that each alignment covers."""
    count = peek(pointers, OPERATIONS, "<u4")
    cigar = peek(pointers, DATA, "<u8") + peek(pointers, NAME_BYTES, "<u2")
    length = np.zeros(len(pointers), np.int64)
    for step in range(int(count.max(initial=0))):
        some = np.flatnonzero(count > step)
        operation = peek(cigar[some], 4 * step, "<u4")
        length[some] += np.where(CONSUME_REFERENCE[operation & 0xF], operation >> 4, 0)
    return length


def _rewrite(record: int, read: Any) -> None:
    """Write the bases and qualities of a further, reverse alignment of a read again, from the right end of it."""
    at = np.array([record], np.uint64)
    n, length = (int(peek(at, place, "<u4")[0]) for place in (OPERATIONS, BASES))
    cigar = int(peek(at, DATA, "<u8")[0]) + int(peek(at, NAME_BYTES, "<u2")[0])
    operations = _bytes(cigar, 4 * n).view("<u4")
    clipped = int(operations[-1] >> 4) if operations[-1] & 0xF == HARD_CLIP else 0
    part = slice(clipped, clipped + length)
    bases = COMPLEMENT[_bytes(int(read["sequence"]), int(read["length"]))[part][::-1]]
    packed = _bytes(cigar + 4 * n, (length + 1) // 2)
    packed[:] = np.append(bases[::2] << 4, [])[: len(packed)]
    packed[: length // 2] |= bases[1::2]
    _bytes(cigar + 4 * n + len(packed), length)[:] = (
        _bytes(int(read["quality"]), int(read["length"]))[part][::-1] - fastq.LOWEST
    )


def _bytes(address: int, count: int) -> fastq.Bytes:
    return np.frombuffer((c.c_uint8 * count).from_address(address), np.uint8)


def batches(pairs: Iterator[tuple[fastq.Reads, fastq.Reads]], lane: int) -> Iterator[Batch]:
    """The reads of a lane in batches of ten million bases, cut where bwa cuts them."""
    parts: list[tuple[fastq.Reads, fastq.Reads]] = []
    bases = done = 0
    for block in pairs:
        a, b = block
        while len(a):
            total = bases + np.cumsum(a.length + b.length)
            n = int(np.searchsorted(total, BATCH_BASES)) + 1
            parts.append((a[:n], b[:n]))
            bases = int(total[min(n, len(total)) - 1])
            a, b = a[n:], b[n:]
            if bases >= BATCH_BASES:
                yield (batch := _batch(parts, done, lane))
                done += len(batch.sequences)
                parts, bases = [], 0
    if parts:
        yield _batch(parts, done, lane)


def _batch(parts: Sequence[tuple[fastq.Reads, fastq.Reads]], done: int, lane: int) -> Batch:
    sequences = np.zeros(2 * sum(len(a) for a, _ in parts), SEQUENCE)
    at = 0
    for part in parts:
        for mate, reads in enumerate(part):
            base = reads.data.ctypes.data
            some = sequences[at + mate : at + 2 * len(reads) : 2]
            some["length"] = reads.length
            for field in ("name", "sequence", "quality"):
                some[field] = getattr(reads, field) + base
            reads.data[reads.name_stop] = 0  # C text; nobody reads what stands there again
        at += 2 * len(part[0])
    return Batch(sequences, tuple(reads.data for part in parts for reads in part), done, lane)


def ahead(items: Iterator[Any], size: int = 1) -> Iterator[Any]:
    """The same items, made in a thread of its own while the caller works on others."""
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(size)

    def work() -> None:
        try:
            for item in items:
                waiting.put((True, item))
            waiting.put((False, None))
        except BaseException as error:  # noqa: BLE001 - raised again where the items are used
            waiting.put((False, error))

    threading.Thread(target=work, daemon=True).start()
    while True:
        more, item = waiting.get()
        if more:
            yield item
        elif item is None:
            return
        else:
            raise item


def _embedded(lanes: Sequence["Lane"], genome: Path, text: str, sample: str, threads: int) -> None:
    """Align with pybwa's library: one thread reads, BWA's own align, and one writes."""
    library = Library()
    options, index = library.options, library.index(genome)
    options.flag, options.threads = PAIRED_ENDS, threads

    def aligned() -> Iterator[tuple[Batch, Records]]:
        for batch in ahead(item for i, lane in enumerate(lanes) for item in batches(lane.pairs(), i + 1)):
            bounds = library.align(batch, options, index, header.group(sample, batch.lane))
            found = records(batch)
            mend(batch, found, bounds)
            yield batch, found

    with library.output(text) as put:
        for batch, found in ahead(aligned()):
            put(found.pointers)
            library.free(batch)


def _native(lanes: Sequence["Lane"], genome: Path, text: str, sample: str, command: Sequence[str]) -> int:
    """Align with a program: one call per lane, whose own header is left out."""
    out = sys.stdout.buffer
    out.write(text.encode())
    for i, lane in enumerate(lanes):
        line = header.group_line(sample, i + 1).replace("\t", "\\t")
        with ExitStack() as stack:
            source = lane.source(stack)
            files: list[str | Path] = ["-p", genome, "-"] if source else [genome, *lane.files]
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, "-R", line, *files], stdin=source or subprocess.DEVNULL, stdout=subprocess.PIPE
                )
            )
            if source:
                source.close()
            assert process.stdout is not None  # noqa: S101 - for the type checker
            _copy_alignments(process.stdout, out)
        if process.returncode:  # it has said why
            return process.returncode if process.returncode > 0 else 128 - process.returncode
    return 0


def _copy_alignments(source: IO[bytes], target: IO[bytes]) -> None:
    line = b"@"
    while line.startswith(b"@"):
        line = source.readline()
    target.write(line)
    shutil.copyfileobj(source, target, COPIED_BYTES)
    target.flush()


@dataclass(frozen=True)
class Lane:
    """Two files of mates, and what is cut from them on the way."""

    files: tuple[Path, Path]
    adapters: tuple[str, ...]
    quality: int
    threads: int

    def source(self, stack: ExitStack) -> IO[bytes] | None:
        """Trimmed reads, mates in turn; None where nothing is to be trimmed."""
        if not self.adapters and not self.quality:
            return None
        command = [sys.executable, "-m", "cutadapt", "--quiet", "--interleaved", "--cores", str(self.threads)]
        for adapter in self.adapters:
            command += ["-a", adapter, "-A", adapter]
        command += ["-q", str(self.quality), "-o", "-", *map(str, self.files)]
        process = stack.enter_context(_checked(command))
        return process.stdout

    def pairs(self) -> Iterator[tuple[fastq.Reads, fastq.Reads]]:
        """The reads of both mates."""
        with ExitStack() as stack:
            source = self.source(stack)
            yield from fastq.interleaved(source, "trimmed reads") if source else fastq.pairs(*self.files)


@contextmanager
def _checked(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that must end well."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield process
    if process.returncode not in (0, -signal.SIGPIPE):
        raise InputError(f"cutadapt: status {process.returncode}")


def run(
    *,
    sample: str,
    raw: list[Path],
    genome: Path,
    program: str = "",
    adapters: list[str] | None = None,
    quality: int = 0,
    threads: int = 1,
) -> int:
    """Align the lanes of a sample; alignments go to standard output.

    Args:
        sample: name of the sample; its read groups are called after it.
        raw: FASTQ files: R1 and R2 of each lane, one lane after another.
        genome: genome.fa with its index and genome.dict beside it.
        program: path of bwa or bwa-mem2; the library of pybwa where it is empty.
        adapters: what to cut from the 3' ends of both mates.
        quality: Phred quality below which 3' ends are cut.
        threads: of BWA.
    """
    files = list(zip(raw[::2], raw[1::2], strict=True))
    lanes = [Lane(pair, tuple(adapters or ()), quality, threads) for pair in files]
    text = header.text(genome.with_suffix(".dict"), sample, len(lanes))
    try:
        if program:
            mem = [program, "mem", "-v", "1", "-K", str(BATCH_BASES), "-t", str(threads)]
            return _native(lanes, genome, text, sample, mem)
        _embedded(lanes, genome, text, sample, threads)
    except BrokenPipeError:  # who reads the alignments has ended, and says why
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing is left to write there at the end
        return 128 + signal.SIGPIPE
    return 0


if __name__ == "__main__":
    entry_point(run)
