"""Do the tests within participants keep their promises? Simulated studies with missing visits, by kind and size.

    python benchmarks/calibration_changes.py          # writes benchmarks/results/calibration_changes.tsv

Kinds: `within` (a group's change), `interaction` (its change beyond a reference's, with later profiles in another
batch), `tissue` (two tissues of one person; as `within`, with one tissue missing), `event` (beyond participants
without the event; complete pairs). Sizes: 3, 5, 8 and 20 participants per group (in `within` and `tissue` 4
instead of 3, the fewest that are answered). Every profile is missing with probability 0.15 (not in `event`), so
that studies are unbalanced; studies that the verdicts would skip (fewer than 3 pairs in a group, or 3 residual
degrees of freedom) are drawn again. 1,000 studies of 200 features per kind and size: residual variances 0.1 x
inverse chi-square (6 df), a participant variance of 0 to 4 times the residual one. Three quarters of the studies
are null; in the rest 10 % of the features move by 2.5 standard errors of the complete design.

Each row is a method: ours as the product answers (paired differences where nothing is missing, else the mixed
model), and beside it the complete pairs alone (limma on paired differences: equal to 1e-8), the unmoderated mixed
model (lmerTest: equal to 1e-6) and limma with a common correlation (duplicateCorrelation). Columns: rejection rate
at 0.05 in null studies, false discovery proportion at q <= 0.05, power at p <= 0.05, each with its standard error
between studies, and power over that of the best method that keeps its level (rejection rate <= 0.055).
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from scleromyomics.compare.changes import compare_changes
from scleromyomics.core.files import write_tsv
from scleromyomics.plan.changes import Changes
from scleromyomics.plan.contrasts import Unit
from scleromyomics.plan.pairs import Pairs
from scleromyomics.stats.design import residual_df
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import fit_mixed
from scleromyomics.stats.moderation import moderated_t, two_sided_p
from scleromyomics.stats.multiplicity import benjamini_hochberg

KINDS = {"within": 1, "tissue": 1, "interaction": 2, "event": 2}  # sides
SIZES = (3, 5, 8, 20)
FEATURES, STUDIES, MISSING, LEVEL = 200, 1_000, 0.15, 0.05
RESULT = Path(__file__).parent / "results" / "calibration_changes.tsv"
METHODS = ("ours", "complete pairs (limma)", "mixed model, unmoderated (lmerTest)", "duplicateCorrelation")


def draw(rng, kind, size):
    """The participants of a study, until it is one that the verdicts would not skip."""
    missing = 0.0 if kind == "event" else MISSING
    while True:
        sides = []
        for side in range(KINDS[kind]):
            present = rng.random((size, 2)) >= missing
            units = {}
            for person in range(size):
                name = f"P{side}{person:03d}"
                batches = ("b1", "b2") if kind in {"interaction", "event"} else ("b1", "b1")
                units[name] = tuple(
                    Unit(name, (f"{name}_{visit}",), "chip", batches[visit], f"W{visit + 1}")
                    if present[person, visit]
                    else None
                    for visit in (0, 1)
                )
            complete = {name: pair for name, pair in units.items() if all(pair)}
            single = {name: pair for name, pair in units.items() if any(pair) and not all(pair)}
            sides.append(Pairs(complete, {}, ("D1", "M12"), single))
        changes = Changes(tuple(sides), ())
        if min(len(side.complete) for side in sides) >= 3 and residual_df(changes.design) >= 3:
            return changes


def values(rng, changes, size, *, moved):
    """A profile per sample; the case's later profiles are moved in the first features."""
    variance = 0.1 * 6 / rng.chisquare(6, FEATURES)
    ratio = rng.uniform(0, 4, FEATURES)
    batch = rng.normal(0, 0.3, FEATURES)
    effect = np.where(
        np.arange(FEATURES) < moved, 2.5 * np.sqrt(variance * 2 * len(changes.sides) / size), 0.0
    )
    found = {}
    for number, side in enumerate(changes.sides):
        for pair in {**side.complete, **side.single}.values():
            own = 8 + rng.normal(size=FEATURES) * np.sqrt(ratio * variance)
            for visit, unit in enumerate(pair):
                if unit:
                    noise = rng.normal(size=FEATURES) * np.sqrt(variance)
                    later = visit * (effect * (number == 0))
                    found[unit.samples[0]] = own + noise + later + batch * (unit.batch == "b2")
    return found, effect != 0


