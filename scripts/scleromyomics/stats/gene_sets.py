"""Enrichment of gene sets in one table, allowing for genes of a set that go together: camera.

The mean statistic of the genes in a set is compared with that of all other genes by a two-sample t test, whose
variance of the set's mean is inflated by 1 + (m - 1) rho for m genes of mean correlation rho (Wu and Smyth 2012,
doi:10.1093/nar/gks461; limma's `camera` and `cameraPR`). rho is estimated from the residuals of the profiles: the
inflation of a set is m times the variance of the mean of its genes' standardised residuals. Without a correlation, or
with limma's preset one, sets of correlated genes are called far too often (`benchmarks/calibration_gene_sets.py`).
Statistics are z-scores: of the same spread in all tables.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.stats.design import Design, Matrix, Vector

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# The correlation between the genes of a set that limma presets. Estimates below it are raised to it: genes that are
# said to go together do not go apart, and a set whose estimate is low by chance would be called too often.
CORRELATION = 0.01
CONSTANT = 1e-8  # residual sums of squares per sample up to this are rounding, on a log scale


@dataclass(frozen=True, slots=True)
class Enrichment:
    """One value per gene set."""

    size: NDArray[np.int64]  # genes of the set among the statistics
    estimate: Vector  # mean statistic in the set minus outside
    p_value: Vector  # two-sided


def camera(
    statistics: Vector, membership: "csr_array", *, correlation: ArrayLike, df: float = np.inf
) -> Enrichment:
    """Test each set against all genes that are not in it.

    Args:
        statistics: one per gene, without NaN; on a scale with about the same spread for all genes, such as z.
        membership: sets by genes, 1 for the genes of a set; dense or sparse. No set may be empty or hold all genes.
        correlation: mean correlation between the genes of a set; one for all sets or one each.
        df: degrees of freedom that the correlation was estimated with; infinite where it is known.
    """
    from scipy.special import stdtr

    genes = statistics.size
    size = np.asarray(membership.sum(axis=1), dtype=np.int64)
    outside = genes - size
    deviations = statistics - statistics.mean()
    estimate = genes / outside * (membership @ deviations) / size
    pooled = ((deviations**2).sum() - estimate**2 * size * outside / genes) / (genes - 2)
    inflation = 1.0 + (size - 1) * np.asarray(correlation, dtype=float)
    t = np.abs(estimate) / np.sqrt(pooled * (inflation / size + 1.0 / outside))
    return Enrichment(size, estimate, 2.0 * stdtr(min(df, genes - 2), -t))


def unit_residuals(Y: Matrix, design: Design) -> Matrix:
    """What a design leaves of each feature, as vectors of length 1; zeros where it leaves nothing.

    Args:
        Y: features by samples, without NaN; on a log scale.
        design: samples by coefficients; need not have full rank.
    """
    q = design.basis.q
    residuals = Y - (Y @ q) @ q.T
    squares = np.einsum("fi,fi->f", residuals, residuals)[:, None]
    varies = squares > CONSTANT * Y.shape[1]
    scaled: Matrix = residuals * np.where(varies, 1.0 / np.sqrt(np.where(varies, squares, 1.0)), 0.0)
    return scaled


def correlations(residuals: Matrix, membership: "csr_array") -> Vector:
    """Mean correlation between the genes of each set; NaN for a set of one gene or none.

    Args:
        residuals: genes by samples, of length 1.
        membership: sets by genes, 1 for the genes of a set; dense or sparse.
    """
    size = np.asarray(membership.sum(axis=1), dtype=float)
    sums = membership @ residuals
    inflation = np.einsum("si,si->s", sums, sums) / np.maximum(size, 1.0)
    found: Vector = np.divide(inflation - 1.0, size - 1.0, out=np.full(size.size, np.nan), where=size > 1)
    return found


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
