"""A profile holds what the calls say, and the quality what they and the reads show; poor samples are held back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from called import (
    TOOLS,
    Haplotype,
    Reference,
    Sample,
    blocks,
    make_calls,
    make_profile,
    other,
    paired_reads,
    rows,
    sequence,
    write_admission,
    write_cram,
    write_reference,
)

from scleromyomics.genotypes.lookup import Profile
from scleromyomics.variants.loci import TEXT, Genome, Sites
from scleromyomics.variants.profile import ABSENT, copies, resolve
from scleromyomics.variants.quality import MEASURES

CODING = "ATG" + "GCC" * 98 + "TAA"
CONTIGS = {
    "chr1": sequence(1000, 1) + CODING + sequence(4700, 2),
    "chrX": sequence(4000, 3),
    "chrY": sequence(3000, 4),
    "chrM": sequence(600, 5),
}
SEQUENCE = CONTIGS["chr1"]
GENES = """##gff-version 3
chr1	.	gene	1001	1300	.	+	.	ID=gene:G1;Name=GENE1;biotype=protein_coding
chr1	.	mRNA	1001	1300	.	+	.	ID=transcript:T1;Parent=gene:G1;biotype=protein_coding
chr1	.	exon	1001	1300	.	+	.	Parent=transcript:T1
chr1	.	CDS	1001	1300	.	+	0	ID=CDS:P1;Parent=transcript:T1
"""
STOP = [
    (1034, "G", "T"),
    (1035, "C", "A"),
    (1036, "C", "G"),
]  # GCC to TAG: each base alone changes an amino acid
TRANSITIONS = [(pos, SEQUENCE[pos - 1], other(SEQUENCE[pos - 1], 2)) for pos in range(1500, 5500, 200)]
TRANSVERSIONS = [(pos, SEQUENCE[pos - 1], other(SEQUENCE[pos - 1], 1)) for pos in range(1600, 5600, 400)]
DELETION = (5700, SEQUENCE[5699:5703], SEQUENCE[5699])


def donor(folder: Path, reference: Reference, sex: str, *, depth: float = 40) -> Path:
    """Reads of a woman or a man: half of the single-base variants heterozygous, the others homozygous."""
    single = TRANSITIONS + TRANSVERSIONS
    first, second = [*single, DELETION], [*single[::2], *STOP]
    lines = paired_reads("a", "chr1", [Haplotype.of(SEQUENCE, one) for one in (first, second)], depth)
    copies = {"chrX": 1.0 if sex == "F" else 0.5, "chrY": 0.0 if sex == "F" else 0.5, "chrM": 1.0}
    for name, part in copies.items():
        if part:
            lines += paired_reads(f"a{name}", name, [Haplotype.of(CONTIGS[name], [])], depth * part)
    return write_cram(folder / "aligned.cram", reference, "s1", lines)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return write_reference(tmp_path_factory.mktemp("reference"), CONTIGS, genes=GENES)


@pytest.fixture(scope="module", params=TOOLS)
def woman(
    request: pytest.FixtureRequest, reference: Reference, tmp_path_factory: pytest.TempPathFactory
) -> Sample:
    folder = tmp_path_factory.mktemp("woman")
    cram = donor(folder, reference, "F")
    made = make_calls(folder / "made", reference, cram, bcftools=request.param)
    return make_profile(made, reference, reads=cram, tool=request.param)


def cells(made: Sample) -> dict[tuple[str, int, str, str], dict[str, Any]]:
    """The variants of a profile by name."""
    arrays = made.arrays()
    names = ("gt", "ploidy", "dp", "ad", "gq", "passed", "gene_symbol", "gene_id", "consequence")
    keys = zip(arrays["contigs"][arrays["contig"]], arrays["pos"], arrays["ref"], arrays["alt"], strict=True)
    return {
        (str(contig), int(pos), str(ref), str(alt)): {name: arrays[name][row] for name in names}
        for row, (contig, pos, ref, alt) in enumerate(keys)
    }


def test_a_profile_holds_the_variants_of_the_calls(woman: Sample) -> None:
    found = cells(woman)
    listed = rows(woman.calls, "%CHROM %POS %REF %ALT [%DP %AD{1} %GQ] %FILTER [%GT]", only="N_ALT=1")
    assert len(found) == len(listed)
    for contig, pos, ref, alt, dp, ad, gq, status, genotype in listed:
        one = found[contig, int(pos), ref, alt]
        assert (one["dp"], one["ad"]) == (int(dp), int(ad))
        assert one["gq"] == (0 if gq == "." else int(gq))
        assert one["passed"] == (status == "PASS")
        assert one["gt"] == (genotype.count("1") if status == "PASS" else -1)
        assert one["ploidy"] == (1 if contig == "chrM" else 2)


def test_a_profile_holds_the_blocks_that_pass(woman: Sample) -> None:
    arrays = woman.arrays()
    names = arrays["contigs"][arrays["block_contig"]].tolist()
    found = list(
        zip(names, *(arrays[f"block_{name}"].tolist() for name in ("start", "end", "dp", "gq")), strict=True)
    )
    expected = [
        (contig, int(first), int(last), int(dp), int(gq))
        for contig, first, last, _, dp, gq, status in blocks(woman.calls)
        if status == "PASS"
    ]
    assert found == expected
    assert not arrays["complete"]


def test_arrays_are_of_small_types_without_objects_and_sorted(woman: Sample) -> None:
    arrays = woman.arrays()
    kinds = {"contig": "int16", "pos": "int32", "gt": "int8", "ploidy": "int8", "dp": "int32", "ad": "int32"}
    kinds |= {
        "gq": "int16",
        "passed": "bool",
        "block_start": "int32",
        "block_gq": "int16",
        "block_contig": "int16",
    }
    assert {name: str(arrays[name].dtype) for name in kinds} == kinds
    keys = list(zip(*(arrays[name].tolist() for name in ("contig", "pos", "ref", "alt")), strict=True))
    assert keys == sorted(keys)


def test_the_pooled_steps_can_read_it(woman: Sample, reference: Reference) -> None:
    found = Profile.load(woman.folder / "profile.npz", Genome.load(reference.fasta))
    assert len(found.sites) == len(cells(woman))
    assert (found.block_dp > 0).all()


def test_neighbours_in_one_codon_have_the_consequence_that_they_have_together(woman: Sample) -> None:
    found = cells(woman)
    for pos, ref, alt in STOP:
        one = found["chr1", pos, ref, alt]
        assert (one["gene_symbol"], one["gene_id"], one["consequence"]) == ("GENE1", "G1", "stop_gained")
    assert found["chr1", *TRANSITIONS[-1]]["gene_symbol"] == ""


def test_the_measures_are_those_of_the_sample(woman: Sample) -> None:
    found = woman.quality()["measures"]
    assert tuple(sorted(MEASURES)) == tuple(sorted(found))
    assert found["coverage"] == pytest.approx(40 * (6000 + 4000 + 600) / 13600, rel=0.15)
    assert found["mapped"] == 1
    assert found["x_ratio"] == pytest.approx(1, abs=0.1)
    assert found["y_ratio"] == 0
    assert found["contamination"] is None  # not estimated is not 0
    assert found["on_target"] is None  # everything is a target
    assert found["variants"] == len(TRANSITIONS) + len(TRANSVERSIONS) + len(STOP) + 1
    assert found["indels"] == 1
    transitions = len(TRANSITIONS) + sum({ref, alt} in ({"A", "G"}, {"C", "T"}) for _, ref, alt in STOP)
    assert found["titv"] == transitions / (len(TRANSVERSIONS) + len(STOP) - transitions + len(TRANSITIONS))
    homozygous = (len(TRANSITIONS) + len(TRANSVERSIONS)) // 2
    assert found["het_hom"] == (homozygous + len(STOP)) / homozygous


def test_a_woman_is_held_back_for_her_empty_y_only_where_it_counts(woman: Sample) -> None:
    found = woman.quality()
    assert found["sex_call"] == "F"
    assert (found["sample"], found["tissue"]) == ("s1", "pbmc")
    assert found["held"] == bool(found["reasons"])
    assert not [one for one in found["reasons"] if one.startswith("sex")]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_sex_that_contradicts_the_sheet_holds_the_sample_back(
    tmp_path: Path, reference: Reference, tool: str
) -> None:
    cram = donor(tmp_path, reference, "M")
    made = make_calls(tmp_path / "made", reference, cram, sex="M", bcftools=tool)
    held = make_profile(made, reference, reads=cram, sex="F", tool=tool).quality()
    assert held["sex_call"] == "M"
    assert "sex: found M by the depth of X and Y; the sheet says F" in held["reasons"]
    right = make_profile(made, reference, reads=cram, sex="M", tool=tool).quality()
    assert right["reasons"] == []


def test_a_shallow_sample_is_held_back(tmp_path: Path, reference: Reference) -> None:
    cram = donor(tmp_path, reference, "F", depth=4)
    made = make_calls(tmp_path / "made", reference, cram)
    found = make_profile(made, reference, reads=cram).quality()
    assert found["held"]
    assert [one.partition(":")[0] for one in found["reasons"]][:2] == [
        "mean depth over targets",
        "targets with 10 reads or more",
    ]


def test_a_refused_sample_has_an_empty_profile_and_its_reason(tmp_path: Path, reference: Reference) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    write_admission(folder / "raw.receipt.json", reason="file x: found nothing; allowed: reads")
    cram = write_cram(tmp_path / "aligned.cram", reference, "s1", [])
    made = make_calls(folder, reference, cram, admission=folder / "raw.receipt.json")
    make_profile(made, reference, reads=cram)
    found = made.quality()
    assert (found["held"], found["reasons"]) == (True, ["file x: found nothing; allowed: reads"])
    assert set(found["measures"].values()) == {None}
    assert found["sex_call"] is None
    arrays = made.arrays()
    assert arrays["pos"].size == arrays["block_start"].size == 0
    assert not arrays["complete"]


def test_alignments_without_reads_are_held_back(tmp_path: Path, reference: Reference) -> None:
    cram = write_cram(tmp_path / "aligned.cram", reference, "s1", [])
    made = make_profile(make_calls(tmp_path / "made", reference, cram), reference, reads=cram)
    assert made.quality()["reasons"][0] == "reads: found 0; allowed at least 1"


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path, reference: Reference) -> None:
    cram = donor(tmp_path, reference, "F", depth=12)
    made = make_calls(tmp_path / "made", reference, cram)
    results = []
    for threads in (1, 3):
        make_profile(made, reference, reads=cram, threads=threads)
        results.append([(made.folder / name).read_bytes() for name in ("profile.npz", "quality.json")])
    assert results[0] == results[1]


def plain_vcf(tmp_path: Path, reference: Reference, lines: list[str], **options: Any) -> Sample:
    raw = tmp_path / "raw.vcf"
    head = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={name},length={len(one)}>" for name, one in CONTIGS.items()),
    ]
    formats = {"GT": "1,Type=String", "DP": "1,Type=Integer", "GQ": "1,Type=Integer", "AD": "R,Type=Integer"}
    head += [f'##FORMAT=<ID={name},Number={about},Description="x">' for name, about in formats.items()]
    head += [
        '##INFO=<ID=END,Number=1,Type=Integer,Description="e">',
        '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="m">',
    ]
    head.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tx")
    raw.write_text("\n".join([*head, *("\t".join(line.split()) for line in lines)]) + "\n")
    return make_calls(tmp_path / "made", reference, raw, **{"format": "vcf", **options})


def snv(pos: int, genotype: str, contig: str = "chr1") -> str:
    ref = CONTIGS[contig][pos - 1]
    return f"{contig} {pos} . {ref} {other(ref, 2)} 90 PASS . GT:DP:GQ:AD {genotype}:30:99:15,15"


def test_a_vcf_that_does_not_tell_what_was_covered_is_held_back_unless_the_study_says_it(
    tmp_path: Path, reference: Reference
) -> None:
    made = plain_vcf(tmp_path, reference, [snv(1500, "0/1")])
    found = make_profile(made, reference)
    assert found.quality()["reasons"] == [ABSENT]
    assert not found.arrays()["complete"]
    found = make_profile(made, reference, absent_is_reference=True)
    assert found.quality()["reasons"] == []
    assert found.arrays()["complete"]
    assert found.quality()["measures"]["coverage"] is None


def test_a_gvcf_is_measured_by_its_blocks(tmp_path: Path, reference: Reference) -> None:
    lines = []
    for name, bases in CONTIGS.items():
        depth = 30 if name in {"chr1", "chrM"} else 15
        fields = f"GT:DP:GQ:MIN_DP 0/0:{depth + 3}:60:{depth}"
        lines.append(f"{name} 1 . {bases[0]} <NON_REF> . . END={len(bases)} {fields}")
    made = make_profile(plain_vcf(tmp_path, reference, lines, format="gvcf", sex="M"), reference, sex="M")
    found = made.quality()
    assert found["reasons"] == []
    assert found["sex_call"] == "M"
    assert (found["measures"]["x_ratio"], found["measures"]["covered_20x"]) == (0.5, 6600 / 13600)
    assert not made.arrays()["complete"]


@pytest.mark.parametrize(
    ("genotypes", "sheet", "call"), [(["0/1", "1/1"], "M", "F"), (["1/1"], "F", "M"), (["1"], "M", "M")]
)
def test_a_vcf_tells_the_sex_by_heterozygous_variants_on_x(
    tmp_path: Path, reference: Reference, genotypes: list[str], sheet: str, call: str
) -> None:
    lines = [snv(pos, genotypes[pos // 60 % len(genotypes)], "chrX") for pos in range(60, 3960, 60)]
    made = plain_vcf(tmp_path, reference, lines, sex=sheet)
    found = make_profile(made, reference, sex=sheet, absent_is_reference=True).quality()
    assert found["sex_call"] == call
    contradicted = f"sex: found {call} by heterozygous variants on X; the sheet says {sheet}"
    assert (contradicted in found["reasons"]) == (call != sheet)


def test_contamination_of_a_vcf_comes_from_the_variants_that_are_called(tmp_path: Path) -> None:
    bases = sequence(30_000, 9)
    rng = np.random.default_rng(1)
    head = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr1,length=30000>",
        '##INFO=<ID=AF,Number=A,Type=Float,Description="f">',
    ]
    common, lines = [*head, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"], []
    for pos in range(100, 29_900, 60):
        ref, often = bases[pos - 1], rng.uniform(0.1, 0.9)
        common.append(f"chr1\t{pos}\t.\t{ref}\t{other(ref)}\t.\t.\tAF={often:.3f}")
        mine, theirs = rng.binomial(2, often, 2)
        alternate = rng.binomial(60, 0.95 * mine / 2 + 0.05 * theirs / 2)
        if mine:
            genotype = "0/1" if mine == 1 else "1/1"
            lines.append(
                f"chr1\t{pos}\t.\t{ref}\t{other(ref)}\t90\tPASS\t.\tGT:AD\t{genotype}:{60 - alternate},{alternate}"
            )
    reference = write_reference(tmp_path / "reference", {"chr1": bases}, common="\n".join(common) + "\n")
    fields = [
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="a">',
    ]
    raw = tmp_path / "raw.vcf"
    raw.write_text(
        "\n".join([*head, *fields, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tx", *lines]) + "\n"
    )
    made = make_calls(tmp_path / "made", reference, raw, format="vcf")
    common_sites = reference.folder / "common.bcf"
    found = make_profile(made, reference, common=common_sites, absent_is_reference=True).quality()
    assert found["measures"]["contamination"] == pytest.approx(0.05, abs=0.015)
    assert found["measures"]["contamination_sites"] == len(lines)
    assert found["reasons"][0].startswith("DNA of another person: found 0.0")


def test_copies_are_counted_and_missing_ones_are_none() -> None:
    given = ["0/1", "1|1", "1", "0", "./.", ".", "./1", "0/0"]
    count, ploidy = copies(np.array(given, dtype=TEXT))
    assert count.tolist() == [1, 2, 1, 0, -1, -1, -1, 0]
    assert ploidy.tolist() == [2, 2, 1, 1, 2, 1, 2, 2]


def test_a_consequence_told_elsewhere_is_looked_up_there() -> None:
    sites = Sites.of([0, 0, 1, 1], [10, 11, 10, 12], ["A"] * 4, ["C"] * 4)
    texts = np.array(
        ["missense|A|T1|x,intron|B||y", "@10", "stop_gained|Z|T9|x", "synonymous|C|T2|x,@10"], dtype=TEXT
    )
    assert resolve(texts, sites).tolist() == [
        "missense|A|T1|x,intron|B||y",
        "missense|A|T1|x,intron|B||y",
        "stop_gained|Z|T9|x",
        "synonymous|C|T2|x,stop_gained|Z|T9|x",
    ]
