"""The door: read a sample's raw files once, whole, and accept them or say in one line why not.

FASTQ files are accepted when they are complete and their mates are in step; what is measured of the reads stays in
the receipt. BAM and CRAM files are accepted when they are complete, sorted, have a read group, and are aligned to the
study's genome; VCF and gVCF files when they are complete, sorted, and their alleles are those of the genome. The
receipt keeps the digests of what was accepted; later steps refuse anything else.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import md5 as md5_of
from scleromyomics.core.files import sha256, write_json
from scleromyomics.core.tools import find_tool
from scleromyomics.core.versions import versions
from scleromyomics.variants import fastq, header
from scleromyomics.variants.alignments import alignment_facts
from scleromyomics.variants.genotypes import genotype_facts

Format = Literal["fastq", "bam", "cram", "vcf", "gvcf"]

__all__ = ["run"]


def run(
    *,
    sample: str,
    raw: list[Path],
    format: Format,  # noqa: A002 - the sheet's column
    genome: Path,
    receipt: Path,
    column: str = "",
    md5: list[str] | None = None,
    samtools: str = "auto",
    bcftools: str = "auto",
) -> None:
    """Check a sample's raw files. A refusal is a receipt and a line on standard error, not a failure.

    Args:
        sample: the sample's name.
        raw: its files; FASTQ: R1 and R2 of each lane, one lane after another.
        format: how to read them.
        genome: genome.fa of the freeze, with genome.dict beside it.
        receipt: verdict, digests and measures, to write (JSON).
        column: the sample's column in a VCF.
        md5: the MD5 that each file must have; not checked where none is given.
        samtools: which samtools (`tools.samtools`); CRAM is always read by the embedded one, which is newer than
            those of distributions, some of which have open faults in reading crafted CRAM.
        bcftools: which bcftools (`tools.bcftools`).

    Raises:
        InputError: a file is missing.
    """
    for path in raw:
        if not path.is_file():
            raise InputError(f"sample {sample}: found no file {path}; allowed: an existing file")
    digests = [sha256(path) for path in raw]
    facts: dict[str, object] = {}
    reason = ""
    try:
        _require_md5(raw, md5 or [])
        if format == "fastq":
            facts = fastq_facts(sample, raw, digests)
        elif format in {"bam", "cram"}:
            tool = find_tool("samtools", "embedded" if format == "cram" else samtools)
            facts = alignment_facts(_only(raw), format, sample, genome, tool, known=bool(md5))
        else:
            tool = find_tool("bcftools", bcftools)
            facts = genotype_facts(_only(raw), format, column, genome, tool, known=bool(md5))
    except InputError as error:
        reason = str(error)
        print(f"refused: sample {sample}: {reason}", file=sys.stderr)
    identity = {"sample": sample, "raw": [str(path) for path in raw], "format": format, "column": column}
    verdict = {"status": "refused" if reason else "accepted", "reason": reason, "measures": facts}
    content = {
        "sha256": digests,
        "size": [path.stat().st_size for path in raw],
        "versions": versions("numpy", "pysam"),
    }
    write_json(receipt, identity | verdict | content)


def fastq_facts(sample: str, raw: Sequence[Path], digests: Sequence[str]) -> dict[str, object]:
    """Read the lanes of a sample to their ends.

    Returns:
        Measures of each mate of each lane, and counts of reads.

    Raises:
        InputError: damaged, cut or empty, mates out of step, or qualities that are not Phred+33.
    """
    if len(raw) % 2 or not raw:
        raise InputError(
            f"files {', '.join(map(str, raw))}: found {len(raw)}; allowed: R1 and R2 of each lane"
        )
    seen: dict[str, Path] = {}
    for path, digest in zip(raw, digests, strict=True):
        if (other := seen.setdefault(digest, path)) is not path:
            raise fastq.fault(path, f"the same reads as in {other}", "each file of reads once")
    lanes = [_lane(*pair) for pair in zip(raw[::2], raw[1::2], strict=True)]
    counts = [2 * int(lane["mate1"]["reads"]) for lane in lanes]
    groups = {header.group(sample, i + 1): count for i, count in enumerate(counts)}
    return {"records": sum(counts), "read_groups": groups, "lanes": lanes}


def _lane(first: Path, second: Path) -> dict[str, dict[str, float | int]]:
    for path in (first, second):
        fastq.require_end(path)
    measures = fastq.Measures(), fastq.Measures()
    for pair in fastq.pairs(first, second):
        for reads, one in zip(pair, measures, strict=True):
            one.add(reads)
    for path, one in zip((first, second), measures, strict=True):
        if not one.reads:
            raise fastq.fault(path, "no reads", "one or more")
        if strange := one.strangers():
            raise fastq.fault(path, f"the letters {strange[:20]!a} in sequences", "nucleotide codes")
        if wrong := one.encoding():
            raise fastq.fault(path, wrong, "Phred+33 (seqtk seq -Q64 -V converts)")
    return {"mate1": measures[0].facts(), "mate2": measures[1].facts()}


def _require_md5(raw: Sequence[Path], declared: Sequence[str]) -> None:
    if declared and len(declared) != len(raw):
        raise InputError(f"files: found {len(declared)} md5 for {len(raw)} files; allowed: one each, or none")
    for path, wanted in zip(raw, declared, strict=False):
        if (found := md5_of(path)) != wanted.strip().lower():
            raise fastq.fault(path, f"md5 {found}", f"{wanted!a}, as declared")


def _only(raw: Sequence[Path]) -> Path:
    if len(raw) != 1:
        raise InputError(f"files {', '.join(map(str, raw))}: found {len(raw)}; allowed: one file")
    return raw[0]


if __name__ == "__main__":
    entry_point(run)
