"""Simulate ordered outcomes and let R's polr and vglm explain them: `python make.py FOLDER [SEED] [FEATURES]`.

The committed case folders were made by `python make.py .` with MASS 7.3.58.2 and VGAM 1.1.7 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np


def cases(seed, features):
    """Yield name, values, outcome and covariates of every case."""
    rng = np.random.default_rng(seed)

    def study(n, levels, covariates):
        sex_and_age = np.column_stack([np.arange(n) % 2, rng.normal(0, 1, n)])[:, :covariates].round(3)
        latent = 0.7 * sex_and_age.sum(axis=1) + rng.logistic(size=n)
        outcome = np.argsort(np.argsort(latent)) * levels // n
        effects = rng.normal(0, 0.4, (features, 1))
        return 8 + effects * outcome + rng.normal(0, 1, (features, n)), outcome, sex_and_age

    yield "four_levels", *study(40, 4, 2)
    yield "two_levels", *study(30, 2, 1)
    yield "no_covariates", *study(20, 3, 0)
    values, outcome, covariates = study(40, 4, 2)
    values[rng.random(values.shape) < 0.15] = np.nan
    values[0, outcome == 1] = np.nan  # a level that nobody is left in
    yield "missing", values, outcome, covariates


def main(folder, seed=1, features=20):
    """Write the inputs of every case, then R's answers."""
    targets = []
    for name, values, outcome, covariates in cases(seed, features):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        header = "\t".join(["outcome", "sex", "age"][: 1 + covariates.shape[1]])
        people = np.column_stack([outcome, covariates])
        np.savetxt(target / "participants.tsv", people, "%.6g", "\t", header=header, comments="")
        cells = np.where(np.isnan(values), "NA", np.char.mod("%.3f", values))
        np.savetxt(target / "values.tsv", cells, "%s", "\t")
        targets.append(target)
    subprocess.run(["Rscript", Path(__file__).with_name("polr.R"), *targets], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
