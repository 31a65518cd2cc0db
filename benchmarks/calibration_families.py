"""Do calls over many tables keep the false discovery rate that they promise? Planted families, shared participants.

    python benchmarks/calibration_families.py

Each study has 12 participants per group (disease, a second disease, control), measured at two visits in 9 cell
types x 4 tissues, 100 features each. Six questions: the three pairs of groups at the first visit (family `between`),
the changes of the diseases and of the control (family `within`): 108 tables in each family. Tables depend on each
other as in a real study: each participant has one level per feature that all tables share (half of the variance), a
general level that moves all features of a sample together (5 %), and groups and visits are shared between questions.
Effects are planted in the diseases, in some cell types and tissues.

Writes to benchmarks/results/calibration_families.tsv, per scenario and family: the false discovery proportion
averaged over the tables that have a call at 5 % (0 where none has), with its standard error over studies and the bar
of 5 % + 2 standard errors; tables with a call, and those of them where nothing moves, per study; and the part of the
true effects that is called. Once for the hierarchical procedure (q_family), once for Benjamini and Hochberg within
each table (q_value).
"""

from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.families import adjust_family
from scleromyomics.stats.moderation import two_sided_p

PEOPLE, TABLES, FEATURES, STUDIES, LEVEL = 12, 9 * 4, 100, 400, 0.05
PAIRS = ((0, 2), (1, 2), (0, 1))  # the questions between groups: disease, second disease, control
SCENARIOS = {  # part of cell types x tissues with an effect, part of their features, effect in SD of a sample
    "nothing moves": (0.0, 0.0, 0.0),
    "few tables, few features": (0.05, 0.05, 2.5),
    "a quarter of the tables, a tenth of the features": (0.25, 0.1, 2.5),
    "most tables, a third of the features": (0.8, 0.33, 2.5),
}
COLUMNS = (
    "scenario", "family", "method", "studies", "tables_with_a_call", "null_tables_with_a_call", "fdr", "se", "bar",
    "power",
)  # fmt: skip
RESULTS = Path(__file__).parent / "results"


def study(rng, moved_tables, moved_features, effect):
    """P-values and true effects of one study: per family, tables x features."""
    shape = (3, PEOPLE, 2, TABLES, FEATURES)  # group, participant, visit, cell type and tissue, feature
    own = np.sqrt(0.5) * rng.standard_normal((3, PEOPLE, 1, 1, FEATURES), dtype=np.float32)
    level = np.sqrt(0.05) * rng.standard_normal((3, PEOPLE, 2, TABLES, 1), dtype=np.float32)
    values = own + level + np.sqrt(0.45) * rng.standard_normal(shape, dtype=np.float32)
    at = np.zeros((3, 2, TABLES, FEATURES))  # mean of group and visit
    for group in (0, 1):
        here = (rng.random((TABLES, 1)) < moved_tables) & (rng.random((TABLES, FEATURES)) < moved_features)
        at[group, 0] = effect * here  # what sets the disease apart
        here = (rng.random((TABLES, 1)) < moved_tables) & (rng.random((TABLES, FEATURES)) < moved_features)
        at[group, 1] = at[group, 0] + effect * here  # and changes until the second visit
    values += at[:, None].astype(np.float32)
    first, change = values[:, :, 0], values[:, :, 1] - values[:, :, 0]
    mean, variance = first.mean(axis=1), first.var(axis=1, ddof=1)
    t = [(mean[a] - mean[b]) / np.sqrt((variance[a] + variance[b]) / PEOPLE) for a, b in PAIRS]
    between = two_sided_p(np.concatenate(t).astype(float), np.array(2.0 * PEOPLE - 2))
    t = change.mean(axis=1) / np.sqrt(change.var(axis=1, ddof=1) / PEOPLE)
    within = two_sided_p(t.reshape(-1, FEATURES).astype(float), np.array(PEOPLE - 1.0))
    return {
        "between": (between, np.concatenate([at[a, 0] - at[b, 0] for a, b in PAIRS]) != 0),
        "within": (within, (at[:, 1] - at[:, 0]).reshape(-1, FEATURES) != 0),
    }


def outcome(called, true):
    """Tables with a call, those of them where nothing moves, false discovery rate over them, power."""
    some = called.any(axis=1)
    false = (called & ~true).sum(axis=1) / np.maximum(called.sum(axis=1), 1)
    power = called[true].mean() if true.any() else np.nan
    return some.sum(), (some & ~true.any(axis=1)).sum(), false[some].mean() if some.any() else 0.0, power


def rows(studies=STUDIES, seed=0):
    """One row per scenario, family and method."""
    for number, (scenario, planted) in enumerate(SCENARIOS.items()):
        found = {}
        for one in range(studies):
            rng = np.random.default_rng([seed, number, one])
            for family, (p_values, true) in study(rng, *planted).items():
                adjusted = adjust_family(list(p_values))
                methods = {"q_family": adjusted.q_family, "q_value within each table": adjusted.q_value}
                for method, q in methods.items():
                    found.setdefault((family, method), []).append(outcome(np.stack(q) <= LEVEL, true))
        for (family, method), each in sorted(found.items()):
            tables, null, fdr, power = np.array(each).T
            se = fdr.std(ddof=1) / np.sqrt(studies)
            values = [tables.mean(), null.mean(), fdr.mean(), se, LEVEL + 2 * se]
            power = "" if np.isnan(power).all() else round(float(np.nanmean(power)), 4)
            yield dict(
                zip(
                    COLUMNS,
                    [scenario, family, method, studies, *(round(float(x), 4) for x in values), power],
                    strict=True,
                )
            )


def main():
    table = []
    for line in rows():
        print(line)
        table.append(line)
    write_tsv(RESULTS / "calibration_families.tsv", COLUMNS, table)


if __name__ == "__main__":
    main()
