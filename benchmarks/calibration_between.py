"""Do the tests of the `between` questions keep their promises? Simulated two-group studies of the toy's size.

    python benchmarks/calibration_between.py

Each study has 5 to 8 participants per group and 2,150 features, age, sex and batch both in the data and in
the model, and residual standard deviations of 0.3 to 0.5 log2. Writes to benchmarks/results/:

- calibration_between_power.tsv: 1,000 studies in which 5 % of the features move by 0.5 to 1 log2. Observed
  power at fixed levels, and at the level that q <= 0.05 comes to in each study (studies without a call have
  none), beside the noncentral t value with total degrees of freedom: once with each feature's true variance
  and once with the median posterior variance, as `mde` has it. And the false discovery proportion at
  q <= 0.05. Standard errors and 95 % intervals are those of the difference, over studies.
- calibration_between_null.tsv: 1,000 studies in which nothing moves. Rejection rate at 0.05 with its standard
  error between studies, and the Kolmogorov-Smirnov test of one random feature per study against uniform.
- calibration_between_sizes.tsv: 1,000 studies of 200 features at 3, 5, 8 and 20 participants per group (at 3 without
  age and sex, which the product drops there). Rejection rate at 0.05 in the null three quarters, false discovery
  proportion and power in the rest, beside ordinary least squares and the two-group t test without covariates.
"""

from itertools import product
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.design import two_groups, without
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t, two_sided_p
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.power import ALPHA, detection_power

FEATURES, MOVED, STUDIES = 2_150, 107, 1_000
SIZES, SIZE_FEATURES = (3, 5, 8, 20), 200
RESULTS = Path(__file__).parent / "results"
COLUMNS = ("measure", "studies", "observed", "expected", "difference", "se", "low", "high")


def study(rng, moved, *, groups=None, covariates=True, features=FEATURES):
    """One simulated study: values (log2), design, contrast, each feature's true effect and residual SD."""
    groups = rng.integers(5, 9, 2) if groups is None else groups
    case = np.repeat([0, 1], groups)
    n = case.size
    # every group has participants in both batches and of both sexes, as verdicts demand
    batch, sex = (np.concatenate([rng.permutation(np.arange(size) % 2) for size in groups]) for _ in range(2))
    age = rng.uniform(25, 75, n)
    design = two_groups(
        "case",
        case,
        covariates={"age": age} if covariates else {},
        factors=({"sex": ["FM"[value] for value in sex]} if covariates else {})
        | {"batch": [f"B{value}" for value in batch]},
    )
    effect = np.zeros(features)
    effect[:moved] = rng.uniform(0.5, 1, moved) * rng.choice([-1, 1], moved)
    nuisance = rng.normal(0, [0.3, 0.005, 0.2], (features, 3)) @ np.vstack(
        [batch, age * covariates, sex * covariates]
    )
    sd = rng.uniform(0.3, 0.5, features)
    noise = rng.normal(size=(features, n)) * sd[:, None]
    values = rng.uniform(4, 12, (features, 1)) + effect[:, None] * case + nuisance + noise
    return values, design, design.contrast({"case": 1}), effect, sd


def tested(rng, moved):
    """Tests of one study, true effects, and standard errors: each feature's true one, and a typical one."""
    values, design, contrast, effect, sd = study(rng, moved)
    fit = fit_contrast(values, design, contrast)
    test = moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df)
    typical = fit.unscaled * np.sqrt(np.median(test.posterior))
    return test, effect, {"true variances": fit.unscaled * sd, "median posterior variance": typical}


