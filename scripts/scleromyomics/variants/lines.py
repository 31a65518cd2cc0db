"""Tab-separated text in blocks of whole lines: fields of many lines at once, without an object per line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.variants.fastq import LF, WORD, ZERO, Bytes, Places, words

BLOCK_BYTES = 16_000_000  # of text at once
TAB = 9

Hashes: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True)
class Lines:
    """Whole lines of a block; `data` has `WORD` spare bytes at its end."""

    data: Bytes
    start: Places
    stop: Places
    tabs: Places

    def __len__(self) -> int:
        return len(self.start)

    @cached_property
    def _first_tab(self) -> Places:
        return np.searchsorted(self.tabs, self.start)

    @cached_property
    def count(self) -> Places:
        """The number of fields of each line."""
        return np.searchsorted(self.tabs, self.stop) - self._first_tab + 1

    def __getitem__(self, which: slice | Places | NDArray[np.bool_]) -> "Lines":
        return Lines(self.data, self.start[which], self.stop[which], self.tabs)

    def bounds(self, field: int) -> tuple[Places, Places]:
        """Where a field of each line starts and stops; all lines have it."""
        start = self.start if field == 0 else self.tabs[self._first_tab + field - 1] + 1
        ends = np.append(self.tabs, 0)[self._first_tab + field]
        return start, np.where(self.count > field + 1, ends, self.stop)

    def numbers(self, field: int) -> Places:
        """A field of digits as numbers."""
        start, stop = self.bounds(field)
        values = np.zeros(len(self), np.int64)
        for offset in range(int((stop - start).max(initial=0))):
            inside = start + offset < stop
            digit = self.data[np.where(inside, start + offset, 0)].astype(np.int64) - ZERO
            values = np.where(inside, values * 10 + digit, values)
        return values

    def hashes(self, field: int) -> Hashes:
        """A number per line that stands for the text of a field."""
        return hashed(self.data, *self.bounds(field))

    def text(self, line: int, field: int) -> str:
        """The text of one field."""
        start, stop = self.bounds(field)
        return self.data[start[line] : stop[line]].tobytes().decode("utf-8", "replace")


def hashed(data: Bytes, start: Places, stop: Places) -> Hashes:
    """64 bits that stand for the text from each `start` to `stop`."""
    length = stop - start
    found = length.astype(np.uint64)
    for at, word in enumerate(words(data, start, stop)):
        mixed = (found ^ word) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        found = np.where(length > at * WORD, mixed, found)  # the same however long the other texts are
    return found


def text_hashes(*texts: str) -> Hashes:
    """What `hashed` gives for these texts."""
    encoded = [text.encode() for text in texts]
    stop = np.cumsum([len(text) for text in encoded])
    data = np.frombuffer(b"".join([*encoded, bytes(WORD)]), np.uint8)
    return hashed(data, np.concatenate([[0], stop[:-1]]), stop)


def blocks(
    handle: IO[bytes], rest: bytes = b"", whole: Callable[[Lines], Lines] | None = None
) -> Iterator[Lines]:
    """The lines of a stream, block by block.

    Args:
        handle: the stream.
        rest: what was read of it already.
        whole: takes those lines from a block's end that must stay together with lines of the next one.
    """
    ended = False
    while not ended:
        data = np.empty(max(BLOCK_BYTES, 2 * len(rest)) + WORD + 1, np.uint8)
        filled = len(rest)
        data[:filled] = np.frombuffer(rest, np.uint8)
        view = memoryview(data)  # type: ignore[arg-type]
        room = len(data) - WORD - 1
        while filled < room:
            got = handle.readinto(view[filled:room])  # type: ignore[attr-defined]
            if not got:
                ended = True
                break
            filled += got
        if ended and filled and data[filled - 1] != LF:
            data[filled] = LF  # a last line without an end
            filled += 1
        data[filled:] = 0
        lines = _parsed(data, filled)
        if whole and not ended:
            lines = whole(lines)
        used = int(lines.stop[-1]) + 1 if len(lines) else 0
        rest = data[used:filled].tobytes()
        if len(lines):
            yield lines


def _parsed(data: Bytes, filled: int) -> Lines:
    gaps = np.flatnonzero((data[:filled] == LF) | (data[:filled] == TAB))
    is_end = data[gaps] == LF
    stop = gaps[is_end]
    start = np.concatenate([[0], stop[:-1] + 1])[: len(stop)]
    return Lines(data, start, stop, gaps[~is_end])
