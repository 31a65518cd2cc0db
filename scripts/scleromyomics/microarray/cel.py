"""Read Affymetrix CEL files: version 3 (text), version 4 (binary) and Command Console generic, plain or gzip.

A CEL file holds one intensity per cell of the chip, in scanner units (0 to 65,535): the 75th percentile of
the cell's pixels. Cells are returned in index order, y * cols + x. A file is complete when every part that
its counts announce is there and nothing follows. Formats: Affymetrix data file formats (Command Console
developer documents, 2008).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scleromyomics.microarray.raw import Bytes, Rows, Text, content, fault, setting, shown

CHIP_TYPE = re.compile(r"([^\s\x14]+)\.1sq", re.IGNORECASE)  # in the DatHeader, between \x14 marks
BINARY_MAGIC, BINARY_VERSION = 64, 4
CONSOLE_MAGIC, CONSOLE_VERSION = 59, 1
CELL = np.dtype([("mean", "<f4"), ("stdev", "<f4"), ("pixels", "<i2")])
POSITION_SIZE = 4  # bytes of a masked or outlier cell: x, y as 16-bit integers
SUBGRID_SIZE = (
    56  # bytes of a sub-grid: its row and column, four corners as pairs of floats, four cell numbers
)
CONSOLE_FLOAT = 6  # the code of 32-bit floats among the generic format's column types

__all__ = ["Cel", "read_cel"]


@dataclass(frozen=True)
class Cel:
    """One scanned chip.

    Attributes:
        chip: chip type as the scanner wrote it ("HG-U133_Plus_2").
        rows: cells down the chip.
        cols: cells across the chip.
        version: "3", "4" or "command console".
        intensity: (rows * cols) float64, scanner units, of cell y * cols + x.
    """

    chip: str
    rows: int
    cols: int
    version: str
    intensity: NDArray[np.float64]


def read_cel(path: Path) -> Cel:
    """Read a CEL file of any of the three formats.

    Raises:
        InputError: the file is incomplete, damaged, or not a CEL file. Values are not judged here.
    """
    data = content(path)
    head = data[:8].tobytes()
    if head.startswith(b"[CEL]"):
        return _read_text(path, data)
    if head[:2] == bytes([CONSOLE_MAGIC, CONSOLE_VERSION]):
        return _read_console(path, data)
    if head == np.array([BINARY_MAGIC, BINARY_VERSION], "<i4").tobytes():
        return _read_binary(path, data)
    allowed = "a CEL file of version 3 or 4 or of Command Console"
    raise fault(path, f"content that starts with {shown(head.decode('latin-1'))}", allowed)


class Cursor:
    """Reads values one after the other from bytes; what lies beyond their end is a fault of the file."""

    def __init__(self, path: Path, data: Bytes, order: str) -> None:
        """Start at the first byte; `order` is "<" for little-endian numbers, ">" for big-endian ones."""
        self.path, self.data, self.order, self.at = path, data, order, 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        self.require(size)
        self.at += size
        return self.data[self.at - size : self.at].tobytes()

    def require(self, size: int) -> None:
        """Fault unless `size` more bytes are there."""
        if not 0 <= size <= len(self.data) - self.at:
            found = f"{len(self.data)} bytes where part {self.at} + {size} is announced"
            raise fault(self.path, f"a truncated or corrupted file ({found})", "a complete file")

    def number(self, kind: str = "i4") -> int:
        """The next integer."""
        return int(np.frombuffer(self.take(np.dtype(kind).itemsize), self.order + kind)[0])

    def text(self, width: int = 1) -> str:
        """The next string: its length, then letters of `width` bytes (1: Latin-1, 2: UTF-16)."""
        found = self.take(self.number() * width)
        return found.decode("latin-1" if width == 1 else "utf-16-be", errors="replace").rstrip("\0")

    def array(self, kind: DTypeLike, size: int) -> NDArray[np.void]:
        """The next `size` values of a type, not copied."""
        self.require(size * np.dtype(kind).itemsize)
        found = np.ndarray(size, kind, self.data, self.at)
        self.at += found.nbytes
        return found


def _read_binary(path: Path, data: Bytes) -> Cel:
    cursor = Cursor(path, data, "<")
    cursor.take(8)
    rows, cols, cells = (
        cursor.number(),
        cursor.number(),
        cursor.number(),
    )  # the vendor's readers take rows first
    _require_grid(path, rows, cols, cells)
    header = cursor.text()
    for key, number in (("Rows", rows), ("Cols", cols)):
        written = re.search(rf"^{key}=(\d+)", header, re.MULTILINE | re.ASCII)
        if written and written[1] != str(number):
            raise fault(path, f"{key} {shown(written[1])} in its header text", f"{number}, as in its counts")
    cursor.text()  # algorithm
    cursor.text()  # its parameters
    cursor.number()  # cell margin
    outliers, masked, subgrids = (cursor.number("u4") for _ in range(3))
    mean = cursor.array(CELL, cells)["mean"].astype(np.float64)
    cursor.require((outliers + masked) * POSITION_SIZE + subgrids * SUBGRID_SIZE)
    cursor.at += (outliers + masked) * POSITION_SIZE + subgrids * SUBGRID_SIZE
    _require_end(cursor)
    return Cel(_chip_type(path, header), rows, cols, "4", mean)


def _read_console(path: Path, data: Bytes) -> Cel:
    cursor = Cursor(path, data, ">")
    cursor.take(2)
    groups, group = cursor.number(), cursor.number("u4")
    if groups != 1:
        raise fault(path, f"{groups} data groups", "one, as in a CEL file of one channel")
    kind = cursor.text()
    if kind != "affymetrix-calvin-intensity":
        raise fault(path, f"a Command Console file of type {shown(kind)}", "'affymetrix-calvin-intensity'")
    cursor.text()  # file identifier
    cursor.text(2)  # date and time
    cursor.text(2)  # locale
    facts = _parameters(cursor)
    cols = int.from_bytes(facts.get("affymetrix-cel-cols", b"")[:4])
    rows = int.from_bytes(facts.get("affymetrix-cel-rows", b"")[:4])
    chip = facts.get("affymetrix-array-type", b"").decode("utf-16-be", errors="replace").strip("\0 ")
    if not chip:
        raise fault(path, "no chip type (affymetrix-array-type)", "a CEL file that names its chip")
    sets = _data_sets(cursor, group)
    if "Intensity" not in sets:
        raise fault(path, "no data set of intensities", "a CEL file")
    _require_end(cursor)
    mean = sets["Intensity"]
    _require_grid(path, rows, cols, len(mean))
    return Cel(chip, rows, cols, "command console", mean.astype(np.float64))


def _parameters(cursor: Cursor) -> dict[str, bytes]:
    found = {}
    for _ in range(cursor.number()):
        name = cursor.text(2)
        found[name] = cursor.take(cursor.number())
        cursor.text(2)  # type
    return found


def _data_sets(cursor: Cursor, group: int) -> dict[str, NDArray[np.void]]:
    """The columns that are one float each, by the name of their data set; ends behind the last data set."""
    cursor.at = 0
    cursor.take(group)
    cursor.number("u4")  # next group
    following = cursor.number("u4")
    number = cursor.number()
    cursor.text(2)  # name of the group
    found = {}
    for _ in range(number):
        if following < cursor.at:
            raise fault(
                cursor.path, "a data set that lies before its place", "a CEL file with an intact index"
            )
        cursor.take(following - cursor.at)
        elements, following = cursor.number("u4"), cursor.number("u4")
        name = cursor.text(2)
        _parameters(cursor)
        columns = []
        for _ in range(cursor.number("u4")):
            cursor.text(2)  # name of the column
            columns.append((cursor.number("i1"), cursor.number()))
        rows = cursor.number("u4")
        if elements != cursor.at or any(size < 1 for _, size in columns):
            raise fault(cursor.path, f"a broken index of the data set {shown(name)}", "an intact CEL file")
        if columns == [(CONSOLE_FLOAT, 4)]:
            found[name] = cursor.array(">f4", rows)
        else:
            cursor.require(rows * sum(size for _, size in columns))
            cursor.at += rows * sum(size for _, size in columns)
    return found


def _read_text(path: Path, data: Bytes) -> Cel:
    text = Text(path, data)
    heads = text.starting(b"[")
    names = [text.line(head) for head in heads[:20]]
    wanted = ["[CEL]", "[HEADER]", "[INTENSITY]", "[MASKS]", "[OUTLIERS]", "[MODIFIED]"]
    if names != wanted:
        missing = [name for name in wanted if name not in names]
        found = f"no section {missing[0]}" if missing else f"the sections {shown(' '.join(names))}"
        raise fault(path, f"a truncated or corrupted file ({found})", " ".join(wanted))
    stops = np.append(heads[1:], len(text.start))
    facts = text.settings(range(1, heads[2]))
    if facts.get("Version") != ["3"]:
        raise fault(path, f"a text CEL file of version {shown(facts.get('Version'))}", "version 3")
    tables = [_section(text, int(head), int(stop)) for head, stop in zip(heads[2:], stops[2:], strict=True)]
    rows, cols = (setting(path, facts, key) for key in ("Rows", "Cols"))
    _require_grid(path, rows, cols, len(tables[0].lines))
    x, y = tables[0].integers(0), tables[0].integers(1)
    index = y * cols + x
    once = np.bincount(index[(x < cols) & (y < rows)], minlength=rows * cols)
    if not (once == 1).all():
        raise fault(path, f"{np.count_nonzero(once != 1)} cells not listed exactly once", "every cell once")
    try:
        values = np.char.strip(tables[0].strings(2)).astype(np.float64)
    except ValueError as error:
        raise fault(path, f"an intensity that is no number ({shown(error, 80)})", "numbers") from error
    intensity = np.empty(rows * cols)
    intensity[index] = values
    header = facts.get("DatHeader", [""])[0]
    return Cel(_chip_type(path, header), rows, cols, "3", intensity)


def _section(text: Text, head: int, stop: int) -> Rows:
    """The cells of a section, as many as it announces."""
    facts = text.settings(range(head + 1, min(head + 3, stop)))
    cells = setting(text.path, facts, "NumberCells")
    lines = np.arange(head + 3, stop)
    filled = text.stop[lines] > text.start[lines]
    if "CellHeader" not in facts or np.count_nonzero(filled) != cells or not filled[:cells].all():
        found = f"{np.count_nonzero(filled)} cells in {shown(text.line(head))}"
        raise fault(text.path, f"a truncated or corrupted file ({found})", f"{cells}, as its header says")
    return text.rows(lines[:cells])


def _chip_type(path: Path, header: str) -> str:
    match = CHIP_TYPE.search(header)
    if match is None:
        raise fault(path, "no chip type in its header (DatHeader ... .1sq)", "a CEL file that names its chip")
    return match[1]


def _require_grid(path: Path, rows: int, cols: int, cells: int) -> None:
    if rows < 1 or cols < 1 or rows * cols != cells:
        raise fault(path, f"{cells} cells on {rows} x {cols}", "rows x columns = cells")


def _require_end(cursor: Cursor) -> None:
    excess = len(cursor.data) - cursor.at
    if excess:
        raise fault(
            cursor.path, f"{excess} bytes more than its header announces", "nothing behind the last part"
        )
