"""Which sets of genes move together in each table of abundances: preranked camera (`stats.gene_sets`).

Each feature's statistic becomes a z-score by its degrees of freedom. Features of one gene symbol count once, with the
mean of their z: the one that happens to move most is not favoured. Features without a symbol take no part: the genes
of a set compete with other genes, not with control probes. A symbol that names several genes is a gene of its own, in
no set. A set's `estimate` is the mean z of its genes minus that of all others. Sets are tested with one preset
correlation between their genes (Wu and Smyth 2012, doi:10.1093/nar/gks461); where theirs is higher, p is too small,
and `correlation_tolerated` tells up to which one it stays below 0.05.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tables import Key, split
from scleromyomics.core.cli import entry_point
from scleromyomics.core.results import schema_of, write_parquet
from scleromyomics.plan.gene_sets import GeneSet, read_gene_sets

if TYPE_CHECKING:
    import pyarrow as pa

# The columns in the order of the file, with the Arrow type of each.
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(Key._fields, "string"),
    "gene_set": "string",
    "source": "string",  # papers, or the user's file
    "n_genes": "int32",  # with a test in the table
    "n_in_set": "int32",  # of these, in the set
    "direction": "string",  # up, down
    "estimate": "double",  # mean z in the set minus outside
    "p_value": "double",
    "q_value": "double",  # Benjamini and Hochberg over the sets of the table
    "correlation_tolerated": "double",  # between the set's genes, up to which p stays below 0.05
    "genes": "string",  # those that lead in the set's direction, `;` between
    "flag": "string",  # why the set was not tested
}
FEWEST = (
    3  # genes of a set, and genes outside it: the mean of two is one gene's when the other is poorly measured
)
LEADING = 20  # genes that are named: what a reader looks through
TEST = "abundance"  # tables of genes or their products, with a signed statistic that is about normal


def gene_scores(table: "pa.Table") -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Symbols (sorted) and mean z-scores of the genes that have a test.

    Args:
        table: with `gene_symbol`, `statistic` and `df`.
    """
    from scleromyomics.stats.gene_sets import z_scores

    symbols = table["gene_symbol"].to_numpy().astype(str)
    z = z_scores(*(table[name].to_numpy(zero_copy_only=False) for name in ("statistic", "df")))
    used = np.isfinite(z) & (symbols != "")
    genes, gene_of = np.unique(symbols[used], return_inverse=True)
    return genes, np.bincount(gene_of, z[used], genes.size) / np.bincount(gene_of, minlength=genes.size)


def enrich(genes: NDArray[np.str_], z: NDArray[np.float64], sets: Sequence[GeneSet]) -> dict[str, object]:
    """Test every set.

    Args:
        genes: symbols, sorted.
        z: their z-scores.
        sets: the gene sets.

    Returns:
        The columns after `source`, a value per set.
    """
    from scipy.sparse import csr_array

    from scleromyomics.stats.gene_sets import camera
    from scleromyomics.stats.multiplicity import benjamini_hochberg

    place = {gene: number for number, gene in enumerate(genes.tolist())}
    inside = [np.array([place[gene] for gene in one.genes if gene in place], dtype=np.int64) for one in sets]
    sizes = np.array([one.size for one in inside], dtype=np.int64)
    flags = np.select(
        [sizes < FEWEST, genes.size - sizes < FEWEST],
        [f"fewer than {FEWEST} genes of the set have a test", f"fewer than {FEWEST} other genes have a test"],
        default="",
    )
    tested = flags == ""
    numbers = {
        name: np.full(len(sets), np.nan)
        for name in ("estimate", "p_value", "q_value", "correlation_tolerated")
    }
    if tested.any():
        members = np.concatenate([inside[number] for number in np.flatnonzero(tested)])
        starts = np.concatenate([[0], np.cumsum(sizes[tested])])
        found = camera(z, csr_array((np.ones(members.size), members, starts), (tested.sum(), genes.size)))
        numbers["estimate"][tested] = found.estimate
        numbers["p_value"][tested] = found.p_value
        numbers["correlation_tolerated"][tested] = found.tolerated
        numbers["q_value"] = benjamini_hochberg(numbers["p_value"])
    up = numbers["estimate"] > 0
    return {
        "n_genes": np.full(len(sets), genes.size),
        "n_in_set": sizes,
        "direction": np.where(tested, np.where(up, "up", "down"), ""),
        **numbers,
        "genes": [
            _leading(genes[one], z[one] if rising else -z[one]) if asked else ""
            for one, rising, asked in zip(inside, up, tested, strict=True)
        ],
        "flag": flags,
    }


def _leading(genes: NDArray[np.str_], score: NDArray[np.float64]) -> str:
    """Genes with a positive score, the highest first."""
    order = np.argsort(-score, kind="stable")[:LEADING]
    return ";".join(genes[order[score[order] > 0]].tolist())


def enriched(
    tables: Iterator[tuple[Key, "pa.Table"]], sets: Sequence[GeneSet]
) -> Iterator[tuple[Key, "pa.Table"]]:
    """The rows of every table of abundances that has genes with a test, a row per set in the order of the sets."""
    import pyarrow as pa

    schema = schema_of(COLUMNS)
    for key, table in tables:
        genes, z = gene_scores(table) if key.test == TEST else ((), ())
        if len(genes):
            same = {name: [value] * len(sets) for name, value in key._asdict().items()}
            named = {"gene_set": [one.name for one in sets], "source": [one.source for one in sets]}
            columns = {**same, **named, **enrich(genes, z, sets)}
            arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in schema]
            yield key, pa.table(arrays, schema=schema)


def run(*, tables: list[Path] | None = None, gmt: list[Path] | None = None, gene_sets: Path) -> None:
    """Write the gene sets of a release.

    Args:
        tables: the result tables of the release (Parquet).
        gmt: files of gene sets beside the curated ones (GMT).
        gene_sets: where to write a row per table and gene set (Parquet).
    """
    sets = read_gene_sets(gmt or ())
    found = dict(enriched(split(tables or (), ("gene_symbol", "statistic", "df")), sets))
    write_parquet(gene_sets, schema_of(COLUMNS), (found[key] for key in sorted(found)))


if __name__ == "__main__":
    entry_point(run)
