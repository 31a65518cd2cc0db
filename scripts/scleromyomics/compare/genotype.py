"""Answers of genotypes between groups, and of allele fractions within participants, for some sites.

Dosages and gene burdens (values above 2 count as 2) are regressed with Firth's penalty, adjusted for the
comparison's covariates: estimates are log odds ratios of being a case, per copy, with the profile interval and the
penalised likelihood ratio. `p_value` is that ratio's where there are covariates, the exact test's where there are
none. Allele fractions: changes of the logit, natural log odds ratios of reads, by the penalised beta-binomial
likelihood ratio. A variant that does not vary, that was not called, of which fewer than `FEWEST` copies differ or
participants have both alleles (whoever they are), or whose slope the covariates hide keeps its row, with a flag and
without a test. There is no `mde`: these tests have no noncentral t. Nor is there a `q_value`: that is one of the
whole table.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import Columns
from scleromyomics.core.results import COLUMNS
from scleromyomics.stats.allele_fraction import allele_change
from scleromyomics.stats.calls import MOST_COPIES
from scleromyomics.stats.design import without
from scleromyomics.stats.genotype import exact_trend, firth_logistic

if TYPE_CHECKING:
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Comparison

METHOD_EXACT = "exact conditional test, estimates by Firth's logistic regression"
METHOD_FIRTH = "Firth's logistic regression (Heinze and Schemper 2002)"
METHOD_FRACTION = "penalised beta-binomial likelihood ratio"
FEWEST = 3
"""Copies of the rarer allele (carriers, of a gene) that a test needs. Where groups are of equal size, two carriers
are in the same one half of the time: rows that no test could call only take from the q-values of others. Of allele
fractions, participants who have both alleles: the many reads of one or two people say nothing of a group."""

UNIT = "log odds ratio"
UNIT_FRACTION = "log odds ratio of reads"
FOUND = ("estimate", "se", "ci_low", "ci_high", "statistic", "p_value")


def exact(comparison: "Comparison") -> bool:
    """Whether nothing is adjusted for, so that the test is exact."""
    return len(comparison.design.names) == 2


def compare_genotypes(
    dosage: NDArray[np.float64], samples: NDArray[np.int64], comparison: "Comparison"
) -> Columns:
    """Compare the groups in each variant or gene.

    Args:
        dosage: members of the comparison by variants: copies, or rare variants carried in a gene; NaN where not
            called.
        samples: how many samples of the members are called, per variant.
        comparison: who is compared, and the model; no controls are subtracted.

    Raises:
        ValueError: if they are: the odds of being a case are those against the reference.
    """
    if any(member.control for member in comparison.members):
        raise ValueError("genotypes are not compared beyond those of controls")
    copies = np.minimum(dosage.T, float(MOST_COPIES))
    called = np.isfinite(copies)
    low = np.where(called, copies, np.inf).min(axis=1, initial=np.inf)
    high = np.where(called, copies, -np.inf).max(axis=1, initial=-np.inf)
    apart = np.minimum(
        *(np.where(called, np.abs(copies - end[:, None]), 0).sum(axis=1) for end in (low, high))
    )
    varies = np.flatnonzero(apart >= FEWEST)
    case = np.array([member.role == "case" for member in comparison.members], dtype=bool)
    columns = _empty(len(copies))
    for name, values in _tested(copies[varies], case, comparison).items():
        columns[name][varies] = values
    tested = np.isfinite(columns["p_value"])
    flags = np.select(
        [~called.any(axis=1), low >= high, apart < FEWEST, ~tested, ~called.all(axis=1)],
        [
            "not called",
            "does not vary",
            f"fewer than {FEWEST} copies differ",
            "not estimable",
            "missing values",
        ],
        default="",
    )
    return {
        **columns,
        "flag": flags,
        "n_samples": samples,
        "n_case": called[:, case].sum(axis=1),
        "n_reference": called[:, ~case].sum(axis=1),
        "n_participants": called.sum(axis=1),
    }


def _tested(copies: NDArray[np.float64], case: NDArray[np.bool_], comparison: "Comparison") -> Columns:
    """The numbers of variants that vary."""
    covariates = without(comparison.design, np.zeros(len(comparison.contrast)), ["case"])[0]
    plain = without(covariates, np.zeros(len(covariates.names)), comparison.covariates)[0]
    firth = firth_logistic(copies, case, covariates)
    tested = np.isfinite(firth.p_value)
    columns: Columns = {name: getattr(firth, name) for name in FOUND}
    if exact(comparison):
        columns["p_value"] = np.where(tested, exact_trend(copies, case).p_value, np.nan)
    alone = firth if plain.names == covariates.names else firth_logistic(copies, case, plain, interval=False)
    return {
        **columns,
        "df": np.where(tested, 1.0, np.nan),
        "estimate_unadjusted": np.where(tested, alone.estimate, np.nan),
    }


def with_both_alleles(
    alternate: NDArray[np.float64], depth: NDArray[np.float64], changes: "Changes"
) -> NDArray[np.int64]:
    """How many participants have reads in both of their samples, and both alleles among them, per site.

    Args:
        alternate: (before, after) x rows of the changes' design x sites.
        depth: the same.
        changes: whose changes.
    """
    pairs = slice(len(changes.complete))
    total, every = (values[:, pairs].sum(axis=0) for values in (alternate, depth))
    both: NDArray[np.bool_] = (depth[:, pairs] > 0).all(axis=0) & (total > 0) & (total < every)
    return both.sum(axis=0)


def compare_allele_fractions(
    alternate: NDArray[np.float64], depth: NDArray[np.float64], changes: "Changes", *, rho: float
) -> Columns:
    """Compare the allele fractions of participants with their own.

    Args:
        alternate: (before, after) x rows of the changes' design x sites, reads with the allele.
        depth: the same, all reads; 0 where there are none.
        changes: whose changes, and the model.
        rho: overdispersion (`stats.allele_fraction.overdispersion`, or known).
    """
    both = with_both_alleles(alternate, depth, changes)
    varies = np.flatnonzero(both >= FEWEST)
    reads = (values[:, :, varies].transpose(0, 2, 1) for values in (alternate, depth))
    found = allele_change(*reads, changes.design, changes.contrast, rho=rho)
    columns = _empty(alternate.shape[2])
    for name in FOUND:
        columns[name][varies] = getattr(found, name)
    tested = np.isfinite(columns["p_value"])
    read = (depth > 0).all(axis=0).T
    pairs = read[:, : len(changes.complete)]
    cases = len(changes.sides[0].complete)
    few = f"fewer than {FEWEST} participants have both alleles"
    flags = np.select(
        [~read.any(axis=1), both == 0, both < FEWEST, ~tested, ~read.all(axis=1)],
        ["not read", "does not vary", few, "not estimable", "missing values"],
        default="",
    )
    samples = [sum(len(unit.samples) for unit in pair) for pair in changes.complete]
    return {
        **columns,
        "df": np.where(tested, 1.0, np.nan),
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
