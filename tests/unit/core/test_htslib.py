"""The wheel's samtools and bcftools behave as the programs do: output, status, and words."""

import subprocess
import sys
from pathlib import Path

import pytest

SAM = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:c1\tLN:100\nr1\t0\tc1\t5\t60\t4M\t*\t0\t0\tACGT\tIIII\n"
VCF = (
    '##fileformat=VCFv4.2\n##contig=<ID=c1,length=100>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\nc1\t5\t.\tA\tC\t.\t.\t.\tGT\t0/1\t1/1\n"
)


def called(*arguments: str | Path, text: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "scleromyomics.core.htslib", *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    (tmp_path / "a.sam").write_text(SAM)
    return tmp_path / "a.sam"


@pytest.fixture
def vcf(tmp_path: Path) -> Path:
    (tmp_path / "a.vcf").write_text(VCF)
    return tmp_path / "a.vcf"


def test_alignments_go_through_pipes() -> None:
    assert called("samtools", "view", "--no-PG", "-h", "-", text=SAM)[:2] == (0, SAM)
    assert called("samtools", "sort", "--no-PG", "-O", "sam", "-", text=SAM)[:2] == (0, SAM)


def test_numbers_and_tables_are_printed(sam: Path, vcf: Path, tmp_path: Path) -> None:
    assert called("samtools", "view", "-c", sam)[1] == "1\n"
    assert called("samtools", "flagstat", sam)[1].startswith("1 + 0 in total")
    assert (
        "c1\t100" in called("samtools", "stats", sam)[1]
        or "raw total sequences" in called("samtools", "stats", sam)[1]
    )
    (tmp_path / "g.fa").write_text(">c1\nACGT\n")
    assert "M5:f1f8f4bf413b16ad135722aa4591043e" in called("samtools", "dict", tmp_path / "g.fa")[1]
    assert "number of records:\t1" in called("bcftools", "stats", vcf)[1]


def test_tables_of_genotypes_are_printed(vcf: Path) -> None:
    assert called("bcftools", "query", "-f", r"%POS[\t%GT]\n", vcf)[1] == "5\t0/1\t1/1\n"
    assert called("bcftools", "query", "-f", r"%POS\n", "-", text=VCF)[1] == "5\n"
    assert called("bcftools", "query", "-l", vcf)[1] == "S1\nS2\n"


def test_records_of_an_index_are_counted(vcf: Path, tmp_path: Path) -> None:
    bcf = tmp_path / "a.bcf"
    assert called("bcftools", "view", "-Ob", "-o", bcf, vcf)[0] == 0
    assert called("bcftools", "index", bcf)[0] == 0
    assert called("bcftools", "index", "--nrecords", bcf)[1] == "1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("samtools", "view", "absent.bam"),
        ("samtools", "sort", "absent.bam"),
        ("bcftools", "view", "absent.vcf"),
        ("bcftools", "query", "-l", "absent.vcf"),
        ("bcftools", "query", "-f", "%POS", "absent.vcf"),
    ],
)
def test_a_failure_has_a_status_and_words(arguments: tuple[str, ...]) -> None:
    status, printed, words = called(*arguments)
    assert status not in {0, None}
    assert printed == ""
    assert "absent" in words
