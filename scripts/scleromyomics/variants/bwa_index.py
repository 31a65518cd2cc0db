"""BWA's index of a genome (.amb .ann .bwt .pac .sa), made by the library that pybwa carries, as one command.

`BwaIndex.index` of pybwa 2.3.2 cannot be used: what it calls AUTO is another algorithm to BWA, one that takes memory
and time by the size of the genome.
"""

import ctypes as c
import os
from pathlib import Path

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError

CHOSEN_BY_SIZE = 0  # BWTALGO_AUTO: in blocks (bwtsw) from 50 Mb on
BLOCK_BASES = 10_000_000  # of bwtsw, BWA's default


def run(*, genome: Path) -> None:
    """Write the index beside a genome.

    Args:
        genome: FASTA file.

    Raises:
        InputError: it could not be made.
    """
    from pybwa import libbwaindex

    name = os.fsencode(genome)
    build = c.CDLL(libbwaindex.__file__).bwa_idx_build
    status = build(name, name, c.c_int(CHOSEN_BY_SIZE), c.c_int(BLOCK_BASES))
    if status:
        raise InputError(f"file {genome}: found status {status} of bwa index; allowed: 0")


if __name__ == "__main__":
    entry_point(run)
