"""Files of GATK, DeepVariant, bcftools and others become like our own calls, or are refused in one line."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from called import (
    TOOLS,
    Reference,
    Sample,
    blocks,
    make_calls,
    other,
    rows,
    sequence,
    variants,
    write_reference,
)
from data import real_data

from scleromyomics.core.errors import InputError

SEQUENCE = sequence(3000, 1)
CONTIGS = {"chr1": SEQUENCE, "chrX": sequence(1000, 2), "chrM": sequence(500, 3)}
TARGETS = [("chr1", 99, 2500), ("chrX", 0, 1000), ("chrM", 0, 500)]
FORMATS = {
    "GT": ("1", "String"),
    "AD": ("R", "Integer"),
    "DP": ("1", "Integer"),
    "GQ": ("1", "Integer"),
    "MIN_DP": ("1", "Integer"),
    "PGT": ("1", "String"),
    "PL": ("G", "Integer"),
    "SB": ("4", "Integer"),
    "VAF": ("A", "Float"),
    "RO": ("1", "Integer"),
    "AO": ("A", "Integer"),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return write_reference(tmp_path_factory.mktemp("reference"), CONTIGS, targets=TARGETS)


def base(pos: int, contig: str = "chr1") -> str:
    return CONTIGS[contig][pos - 1]


def alt(pos: int, contig: str = "chr1", step: int = 1) -> str:
    return other(base(pos, contig), step)


def write_vcf(
    path: Path,
    records: Sequence[str],
    *,
    formats: Sequence[str] = tuple(FORMATS),
    columns: Sequence[str] = ("donor",),
    contigs: Sequence[str] = tuple(f"{name},length={len(bases)}" for name, bases in CONTIGS.items()),
    numbers: dict[str, str] | None = None,
    more: Sequence[str] = (),
) -> Path:
    """A VCF of another program; records have blanks for tabs."""
    head = ["##fileformat=VCFv4.2", '##FILTER=<ID=LowQual,Description="low">', *more]
    head += [f"##contig=<ID={one}>" for one in contigs]
    head += [
        '##INFO=<ID=END,Number=1,Type=Integer,Description="e">',
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">',
    ]
    for name in formats:
        number, kind = FORMATS[name]
        head.append(
            f'##FORMAT=<ID={name},Number={(numbers or {}).get(name, number)},Type={kind},Description="x">'
        )
    head.append('##GATKCommandLine=<ID=HaplotypeCaller,CommandLine="--output /secret/path.g.vcf.gz">')
    head.append(
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *columns])
    )
    path.write_text("\n".join([*head, *("\t".join(record.split()) for record in records)]) + "\n")
    return path


def gatk(pos: int, ref: str, alleles: str, fields: str, *, contig: str = "chr1", status: str = ".") -> str:
    """A line of HaplotypeCaller's -ERC GVCF with phase set and strand counts."""
    return f"{contig} {pos} . {ref} {alleles},<NON_REF> 500.6 {status} DP=30 GT:AD:DP:GQ:PGT:PL:SB {fields}"


def block(first: int, last: int, dp: int, gq: int, *, contig: str = "chr1", genotype: str = "0/0") -> str:
    fields = f"{genotype}:{dp + 5}:{gq}:{dp}:0,{gq},900"
    return f"{contig} {first} . {base(first, contig)} <NON_REF> . . END={last} GT:DP:GQ:MIN_DP:PL {fields}"


def read(tmp_path: Path, reference: Reference, raw: Path, **options: object) -> Sample:
    return make_calls(tmp_path / "calls", reference, raw, **{"format": "gvcf", **options})


GATK = [
    block(1, 149, 25, 75),
    gatk(150, base(150), alt(150), "0/1:15,15,0:30:99:.:500,0,500,600,600,900:7,8,7,8"),
    block(151, 199, 25, 75),
    gatk(
        200,
        base(200),
        f"{alt(200)},{alt(200, step=2)}",
        f"1/2:0,14,16,0:30:99:.:{','.join('0' * 10)}:0,0,15,15",
    ),
    block(201, 209, 2, 5),
    gatk(210, SEQUENCE[209:212], base(210), "0|1:20,10,0:30:99:0|1:300,0,500,600,600,900:9,9,6,6"),
    gatk(212, base(212), f"{alt(212)},*", f"1/2:0,20,10,0:30:99:.:{','.join('0' * 10)}:0,0,15,15"),
    f"chr1 213 . {base(213)} <NON_REF> . . . GT:AD:DP:GQ:PL 0/0:30,0:30:90:0,90,900",
    f"chr1 214 . {base(214)} <NON_REF> . . . GT:AD:DP:GQ:PL 0/0:31,0:31:93:0,90,900",
    block(215, 239, 0, 0, genotype="./."),
    gatk(240, base(240), alt(240), "0/1:25,5,0:30:12:.:12,0,500,600,600,900:7,8,7,8", status="LowQual"),
    block(241, 2600, 25, 75),
    gatk(2601, base(2601), alt(2601), "0/1:15,15,0:30:99:.:500,0,500,600,600,900:7,8,7,8"),
]


