"""Paired reads from FASTQ files as arrays: whole blocks of records at once, never an object per read.

A block is bytes and, for each record, where its name, sequence and qualities start and stop. Names end before the
first blank, and before `/1` or `/2`. The files are plain or gzip (bgzip too), four lines a record. Qualities are
Phred+33 (Cock et al. 2010, doi:10.1093/nar/gkp1137).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.errors import InputError

Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]

BLOCK_BYTES = 8_000_000  # read at once; small enough for the cache of a core, large enough for numpy
LONGEST_RECORD = 64_000_000  # bytes; a block grows up to it before a file counts as no FASTQ
LONGEST_NAME = 254  # letters; what a BAM record can hold
ADAPTER = b"AGATCGGAAGAGC"
"""What all Illumina TruSeq adapters begin with, as it stands at the 3' end of a read."""

WORD = 8  # bytes compared at once
LF, CR, BLANK, AT, PLUS, SLASH, ZERO = 10, 13, 32, 64, 43, 47, 48
LOWEST, HIGHEST = 33, 126  # Phred+33: ! is 0, ~ is 93
SOLEXA, BEYOND_33 = (
    59,
    75,
)  # Phred+64 starts at ; (Solexa) and goes on beyond K, where Illumina's Phred+33 ends
Q30 = 63
LETTERS = b"ACGTN"
IUPAC = frozenset(b"ACGTNRYSWKMBDHV.acgtnryswkmbdhv")
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every complete BGZF file."""


@dataclass(frozen=True)
class Reads:
    """Records of a FASTQ file; places are indices into `data`, which has `WORD` spare bytes at its end."""

    data: Bytes
    name: Places
    name_stop: Places
    sequence: Places
    quality: Places
    length: Places

    def __len__(self) -> int:
        return len(self.name)

    def __getitem__(self, which: slice) -> "Reads":
        places = (self.name, self.name_stop, self.sequence, self.quality, self.length)
        return Reads(self.data, *(place[which] for place in places))

    def name_at(self, record: int) -> str:
        """The name of one record."""
        return self.data[self.name[record] : self.name_stop[record]].tobytes().decode("ascii", "replace")


def fault(path: Path | str, found: str, allowed: str) -> InputError:
    """The one-line error for a file that cannot be taken."""
    return InputError(f"file {path}: found {found}; allowed: {allowed}")


def words(data: Bytes, start: Places, stop: Places) -> Iterator[NDArray[np.uint64]]:
    """The text from each `start` to `stop`, eight bytes at a time; 0 where it has ended.

    Args:
        data: bytes, at least `WORD` more than the last `stop`.
        start: first byte of each text.
        stop: one past its last.
    """
    windows = np.ndarray((len(data) - WORD + 1,), "<u8", data, strides=(1,))
    length = stop - start
    for at in range(0, int(length.max(initial=0)), WORD):
        left = np.clip(length - at, 0, WORD)
        shift = np.uint64(8) * (WORD - left).astype(np.uint64)
        full = windows[np.where(left > 0, start + at, 0)]
        keep = np.where(left > 0, np.uint64(0xFFFFFFFFFFFFFFFF) >> np.minimum(shift, np.uint64(63)), 0)
        yield full & keep.astype(np.uint64)


def differing(a: Reads, b: Reads) -> int | None:
    """The first record whose name is not the same in both; None where all are."""
    same = (a.name_stop - a.name) == (b.name_stop - b.name)
    for one, other in zip(
        words(a.data, a.name, a.name_stop), words(b.data, b.name, b.name_stop), strict=False
    ):
        same &= one == other
    return None if same.all() else int(np.argmin(same))


def opened(path: Path) -> IO[bytes]:
    """The uncompressed bytes of a plain or gzip file."""
    from xopen import xopen

    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return xopen(path, "rb", threads=0, format="gz") if packed else path.open("rb")


def require_end(path: Path) -> None:
    """Refuse a BGZF file without the empty block that ends it."""
    with path.open("rb") as handle:
        head = handle.read(18)
        if head[:4] != b"\x1f\x8b\x08\x04" or head[12:14] != b"BC":
            return
        handle.seek(max(0, path.stat().st_size - len(BGZF_END)))
        if handle.read() != BGZF_END:
            raise fault(path, "a bgzip file without its last block (cut)", "a complete file")


@dataclass
class Reader:
    """Reads a FASTQ file block by block.

    Attributes:
        path: what errors name.
        handle: its uncompressed bytes.
        count: records read so far.
    """

    path: Path | str
    handle: IO[bytes]
    count: int = 0
    _rest: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    _ended: bool = False

    def read(self) -> Reads | None:
        """The next block of records; None at the end.

        Raises:
            InputError: damaged or cut, or no FASTQ.
        """
        size = max(BLOCK_BYTES, 2 * len(self._rest))
        while not self._ended:
            if size > LONGEST_RECORD:
                raise self._fault(self.count, f"no end within {LONGEST_RECORD} bytes", "four lines")
            data, filled = self._fill(size)
            reads, used = self._parse(data, filled)
            self._rest = data[used:filled]
            if self._ended and not _is_blank(self._rest):
                raise self._fault(
                    self.count + len(reads), "an end in the middle", "four lines: a complete file"
                )
            if len(reads):
                self.count += len(reads)
                return reads
            size *= 2
        return None

    def _fill(self, size: int) -> tuple[Bytes, int]:
        """A new buffer: what was left, and what the file has next."""
        data = np.empty(size + WORD + 1, np.uint8)
        filled = len(self._rest)
        data[:filled] = self._rest
        view = memoryview(data)  # type: ignore[arg-type]
        try:
            while filled < size:
                got = self.handle.readinto(view[filled:size])  # type: ignore[attr-defined]
                if not got:
                    self._ended = True
                    break
                filled += got
        except (EOFError, OSError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = "its end is missing" if isinstance(error, EOFError) else str(error)
            raise fault(
                self.path, f"a damaged gzip file ({reason})", "a complete one with the right checksum"
            ) from error
        if self._ended and filled and data[filled - 1] != LF:
            data[filled] = LF  # a last line without an end
            filled += 1
        data[filled:] = 0
        return data, filled

    def _parse(self, data: Bytes, filled: int) -> tuple[Reads, int]:
        gaps = np.flatnonzero(data[:filled] <= BLANK)
        is_end = data[gaps] == LF
        ends = gaps[is_end]
        n = len(ends) // 4
        stop = ends[: 4 * n].reshape(n, 4)
        start = np.empty_like(stop)
        start.flat[1:] = stop.flat[:-1] + 1
        start[:1, :1] = 0
        stop = stop - ((data[stop - 1] == CR) & (stop > start))
        length = stop - start
        self._require(data[start[:, 0]] == AT, data, start[:, 0], "a record that starts with", "@")
        self._require(data[start[:, 2]] == PLUS, data, start[:, 2], "a third line that starts with", "+")
        unequal = np.flatnonzero(length[:, 1] != length[:, 3])
        if unequal.size:
            bad = int(unequal[0])
            found = f"{length[bad, 1]} letters and {length[bad, 3]} qualities"
            raise self._fault(self.count + bad, found, "as many of both")
        blanks = np.append(gaps[~is_end], filled)
        name = start[:, 0] + 1
        name_stop = np.minimum(blanks[np.searchsorted(blanks, name)], stop[:, 0])
        digit = data[name_stop - 1] - np.uint8(ZERO)  # others wrap to 10 and over
        numbered = (name_stop - name > 2) & (data[name_stop - 2] == SLASH) & (digit <= 9)
        name_stop = name_stop - 2 * numbered
        strange = np.flatnonzero((name_stop <= name) | (name_stop - name > LONGEST_NAME))
        if strange.size:
            bad = int(strange[0])
            raise self._fault(
                self.count + bad,
                f"a name of {name_stop[bad] - name[bad]} letters",
                f"1 to {LONGEST_NAME}",
            )
        used = int(ends[4 * n - 1]) + 1 if n else 0
        return Reads(data, name, name_stop, start[:, 1], start[:, 3], length[:, 1]), used

    def _require(self, good: NDArray[np.bool_], data: Bytes, at: Places, found: str, allowed: str) -> None:
        if not good.all():
            bad = int(np.argmin(good))
            letter = ascii(chr(data[at[bad]]))
            raise self._fault(self.count + bad, f"{found} {letter}", f"{allowed} (four lines a record)")

    def _fault(self, record: int, found: str, allowed: str) -> InputError:
        return fault(self.path, f"{found} in record {record + 1}", allowed)


def _is_blank(data: Bytes) -> bool:
    return bool((data <= BLANK).all())


def pairs(first: Path, second: Path) -> Iterator[tuple[Reads, Reads]]:
    """The records of two files, block by block, as many of each and with the same names.

    Raises:
        InputError: a file is damaged or no FASTQ, or the two are out of step.
    """
    with opened(first) as one, opened(second) as two:
        readers = Reader(first, one), Reader(second, two)
        done = 0
        for a, b in _in_step(*readers):
            bad = differing(a, b)
            if bad is not None:
                raise fault(
                    second,
                    f"read {b.name_at(bad)!r} as record {done + bad + 1}, where {first.name} has"
                    f" {a.name_at(bad)!r}",
                    "mates in the same order",
                )
            done += len(a)
            yield a, b


def _in_step(one: Reader, two: Reader) -> Iterator[tuple[Reads, Reads]]:
    a, b = one.read(), two.read()
    while a is not None and b is not None:
        n = min(len(a), len(b))
        yield a[:n], b[:n]
        a, b = (rest[n:] if len(rest) > n else reader.read() for rest, reader in ((a, one), (b, two)))
    for rest, longer, other in ((a, one, two), (b, two, one)):
        if rest is not None:
            raise fault(
                longer.path,
                f"more records than the {other.count} of {Path(other.path).name}",
                "as many in both files of a lane",
            )


def interleaved(handle: IO[bytes], name: str) -> Iterator[tuple[Reads, Reads]]:
    """Pairs from a stream in which each record is followed by its mate."""
    reader = Reader(name, handle)
    kept: Reads | None = None
    while (reads := reader.read()) is not None:
        if kept is not None:
            first, reads = reads[:1], reads[1:]
            yield kept, first
            kept = None
        if len(reads) % 2:
            kept = reads[len(reads) - 1 :]
        even = len(reads) // 2 * 2
        if even:
            yield reads[0:even:2], reads[1:even:2]
    if kept is not None:
        raise fault(name, "a read without its mate", "pairs")


@dataclass
class Measures:
    """What is counted of one mate's reads."""

    letters: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    qualities: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    reads: int = 0
    with_adapter: int = 0
    shortest: int = 2**31
    longest: int = 0

    def add(self, reads: Reads) -> None:
        """Count these reads."""
        if not len(reads):
            return
        self.reads += len(reads)
        self.shortest = min(self.shortest, int(reads.length.min()))
        self.longest = max(self.longest, int(reads.length.max()))
        order = np.argsort(reads.length, kind="stable")
        lengths, first = np.unique(reads.length[order], return_index=True)
        for length, some in zip(lengths.tolist(), np.split(order, first[1:]), strict=True):
            if length:
                sequence = _rows(reads.data, reads.sequence[some], length)
                self.letters += _histogram(sequence)
                self.qualities += _histogram(_rows(reads.data, reads.quality[some], length))
                self.with_adapter += _holding(sequence, length, ADAPTER)

    def facts(self) -> dict[str, float | int]:
        """The measures by name; fractions are of the bases, and of the reads for adapters."""
        bases = int(self.letters.sum())
        upper = self.letters[:128].copy()
        upper[65:91] += upper[97:123]
        quality = np.arange(256) - LOWEST
        known = int(upper[[65, 67, 71, 84]].sum())
        return {
            "reads": self.reads,
            "bases": bases,
            "length_min": self.shortest if self.reads else 0,
            "length_mean": _part(bases, self.reads),
            "length_max": self.longest,
            "quality_mean": _part(float(quality @ self.qualities), bases),
            "q30": _part(int(self.qualities[Q30:].sum()), bases),
            "gc": _part(int(upper[67] + upper[71]), known),
            "n": _part(bases - known, bases),
            "adapter": _part(self.with_adapter, self.reads),
        }

    def strangers(self) -> str:
        """Letters that are no nucleotide codes."""
        return "".join(chr(code) for code in np.flatnonzero(self.letters).tolist() if code not in IUPAC)

    def encoding(self) -> str:
        """What is wrong with the qualities; "" where they are Phred+33."""
        codes = np.flatnonzero(self.qualities).tolist()
        if not codes:
            return ""
        lowest, highest = codes[0], codes[-1]
        span = f"quality characters from {chr(lowest)!a} to {chr(highest)!a}"
        if lowest < LOWEST or highest > HIGHEST:
            return span
        return f"{span}, as in Phred+64" if lowest >= SOLEXA and highest > BEYOND_33 else ""


def _part(count: float, total: int) -> float:
    return round(count / total, 6) if total else 0.0


def _rows(data: Bytes, start: Places, length: int) -> Bytes:
    """Texts of the same length as rows."""
    windows = np.ndarray((len(data) - length + 1, length), np.uint8, data, strides=(1, 1))
    return windows[start]


def _histogram(rows: Bytes) -> NDArray[np.int64]:
    """How often each byte stands there; two are looked up at once."""
    flat = rows.ravel()
    even = len(flat) // 2 * 2
    both = np.bincount(flat[:even].view(np.uint16), minlength=65536).reshape(256, 256)
    counts: NDArray[np.int64] = both.sum(axis=0) + both.sum(axis=1)
    if len(flat) > even:
        counts[flat[-1]] += 1
    return counts


def _holding(rows: Bytes, length: int, text: bytes) -> int:
    """The number of rows that hold `text`."""
    flat = rows.tobytes()
    found: set[int] = set()
    at = flat.find(text)
    while at >= 0:
        row, column = divmod(at, length)
        if column + len(text) <= length:
            found.add(row)
        at = flat.find(text, at + 1)
    return len(found)
