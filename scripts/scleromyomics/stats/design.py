"""Design matrices from named columns, and what a contrast of their coefficients can and cannot tell.

Rows are samples, columns are coefficients. Columns of one term are named `term` or `term[level]`. A contrast
holds one weight per coefficient; it is estimable when it lies in the row space of the matrix (Searle 1971,
Linear Models, section 5.4), whether or not the whole matrix has full rank. Unscaled variances are in units of
the residual variance. Only numpy is imported: plans are made with this module.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]

# Columns are brought to unit length first. Singular values below this fraction of the largest one count as
# zero, and so does the part of a contrast outside the row space, as a fraction of its length. R's lm.fit uses
# 1e-7; per-feature fits work with squared singular values, for which 1e-12 is safely above rounding.
TOLERANCE = 1e-6

INTERCEPT = "intercept"


@dataclass(frozen=True, eq=False)
class Design:
    """A design matrix with named columns.

    Attributes:
        matrix: samples by coefficients, finite.
        names: one name per coefficient: `term`, or `term[level]` where a term has several columns.
    """

    matrix: Matrix
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.matrix.shape[1] != len(self.names):
            raise ValueError(f"design: {len(self.names)} names for a matrix of shape {self.matrix.shape}")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"design: a column name is used twice in {', '.join(self.names)}")
        if not np.isfinite(self.matrix).all():
            bad = np.flatnonzero(~np.isfinite(self.matrix).all(axis=0))
            raise ValueError(f"design: not finite in {', '.join(self.names[column] for column in bad)}")

    @property
    def terms(self) -> tuple[str, ...]:
        """The term of each column."""
        return tuple(name.partition("[")[0] for name in self.names)

    @property
    def formula(self) -> str:
        """The terms as a model formula, for example `~ 1 + case + age + batch`."""
        return "~ " + " + ".join("1" if term == INTERCEPT else term for term in dict.fromkeys(self.terms))

    @cached_property
    def basis(self) -> "Basis":
        """An orthonormal basis of the column space."""
        return _basis(self.matrix)

    def contrast(self, weights: Mapping[str, float]) -> Vector:
        """Weights by column name as a contrast vector; columns not named weigh 0.

        Raises:
            ValueError: if a name is not a column of this design.
        """
        unknown = sorted(weights.keys() - set(self.names))
        if unknown:
            raise ValueError(f"contrast: no column {', '.join(unknown)}; there are {', '.join(self.names)}")
        return np.array([weights.get(name, 0.0) for name in self.names])


@dataclass(frozen=True, eq=False)
class Basis:
    """The singular value decomposition of a design whose columns were brought to unit length.

    Attributes:
        q: samples by rank, orthonormal columns that span the column space.
        singular: the nonzero singular values (rank).
        v: coefficients by rank, orthonormal columns that span the row space.
        scale: the length of each design column (1 for a column of zeros).
    """

    q: Matrix
    singular: Vector
    v: Matrix
    scale: Vector

    @property
    def rank(self) -> int:
        """Rank of the design."""
        return self.singular.size

    def spans(self, contrast: Vector) -> bool:
        """Whether the contrast lies in the row space, within `TOLERANCE` of its length."""
        scaled = contrast / self.scale
        outside = scaled - self.v @ (self.v.T @ scaled)
        return bool(np.linalg.norm(outside) <= TOLERANCE * np.linalg.norm(scaled))

    def coordinates(self, contrast: Vector) -> Vector:
        """The contrast as weights of the coefficients of `q`; their squares sum to its unscaled variance."""
        coordinates: Vector = (self.v.T @ (contrast / self.scale)) / self.singular
        return coordinates


def intercept(n: int) -> Design:
    """A column of `n` ones."""
    return Design(np.ones((n, 1)), (INTERCEPT,))


def indicator(name: str, member: ArrayLike) -> Design:
    """One column: 1 for the samples with a true `member`, 0 for the others."""
    return Design(np.asarray(member, dtype=bool).astype(float)[:, None], (name,))


def factor(name: str, levels: Sequence[str]) -> Design:
    """Treatment dummies `name[level]` of every level but the first in sorted order: none for one level."""
    distinct = sorted(set(levels))[1:]
    labels = np.array(levels, dtype=object)[:, None]
    matrix = (labels == np.array(distinct, dtype=object)[None, :]).astype(float)
    return Design(matrix.reshape(len(levels), len(distinct)), tuple(f"{name}[{level}]" for level in distinct))


def centred(name: str, values: ArrayLike) -> Design:
    """One column: `values` minus their mean.

    Raises:
        ValueError: if a value is missing or infinite.
    """
    column = np.asarray(values, dtype=float)
    return Design((column - column.mean() if column.size else column)[:, None], (name,))


def combine(*parts: Design) -> Design:
    """The columns of all parts side by side."""
    return Design(np.hstack([part.matrix for part in parts]), tuple(n for part in parts for n in part.names))


def two_groups(
    name: str,
    case: ArrayLike,
    *,
    covariates: Mapping[str, ArrayLike] | None = None,
    factors: Mapping[str, Sequence[str]] | None = None,
) -> Design:
    """Intercept, group indicator, continuous covariates (centred), factor covariates (treatment dummies).

    Args:
        name: name of the group column; its contrast is case minus reference.
        case: one truth value per sample.
        covariates: continuous covariates by name, one value per sample.
        factors: factor covariates by name, one level per sample.
    """
    group = indicator(name, case)
    return combine(
        intercept(len(group.matrix)),
        group,
        *(centred(covariate, values) for covariate, values in (covariates or {}).items()),
        *(factor(covariate, levels) for covariate, levels in (factors or {}).items()),
    )


def without(design: Design, contrast: Vector, terms: Collection[str]) -> tuple[Design, Vector]:
    """The design and the contrast without the columns of `terms`.

    Raises:
        ValueError: if the contrast has a weight on one of them.
    """
    keep = np.array([term not in terms for term in design.terms], dtype=bool)
    if contrast[~keep].any():
        raise ValueError(f"the contrast needs {', '.join(sorted(terms))}: they cannot be left out")
    names = tuple(name for name, kept in zip(design.names, keep, strict=True) if kept)
    return Design(design.matrix[:, keep], names), contrast[keep]


def rank(design: Design) -> int:
    """Rank of the design matrix."""
    return design.basis.rank


def residual_df(design: Design) -> int:
    """Samples minus rank."""
    return len(design.matrix) - design.basis.rank


def estimable(design: Design, contrast: Vector) -> bool:
    """Whether the design determines this contrast, even where it does not determine every coefficient."""
    return design.basis.spans(contrast)


def unscaled_variance(design: Design, contrast: Vector) -> float:
    """Variance of the contrast's estimate per unit of residual variance; infinite where inestimable."""
    if not estimable(design, contrast):
        return float("inf")
    return float(np.sum(design.basis.coordinates(contrast) ** 2))


