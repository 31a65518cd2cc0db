"""How genes go together in an assay and tissue, whatever the groups: residuals of its profiles.

A profile is a participant at a visit in a tissue: replicates are averaged; samples outside the analysis set are left
out, and so is one that measures another one's material again (a bridge) where that other one is there. Least squares
take out the mean of every group at every timepoint and tissue (those with an overlap of both diseases are a group of
their own) and every batch. What is left tells how the genes of a set vary together; groups, timepoints and tissues
are taken to agree in that. For questions within participants, least squares take out every participant's mean as
well: what is left are the deviations of those with several profiles, whose differences such questions compare. Genes
can go together between people (in the share of a cell type, for example) and not within them, so that one estimate
never stands in for the other.

Features with a missing value take no part. Features of one gene symbol count once, with their mean residual, as they
do in the test. Between participants, several profiles of one are correlated, which makes the estimate less precise
than as many participants would: all profiles are used, but for no more degrees of freedom than there are participants
beyond the groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.stats.design import combine, factor, intercept, residual_df
from scleromyomics.stats.gene_sets import unit_residuals

if TYPE_CHECKING:
    from anndata import AnnData

    from scleromyomics.stats.design import Design, Matrix

# Residual degrees of freedom that an estimated correlation needs: the fewest simulated. With these, too, no more than
# 5 % of the sets that do not move are called at 0.05 (benchmarks/calibration_gene_sets.py).
FEWEST_DF = 4


@dataclass(frozen=True, eq=False)
class Residuals:
    """Residuals of the genes of an assay and tissue.

    Attributes:
        genes: symbols, sorted.
        values: genes by profiles, each gene of length 1.
        df: degrees of freedom.
    """

    genes: NDArray[np.str_]
    values: "Matrix"
    df: int


def residuals(matrices: Sequence["AnnData"], *, within: bool) -> Residuals:
    """Take out of the profiles what is compared.

    Args:
        matrices: all those of an assay and tissue, or of two tissues that are compared.
        within: whether to take out participants.
    """
    import anndata as ad

    samples = ad.concat([_counted(one) for one in matrices], join="inner", merge="first")
    obs = {name: samples.obs[name].astype(str).to_numpy() for name in samples.obs}
    profile = [" ".join(one) for one in zip(obs["tissue"], obs["visit"], obs["participant"], strict=True)]
    names, Y = schema.merge_rows(samples.X, profile)
    first = np.unique(profile, return_index=True)[1]
    batches: dict[str, set[str]] = {name: set() for name in names}
    for name, platform, batch in zip(profile, obs["platform"], obs["batch"], strict=True):
        batches[name].add(f"{platform}/{batch}")
    participants = obs["participant"][first].tolist()
    of_cell = (obs[name][first] for name in ("group", "overlap", "timepoint", "tissue"))
    design = combine(
        intercept(len(names)),
        factor("cell", [" ".join(one) for one in zip(*of_cell, strict=True)]),
        factor("batch", ["+".join(sorted(batches[name])) for name in names]),
        *([factor("participant", participants)] if within else []),
    )
    df = residual_df(design)
    if not within:
        df = min(df, len(set(participants)) - len(set(zip(obs["group"], obs["overlap"], strict=True))))
    return Residuals(*_by_gene(Y, samples.var["gene_symbol"].to_numpy().astype(str), design), df)


def _by_gene(Y: "Matrix", symbols: NDArray[np.str_], design: "Design") -> tuple[NDArray[np.str_], "Matrix"]:
    """Genes that are complete and vary, and their residuals of length 1.

    Args:
        Y: profiles by features.
        symbols: the gene of each feature; empty where there is none.
        design: what to take out.
    """
    from scipy.sparse import csr_array

    used = (symbols != "") & ~np.isnan(Y).any(axis=0)
    of_feature = unit_residuals(np.ascontiguousarray(Y[:, used].T), design)
    varies = of_feature.any(axis=1)
    genes, gene_of = np.unique(symbols[used][varies], return_inverse=True)
    features = np.arange(gene_of.size)
    sums = csr_array((np.ones(gene_of.size), (gene_of, features)), (genes.size, gene_of.size))
    of_gene = sums @ of_feature[varies]
    return genes, of_gene / np.linalg.norm(of_gene, axis=1, keepdims=True)


def _counted(matrix: "AnnData") -> "AnnData":
    """The samples that count."""
    again = matrix.obs["bridge"].isin(matrix.obs_names).to_numpy()
    return matrix[matrix.obs["eligible"].to_numpy(dtype=bool) & ~again]
