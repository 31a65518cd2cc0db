"""The genome of a freeze is the user's, whole and checked; files of another genome are refused with a way out."""

import gzip
import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import reads
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.variants import reference
from scleromyomics.variants.contigs import pieces, renamed

GENOME = reads.genome()
GENE = "chr1\t.\t{kind}\t{start}\t{end}\t.\t+\t.\t{rest}\n"
GFF3 = "##gff-version 3\n#!genome-build x\n" + "".join(
    GENE.format(kind=kind, start=start, end=end, rest=rest)
    for kind, start, end, rest in (
        ("gene", 101, 900, "ID=gene:G1;Name=A;biotype=protein_coding"),
        ("mRNA", 101, 900, "ID=transcript:T1;Parent=gene:G1;biotype=protein_coding"),
        ("CDS", 101, 900, "ID=CDS:P1;Parent=transcript:T1"),
    )
) + "###\n"  # fmt: skip


def made(folder: Path, **flags: Any) -> Path:
    return reads.make_reference(folder, GENOME, **flags)


def contents(genome: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(genome.parent.iterdir())}


def sites(path: Path, rows: list[str], contigs: str = "##contig=<ID=chr1,length=6000>\n") -> Path:
    top = '##fileformat=VCFv4.2\n##INFO=<ID=AF,Number=A,Type=Float,Description="f">\n'
    path.write_text(
        top
        + contigs
        + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + "".join(f"{row}\n" for row in rows)
    )
    return path


def site(position: int, alt: str = "", af: str = "0.2", contig: str = "chr1", ref: str = "") -> str:
    ref = ref or GENOME["chr1"][position - 1]
    alt = alt or ("A" if ref != "A" else "C")
    return f"{contig}\t{position}\trs{position}\t{ref}\t{alt}\t.\tPASS\tAF={af}"


@pytest.mark.parametrize("tools", reads.TOOLS)
def test_sequence_lists_and_index_are_those_of_the_programs(tmp_path: Path, tools: str) -> None:
    genome = made(tmp_path, tools=tools)
    letters = "".join(line for line in genome.read_text().splitlines() if not line.startswith(">"))
    assert letters == "".join(GENOME.values())
    samtools = find_tool("samtools", tools)
    copy = shutil.copy(genome, tmp_path / "copy.fa")
    pipe(samtools("faidx", copy), what="t")
    assert (tmp_path / "copy.fa.fai").read_text() == genome.with_name("genome.fa.fai").read_text()
    told = pipe(samtools("dict", copy), what="t").decode().splitlines()[1:]
    own = genome.with_suffix(".dict").read_text().splitlines()
    assert [line.split("\tUR:")[0] for line in told] == own[1:]
    assert own[0] == "@HD\tVN:1.6\tSO:unsorted"
    if shutil.which("bwa"):
        pipe(["bwa", "index", copy], what="t")
        for suffix in (".amb", ".ann", ".bwt", ".pac", ".sa"):
            assert (tmp_path / f"copy.fa{suffix}").read_bytes() == genome.with_name(
                f"genome.fa{suffix}"
            ).read_bytes()


