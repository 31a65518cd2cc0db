"""Mixed models of 20,000 features x 300 samples beside R's lmerTest and limma's duplicateCorrelation, in one run.

    python benchmarks/mixed_model.py

100 participants x 3 visits, the full group-by-time model (6 coefficients), 4 contrasts with Satterthwaite
degrees of freedom and moderated tests. Four data sets: complete, 20 % of the values missing at random, with
weights per value, and with a second random intercept (tissue within participant). Every run is a process of
its own. lmerTest gets the first 40 features and the same contrasts (`lmer` as it comes, then `contest`);
duplicateCorrelation the first 200 (participants as blocks, one correlation for all features; not nested).
Writes benchmarks/results/mixed_model.tsv: seconds (best of three), the ratio of the times per feature
(lmerTest / ours), the peak of the resident memory during the fit (without the imports, with the matrix and
its weights) over the matrix, and the largest relative difference of the unmoderated p-values, which is mostly
the noise of lmer's optimiser.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.design import combine, factor, indicator, intercept
from scleromyomics.stats.mixed import fit_mixed, moderated_contrast
from scleromyomics.stats.moderation import two_sided_p

FEATURES, PARTICIPANTS, VISITS, RUNS, PEER_FEATURES = 20_000, 100, 3, 3, 40
LIMMA_FEATURES = 200
SAMPLES = PARTICIPANTS * VISITS
DATA = ("complete", "20 % missing", "weights", "nested")
RESULT = Path(__file__).parent / "results" / "mixed_model.tsv"
LMERTEST = """
suppressPackageStartupMessages(library(lmerTest))
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) as.matrix(read.delim(file.path(folder, name), header = FALSE))
y <- read("y.tsv"); x <- read("x.tsv"); l <- read("l.tsv"); weights <- read("w.tsv"); group <- read("g.tsv")
data <- data.frame(participant = factor(group[, 1]), tissue = factor(group[, 2]), x)
random <- if (any(group[, 2] > 0)) "(1 | participant) + (1 | participant:tissue)" else "(1 | participant)"
model <- as.formula(paste("y ~ 0 +", paste(colnames(x), collapse = " + "), "+", random))
fit <- function(feature) {
  data$y <- y[feature, ]; data$w <- weights[feature, ]
  p <- function(model) contest(model, l, joint = FALSE)[, "Pr(>|t|)"]
  p(suppressMessages(lmer(model, data, weights = w)))
}
fit(1)
seconds <- system.time(p <- sapply(seq_len(nrow(y)), fit))["elapsed"]
write(t(p), file.path(folder, "p.tsv"), ncolumns = nrow(y))
cat(seconds, "\\n")
"""
DUPLICATES = """
suppressPackageStartupMessages(library(limma))
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) as.matrix(read.delim(file.path(folder, name), header = FALSE))
y <- read("y.tsv"); x <- read("x.tsv"); group <- read("g.tsv")[, 1]; weights <- read("w.tsv")
seconds <- system.time({
  correlation <- duplicateCorrelation(y, x, block = group, weights = weights)$consensus
  fit <- eBayes(contrasts.fit(
    lmFit(y, x, block = group, correlation = correlation, weights = weights), t(read("l.tsv"))
  ))
})["elapsed"]
cat(seconds, "\\n")
"""


def study(name):
    """Values, design, contrasts, participants, nested groups and weights of one data set."""
    rng = np.random.default_rng(1)
    participant, visit = np.repeat(np.arange(PARTICIPANTS), VISITS), np.tile(np.arange(VISITS), PARTICIPANTS)
    case = participant % 2 == 1
    visits = factor("visit", [("D1", "M12", "Y5")[v] for v in visit])
    changes = [indicator(f"change_{v}", case & (visit == v)) for v in (1, 2)]
    design = combine(intercept(SAMPLES), indicator("case", case), visits, *changes)
    names = (
        {"case": 1},
        {"visit[M12]": 1},
        {"change_1": 1},
        {"case": 1, "change_1": 1 / 3, "change_2": 1 / 3},
    )
    Y = rng.standard_normal((FEATURES, SAMPLES))
    Y += rng.standard_normal((FEATURES, PARTICIPANTS))[:, participant]
    Y *= np.sqrt(0.1 * 6 / rng.chisquare(6, (FEATURES, 1)))
    Y += 8
    nested = (visit + participant) % 3 % 2 if name == "nested" else None
    weights = rng.gamma(4, 1, Y.shape) if name == "weights" else None
    if name == "20 % missing":
        for row in Y:
            row[rng.random(SAMPLES) < 0.2] = np.nan
    return Y, design, [design.contrast(weighted) for weighted in names], participant, nested, weights


def memory(name):
    """Bytes of this process: `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def ours(name):
    """Print seconds, memory over the matrix, and p-values of the features that the peer gets too."""
    before = memory("VmRSS")
    Y, design, contrasts, participant, nested, weights = study(name)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    start = time.perf_counter()
    fit = fit_mixed(Y, design, contrasts, participant, nested=nested, weights=weights)
    for k in range(len(contrasts)):
        moderated_contrast(fit, k)
    seconds = time.perf_counter() - start
    p_value = two_sided_p(fit.estimate / np.sqrt(fit.variance), fit.df)[:, :PEER_FEATURES]
    print(json.dumps([seconds, (memory("VmHWM") - before) / Y.nbytes, p_value.tolist()]))


def peer(script, name, features):
    """Seconds per feature of an R script, and the p-values that it left."""
    Y, design, contrasts, participant, nested, weights = study(name)
    with tempfile.TemporaryDirectory() as folder:
        few = slice(features)
        tables = {
            "y": Y[few],
            "x": design.matrix,
            "l": np.array(contrasts),
            "w": np.ones_like(Y[few]) if weights is None else weights[few],
            "g": np.column_stack([participant, np.zeros_like(participant) if nested is None else nested]),
        }
        for key, table in tables.items():
            np.savetxt(Path(folder) / f"{key}.tsv", table, "%.17g", "\t")
        path = Path(folder) / "peer.R"
        path.write_text(script)
        done = subprocess.run(["Rscript", path, folder], check=True, stdout=subprocess.PIPE, text=True)
        p_value = np.loadtxt(Path(folder) / "p.tsv") if script is LMERTEST else None
        return float(done.stdout.split()[-1]) / features, p_value


def main():
    rows = []
    for name in DATA:
        command = [sys.executable, __file__, name]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(RUNS)
        ]
        seconds, memory, p_value = min(runs)
        theirs, expected = peer(LMERTEST, name, PEER_FEATURES)
        limma = np.nan if name == "nested" else peer(DUPLICATES, name, LIMMA_FEATURES)[0]
        row = {
            "values": name,
            "features": FEATURES,
            "samples": SAMPLES,
            "seconds": round(seconds, 2),
            "milliseconds_per_feature_lmertest": round(1e3 * theirs, 1),
            "ratio": round(theirs * FEATURES / seconds),
            "milliseconds_per_feature_limma": round(1e3 * limma, 1),
            "ratio_limma": round(limma * FEATURES / seconds, 1),
            "memory_over_matrix": round(memory, 2),
            "largest_relative_p_difference": float(f"{np.abs(np.array(p_value) / expected - 1).max():.1e}"),
        }
        print(row, flush=True)
        rows.append(row)
    write_tsv(RESULT, list(rows[0]), rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        ours(sys.argv[1])
    else:
        main()
