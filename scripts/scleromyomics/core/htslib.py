"""samtools and bcftools as pysam's wheel carries them, as commands: `python -m scleromyomics.core.htslib samtools sort`.

They read standard input and write standard output as the programs do, and end with their status. pysam loses what a
subcommand prints as text unless it catches it in memory, and `bcftools query` then ends the process; so the
subcommands that print tables are caught, and `query` is told to write to a file. Do not count with `view -c`.
"""

import sys
from collections.abc import Mapping, Sequence

PRINTING: Mapping[str, frozenset[str]] = {
    "samtools": frozenset({"bedcov", "checksum", "coverage", "depth", "flagstat", "idxstats", "stats"}),
    "bcftools": frozenset({"stats"}),
}
"""Subcommands whose output is text that is not written through htslib."""


def run(arguments: Sequence[str]) -> int:
    """Run `samtools` or `bcftools` with its subcommand and arguments; returns its status."""
    import pysam.bcftools
    import pysam.samtools  # noqa: F401 (both register what the dispatch calls)
    from pysam.libcutils import _pysam_dispatch

    collection, subcommand, *rest = arguments
    if (collection, subcommand) == ("bcftools", "query") and "-o" not in rest:
        rest = ["-o", "/dev/stdout", *rest]
    printing = subcommand in PRINTING[collection]
    status, words, printed = _pysam_dispatch(collection, subcommand, tuple(rest), catch_stdout=printing)
    sys.stderr.write(words)
    sys.stdout.write(printed or "")
    return int(status)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
