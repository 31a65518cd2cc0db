"""Every bad raw file is refused in one line that names it; good ones are measured, and the others go on."""

import gzip
import hashlib
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reads
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.variants import admit, alignments, bwa, lines

GENOME = reads.genome()
PAIRS = reads.pairs(GENOME, 1200)
SAMTOOLS, BCFTOOLS = find_tool("samtools", "embedded"), find_tool("bcftools", "embedded")


@pytest.fixture(scope="module", params=reads.TOOLS)
def tools(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reads.make_reference(tmp_path_factory.mktemp("genome"), GENOME)


def admitted(genome: Path, raw: Path | list[Path], form: str, **flags: Any) -> dict[str, Any]:
    files = raw if isinstance(raw, list) else [raw]
    receipt = flags.setdefault("receipt", files[0].with_name("raw.receipt.json"))
    admit.run(**{"sample": "S1", "raw": files, "format": form, "genome": genome} | flags)
    found: dict[str, Any] = read_json(receipt)
    return found


def refused(genome: Path, raw: Path | list[Path], form: str, **flags: Any) -> str:
    """The reason, which must be one line that names a file."""
    found = admitted(genome, raw, form, **flags)
    assert (found["status"], found["measures"]) == ("refused", {})
    reason = str(found["reason"])
    assert "\n" not in reason
    assert reason.startswith("file")
    return reason


# --- FASTQ


def test_reads_are_measured_lane_by_lane(genome: Path, tmp_path: Path) -> None:
    files = reads.write_lane(tmp_path, PAIRS[:300], "a") + reads.write_lane(tmp_path, PAIRS[300:], "b")
    md5s = [hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest().upper() for path in files]
    found = admitted(genome, files, "fastq", md5=md5s)
    assert (found["status"], found["reason"], found["sample"]) == ("accepted", "", "S1")
    assert found["raw"] == [str(path) for path in files]
    assert found["sha256"] == [sha256(path) for path in files]
    assert found["size"] == [path.stat().st_size for path in files]
    measures = found["measures"]
    assert measures["records"] == 2400
    assert measures["read_groups"] == {"S1.L1": 600, "S1.L2": 1800}
    first, second = measures["lanes"]
    assert (first["mate1"]["reads"], second["mate2"]["reads"]) == (300, 900)
    assert first["mate1"]["length_mean"] == 80
    assert first["mate2"]["quality_mean"] == pytest.approx((79 * 40 + 2) / 80)


def test_a_refusal_is_a_line_and_no_failure(
    genome: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = reads.write_lane(tmp_path, PAIRS[:5])
    files[1].write_bytes(files[1].read_bytes()[:-20])
    reason = refused(genome, files, "fastq")
    assert reason.startswith(f"file {files[1]}: found a damaged gzip file")
    assert capsys.readouterr().err == f"refused: sample S1: {reason}\n"


def test_a_missing_file_is_a_failure(genome: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sample S1: found no file .*absent\.fastq"):
        admitted(genome, [tmp_path / "absent.fastq"], "fastq")


def bad_lane(folder: Path, kind: str) -> list[Path]:
    files = reads.write_lane(folder, PAIRS[:50])
    one, two = (gzip.decompress(path.read_bytes()).decode() for path in files)
    changed = {
        "out of step": (one, two.replace("@r7/2", "@r8/2", 1)),
        "fewer": (one, "".join(two.splitlines(keepends=True)[:-4])),
        "empty": ("", ""),
        "phred 64": (one, two.replace("I", "h").replace("#", "B")),
        "below": (one.replace("#", "\x1e"), two),
        "letters": (one.replace("\nA", "\nX", 1), two),
        "lengths": (one.replace("I#", "#", 1), two),
        "half a record": (one, two[:-100]),
        "twice": (one, one),
    }[kind]
    for path, text in zip(files, changed, strict=True):
        path.write_bytes(gzip.compress(text.encode("latin-1")))
    return files


@pytest.mark.parametrize(
    ("kind", "which", "reason"),
    [
        (
            "out of step",
            1,
            "found read 'r8' as record 8, where lane_R1.fastq.gz has 'r7'; allowed: mates in the same",
        ),
        (
            "fewer",
            0,
            "found more records than the 49 of lane_R2.fastq.gz; allowed: as many in both files of a lane",
        ),
        ("empty", 0, "found no reads"),
        ("phred 64", 1, "found quality characters from 'B' to 'h', as in Phred+64; allowed: Phred+33"),
        ("below", 0, "found quality characters from '\\x1e' to 'I'; allowed: Phred+33"),
        ("letters", 0, "found the letters 'X' in sequences; allowed: nucleotide codes"),
        ("lengths", 0, "found 80 letters and 79 qualities in record 1; allowed: as many of both"),
        ("half a record", 1, "found "),
        ("twice", 1, "found the same reads as in "),
    ],
)
def test_bad_reads_are_refused_by_name(
    genome: Path, tmp_path: Path, kind: str, which: int, reason: str
) -> None:
    files = bad_lane(tmp_path, kind)
    if kind == "empty":
        files[1].write_bytes(gzip.compress(b"\n"))  # two files that differ
    assert refused(genome, files, "fastq").startswith(f"file {files[which]}: {reason}")


def test_an_odd_number_of_files_is_refused(genome: Path, tmp_path: Path) -> None:
    files = reads.write_lane(tmp_path, PAIRS[:5])
    assert "found 1; allowed: R1 and R2 of each lane" in refused(genome, files[:1], "fastq")


def test_an_md5_that_differs_is_refused(genome: Path, tmp_path: Path) -> None:
    files = reads.write_lane(tmp_path, PAIRS[:5])
    good = hashlib.md5(files[0].read_bytes(), usedforsecurity=False).hexdigest()
    assert f"file {files[1]}: found md5 " in refused(genome, files, "fastq", md5=[good, "0" * 32])
    assert "found 1 md5 for 2 files" in refused(genome, files, "fastq", md5=[good])


# --- BAM and CRAM


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, genome: Path) -> str:
    """Sorted alignments of all pairs, as SAM text."""
    folder = tmp_path_factory.mktemp("whole")
    files = reads.write_lane(folder, PAIRS)
    command = [*find_tool("bwa", "embedded").command, "--sample", "S1", "--genome", genome, "--raw", *files]
    sort = SAMTOOLS("sort", "--no-PG", "-O", "sam", "-T", folder / "s", "-")
    return pipe(command, sort, what="t").decode()


def alignment(genome: Path, content: str, target: Path) -> Path:
    form = target.suffix[1:]
    source = target.with_suffix(".sam")
    source.write_text(content)
    reference = ["-T", genome] if form == "cram" else []
    pipe(SAMTOOLS("view", "--no-PG", "-O", form, *reference, "-o", target, source), what="t")
    return target


@pytest.mark.parametrize("form", ["bam", "cram"])
def test_good_alignments_are_counted(genome: Path, tmp_path: Path, whole: str, form: str, tools: str) -> None:
    found = admitted(genome, alignment(genome, whole, tmp_path / f"a.{form}"), form, samtools=tools)
    assert (found["status"], found["reason"]) == ("accepted", "")
    rows = [line.split("\t") for line in whole.splitlines() if line[0] != "@"]
    flags = np.array([int(row[1]) for row in rows])
    assert found["measures"] == {
        "records": len(rows),
        "primary": 2400,
        "mapped": int(((flags & 0x904) == 0).sum()),
        "duplicates": 0,
        "mates_missing": 0,
        "without_group": 0,
        "read_groups": {"S1.L1": len(rows)},
    }


def test_blocks_of_any_size_are_counted_alike(
    genome: Path, tmp_path: Path, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = alignment(genome, whole, tmp_path / "a.bam")
    first = admitted(genome, path, "bam")
    for size in (500, 7001):
        monkeypatch.setattr(lines, "BLOCK_BYTES", size)
        assert admitted(genome, path, "bam") == first


def swapped(content: str) -> str:
    rows = content.splitlines(keepends=True)
    rows[50], rows[900] = rows[900], rows[50]
    return "".join(rows)


def without_groups(content: str) -> str:
    return "".join(line for line in content.splitlines(keepends=True) if not line.startswith("@RG"))


def renamed(content: str) -> str:
    return re.sub(r"(\tSN:|\t)chr(?=[12M]\t)", r"\1", content)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swapped, "after one that lies behind it (not sorted); allowed: reads sorted by position: samtools sort"),
        (without_groups, "found no read group in its header (@RG); allowed: one or more"),
        (renamed, "found contig '1' where the genome has 'chr1'; allowed: the genome's names (align the reads"),
        (lambda text: text.replace("LN:6000", "LN:6001"), "found contig 'chr1' with a length of 6001; allowed: 6000"),
        (lambda text: text.replace("chr2", "scaffold"), "found contig 'scaffold'; allowed: contigs of the genome"),
        (lambda text: "".join(line for line in text.splitlines(keepends=True) if line[0] == "@"), "found no reads"),
        (lambda _: "@HD\tVN:1.6\n@RG\tID:x\n", "found no contig in its header (@SQ)"),
    ],
)  # fmt: skip
def test_bad_alignments_are_refused_by_name(
    genome: Path, tmp_path: Path, whole: str, *, change: Callable[[str], str], reason: str, tools: str
) -> None:
    path = alignment(genome, change(whole), tmp_path / "a.bam")
    found = refused(genome, path, "bam", samtools=tools)
    assert found.startswith(f"file {path}: ")
    assert reason in found