def test_the_receipt_tells_contigs_regions_tools_and_digests(tmp_path: Path) -> None:
    genome = made(tmp_path, pseudoautosomal=["chr2:1-50"], x="chr2", y="chrY")
    found = read_json(genome.with_name("receipt.json"))
    assert found["contigs"] == reads.CONTIGS
    assert found["order"] == list(reads.CONTIGS)
    assert found["m5"]["chrM"] == hashlib.md5(GENOME["chrM"].encode(), usedforsecurity=False).hexdigest()
    assert found["regions"][:4] == ["chr1:1-2000", "chr1:2001-4000", "chr1:4001-6000", "chr2:1-1500"]
    assert set(found["tools"]) == {"bwa", "samtools", "bcftools"}
    assert found["inputs"] == {"fasta": sha256(tmp_path / "source.fa")}
    assert (found["x"], found["y"], found["mitochondrion"]) == ("chr2", "chrY", "chrM")
    assert found["pseudoautosomal"] == ["chr2:1-50"]
    assert all(sha256(genome.with_name(name)) == digest for name, digest in found["outputs"].items())


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip", "windows", "lower", "one line", "no last end"])
def test_however_the_fasta_is_written_the_genome_is_the_same(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pysam

    first = contents(made(tmp_path / "a"))
    monkeypatch.setattr(reference, "BLOCK_BYTES", 61)
    other = reads.write_fasta(tmp_path / "other.fa", GENOME, width=10_000 if kind == "one line" else 50)
    text = other.read_text()
    changed = {
        "windows": text.replace("\n", "\r\n"),
        "lower": "".join(line if line[0] == ">" else line.lower() for line in text.splitlines(keepends=True)),
        "no last end": text.rstrip("\n"),
    }.get(kind, text)
    other.write_text(changed, newline="")
    if kind == "gzip":
        other.write_bytes(gzip.compress(changed.encode()))
    if kind == "bgzip":
        with pysam.BGZFile(str(other), "wb") as out:
            out.write(changed.encode())
    second = contents(made(tmp_path / "b", fasta=other))
    assert {k: v for k, v in first.items() if k != "receipt.json"} == {
        k: v for k, v in second.items() if k != "receipt.json"
    }


def test_bytes_depend_neither_on_place_nor_on_time(tmp_path: Path) -> None:
    (tmp_path / "g.gff3").write_text(GFF3)
    common = sites(tmp_path / "c.vcf", [site(100), site(200)])
    flags = {"gff3": tmp_path / "g.gff3", "common": common}
    first = contents(made(tmp_path / "a", **flags))
    (tmp_path / "z").mkdir()
    moved = {
        role: Path(shutil.copy(path, tmp_path / "z" / f"other_{path.name}")) for role, path in flags.items()
    }
    assert contents(made(tmp_path / "z" / "deeper", **moved)) == first
    assert str(tmp_path).encode() not in b"".join(first.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "found no contig; allowed: a FASTA"),
        ("ACGT\n", "found 'A' at the start; allowed: a FASTA, which starts with >"),
        (">a\nACGT\n>a\nAC\n", "found contig 'a' twice"),
        (">a\n>b\nAC\n", "found contig 'a' without a sequence"),
        (">a\nAC\n>b\n", "found contig 'b' without a sequence"),
        (">a\nACGU\n", "found the letter 'U' in contig 'a'; allowed: ACGTN, and IUPAC codes"),
        (">a\nAC-T\n", "found the letter '-' in contig 'a'"),
        (">a\nAC GT\n", "found the letter ' ' in contig 'a'"),
        ("> a\nACGT\n", "found a contig named ''; allowed: a name after >"),
        (">a,b\nACGT\n", "found a contig named 'a,b'"),
    ],
)
def test_what_is_no_genome_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "bad.fa").write_text(text)
    with pytest.raises(InputError) as caught:
        made(tmp_path, fasta=tmp_path / "bad.fa")
    assert str(caught.value).startswith(f"file {tmp_path / 'bad.fa'}: {reason}")
    assert list((tmp_path / "reference").iterdir()) == []


