"""Simulate small count matrices and let R's edgeR and limma treat them: `python make.py FOLDER [SEED] [FEATURES]`.

The committed case folders were made by `python make.py .` with limma 3.54.1 and edgeR 3.40.2 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np


def cases(seed, features):
    """Yield name, counts, design and groups: two groups; unequal ones with a covariate; few counts and ties."""
    rng = np.random.default_rng(seed)

    def counts(samples, mean, case):
        level = np.exp(rng.normal(np.log(mean), 1.5, (features, 1)))
        fold = np.exp2(rng.normal(0, 1, (features, 1)) * (rng.random((features, 1)) < 0.2) * case)
        mu = level * fold * rng.uniform(0.5, 2, samples)
        shape = 1 / (0.05 + 1 / np.sqrt(level))
        return rng.poisson(rng.gamma(shape, mu / shape))

    def design(case, *others):
        return np.column_stack([np.ones(case.size), case, *others])

    case = np.arange(8) % 2
    yield "two_groups", counts(8, 80, case), design(case), case
    case = (np.arange(30) < 13).astype(int)
    yield "covariate", counts(30, 40, case), design(case, rng.normal(size=30).round(3)), case
    case = np.arange(6) // 3
    yield "few_counts", counts(6, 2, case), design(case), case


def main(folder, seed=1, features=120):
    """Write the inputs of every case, then R's answers."""
    names = []
    for name, counts, design, groups in cases(seed, features):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        header = "\t".join(f"c{column}" for column in range(design.shape[1]))
        np.savetxt(target / "counts.tsv", counts, "%d", "\t")
        np.savetxt(target / "design.tsv", design, "%.6g", "\t", header=header, comments="")
        np.savetxt(target / "groups.tsv", groups, "%d", header="group", comments="")
        names.append(target)
    subprocess.run(["Rscript", Path(__file__).with_name("voom.R"), *names], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
