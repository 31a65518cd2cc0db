"""Simulate small studies and let R's limma test them: `python make.py FOLDER [SEED] [FEATURES]`.

The committed case folders were made by `python make.py .` with limma 3.54.1 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

SAMPLES = 14


def cases(seed, features):
    """Yield name, values, design, contrast, weights of every case."""
    rng = np.random.default_rng(seed)
    one, case = np.ones(SAMPLES), (np.arange(SAMPLES) % 2).astype(float)
    batch = (np.arange(SAMPLES) % 3 == 0).astype(float)
    age = rng.uniform(-20, 20, SAMPLES).round(2)
    pairs = (np.arange(SAMPLES)[:, None] // 2 == np.arange(1, SAMPLES // 2)).astype(float)

    def values(design, variance):
        effects = rng.normal(0, 0.7, (features, design.shape[1])) / np.maximum(np.abs(design).max(axis=0), 1)
        noise = rng.normal(size=(features, SAMPLES)) * np.sqrt(variance)[:, None]
        return 8 + effects @ design.T + noise

    def holes(matrix, fraction):
        return np.where(rng.random(matrix.shape) < fraction, np.nan, matrix)

    def varied():
        return 0.15 * 6 / rng.chisquare(6, features)

    last = np.arange(4) == 3
    two = np.column_stack([one, case])
    full = np.column_stack([one, batch, age, case])
    groups = np.column_stack([np.arange(SAMPLES) % 3 == k for k in range(3)] + [age]).astype(float)
    paired = np.column_stack([one, pairs, case])
    yield "two_groups", values(two, varied()), two, [0, 1], None
    yield "batch", values(full[:, [0, 1, 3]], varied()), full[:, [0, 1, 3]], [0, 0, 1], None
    yield "continuous", values(full, varied()), full, [0, 0, 1, 0], None
    yield "three_groups", values(groups, varied()), groups, [-0.5, 1, -0.5, 0], None
    yield "missing", holes(values(full, varied()), 0.2), full, last, None
    yield "sparse", holes(values(full, varied()), 0.65), full, last, None
    yield "paired_missing", holes(values(paired, varied()), 0.1), paired, np.arange(8) == 7, None
    yield "weights", holes(values(full, varied()), 0.1), full, last, rng.uniform(0.1, 9, (features, SAMPLES))
    same = values(two, varied())
    fitted = same @ np.linalg.pinv(two).T @ two.T
    spread = rng.uniform(0.35, 0.4, (features, 1)) / (same - fitted).std(axis=1, keepdims=True)
    yield "infinite_prior", fitted + (same - fitted) * spread, two, [0, 1], None
    flat = values(two, varied())
    flat[::10] = 7.5
    yield "zero_variance", flat, two, [0, 1], None


def main(folder, seed=1, features=60):
    """Write the inputs of every case, then limma's answers."""
    names = []
    for name, values, design, contrast, weights in cases(seed, features):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        header = "\t".join(f"c{column}" for column in range(design.shape[1]))
        np.savetxt(target / "design.tsv", design, "%.6g", "\t", header=header, comments="")
        weights_of = np.atleast_2d(np.asarray(contrast, dtype=float))
        np.savetxt(target / "contrast.tsv", weights_of, "%.6g", "\t", header=header, comments="")
        cells = np.where(np.isnan(values), "NA", np.char.mod("%.4f", values))
        np.savetxt(target / "values.tsv", cells, "%s", "\t")
        if weights is not None:
            np.savetxt(target / "weights.tsv", weights, "%.3f", "\t")
        names.append(target)
    subprocess.run(["Rscript", Path(__file__).with_name("limma.R"), *names], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
