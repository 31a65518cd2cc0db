"""The table of sites of a release, and what a sample's own haplotypes make of its variants."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from loci import split

from scleromyomics.core.parquet import schema_of, write_parquet
from scleromyomics.variants.annotate import classes
from scleromyomics.variants.sites import COLUMNS


def site(
    where: str,
    consequence: str = "",
    gene: str = "ENSG01",
    *,
    rare: bool = True,
    frozen: bool = True,
    frequency: float = np.nan,
    also: str = "",
    **own: str,
) -> dict[str, object]:
    """A row of the table; `also` are further transcripts, as the table has them."""
    contig, pos, ref, alt = split(where)
    symbol = f"TOY{gene[-1]}"
    told = {"gene_symbol": symbol, "gene_id": gene} if consequence else {}
    one = f"{consequence}|{symbol}|{gene}|T|protein_coding" if consequence else ""
    return {
        **dict.fromkeys(COLUMNS, ""),
        "contig": contig,
        "pos": pos,
        "ref": ref,
        "alt": alt,
        "feature": where,
        **told,
        "consequence": consequence,
        "class": str(classes(np.array([consequence]))[0]),
        "transcripts": ",".join(filter(None, (one, also))),
        "frequency": frequency,
        "rare": rare,
        "frozen": frozen,
        "n_samples": 1,
        "n_carriers": 1,
        **own,
    }


def write_sites(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """sites.parquet of a release."""
    own = [name for name in (rows[0] if rows else ()) if name not in COLUMNS]
    schema = schema_of({**COLUMNS, **dict.fromkeys(own, "string")})
    contigs = ("chr1", "chr2", "chrX", "chrY", "chrM")
    ordered = sorted(
        rows, key=lambda row: (contigs.index(str(row["contig"])), row["pos"], row["ref"], row["alt"])
    )
    columns = [
        pa.array([row[name] for row in ordered], schema.field(name).type, from_pandas=True)
        for name in schema.names
    ]
    write_parquet(path, schema, [pa.table(columns, schema=schema)])
    return path


def tell(profile: Path, told: Mapping[str, tuple[str, str]]) -> None:
    """Give records of a profile a gene and a consequence of their own."""
    with np.load(profile) as stored:
        arrays = {name: stored[name] for name in stored}
    parts = (arrays["contigs"][arrays["contig"]], arrays["pos"].astype(str), arrays["ref"], arrays["alt"])
    names = [":".join(one) for one in zip(*parts, strict=True)]
    for number, name in enumerate(("gene_id", "consequence")):
        arrays[name] = np.array([told.get(where, ("", ""))[number] for where in names], dtype=np.str_)
    np.savez_compressed(profile, **arrays)
