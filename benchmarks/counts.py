"""Counts: our path through PyDESeq2 beside R's DESeq2, and the level of all tests of counts.

    python benchmarks/counts.py [FEATURES]
    python benchmarks/counts.py calibration [STUDIES]

The first times both on the same 15,000 x 24 simulated counts, with imports left out, and writes
benchmarks/results/counts.tsv. The second simulates studies of 1,000 features without any difference and writes
the share of p-values up to 0.05 to benchmarks/results/counts_calibration.tsv: of negative binomial models between
groups and within participants, at 3, 5, 8 and 20 participants a group, with DESeq2's on the first studies; and of
changes by the voom-weighted mixed model, at 20 and 40 participants who all have both visits, or of whom a third
lack one. The standard error is that of the mean over studies. Features share the dispersion trend 0.05 + 2 / mean,
with a spread of their own; participants differ by a log2 standard deviation of 0.5 where they have several visits.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.stats.counts import change_columns, fit_counts, paired_design
from scleromyomics.stats.design import two_groups
from scleromyomics.stats.mixed import moderated_contrast
from scleromyomics.stats.voom import fit_voom_mixed

RESULTS = Path(__file__).parent / "results"
FEATURES, SAMPLES = 15_000, 24
STUDIES, STUDY_FEATURES, SIZES, LEVEL = 16, 1_000, (3, 5, 8, 20), 0.05
BY_DESEQ2 = 3  # studies, of which p-values agree to 1e-4: their difference has next to no error
PEOPLE, BAR = (20, 40), (0.045, 0.055)  # of the mixed model
ALLOWED = 0.002  # above DESeq2's own level
DESEQ2 = """
suppressPackageStartupMessages(library(DESeq2))
for (folder in commandArgs(trailingOnly = TRUE)) {
  counts <- as.matrix(read.delim(file.path(folder, "counts.tsv"), header = FALSE))
  design <- as.matrix(read.delim(file.path(folder, "design.tsv")))
  contrast <- scan(file.path(folder, "contrast.tsv"), quiet = TRUE)
  storage.mode(counts) <- "integer"
  samples <- data.frame(row.names = colnames(counts), sample = colnames(counts))
  seconds <- system.time({
    fit <- DESeq(DESeqDataSetFromMatrix(counts, samples, design), quiet = TRUE)
    tests <- results(fit, contrast = contrast, independentFiltering = FALSE)
  })["elapsed"]
  p <- tests$pvalue
  p[is.na(p)] <- NaN
  writeBin(c(unname(seconds), p), file.path(folder, "p.bin"))
}
"""


def between(size):
    design = two_groups("case", np.arange(2 * size) % 2)
    return design, design.contrast({"case": 1.0}), None


def paired(size):
    participant, later = np.divmod(np.arange(2 * size), 2)
    return *paired_design([f"P{k:03d}" for k in participant], later), participant


def simulate(rng, samples, features, participant=None):
    level = np.exp(rng.normal(np.log(100), 1.3, (features, 1)))
    dispersion = (0.05 + 2 / level) * rng.lognormal(0, 0.4, (features, 1))
    own = (
        0.0 if participant is None else rng.normal(0, 0.5, (features, participant.max() + 1))[:, participant]
    )
    mu = level * np.exp2(own) * rng.uniform(0.6, 1.6, samples)
    counts = rng.poisson(rng.gamma(1 / dispersion, mu * dispersion)).astype(float)
    return counts[(counts.sum(axis=1) >= 10 * samples / 2)]


def ours(counts, design, contrast):
    start = time.perf_counter()
    p_value = fit_counts(counts, design, contrast).p_value
    return time.perf_counter() - start, p_value


def mixed(counts, design, contrast, participants):
    return moderated_contrast(fit_voom_mixed(counts, design, [contrast], participants), 0).p_value


def by_deseq2(studies):
    """Seconds and p-values of each study, in one R session."""
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root) / f"{number:04d}" for number in range(len(studies))]
        for folder, (counts, design, contrast) in zip(folders, studies, strict=True):
            folder.mkdir()
            np.savetxt(folder / "counts.tsv", counts, "%d", "\t")
            header = "\t".join(f"c{column}" for column in range(len(design.names)))
            np.savetxt(folder / "design.tsv", design.matrix, "%.17g", "\t", header=header, comments="")
            np.savetxt(folder / "contrast.tsv", contrast, "%.17g")
        script = Path(root) / "deseq2.R"
        script.write_text(DESEQ2)
        subprocess.run(["Rscript", script, *folders], check=True)
        results = [np.fromfile(folder / "p.bin") for folder in folders]
        return [(result[0], result[1:]) for result in results]


def speed(features=FEATURES):
    rng = np.random.default_rng(1)
    rows = []
    for name, (design, contrast, participant) in (
        ("between", between(SAMPLES // 2)),
        ("paired", paired(SAMPLES // 2)),
    ):
        counts = simulate(rng, SAMPLES, features, participant)
        ours(counts[:200], design, contrast)  # imports
        seconds, p = ours(counts, design, contrast)
        [(seconds_deseq2, q)] = by_deseq2([(counts, design, contrast)])
        both = np.isfinite(p) & np.isfinite(q)
        row = {
            "design": name,
            "features": len(counts),
            "samples": SAMPLES,
            "coefficients": len(design.names),
            "seconds": round(seconds, 2),
            "seconds_deseq2": round(float(seconds_deseq2), 2),
            "ratio": round(float(seconds_deseq2) / seconds, 2),
            "largest_log10_p_difference": float(f"{np.abs(np.log10(p / q))[both].max():.1e}"),
            "p_values_on_one_side_only": int((np.isfinite(p) != np.isfinite(q)).sum()),
        }
        print(row, flush=True)
        rows.append(row)
    write_tsv(RESULTS / "counts.tsv", list(rows[0]), rows)


def changes(people, *, unbalanced):
    """Participant and visit of each sample; a third of the people may lack one, in turn the first or the second."""
    participant, later = np.divmod(np.arange(2 * people), 2)
    kept = ~(unbalanced & (participant % 3 == 0) & (later == participant // 3 % 2))
    return *change_columns(later[kept]), participant[kept]


def calibration(studies=STUDIES):
    rng = np.random.default_rng(2)
    rows = []

    def add(engine, name, people, p, apart=()):
        """One cell from the p-values of each study, and those of DESeq2 less ours in some."""
        share = [np.mean(one[np.isfinite(one)] <= LEVEL) for one in p]
        difference = float(np.mean(apart)) if len(apart) else float("nan")
        type_i = float(np.mean(share))
        row = {
            "engine": engine,
            "design": name,
            "participants": people,
            "studies": studies,
            "features": int(sum(np.isfinite(one).sum() for one in p)),
            "type_i": round(type_i, 4),
            "standard_error": round(float(np.std(share, ddof=1) / np.sqrt(studies)), 4),
            "above_deseq2": round(difference, 5),
            "within_bar": difference <= ALLOWED if len(apart) else BAR[0] <= type_i <= BAR[1],
        }
        print(row, flush=True)
        rows.append(row)
        write_tsv(RESULTS / "counts_calibration.tsv", list(row), rows)

    for name, kind in (("between", between), ("paired", paired)):
        for size in SIZES:
            design, contrast, participant = kind(size)
            made = [simulate(rng, 2 * size, STUDY_FEATURES, participant) for _ in range(studies)]
            p = [ours(counts, design, contrast)[1] for counts in made]
            theirs = by_deseq2([(counts, design, contrast) for counts in made[:BY_DESEQ2]])
            apart = [
                np.nanmean((one <= LEVEL) * 1.0 - (q <= LEVEL))
                for one, (_, q) in zip(p, theirs, strict=False)
            ]
            add("negative binomial", name, size, p, apart)
    for name, unbalanced in (("change", False), ("change, a third with one visit", True)):
        for people in PEOPLE:
            design, contrast, participant = changes(people, unbalanced=unbalanced)
            made = [simulate(rng, participant.size, STUDY_FEATURES, participant) for _ in range(studies)]
            add("voom mixed", name, people, [mixed(counts, design, contrast, participant) for counts in made])


if __name__ == "__main__":
    if sys.argv[1:2] == ["calibration"]:
        calibration(*map(int, sys.argv[2:]))
    else:
        speed(*map(int, sys.argv[1:]))
