"""Read a release's tables as far as the report shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scleromyomics.compare.families import COLUMNS as FAMILY_COLUMNS
from scleromyomics.compare.families import LEVEL
from scleromyomics.compare.gene_sets import COLUMNS as GENE_SET_COLUMNS
from scleromyomics.compare.tables import Key, split
from scleromyomics.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from scleromyomics.report.labels import Columns

PROFILES = ("group", "timepoint", "n_participants", "sd", "unit", "batches")  # columns that are shown
ANSWERS = (
    *("feature", "gene_symbol", "estimate", "ci_low", "ci_high", "unit", "p_value", "q_value", "mde"),
    *("n_samples", "n_case", "n_reference", "n_participants", "n_pairs"),
    *("estimate_pairs", "p_pairs", "estimate_unadjusted", "flag", "formula", "method"),
)
GENE_SETS = tuple(name for name in GENE_SET_COLUMNS if name not in Key._fields)


@dataclass(frozen=True, slots=True)
class Searched:
    """What the search over all tables of a family says of one of them."""

    family: str  # kind of question and assay
    q_table: float  # smallest level at which the table is selected
    selected: bool
    called: int  # features with q_family up to LEVEL
    q_family: dict[str, float]  # of the features with the smallest p


def read_answers(paths: Sequence[Path]) -> "dict[Key, Columns]":
    """Every table of result files, rows as their writer sorted them: by p."""
    return {key: columns_of(table) for key, table in split(paths, ANSWERS)}


def read_profiles(path: Path) -> "Columns":
    """Mean and spread of an assay and tissue."""
    from scleromyomics.describe.profiles import read_profiles as read

    return columns_of(read(path).select(PROFILES))


def read_families(path: Path, *, first: int) -> dict[Key, Searched]:
    """What the families say of every table; `q_family` of its `first` features."""
    found: dict[Key, Searched] = {}
    for part in _row_groups(path, tuple(FAMILY_COLUMNS)):  # a table each, or a part of a very long one
        names = ("family", "q_table", "selected", *Key._fields)
        same = {name: part[name][0].as_py() for name in names}
        key = Key(*(same.pop(name) for name in Key._fields))
        q_family = part["q_family"].to_numpy()
        called = int((q_family <= LEVEL).sum())
        if key in found:
            before = found[key]
            found[key] = Searched(**same, called=before.called + called, q_family=before.q_family)
        else:
            shown = dict(zip(part["feature"][:first].to_pylist(), q_family[:first].tolist(), strict=True))
            found[key] = Searched(**same, called=called, q_family=shown)
    return found


def read_gene_sets(path: Path) -> "dict[Key, Columns]":
    """The gene sets of every table."""
    found: dict[Key, pa.Table] = {}
    for part in _row_groups(path, (*Key._fields, *GENE_SETS)):
        found[Key(*(part[name][0].as_py() for name in Key._fields))] = part
    return {key: columns_of(part.select(GENE_SETS)) for key, part in found.items()}


def columns_of(table: "pa.Table") -> "Columns":
    """A table as arrays."""
    return {name: table[name].to_numpy() for name in table.column_names}


def _row_groups(path: Path, columns: Sequence[str]) -> "Iterator[pa.Table]":
    """The row groups of a Parquet file that have rows, one after another."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            lacking = [name for name in columns if name not in file.schema_arrow.names]
            if lacking:
                raise InputError(f"{path}: column {lacking[0]} is absent")
            for index in range(file.num_row_groups):
                part = file.read_row_group(index, columns=list(columns))
                if len(part):
                    yield part
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a table of the release was expected") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({str(error).splitlines()[0]})") from None
