"""The library of pybwa gives what `bwa mem -K 10000000` gives: flag, place, CIGAR, quality, bases, tags."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import reads

from scleromyomics.core.errors import InputError
from scleromyomics.variants import bwa, fastq

needs_bwa = pytest.mark.skipif(not shutil.which("bwa"), reason="bwa is not on the PATH")
GENOME = reads.genome({"chr1": 30_000, "chr2": 12_000, "chrM": 900})
GENOME["chr2"] += GENOME["chr1"][4000:5500]  # a paralogous stretch
ADAPTERS = ("AGATCGGAAGAGCACACGTCTGAACTCCAGTCA", "AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGT")


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reads.make_reference(tmp_path_factory.mktemp("genome"), GENOME)


def aligned(genome: Path, files: Sequence[Path], *flags: str) -> list[list[str]]:
    command = [sys.executable, "-m", "scleromyomics.variants.bwa", "--sample", "S1", "--genome", str(genome)]
    done = subprocess.run([*command, *flags, "--raw", *map(str, files)], capture_output=True, check=True)
    return alignments(done.stdout)


def alignments(content: bytes) -> list[list[str]]:
    """Fields of each record: the mandatory ones, then the tags in order of their names."""
    view = [sys.executable, "-m", "scleromyomics.core.htslib", "samtools", "view", "-"]
    text = subprocess.run(view, input=content, capture_output=True, check=True).stdout.decode()
    rows = [line.split("\t") for line in text.splitlines()]
    return [row[:11] + sorted(tag for tag in row[11:] if not tag.startswith("MQ:")) for row in rows]


def difficult(number: int, seed: int = 5) -> list[reads.Pair]:
    """Reads of every kind that sequencers give: with adapters, unmapped, far apart, split, short, and of N."""
    random = np.random.default_rng(seed)
    plain = reads.pairs(GENOME, number, seed=seed, length=100)
    strange = "".join(random.choice(list("ACGT"), 5000))
    found = []
    for i, (name, one, two) in enumerate(plain):
        kind = i % 12
        other = plain[(i * 7 + 1) % number]
        short = GENOME["chr1"][50 * (i % 500) :][:60]
        mates = {
            1: ((short + ADAPTERS[0])[:100], (reads.reverse(short) + ADAPTERS[1])[:100]),
            2: (strange[i % 4000 :][:100], two),
            3: (one, strange[i % 4000 :][:100]),
            4: (one, other[1]),
            5: (one[:50] + other[2][:50], two),
            6: (one, two[:45] + reads.reverse(other[1])[:55]),
            7: (one[: i % 35], two[: (i * 3) % 35]),
            8: ("N" * 100, two if i % 2 else "N" * 60),
            9: (one, reads.reverse(two)),
            10: (one[:40] + one[40 + i % 20 :], two[:50] + "ACGTTGCA"[: i % 8] + two[50:]),
        }.get(kind, (one, two))
        found.append((name, *mates))
    return found


@needs_bwa
@pytest.mark.parametrize("seed", [5, 6])
def test_every_record_is_that_of_bwa(genome: Path, tmp_path: Path, seed: int) -> None:
    files = reads.write_lane(tmp_path, difficult(6000, seed))
    native = subprocess.run(
        ["bwa", "mem", "-K", "10000000", "-R", "@RG\\tID:S1.L1\\tSM:S1", genome, *files],
        capture_output=True,
        check=True,
    )
    expected = alignments(native.stdout)
    flags = np.array([int(row[1]) for row in expected])
    further, reverse = flags & 0x800 > 0, flags & 0x10 > 0
    assert (further & reverse).sum() > 50  # of all kinds there are enough
    assert (flags & 0x2 == 0).sum() > 500
    assert ((flags & 0x8 > 0) & (flags & 0x4 == 0) & reverse).sum() > 50
    assert aligned(genome, files) == expected
    assert aligned(genome, files, "--threads", "2") == expected


@needs_bwa
def test_batches_are_cut_where_bwa_cuts_them(
    genome: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The distances of proper pairs are those of a batch: other borders would give other flags."""
    files = reads.write_lane(tmp_path, difficult(3000))
    native = subprocess.run(["bwa", "mem", "-K", "100000", genome, *files], capture_output=True, check=True)
    monkeypatch.setattr(bwa, "BATCH_BASES", 100_000)
    assert bwa.run(sample="S1", raw=files, genome=genome) == 0
    found = alignments(capfdbinary.readouterr().out)
    assert [row[:11] for row in found] == [row[:11] for row in alignments(native.stdout)]