def p_values(changes, found):
    """The p-values of each method."""

    def profiles(units):
        return np.array([found[unit.samples[0]] for unit in units])

    before, after = (profiles([row[side] for row in changes.rows]) for side in (0, 1))
    rows = profiles(changes.repeated.units)
    columns, _ = compare_changes(before, after, rows, changes)
    repeated = changes.repeated
    fit = fit_mixed(rows.T, repeated.design, [repeated.contrast], np.array(repeated.participants))
    plain = two_sided_p(fit.estimate[0] / np.sqrt(fit.variance[0]), fit.df[0])
    return dict(
        zip(
            METHODS,
            (columns["p_value"], columns["p_pairs"], plain, common(rows.T, repeated, fit)),
            strict=True,
        )
    )


def common(Y, repeated, fit):
    """limma with one correlation for all features: the trimmed mean of the features' on Fisher's scale."""
    own = fit.components[0] / fit.components.sum(axis=0)
    ranked = np.sort(np.arctanh(np.clip(own, -0.99, 0.99)))
    cut = int(0.15 * len(ranked))
    correlation = np.tanh(ranked[cut : len(ranked) - cut].mean())
    names = np.array(repeated.participants)
    within = np.where(names[:, None] == names[None, :], correlation, 0.0)
    np.fill_diagonal(within, 1.0)
    whiten = np.linalg.inv(np.linalg.cholesky(within))
    design = type(repeated.design)(whiten @ repeated.design.matrix, repeated.design.names)
    linear = fit_contrast(Y @ whiten.T, design, repeated.contrast)
    return moderated_t(linear.estimate, linear.unscaled, linear.variance, linear.df).p_value


def calibrate(kind, size, studies):
    """One row per method."""
    rates, false, power = (defaultdict(list) for _ in range(3))
    for number in range(studies):
        rng = np.random.default_rng([list(KINDS).index(kind), size, number])
        changes = draw(rng, kind, size)
        moved = FEATURES // 10 if number % 4 == 3 else 0
        found, moves = values(rng, changes, size, moved=moved)
        for method, p in p_values(changes, found).items():
            called = benjamini_hochberg(p) <= LEVEL
            if moved:
                false[method].append((called & ~moves).sum() / max(called.sum(), 1))
                power[method].append(np.mean(p[moves] <= LEVEL))
            else:
                rates[method].append(np.mean(p <= LEVEL))
    fair = [m for m in METHODS if np.mean(rates[m]) <= 0.055]
    best = max((np.mean(power[m]) for m in fair), default=np.nan)
    return [
        {
            "kind": kind,
            "per_group": size,
            "method": method,
            "studies": studies,
            **pair("rejected", rates[method]),
            **pair("false_discoveries", false[method]),
            **pair("power", power[method]),
            "power_over_best": round(float(np.mean(power[method]) / best), 3),
        }
        for method in METHODS
    ]


def pair(name, found):
    """A mean over studies and its standard error."""
    return {
        name: round(float(np.mean(found)), 4),
        f"{name}_se": round(float(np.std(found, ddof=1) / np.sqrt(len(found))), 4),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=STUDIES)
    studies = parser.parse_args().studies
    rows = []
    for kind, sides in KINDS.items():
        for size in SIZES if sides > 1 else (4, *SIZES[1:]):
            rows += calibrate(kind, size, studies)
            print(*rows[-len(METHODS) :], sep="\n", flush=True)
    if studies == STUDIES:
        write_tsv(RESULT, list(rows[0]), rows)


if __name__ == "__main__":
    main()
