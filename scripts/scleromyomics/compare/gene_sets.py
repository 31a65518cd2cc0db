"""Which sets of genes move together in each table of abundances: camera (`stats.gene_sets`).

Each feature's statistic becomes a z-score by its degrees of freedom. Features of one gene symbol count once, with the
mean of their z: the one that happens to move most is not favoured. Features without a symbol take no part: the genes
of a set compete with other genes, not with control probes. A symbol that names several genes is a gene of its own, in
no set. A set's `estimate` is the mean z of its genes minus that of all others.

The genes of a set go together between people, whatever the question, and so do their statistics. How closely, is
estimated for each set from the residuals of all profiles of the assay and tissue (`compare.residuals`), once for
questions between participants and once for those within them; where there are too few of them, there is no p-value.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.residuals import FEWEST_DF, Residuals, residuals
from scleromyomics.compare.tables import Key, split
from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.parquet import schema_of, write_parquet
from scleromyomics.plan.gene_sets import GeneSet, read_gene_sets

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_array

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
    "correlation": "double",  # mean correlation between the set's genes that p allows for
    "correlation_df": "int32",  # residual degrees of freedom that it was estimated with
    "genes": "string",  # those that lead in the set's direction, `;` between
    "flag": "string",  # why there is no p-value
}
FEWEST = (
    3  # genes of a set, and genes outside it: the mean of two is one gene's when the other is poorly measured
)
LEADING = 20  # genes that are named: what a reader looks through
WITHIN = "within participants"  # what the name of a contrast ends in where a question asks for both slopes
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


def enrich(
    genes: NDArray[np.str_], z: NDArray[np.float64], sets: Sequence[GeneSet], noise: Residuals
) -> dict[str, object]:
    """Test every set.

    Args:
        genes: symbols, sorted.
        z: their z-scores.
        sets: the gene sets.
        noise: residuals of the genes, of the tissue and kind of the table.

    Returns:
        The columns after `source`, a value per set.
    """
    from scleromyomics.stats.gene_sets import CORRELATION, camera, correlations
    from scleromyomics.stats.multiplicity import benjamini_hochberg

    inside, varying = _places(sets, genes), _places(sets, noise.genes, among=genes)
    sizes, known = (np.array([one.size for one in places], dtype=np.int64) for places in (inside, varying))
    compared = (sizes >= FEWEST) & (genes.size - sizes >= FEWEST)
    flags = np.select(
        [sizes < FEWEST, ~compared, np.full(len(sets), noise.df < FEWEST_DF), known < FEWEST],
        [
            f"fewer than {FEWEST} genes of the set have a test",
            f"fewer than {FEWEST} other genes have a test",
            f"correlation of its genes unknown: {max(noise.df, 0)} residual degrees of freedom; {FEWEST_DF} needed",
            f"correlation of its genes unknown: fewer than {FEWEST} are complete and vary",
        ],
        default="",
    )
    tested = flags == ""
    correlation = np.full(len(sets), np.nan)
    correlation[tested] = np.maximum(
        correlations(noise.values, _membership(varying, tested, noise.genes.size)), CORRELATION
    )
    estimate, p_value = np.full((2, len(sets)), np.nan)
    found = camera(
        z, _membership(inside, compared, genes.size), correlation=correlation[compared], df=noise.df
    )
    estimate[compared], p_value[compared] = found.estimate, found.p_value
    up = estimate > 0
    return {
        "n_genes": np.full(len(sets), genes.size),
        "n_in_set": sizes,
        "direction": np.where(compared, np.where(up, "up", "down"), ""),
        "estimate": estimate,
        "p_value": p_value,
        "q_value": benjamini_hochberg(p_value),
        "correlation": correlation,
        "correlation_df": np.where(tested, noise.df, 0),
        "genes": [
            _leading(genes[one], z[one] if rising else -z[one]) if asked else ""
            for one, rising, asked in zip(inside, up, compared, strict=True)
        ],
        "flag": flags,
    }


def _places(
    sets: Sequence[GeneSet], genes: NDArray[np.str_], among: NDArray[np.str_] | None = None
) -> list[NDArray[np.intp]]:
    """Where the genes of each set are in `genes`; of those `among` others, if there are others."""
    place = {gene: number for number, gene in enumerate(genes.tolist())}
    if among is not None:
        place = {gene: place[gene] for gene in among.tolist() if gene in place}
    return [np.array([place[gene] for gene in one.genes if gene in place], dtype=np.intp) for one in sets]


def _membership(places: Sequence[NDArray[np.intp]], rows: NDArray[np.bool_], genes: int) -> "csr_array":
    """Sets by genes: 1 for the genes at the places of each of the sets asked for."""
    from scipy.sparse import csr_array

    asked = [places[number] for number in np.flatnonzero(rows)]
    members = np.concatenate([np.empty(0, dtype=np.intp), *asked])
    starts = np.cumsum([0, *(one.size for one in asked)])
    return csr_array((np.ones(members.size), members, starts), (len(asked), genes))


def _leading(genes: NDArray[np.str_], score: NDArray[np.float64]) -> str:
    """Genes with a positive score, the highest first."""
    order = np.argsort(-score, kind="stable")[:LEADING]
    return ";".join(genes[order[score[order] > 0]].tolist())


def enriched(
    tables: Iterator[tuple[Key, "pa.Table"]],
    sets: Sequence[GeneSet],
    noise: Callable[[str, frozenset[str], bool], Residuals],
    within: frozenset[str],
) -> Iterator[tuple[Key, "pa.Table"]]:
    """The rows of every table of abundances that has genes with a test, a row per set in the order of the sets.

    Args:
        tables: with `gene_symbol`, `statistic`, `df` and `reference_tissue`.
        sets: the gene sets.
        noise: residuals of an assay in some tissues, within participants or not.
        within: questions within participants.
    """
    import pyarrow as pa

    columns_schema = schema_of(COLUMNS)
    for key, table in tables:
        genes, z = gene_scores(table) if key.test == TEST else ((), ())
        if len(genes):
            tissues = frozenset({key.tissue, table["reference_tissue"][0].as_py() or key.tissue})
            inner = key.question in within or key.contrast.endswith(WITHIN)
            same = {name: [value] * len(sets) for name, value in key._asdict().items()}
            named = {"gene_set": [one.name for one in sets], "source": [one.source for one in sets]}
            columns = {**same, **named, **enrich(genes, z, sets, noise(key.assay, tissues, inner))}
            arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in columns_schema]
            yield key, pa.table(arrays, schema=columns_schema)


def run(
    *,
    tables: list[Path] | None = None,
    matrices: list[Path] | None = None,
    gmt: list[Path] | None = None,
    within: list[str] | None = None,
    gene_sets: Path,
) -> None:
    """Write the gene sets of a release.

    Args:
        tables: the result tables of the release (Parquet).
        matrices: the matrices of the release (h5ad).
        gmt: files of gene sets beside the curated ones (GMT).
        within: the questions that compare participants with themselves.
        gene_sets: where to write a row per table and gene set (Parquet).
    """
    sets = read_gene_sets(gmt or ())
    told = {path: schema.read_about(path) for path in matrices or ()}
    read = cache(lambda path: schema.read(path, layers=()))  # those of abundances: only they are asked for

    @cache
    def noise(assay: str, tissues: frozenset[str], inner: bool) -> Residuals:
        own = [read(path) for path, one in told.items() if one["assay"] == assay and one["tissue"] in tissues]
        if not own:
            raise InputError(
                f"--matrices: none of {assay} {', '.join(sorted(tissues))}; one is needed at least"
            )
        return residuals(own, within=inner)

    parts = split(tables or (), ("gene_symbol", "statistic", "df", "reference_tissue"))
    found = dict(enriched(parts, sets, noise, frozenset(within or ())))
    write_parquet(gene_sets, schema_of(COLUMNS), (found[key] for key in sorted(found)))


if __name__ == "__main__":
    entry_point(run)
