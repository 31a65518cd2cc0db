"""Parquet files with a fixed schema: written atomically and deterministically, checked when read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa


def schema_of(columns: Mapping[str, str]) -> "pa.Schema":
    """The Arrow schema of columns, each with the alias of its type; only doubles can be null."""
    import pyarrow as pa

    return pa.schema(
        [pa.field(name, pa.type_for_alias(kind), nullable=kind == "double") for name, kind in columns.items()]
    )


def write_parquet(path: Path, columns: "pa.Schema", parts: Iterable["pa.Table"]) -> None:
    """Write `parts` one after another, a row group each, atomically; the same parts give the same bytes."""
    import pyarrow.parquet as pq

    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, columns, compression="zstd", write_page_checksum=True) as writer,
    ):
        for part in parts:
            writer.write_table(part)


def read_parquet(path: Path, columns: "pa.Schema", what: str) -> "pa.Table":
    """Read a table.

    Args:
        path: the Parquet file.
        columns: the schema that it must have.
        what: what the file is, in words.

    Raises:
        InputError: if the file is absent, damaged, or has another schema.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {what} was expected") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({str(error).splitlines()[0]})") from None
    if not table.schema.equals(columns):
        found = {field.name: field for field in table.schema}
        other = (f.name for f in columns if f.name not in found or found[f.name] != f)
        differs = next(other, "the number or order of columns")
        raise InputError(f"{path}: not {what}: {differs} differs from the schema")
    return table
