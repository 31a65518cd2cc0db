"""The one table that every comparison of every assay writes: one row per feature tested, as Parquet.

Estimates are case minus reference, or later minus earlier, in `unit`. Rows are sorted by p-value, then
feature; rows without a p-value come last. Text is never null (empty: does not apply), counts are never null
(0), other numbers are null where there is no value. The same rows give the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.parquet import read_parquet, schema_of, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

# The columns in the order of the file, with the Arrow type of each.
COLUMNS: Mapping[str, str] = {
    "question": "string",
    "contrast": "string",  # what minus what, in words
    "assay": "string",
    "tissue": "string",  # of the cases
    "reference_tissue": "string",  # of the reference, where it is another one
    "cell_type": "string",
    "test": "string",  # one of TESTS
    "feature": "string",
    "gene_symbol": "string",
    "estimate": "double",
    "se": "double",
    "ci_low": "double",  # 95 % confidence interval
    "ci_high": "double",
    "unit": "string",  # of estimate, se, interval and mde
    "statistic": "double",
    "df": "double",
    "p_value": "double",
    "q_value": "double",  # false discovery rate within this table
    "mde": "double",  # smallest effect found with 80 % power
    "n_samples": "int32",
    "n_case": "int32",  # participants
    "n_reference": "int32",  # participants
    "n_participants": "int32",
    "n_pairs": "int32",  # complete pairs
    "estimate_pairs": "double",  # from complete pairs alone
    "p_pairs": "double",
    "estimate_unadjusted": "double",  # without covariates
    "flag": "string",  # what to know about this row, `;` between
    "formula": "string",
    "method": "string",
    "verdict": "string",  # RUN or CAUTION
}
TESTS = ("abundance", "composition", "detection", "dosage", "burden", "allele_fraction")
ROW_ORDER = ("p_value", "feature", "cell_type", "test", "contrast")  # what comes after feature breaks ties


def schema() -> "pa.Schema":
    """The Arrow schema of a result table."""
    return schema_of(COLUMNS)


def write_results(path: Path, columns: Mapping[str, object], *, rows: int) -> None:
    """Write a result table, sorted and atomically.

    Args:
        path: the Parquet file.
        columns: every column of `COLUMNS`: one value per row (any order), or one value for all rows. NaN is a
            number without a value, the empty text one that does not apply.
        rows: number of rows; 0 for a question that could not be answered.

    Raises:
        ValueError: if a column is absent, unknown, of another length, or holds what its type cannot.
    """
    import pyarrow as pa

    if columns.keys() != COLUMNS.keys():
        raise ValueError(f"{path}: absent or unknown columns: {sorted(columns.keys() ^ COLUMNS.keys())}")
    arrays = {name: _array(name, columns[name], rows) for name in COLUMNS}
    unknown = sorted(set(arrays["test"].tolist()) - set(TESTS))
    if unknown:
        raise ValueError(f"{path}: test {unknown[0]!r}; allowed: {', '.join(TESTS)}")
    order = np.lexsort([arrays[name] for name in reversed(ROW_ORDER)])  # NaN sorts last
    table = pa.table(
        [pa.array(arrays[field.name][order], type=field.type, from_pandas=True) for field in schema()],
        schema=schema(),
    )
    write_parquet(path, schema(), [table])


def read_results(path: Path) -> "pa.Table":
    """Read a result table.

    Raises:
        InputError: if the file is absent, damaged, or not a result table.
    """
    return read_parquet(path, schema(), "a result table")


def _array(name: str, value: object, rows: int) -> "np.ndarray[tuple[int], np.dtype[np.generic]]":
    """The column as a sortable array of `rows` values, in the type of its column."""
    kind = COLUMNS[name]
    values = np.asarray(value)
    if kind == "string" and not all(isinstance(text, str) for text in values.ravel().tolist()):
        raise ValueError(f"column {name}: texts expected, the empty one for none")
    if kind == "int32" and not (values.size == 0 or np.issubdtype(values.dtype, np.integer)):
        raise ValueError(f"column {name}: whole numbers expected, found {values.dtype}")
    if values.ndim and values.shape != (rows,):
        raise ValueError(f"column {name}: shape {values.shape} for {rows} rows")
    dtype = {"string": np.str_, "int32": np.int32, "double": np.float64}[kind]
    return np.broadcast_to(values.astype(dtype), (rows,))
