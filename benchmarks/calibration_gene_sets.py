"""How often is a gene set called when nothing moves? Genes of a set that correlate, as they do in every tissue.

    python benchmarks/calibration_gene_sets.py [STUDIES]

Each study compares two groups of 3, 5, 8 or 20 samples in 3,000 genes, by moderated t; no gene differs between the
groups. 50 sets of 20 genes correlate within the set by rho, over samples. Writes to
benchmarks/results/calibration_gene_sets.tsv: the part of the sets with p <= 0.05, with its standard error between
studies, for a test that takes genes as independent (the two-sample t test of the genes' z-scores), for camera with
limma's preset correlation of 0.01, for camera that is told rho, and for camera as the product does it, which
estimates the correlation of each set from the residuals: those of the two groups alone, or of two other groups of the
same size as well. `df` are the residual degrees of freedom of the estimate.

With three visits of each participant, whose own level adds 1.5 standard deviations of a visit's, sets correlate by
one rho between participants and another within them. A question between groups at the first visit, and the change of
one group from there to the second, are tested with the correlation between participants and with that within them
(`compare.residuals`); between, also as if visits were independent. Half the number of studies. Writes to
benchmarks/results/calibration_gene_sets_visits.tsv.
"""

import sys
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.design import combine, factor, intercept, residual_df, two_groups
from scleromyomics.stats.gene_sets import CORRELATION, camera, correlations, unit_residuals, z_scores
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t

GENES, SETS, SIZE, STUDIES = 3_000, 50, 20, 400
PER_GROUP, RHOS = (3, 5, 8, 20), (0.0, 0.05, 0.1, 0.3)
LEVEL = 0.05
COLUMNS = ("per_group", "rho", "test", "df", "studies", "rate", "se")
VISITS, BETWEEN_AND_WITHIN, PARTICIPANT_SD = 3, ((0.3, 0.05), (0.3, 0.3), (0.05, 0.3)), 1.5
COLUMNS_VISITS = (
    "per_group",
    "rho_between",
    "rho_within",
    "question",
    "estimate",
    "df",
    "studies",
    "rate",
    "se",
)
RESULTS = Path(__file__).parent / "results"


def values_of_study(rng, samples, rho):
    """Genes by samples; the first SETS x SIZE genes are those of the sets, one after another."""
    members = SETS * SIZE
    values = rng.normal(size=(GENES, samples))
    values[:members] *= np.sqrt(1 - rho)
    values[:members] += np.sqrt(rho) * np.repeat(rng.normal(size=(SETS, samples)), SIZE, axis=0)
    return values * np.sqrt(5 / rng.chisquare(5, (GENES, 1)))


def z_of_groups(values):
    """Z-scores of the difference between two groups of the same size."""
    return z_of_model(values, two_groups("case", np.repeat([0, 1], values.shape[1] // 2)), "case")


def z_of_model(values, design, column):
    """Z-scores of a coefficient, by moderated t."""
    fit = fit_contrast(values, design, design.contrast({column: 1}))
    test = moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df)
    return z_scores(test.statistic, test.df)


def rows(studies, seed=0):
    """One row per group size, correlation and test."""
    from scipy.sparse import csr_array

    members = np.arange(SETS * SIZE)
    sets = csr_array((np.ones(members.size), (members // SIZE, members)), (SETS, GENES))
    for n in PER_GROUP:
        groups = {k: np.repeat([str(one) for one in range(k)], n) for k in (2, 4)}
        designs = {k: combine(intercept(k * n), factor("group", of)) for k, of in groups.items()}
        for rho in RHOS:
            known = {
                "genes as independent": 0.0,
                f"camera, {CORRELATION}": CORRELATION,
                "camera, told rho": rho,
            }
            called = {name: [] for name in [*known, *(f"camera, estimated, {k} groups" for k in designs)]}
            for number in range(studies):
                values = values_of_study(
                    np.random.default_rng([seed, n, int(1000 * rho), number]), 4 * n, rho
                )
                z = z_of_groups(values[:, : 2 * n])
                for name, correlation in known.items():
                    called[name].append((camera(z, sets, correlation=correlation).p_value <= LEVEL).mean())
                for k, design in designs.items():
                    found = correlations(
                        unit_residuals(values[: members.size, : k * n], design), sets[:, : members.size]
                    )
                    test = camera(z, sets, correlation=np.maximum(found, CORRELATION), df=k * (n - 1))
                    called[f"camera, estimated, {k} groups"].append((test.p_value <= LEVEL).mean())
            for name, rates in called.items():
                df = int(name.split()[-2]) * (n - 1) if "estimated" in name else ""
                se = np.std(rates, ddof=1) / np.sqrt(studies)
                numbers = [studies, round(float(np.mean(rates)), 4), round(float(se), 4)]
                yield dict(zip(COLUMNS, [n, rho, name, df, *numbers], strict=True))


def visit_rows(studies, seed=1):
    """One row per group size, pair of correlations, question and estimate."""
    from scipy.sparse import csr_array

    members = np.arange(SETS * SIZE)
    sets = csr_array((np.ones(members.size), (members // SIZE, members)), (SETS, GENES))
    for n in PER_GROUP[:3]:
        people = 2 * n
        cells = [f"{group} {visit}" for visit in range(VISITS) for group in np.repeat(["a", "b"], n)]
        names = [str(one) for one in range(people)] * VISITS
        between = combine(intercept(len(cells)), factor("cell", cells))
        within = combine(between, factor("participant", names))
        df_between, df_within = people - 2, residual_df(within)
        for rhos in BETWEEN_AND_WITHIN:
            called = {}
            for number in range(studies):
                rng = np.random.default_rng([seed, n, *(int(1000 * one) for one in rhos), number])
                own = PARTICIPANT_SD * values_of_study(rng, people, rhos[0])
                Y = np.hstack([own + values_of_study(rng, people, rhos[1]) for _ in range(VISITS)])
                first, second = Y[:, :people], Y[:, people : 2 * people]
                change = z_of_model((second - first)[:, :n], intercept(n), "intercept")
                groups = z_of_groups(first)
                found = {
                    name: np.maximum(correlations(unit_residuals(Y, design), sets), CORRELATION)
                    for name, design in (("between", between), ("within", within))
                }
                for question, z, estimate, df in (
                    ("groups", groups, "between", df_between),
                    ("groups", groups, "between", residual_df(between)),
                    ("groups", groups, "within", df_within),
                    ("change", change, "within", df_within),
                    ("change", change, "between", df_between),
                ):
                    p = camera(z, sets, correlation=found[estimate], df=df).p_value
                    called.setdefault((question, estimate, df), []).append((p <= LEVEL).mean())
            for key, rates in called.items():
                se = np.std(rates, ddof=1) / np.sqrt(studies)
                numbers = [studies, round(float(np.mean(rates)), 4), round(float(se), 4)]
                yield dict(zip(COLUMNS_VISITS, [n, *rhos, *key, *numbers], strict=True))


def main(studies=STUDIES):
    for name, columns, lines in (
        ("calibration_gene_sets.tsv", COLUMNS, rows(studies)),
        ("calibration_gene_sets_visits.tsv", COLUMNS_VISITS, visit_rows(studies // 2)),
    ):
        table = []
        for line in lines:
            print(*line.values(), sep="\t", flush=True)
            table.append(line)
        write_tsv(RESULTS / name, columns, table)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
