"""One sample's reads become a CRAM that holds all of them, says nothing of its origin, and is the same each time."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reads
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256, write_json
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.variants import admit, align, append
from scleromyomics.variants.align import sort_memory

GENOME = reads.genome()
PAIRS = reads.pairs(GENOME, 900)
PAIRS += [(f"copy{i}", one, two) for i, (_, one, two) in enumerate(PAIRS[:60])]  # duplicates
PAIRS += [(f"odd{i}", "ACGGT" * 16, PAIRS[i][2]) for i in range(20)]


@pytest.fixture(scope="module", params=reads.TOOLS)
def tools(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory, tools: str) -> Path:
    return reads.make_reference(tmp_path_factory.mktemp("genome"), GENOME, tools)


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("lanes")
    return reads.write_lane(folder, PAIRS[:500], "l1") + reads.write_lane(folder, PAIRS[500:], "l2")


def made(
    folder: Path, genome: Path, raw: Sequence[Path], tools: str, form: str = "fastq", **flags: Any
) -> dict[str, Any]:
    """Admit and align; returns the receipt."""
    admission = folder / "raw.receipt.json"
    admit.run(
        sample="S1",
        raw=list(raw),
        format=form,
        genome=genome,
        receipt=admission,
        samtools=tools,
        bcftools=tools,
    )  # type: ignore[arg-type]
    return aligned(folder, genome, raw, tools, form, **flags)


def aligned(
    folder: Path, genome: Path, raw: Sequence[Path], tools: str, form: str = "fastq", **flags: Any
) -> dict[str, Any]:
    align.run(
        **{
            "sample": "S1",
            "raw": list(raw),
            "format": form,
            "admission": folder / "raw.receipt.json",
            "genome": genome,
            "reads": folder / "aligned.cram",
            "index": folder / "aligned.cram.crai",
            "receipt": folder / "aligned.receipt.json",
            "bwa": tools,
            "samtools": tools,
            "threads": 1,
        }
        | flags
    )
    found: dict[str, Any] = read_json(folder / "aligned.receipt.json")
    return found


def text(genome: Path, path: Path, *flags: str) -> str:
    samtools = find_tool("samtools", "embedded")
    return pipe(samtools("view", "--no-PG", "-T", genome, *flags, path), what="t").decode()


def rows(genome: Path, path: Path) -> list[list[str]]:
    return [line.split("\t") for line in text(genome, path).splitlines()]


def tag(row: Sequence[str], name: str) -> str:
    return next((field[5:] for field in row[11:] if field.startswith(f"{name}:")), "")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, genome: Path, lanes: list[Path], tools: str) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    made(folder, genome, lanes, tools)
    return folder


def test_no_read_is_lost_and_the_receipt_counts_them(genome: Path, whole: Path, lanes: list[Path]) -> None:
    found = rows(genome, whole / "aligned.cram")
    primary = [row for row in found if not int(row[1]) & 0x900]
    sequences = sorted((row[0], int(row[1]) & 0xC0, _forward(row)) for row in primary)
    assert sequences == sorted(
        (name, bit, read) for name, one, two in PAIRS for bit, read in ((0x40, one), (0x80, two))
    )
    told = read_json(whole / "aligned.receipt.json")
    counts = told["counts"]
    flags = np.array([int(row[1]) for row in primary])
    assert counts["primary"] == 2 * len(PAIRS)
    assert counts["total"] == len(found)
    assert counts["mapped"] == (flags & 0x4 == 0).sum()
    assert counts["duplicates"] == (flags & 0x400 > 0).sum() >= 100
    assert counts["proper_pairs"] == (flags & 0x2 > 0).sum() > 1500
    assert told["read_groups"] == {"S1.L1": 1000, "S1.L2": 2 * len(PAIRS) - 1000}
    assert told["sha256"] == sha256(whole / "aligned.cram")
    assert told["size"] == (whole / "aligned.cram").stat().st_size


def _forward(row: Sequence[str]) -> str:
    return reads.reverse(row[9]) if int(row[1]) & 0x10 else row[9]


def test_reads_are_sorted_indexed_and_in_the_group_of_their_lane(genome: Path, whole: Path) -> None:
    found = rows(genome, whole / "aligned.cram")
    order = {name: i for i, name in enumerate([*GENOME, "*"])}
    places = [(order[row[2]], int(row[3])) for row in found]
    assert places == sorted(places)
    lane = {name: "S1.L1" if i < 500 else "S1.L2" for i, (name, _, _) in enumerate(PAIRS)}
    assert all(tag(row, "RG") == lane[row[0]] for row in found)
    assert sorted(path.name for path in whole.iterdir()) == [
        "aligned.cram",
        "aligned.cram.crai",
        "aligned.receipt.json",
        "raw.receipt.json",
    ]
    region = pipe(
        find_tool("samtools", "embedded")("view", "-T", genome, whole / "aligned.cram", "chr2:1-500"),
        what="t",
    )
    assert {line.split("\t")[2] for line in region.decode().splitlines()} == {"chr2"}


def test_of_copies_one_stays_unmarked(genome: Path, whole: Path) -> None:
    marked = {row[0] for row in rows(genome, whole / "aligned.cram") if int(row[1]) & 0x400}
    for i in range(60):
        assert len({f"copy{i}", PAIRS[i][0]} & marked) == 1


def test_the_header_is_our_own(genome: Path, whole: Path) -> None:
    contigs = (
        line for line in genome.with_suffix(".dict").read_text().splitlines() if line.startswith("@SQ")
    )
    expected = ["@HD\tVN:1.6\tSO:coordinate", *contigs]
    expected += [f"@RG\tID:S1.L{i}\tSM:S1\tLB:S1\tPL:ILLUMINA" for i in (1, 2)]
    assert text(genome, whole / "aligned.cram", "-H").splitlines() == expected
    content = (whole / "aligned.cram").read_bytes()
    assert content[4:6] == b"\x03\x00"  # CRAM 3.0


def test_the_same_bytes_whatever_threads_memory_and_place(
    genome: Path, whole: Path, lanes: list[Path], tools: str, tmp_path: Path
) -> None:
    os.link(whole / "raw.receipt.json", tmp_path / "raw.receipt.json")
    aligned(tmp_path, genome, lanes, tools, threads=2, memory_mb=8000)
    for name in ("aligned.cram", "aligned.cram.crai", "aligned.receipt.json"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()


def test_adapters_are_cut_where_the_settings_say(genome: Path, tmp_path: Path, tools: str) -> None:
    cut = [(name, f"{one[:40]}AGATCGGAAGAGCACAC", two) for name, one, two in PAIRS[:50]]
    found = made(
        tmp_path, genome, reads.write_lane(tmp_path, cut), tools, adapters=["AGATCGGAAGAGC"], quality=10
    )
    primary = [row for row in rows(genome, tmp_path / "aligned.cram") if not int(row[1]) & 0x900]
    assert {len(row[9]) for row in primary if int(row[1]) & 0x40} == {40}
    assert max(len(row[9]) for row in primary if int(row[1]) & 0x80) == 79  # the last base has a quality of 2
    assert found["counts"]["primary"] == 100
    assert "cutadapt" in found["versions"]


def test_a_refused_sample_gets_a_cram_without_reads(
    genome: Path, tmp_path: Path, lanes: list[Path], tools: str
) -> None:
    write_json(
        tmp_path / "raw.receipt.json", {"status": "refused", "reason": "x", "sha256": ["0"], "measures": {}}
    )
    found = aligned(tmp_path, genome, lanes, tools)
    assert found["counts"]["total"] == 0
    assert text(genome, tmp_path / "aligned.cram") == ""
    assert "@RG\tID:S1.L1" in text(genome, tmp_path / "aligned.cram", "-H")
    assert (tmp_path / "aligned.cram.crai").exists()


def test_raw_files_that_changed_since_admission_are_refused(genome: Path, tmp_path: Path, tools: str) -> None:
    files = reads.write_lane(tmp_path, PAIRS[:10])
    made(tmp_path, genome, files, tools)
    reads.write_lane(tmp_path, PAIRS[10:20])
    with pytest.raises(InputError, match="found other content than was admitted"):
        aligned(tmp_path, genome, files, tools)


def test_tools_of_another_version_than_the_freeze_are_refused(
    genome: Path, tmp_path: Path, tools: str
) -> None:
    other = tmp_path / "reference"
    other.mkdir()
    for path in genome.parent.iterdir():
        os.link(path, other / path.name)
    told = read_json(genome.with_name("receipt.json"))
    told["tools"]["bwa"] = "bwa 0.1"
    write_json(other / "receipt.json", told)
    with pytest.raises(
        InputError, match=r"tools\.bwa: found bwa .*; allowed: bwa 0\.1, with which the freeze"
    ):
        made(tmp_path, other / genome.name, reads.write_lane(tmp_path, PAIRS[:10]), tools)


def test_fewer_reads_than_admitted_are_an_error(genome: Path, tmp_path: Path, tools: str) -> None:
    files = reads.write_lane(tmp_path, PAIRS[:10])
    made(tmp_path, genome, files, tools)
    told = read_json(tmp_path / "raw.receipt.json")
    told["measures"]["records"] = 22
    write_json(tmp_path / "raw.receipt.json", told)
    (tmp_path / "aligned.cram").unlink()
    with pytest.raises(InputError, match="sample S1: found 20 reads aligned; allowed: all 22 admitted"):
        aligned(tmp_path, genome, files, tools)
    assert not (tmp_path / "aligned.cram").exists()


def test_a_failed_tool_is_one_line_and_leaves_nothing(genome: Path, tmp_path: Path, tools: str) -> None:
    broken = tmp_path / "reference"
    broken.mkdir()
    for path in genome.parent.iterdir():
        if path.suffix != ".sa":
            os.link(path, broken / path.name)
    with pytest.raises(InputError, match=r"^sample S1: bwa failed: ") as caught:
        made(tmp_path, broken / genome.name, reads.write_lane(tmp_path, PAIRS[:10]), tools)
    assert "\n" not in str(caught.value)
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".gz", ".json"}
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a file system cannot be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """More reads than a small disk holds; their qualities cannot be compressed."""
    folder, random = tmp_path_factory.mktemp("many"), np.random.default_rng(1)
    letters = np.array(list("#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHI"))
    number, files = 45_000, []
    bases = [GENOME["chr1"], reads.reverse(GENOME["chr1"])]
    starts = random.integers(0, len(bases[0]) - 300, number).tolist()
    for mate in (1, 2):
        qualities = ["".join(row) for row in random.choice(letters, (number, 100))]
        places = starts if mate == 1 else [len(bases[1]) - start - 250 for start in starts]
        files.append(folder / f"R{mate}.fastq")
        files[-1].write_text(
            "".join(
                f"@r{i}\n{bases[mate - 1][start : start + 100]}\n+\n{quality}\n"
                for i, (start, quality) in enumerate(zip(places, qualities, strict=True))
            )
        )
    return files


def test_a_full_disk_in_the_middle_of_a_sort_is_one_line_and_leaves_nothing(
    genome: Path, tools: str, many: list[Path], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(align, "SORT_MIN_MB", 5)
    monkeypatch.setattr(align, "SORT_MAX_MB", 5)
    with pytest.raises(InputError, match=r"^sample S1: no space left on device \(samtools sort\)$"):
        made(small_disk, genome, many, tools)
    assert [path.name for path in small_disk.iterdir()] == ["raw.receipt.json"]


def test_a_limit_on_the_size_of_files_is_one_line_and_leaves_nothing(
    genome: Path, tools: str, many: list[Path], tmp_path: Path
) -> None:
    admission = tmp_path / "raw.receipt.json"
    admit.run(sample="S1", raw=many, format="fastq", genome=genome, receipt=admission, samtools=tools)
    flags = ["--sample", "S1", "--format", "fastq", "--admission", admission, "--genome", genome]
    flags += [
        "--reads",
        tmp_path / "a.cram",
        "--index",
        tmp_path / "a.crai",
        "--receipt",
        tmp_path / "a.json",
    ]
    flags += ["--bwa", tools, "--samtools", tools, "--raw", *many]
    done = subprocess.run(
        [sys.executable, "-m", "scleromyomics.variants.align", *map(str, flags)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: sample S1: ")
    assert "file too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["raw.receipt.json"]


def test_what_killed_jobs_left_is_removed(
    genome: Path, tmp_path: Path, lanes: list[Path], tools: str
) -> None:
    (tmp_path / ".aligned.999999999.parts").mkdir()
    (tmp_path / f".aligned.{os.getppid()}.parts").mkdir()
    write_json(tmp_path / "raw.receipt.json", {"status": "refused", "sha256": [], "measures": {}})
    aligned(tmp_path, genome, lanes, tools)
    assert [path.name for path in tmp_path.glob(".*")] == [f".aligned.{os.getppid()}.parts"]


def foreign(genome: Path, whole: Path, target: Path, change: Callable[[str], str] = str) -> Path:
    """The alignments as another place would deliver them."""
    content = text(genome, whole / "aligned.cram", "-h")
    content = content.replace("@RG\tID:S1.L1\tSM:S1", "@RG\tID:Müller\tSM:Erika").replace("S1.L1", "Müller")
    content = content.replace("S1.L2", "flowcell:7").replace("\tSM:S1\tLB:S1", "\tSM:Erika\tLB:x")
    content = content.replace(
        "@RG\tID:Mü", "@PG\tID:bwa\tCL:bwa mem /home/erika\n@CO\tErika Müller\n@RG\tID:Mü", 1
    )
    source = target.with_suffix(".sam")
    source.write_text(change(content))
    samtools = find_tool("samtools", "embedded")
    form = "cram" if target.suffix == ".cram" else "bam"
    pipe(samtools("view", "-O", form, "-T", genome, "-o", target, source), what="t")
    return target


@pytest.mark.parametrize("form", ["bam", "cram"])
def test_alignments_from_elsewhere_keep_their_places_and_lose_their_origin(
    genome: Path, whole: Path, tmp_path: Path, tools: str, form: str
) -> None:
    raw = foreign(genome, whole, tmp_path / f"x.{form}")
    told = made(tmp_path, genome, [raw], tools, form)
    found = rows(genome, tmp_path / "aligned.cram")
    assert {tuple(row[:11]) for row in found} == {
        tuple(row[:11]) for row in rows(genome, whole / "aligned.cram")
    }
    assert text(genome, tmp_path / "aligned.cram", "-H") == text(genome, whole / "aligned.cram", "-H")
    assert [tag(row, "RG") for row in sorted(found)] == [
        tag(row, "RG") for row in sorted(rows(genome, whole / "aligned.cram"))
    ]
    assert told["counts"] == read_json(whole / "aligned.receipt.json")["counts"]
    assert told["tools"].keys() == {"samtools"}
    for product in ("aligned.cram", "aligned.receipt.json"):
        assert "Erika" not in text(genome, tmp_path / "aligned.cram", "-h")
        assert b"Erika" not in (tmp_path / product).read_bytes()


def test_reads_without_read_group_join_the_first(
    genome: Path, whole: Path, tmp_path: Path, tools: str
) -> None:
    raw = foreign(genome, whole, tmp_path / "x.bam", lambda content: content.replace("\tRG:Z:Müller", ""))
    told = made(tmp_path, genome, [raw], tools, "bam")
    ours = read_json(whole / "raw.receipt.json")["measures"]["read_groups"]
    further = told["counts"]["supplementary"]
    assert sum(told["read_groups"].values()) == sum(ours.values()) + further
    assert read_json(tmp_path / "raw.receipt.json")["measures"]["without_group"] >= 1000
    assert {tag(row, "RG") for row in rows(genome, tmp_path / "aligned.cram")} == {"S1.L1", "S1.L2"}


def test_reads_whose_mate_is_not_in_an_extract_stay_as_they_are(
    genome: Path, whole: Path, tmp_path: Path, tools: str
) -> None:
    full = foreign(genome, whole, tmp_path / "full.bam")
    samtools = find_tool("samtools", "embedded")
    pipe(samtools("index", full), what="t")
    raw = tmp_path / "part.bam"
    pipe(samtools("view", "-b", "-o", raw, full, "chr1:2001-4000"), what="t")
    told = made(tmp_path, genome, [raw], tools, "bam")
    expected = {
        tuple(row[:9]): int(row[1]) & ~0x400
        for row in (line.split("\t") for line in pipe(samtools("view", raw), what="t").decode().splitlines())
    }
    found = rows(genome, tmp_path / "aligned.cram")
    missing = read_json(tmp_path / "raw.receipt.json")["measures"]["mates_missing"]
    assert missing > 20
    assert told["counts"]["total"] == len(expected) == len(found)
    names = [row[0] for row in found]
    lonely = [row for row in found if names.count(row[0]) == 1]
    assert len(lonely) == missing
    whole_rows = {(row[0], int(row[1]) & 0xC0): row for row in rows(genome, whole / "aligned.cram")}
    for row in lonely:
        before = whole_rows[row[0], int(row[1]) & 0xC0]
        assert [*row[2:11], int(row[1]) & ~0x400] == [*before[2:11], int(before[1]) & ~0x400]
        assert tag(row, "MC")


def test_mates_on_contigs_that_the_genome_does_not_have_are_left_out(
    genome: Path, whole: Path, tmp_path: Path, tools: str
) -> None:
    def change(content: str) -> str:
        kept = []
        for line in content.replace("@SQ\tSN:chrM\t", "@SQ\tSN:chr9\tLN:999\n@SQ\tSN:chrM\t").splitlines():
            fields = line.split("\t")
            if fields[0] == "r7":
                if int(fields[1]) & 0x80:
                    continue
                fields[1], fields[6:9] = str(int(fields[1]) & ~0x2), ["chr9", "5", "0"]
            kept.append("\t".join(fields))
        return "\n".join([*kept, ""])

    raw = foreign(genome, whole, tmp_path / "x.bam", change)
    made(tmp_path, genome, [raw], tools, "bam")
    (row,) = (row for row in rows(genome, tmp_path / "aligned.cram") if row[0] == "r7")
    assert row[6:9] == ["*", "0", "0"]
    assert int(row[1]) & 0x8


def test_sorting_takes_what_the_job_has_left() -> None:
    assert sort_memory(2000, 1, 0) == 1300
    assert sort_memory(2000, 2, 300) == 500
    assert sort_memory(500, 4, 5000) == 64
    assert sort_memory(64_000, 2, 5000) == 2048


def test_a_stream_that_was_cut_gets_no_end(tmp_path: Path) -> None:
    import io

    assert not append._passed(io.BytesIO(b"x" * 100), io.BytesIO())
    out = io.BytesIO()
    assert append._passed(io.BytesIO(b"x" * 100 + append.BGZF_END), out)
    assert out.getvalue() == b"x" * 100


@pytest.mark.parametrize(
    ("name", "fasta"),
    [
        ("na12878_chr22_tiny/NA12878.chr22.tiny.bam", "na12878_chr22_tiny/q.fa"),
        ("na12878_chrM/NA12878_chrM_200-200.bam", "na12878_chrM/chrM_hg19.fa"),
        ("na1289x_chr20_pair/NA12891_demo20.bam", "na1289x_chr20_pair/demo20.fa"),
        ("hg001xx_chr17_trio/mpileup.1.bam", "hg001xx_chr17_trio/mpileup.ref.fa"),
    ],
)
def test_real_extracts_keep_their_proper_pairs(tmp_path: Path, tools: str, name: str, fasta: str) -> None:
    raw = real_data(f"variants/{name}")
    sequence = real_data(f"variants/{fasta}")
    genome = reads.make_reference(tmp_path, GENOME, tools, fasta=sequence, mitochondrion="chrM")
    found = made(tmp_path, genome, [raw], tools, "bam")["counts"]
    before = json.loads(pipe(find_tool("samtools", tools)("flagstat", "-O", "json", raw), what="t"))[
        "QC-passed reads"
    ]
    assert (found["total"], found["proper_pairs"]) == (before["total"], before["properly paired"])
    assert found["duplicates"] <= before["primary duplicates"] + 0.15 * found["total"]
