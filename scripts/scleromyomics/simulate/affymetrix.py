"""Write raw chip files as scanner and vendor lay them out: CEL version 4 (binary), CDF (binary, text).

Readable by affyio, affxparser and affy. Cells are numbered y * cols + x. Formats: Affymetrix data file
formats (CEL, CDF; 2008).
"""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.core.files import replacing
from scleromyomics.microarray import cdf, cel

EXPRESSION, TEXT_EXPRESSION = 1, 3  # unit type of expression probe sets in a binary and in a text CDF
ANTISENSE = 2  # the direction of most 3' expression probe sets
MARGIN = 2  # pixels at each side of a cell that the scanner's software leaves out
PIXELS_PER_CELL = 5  # pixels along a cell; leaves 1 x 1 to 3 x 3 inside the margin
ORIGIN = 150  # pixels before the grid's upper left corner
BASES, COMPLEMENTS = np.array([b"A", b"C", b"G", b"T"]), np.array([b"T", b"G", b"C", b"A"])
PERCENTILE = f"Percentile:75;CellMargin:{MARGIN};OutlierHigh:1.500;OutlierLow:1.004"

__all__ = ["write_cdf", "write_cdf_text", "write_cel"]


def write_cel(
    path: Path,
    *,
    intensities: ArrayLike,
    chip_name: str,
    rows: int,
    cols: int,
    stdev: ArrayLike | None = None,
    pixels: ArrayLike | None = None,
) -> None:
    """Write a binary CEL file (version 4), atomically.

    Args:
        path: the file.
        intensities: (rows * cols) of cell y * cols + x, scanner units; stored as 32-bit floats.
        chip_name: chip type, put into the DatHeader.
        rows: cells down the chip.
        cols: cells across the chip.
        stdev: (rows * cols) standard deviation of the pixels; a tenth of the intensity by default.
        pixels: (rows * cols) pixels behind each intensity; 9 (3 x 3) by default.
    """
    cells = np.empty(rows * cols, cel.CELL)
    cells["mean"] = intensities
    cells["stdev"] = cells["mean"] / 10 if stdev is None else stdev
    cells["pixels"] = 9 if pixels is None else pixels
    width, height = cols * PIXELS_PER_CELL, rows * PIXELS_PER_CELL
    right, low = ORIGIN + width, ORIGIN + height
    dat = (
        f"[0..65535]  {path.stem}:CLS={width + 2 * ORIGIN} RWS={height + 2 * ORIGIN} XIN=3  YIN=3  "
        f"VE=17        2.0 01/01/00 00:00:00    \x14  \x14 {chip_name}.1sq " + "\x14  " * 8 + "\x14 6"
    )
    header = (
        f"Cols={cols}\nRows={rows}\nTotalX={cols}\nTotalY={rows}\nOffsetX=0\nOffsetY=0\n"
        f"GridCornerUL={ORIGIN} {ORIGIN}\nGridCornerUR={right} {ORIGIN}\n"
        f"GridCornerLR={right} {low}\nGridCornerLL={ORIGIN} {low}\n"
        f"Axis-invertX=0\nAxisInvertY=0\nswapXY=0\nDatHeader={dat}\n"
        f"Algorithm=Percentile\nAlgorithmParameters={PERCENTILE}\n"
    )
    with replacing(path) as temporary, temporary.open("wb") as handle:
        handle.write(
            np.array([cel.BINARY_MAGIC, cel.BINARY_VERSION, rows, cols, rows * cols], "<i4").tobytes()
        )
        for text in (header, "Percentile", PERCENTILE):
            handle.write(np.array(len(text), "<i4").tobytes() + text.encode("latin-1"))
        handle.write(np.array([MARGIN, 0, 0, 0], "<i4").tobytes())  # no outlier, masked cell or sub-grid
        handle.write(cells.tobytes())


def write_cdf(
    path: Path,
    *,
    rows: int,
    cols: int,
    features: ArrayLike,
    starts: ArrayLike,
    pm: ArrayLike,
    mm: ArrayLike | None = None,
) -> None:
    """Write a binary (XDA) CDF of expression probe sets, atomically; its file name names the chip.

    Args:
        path: the file, named <chip type>.cdf.
        rows: cells down the chip.
        cols: cells across the chip.
        features: (n) names of the probe sets, at most 63 letters.
        starts: (n + 1) where the probes of each feature begin.
        pm: (probes) cell of each perfect-match probe, grouped by feature, 5' to 3'.
        mm: (probes) cell of its mismatch probe; None for a chip without.
    """
    names = np.asarray(features, f"S{cdf.NAME_SIZE}")
    cells, counts, per_atom = _cells(cols, starts, pm, mm)
    atoms = counts // per_atom
    heads = cdf.UNIT.itemsize + cdf.BLOCK.itemsize
    tables = cdf.HEAD.itemsize + len(names) * (cdf.NAME_SIZE + 4)
    sizes = heads + counts * cdf.CELL.itemsize
    at = tables + np.cumsum(sizes) - sizes
    data = np.zeros(tables + sizes.sum(), np.uint8)

    head = np.ndarray(1, cdf.HEAD, data)
    head[:] = (cdf.BINARY_MAGIC, cdf.BINARY_VERSION, cols, rows, len(names), 0, 0)
    np.ndarray(len(names), names.dtype, data, cdf.HEAD.itemsize)[:] = names
    np.ndarray(len(names), "<i4", data, tables - 4 * len(names))[:] = at

    unit = np.zeros(len(names), cdf.UNIT)
    unit["type"], unit["direction"], unit["blocks"] = EXPRESSION, ANTISENSE, 1
    unit["atoms"], unit["cells"], unit["cells_per_atom"] = atoms, counts, per_atom
    unit["number"] = np.arange(1, len(names) + 1)
    block = np.zeros(len(names), cdf.BLOCK)
    block["atoms"], block["cells"], block["cells_per_atom"] = atoms, counts, per_atom
    block["direction"], block["last_atom"], block["name"] = ANTISENSE, atoms - 1, names
    within = np.arange(len(cells)) - np.repeat(np.cumsum(counts) - counts, counts)
    _place(data, at, unit)
    _place(data, at + cdf.UNIT.itemsize, block)
    _place(data, np.repeat(at + heads, counts) + within * cdf.CELL.itemsize, cells)
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())


