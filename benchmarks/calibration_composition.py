"""Do tests of compositions keep their level for the unchanged types while one type triples?

    python benchmarks/calibration_composition.py

1,000 simulated studies per row: 5, 9 or 15 types of 1 to 40 % of the cells, about 4,000 cells a sample,
standard deviations between participants of 0.3 to 0.6 (natural log) that differ between types, multinomial
counts. One type, drawn anew in each study, is three times as frequent in cases, or at the later visit. Rows
tell the rejection rate at 0.05 among the other types, with its standard error between studies, and how often
the tripled type is found. `mode` tests against the mode of the other types, `reference` against a declared one
that does not change, `centred` is the plain centred log-ratio, for comparison. Within participants: paired
differences, or a mixed model where every third participant lacks the later visit (not for 3).
Writes benchmarks/results/calibration_composition.tsv.
"""

from itertools import product
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.composition import compare_types, log_counts
from scleromyomics.stats.design import combine, indicator, intercept, two_groups
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import two_sided_p

STUDIES, SIZES = 1_000, (3, 5, 8, 20)
CELLS, FACTOR = 4_000, 3.0
RESULTS = Path(__file__).parent / "results" / "calibration_composition.tsv"
COLUMNS = ("comparison", "estimand", "participants", "types", "studies", "type_1", "se", "power")


def counts_of(rng, log_share, moved):
    """Multinomial counts of samples whose tripled type is `moved` where told."""
    log_share = log_share + np.log(FACTOR) * moved
    share = np.exp(log_share) / np.exp(log_share).sum(axis=0)
    totals = rng.lognormal(np.log(CELLS), 0.4, share.shape[1]).astype(int)
    return rng.multinomial(totals, share.T).T.astype(float)


def study(rng, comparison, size, types):
    """Counts, their samples' design, contrast, participants (mixed models), pairs, and the tripled type."""
    number = 2 * size if comparison == "between" else size
    spread = rng.uniform(0.3, 0.6, (types, 1))
    base = rng.uniform(np.log(0.01), np.log(0.4), (types, 1)) + spread * rng.normal(size=(types, number))
    tripled = int(rng.integers(types))
    row = (np.arange(types) == tripled)[:, None]
    if comparison == "between":
        case = np.arange(number) < size
        design = two_groups("case", case)
        return log_counts(counts_of(rng, base, row * case)), design, "case", None, tripled
    later = np.repeat([False, True], size)
    noise = 0.6 * spread * rng.normal(size=(types, 2 * size))
    logs = log_counts(counts_of(rng, np.hstack([base, base]) + noise, row * later))
    if comparison == "paired":
        return logs[:, size:] - logs[:, :size], intercept(size), "intercept", None, tripled
    kept = ~later | (np.tile(np.arange(size), 2) % 3 != 2)
    design = combine(intercept(int(kept.sum())), indicator("later", later[kept]))
    return logs[:, kept], design, "later", np.tile(np.arange(size), 2)[kept], tripled


def row(comparison, size, types, studies, seed=0):
    """Rows of the estimands: rejection rates of unchanged types and of the tripled one."""
    found = {}
    for number in range(studies):
        rng = np.random.default_rng([seed, number, size, types])
        logs, design, name, participants, tripled = study(rng, comparison, size, types)
        contrast = design.contrast({name: 1.0})
        declared = (tripled + 1) % types
        p = {
            "mode": compare_types(logs, design, contrast, participants=participants).p_value,
            "reference": compare_types(
                logs, design, contrast, reference=declared, participants=participants
            ).p_value,
        }
        if participants is None:
            fit = fit_contrast(logs - logs.mean(axis=0), design, contrast)
            p["centred"] = two_sided_p(fit.estimate / (fit.unscaled * np.sqrt(fit.variance)), fit.df)
        for estimand, values in p.items():
            unchanged = (np.arange(types) != tripled) & ~np.isnan(values)
            found.setdefault(estimand, []).append(
                (np.mean(values[unchanged] <= 0.05), values[tripled] <= 0.05)
            )
    lines = []
    for estimand, rates in found.items():
        rate, power = np.array(rates, dtype=float).T
        error = rate.std(ddof=1) / np.sqrt(studies)
        values = (comparison, estimand, size, types, studies)
        numbers = (round(float(x), 4) for x in (rate.mean(), error, power.mean()))
        lines.append(dict(zip(COLUMNS, (*values, *numbers), strict=True)))
    return lines


def main():
    cases = [*product(("between", "paired"), SIZES, (5, 9, 15)), *product(("mixed",), SIZES[1:], (9,))]
    lines = [line for comparison, size, types in cases for line in row(comparison, size, types, STUDIES)]
    write_tsv(RESULTS, COLUMNS, lines)
    for line in lines:
        print(*line.values(), sep="\t")


if __name__ == "__main__":
    main()
