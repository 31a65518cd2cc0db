"""Read one sample's column of an expression table: TSV, or GEO series matrix, plain or gzip.

Both are features x samples with one header line; values are taken as given, on the table's own scale. A
series matrix must hold its end mark; its names may stand in quotes. Cells that are empty, NA or null are
features not measured in the sample.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scleromyomics.microarray.raw import Integers, Text, content, decoded, fault, shown

BEGIN, END = b"!series_matrix_table_begin", b"!series_matrix_table_end"
MISSING = (b"", b"na", b"nan", b"null")  # in lower case

__all__ = ["Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """One sample's values.

    Attributes:
        features: (n) names, sorted.
        values: (n) float64, on the table's scale.
        n_missing: features of the table that have no value in this sample.
    """

    features: NDArray[np.str_]
    values: NDArray[np.float64]
    n_missing: int


def read_table(path: Path, kind: Literal["table", "series_matrix"], column: str) -> Table:
    """Read the column of a sample.

    Raises:
        InputError: the file is incomplete or damaged, the column is not there once, a feature is listed
            twice, or a value is no number.
    """
    text = Text(path, content(path))
    lines = _series_matrix_lines(text) if kind == "series_matrix" else np.arange(len(text.start))
    lines = lines[text.stop[lines] > text.start[lines]]
    if len(lines) < 2:
        raise fault(path, f"{len(lines)} lines in the table", "a header and one line per feature")
    columns = [name.strip('"') for name in text.line(int(lines[0])).split("\t")]
    if columns[1:].count(column) != 1:
        some = ", ".join(columns[1:4])
        found = f"{columns[1:].count(column)} columns {shown(column)} among {len(columns) - 1}"
        raise fault(path, found, f"one of that name (the table has {shown(some, 80)} ...)")
    rows = text.rows(lines[1:])
    uneven = np.flatnonzero(rows.count != len(columns))
    if uneven.size:
        found = f"{rows.count[uneven[0]]} fields in line {rows.lines[uneven[0]] + 1}"
        raise fault(path, found, f"{len(columns)}, as in the header")
    names = decoded(path, np.char.strip(np.char.strip(rows.strings(0)), b'"'))
    values = np.char.strip(np.char.strip(rows.strings(columns[1:].index(column) + 1)), b'"')
    features, first = np.unique(names, return_index=True)
    if len(features) != len(names):
        twice = np.delete(names, first)[0]
        raise fault(path, f"feature {shown(twice)} twice", "each once")
    absent = np.isin(np.char.lower(values[first]), MISSING)
    try:
        numbers = values[first][~absent].astype(np.float64)
    except ValueError as error:
        raise fault(path, f"a value that is no number ({shown(error, 80)})", "numbers") from error
    return Table(features[~absent], numbers, int(absent.sum()))


def _series_matrix_lines(text: Text) -> Integers:
    begin, end = text.starting(BEGIN), text.starting(END)
    if len(begin) != 1 or len(end) != 1 or end[0] < begin[0]:
        found = f"{len(begin)} begin and {len(end)} end marks of the table"
        raise fault(text.path, f"a truncated file or no series matrix ({found})", "one of each")
    return np.arange(begin[0] + 1, end[0])
