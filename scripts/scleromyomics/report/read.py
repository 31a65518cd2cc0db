"""Read a release's tables as far as the report shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.compare.families import COLUMNS as FAMILY_COLUMNS
from scleromyomics.compare.families import LEVEL
from scleromyomics.compare.gene_sets import COLUMNS as GENE_SET_COLUMNS
from scleromyomics.compare.tables import Key, split
from scleromyomics.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from scleromyomics.report.labels import Columns

PROFILES = ("group", "timepoint", "unit", "batches", "n_participants", "sd")  # columns that are shown
ANSWERS = (
    *("feature", "gene_symbol", "estimate", "ci_low", "ci_high", "unit", "p_value", "q_value", "mde"),
    *("n_samples", "n_case", "n_reference", "n_participants", "n_pairs"),
    *("estimate_pairs", "p_pairs", "estimate_unadjusted", "flag", "formula", "method"),
)
COUNTS = tuple(name for name in ANSWERS if name.startswith("n_"))
ROWS = "rows"  # how many rows of the file a row stands for
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
    """Every table of result files, rows as their writer sorted them: by p.

    Of a million variants most can have neither an estimate nor a p: those with the same flag are one row, with the
    largest counts, and `ROWS` says of how many.
    """
    return {key: columns_of(_summed_up(table)) for key, table in split(paths, ANSWERS)}


def _summed_up(table: "pa.Table") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    told = pc.or_(pc.is_valid(table["estimate"]), pc.is_valid(table["p_value"]))
    rows = table.filter(told)
    rows = rows.append_column(ROWS, pa.array(np.ones(len(rows), dtype=np.int64)))
    rest = table.filter(pc.invert(told))
    same = ("unit", "formula", "method", "flag")
    wanted = [(name, "max") for name in COUNTS] + [("flag", "count")]
    groups = rest.group_by(same, use_threads=False).aggregate(wanted)
    groups = groups.rename_columns(
        [{"flag_count": ROWS}.get(name, name.removesuffix("_max")) for name in groups.column_names]
    )
    columns = [
        groups[field.name]
        if field.name in groups.column_names
        else pa.repeat(pa.scalar("" if pa.types.is_string(field.type) else None, field.type), len(groups))
        for field in rows.schema
    ]
    return pa.concat_tables([rows, pa.table(columns, schema=rows.schema)])


def read_profiles(path: Path) -> "Columns":
    """Of an assay and tissue, a row per group, timepoint and unit: participants, median spread, batches."""
    found: dict[tuple[str, ...], tuple[int, list[NDArray[np.float64]]]] = {}
    for part in _row_groups(path, PROFILES):  # of one group at one timepoint each
        key = tuple(part[name][0].as_py() for name in PROFILES[:4])
        people, spread = found.setdefault(key, (0, []))
        spread.append(part["sd"].drop_null().to_numpy())
        found[key] = max(people, int(part["n_participants"].to_numpy().max())), spread
    texts = np.array(list(found), dtype=object).reshape(-1, 4).T
    spreads = (np.concatenate(spread) for _, spread in found.values())
    return {
        **dict(zip(PROFILES[:4], texts, strict=True)),
        "n_participants": np.array([people for people, _ in found.values()], dtype=np.int64),
        "sd": np.array([np.median(one) if one.size else np.nan for one in spreads], dtype=np.float64),
    }


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