def power_rows(studies, seed=0):
    """Observed power beside the noncentral t value, and the false discovery proportion."""
    observed, expected, false = {}, {}, []
    for number in range(studies):
        test, effect, errors = tested(np.random.default_rng([seed, number]), MOVED)
        called = benjamini_hochberg(test.p_value) <= 0.05
        levels = {"p <= 0.05": 0.05, "p <= 4.2e-4": ALPHA}
        levels |= {"q <= 0.05": test.p_value[called].max()} if called.any() else {}
        true = effect != 0
        for (level, alpha), (source, se) in product(levels.items(), errors.items()):
            told = detection_power(effect[true], se[true], test.df[true], alpha=alpha)
            name = f"power at {level}, noncentral t from {source}"
            observed.setdefault(name, []).append((test.p_value[true] <= alpha).mean())
            expected.setdefault(name, []).append(told.mean())
        false.append((called & (effect == 0)).sum() / max(called.sum(), 1))
    rows = [row(name, observed[name], expected[name]) for name in observed]
    return [*rows, row("false discovery proportion at q <= 0.05", false, np.full(studies, 0.05))]


def null_rows(studies, seed=1):
    """Rejection rate where nothing moves, and uniformity of single p-values."""
    from scipy.stats import kstest

    rates, single = [], []
    for number in range(studies):
        rng = np.random.default_rng([seed, number])
        test, _, _ = tested(rng, 0)
        rates.append((test.p_value <= 0.05).mean())
        single.append(rng.choice(test.p_value))
    uniform = kstest(single, "uniform")
    return [
        row("rejection rate at 0.05", rates, np.full(studies, 0.05)),
        dict.fromkeys(COLUMNS)
        | {
            "measure": "Kolmogorov-Smirnov p-value of one random feature per study",
            "studies": studies,
            "observed": round(float(uniform.pvalue), 4),
        },
    ]


def size_rows(studies, seed=2):
    """Rejections of nulls, false discoveries and power by size, beside tests that share nothing between features."""
    rows = []
    for size in SIZES:
        found = {name: ([], [], []) for name in ("moderated (limma)", "least squares", "t test, unadjusted")}
        for number in range(studies):
            rng = np.random.default_rng([seed, size, number])
            moved = SIZE_FEATURES // 10 if number % 4 == 3 else 0
            values, design, contrast, effect, _ = study(
                rng, moved, groups=(size, size), covariates=size > 3, features=SIZE_FEATURES
            )
            fit = fit_contrast(values, design, contrast)
            plain = fit_contrast(values, *without(design, contrast, {"age", "sex", "batch"}))
            tests = (
                moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df).p_value,
                *(two_sided_p(f.estimate / (f.unscaled * np.sqrt(f.variance)), f.df) for f in (fit, plain)),
            )
            for (rejected, false, power), p in zip(found.values(), tests, strict=True):
                called = benjamini_hochberg(p) <= 0.05
                if moved:
                    false.append((called & (effect == 0)).sum() / max(called.sum(), 1))
                    power.append((p[effect != 0] <= 0.05).mean())
                else:
                    rejected.append((p <= 0.05).mean())
        for method, parts in found.items():
            line = {"per_group": size, "method": method, "studies": studies}
            for name, part in zip(("rejected", "false_discoveries", "power"), parts, strict=True):
                line[name] = round(float(np.mean(part)), 4)
                line[f"{name}_se"] = round(float(np.std(part, ddof=1) / np.sqrt(len(part))), 4)
            rows.append(line)
    return rows


def row(measure, observed, expected):
    """Means over studies; the standard error and the 95 % interval are those of the difference, per study."""
    difference = np.asarray(observed) - np.asarray(expected)
    mean, se = difference.mean(), difference.std(ddof=1) / np.sqrt(difference.size)
    numbers = [np.mean(observed), np.mean(expected), mean, se, mean - 1.96 * se, mean + 1.96 * se]
    return dict(zip(COLUMNS, [measure, difference.size, *(round(float(x), 4) for x in numbers)], strict=True))


def main():
    tables = {"power": power_rows(STUDIES), "null": null_rows(STUDIES), "sizes": size_rows(STUDIES)}
    for name, rows in tables.items():
        for line in rows:
            print(line)
        write_tsv(RESULTS / f"calibration_between_{name}.tsv", list(rows[0]), rows)


if __name__ == "__main__":
    main()
