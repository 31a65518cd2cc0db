"""Answers of genotypes between groups, and of allele fractions within participants.

Dosages and gene burdens (values above 2 count as 2) are regressed with Firth's penalty, adjusted for the
comparison's covariates: estimates are log odds ratios of being a case, per copy, with the profile interval and
the penalised likelihood ratio. `p_value` is that ratio's where there are covariates, the exact test's where
there are none. Allele fractions: changes of the logit, natural log odds ratios of reads, by the penalised
beta-binomial likelihood ratio. A variant that does not vary, that was not called, or whose slope the covariates
hide keeps its row, with a flag and without a test. There is no `mde`: these tests have no noncentral t.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import Columns
from scleromyomics.core.results import COLUMNS
from scleromyomics.stats.allele_fraction import allele_change
from scleromyomics.stats.design import without
from scleromyomics.stats.genotype import exact_trend, firth_logistic
from scleromyomics.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Comparison

METHOD_EXACT = "exact conditional test, estimates by Firth's logistic regression"
METHOD_FIRTH = "Firth's logistic regression (Heinze and Schemper 2002)"
METHOD_FRACTION = "penalised beta-binomial likelihood ratio"
UNIT = "log odds ratio"
MOST_COPIES = 2.0


def compare_genotypes(values: NDArray[np.float64], comparison: "Comparison") -> Columns:
    """Compare the groups in each variant or gene.

    Args:
        values: samples by variants: copies, or rare variants carried in a gene; the samples of the members one
            after another, the largest of a participant's samples counts; NaN where not called.
        comparison: who is compared, and the model.
    """
    sizes = [len(member.samples) for member in comparison.members]
    starts = np.cumsum([0, *sizes[:-1]])
    dosage = np.minimum(np.fmax.reduceat(values, starts, axis=0).T, MOST_COPIES)
    case = np.array([member.role == "case" for member in comparison.members], dtype=bool)
    covariates = without(comparison.design, np.zeros(len(comparison.contrast)), ["case"])[0]
    plain = without(covariates, np.zeros(len(covariates.names)), comparison.covariates)[0]
    firth = firth_logistic(dosage, case, covariates)
    alone = firth_logistic(dosage, case, plain, interval=False)
    columns = _empty(len(dosage))
    for name in ("estimate", "se", "ci_low", "ci_high", "statistic", "p_value"):
        columns[name] = getattr(firth, name)
    tested = np.isfinite(firth.p_value)
    if len(covariates.names) == 1:
        columns["p_value"] = np.where(tested, exact_trend(dosage, case).p_value, np.nan)
    called = np.isfinite(dosage)
    low, high = (np.where(called, dosage, end).T for end in (np.inf, -np.inf))
    flags = np.select(
        [~called.any(axis=1), low.min(axis=0) == high.max(axis=0), ~tested, ~called.all(axis=1)],
        ["not called", "does not vary", "not estimable", "missing values"],
        default="",
    )
    return {
        **columns,
        "df": np.where(tested, 1.0, np.nan),
        "q_value": benjamini_hochberg(columns["p_value"]),
        "estimate_unadjusted": np.where(tested, alone.estimate, np.nan),
        "flag": flags,
        "n_samples": np.isfinite(values).sum(axis=0),
        "n_case": called[:, case].sum(axis=1),
        "n_reference": called[:, ~case].sum(axis=1),
        "n_participants": called.sum(axis=1),
    }


def compare_allele_fractions(
    alt: NDArray[np.float64], depth: NDArray[np.float64], changes: "Changes", *, rho: float
) -> Columns:
    """Compare the allele fractions of participants with their own.

    Args:
        alt: (before, after) x rows of the changes' design x sites, alternate reads.
        depth: the same, all reads; 0 where there are none.
        changes: whose changes, and the model.
        rho: overdispersion (`stats.allele_fraction.overdispersion`, or known).
    """
    reads = alt.transpose(0, 2, 1), depth.transpose(0, 2, 1)
    found = allele_change(*reads, changes.design, changes.contrast, rho=rho)
    columns = _empty(alt.shape[2])
    for name in ("estimate", "se", "ci_low", "ci_high", "statistic", "p_value"):
        columns[name] = getattr(found, name)
    tested = np.isfinite(found.p_value)
    read = (reads[1] > 0).all(axis=0)
    pairs = read[:, : len(changes.complete)]
    cases = len(changes.sides[0].complete)
    total, every = reads[0].sum(axis=(0, 2)), reads[1].sum(axis=(0, 2))
    flags = np.select(
        [~read.any(axis=1), ~tested, (total == 0) | (total == every), ~read.all(axis=1)],
        ["not read", "not estimable", "does not vary", "missing values"],
        default="",
    )
    samples = [sum(len(unit.samples) for unit in pair) for pair in changes.complete]
    return {
        **columns,
        "df": np.where(tested, 1.0, np.nan),
        "q_value": benjamini_hochberg(columns["p_value"]),
        "estimate_pairs": columns["estimate"],
        "p_pairs": columns["p_value"],
        "flag": flags,
        "n_samples": pairs @ np.array(samples, dtype=np.int64),
        "n_case": pairs[:, :cases].sum(axis=1),
        "n_reference": pairs[:, cases:].sum(axis=1),
        "n_participants": pairs.sum(axis=1),
        "n_pairs": pairs.sum(axis=1),
    }


def _empty(rows: int) -> Columns:
    return {name: np.full(rows, np.nan) for name, kind in COLUMNS.items() if kind == "double"}