def test_iupac_codes_stay(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(">a\nacgtnRYSWKMBDHV\n")
    assert made(tmp_path, fasta=tmp_path / "g.fa").read_text() == ">a\nACGTNRYSWKMBDHV\n"


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "g.fa.gz"
    packed.write_bytes(gzip.compress(reads.write_fasta(tmp_path / "g.fa", GENOME).read_bytes())[:-500])
    with pytest.raises(InputError, match=r"g\.fa\.gz: found a damaged gzip file"):
        made(tmp_path, fasta=packed)


def test_a_file_with_another_digest_or_none_is_refused(tmp_path: Path) -> None:
    fasta = reads.write_fasta(tmp_path / "g.fa", GENOME)
    made(tmp_path, fasta=fasta, digests=[f"{fasta}={sha256(fasta)}"])
    with pytest.raises(InputError, match=r"found sha256 .*; allowed: 00, as variants.reference.sha256 says"):
        made(tmp_path, fasta=fasta, digests=[f"{fasta}=00"])
    with pytest.raises(InputError, match=r"found no file .*absent\.fa"):
        made(tmp_path, fasta=tmp_path / "absent.fa")


def test_genes_are_copied_when_they_fit(tmp_path: Path) -> None:
    (tmp_path / "g.gff3").write_text(GFF3)
    genome = made(tmp_path, gff3=tmp_path / "g.gff3")
    assert gzip.decompress(genome.with_name("genes.gff3.gz").read_bytes()).decode() == GFF3
    assert not made(tmp_path).with_name("genes.gff3.gz").exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "chr1\t",
            "1\t",
            "found contig '1' where the genome has 'chr1'; allowed: the genome's names (rename",
        ),
        (
            "chr1\t",
            "scaffold_9\t",
            "found contig 'scaffold_9'; allowed: contigs of the genome (chr1, chr2, chrM)",
        ),
        ("900", "6001", "found position 6001 on contig 'chr1'; allowed: 1 to 6000, its length in the genome"),
        ("transcript:", "", "found no transcript (ID=transcript:...); allowed: a GFF3 in Ensembl's form"),
        ("\tCDS\t", " CDS ", "found a line of 7 fields; allowed: 9, between tabs"),
    ],
)
def test_genes_of_another_genome_or_form_are_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    (tmp_path / "g.gff3").write_text(GFF3.replace(old, new))
    with pytest.raises(InputError) as caught:
        made(tmp_path, gff3=tmp_path / "g.gff3")
    assert f"file {tmp_path / 'g.gff3'}: {reason}" in str(caught.value)
    assert list((tmp_path / "reference").iterdir()) == []


def test_further_scaffolds_of_a_gff3_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "g.gff3").write_text(GFF3 + GFF3.replace("chr1\t", "scaffold_9\t"))
    made(tmp_path, gff3=tmp_path / "g.gff3")


@pytest.mark.parametrize("tools", reads.TOOLS)
def test_common_sites_are_the_biallelic_snvs_with_a_frequency(tmp_path: Path, tools: str) -> None:
    rows = [
        site(100, af="0.25"),
        site(150, af="0"),
        site(160, af="1"),
        site(200, alt=f"{GENOME['chr1'][199]}T"),
        site(300, alt="A,C,G".replace(GENOME["chr1"][299], "T"), af="0.1,0.1,0.1"),
        site(400, af="."),
        site(500, af="0.5"),
        site(9, contig="HLA_9", ref="A"),
    ]
    common = sites(tmp_path / "c.vcf", rows, "##contig=<ID=chr1>\n##contig=<ID=HLA_9>\n")
    genome = made(tmp_path, tools=tools, common=common)
    bcftools = find_tool("bcftools", tools)
    table = genome.with_name("common.bcf")
    told = pipe(bcftools("query", "-f", r"%CHROM %POS %ID %REF %INFO/AF\n", table), what="t").decode()
    ref = GENOME["chr1"]
    assert told == f"chr1 100 . {ref[99]} 0.25\nchr1 500 . {ref[499]} 0.5\n"
    assert "source" not in pipe(bcftools("view", "-h", "--no-version", table), what="t").decode()
    assert genome.with_name("common.bcf.csi").exists()
    assert read_json(genome.with_name("receipt.json"))["common_sites"] == 2


