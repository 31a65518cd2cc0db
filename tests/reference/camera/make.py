"""Simulate a table and gene sets, and let R's limma test them: `python make.py FOLDER [SEED] [GENES]`.

The committed values were made by `python make.py .` with limma 3.54.1 on R 4.2.2.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np


def main(folder, seed=1, genes=500):
    """Sets of 1 to 60 genes, some of them moving up or down; t statistics, some of them normal or extreme."""
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
    subprocess.run(["Rscript", Path(__file__).with_name("camera.R"), folder], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
