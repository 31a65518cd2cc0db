"""One sample's reads on the study's genome: a CRAM file, sorted, with duplicates marked, under our own header.

FASTQ: reads are trimmed where the settings say (cutadapt, Martin 2011, doi:10.14806/ej.17.1.200), aligned with
BWA-MEM (Li 2013, arXiv:1303.3997), lane after lane, and go without a file between through `samtools fixmate`, `sort`
and `markdup`. BAM and CRAM keep their alignments; their reads are grouped by name and take the same way from there.
Nothing of a foreign header is kept, and no read is lost: the CRAM must hold as many as were admitted.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256, write_json
from scleromyomics.core.tools import Stage, Tool, find_tool, pipe, require_tools
from scleromyomics.core.versions import versions
from scleromyomics.variants import append, bwa, header, regroup
from scleromyomics.variants.workplace import workplace

APPEND, BWA, REGROUP = append.__name__, bwa.__name__, regroup.__name__  # commands of this project
CRAM = "cram,version=3.0"  # read by every samtools since 1.0
INDEX_SUFFIXES = (".bwt", ".sa", ".pac", ".0123", ".bwt.2bit.64")
ALIGNING_MB = 700  # batches of reads and their records on the way, and the other stages
SORT_MIN_MB = 64  # per thread: less gives more temporary files than a process may open
SORT_MAX_MB = 2048  # per thread: more does not make it faster
COLLATE_FILES = 64  # temporary files that reads are dealt into, to be grouped by name


def sort_memory(memory_mb: int, threads: int, index_mb: float) -> int:
    """Megabytes that `samtools sort` may take per thread, so that the whole pipeline stays within `memory_mb`."""
    spare = memory_mb - index_mb - ALIGNING_MB
    return int(min(max(spare / threads, SORT_MIN_MB), SORT_MAX_MB))


def require_admitted(raw: Sequence[Path], admission: Mapping[str, Any]) -> None:
    """Refuse raw files that are no longer those that were admitted.

    Raises:
        InputError: a digest differs.
    """
    for path, digest in zip(raw, admission["sha256"], strict=True):
        if sha256(path) != digest:
            raise InputError(
                f"file {path}: found other content than was admitted; allowed: the admitted file, unchanged"
            )


def run(
    *,
    sample: str,
    raw: list[Path],
    format: Literal["fastq", "bam", "cram"],  # noqa: A002 - the sheet's column
    admission: Path,
    genome: Path,
    reads: Path,
    index: Path,
    receipt: Path,
    adapters: list[str] | None = None,
    quality: int = 0,
    bwa: str = "auto",
    samtools: str = "auto",
    threads: int = 1,
    memory_mb: int = 2000,
) -> None:
    """Align one sample, or take over its alignments.

    Args:
        sample: name of the sample.
        raw: its FASTQ files (R1 and R2 of each lane, one lane after another), or its BAM or CRAM file.
        format: of these files.
        admission: receipt of their admission; a refused sample gets a CRAM without reads.
        genome: genome.fa, with genome.dict, receipt.json and BWA's index beside it.
        reads: alignments to write (CRAM 3.0).
        index: their index to write (CRAI).
        receipt: digest, size, counts and versions to write (JSON).
        adapters: what to cut from the 3' ends of both mates.
        quality: Phred quality below which 3' ends are cut.
        bwa: which BWA-MEM (`tools.bwa`).
        samtools: which samtools (`tools.samtools`).
        threads: of each program; the result does not depend on it.
        memory_mb: memory of the whole job.

    Raises:
        InputError: other tools than the freeze was begun with, changed raw files, a full disk, a failed tool, or a
            loss of reads.
    """
    admitted = read_json(admission)
    job = Job(sample, genome, samtools, threads, memory_mb)
    tools = [job.samtools] + ([find_tool("bwa", bwa)] if format == "fastq" else [])
    require_tools(read_json(genome.with_name("receipt.json"))["tools"], tools)
    with workplace(reads) as folder:
        made = folder / "aligned.cram"
        if admitted["status"] != "accepted":
            job.empty(made, folder)
        else:
            require_admitted(raw, admitted)
            lanes = len(admitted["measures"]["read_groups"])
            if format == "fastq":
                job.finish([job.bwa(tools[1], raw, adapters or [], quality)], lanes, made, folder, None)
            else:
                job.finish(job.taken_over(raw[0], format, folder), lanes, made, folder, folder / "lonely.bam")
        pipe(job.samtools("index", "-@", str(threads), made, folder / "aligned.crai"), what=job.what)
        counts = job.counts(made)
        expected = admitted["measures"].get("records", 0)
        found = counts["primary"] if format == "fastq" else counts["total"]
        if found != expected:
            raise InputError(
                f"sample {sample}: found {found} reads aligned; allowed: all {expected} admitted"
            )
        facts = {
            "sample": sample,
            "sha256": sha256(made),
            "size": made.stat().st_size,
            "counts": counts,
            "read_groups": admitted["measures"].get("read_groups", {}),
            "tools": {tool.name: tool.version for tool in tools},
            "versions": versions(*(["cutadapt"] if adapters or quality else [])),
        }
        (folder / "aligned.crai").replace(index)
        made.replace(reads)
    write_json(receipt, facts)


class Job:
    """The command lines of one sample."""

    def __init__(self, sample: str, genome: Path, samtools: str, threads: int, memory_mb: int) -> None:
        self.sample, self.genome, self.choice = sample, genome, samtools
        self.samtools = find_tool("samtools", samtools)
        self.threads, self.memory_mb = threads, memory_mb
        self.what = f"sample {sample}"

    def bwa(self, tool: Tool, raw: Sequence[Path], adapters: Sequence[str], quality: int) -> Stage:
        """Reads to alignments."""
        program = [] if tool.embedded else ["--program", *tool.command]
        trimming = ["--adapters", *adapters] if adapters else []
        return [
            *(sys.executable, "-m", BWA, "--sample", self.sample),
            *("--genome", self.genome, "--threads", str(self.threads), "--quality", str(quality)),
            *program,
            *trimming,
            *("--raw", *raw),
        ]

    def taken_over(self, raw: Path, form: str, folder: Path) -> list[Stage]:
        """Alignments made elsewhere, grouped by name, with nothing of their header.

        Foreign CRAM is read by the wheel's samtools: it is newer than those of distributions, some of which
        have open faults in reading crafted CRAM.
        """
        reader = find_tool("samtools", "embedded") if form == "cram" else self.samtools
        return [
            reader("view", "-h", "-u", "--no-PG", "--keep-tag", regroup.KEPT_TAGS, "-T", self.genome, raw),
            self.samtools(
                *("collate", "-O", "--no-PG", "--output-fmt", "sam", "-@", str(self.threads)),
                *("-n", str(COLLATE_FILES), "-", folder / "collate"),
            ),
            [
                *(sys.executable, "-m", REGROUP, "--sample", self.sample),
                *("--dictionary", self.genome.with_suffix(".dict"), "--lonely", folder / "lonely.bam"),
                *("--samtools", self.choice),
            ],
        ]

    def finish(
        self, first: Sequence[Stage], lanes: int, made: Path, folder: Path, lonely: Path | None
    ) -> None:
        """From alignments grouped by name to sorted ones with their duplicates marked.

        Args:
            first: commands that write them.
            lanes: number of read groups.
            made: CRAM to write.
            folder: for temporary files.
            lonely: reads without mate, which join behind `fixmate`.
        """
        index = (self.genome.with_name(self.genome.name + suffix) for suffix in INDEX_SUFFIXES)
        size = sum(path.stat().st_size for path in index if path.exists()) / 1e6
        memory = sort_memory(self.memory_mb, self.threads, size)
        pipe(
            *first,
            self.samtools("fixmate", "-m", "-u", "--no-PG", "-", "-"),
            *([[sys.executable, "-m", APPEND, "--further", lonely]] if lonely else []),
            self.samtools(
                *("sort", "-u", "--no-PG", "-@", str(self.threads), "-m", f"{memory}M"),
                *("-T", folder / "sort", "-"),
            ),
            self.samtools("markdup", "-c", "-u", "--no-PG", "-", "-"),
            *self._written("-", lanes, folder),
            what=self.what,
            stdout=made,
        )

    def empty(self, made: Path, folder: Path) -> None:
        """A CRAM without reads."""
        pipe(*self._written(self._header(1, folder), 1, folder), what=self.what, stdout=made)

    def _written(self, source: str | Path, lanes: int, folder: Path) -> list[Stage]:
        """Alignments to CRAM, by one thread: with more, chance decides how its parts are compressed.

        Writing notes the path of the genome in the header, which the second step leaves out.
        """
        return [
            self.samtools("view", "-h", "--no-PG", "--output-fmt", CRAM, "-T", self.genome, source),
            self.samtools("reheader", "--no-PG", self._header(lanes, folder), "-"),
        ]

    def _header(self, lanes: int, folder: Path) -> Path:
        path = folder / "header.sam"
        text = header.text(self.genome.with_suffix(".dict"), self.sample, lanes, "SO:coordinate")
        path.write_text(text, encoding="utf-8")
        return path

    def counts(self, made: Path) -> dict[str, int]:
        """Reads of an alignment by what became of them."""
        told = json.loads(
            pipe(self.samtools("flagstat", "-@", str(self.threads), "-O", "json", made), what=self.what)
        )
        names = {
            "total": "total",
            "primary": "primary",
            "mapped": "primary mapped",
            "duplicates": "primary duplicates",
            "proper_pairs": "properly paired",
            "supplementary": "supplementary",
        }
        return {
            name: sum(told[f"QC-{kind} reads"][key] for kind in ("passed", "failed"))
            for name, key in names.items()
        }


if __name__ == "__main__":
    entry_point(run)
