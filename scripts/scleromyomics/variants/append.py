"""A filter that lets a BAM stream pass and adds the records of a BAM file behind it, as compressed blocks."""

import shutil
import sys
from pathlib import Path
from typing import IO

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.variants.fastq import BGZF_END

COPIED_BYTES = 1_048_576  # at once


def run(*, further: Path) -> None:
    """Read BAM on standard input, and write it and the further records to standard output.

    Args:
        further: BAM file with the same contigs.

    Raises:
        InputError: the stream was cut.
    """
    if not _passed(sys.stdin.buffer, sys.stdout.buffer):
        raise InputError("standard input: found no last block; allowed: a complete BAM stream")
    with further.open("rb") as handle:
        handle.seek(_records_start(further))
        shutil.copyfileobj(handle, sys.stdout.buffer, COPIED_BYTES)
    sys.stdout.buffer.flush()


def _passed(source: IO[bytes], target: IO[bytes]) -> bool:
    """Copy all but the empty block that ends a stream; False if there is none."""
    kept = b""
    while block := source.read(COPIED_BYTES):
        both = kept + block
        target.write(both[: -len(BGZF_END)])
        kept = both[-len(BGZF_END) :]
    return kept == BGZF_END


def _records_start(path: Path) -> int:
    """Where the block with the first record starts; htslib ends a block behind the header."""
    import pysam

    with pysam.AlignmentFile(str(path), "rb") as file:
        block, within = divmod(file.tell(), 1 << 16)
    if within:
        raise InputError(
            f"file {path}: found records in the block of the header; allowed: a block of their own"
        )
    return block


if __name__ == "__main__":
    entry_point(run)
