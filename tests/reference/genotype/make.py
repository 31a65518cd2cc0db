"""Simulate genotypes and reads and let R test them: `python make.py FOLDER [SEED]`.

The committed values were made by `python make.py .` with R 4.2.2, brglm2 0.9 and VGAM 1.1.7.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

PARTICIPANTS, VARIANTS, SITES, PAIRS = 14, 30, 20, 4


def main(folder, seed=1):
    rng = np.random.default_rng(seed)
    case = np.arange(PARTICIPANTS) % 2
    people = np.column_stack([case, rng.integers(25, 75, PARTICIPANTS), rng.permutation(case)])
    np.savetxt(folder / "participants.tsv", people, "%d", "\t", header="case\tage\tsex", comments="")
    dosage = rng.binomial(2, rng.uniform(0.1, 0.6, (VARIANTS, 1)), (VARIANTS, PARTICIPANTS)).astype(float)
    dosage[0], dosage[1] = case, 2 * case  # separated
    dosage[2:, :4] = [0, 1, 1, 0]  # varies in every group
    dosage[10:, 4:][rng.random((VARIANTS - 10, PARTICIPANTS - 4)) < 0.1] = np.nan
    cells = np.where(np.isnan(dosage), "NA", np.char.mod("%d", np.nan_to_num(dosage)))
    np.savetxt(folder / "dosage.tsv", cells, "%s", "\t")
    site, pair, side = (
        part.ravel() for part in np.meshgrid(*map(np.arange, (SITES, PAIRS, 2)), indexing="ij")
    )
    depth = rng.integers(5, 40, site.size)
    alt = rng.binomial(depth, rng.uniform(0.05, 0.6, SITES)[site])
    alt[site == 0] = np.where(side[site == 0] == 1, depth[site == 0], 0)  # separated
    table = np.column_stack([site, pair, side, alt, depth])
    np.savetxt(folder / "reads.tsv", table, "%d", "\t", header="site\tpair\tside\talt\tdepth", comments="")
    subprocess.run(["Rscript", Path(__file__).with_name("genotype.R"), folder], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