@pytest.mark.parametrize(
    ("rows", "contigs", "reason"),
    [
        ([site(100, contig="1")], "##contig=<ID=1>\n", "names (rename with bcftools annotate --rename-chrs"),
        ([site(100, contig="1")], "", "found contig '1' where the genome has 'chr1'"),
        ([site(100, ref="A", alt="C")], "", "found the reference allele 'A' at chr1:100, where the genome has 'T'"),
        ([site(100, af="0")], "", "found no biallelic SNV with INFO/AF between 0 and 1"),
    ],
)  # fmt: skip
def test_common_sites_of_another_genome_are_refused(
    tmp_path: Path, rows: list[str], contigs: str, reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        made(tmp_path, common=sites(tmp_path / "c.vcf", rows, contigs))
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"file {tmp_path / 'c.vcf'}: ")


def test_annotations_are_checked_and_must_have_an_index(tmp_path: Path) -> None:
    bcftools = find_tool("bcftools", "embedded")
    good = tmp_path / "good.bcf"
    pipe(bcftools("view", "-Ob", "-o", good, sites(tmp_path / "c.vcf", [site(100)])), what="t")
    with pytest.raises(InputError, match=r"good\.bcf: found no index \(\.tbi, \.csi\) beside it; allowed: "):
        made(tmp_path, annotations=[f"gnomad={good}"])
    pipe(bcftools("index", good), what="t")
    genome = made(tmp_path, annotations=[f"gnomad={good}"])
    assert read_json(genome.with_name("receipt.json"))["inputs"]["gnomad"] == sha256(good)
    for contig, line, reason in (
        ("1", "##contig=<ID=1>\n", "found contig '1' where the genome has 'chr1'"),
        ("chr1", "##contig=<ID=chr1,length=7000>\n", "found contig 'chr1' of 7000 bases; allowed: 6000"),
    ):
        other = tmp_path / "other.bcf"
        rows = sites(tmp_path / "c.vcf", [site(100, contig=contig)], line)
        pipe(bcftools("view", "-Ob", "-o", other, rows), what="t")
        pipe(bcftools("index", "-f", other), what="t")
        with pytest.raises(InputError, match=rf"other\.bcf: {reason}"):
            made(tmp_path, annotations=[f"gnomad={good}", f"clinvar={other}"])


def test_settings_that_name_other_contigs_are_refused_each_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        made(tmp_path, x="1", y="chrY", mitochondrion="MT", pseudoautosomal=["chr2:1-9", "chrY:5-9", "1:0-9"])
    assert str(caught.value).splitlines() == [
        "variants.reference.x: found '1' where the genome has 'chr1'",
        "variants.reference.mitochondrion: found 'MT' where the genome has 'chrM'",
        "variants.reference.pseudoautosomal: found chr2:1-9; allowed: parts of 1 and chrY",
    ]
    with pytest.raises(InputError, match="found chr2:1-9000; allowed: within 1 to 3000"):
        made(tmp_path, x="chr2", pseudoautosomal=["chr2:1-9000"])


def test_pieces_cover_all_and_none_is_too_long() -> None:
    assert pieces({"a": 10, "b": 3, "HLA:1": 5}, 4) == [
        "a:1-3", "a:4-6", "a:7-10", "b:1-3", "HLA:1:1-2", "HLA:1:3-5",
    ]  # fmt: skip


def test_the_other_name_of_a_contig_is_known() -> None:
    assert renamed("1", ["chr1", "chr2"]) == "chr1"
    assert renamed("chrM", ["1", "MT"]) == "MT"
    assert renamed("MT", ["chr1", "chrM"]) == "chrM"
    assert renamed("x", ["chr1"]) == ""


def test_a_real_genome_keeps_its_digest(tmp_path: Path) -> None:
    fasta = real_data("variants/reference_chr20/chr20_10Mb.fa.gz")
    genome = made(tmp_path, fasta=fasta)
    told = read_json(genome.with_name("receipt.json"))
    letters = "".join(gzip.decompress(fasta.read_bytes()).decode().split("\n", 1)[1].split()).upper()
    (name,) = told["contigs"]
    assert told["m5"][name] == hashlib.md5(letters.encode(), usedforsecurity=False).hexdigest()
