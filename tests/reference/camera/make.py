"""Simulate a table and gene sets, and let R's limma test them: `python make.py FOLDER [SEED] [GENES]`.

The committed values were made by `python make.py .` with limma 3.54.1 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np


def main(folder, seed=1, genes=500):
    """Sets of 1 to 60 genes, some of them moving up or down; t statistics, some of them normal or extreme.

    Then values of the genes in 14 samples, with sets whose genes correlate, and a design whose last column is tested.
    """
    rng = np.random.default_rng(seed)
    statistic, df = rng.standard_t(8, genes), rng.uniform(2, 60, genes)
    sets = [rng.choice(genes, size, replace=False) for size in [1, 2, 3, *rng.integers(4, 60, 27)]]
    for number, members in enumerate(sets):
        statistic[members] += [0, 1, -1][number % 3] * rng.uniform(0, 1)
    statistic[:3], df[:3] = [25, -30, 0], [60, 40, 5]
    header = {"header": "statistic\tdf", "comments": ""}
    np.savetxt(folder / "statistics.tsv", np.column_stack([statistic, df]), "%.6f", "\t", **header)
    rows = [
        f"{number}\t{gene + 1}" for number, members in enumerate(sets, start=1) for gene in sorted(members)
    ]
    (folder / "sets.tsv").write_text("\n".join(["set\tgene", *rows]) + "\n")
    number = np.arange(14)
    design = np.column_stack([number >= 0, number % 2, number % 3 == 0, number >= 7])
    values = rng.normal(size=(genes, 14))
    for number, members in enumerate(sets):
        values[members] += rng.uniform(0, 0.8) * rng.normal(size=14) + (number % 3 == 1) * 0.4 * design[:, 3]
    values *= np.sqrt(5 / rng.chisquare(5, (genes, 1)))
    np.savetxt(folder / "values.tsv", 8 + values, "%.4f", "\t")
    np.savetxt(folder / "design.tsv", design, "%d", "\t", header="intercept\tbatch\tlate\tcase", comments="")
    subprocess.run(["Rscript", Path(__file__).with_name("camera.R"), folder], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