def write_cdf_text(
    path: Path,
    *,
    name: str,
    rows: int,
    cols: int,
    features: ArrayLike,
    starts: ArrayLike,
    pm: ArrayLike,
    mm: ArrayLike | None = None,
) -> None:
    """Write a text (GC3.0) CDF of expression probe sets, atomically; `name` is the chip type.

    The other arguments are those of `write_cdf`.
    """
    cells, counts, per_atom = _cells(cols, starts, pm, mm)
    x, y, atom = cells["x"].tolist(), cells["y"].tolist(), cells["atom"].tolist()
    index = (cells["y"].astype(int) * cols + cells["x"]).tolist()
    base, target = cells["base"].astype(str).tolist(), cells["target"].astype(str).tolist()
    lines = ["[CDF]", "Version=GC3.0", "", "[Chip]", f"Name={name}", f"Rows={rows}", f"Cols={cols}"]
    lines += [f"NumberOfUnits={len(counts)}", f"MaxUnit={len(counts)}", "NumQCUnits=0", "ChipReference=", ""]
    columns = "X Y PROBE FEAT QUAL EXPOS POS CBASE PBASE TBASE ATOM INDEX CODONIND CODON REGIONTYPE REGION"
    first = 0
    for unit, (feature, count) in enumerate(zip(np.asarray(features, str), counts.tolist(), strict=True), 1):
        size = [f"NumAtoms={count // per_atom}", f"NumCells={count}"]
        lines += [f"[Unit{unit}]", "Name=NONE", f"Direction={ANTISENSE}", *size, f"UnitNumber={unit}"]
        lines += [
            f"UnitType={TEXT_EXPRESSION}",
            "NumberBlocks=1",
            "",
            f"[Unit{unit}_Block1]",
            f"Name={feature}",
        ]
        lines += ["BlockNumber=1", *size, "StartPosition=0", f"StopPosition={count // per_atom - 1}"]
        lines += ["CellHeader=" + columns.replace(" ", "\t")]
        lines += [
            f"Cell{cell - first + 1}={x[cell]}\t{y[cell]}\tN\tcontrol\t{feature}\t{atom[cell]}\t13\t"
            f"{target[cell]}\t{base[cell]}\t{target[cell]}\t{atom[cell]}\t{index[cell]}\t-1\t-1\t99\t"
            for cell in range(first, first + count)
        ]
        lines += [""]
        first += count
    with replacing(path) as temporary:
        temporary.write_bytes("\r\n".join([*lines, ""]).encode("ascii"))


def _cells(
    cols: int, starts: ArrayLike, pm: ArrayLike, mm: ArrayLike | None
) -> tuple[NDArray[np.void], NDArray[np.int64], int]:
    """The cells of all probe sets in file order (PM, then its MM), their number per set, and per atom."""
    first = np.asarray(starts)
    pairs = np.asarray(pm)[:, None] if mm is None else np.column_stack([pm, mm])
    atoms = np.diff(first)
    cells = np.zeros(pairs.shape, cdf.CELL)
    cells["atom"] = (np.arange(len(pairs)) - np.repeat(first[:-1], atoms))[:, None]
    cells["index"] = cells["atom"]
    cells["x"], cells["y"] = pairs % cols, pairs // cols
    letter = cells["atom"] % len(BASES)  # every base occurs, as readers expect
    cells["target"] = BASES[letter]
    cells["base"] = BASES[letter]  # a mismatch carries the target's own base
    cells["base"][:, 0] = COMPLEMENTS[letter[:, 0]]
    return cells.ravel(), atoms * pairs.shape[1], pairs.shape[1]


def _place(data: NDArray[np.uint8], at: NDArray[np.int64], records: NDArray[np.void]) -> None:
    """Put each record into `data` from its byte position on."""
    np.ndarray(len(data) - records.itemsize + 1, records.dtype, data, strides=(1,))[at] = records
