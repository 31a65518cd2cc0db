"""Control the false discovery rate over all tables of a release, family by family.

A family is a kind of question in an assay: all its tables (questions x tissues x cell types x tests x contrasts)
would be searched for something to report. Tables are selected first and features called within them (Benjamini and
Bogomolov 2014, doi:10.1111/rssb.12028; `stats.families`). Rows without a test are in no family, nor are questions
that only check another one under other assumptions: these make no discoveries of their own.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scleromyomics.compare.tables import Key, split
from scleromyomics.core.cli import entry_point
from scleromyomics.core.parquet import schema_of, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

# The columns in the order of the file, with the Arrow type of each.
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(Key._fields, "string"),
    "feature": "string",
    "family": "string",  # kind__assay
    "p_value": "double",
    "q_value": "double",  # Benjamini and Hochberg within the table
    "p_table": "double",  # that nothing moves in the table (Simes)
    "q_table": "double",  # smallest level at which the table is selected
    "selected": "bool",  # whether it is at LEVEL
    "q_family": "double",  # smallest level at which the procedure calls the row
}
LEVEL = 0.05  # the false discovery rate that answers speak of


def adjusted(tables: Mapping[Key, "pa.Table"], kinds: Mapping[str, str]) -> Iterator["pa.Table"]:
    """Adjust every table within its family.

    Args:
        tables: `feature` and `p_value` of every table, none of them null, no table empty.
        kinds: kind of each question.

    Yields:
        The rows of each table with `COLUMNS`, in their order; the tables sorted by key.
    """
    from scleromyomics.stats.families import adjust_family

    members: dict[str, list[Key]] = {}
    for key in sorted(tables):
        members.setdefault(f"{kinds[key.question]}__{key.assay}", []).append(key)
    values = {}
    for name, keys in members.items():
        family = adjust_family([tables[key]["p_value"].to_numpy() for key in keys])
        for place, key in enumerate(keys):
            of_table = {
                "family": name,
                "p_table": family.p_table[place],
                "q_table": family.q_table[place],
                "selected": bool(family.q_table[place] <= LEVEL),
            }
            values[key] = of_table, {"q_value": family.q_value[place], "q_family": family.q_family[place]}
    for key in sorted(tables):
        of_table, of_rows = values[key]
        yield _table(tables[key], {**key._asdict(), **of_table}, of_rows)


def _table(table: "pa.Table", same: Mapping[str, object], of_rows: Mapping[str, object]) -> "pa.Table":
    """`table` with columns of one value for all rows, and of a value per row."""
    import pyarrow as pa

    schema = schema_of(COLUMNS)
    columns = {name: table[name] for name in table.column_names} | of_rows
    columns |= {
        name: pa.repeat(pa.scalar(value, schema.field(name).type), len(table)) for name, value in same.items()
    }
    return pa.table([columns[name] for name in COLUMNS], schema=schema)


def run(*, kinds: list[str] | None = None, tables: list[Path] | None = None, families: Path) -> None:
    """Write the families of a release.

    Args:
        kinds: `question=kind` of every question that makes discoveries of its own.
        tables: the result tables of the release (Parquet).
        families: where to write the adjusted rows (Parquet).
    """
    import pyarrow.compute as pc

    kind = dict(one.split("=", 1) for one in kinds or ())
    tested = (
        (key, table.filter(pc.is_valid(table["p_value"])))
        for key, table in split(tables or (), ("feature", "p_value"))
        if key.question in kind
    )
    write_parquet(
        families, schema_of(COLUMNS), adjusted({key: table for key, table in tested if len(table)}, kind)
    )


if __name__ == "__main__":
    entry_point(run)
