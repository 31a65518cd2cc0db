"""Enrichment of gene sets in one table, allowing for genes of a set that go together: preranked camera.

The mean statistic of the genes in a set is compared with that of all other genes by a two-sample t test, whose
variance of the set's mean is inflated by 1 + (m - 1) rho for m genes of mean correlation rho (Wu and Smyth 2012,
doi:10.1093/nar/gks461; limma's `cameraPR`). Written here because the maintained Python libraries test gene sets as
if genes were independent, which calls 25 % of the null sets of 20 genes at 0.05 when these correlate by 0.1. So does
camera 21 % with its preset correlation, and 5 % when it is told the right one
(`benchmarks/calibration_gene_sets.py`): hence the correlation that a result tolerates, beside its p-value. Statistics
are z-scores: of the same spread in all tables.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.stats.design import Vector

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# The correlation between the genes of a set that limma presets: it ranks sets well, but tight sets have more.
CORRELATION = 0.01
LEVEL = 0.05  # of the test whose tolerated correlation is told


@dataclass(frozen=True, slots=True)
class Enrichment:
    """One value per gene set."""

    size: NDArray[np.int64]  # genes of the set among the statistics
    estimate: Vector  # mean statistic in the set minus outside
    p_value: Vector  # two-sided
    tolerated: Vector  # the correlation at which p would be LEVEL; NaN where p is above it with none


def camera(
    statistics: Vector, membership: "csr_array", *, correlation: ArrayLike = CORRELATION
) -> Enrichment:
    """Test each set against all genes that are not in it.

    Args:
        statistics: one per gene, without NaN; on a scale with about the same spread for all genes, such as z.
        membership: sets by genes, 1 for the genes of a set; dense or sparse. No set may be empty or hold all genes.
        correlation: mean correlation between the genes of a set; one for all sets or one each.
    """
    from scipy.special import stdtr, stdtrit

    genes = statistics.size
    df = genes - 2
    size = np.asarray(membership.sum(axis=1), dtype=np.int64)
    outside = genes - size
    deviations = statistics - statistics.mean()
    estimate = genes / outside * (membership @ deviations) / size
    pooled = ((deviations**2).sum() - estimate**2 * size * outside / genes) / df
    inflation = 1.0 + (size - 1) * np.asarray(correlation, dtype=float)
    t = np.abs(estimate) / np.sqrt(pooled * (inflation / size + 1.0 / outside))
    # solve t = critical for the correlation
    enough = size * (estimate**2 / (pooled * stdtrit(df, 1.0 - LEVEL / 2.0) ** 2) - 1.0 / outside)
    tolerated = np.minimum((enough - 1.0) / np.maximum(size - 1, 1), 1.0)
    return Enrichment(size, estimate, 2.0 * stdtr(df, -t), np.where(tolerated >= 0.0, tolerated, np.nan))


def z_scores(statistics: Vector, df: Vector) -> Vector:
    """The normal values with the tail probabilities of t statistics; z (df infinite or NaN) stay as they are.

    Args:
        statistics: t or z; NaN stays NaN.
        df: degrees of freedom of each.
    """
    from scipy.special import ndtri, stdtr

    tail = np.maximum(stdtr(df, -np.abs(statistics)), np.finfo(float).tiny)  # at most 37 standard deviations
    scores: Vector = np.where(np.isfinite(df), -np.sign(statistics) * ndtri(tail), statistics)
    return scores