def variance_inflation(design: Design, contrast: Vector, covariates: Collection[str]) -> float:
    """How many times the covariates multiply the contrast's unscaled variance; 1 when orthogonal to it.

    For two groups this is 1 / (1 - R^2), R the multiple correlation of the group with the covariates.
    Infinite where the covariates make the contrast inestimable, NaN where it is so without them.
    """
    alone = unscaled_variance(*without(design, contrast, covariates))
    return unscaled_variance(design, contrast) / alone if np.isfinite(alone) else float("nan")


def aliases(design: Design, contrast: Vector, covariates: Sequence[str]) -> tuple[str, ...]:
    """Name the covariates that make the contrast inestimable.

    Returns:
        Each covariate that does so on its own; where none does, one smallest set that does so together. Empty
        where the contrast is estimable, and where it is inestimable even without the covariates.
    """

    def lost(kept: Collection[str]) -> bool:
        return not estimable(*without(design, contrast, set(covariates) - set(kept)))

    if lost(()) or not lost(covariates):
        return ()
    alone = tuple(name for name in covariates if lost({name}))
    if alone:
        return alone
    together = list(covariates)
    for name in covariates:
        rest = [other for other in together if other != name]
        if lost(rest):
            together = rest
    return tuple(together)


def _basis(matrix: Matrix) -> Basis:
    length = np.linalg.norm(matrix, axis=0)
    scale = np.where(length > 0, length, 1.0)
    u, singular, vt = np.linalg.svd(matrix / scale, full_matrices=False)
    kept = singular > TOLERANCE * singular.max(initial=0.0)
    return Basis(q=u[:, kept], singular=singular[kept], v=vt[kept].T, scale=scale)
