"""How often is a gene set called when nothing moves? Genes of a set that correlate, as they do in every tissue.

    python benchmarks/calibration_gene_sets.py

Each study compares 10 with 10 samples in 3,000 genes, by moderated t; no gene differs between the groups. 50 sets of
genes correlate within the set by rho, over samples. Writes to benchmarks/results/calibration_gene_sets.tsv: the part
of the sets with p <= 0.05, with its standard error between studies, for a test that takes genes as independent (the
two-sample t test of the genes' z-scores), for camera with its preset correlation of 0.01, and for camera that is told
rho.
"""

from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.design import two_groups
from scleromyomics.stats.gene_sets import CORRELATION, LEVEL, camera, z_scores
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t

GENES, SETS, PER_GROUP, STUDIES = 3_000, 50, 10, 400
SIZES, RHOS = (10, 20, 50), (0.0, 0.01, 0.05, 0.1, 0.3)
COLUMNS = ("set_size", "rho", "test", "studies", "rate", "se")
RESULTS = Path(__file__).parent / "results"


def z_of_study(rng, size, rho):
    """Z-scores of all genes of one study; the first sets x size genes are those of the sets, one after another."""
    case = np.repeat([0, 1], PER_GROUP)
    values = np.sqrt(1 - rho) * rng.normal(size=(GENES, case.size))
    values[: SETS * size] += np.sqrt(rho) * np.repeat(rng.normal(size=(SETS, case.size)), size, axis=0)
    values[SETS * size :] = rng.normal(size=(GENES - SETS * size, case.size))
    values *= np.sqrt(5 / rng.chisquare(5, (GENES, 1)))
    design = two_groups("case", case)
    fit = fit_contrast(values, design, design.contrast({"case": 1}))
    test = moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df)
    return z_scores(test.statistic, test.df)


def rows(studies=STUDIES, seed=0):
    """One row per set size, correlation and test."""
    from scipy.sparse import csr_array

    for size in SIZES:
        members = np.arange(SETS * size)
        sets = csr_array((np.ones(members.size), (members // size, members)), (SETS, GENES))
        for rho in RHOS:
            tests = {
                "genes as independent": 0.0,
                f"camera, {CORRELATION}": CORRELATION,
                "camera, told rho": rho,
            }
            called = {name: [] for name in tests}
            for number in range(studies):
                z = z_of_study(np.random.default_rng([seed, size, int(1000 * rho), number]), size, rho)
                for name, correlation in tests.items():
                    called[name].append((camera(z, sets, correlation=correlation).p_value <= LEVEL).mean())
            for name, rates in called.items():
                se = np.std(rates, ddof=1) / np.sqrt(studies)
                values = [size, rho, name, studies, round(float(np.mean(rates)), 4), round(float(se), 4)]
                yield dict(zip(COLUMNS, values, strict=True))


def main():
    table = []
    for line in rows():
        print(line)
        table.append(line)
    write_tsv(RESULTS / "calibration_gene_sets.tsv", COLUMNS, table)


if __name__ == "__main__":
    main()
