"""Read one sheet (TSV, one header line) into rows with typed values, and every fault in it.

A fault never hides another: a row with a faulty cell keeps its other cells, a sheet with the wrong separator is
read with it, and text that is not UTF-8 is read on as if it were Latin-1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scleromyomics.plan.sheets.cells import RefusedError, plain, similar
from scleromyomics.plan.sheets.columns import Column
from scleromyomics.plan.sheets.faults import Fault, Severity

SEPARATORS = {",": "commas", ";": "semicolons", "|": "bars", " ": "blanks"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its cells as they stand, and the values of those without fault."""

    line: int
    cells: dict[str, str]
    values: dict[str, Any]

    def get(self, column: str) -> Any:
        """The cell's value; None when it is blank or faulty."""
        return self.values.get(column)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its rows and its faults so far."""

    file: str
    present: bool = True  # False: the file could not be read, so that nothing can be said about what it lacks
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, row: Row, column: str, problem: str, allowed: str, severity: Severity = "error") -> Fault:
        """A fault of one cell of this sheet."""
        return Fault(self.file, row.line, column, row.cells.get(column), problem, allowed, severity)


def read_sheet(path: Path, columns: Sequence[Column], *, may_be_empty: bool = False) -> Sheet:
    """Read a sheet.

    Args:
        path: the TSV file.
        columns: what it may hold.
        may_be_empty: whether a header line alone is enough.

    Returns:
        Its rows, in file order, and its faults.
    """
    sheet = Sheet(path.name)
    lines = _lines(path, sheet)
    if lines is None:
        return Sheet(path.name, present=False, faults=sheet.faults)
    header, separator = _header(lines[0], columns, sheet)
    known = {column.name: column for column in columns}
    readers = {name: _reader(known[name]) for name in header if name in known and header.count(name) == 1}
    absent = {one.name: one.blank for one in columns if not one.required and one.name not in header}
    for line, text in enumerate(lines[1:], start=2):
        found = text.split(separator)
        if not text.strip():
            sheet.faults.append(Fault(path.name, line, "", None, "is a blank line", "one row per line"))
            continue
        row = Row(line, dict(zip(header, found, strict=False)), dict(absent))
        sheet.rows.append(row)
        if len(found) != len(header):
            problem = f"has {len(found)} cells where the header line has {len(header)}"
            sheet.faults.append(
                Fault(path.name, line, "", text, problem, "as many tabs as in the header line")
            )
            continue
        for name, read in readers.items():
            value = read(row.cells[name])
            if isinstance(value, RefusedError):
                sheet.faults.append(sheet.fault(row, name, value.problem, value.allowed))
            else:
                row.values[name] = value
    if not sheet.rows and not may_be_empty:
        sheet.faults.append(
            Fault(path.name, 0, "", None, "has no rows", "at least one row below the header line")
        )
    return sheet


def _lines(path: Path, sheet: Sheet) -> list[str] | None:
    """The lines of the file without their ends; None when there are none."""
    name = path.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        sheet.faults.append(
            Fault(name, 0, "", None, "is missing", "the five sheets, each with its header line")
        )
        return None
    except OSError as error:
        sheet.faults.append(Fault(name, 0, "", None, f"cannot be read ({error.strerror})", "a readable file"))
        return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        sheet.faults.append(Fault(name, 1, "", None, "is UTF-16 text", "UTF-8"))
        return None
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
        problem = "begins with a byte-order mark, which is left out"
        sheet.faults.append(Fault(name, 1, "", None, problem, "UTF-8 without a byte-order mark", "warning"))
    if b"\r\n" in content:
        content = content.replace(b"\r\n", b"\n")
        problem = "has line ends CR LF, which are read as LF"
        sheet.faults.append(Fault(name, 1, "", None, problem, "line ends LF (Unix)", "warning"))
    lines = content.removesuffix(b"\n").split(b"\n")
    if not content.strip():
        sheet.faults.append(Fault(name, 0, "", None, "is empty", "a header line, then one row per line"))
        return None
    return [_decoded(line, number, sheet) for number, line in enumerate(lines, start=1)]


def _decoded(line: bytes, number: int, sheet: Sheet) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
        sheet.faults.append(
            Fault(sheet.file, number, "", text, "is not UTF-8 (Latin-1?)", "text saved as UTF-8")
        )
        return text


def _header(line: str, columns: Sequence[Column], sheet: Sheet) -> tuple[list[str], str]:
    """The names of the header line and what separates them; faults are added to the sheet."""
    names = [column.name for column in columns]
    separator = "\t"
    if separator not in line:
        other = max(SEPARATORS, key=line.count)
        if line.count(other) >= 2:
            separator = other
            problem = f"cells are separated by {SEPARATORS[other]}"
            sheet.faults.append(Fault(sheet.file, 1, "", line, problem, "tabs between cells"))
    header = line.split(separator)
    allowed = ", ".join(names)
    for place, name in enumerate(header):
        if name in header[:place]:
            sheet.faults.append(Fault(sheet.file, 1, name, name, "is there twice", "each column once"))
        elif name not in names:
            problem = f"is not a column of this sheet{similar(name, names)}"
            sheet.faults.append(Fault(sheet.file, 1, name, name, problem, allowed))
    sheet.faults.extend(
        Fault(sheet.file, 1, column.name, None, "this column is missing", f"a header line with {column.name}")
        for column in columns
        if column.required and column.name not in header
    )
    return header, separator


def _reader(column: Column) -> Callable[[str], Any]:
    """What reads a cell (a refusal is returned, not raised), with a memory of the cells that it has seen."""

    @cache
    def read(cell: str) -> Any:
        try:
            if cell.strip():
                return column.parse(cell)
            plain(cell, "a filled cell" if column.required else "a filled or an empty cell")
        except RefusedError as refusal:
            return refusal
        return RefusedError("is blank", "a filled cell") if column.required else column.blank

    return read
