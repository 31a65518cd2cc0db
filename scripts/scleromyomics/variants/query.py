"""Tables that `bcftools query` prints, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.variants.loci import TEXT, Genome, Sites

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

KEY = ("CHROM", "POS", "REF", "ALT")


@dataclass(frozen=True, kw_only=True, eq=False)
class Query:
    """Records in the order of the table.

    Attributes:
        sites: the first four columns.
        columns: the others by name.
    """

    sites: Sites
    columns: "Mapping[str, NDArray[np.generic]]"


def read_query(
    path: Path, genome: Genome, columns: Mapping[str, str] | Sequence[str], *, others: bool = False
) -> Query:
    """Read a table with contig, position, reference and alternate allele, then `columns`.

    Args:
        path: tab-separated, without a header.
        genome: whose contigs they are.
        columns: names with Arrow types; texts where no type is given. "." is 0, nan or "".
        others: whether records on contigs that the genome does not have are left out; else they are a fault.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    kinds = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, "string")
    kinds = {"CHROM": "string", "POS": "int32", "REF": "string", "ALT": "string", **kinds}
    types = {name: pa.type_for_alias(kind) for name, kind in kinds.items()}
    if path.stat().st_size == 0:
        table = pa.schema(list(types.items())).empty_table()
    else:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=list(types), use_threads=False),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=types, null_values=["."], strings_can_be_null=False
            ),
        )
    if others:
        table = table.filter(pc.is_in(table["CHROM"], pa.array(genome.contigs)))
    encoded = table["CHROM"].combine_chunks().dictionary_encode()
    number = genome.contig(encoded.dictionary.to_pylist(), path.name) if len(table) else np.empty(0, np.int16)
    alleles = {name: _array(pc.utf8_upper(table[name])) for name in ("REF", "ALT")}
    return Query(
        sites=Sites(
            contig=number[encoded.indices.to_numpy()] if len(table) else number,
            pos=table["POS"].to_numpy(),
            ref=alleles["REF"],
            alt=alleles["ALT"],
        ),
        columns={name: _array(table[name]) for name in types if name not in KEY},
    )


def _array(column: "pa.ChunkedArray") -> "NDArray[np.generic]":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type):
        texts = column.to_numpy(zero_copy_only=False).astype(TEXT) if len(column) else np.empty(0, dtype=TEXT)
        texts[texts == "."] = ""
        return texts
    missing = np.nan if pa.types.is_floating(column.type) else 0
    return pc.fill_null(column, pa.scalar(missing, column.type)).to_numpy()
