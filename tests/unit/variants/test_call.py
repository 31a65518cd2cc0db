"""A sample is called alone from what was admitted, with the programs of its freeze; consequences are its own."""

import json
from pathlib import Path

import pytest
from called import (
    TOOLS,
    Haplotype,
    Reference,
    Sample,
    make_calls,
    other,
    paired_reads,
    rows,
    sequence,
    variants,
    write_admission,
    write_cram,
    write_reference,
)
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256
from scleromyomics.core.tools import find_tool, pipe

CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT" if a + b + c not in {"TAA", "TAG", "TGA"}]
PROTEIN = "ATG" + "".join(CODONS[(7 * number) % len(CODONS)] for number in range(98)) + "TAA"
SEQUENCE = (
    sequence(900, 1) + "G" + PROTEIN[:150] + "GT" + sequence(96, 2) + "AG" + PROTEIN[150:] + sequence(900, 3)
)
START = 902  # of the first codon, from 1
GENES = "\n".join(
    [
        "##gff-version 3",
        f"chr1\t.\tgene\t{START}\t{START + 399}\t.\t+\t.\tID=gene:G1;Name=GENE1;biotype=protein_coding",
        f"chr1\t.\tmRNA\t{START}\t{START + 399}\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=protein_coding",
        *(
            f"chr1\t.\t{kind}\t{first}\t{last}\t.\t+\t{phase}\t{about}Parent=transcript:T1"
            for first, last in ((START, START + 149), (START + 250, START + 399))
            for kind, phase, about in (("exon", ".", ""), ("CDS", "0", "ID=CDS:P1;"))
        ),
        "",
    ]
)


def change(pos: int) -> tuple[int, str, str]:
    return pos, SEQUENCE[pos - 1], other(SEQUENCE[pos - 1])


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return write_reference(tmp_path_factory.mktemp("reference"), {"chr1": SEQUENCE}, genes=GENES)


