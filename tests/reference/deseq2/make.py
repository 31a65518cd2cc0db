"""Simulate small studies of counts and let R's DESeq2 test them: `python make.py FOLDER [SEED] [FEATURES]`.

The committed case folders were made by `python make.py .` with DESeq2 1.38.3 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np


def cases(seed, features):
    """Yield name, counts, design and contrast of every case."""
    rng = np.random.default_rng(seed)

    def counts(design, effect, participant=None, outliers=0):
        """Counts around a level per feature and participant; a fifth of the features moves by `effect`."""
        samples = len(design)
        level = np.exp(rng.normal(np.log(60), 1.5, (features, 1)))
        moved = rng.normal(0, 1, (features, 1)) * (rng.random((features, 1)) < 0.2)
        own = (
            0.0
            if participant is None
            else rng.normal(0, 0.5, (features, participant.max() + 1))[:, participant]
        )
        mu = level * np.exp2(moved * effect + own) * rng.uniform(0.6, 1.7, samples)
        shape = 1 / ((0.05 + 2 / level) * rng.lognormal(0, 0.4, (features, 1)))
        found = rng.poisson(rng.gamma(shape, mu / shape))
        found[rng.choice(features, outliers, replace=False), rng.integers(0, samples, outliers)] += 20_000
        found[0] = 0
        return found

    def columns(*parts):
        return np.column_stack([np.ones(len(parts[0])), *parts]).astype(float)

    for name, size, outliers in (("three_a_group", 3, 0), ("five_a_group", 5, 4), ("nine_a_group", 9, 4)):
        case = np.arange(2 * size) % 2
        design = columns(case)
        yield name, counts(design, case, outliers=outliers), design, [0, 1]
    case, age = np.arange(14) % 2, rng.normal(size=14).round(3)
    design = columns(case, age, np.arange(14) // 7)
    yield "covariates", counts(design, case + 0.3 * age), design, [0, 1, 0, 0]
    for name, people in (("three_pairs", 3), ("eight_pairs", 8)):
        participant, later = np.divmod(np.arange(2 * people), 2)
        design = columns(participant[:, None] == np.arange(1, people), later)
        yield name, counts(design, later, participant), design, [*[0] * people, 1]
    participant, later = np.divmod(np.arange(24), 2)
    case = participant % 2
    design = columns(participant[:, None] == np.arange(1, 12), later, later * case)
    yield "difference_of_changes", counts(design, later * case, participant), design, [*[0] * 13, 1]
    case = np.arange(12) % 2
    sparse = rng.binomial(counts(columns(case), case), 0.5)
    sparse[np.arange(features), rng.integers(0, 12, features)] = 0
    yield "no_gene_in_all_samples", sparse, columns(case), [0, 1]


def main(folder, seed=1, features=250):
    """Write the inputs of every case, then DESeq2's answers."""
    names = []
    for name, counts, design, contrast in cases(seed, features):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        header = "\t".join(f"c{column}" for column in range(design.shape[1]))
        np.savetxt(target / "counts.tsv", counts, "%d", "\t")
        np.savetxt(target / "design.tsv", design, "%.6g", "\t", header=header, comments="")
        np.savetxt(target / "contrast.tsv", [contrast], "%d", "\t", header=header, comments="")
        names.append(target)
    subprocess.run(["Rscript", Path(__file__).with_name("deseq2.R"), *names], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