@pytest.mark.parametrize("program", ["", pytest.param("bwa", marks=needs_bwa)])
@pytest.mark.parametrize("trimming", [(), ("--adapters", "AGATCGGAAGAGC", "--quality", "20")])
def test_lanes_follow_each_other_each_as_a_read_group(
    genome: Path, tmp_path: Path, program: str, trimming: tuple[str, ...]
) -> None:
    lanes = [reads.write_lane(tmp_path, difficult(240, seed), f"l{seed}") for seed in (1, 2)]
    command = [sys.executable, "-m", "scleromyomics.variants.bwa", "--sample", "S1", "--genome", str(genome)]
    chosen = ["--program", shutil.which(program) or ""] if program else []
    done = subprocess.run(
        [*command, *chosen, *trimming, "--raw", *map(str, lanes[0] + lanes[1])],
        capture_output=True,
        check=True,
    )
    view = [sys.executable, "-m", "scleromyomics.core.htslib", "samtools", "view", "-H", "--no-PG", "-"]
    top = subprocess.run(view, input=done.stdout, capture_output=True, check=True).stdout.decode()
    assert [line.split("\t")[0] for line in top.splitlines()] == ["@HD", "@SQ", "@SQ", "@SQ", "@RG", "@RG"]
    assert "@RG\tID:S1.L2\tSM:S1\tLB:S1\tPL:ILLUMINA\n" in top
    assert str(genome) not in top
    rows = alignments(done.stdout)
    primary = [row for row in rows if not int(row[1]) & 0x900]
    groups = [next(tag for tag in row if tag.startswith("RG:Z:")) for row in primary]
    assert groups == ["RG:Z:S1.L1"] * 480 + ["RG:Z:S1.L2"] * 480
    assert (any("AGATCGGAAGAGC" in row[9] for row in primary)) == (not trimming)
    assert any(row[9] == "*" for row in primary)  # reads of which nothing is left stay


@needs_bwa
def test_trimmed_reads_align_alike_in_both(genome: Path, tmp_path: Path) -> None:
    files = reads.write_lane(tmp_path, difficult(1200))
    trimming = ("--adapters", "AGATCGGAAGAGC", "--quality", "20")
    native = aligned(genome, files, *trimming, "--program", shutil.which("bwa") or "")
    assert aligned(genome, files, *trimming) == native


def test_boundaries_are_those_that_bwa_prints() -> None:
    told = """\
[M::mem_pestat] # candidate unique pairs for (FF, FR, RF, RR): (12, 3994, 15, 1)
[M::mem_pestat] analyzing insert size distribution for orientation FF...
[M::mem_pestat] low and high boundaries for computing mean and std.dev: (1, 60)
[M::mem_pestat] mean and std.dev: (31.50, 9.25)
[M::mem_pestat] low and high boundaries for proper pairs: (1, 99)
[M::mem_pestat] analyzing insert size distribution for orientation FR...
[M::mem_pestat] mean and std.dev: (499.50, 50.00)
[M::mem_pestat] low and high boundaries for proper pairs: (268, 730)
[M::mem_pestat] analyzing insert size distribution for orientation RF...
[M::mem_pestat] mean and std.dev: (8.00, 2.00)
[M::mem_pestat] low and high boundaries for proper pairs: (-4, 20)
[M::mem_pestat] skip orientation RR as there are not enough pairs
[M::mem_pestat] skip orientation FF
"""
    found = bwa.boundaries(told)
    assert found == {"FR": bwa.Distances(268, 730, 499.5, 50.0), "RF": bwa.Distances(-4, 20, 8.0, 2.0)}


def test_mates_out_of_step_are_an_error_and_not_the_end_of_the_process(genome: Path, tmp_path: Path) -> None:
    files = reads.write_lane(tmp_path, difficult(24))
    other = reads.write_lane(tmp_path, [(f"x{name}", *mates) for name, *mates in difficult(24)], "other")
    with pytest.raises(InputError, match="found read 'xr0' as record 1"):
        list(bwa.batches(fastq.pairs(files[0], other[1]), 1))


def test_a_reader_that_ends_early_ends_the_command_without_words(genome: Path, tmp_path: Path) -> None:
    files = reads.write_lane(tmp_path, difficult(2400))
    command = [sys.executable, "-m", "scleromyomics.variants.bwa", "--sample", "S1", "--genome", str(genome)]
    with subprocess.Popen(
        [*command, "--raw", *map(str, files)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(100)  # type: ignore[union-attr]
        process.stdout.close()  # type: ignore[union-attr]
        words = process.stderr.read()  # type: ignore[union-attr]
    assert (process.returncode, words) == (141, b"")


def test_a_genome_without_index_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    genome = reads.write_fasta(tmp_path / "g.fa", GENOME)
    (tmp_path / "g.dict").write_text("@SQ\tSN:chr1\tLN:30000\n")
    with pytest.raises(InputError, match=r"g\.fa: found no bwa index beside it"):
        bwa.run(sample="S1", raw=reads.write_lane(tmp_path, difficult(12)), genome=genome)


def test_another_pybwa_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwa, "WHEEL", "2.3.1")
    with pytest.raises(
        InputError, match=r"tools\.bwa: found pybwa 2\.3\.2; allowed: 2\.3\.1, or a native bwa"
    ):
        bwa.Library()


def test_numbers_at_addresses_are_read_and_written_many_at_once() -> None:
    values = np.arange(100, dtype=np.int64)
    at = np.array([values.ctypes.data + 8 * i for i in (3, 97, 50)], np.uint64)
    assert bwa.peek(at, 0, "<i8").tolist() == [3, 97, 50]
    assert bwa.peek(at, 8, "<i4").tolist() == [4, 98, 51]
    bwa.poke(at, 16, "<i8", np.array([-1, -2, -3]))
    assert values[[5, 99, 52]].tolist() == [-1, -2, -3]
    assert bwa.peek(at[:0], 0, "<i8").tolist() == []


def test_an_error_in_another_thread_is_raised_where_its_items_are_used() -> None:
    def items() -> "list[int]":  # type: ignore[misc]
        yield 1
        raise InputError("late")

    found = []
    with pytest.raises(InputError, match="late"):
        found.extend(bwa.ahead(items()))
    assert list(bwa.ahead(iter(range(5)))) == list(range(5))