def test_contigs_that_no_read_uses_may_differ(genome: Path, tmp_path: Path, whole: str) -> None:
    changed = whole.replace("@SQ\tSN:chr1", "@SQ\tSN:decoy\tLN:77\n@SQ\tSN:chr1")
    assert admitted(genome, alignment(genome, changed, tmp_path / "a.bam"), "bam")["status"] == "accepted"


def test_a_cram_of_another_reference_is_refused(
    genome: Path, tmp_path: Path, whole: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = reads.make_reference(tmp_path_factory.mktemp("other"), reads.genome(seed=77))
    path = alignment(genome, whole, tmp_path / "a.cram")
    found = refused(other, path, "cram")
    assert found.startswith(f"file {path}: found contig 'chr1' with the MD5 ")
    assert "as the study's genome has: reads aligned to it" in found


def test_a_cram_whose_header_lies_is_refused_by_its_content(
    genome: Path, tmp_path: Path, whole: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = reads.make_reference(tmp_path_factory.mktemp("other"), reads.genome(seed=77))
    path = alignment(genome, whole, tmp_path / "a.cram")
    top = tmp_path / "top.sam"
    told = {line.split("\t")[1]: line for line in other.with_suffix(".dict").read_text().splitlines()[1:]}
    rows = whole[: whole.index("\nr")].splitlines()
    top.write_text("".join(f"{told.get(row.split(chr(9))[1], row)}\n" for row in rows if row.startswith("@")))
    changed = tmp_path / "b.cram"
    pipe(SAMTOOLS("reheader", "--no-PG", top, path), what="t", stdout=changed)
    assert "found what samtools cannot read to its end" in refused(other, changed, "cram")


def blocks_of(content: bytes) -> list[bytes]:
    """The BGZF blocks of a file."""
    found, at = [], 0
    while at < len(content):
        (size,) = struct.unpack("<H", content[at + 16 : at + 18])
        found.append(content[at : at + size + 1])
        at += size + 1
    return found


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_a_bam_cut_at_a_block_with_a_new_end_is_refused(
    genome: Path, tmp_path: Path, whole: str, part: float
) -> None:
    path = alignment(genome, whole, tmp_path / "a.bam")
    blocks = blocks_of(path.read_bytes())
    assert len(blocks) > 5
    path.write_bytes(b"".join([*blocks[: int(part * len(blocks))], blocks[-1]]))
    pipe(SAMTOOLS("quickcheck", path), what="samtools sees no fault")
    found = refused(genome, path, "bam")
    assert "with the mates missing that should come next (cut); allowed: all of the file" in found
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    assert admitted(genome, path, "bam", md5=[md5])["status"] == "accepted"  # the sender says that it is all


@pytest.mark.parametrize("form", ["bam", "cram"])
def test_every_cut_of_a_file_is_refused(genome: Path, tmp_path: Path, whole: str, form: str) -> None:
    path = alignment(genome, whole, tmp_path / f"a.{form}")
    content = path.read_bytes()
    for step in range(1, 12):
        path.write_bytes(content[: len(content) * step // 12])
        assert "found " in refused(genome, path, form)
    path.write_bytes(b"")
    assert "found no " in refused(genome, path, form)


def test_a_changed_bit_is_found(genome: Path, tmp_path: Path, whole: str, tools: str) -> None:
    path = alignment(genome, whole, tmp_path / "a.bam")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    assert "found what samtools cannot read to its end" in refused(genome, path, "bam", samtools=tools)


def test_another_kind_of_file_is_refused(genome: Path, tmp_path: Path, whole: str) -> None:
    (tmp_path / "a.bam").write_text(whole)
    assert "found no BAM file" in refused(genome, tmp_path / "a.bam", "bam")
    assert "found no CRAM file" in refused(genome, tmp_path / "a.bam", "cram")


def test_an_index_tells_a_cut_file_and_an_extract_apart(
    genome: Path, tmp_path: Path, whole: str, tools: str
) -> None:
    full = alignment(genome, whole, tmp_path / "full.bam")
    pipe(SAMTOOLS("index", full), what="t")
    part = tmp_path / "part.bam"
    pipe(SAMTOOLS("view", "-b", "--no-PG", "-o", part, full, "chr1:1-3000"), what="t")
    assert "(cut)" in refused(genome, part, "bam", samtools=tools)
    pipe(SAMTOOLS("index", part), what="t")
    found = admitted(genome, part, "bam", samtools=tools)
    assert (found["status"], found["measures"]["mates_missing"] > 10) == ("accepted", True)
    Path(f"{part}.bai").write_bytes(Path(f"{full}.bai").read_bytes())
    assert "reads on contigs where the index beside it counts" in refused(genome, part, "bam", samtools=tools)


def test_an_extract_from_the_middle_needs_no_index(genome: Path, tmp_path: Path, whole: str) -> None:
    full = alignment(genome, whole, tmp_path / "full.bam")
    pipe(SAMTOOLS("index", full), what="t")
    part = tmp_path / "part.bam"
    pipe(SAMTOOLS("view", "-b", "--no-PG", "-o", part, full, "chr1:2000-3500"), what="t")
    assert admitted(genome, part, "bam")["status"] == "accepted"


def test_names_of_read_groups_stay_outside(genome: Path, tmp_path: Path, whole: str) -> None:
    changed = whole.replace("@RG\tID:S1.L1\tSM:S1", "@RG\tID:Erika.2\tSM:Erika\n@RG\tID:Erika\tSM:Erika")
    changed = changed.replace("RG:Z:S1.L1", "RG:Z:Erika")
    path = alignment(genome, changed, tmp_path / "a.bam")
    found = admitted(genome, path, "bam")
    assert found["measures"]["read_groups"] == {"S1.L1": 0, "S1.L2": found["measures"]["records"]}
    assert "Erika" not in path.with_name("raw.receipt.json").read_text()


# --- VCF and gVCF


def record(
    contig: str, position: int, alt: str = "", *, rest: str = "GT\t0/1", ref: str = "", info: str = "."
) -> str:
    base = ref or GENOME.get(contig, "A" * 10**4)[position - 1]
    alt = alt or ("A" if base != "A" else "C")
    return f"{contig}\t{position}\t.\t{base}\t{alt}\t50\tPASS\t{info}\t{rest}\n"


def vcf(path: Path, records: list[str], samples: str = "NA1", contigs: str = "", formats: str = "GT") -> Path:
    top = '##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description="p">\n'
    top += '##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n'
    top += contigs or "".join(f"##contig=<ID={name},length={len(s)}>\n" for name, s in GENOME.items())
    top += f'##FORMAT=<ID={formats},Number=1,Type=String,Description="g">\n'
    text = f"{top}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{samples}\n" + "".join(records)
    if path.suffix == ".gz":
        pipe(BCFTOOLS("view", "-Oz", "--no-version", "-o", path, "-"), what="t", stdin=_text(path, text))
    else:
        path.write_text(text)
    return path


def _text(path: Path, text: str) -> Path:
    source = path.with_suffix(".txt")
    source.write_text(text)
    return source


ALL = [record("chr1", i) for i in range(5, 6000, 40)] + [record("chr2", i) for i in range(9, 3000, 40)]


@pytest.mark.parametrize("name", ["a.vcf", "a.vcf.gz"])
def test_good_genotypes_are_counted(genome: Path, tmp_path: Path, name: str, tools: str) -> None:
    rows = [*ALL, record("chrM", 5, rest="GT\t./.")]
    found = admitted(genome, vcf(tmp_path / name, rows), "vcf", bcftools=tools)
    assert (found["status"], found["reason"]) == ("accepted", "")
    assert found["measures"] == {"records": len(rows), "blocks": 0, "called": len(ALL)}


@pytest.mark.parametrize("alt", [".", "<NON_REF>", "<*>"])
def test_reference_blocks_are_counted(genome: Path, tmp_path: Path, alt: str, tools: str) -> None:
    rows = [record("chr1", i, alt, rest="GT\t0/0", info=f"END={i + 99}") for i in range(1, 5900, 100)]
    path = vcf(
        tmp_path / "a.vcf",
        [*rows, record("chr2", 7, "A,<NON_REF>" if GENOME["chr2"][6] != "A" else "C,<NON_REF>")],
    )
    assert admitted(genome, path, "gvcf", bcftools=tools)["measures"] == {
        "records": 60,
        "blocks": 59,
        "called": 60,
    }


WRONG = "A" if GENOME["chrM"][6] != "A" else "G"


def named(contig: str) -> dict[str, str]:
    """A header with one contig."""
    return {"contigs": f"##contig=<ID={contig}>\n"}


@pytest.mark.parametrize(
    ("records", "flags", "reason"),
    [
        ([record("1", 5)], named("1"), "contig '1' where the genome has 'chr1'; allowed: the genome's names (rename"),
        ([record("chr7", 5)], named("chr7"), "contig 'chr7'; allowed: contigs of the genome (chr1, chr2, chrM)"),
        ([record("chr2", 4000, ref="A")], named("chr2"), "position 4000 on contig 'chr2'; allowed: 1 to 3000"),
        ([*ALL, record("chrM", 7, ref=WRONG, alt="N")], {}, f"the reference allele {WRONG!r} at chrM:7, where"),
        ([record("chr1", 9, ref=f"{GENOME['chr1'][8:12]}NN", alt="T")], {}, "the reference allele"),
        ([record("chr1", 9)], named("chr1,length=7000"), "contig 'chr1' of 7000 bases; allowed: 6000"),
        ([record("chr1", 9), record("chr1", 5)], {}, "a record at chr1:5 that is out of order; allowed: sorted"),
        ([record(f"chr{c}", p) for c, p in ((1, 9), (2, 5), (1, 20))], {}, "a record at chr1:20 that is out of"),
        ([], {}, "no records"),
        ([record("chr1", 9, rest="GT\t./.")], {}, "no genotype in 1 records"),
        ([record("chr1", 9, rest="XX\t1")], {"formats": "XX"}, "no genotypes (FORMAT/GT)"),
        ([record("chr1", 9, rest="GT\t0/1\t0/1")], {"samples": "NA1\tErika"}, "2 sample columns; allowed: one, or"),
    ],
)  # fmt: skip
def test_bad_genotypes_are_refused_by_name(
    genome: Path, tmp_path: Path, *, records: list[str], flags: dict[str, str], reason: str, tools: str
) -> None:
    path = vcf(tmp_path / "a.vcf", records, **flags)
    found = refused(genome, path, "vcf", bcftools=tools)
    assert found.startswith(f"file {path}: found {reason}")
    assert "Erika" not in found


def test_a_column_of_many_is_taken_by_its_name(genome: Path, tmp_path: Path, tools: str) -> None:
    path = vcf(tmp_path / "a.vcf", [record("chr1", 9, rest="GT\t0/1\t./.")], "NA1\tNA2")
    assert admitted(genome, path, "vcf", column="NA1", bcftools=tools)["measures"]["called"] == 1
    assert "found no genotype in 1 records" in refused(genome, path, "vcf", column="NA2", bcftools=tools)
    assert "found no sample column 'NA3' among 2" in refused(
        genome, path, "vcf", column="NA3", bcftools=tools
    )


def test_a_gvcf_without_blocks_is_refused(genome: Path, tmp_path: Path) -> None:
    assert "found no reference blocks; allowed: a gVCF" in refused(
        genome, vcf(tmp_path / "a.vcf", ALL), "gvcf"
    )


def test_every_cut_of_a_vcf_is_refused(genome: Path, tmp_path: Path) -> None:
    path = vcf(tmp_path / "a.vcf.gz", ALL)
    content = path.read_bytes()
    for part in range(1, 8):
        path.write_bytes(content[: len(content) * part // 8])
        assert "found " in refused(genome, path, "vcf")
    plain = vcf(tmp_path / "a.vcf", ALL)
    plain.write_text(plain.read_text()[:-3])
    assert "found an end in the middle of a line (cut)" in refused(genome, plain, "vcf")
    plain.write_text("hello\n")
    assert "found no VCF file" in refused(genome, plain, "vcf")


def test_a_vcf_that_stops_in_the_middle_of_the_genome_is_refused(genome: Path, tmp_path: Path) -> None:
    rows = [record("chr1", i) for i in range(5, 6000, 10)] + [record("chr2", 9)]
    path = vcf(tmp_path / "a.vcf.gz", rows)
    found = refused(genome, path, "vcf")
    assert (
        "found an end at chr2:9, with no record on the large part of the genome that comes next (cut)"
        in found
    )
    pipe(BCFTOOLS("index", path), what="t")
    assert admitted(genome, path, "vcf")["status"] == "accepted"
    kept = Path(f"{path}.csi").read_bytes()
    vcf(path, rows[:300])
    Path(f"{path}.csi").write_bytes(kept)
    assert "found 300 records where the index beside it counts 601 (cut" in refused(genome, path, "vcf")


def test_a_vcf_of_one_contig_may_be_all_there_is(genome: Path, tmp_path: Path) -> None:
    path = vcf(tmp_path / "a.vcf", [record("chr1", i) for i in range(5, 3000, 10)])
    assert admitted(genome, path, "vcf")["status"] == "accepted"


def test_a_header_without_the_contigs_that_are_used_is_no_fault(
    genome: Path, tmp_path: Path, tools: str
) -> None:
    path = vcf(tmp_path / "a.vcf", ALL, contigs="##contig=<ID=GL0,length=9>\n")
    assert admitted(genome, path, "vcf", bcftools=tools)["status"] == "accepted"


# --- real data


@pytest.mark.parametrize(
    ("name", "form", "fasta"),
    [
        ("na12878_chr22_tiny/NA12878.chr22.tiny.bam", "bam", "na12878_chr22_tiny/q.fa"),
        ("na12878_chr22_tiny/NA12878.chr22.tiny.giab.vcf", "vcf", "na12878_chr22_tiny/q.fa"),
        ("na12878_chr22_tiny/NA12878.chr22.tiny.vcf", "vcf", "na12878_chr22_tiny/q.fa"),
        ("na12878_chrM/NA12878_chrM_200-200.bam", "bam", "na12878_chrM/chrM_hg19.fa"),
        ("na12878_chrM/expected_genome.vcf.gz", "gvcf", "na12878_chrM/chrM_hg19.fa"),
        ("na1289x_chr20_pair/NA12891_demo20.bam", "bam", "na1289x_chr20_pair/demo20.fa"),
        ("na1289x_chr20_pair/NA12892_demo20.bam", "bam", "na1289x_chr20_pair/demo20.fa"),
        ("hg001xx_chr17_trio/mpileup.1.bam", "bam", "hg001xx_chr17_trio/mpileup.ref.fa"),
        ("hg001xx_chr17_trio/mpileup.2.bam", "bam", "hg001xx_chr17_trio/mpileup.ref.fa"),
        ("hg001xx_chr17_trio/mpileup.3.bam", "bam", "hg001xx_chr17_trio/mpileup.ref.fa"),
    ],
)
def test_real_files_are_accepted(tmp_path: Path, name: str, form: str, fasta: str, tools: str) -> None:
    genome = reads.make_reference(tmp_path, GENOME, fasta=real_data(f"variants/{fasta}"))
    receipt = tmp_path / "raw.receipt.json"
    flags: dict[str, Any] = {"receipt": receipt, "samtools": tools, "bcftools": tools}
    found = admitted(genome, real_data(f"variants/{name}"), form, **flags)
    assert (found["status"], found["reason"]) == ("accepted", "")


def test_real_reads_are_accepted(tmp_path: Path) -> None:
    files = [real_data(f"variants/na12878_chr22_tiny/R{mate}.fastq.gz") for mate in (1, 2)]
    genome = reads.make_reference(tmp_path, GENOME)
    found = admitted(genome, files, "fastq", receipt=tmp_path / "raw.receipt.json")
    assert found["status"] == "accepted"
    assert found["measures"]["lanes"][0]["mate1"]["reads"] == 1633


def test_the_equal_sign_stands_for_the_own_contig() -> None:
    assert lines.text_hashes("=", "x")[0] == alignments.EQUALS
    assert bwa.BATCH_BASES == 10_000_000