@pytest.fixture(scope="module")
def cram(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two neighbours in one codon, one in another, one in the intron and one at its border."""
    carried = [
        change(START + 30),
        change(START + 31),
        change(START + 61),
        change(START + 200),
        change(START + 150),
    ]
    haplotypes = [Haplotype.of(SEQUENCE, []), Haplotype.of(SEQUENCE, carried)]
    folder = tmp_path_factory.mktemp("reads")
    return write_cram(folder / "aligned.cram", reference, "s1", paired_reads("r", "chr1", haplotypes, 40))


@pytest.mark.parametrize("tool", TOOLS)
def test_consequences_are_those_of_the_sample_s_haplotypes(
    tmp_path: Path, reference: Reference, cram: Path, tool: str
) -> None:
    made = make_calls(tmp_path, reference, cram, bcftools=tool)
    found = {
        int(pos): text.split("|")[0] for pos, text in rows(made.calls, "%POS %INFO/BCSQ", only="N_ALT=1")
    }
    assert found.keys() == {START + offset for offset in (30, 31, 61, 150, 200)}
    assert found[START + 31] == f"@{START + 30}"  # told together with its neighbour in the codon
    assert found[START + 150] == "splice_donor"
    assert found[START + 200] == "intron"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_variant_that_fails_a_filter_takes_no_part_in_its_neighbours_consequence(
    tmp_path: Path, reference: Reference, cram: Path, tool: str
) -> None:
    made = make_calls(tmp_path, reference, cram, bcftools=tool, filters=[f"mine=POS={START + 30}"])
    found = dict(rows(made.calls, "%POS %INFO/BCSQ", only="N_ALT=1"))
    assert found[str(START + 30)] == "."
    assert found[str(START + 31)].split("|")[1:3] == ["GENE1", "T1"]


@pytest.mark.parametrize("tool", TOOLS)
def test_without_genes_there_are_no_consequences(tmp_path: Path, cram: Path, tool: str) -> None:
    reference = write_reference(tmp_path / "reference", {"chr1": SEQUENCE})
    made = make_calls(tmp_path / "calls", reference, cram, bcftools=tool)
    assert len(variants(made.calls)) == 5
    with pytest.raises(InputError, match="BCSQ"):
        rows(made.calls, "%INFO/BCSQ")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_refused_sample_gets_files_without_records(
    tmp_path: Path, reference: Reference, cram: Path, tool: str
) -> None:
    admission = write_admission(tmp_path / "raw.json", reason="file x: found nothing; allowed: reads")
    made = make_calls(tmp_path / "calls", reference, cram, bcftools=tool, admission=admission)
    assert rows(made.calls, "%POS") == rows(made.candidates, "%POS") == []
    assert made.receipt()["held"] == "file x: found nothing; allowed: reads"
    assert {path.name for path in made.folder.iterdir()} == {
        *("calls.bcf", "calls.bcf.csi", "candidates.bcf", "candidates.bcf.csi", "calls.receipt.json")
    }


def test_the_receipt_tells_what_was_made_by_what(tmp_path: Path, reference: Reference, cram: Path) -> None:
    made = make_calls(tmp_path, reference, cram, bcftools="embedded")
    receipt = made.receipt()
    assert receipt["sha256"] == {"calls": sha256(made.calls), "candidates": sha256(made.candidates)}
    assert receipt["records"]["passed"] == receipt["records"]["variants"] == 5
    assert "pysam" in receipt["tools"]["bcftools"]
    assert str(cram.parent) not in json.dumps(receipt)


def test_a_program_of_another_version_than_the_freeze_s_is_refused(tmp_path: Path, cram: Path) -> None:
    reference = write_reference(
        tmp_path / "reference", {"chr1": SEQUENCE}, tools={"bcftools": "bcftools 0.1"}
    )
    with pytest.raises(InputError, match=r"found bcftools .* allowed: bcftools 0.1"):
        make_calls(tmp_path / "calls", reference, cram, bcftools="embedded")
    assert not (tmp_path / "calls" / "calls.bcf").exists()


def test_a_raw_file_that_changed_since_its_admission_is_refused(tmp_path: Path, reference: Reference) -> None:
    raw = tmp_path / "raw.vcf"
    raw.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    admission = write_admission(tmp_path / "raw.json", raw)
    raw.write_text("##fileformat=VCFv4.2\n")
    with pytest.raises(InputError, match=r"sample s1, .*other content than was admitted"):
        make_calls(tmp_path / "calls", reference, raw, format="vcf", admission=admission)


def test_a_failing_program_leaves_nothing_half_written(
    tmp_path: Path, reference: Reference, cram: Path
) -> None:
    with pytest.raises(InputError, match="sample s1"):
        make_calls(tmp_path, reference, cram, bcftools="embedded", filters=["wrong=FMT/NOPE > 1"])
    assert {path.name for path in tmp_path.iterdir()} == {"raw.receipt.json"}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_mitochondrion_of_na12878_has_its_three_variants(tmp_path: Path, tool: str) -> None:
    folder = real_data("variants/na12878_chrM")
    made = called(folder / "chrM_hg19.fa", folder / "NA12878_chrM_200-200.bam", tmp_path, tool)
    published = rows(folder / "expected_genome.vcf.gz", "%CHROM %POS %REF %ALT", only="N_ALT=1")
    assert [row[:4] for row in variants(made.calls)] == published
    assert {tuple(row[4:]) for row in variants(made.calls)} == {("PASS", "1")}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_published_variants_of_na12878_are_found(tmp_path: Path, tool: str) -> None:
    folder = real_data("variants/na12878_chr22_tiny")
    made = called(folder / "q.fa", folder / "NA12878.chr22.tiny.bam", tmp_path, tool)
    lines = (folder / "NA12878.chr22.tiny.giab.vcf").read_text().splitlines()
    published = {tuple(line.split("\t")[at] for at in (0, 1, 3, 4)) for line in lines if line[0] != "#"}
    found = {tuple(row[:4]) for row in variants(made.calls) if row[4] == "PASS"}
    assert len(published) == 14
    assert found - published == {("q", "5638", "CAT", "C"), ("q", "9251", "GTTCT", "G")}  # freebayes has both
    assert published <= found


@pytest.mark.parametrize("tool", TOOLS)
def test_two_people_differ_where_they_were_published_to_differ(tmp_path: Path, tool: str) -> None:
    folder = real_data("variants/na1289x_chr20_pair")
    one, other_ = (
        called(folder / "demo20.fa", folder / f"{name}_demo20.bam", tmp_path / name, tool)
        for name in ("NA12891", "NA12892")
    )
    published = [
        tuple(row)
        for kind in ("snvs", "indels")
        for row in rows(folder / f"expected_somatic.{kind}.vcf.gz", "%POS %REF %ALT", only='FILTER="PASS"')
    ]
    passed = [{tuple(row[1:4]) for row in variants(made.calls) if row[4] == "PASS"} for made in (one, other_)]
    assert len(published) == 18
    assert passed[0] == set(published)
    assert passed[1] == {("1873", "C", "T")}  # published with low evidence: the other one carries it


@pytest.mark.parametrize("tool", TOOLS)
def test_single_samples_have_the_genotypes_of_a_joint_call(tmp_path: Path, tool: str) -> None:
    """Three shallow samples (5x to 13x); expected is what `bcftools call` makes of their published pileup."""
    folder = real_data("variants/hg001xx_chr17_trio")
    joint = {
        "HG00100": {302, 828, 834, 1869, 2041, 2220, 2564, 3587, 3936},
        "HG00101": {302, 828, 834, 2041, 2220, 2564, 3936},  # 1869 and 3587 show one read: undecided
        "HG00102": {302, 828, 834, 1665, 1869, 2041, 2220, 2564, 3104, 3587, 3936},
    }
    for number, (name, expected) in enumerate(joint.items(), start=1):
        made = called(folder / "mpileup.ref.fa", folder / f"mpileup.{number}.bam", tmp_path / name, tool)
        found = {int(row[1]): row for row in variants(made.calls)}
        assert found.keys() == expected
        assert {row[5] for row in found.values()} <= ({"1/1", "0/1"} if number == 3 else {"0/1"})
        if name == "HG00101":
            left_open = {pos for (pos,) in rows(made.calls, "%POS", only='FILTER="undecided"')}
            assert {"1869", "3587"} <= left_open


def called(fasta: Path, bam: Path, folder: Path, tool: str) -> Sample:
    """Calls from published alignments, as one sample."""
    sequences: dict[str, str] = {}
    for line in fasta.read_text().splitlines():
        if line.startswith(">"):
            name = line[1:].split()[0]
            sequences[name] = ""
        else:
            sequences[name] += line.upper()
    reference = write_reference(folder / "reference", sequences)
    text = pipe(find_tool("samtools", "embedded")("view", bam), what=str(bam)).decode()
    fields = [line.split("\t") for line in text.splitlines()]
    lines = ["\t".join([*(one for one in row if not one.startswith("RG:Z:")), "RG:Z:s1"]) for row in fields]
    cram = write_cram(folder / "aligned.cram", reference, "s1", lines)
    return make_calls(folder / "calls", reference, cram, bcftools=tool)
