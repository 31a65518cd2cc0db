"""Simulate small studies and let R's lmerTest test them: `python make.py FOLDER [SEED] [FEATURES]`.

The committed case folders were made by `python make.py .` with lmerTest 3.1.3 and lme4 1.1.31 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np


def crossed(participants, *, visits, tissues=1):
    """Participant, tissue and visit of each sample, everybody complete."""
    return np.array(
        [(p, t, v) for p in range(participants) for t in range(tissues) for v in range(visits)], dtype=int
    ).T


def by_group_and_visit(participant, visit):
    """Intercept, case, visits, case at visits; contrasts: case at the first visit, change, difference of changes."""
    case = (participant % 2).astype(float)
    visits = (visit[:, None] == np.arange(1, visit.max() + 1)).astype(float)
    design = np.column_stack([np.ones(case.size), case, visits, visits * case[:, None]])
    last = visits.shape[1]
    contrasts = np.zeros((4, design.shape[1]))
    contrasts[0, 1] = contrasts[1, 2] = contrasts[2, -1] = contrasts[3, 1] = 1
    contrasts[3, -last:] = 1 / (last + 1)  # between participants: the mean over visits
    return design, contrasts


def cases(seed, features):
    """Yield name, values, design, contrasts, group labels, weights of every case."""
    rng = np.random.default_rng(seed)

    def values(samples, ratio, weights=1.0):
        participant, tissue, visit = samples
        design, contrasts = by_group_and_visit(participant, visit)
        sd = np.sqrt(0.1 * 6 / rng.chisquare(6, (features, 1)))
        shared = rng.normal(size=(features, participant.max() + 1))[:, participant] * np.sqrt(ratio)
        local = rng.normal(size=(features, 1000))[:, participant * 10 + tissue] * np.sqrt(
            0.5 * (tissue.max() > 0)
        )
        noise = rng.normal(size=(features, participant.size)) / np.sqrt(weights)
        effects = rng.normal(0, 0.4, (features, design.shape[1]))
        return 8 + effects @ design.T + sd * (shared + local + noise), design, contrasts

    def whole(samples):
        """One participant of each group, so that no coefficient is lost: lmer would drop its column."""
        return samples[0] < 2

    def kept(samples, fraction):
        return samples[:, (rng.random(samples.shape[1]) < fraction) | whole(samples)]

    def holes(matrix, fraction, samples):
        return np.where((rng.random(matrix.shape) < fraction) & ~whole(samples), np.nan, matrix)

    two, three, tissues = (
        crossed(14, visits=2),
        crossed(12, visits=3),
        crossed(10, visits=2, tissues=2),
    )
    uneven = kept(crossed(20, visits=3), 0.65)
    yield "two_visits", *values(two, 1.0), two[:1], None
    yield "three_visits", *values(three, 1.5), three[:1], None
    yield "unbalanced", *values(uneven, 1.0), uneven[:1], None
    y, design, contrasts = values(three, 1.0)
    yield "missing", holes(y, 0.2, three), design, contrasts, three[:1], None
    y, design, contrasts = values(three, 0.0)
    means = np.repeat(y.reshape(features, -1, 3).mean(axis=2), 3, axis=1)
    yield "zero_variance", y - 0.7 * (means - 8), design, contrasts, three[:1], None
    yield "nested", *values(tissues, 1.0), tissues[:2], None
    uneven = kept(crossed(12, visits=3, tissues=2), 0.7)
    y, design, contrasts = values(uneven, 1.0)
    yield "nested_missing", holes(y, 0.1, uneven), design, contrasts, uneven[:2], None
    weights = rng.gamma(2, 1, (features, three.shape[1])).round(3) + 0.1
    y, design, contrasts = values(three, 1.0, weights)
    yield "weights", holes(y, 0.1, three), design, contrasts, three[:1], weights


def main(folder, seed=1, features=40):
    """Write the inputs of every case, then lmerTest's answers."""
    names = []
    for name, values, design, contrasts, labels, weights in cases(seed, features):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        header = "\t".join(f"c{column}" for column in range(design.shape[1]))
        np.savetxt(target / "design.tsv", design, "%.6g", "\t", header=header, comments="")
        np.savetxt(target / "contrasts.tsv", contrasts, "%.17g", "\t", header=header, comments="")
        columns = "\t".join(("participant", "tissue")[: len(labels)])
        np.savetxt(target / "groups.tsv", labels.T, "%d", "\t", header=columns, comments="")
        cells = np.where(np.isnan(values), "NA", np.char.mod("%.4f", values))
        np.savetxt(target / "values.tsv", cells, "%s", "\t")
        if weights is not None:
            np.savetxt(target / "weights.tsv", weights, "%.3f", "\t")
        names.append(target)
    subprocess.run(["Rscript", Path(__file__).with_name("lmertest.R"), *names], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
