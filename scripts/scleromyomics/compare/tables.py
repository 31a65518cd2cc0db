"""The tables of a release, one per question, assay, tissue, cell type, test and contrast.

A result file holds one table, or several: one per cell type, for example.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scleromyomics.core.results import read_results

if TYPE_CHECKING:
    import pyarrow as pa


class Key(NamedTuple):
    """What a table answers; tables are sorted by it."""

    question: str
    contrast: str
    assay: str
    tissue: str
    cell_type: str
    test: str


def split(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[tuple[Key, "pa.Table"]]:
    """Yield every table of result files, in the order of the files, with the rows in theirs.

    Args:
        paths: result files; those of zero rows yield nothing.
        columns: which columns to yield beside the key.
    """
    import pyarrow.compute as pc

    for path in paths:
        results = read_results(path)
        keys = results.group_by(Key._fields, use_threads=False).aggregate([]).to_pylist()
        for key in keys:
            rows = None
            for name, value in key.items() if len(keys) > 1 else ():
                here = pc.equal(results[name], value)
                rows = here if rows is None else pc.and_(rows, here)
            some = results.select(columns)
            yield Key(**key), some if rows is None else some.filter(rows)
