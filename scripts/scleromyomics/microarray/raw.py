"""The bytes of a vendor's file, whole or refused, and text tables read without a loop over lines.

Plain files are mapped into memory, gzip files are unpacked with their checksum. A text file is a byte array
plus the first and last byte of each line; fields are taken from many lines at once.
"""

import gzip
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.errors import InputError

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

LONGEST_TEXT = 512  # letters of a name or number; the longest probe-set names have about 60
MOST_DIGITS = 18  # of an integer that surely fits 64 bits
TAB, LF, CR, SPACE, ZERO = 9, 10, 13, 32, 48


def fault(path: Path, found: str, allowed: str) -> InputError:
    """The one-line error for a file that cannot be taken."""
    return InputError(f"file {path}: found {found}; allowed: {allowed}")


def shown(text: object, longest: int = 40) -> str:
    """`text` in quotes, on one line and not long, for an error that cites what a broken file says."""
    quoted = ascii(str(text))
    return quoted if len(quoted) <= longest else f"{quoted[:longest]}...'"


def content(path: Path) -> Bytes:
    """All bytes of a plain (mapped) or gzip file (unpacked, its checksums verified).

    Raises:
        InputError: the file is missing, unreadable, empty, a damaged gzip, a zip archive or a web page.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(512)
        if head[:2] == b"\x1f\x8b":
            data = np.frombuffer(_unpacked(path), np.uint8)
            head = data[:512].tobytes()
        elif head:
            data = np.memmap(path, np.uint8, mode="r")
    except OSError as error:
        raise fault(path, f"a file that cannot be read ({error.strerror})", "a readable file") from error
    if not head:
        raise fault(path, "an empty file", "a file with content")
    if head[:4] == b"PK\x03\x04":
        raise fault(path, "a zip archive", "the file itself, plain or gzip")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise fault(path, "a web page (HTML or XML)", "the file itself: download it again")
    return data


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        while data[:2] == b"\x1f\x8b":  # archives hold files that were compressed twice
            data = gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        reason = "its end is missing" if isinstance(error, EOFError) else shown(error, 80)
        raise fault(
            path, f"a damaged gzip file ({reason})", "a complete one with the right checksum"
        ) from error
    return data


@dataclass(frozen=True)
class Text:
    """A text file as bytes and lines. All lines end in LF or CR LF, the last one included."""

    path: Path
    data: Bytes

    def __post_init__(self) -> None:
        if self.data[-1] != LF:
            raise fault(self.path, "a text file cut in the middle of its last line", "a complete file")

    @cached_property
    def stop(self) -> Integers:
        """One past the last byte of each line, its end not counted."""
        ends = np.flatnonzero(self.data == LF)
        ends[(ends > 0) & (self.data[ends - 1] == CR)] -= 1
        return ends

    @cached_property
    def start(self) -> Integers:
        """The first byte of each line."""
        return np.concatenate([[0], np.flatnonzero(self.data == LF)[:-1] + 1])

    @cached_property
    def tabs(self) -> Integers:
        """The position of each tab."""
        return np.flatnonzero(self.data == TAB)

    def starting(self, prefix: bytes) -> Integers:
        """The lines that start with `prefix`."""
        lines = np.flatnonzero(self.stop - self.start >= len(prefix))
        for offset, letter in enumerate(prefix):
            lines = lines[self.data[self.start[lines] + offset] == letter]
        return lines

    def line(self, number: int) -> str:
        """One line as text; bytes that are not UTF-8 are read as Latin-1."""
        found = self.data[self.start[number] : self.stop[number]].tobytes()
        try:
            return found.decode()
        except UnicodeDecodeError:
            return found.decode("latin-1")

    def settings(self, lines: Iterable[int], mark: str = "") -> dict[str, list[str]]:
        """The values of each key among `lines` of the form `key=value` after `mark`."""
        values: dict[str, list[str]] = {}
        for number in lines:
            key, equals, value = self.line(number).removeprefix(mark).partition("=")
            if equals:
                values.setdefault(key, []).append(value)
        return values

    def rows(self, lines: Integers) -> "Rows":
        """The given lines as rows of tab-separated fields."""
        first = np.searchsorted(self.tabs, self.start[lines])
        return Rows(self, lines, first, np.searchsorted(self.tabs, self.stop[lines]) - first + 1)

    def strings(self, start: Integers, stop: Integers) -> NDArray[np.bytes_]:
        """The text from each `start` up to `stop`."""
        width = int((stop - start).max(initial=1))
        if width > LONGEST_TEXT:
            raise fault(self.path, f"a field of {width} letters", f"at most {LONGEST_TEXT}")
        at = start[:, None] + np.arange(width)
        letters = np.where(at < stop[:, None], self.data[np.minimum(at, len(self.data) - 1)], 0)
        return letters.astype(np.uint8).view(f"S{width}")[:, 0]

    def integers(self, start: Integers, stop: Integers) -> Integers:
        """The non-negative integer written from each `start` up to `stop`; spaces before it do not count."""
        padded = self.data[start] == SPACE
        while padded.any():
            start = start + padded
            padded = (start < stop) & (self.data[start] == SPACE)
        length = stop - start
        values = np.zeros(len(start), np.int64)
        wrong = (length < 1) | (length > MOST_DIGITS)
        for offset in range(min(int(length.max(initial=0)), MOST_DIGITS)):
            inside = offset < length
            digit = self.data[np.where(inside, start + offset, 0)] - np.uint8(
                ZERO
            )  # others wrap to 10 and over
            wrong |= inside & (digit > 9)
            values = np.where(inside, values * 10 + digit, values)
        if wrong.any():
            bad = int(np.flatnonzero(wrong)[0])
            found = (
                self.data[start[bad] : min(stop[bad], start[bad] + LONGEST_TEXT)].tobytes().decode("latin-1")
            )
            number = int(np.searchsorted(self.start, start[bad], "right"))
            raise fault(self.path, f"{shown(found)} in line {number}", "a whole number")
        return values


@dataclass(frozen=True)
class Rows:
    """Lines of a text file as rows of tab-separated fields; `count` fields in each, counted from 0."""

    text: Text
    lines: Integers
    first: Integers
    count: Integers

    def bounds(self, field: int) -> tuple[Integers, Integers]:
        """The first byte of the field in each row, and one past its last."""
        if self.count.min(initial=field + 1) <= field:
            bad = int(np.argmin(self.count))
            found = f"{self.count[bad]} fields in line {self.lines[bad] + 1}"
            raise fault(self.text.path, found, f"at least {field + 1}")
        tabs = np.append(self.text.tabs, 0)  # a place to look at where a row has no further tab
        start = self.text.start[self.lines] if field == 0 else tabs[self.first + field - 1] + 1
        last = self.count == field + 1
        return start, np.where(last, self.text.stop[self.lines], tabs[self.first + field])

    def strings(self, field: int) -> NDArray[np.bytes_]:
        """The field of each row as bytes."""
        return self.text.strings(*self.bounds(field))

    def integers(self, field: int) -> Integers:
        """The field of each row as a non-negative integer."""
        return self.text.integers(*self.bounds(field))


def decoded(path: Path, names: NDArray[np.bytes_]) -> NDArray[np.str_]:
    """Names as text.

    Raises:
        InputError: a name is empty, or is not printable ASCII, as those of all vendors are.
    """
    letters = np.ascontiguousarray(names).view(np.uint8).reshape(len(names), -1)
    odd = ((letters < SPACE) | (letters > 126)) & (letters > 0)
    wrong = odd.any(axis=1) | (letters[:, 0] == 0)
    if wrong.any():
        raise fault(path, f"the name {shown(names[wrong][0].decode('latin-1'))}", "printable ASCII letters")
    return names.astype(np.str_)


def setting(path: Path, facts: dict[str, list[str]], key: str) -> int:
    """The whole number that a header gives for `key`, once."""
    values = facts.get(key, [])
    if len(values) != 1 or not re.fullmatch(r"[0-9]{1,9}", values[0].strip()):
        raise fault(path, f"{key} {shown(values)}", "one whole number")
    return int(values[0])
