"""Write the verdict tables of the golden cohorts beside this file: `python tests/reference/verdicts/make.py`.

Each was read, line by line, before it was committed; read the difference before committing another one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from golden_cohorts import CASES, COLUMNS, table

from scleromyomics.core.files import write_tsv

if __name__ == "__main__":
    for case in CASES:
        write_tsv(Path(__file__).parent / f"{case.__name__}.tsv", COLUMNS, table(case))
