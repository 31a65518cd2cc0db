"""Matrices of genotypes; the table of sites of a release; what a sample's own haplotypes make of its variants."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from anndata import AnnData
from loci import split
from scipy import sparse

from scleromyomics.core import matrix as schema
from scleromyomics.core.parquet import schema_of, write_parquet
from scleromyomics.genotypes.sites import COLUMNS
from scleromyomics.stats.calls import allele_fraction
from scleromyomics.variants.annotate import classes


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


def genotype_matrix(
    samples: Sequence[Mapping[str, object]],
    copies: np.ndarray,
    *,
    quality: np.ndarray | int = 60,
    depth: np.ndarray | int = 40,
    alternate: np.ndarray | None = None,
    ploidy: Mapping[str, Sequence[int]] | None = None,
    tissue: str = "pbmc",
    timepoint: str = "D1",
) -> AnnData:
    """A matrix of genotypes at `chr1:1000:A:G` and on.

    Args:
        samples: `obs` of each, as far as it matters, and `sample`.
        copies: samples by sites; NaN where not called.
        quality: the same, or one for all.
        depth: the same.
        alternate: the same; absent: as many as the copies let expect.
        ploidy: by sex (female, male), of each site; absent: 2.
        tissue: of all.
        timepoint: of all.
    """
    copies = np.asarray(copies, dtype=np.float32).reshape(len(samples), -1)
    names = [f"chr1:{1000 + number}:A:G" for number in range(copies.shape[1])]
    depth = np.broadcast_to(np.asarray(depth), copies.shape)
    if alternate is None:
        alternate = np.rint(depth * np.nan_to_num(copies) / 2).astype(int)
    fixed = dict.fromkeys(schema.OBS) | {"tissue": tissue, "timepoint": timepoint, "batch": "b1"}
    two = [2] * len(names)
    return schema.build(
        rows=[fixed | {"overlap": False, "eligible": True} | dict(one) for one in samples],
        kinds=schema.OBS,
        var={
            "feature": names,
            "gene_symbol": [f"G{number}" for number in range(len(names))],
            "gene_id": names,
            **{
                f"ploidy_{sex}": np.array((ploidy or {}).get(sex, two), np.int8) for sex in ("female", "male")
            },
        },
        X=sparse.csr_matrix(copies),
        layers={
            "GT": np.nan_to_num(copies, nan=-1).astype(np.int8),
            "DP": depth.astype(np.uint16),
            "AD": sparse.csr_matrix(np.asarray(alternate).astype(np.uint16)),
            "GQ": np.broadcast_to(np.asarray(quality), copies.shape).astype(np.uint8),
            "allele_fraction": sparse.csr_matrix(allele_fraction(depth, np.asarray(alternate))),
        },
        about=dict.fromkeys(schema.ABOUT, "x")
        | {"assay": "variants", "tissue": tissue, "timepoint": timepoint, "scale": schema.DOSAGE},
    )


def burden_matrix(
    samples: Sequence[Mapping[str, object]],
    burden: np.ndarray,
    called: np.ndarray,
    *,
    tissue: str = "pbmc",
    timepoint: str = "D1",
) -> AnnData:
    """A matrix of the burdens of genes, two classes of each."""
    genes = [f"G{number:02d}" for number in range(burden.shape[1] // 2) for _ in range(2)]
    fixed = dict.fromkeys(schema.OBS) | {"tissue": tissue, "timepoint": timepoint, "batch": "b1"}
    return schema.build(
        rows=[fixed | {"overlap": False, "eligible": True} | dict(one) for one in samples],
        kinds=schema.OBS,
        var={
            "feature": [f"{gene}:{('lof', 'missense')[number % 2]}" for number, gene in enumerate(genes)],
            "gene_symbol": genes,
            "gene_id": genes,
        },
        X=burden,
        layers={"raw": burden, "called": called, "new_sites": np.zeros(burden.shape)},
        about=dict.fromkeys(schema.ABOUT, "x")
        | {"assay": "variants", "tissue": tissue, "timepoint": timepoint, "scale": schema.BURDEN},
    )
