"""Read chip definition files (CDF): text (GC3.0) and binary (XDA), plain or gzip, to the probes of a chip.

A CDF groups the cells of a chip into probe sets. A cell is a perfect match (PM) when its base is the
complement of the target's, the rule of affyio, makecdfenv and affxparser; mismatch cells are not used.
Formats: Affymetrix data file formats (CDF, 2008).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.microarray.cel import Cursor
from scleromyomics.microarray.raw import Bytes, Integers, Text, content, decoded, fault, setting, shown

BINARY_MAGIC, BINARY_VERSION = 67, 1
NAME_SIZE = 64
HEAD = np.dtype([("magic", "<i4"), ("version", "<i4"), ("cols", "<u2"), ("rows", "<u2"), ("units", "<i4"),
                 ("controls", "<i4"), ("reference", "<i4")])  # fmt: skip
UNIT = np.dtype([("type", "<u2"), ("direction", "u1"), ("atoms", "<i4"), ("blocks", "<i4"), ("cells", "<i4"),
                 ("number", "<i4"), ("cells_per_atom", "u1")])  # fmt: skip
BLOCK = np.dtype([("atoms", "<i4"), ("cells", "<i4"), ("cells_per_atom", "u1"), ("direction", "u1"),
                  ("first_atom", "<i4"), ("last_atom", "<i4"), ("name", f"S{NAME_SIZE}")])  # fmt: skip
CELL = np.dtype(
    [("atom", "<i4"), ("x", "<u2"), ("y", "<u2"), ("index", "<i4"), ("base", "S1"), ("target", "S1")]
)
PAIRS = (b"AT", b"TA", b"CG", b"GC")

__all__ = ["Layout", "read_cdf"]


@dataclass(frozen=True)
class Layout:
    """The probes that a definition gives to its features.

    Attributes:
        chips: chip types that the definition is for, the first being its own name.
        rows: cells down the chip.
        cols: cells across the chip.
        features: (n) names of the probe sets, in the file's order.
        owner: (probes) the feature, as a position in `features`, of each probe.
        cell: (probes) cell index y * cols + x; within a feature in transcript order.
    """

    chips: tuple[str, ...]
    rows: int
    cols: int
    features: NDArray[np.str_]
    owner: Integers
    cell: Integers


def read_cdf(path: Path) -> Layout:
    """Read the PM probes of a text or binary CDF.

    A binary CDF does not name its chip: the file name does, as the vendor ships it.

    Raises:
        InputError: the file is incomplete, damaged, or not a CDF.
    """
    data = content(path)
    head = data[: HEAD.itemsize].tobytes()
    if head.startswith(b"[CDF]"):
        return _read_text(path, data)
    if head[:4] == np.array(BINARY_MAGIC, "<i4").tobytes():
        return _read_binary(path, data)
    raise fault(path, f"content that starts with {shown(head[:8].decode('latin-1'))}", "a text or binary CDF")


def _layout(  # noqa: PLR0917 - the columns of one table
    path: Path, shape: tuple[str, int, int], names: NDArray[np.bytes_], owner: Integers,
    atom: Integers, x: Integers, y: Integers, bases: NDArray[np.bytes_],
) -> Layout:  # fmt: skip
    name, rows, cols = shape
    outside = (x >= cols) | (y >= rows)
    if outside.any():
        bad = int(np.argmax(outside))
        raise fault(path, f"a cell at x {x[bad]}, y {y[bad]}", f"cells within {cols} x {rows}")
    order = np.lexsort([atom, owner])
    order = order[np.isin(np.char.upper(bases[order]), PAIRS)]
    return Layout((name,), rows, cols, decoded(path, names), owner[order], (y * cols + x)[order])


def _read_binary(path: Path, data: Bytes) -> Layout:
    cursor = Cursor(path, data, "<")
    head = cursor.array(HEAD, 1)[0]
    if head["version"] != BINARY_VERSION:
        raise fault(path, f"a binary CDF of version {head['version']}", f"version {BINARY_VERSION}")
    units = int(head["units"])
    cursor.take(int(head["reference"]))
    cursor.array(f"S{NAME_SIZE}", units)  # again in the blocks
    cursor.array("<i4", int(head["controls"]))
    at = cursor.array("<i4", units).astype(np.int64)
    unit = _records(path, data, at, UNIT)
    at = at + UNIT.itemsize
    owner: list[Integers] = []
    positions: list[Integers] = []
    names: list[NDArray[np.bytes_]] = []
    for number in range(_bounded(path, data, int(unit["blocks"].max(initial=0)), BLOCK.itemsize)):
        left = unit["blocks"] > number
        unit, at = unit[left], at[left]
        block = _records(path, data, at, BLOCK)
        at = at + BLOCK.itemsize
        cells = block["cells"].astype(np.int64)
        _bounded(path, data, int(cells.sum()) if cells.min(initial=0) >= 0 else -1, CELL.itemsize)
        within = np.arange(cells.sum()) - np.repeat(np.cumsum(cells) - cells, cells)
        positions.append(np.repeat(at, cells) + within * CELL.itemsize)
        owner.append(np.repeat(np.arange(len(block)) + sum(len(found) for found in names), cells))
        names.append(block["name"])
        at = at + cells * CELL.itemsize
    if not names:
        raise fault(path, "no probe set", "a CDF with probe sets")
    cell = _records(path, data, np.concatenate(positions), CELL)
    return _layout(
        path,
        (path.name.removesuffix(".gz").rpartition(".")[0], int(head["rows"]), int(head["cols"])),
        np.concatenate(names),
        np.concatenate(owner),
        cell["atom"].astype(np.int64),
        cell["x"].astype(np.int64),
        cell["y"].astype(np.int64),
        np.char.add(cell["base"], cell["target"]),
    )


def _records(path: Path, data: Bytes, at: Integers, kind: np.dtype[np.void]) -> NDArray[np.void]:
    """The record of a type that starts at each of the byte positions `at`."""
    if len(at) and not 0 <= at.min() <= at.max() <= len(data) - kind.itemsize:
        found = f"{len(data)} bytes where a part at {at.max()} is announced"
        raise fault(path, f"a truncated or corrupted file ({found})", "a complete CDF")
    everywhere = np.ndarray(len(data) - kind.itemsize + 1, kind, data, strides=(1,))
    return everywhere[at]


def _bounded(path: Path, data: Bytes, number: int, size: int) -> int:
    """`number`, unless so many records of `size` bytes cannot lie in the file."""
    if not 0 <= number * size <= len(data):
        raise fault(path, f"{number} parts of {size} bytes in {len(data)} bytes", "a complete CDF")
    return number


def _read_text(path: Path, data: Bytes) -> Layout:
    text = Text(path, data)
    heads = text.starting(b"[")
    unit_heads = text.starting(b"[Unit")
    titles = text.strings(text.start[unit_heads], text.stop[unit_heads])
    is_block = np.char.find(titles, b"_Block") > 0
    if not is_block.any():
        raise fault(path, "no probe set", "a CDF with probe sets")
    facts = text.settings(range(int(unit_heads[0])))
    rows, cols, units = (setting(path, facts, key) for key in ("Rows", "Cols", "NumberOfUnits"))
    block_heads = unit_heads[is_block]
    ends = np.append(heads, len(text.start))[np.searchsorted(heads, block_heads) + 1]

    def values(key: bytes, owners: Integers, ends: Integers) -> tuple[Integers, Integers]:
        """Where the value of `key=` stands in each section, one per section."""
        lines = text.starting(key + b"=")
        section = np.searchsorted(owners, lines, "right") - 1
        lines = lines[(section >= 0) & (lines < ends[section])]
        if not np.array_equal(np.searchsorted(owners, lines, "right") - 1, np.arange(len(owners))):
            found = f"{len(lines)} entries {key.decode()} in {len(owners)} sections"
            raise fault(path, f"a truncated or corrupted file ({found})", "one in each")
        return text.start[lines] + len(key) + 1, text.stop[lines]

    announced = text.integers(*values(b"NumCells", block_heads, ends))
    names = text.strings(*values(b"Name", block_heads, ends))
    layouts = np.unique(text.strings(*values(b"CellHeader", block_heads, ends)))
    cells = text.starting(b"Cell")
    cells = cells[text.data[text.start[cells] + len(b"Cell")] != ord("H")]
    owner = np.searchsorted(block_heads, cells, "right") - 1
    inside = (owner >= 0) & (cells < ends[owner])
    cells, owner = cells[inside], owner[inside]
    wrong = np.flatnonzero(np.bincount(owner, minlength=len(names)) != announced)
    unit_ends = np.append(heads, len(text.start))[np.searchsorted(heads, unit_heads[~is_block]) + 1]
    blocks = text.integers(*values(b"NumberBlocks", unit_heads[~is_block], unit_ends))
    if wrong.size or len(blocks) != units or blocks.sum() != len(names):
        found = f"{len(blocks)} units, {len(names)} blocks, {wrong.size} of them with missing cells"
        allowed = f"{units} units, {blocks.sum()} complete blocks, as it says itself"
        raise fault(path, f"a truncated or corrupted file ({found})", allowed)
    if len(layouts) != 1:
        raise fault(path, f"{len(layouts)} different CellHeader lines in probe sets", "the same in all")
    columns = layouts[0].decode("latin-1").split("\t")
    table = text.rows(cells)

    def column(name: str) -> tuple[Integers, Integers]:
        if name not in columns:
            raise fault(path, f"no column {name} in CellHeader", "X Y ... PBASE TBASE ATOM ...")
        return table.bounds(columns.index(name))

    equals = np.append(np.flatnonzero(data == ord("=")), len(data) - 1)
    x_start = equals[np.searchsorted(equals, text.start[cells])] + 1
    x = text.integers(x_start, column("X")[1])
    bases = np.char.add(text.strings(*column("PBASE")), text.strings(*column("TBASE")))
    name = facts.get("Name", [""])[0].strip()
    if not name:
        raise fault(path, "no Name of the chip", "a CDF that names its chip")
    y, atom = text.integers(*column("Y")), text.integers(*column("ATOM"))
    return _layout(path, (name, rows, cols), names, owner, atom, x, y, bases)