@pytest.mark.parametrize("tool", TOOLS)
def test_lines_of_gatk_are_read_split_and_kept_within_targets(
    tmp_path: Path, reference: Reference, tool: str
) -> None:
    made = read(tmp_path, reference, write_vcf(tmp_path / "raw.g.vcf", GATK), bcftools=tool)
    cells = "%POS %REF %ALT %QUAL %FILTER [%GT %GQ %DP %AD]"
    assert rows(made.calls, cells, only="N_ALT=1") == [
        ["150", base(150), alt(150), "500.6", "PASS", "0/1", "99", "30", "15,15"],
        *sorted(
            [
                ["200", base(200), alt(200), "500.6", "PASS", "1/0", "99", "30", "0,14"],
                ["200", base(200), alt(200, step=2), "500.6", "PASS", "0/1", "99", "30", "0,16"],
            ],
            key=lambda row: row[2],
        ),
        ["210", SEQUENCE[209:212], base(210), "500.6", "PASS", "0|1", "99", "30", "20,10"],
        ["212", base(212), alt(212), "500.6", "PASS", "1/0", "99", "30", "0,20"],
        ["240", base(240), alt(240), "500.6", "LowQual;low_genotype_quality", "0/1", "12", "30", "25,5"],
    ]
    assert [row[1:] for row in blocks(made.calls)] == [
        ["100", "149", "0/0", "25", "75", "PASS"],
        ["151", "199", "0/0", "25", "75", "PASS"],
        ["201", "209", "0/0", "2", "5", "low_depth;low_genotype_quality"],
        ["213", "214", "0/0", "30", "90", "PASS"],
        ["241", "2500", "0/0", "25", "75", "PASS"],
    ]
    assert rows(made.candidates, "%POS") == []
    assert made.receipt()["filters_without_data"] == ["strand_bias"]


def test_the_header_is_ours_and_the_column_is_the_sample(tmp_path: Path, reference: Reference) -> None:
    import pysam

    made = read(tmp_path, reference, write_vcf(tmp_path / "raw.g.vcf", GATK))
    with pysam.VariantFile(made.calls) as file:
        text = str(file.header)
        assert list(file.header.samples) == ["s1"]
    assert "secret" not in text
    assert "NON_REF" not in text


