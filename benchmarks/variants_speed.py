"""The embedded BWA beside `bwa mem`, and our steps from FASTQ to gVCF beside a pipeline by hand of the same tools.

    python benchmarks/variants_speed.py [--depth 60]

Needs dwgsim, bwa, samtools and bcftools, and 1.1 Mb of hg19 chr20 (tests/data.py says where it lies); one person's
reads (see variants_accuracy.py), 0.5 % errors, 2 threads. Times are medians of three runs, taken in turn. CPU seconds
and peak memory are those of all processes of a command (memory: of the largest one).
Alignment: records that are equal to those of `bwa mem -K 10000000` in flag, position, CIGAR and mapping quality.
Real reads too (NA12878, 3,266 of them: too few for times, which there are those of starting).
Whole path: `bwa mem | samtools fixmate | sort | markdup | view` to CRAM, then `bcftools mpileup | call | norm` to
BCF, both with an index, by hand with the options that our steps give (gVCF, all counts of reads). Ours also cut
candidates from the pileup, filter, count reads and hash what they read and make. Admission, which reads all files
once whole, is told with and without.
Writes benchmarks/results/variants_alignment.tsv and variants_speed.tsv; ratios are ours over by hand.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from statistics import median

from variants_accuracy import CONTIG, Study, make_people, simulate
from variants_common import (
    CHR20,
    DATA,
    KINDS,
    RESULTS,
    THREADS,
    make_reference,
    missing,
    read_fasta,
    run,
    sample_steps,
    versions,
)

from scleromyomics.core.files import write_tsv
from scleromyomics.plan.config.variants import Calling
from scleromyomics.variants import bwa

RUNS, SAMPLE, ERROR = 3, "sim", 0.005
BATCH = 10_000_000  # bases that bwa looks at together, whatever the threads
NAME, LAST = 0, 6  # columns of SAM
FIELDS = {"flag": slice(1, 2), "position": slice(2, 4), "mapping_quality": slice(4, 5), "cigar": slice(5, 6)}
TAGS = "FORMAT/AD,FORMAT/ADF,FORMAT/ADR,FORMAT/DP,FORMAT/SP"
Command = Sequence[str | Path]


def timed(command: Command, stdout: Path | None = None) -> tuple[float, float, float]:
    """Wall and CPU seconds of a command and its children, and megabytes of the largest of them."""
    with (stdout or Path(os.devnull)).open("wb") as out, tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert not process.returncode, said.read().decode()[-2000:]
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def medians(runs: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    wall, cpu, peak = (median(one[i] for one in runs) for i in range(3))
    return {"seconds": round(wall, 2), "cpu_seconds": round(cpu, 2), "peak_mb": round(peak)}


def in_turn(tasks: Mapping[str, Callable[[], tuple[float, float, float]]]) -> dict[str, list]:
    """Runs of each task, one of each after another."""
    found: dict[str, list] = {name: [] for name in tasks}
    for _ in range(RUNS):
        for name, task in tasks.items():
            found[name].append(task())
    return found


def alignment(data: str, genome: Path, reads: Sequence[Path], folder: Path) -> list[dict[str, object]]:
    """Both on the same reads: times, and what is equal."""
    threads, made = str(THREADS), {name: folder / f"{name}.alignments" for name in ("bwa mem", "embedded")}
    commands: dict[str, Command] = {
        "bwa mem": ["bwa", "mem", "-K", str(BATCH), "-t", threads, genome, *reads],
        "embedded": [
            *(sys.executable, "-m", bwa.__name__, "--sample", SAMPLE, "--genome", genome),
            *("--threads", threads, "--quality", "0", "--raw", *reads),
        ],
    }
    runs = in_turn({name: partial(timed, command, made[name]) for name, command in commands.items()})
    texts = []
    for path in made.values():  # the embedded one writes uncompressed BAM
        texts.append(path.with_suffix(".sam"))
        run("samtools", "view", "--no-PG", "-o", texts[-1], path)
    shares, times = equal(*texts), {name: medians(some) for name, some in runs.items()}
    ours, theirs = times["embedded"], times["bwa mem"]
    shares |= {f"{one}_ratio": round(ours[one] / theirs[one], 3) for one in ("seconds", "cpu_seconds")}
    rows = [{"reads": data, "aligner": name} | times[name] for name in made]
    rows[1] |= shares
    print(rows)
    return rows


def equal(first: Path, second: Path) -> dict[str, object]:
    """Shares of the records of the first file that the second has, in the same order."""
    same, whole, records = dict.fromkeys(FIELDS, 0), 0, 0
    with first.open() as one, second.open() as other:
        for lines in zip_longest(one, other, fillvalue="\t" * LAST):
            a, b = (line.split("\t", LAST) for line in lines)
            records += 1
            if a[NAME] == b[NAME]:
                whole += a[:LAST] == b[:LAST]
                for name, columns in FIELDS.items():
                    same[name] += a[columns] == b[columns]
    shares = {f"{name}_equal": number / records for name, number in ({"all": whole} | same).items()}
    return {"records": records} | {name: round(share, 6) for name, share in shares.items()}


def by_hand(genome: Path, reads: Sequence[Path], folder: Path) -> dict[str, Command]:
    """Alignment and calls as a person would type them."""
    calling = Calling()
    values = {
        "genome": genome,
        "reads": " ".join(map(str, reads)),
        "t": THREADS,
        "batch": BATCH,
        "tags": TAGS,
    }
    values |= {"cram": folder / "hand.cram", "bcf": folder / "hand.bcf", "folder": folder}
    values |= {"depth": calling.maximum_depth, "depths": ",".join(map(str, calling.gvcf_depths))}
    values |= {"mq": calling.minimum_mapping_quality, "bq": calling.minimum_base_quality}
    align = (
        "bwa mem -K {batch} -t {t} -R '@RG\\tID:1\\tSM:sim' {genome} {reads} | samtools fixmate -m -u - -"
        " | samtools sort -u -@ {t} -m 1500M -T {folder}/sort - | samtools markdup -u - -"
        " | samtools view -C -T {genome} -o {cram} - && samtools index {cram}"
    )
    call = (
        "bcftools mpileup -Ou -f {genome} -a {tags} --gvcf {depths} -q {mq} -Q {bq} -d {depth}"
        " --max-idepth {depth} {cram} | bcftools call -Ou -m --gvcf {depths} -a GQ"
        " | bcftools norm -f {genome} -m -any -Ob -o {bcf} && bcftools index -f {bcf}"
    )
    shells = {"align": align, "call": call}
    return {name: ["bash", "-o", "pipefail", "-c", text.format(**values)] for name, text in shells.items()}


def whole_path(reference: Mapping[str, Path], reads: Sequence[Path], folder: Path) -> list[dict[str, object]]:
    tasks = {"hand": by_hand(reference["native"] / "genome.fa", reads, folder)}
    for kind in KINDS:
        steps = sample_steps(folder / f"{kind}.sample", reference[kind], reads, kind, sample=SAMPLE)
        tasks[kind] = {name: steps[name] for name in ("admit", "align", "call")}
    runs: dict[tuple[str, str], list] = {}
    for _ in range(RUNS):
        for kind, steps in tasks.items():
            for name, command in steps.items():
                runs.setdefault((kind, name), []).append(timed(command))
    parts = {"align": ("align",), "call": ("call",), "FASTQ to gVCF": ("align", "call")}
    parts |= {"admit": ("admit",), "FASTQ to gVCF, with admission": ("admit", "align", "call")}
    rows: list[dict[str, object]] = []
    times: dict[tuple[str, str], dict[str, float]] = {}
    for part, names in parts.items():
        for kind in tasks:
            some = [runs[kind, name] for name in names if (kind, name) in runs]
            if not some:
                continue
            each = [
                (sum(r[0] for r in one), sum(r[1] for r in one), max(r[2] for r in one))
                for one in zip(*some, strict=True)
            ]
            times[kind, part] = medians(each)
            row: dict[str, object] = {"part": part, "tools": kind} | times[kind, part]
            if kind != "hand" and part != "admit":
                hand = times["hand", part]
                row |= {f"{one}_ratio": round(row[one] / hand[one], 3) for one in hand}
            print(row)
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depth", type=float, default=60)
    given = parser.parse_args()
    if missing(("dwgsim", "bwa", "samtools", "bcftools"), CHR20):
        return
    print(versions())
    sequence = read_fasta(CHR20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (person, _), _ = make_people(sequence, 2, exome=False)
        reads = simulate(folder / SAMPLE, sequence, person, Study(CONTIG, 2, given.depth, ERROR))
        reference = {kind: make_reference(folder / kind, CHR20, kind) for kind in KINDS}
        aligned = alignment("simulated, chr20", reference["native"] / "genome.fa", reads, folder)
        real = DATA / "na12878_chr22_tiny"
        if not missing((), real):
            genome = make_reference(folder / "chr22", real / "q.fa", "native") / "genome.fa"
            aligned += alignment(
                "NA12878, chr22", genome, [real / "R1.fastq.gz", real / "R2.fastq.gz"], folder
            )
        for table, rows in (
            ("variants_alignment", aligned),
            ("variants_speed", whole_path(reference, reads, folder)),
        ):
            columns = list(dict.fromkeys(one for row in rows for one in row))
            write_tsv(RESULTS / f"{table}.tsv", columns, [dict.fromkeys(columns, "") | row for row in rows])
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
