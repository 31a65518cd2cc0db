"""Moderated two-group tests of 20,000 features x 60 samples beside R's limma, in one run.

    python benchmarks/moderated_linear_model.py

Both sides get the same numbers and time only the computation (fit, moderation, p-values), best of five in
turn. Writes benchmarks/results/moderated_linear_model.tsv: seconds, the ratio (limma / ours), and the largest
relative difference of the p-values.
"""

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.design import two_groups
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t

FEATURES, SAMPLES, RUNS = 20_000, 60, 5
RESULT = Path(__file__).parent / "results" / "moderated_linear_model.tsv"
LIMMA = """
suppressPackageStartupMessages(library(limma))
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name, columns) {
  path <- file.path(folder, name)
  matrix(readBin(path, "double", file.size(path) / 8), ncol = columns, byrow = TRUE)
}
y <- read("y.bin", %d); y[is.nan(y)] <- NA
x <- read("x.bin", %d)
seconds <- sapply(1:%d, function(run) system.time({
  fit <- eBayes(lmFit(y, x)); p <<- fit$p.value[, 2]
})["elapsed"])
cat(min(seconds), "\\n")
writeBin(p, file.path(folder, "p.bin"))
"""


def ours(Y, design, contrast):
    fit = fit_contrast(Y, design, contrast)
    return moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df).p_value


def seconds_of_ours(Y, design, contrast):
    best = np.inf
    for _ in range(RUNS):
        start = time.perf_counter()
        p_values = ours(Y, design, contrast)
        best = min(best, time.perf_counter() - start)
    return best, p_values


def seconds_of_limma(Y, design):
    with tempfile.TemporaryDirectory() as folder:
        Y.tofile(Path(folder) / "y.bin")
        design.matrix.tofile(Path(folder) / "x.bin")
        script = Path(folder) / "limma.R"
        script.write_text(LIMMA % (SAMPLES, design.matrix.shape[1], RUNS))
        done = subprocess.run(["Rscript", script, folder], check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout.split()[-1]), np.fromfile(Path(folder) / "p.bin")


def main():
    rng = np.random.default_rng(1)
    design = two_groups(
        "case",
        np.arange(SAMPLES) % 2,
        covariates={"age": rng.uniform(25, 75, SAMPLES)},
        factors={"batch": [f"B{k}" for k in rng.integers(0, 3, SAMPLES)]},
    )
    contrast = design.contrast({"case": 1})
    complete = 8 + rng.normal(size=(FEATURES, SAMPLES)) * rng.uniform(0.3, 0.5, (FEATURES, 1))
    holed = np.where(rng.random(complete.shape) < 0.05, np.nan, complete)
    rows = []
    for name, Y in [("complete", complete), ("5 % missing", holed)]:
        mine, p = seconds_of_ours(Y, design, contrast)
        theirs, q = seconds_of_limma(Y, design)
        row = {
            "values": name,
            "features": FEATURES,
            "samples": SAMPLES,
            "coefficients": design.matrix.shape[1],
            "seconds": round(mine, 3),
            "seconds_limma": round(theirs, 3),
            "ratio": round(theirs / mine, 1),
            "largest_relative_p_difference": float(f"{np.abs(p / q - 1).max():.1e}"),
        }
        print(row)
        rows.append(row)
    write_tsv(RESULT, list(rows[0]), rows)


if __name__ == "__main__":
    main()