@pytest.mark.parametrize("tool", TOOLS)
def test_genotypes_are_set_on_the_copies_of_the_sex(tmp_path: Path, reference: Reference, tool: str) -> None:
    def line(contig: str, pos: int, genotype: str) -> str:
        return gatk(
            pos,
            base(pos, contig),
            alt(pos, contig),
            f"{genotype}:9,9,0:18:99:.:0,0,0,0,0,0:1,1,1,1",
            contig=contig,
        )

    records = [
        line("chrX", 10, "1/1"),
        block(11, 19, 30, 90, contig="chrX"),
        line("chrX", 20, "0/1"),
        line("chrM", 30, "1"),
    ]
    raw = write_vcf(tmp_path / "raw.g.vcf", records)
    man = read(tmp_path / "man", reference, raw, sex="M", bcftools=tool)
    assert [(row[1], *row[4:]) for row in variants(man.calls)] == [
        ("10", "PASS", "1"),
        ("20", "heterozygous_single_copy", "."),
        ("30", "PASS", "1"),
    ]
    assert blocks(man.calls)[0][3] == "0"
    woman = read(tmp_path / "woman", reference, raw, sex="F", bcftools=tool)
    assert [(row[1], *row[4:]) for row in variants(woman.calls)] == [
        ("10", "PASS", "1/1"),
        ("20", "PASS", "0/1"),
        ("30", "PASS", "1"),
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_lines_of_deepvariant_are_read(tmp_path: Path, reference: Reference, tool: str) -> None:
    fields = "GT:GQ:DP:AD:VAF:PL"
    records = [
        f"chr1 120 . {base(120)} <*> 0 . END=149 GT:GQ:MIN_DP:PL 0/0:50:29:0,90,900",
        f"chr1 150 . {base(150)} {alt(150)},<*> 40 PASS . {fields} 0/1:40:30:15,15,0:0.5,0:40,0,50,90,90,90",
        f"chr1 151 . {base(151)} {alt(151)},<*> 0.1 RefCall . {fields} 0/0:21:30:26,4,0:0.1,0:0,20,50,90,90,90",
        f"chr1 152 . {base(152)} {alt(152)},<*> 0.1 RefCall . {fields} ./.:3:30:26,4,0:0.1,0:0,3,50,90,90,90",
        f"chr1 153 . {base(153)} {alt(153)},<*> 0.1 NoCall . {fields} ./.:3:30:26,4,0:0.1,0:0,3,50,90,90,90",
        f"chr1 154 . {base(154)} <*> 0 . END=160 GT:GQ:MIN_DP:PL ./.:0:29:0,0,0",
    ]
    filters = [f'##FILTER=<ID={name},Description="x">' for name in ("RefCall", "NoCall")]
    made = read(tmp_path, reference, write_vcf(tmp_path / "raw.g.vcf", records, more=filters), bcftools=tool)
    found = [(row[1], *row[4:]) for row in variants(made.calls)]
    assert found == [
        ("150", "PASS", "0/1"),
        ("151", "PASS", "0/0"),  # a low QUAL says that there is no variant
        ("152", "RefCall;low_genotype_quality", "./."),
        ("153", "NoCall;low_genotype_quality", "./."),
    ]
    assert [row[1:6] for row in blocks(made.calls)] == [["120", "149", "0/0", "29", "50"]]


@pytest.mark.parametrize("tool", TOOLS)
def test_blocks_of_bcftools_are_read_whichever_way_it_writes_them(
    tmp_path: Path, reference: Reference, tool: str
) -> None:
    records = [
        f"chr1 120 . {base(120)} . . . END=130;MinDP=9 GT:DP 0/0:9",
        f"chr1 131 . {base(131)} <*> . . END=140;MIN_DP=8 GT:DP 0/0:12",
        f"chr1 141 . {base(141)} . 50 . . GT:DP 0/0:12",
    ]
    more = [
        '##INFO=<ID=MIN_DP,Number=1,Type=Integer,Description="m">',
        '##INFO=<ID=MinDP,Number=1,Type=Integer,Description="m">',
    ]
    raw = write_vcf(tmp_path / "raw.vcf", records, formats=["GT", "DP"], more=more)
    made = read(tmp_path, reference, raw, bcftools=tool, gvcf_depths=[1, 20])
    assert [row[1:5] for row in blocks(made.calls)] == [["120", "141", "0/0", "8"]]


@pytest.mark.parametrize("tool", TOOLS)
def test_substitutions_of_several_bases_are_taken_apart(
    tmp_path: Path, reference: Reference, tool: str
) -> None:
    several = "".join(other(one) for one in SEQUENCE[299:302])
    record = f"chr1 300 . {SEQUENCE[299:302]} {several} 90 PASS DP=20 GT:DP:RO:AO 0/1:20:9:11"
    raw = write_vcf(tmp_path / "raw.vcf", [record], formats=["GT", "DP", "RO", "AO"])
    made = read(tmp_path, reference, raw, format="vcf", bcftools=tool)
    assert rows(made.calls, "%POS %REF %ALT [%GT %AD]", only="N_ALT=1") == [
        [str(pos), base(pos), alt(pos), "0/1", "9,11"] for pos in (300, 301, 302)
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_indels_are_left_aligned_and_read_counts_follow_their_allele(tmp_path: Path, tool: str) -> None:
    bases = SEQUENCE[:500] + "CAAAAAAG" + SEQUENCE[500:]
    reference = write_reference(tmp_path / "reference", {"chr1": bases})
    record = "chr1 505 . AAA AA,A 90 PASS . GT:AD:DP:GQ 1/2:1,8,9:18:60"
    raw = write_vcf(
        tmp_path / "raw.vcf",
        [record],
        numbers={"AD": "."},
        contigs=["chr1"],
        formats=["GT", "AD", "DP", "GQ"],
    )
    made = read(tmp_path, reference, raw, format="vcf", bcftools=tool)
    assert rows(made.calls, "%POS %REF %ALT [%AD]", only="N_ALT=1") == [
        ["501", "CA", "C", "1,8"],
        ["501", "CAA", "C", "1,9"],
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_sample_is_taken_from_its_column(tmp_path: Path, reference: Reference, tool: str) -> None:
    record = f"chr1 150 . {base(150)} {alt(150)} 90 PASS . GT:AD:DP:GQ 0/0:30,0:30:90 0/1:15,15:30:99"
    raw = write_vcf(tmp_path / "raw.vcf", [record], columns=["a", "b"])
    for column, genotype in (("a", "0/0"), ("b", "0/1")):
        made = read(tmp_path / column, reference, raw, format="vcf", column=column, bcftools=tool)
        assert [row[4:] for row in variants(made.calls)] == [["PASS", genotype]]
    with pytest.raises(InputError, match="found 2 columns of samples"):
        read(tmp_path, reference, raw, format="vcf", bcftools=tool)
    with pytest.raises(InputError, match=r"found no column c; allowed: a, b"):
        read(tmp_path, reference, raw, format="vcf", column="c", bcftools=tool)


def test_symbolic_alleles_are_left_out(tmp_path: Path, reference: Reference) -> None:
    records = [
        f"chr1 150 . {base(150)} <DEL> 90 PASS END=400 GT 0/1",
        f"chr1 160 . {base(160)} {base(160)}[chr1:900[ 90 PASS . GT 0/1",
        f"chr1 170 . {base(170)} {alt(170)} 90 PASS . GT 0/1",
    ]
    raw = write_vcf(tmp_path / "raw.vcf", records, formats=["GT"])
    assert [row[1] for row in variants(read(tmp_path, reference, raw, format="vcf").calls)] == ["170"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_of_another_naming_is_refused_with_the_way_out(
    tmp_path: Path, reference: Reference, tool: str
) -> None:
    for number, contigs in enumerate((["1", "X"], ["chr1"])):
        raw = write_vcf(tmp_path / f"{number}.vcf", ["1 150 . A C 90 PASS . GT 0/1"], contigs=contigs)
        with pytest.raises(
            InputError, match=r"found contig 1; allowed: .*chr1.*rename with bcftools annotate --rename"
        ):
            read(tmp_path / str(number), reference, raw, bcftools=tool)
        assert not (tmp_path / str(number) / "calls" / "calls.bcf").exists()


def test_a_file_of_another_build_is_refused(tmp_path: Path, reference: Reference) -> None:
    raw = write_vcf(tmp_path / "length.vcf", GATK, contigs=["chr1,length=99"])
    with pytest.raises(InputError, match="found contig chr1 of 99 bases; allowed: 3000"):
        read(tmp_path / "a", reference, raw)
    record = f"chr1 150 . {alt(150)} {base(150)} 90 PASS . GT 0/1"
    raw = write_vcf(tmp_path / "allele.vcf", [record])
    with pytest.raises(InputError, match="made on the genome of the study"):
        read(tmp_path / "b", reference, raw)


def test_contigs_that_the_genome_lacks_are_left_out_beside_those_it_has(
    tmp_path: Path, reference: Reference
) -> None:
    raw = write_vcf(
        tmp_path / "raw.vcf", [*GATK, "decoy 5 . A C 90 PASS . GT 0/1"], contigs=["chr1", "decoy"]
    )
    assert {row[0] for row in variants(read(tmp_path, reference, raw).calls)} == {"chr1"}


def test_fields_that_a_header_does_not_define_are_no_obstacle(tmp_path: Path, reference: Reference) -> None:
    record = f"chr1 150 . {base(150)} {alt(150)} 90 PASS XX=3;YY GT:ZZ:DP 0/1:7:20"
    raw = write_vcf(tmp_path / "raw.vcf", [record], formats=["GT", "DP"])
    made = read(tmp_path, reference, raw, format="vcf")
    assert rows(made.calls, "%POS [%GT %DP]", only="N_ALT=1") == [["150", "0/1", "20"]]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_published_calls_of_na12878_are_taken_over(tmp_path: Path, tool: str) -> None:
    folder = real_data("variants/na12878_chr22_tiny")
    bases = "".join((folder / "q.fa").read_text().splitlines()[1:]).upper()
    reference = write_reference(tmp_path / "reference", {"q": bases})
    made = read(tmp_path, reference, folder / "NA12878.chr22.tiny.giab.vcf", format="vcf", bcftools=tool)
    published = [row for row in variants(made.calls) if row[4] == "PASS"]
    assert len(published) == 14
    made = read(
        tmp_path / "freebayes", reference, folder / "NA12878.chr22.tiny.vcf", format="vcf", bcftools=tool
    )
    found = {tuple(row) for row in variants(made.calls) if row[4] == "PASS" and row[5] != "0/0"}
    assert {
        tuple(row) for row in published
    } <= found  # two of them stand as one substitution of several bases
    assert len(found) == 16
