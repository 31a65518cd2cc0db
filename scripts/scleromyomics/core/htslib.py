"""samtools and bcftools as pysam's wheel carries them, as commands: `python -m ...core.htslib samtools sort`.

They read standard input and write standard output as the programs do, and end with their status. pysam loses what a
subcommand prints as text unless it catches it in memory; so those that print tables are caught. `bcftools query` it
cannot catch at all (it ends the process, or loses the text): it is told to write to a file, and names of samples
(`query -l`) are read without it.
"""

import signal
import sys
from collections.abc import Mapping, Sequence

PRINTING: Mapping[str, frozenset[str]] = {
    "samtools": frozenset(
        {"bedcov", "checksum", "coverage", "depth", "dict", "flagstat", "head", "idxstats", "stats"}
    ),
    "bcftools": frozenset({"head", "index", "stats"}),
}
"""Subcommands whose output is text that is not written through htslib."""

COUNTING = frozenset({"-c", "--count"})
"""Flags with which `view` prints a number."""

LISTING = frozenset({"-l", "--list-samples"})
"""Flags with which `query` prints the names of samples."""


def run(arguments: Sequence[str]) -> int:
    """Run `samtools` or `bcftools` with its subcommand and arguments; returns its status."""
    import pysam.bcftools
    import pysam.samtools  # noqa: F401 (both register what the dispatch calls)
    from pysam.libcutils import _pysam_dispatch

    collection, subcommand, *rest = arguments
    if (collection, subcommand) == ("bcftools", "query"):
        if LISTING & set(rest):
            return _list_samples(rest[-1])
        if not {"-o", "--output"} & set(rest):
            rest = ["-o", "/dev/stdout", *rest]
    counting = (collection, subcommand) == ("samtools", "view") and COUNTING & set(rest)
    printing = subcommand in PRINTING[collection] or bool(counting)
    status, words, printed = _pysam_dispatch(collection, subcommand, tuple(rest), catch_stdout=printing)
    sys.stderr.write(str(words))
    sys.stdout.write(str(printed or ""))
    return int(status)


def _list_samples(path: str) -> int:
    from pysam import VariantFile

    try:
        with VariantFile(path) as file:
            sys.stdout.writelines(f"{name}\n" for name in file.header.samples)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end without words when nobody reads on, as programs do
    sys.exit(run(sys.argv[1:]))
