"""Negative binomial models of counts, feature by feature: DESeq2's method by PyDESeq2 0.5.4.

Love, Huber, Anders 2014, doi:10.1186/s13059-014-0550-8. Counts are features by samples; the design is given as
a matrix, of full rank; estimates are log2 fold changes with Wald tests against the normal distribution.
Size factors are medians of ratios, dispersions are shrunk to their trend over the mean, counts with an extreme
Cook's distance are replaced where a cell of the design has seven samples or more; where it has three to six,
the feature has no p-value. Independent filtering and q-values are left to the caller. `negative_binomial`
computes each step for all features at once.

Exceptions, where results are not DESeq2's: genes at whose maximum DESeq2's search for a dispersion stalls on
rounding (about 1 in 10,000; a grid then gives it a dispersion up to 6 % off), genes whose coefficients do not
settle (other optimisers), and a trend without parametric solution (DESeq2 takes a local regression, here it is
the mean, and `CountFit.trend` says so).

Which genes have enough counts to be tested is decided by the rule of edgeR's filterByExpr (Chen, Lun, Smyth
2016, doi:10.12688/f1000research.8987.2).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.stats import negative_binomial
from scleromyomics.stats.design import Design, Matrix, Vector, combine, factor, indicator, intercept, rank

PAIRS_BY_FACTORS = 30  # more pairs than this are given to a mixed model: each costs a coefficient
MIN_COUNT = 10  # in a library of median size, in as many samples as the smallest group has (edgeR)
MIN_TOTAL_COUNT = 15  # over all samples (edgeR)
LARGE_GROUP, LARGE_SHARE = 10, 0.7  # of the samples beyond ten in the smallest group, so many count (edgeR)
EXACT = 1e-14  # rounding of sums (edgeR)


@dataclass(frozen=True, eq=False)
class CountFit:
    """One contrast fitted to every feature; arrays hold one value per feature unless said otherwise.

    Attributes:
        estimate: log2 fold change; NaN where all counts are zero.
        se: its standard error (log2).
        statistic: Wald statistic.
        p_value: two-sided; NaN where all counts are zero, and for Cook's outliers.
        base_mean: mean normalised count.
        dispersion: the dispersion used in the test.
        size_factors: one per sample.
        outlier: whether an extreme count took the p-value.
        replaced: whether an extreme count was replaced.
        converged: whether the coefficients were found.
        trend: the dispersion trend over the mean: `parametric`, or `mean` where that one has no solution.
    """

    estimate: Vector
    se: Vector
    statistic: Vector
    p_value: Vector
    base_mean: Vector
    dispersion: Vector
    size_factors: Vector
    outlier: NDArray[np.bool_]
    replaced: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    trend: str


def fit_counts(counts: Matrix, design: Design, contrast: Vector) -> CountFit:
    """Fit the design to the counts of each feature and test the contrast.

    Args:
        counts: features by samples, whole numbers of 0 or more.
        design: samples by coefficients, of full rank.
        contrast: one weight per coefficient.

    Raises:
        ValueError: if shapes disagree, counts are not such numbers, or the design has not full rank (the columns
            at fault are named) or leaves no residual degrees of freedom.
    """
    check_counts(counts, design)
    if aliased := aliased_columns(design):
        raise ValueError(f"the design {design.formula} has not full rank: aliased {', '.join(aliased)}")
    samples, coefficients = design.matrix.shape
    if samples <= coefficients:
        raise ValueError(f"{samples} samples for {coefficients} coefficients: no residual degrees of freedom")
    with _quiet():
        import pandas as pd
        from pydeseq2.dds import DeseqDataSet  # type: ignore[import-untyped]
        from pydeseq2.ds import DeseqStats  # type: ignore[import-untyped]

        names = pd.Index([f"s{sample}" for sample in range(samples)])
        inference = negative_binomial.inference()
        data = DeseqDataSet(
            counts=pd.DataFrame(
                counts.T.astype(np.int64),
                index=names,
                columns=[f"f{feature}" for feature in range(len(counts))],
            ),
            metadata=pd.DataFrame(index=names),
            design=pd.DataFrame(design.matrix, index=names, columns=list(design.names)),
            inference=inference,
            quiet=True,
        )
        data.obs["size_factors"] = factors = size_factors(counts)
        data.layers["normed_counts"] = (counts / factors).T
        data.var["_normed_means"] = data.layers["normed_counts"].mean(axis=0)
        data.fit_genewise_dispersions()
        data.fit_dispersion_trend()
        data.fit_dispersion_prior()
        if samples - coefficients <= negative_binomial.FEW_DF:
            data.uns["prior_disp_var"] = np.float64(_prior_variance(data.var, samples - coefficients))
        data.fit_MAP_dispersions()
        data.fit_LFC()
        data.calculate_cooks()
        data.refit()
        tests = DeseqStats(data, contrast=contrast, independent_filter=False, inference=inference, quiet=True)
        tests.summary()
    result, var = tests.results_df, data.var
    return CountFit(
        estimate=_numbers(result["log2FoldChange"]),
        se=_numbers(result["lfcSE"]),
        statistic=_numbers(result["stat"]),
        p_value=_numbers(result["pvalue"]),
        base_mean=_numbers(result["baseMean"]),
        dispersion=_numbers(var["dispersions"]),
        size_factors=factors,
        outlier=np.asarray(data.cooks_outlier(), dtype=bool),
        replaced=var["replaced"].to_numpy(dtype=bool),
        converged=var["_LFC_converged"].fillna(value=False).to_numpy(dtype=bool),
        trend=str(data.uns["disp_function_type"]),
    )


def size_factors(counts: Matrix) -> Vector:
    """How deep each sample was counted: its median ratio to the geometric means of features (DESeq2).

    Features counted in all samples tell it. Where there are none, all that a sample has counts of do: a geometric
    mean leaves zeros out, as if they were ones, and factors have product 1 (DESeq2's `poscounts`).

    Args:
        counts: features by samples, some in each sample.
    """
    counted = counts > 0
    logs = np.log(counts, where=counted, out=np.zeros(counts.shape))
    everywhere = counted.all(axis=1)
    some = everywhere if everywhere.any() else counted.any(axis=1)
    ratios = np.where(counted, logs - logs.mean(axis=1, keepdims=True), np.nan)[some]
    factors: Vector = np.nanmedian(ratios, axis=0)
    return np.exp(factors if everywhere.any() else factors - factors.mean())


def enough_counts(counts: Matrix, groups: Sequence[str]) -> NDArray[np.bool_]:
    """Which features have counts enough to be tested; equal to edgeR's filterByExpr with `group`.

    Args:
        counts: features by samples.
        groups: the group of each sample; the smallest one says how many samples must reach the cutoff.
    """
    smallest = float(np.unique(np.asarray(groups), return_counts=True)[1].min())
    if smallest > LARGE_GROUP:
        smallest = LARGE_GROUP + (smallest - LARGE_GROUP) * LARGE_SHARE
    library = counts.sum(axis=0)
    with np.errstate(invalid="ignore"):  # an empty library has no counts per million: NaN reaches nothing
        reached = counts / library * 1e6 >= MIN_COUNT / np.median(library) * 1e6
    enough: NDArray[np.bool_] = (reached.sum(axis=1) >= smallest - EXACT) & (
        counts.sum(axis=1) >= MIN_TOTAL_COUNT - EXACT
    )
    return enough


def paired_design(
    participants: Sequence[str], later: ArrayLike, case: ArrayLike | None = None, extra: Design | None = None
) -> tuple[Design, Vector]:
    """A model of changes within participants, of full rank, and the contrast of interest.

    Participants are nested in groups, so that a formula with group and participant has not full rank; here each
    participant has a level, `later` is the change, and `later_case` what it is more in cases.

    Args:
        participants: who each sample is of.
        later: whether a sample is the later one.
        case: whether it is of a case; None where there is one group.
        extra: more columns, batches say; those that tell nothing more are left out.

    Returns:
        The design, and the change (or the difference of the groups' changes) as weights of its coefficients.

    Raises:
        ValueError: if the extra columns hide the change.
    """
    change = np.asarray(later, dtype=bool)
    parts = [intercept(change.size), factor("participant", participants), indicator("later", change)]
    if case is not None:
        parts.append(indicator("later_case", change & np.asarray(case, dtype=bool)))
    return full_rank(combine(*parts, *([extra] if extra else [])), parts[-1].names[0])


def change_columns(
    later: ArrayLike, case: ArrayLike | None = None, extra: Design | None = None
) -> tuple[Design, Vector]:
    """`paired_design` without participants, for a mixed model: `case` takes their place between groups."""
    change = np.asarray(later, dtype=bool)
    parts = [intercept(change.size), indicator("later", change)]
    if case is not None:
        member = np.asarray(case, dtype=bool)
        parts += [indicator("case", member), indicator("later_case", change & member)]
    return full_rank(combine(*parts, *([extra] if extra else [])), parts[-1].names[0])


def full_rank(design: Design, wanted: str) -> tuple[Design, Vector]:
    """The design without the columns that depend on those before them, and the contrast `wanted`.

    Raises:
        ValueError: if the design does not determine the column `wanted`.
    """
    if not design.basis.spans(design.contrast({wanted: 1.0})):
        raise ValueError(f"the design {design.formula} does not determine {wanted}")
    aliased = set(aliased_columns(design))
    kept = [column for column, name in enumerate(design.names) if name not in aliased]
    kept_design = Design(design.matrix[:, kept], tuple(design.names[column] for column in kept))
    return kept_design, kept_design.contrast({wanted: 1.0})


def aliased_columns(design: Design) -> list[str]:
    """The columns that depend on those before them."""
    if rank(design) == len(design.names):
        return []
    aliased: list[str] = []
    kept: list[int] = []
    for column, name in enumerate(design.names):
        trial = [*kept, column]
        if rank(Design(design.matrix[:, trial], tuple(design.names[k] for k in trial))) == len(trial):
            kept = trial
        else:
            aliased.append(name)
    return aliased


def check_counts(counts: Matrix, design: Design) -> None:
    """Refuse what is not a matrix of counts of the design's samples.

    Raises:
        ValueError: that says what is wrong.
    """
    if counts.ndim != 2 or counts.shape[1] != len(design.matrix):
        raise ValueError(f"{len(design.matrix)} samples in the design, counts of shape {counts.shape}")
    if not np.isfinite(counts).all():
        raise ValueError("counts are missing or infinite")
    if (counts < 0).any():
        raise ValueError("counts are negative")
    if (counts != np.rint(counts)).any():
        raise ValueError("counts are not whole numbers")
    if empty := np.count_nonzero(counts.sum(axis=0) == 0):
        raise ValueError(f"{empty} samples have no counts")


def _numbers(series: Any) -> Vector:
    return np.asarray(series, dtype=float)


def _prior_variance(features: Any, df: int) -> float:
    """Prior variance of log dispersions where few degrees of freedom are left."""
    estimates, trend = _numbers(features["genewise_dispersions"]), _numbers(features["fitted_dispersions"])
    informative = estimates >= negative_binomial.TREND_ABOVE
    return negative_binomial.prior_variance_at_few_df(np.log(estimates[informative] / trend[informative]), df)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what is known and dealt with, whatever the caller's filters: PyDESeq2 sets some at import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the libraries' own calls to each other
        for message in (
            "As the residual degrees of freedom is less than 3",  # `prior_variance_at_few_df`
            "The dispersion trend curve fitting did not converge",  # `CountFit.trend`
            "invalid value encountered in log",  # features without counts: NaN
        ):
            warnings.filterwarnings("ignore", message=message)
        yield
