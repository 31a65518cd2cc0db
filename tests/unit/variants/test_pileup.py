"""Reads of a known person give that person's variants, blocks elsewhere, and the alleles with low support."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from called import (
    TOOLS,
    Haplotype,
    Reference,
    Sample,
    Variant,
    blocks,
    make_calls,
    other,
    paired_reads,
    rows,
    sequence,
    single_reads,
    variants,
    write_cram,
    write_reference,
)

LENGTH = 6000
SEQUENCE = sequence(LENGTH, 1)[:3000] + "CAAAAAAAAG" + sequence(LENGTH, 2)[: LENGTH - 3010]


def change(pos: int, step: int = 1) -> Variant:
    return pos, SEQUENCE[pos - 1], other(SEQUENCE[pos - 1], step)


def insertion(pos: int, bases: str) -> Variant:
    return pos, SEQUENCE[pos - 1], SEQUENCE[pos - 1] + bases


def deletion(pos: int, size: int) -> Variant:
    return pos, SEQUENCE[pos - 1 : pos + size], SEQUENCE[pos - 1]


HETEROZYGOUS = [change(1000), change(2000, 2), change(4000), deletion(4500, 4)]
HOMOZYGOUS = [change(1500), change(3500, 3), insertion(5000, "ACGTACGT"), (3001, "CA", "C")]
MOSAIC = change(2500)
CALLED = 'N_ALT=1 & FILTER!="undecided"'


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Path]:
    """A person at 60x, 8 % of whose cells carry one more variant on one copy."""
    folder = tmp_path_factory.mktemp("person")
    reference = write_reference(folder / "reference", {"chr1": SEQUENCE})
    copies = [HOMOZYGOUS, HOMOZYGOUS + HETEROZYGOUS, HOMOZYGOUS + HETEROZYGOUS + [MOSAIC]]
    haplotypes = [Haplotype.of(SEQUENCE, one) for one in copies]
    lines = paired_reads("r", "chr1", haplotypes, 60, weights=[0.5, 0.4, 0.1])
    return reference, write_cram(folder / "aligned.cram", reference, "s1", lines)


@pytest.fixture(scope="module", params=TOOLS)
def called(
    request: pytest.FixtureRequest, person: tuple[Reference, Path], tmp_path_factory: pytest.TempPathFactory
) -> Sample:
    reference, cram = person
    return make_calls(tmp_path_factory.mktemp("calls"), reference, cram, bcftools=request.param)


def test_every_variant_is_called_with_its_genotype_and_no_other(called: Sample) -> None:
    expected = [["chr1", str(pos), ref, alt, "PASS", "0/1"] for pos, ref, alt in HETEROZYGOUS]
    expected += [["chr1", str(pos), ref, alt, "PASS", "1/1"] for pos, ref, alt in HOMOZYGOUS]
    assert variants(called.calls) == sorted(expected, key=lambda row: int(row[1]))


def test_indels_are_left_aligned(called: Sample) -> None:
    (found,) = rows(called.calls, "%POS %REF %ALT", only="POS>=2995 & POS<=3010 & N_ALT=1")
    assert found == ["3001", "CA", "C"]


def test_reads_are_counted_by_allele_and_strand(called: Sample) -> None:
    for dp, ad, adf, adr, gq, sp in rows(
        called.calls, "[%DP %AD %ADF %ADR %GQ %SP]", only=f'{CALLED} & TYPE="snp"'
    ):
        total, forward, reverse = (np.array(cell.split(","), dtype=int) for cell in (ad, adf, adr))
        assert (forward + reverse).tolist() == total.tolist()
        assert int(dp) == total.sum()
        assert 30 <= total.sum() <= 100
        assert int(gq) > 20
        assert 0 <= int(sp) < 60


def test_blocks_and_variants_cover_what_the_reads_cover_and_do_not_overlap(called: Sample) -> None:
    spans = [(int(first), int(last)) for _, first, last, *_ in blocks(called.calls)]
    assert all(after[0] > before[1] for before, after in pairwise(spans))
    covered = {pos for first, last in spans for pos in range(first, last + 1)}
    apart = {int(pos) for (pos,) in rows(called.calls, "%POS", only=f'{CALLED} | TYPE="snp"')}
    assert not covered & apart
    assert set(range(300, LENGTH - 300)) <= covered | apart


def test_a_block_tells_its_fewest_reads_and_what_they_are_worth(called: Sample) -> None:
    for _, _, _, genotype, dp, gq, status in blocks(called.calls):
        assert genotype == "0/0"
        assert int(gq) == min(99, 3 * int(dp))
        assert (status == "PASS") == (int(gq) >= 20)


def test_an_allele_in_few_reads_is_a_candidate_and_no_call(called: Sample) -> None:
    found = {
        (int(pos), ref, alt): row
        for pos, ref, alt, *row in rows(called.candidates, "%POS %REF %ALT [%DP %AD %ADF %ADR]")
    }
    assert MOSAIC in found
    dp, ad, adf, adr = found[MOSAIC]
    alternate = int(ad.split(",")[1])
    assert 3 <= alternate < 0.2 * int(dp)
    assert alternate == int(adf.split(",")[1]) + int(adr.split(",")[1])
    assert set(HETEROZYGOUS) - {deletion(4500, 4)} <= found.keys()  # germline alleles are candidates too
    for row in found.values():
        assert int(row[1].split(",")[1]) >= 3


def test_headers_hold_our_own_lines_only(called: Sample, person: tuple[Reference, Path]) -> None:
    import pysam

    for path in (called.calls, called.candidates):
        with pysam.VariantFile(path) as file:
            text = str(file.header)
            assert list(file.header.samples) == ["s1"]
        keys = {line.partition("=")[0] for line in text.splitlines()}
        assert keys - {"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1"} <= {
            *("##fileformat", "##contig", "##FILTER", "##INFO", "##FORMAT")
        }
        assert str(person[1].parent) not in text
        assert f"length={LENGTH}" in text


def test_the_bytes_do_not_depend_on_the_number_of_workers(
    person: tuple[Reference, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scleromyomics.variants import regions

    monkeypatch.setitem(regions.cut.__kwdefaults__, "bases", 1500)
    reference = write_reference(tmp_path / "reference", {"chr1": SEQUENCE}, region=1000)
    one, three = (
        make_calls(tmp_path / str(threads), reference, person[1], threads=threads, bcftools="auto")
        for threads in (1, 3)
    )
    for name in ("calls.bcf", "calls.bcf.csi", "candidates.bcf", "candidates.bcf.csi", "calls.receipt.json"):
        assert (one.folder / name).read_bytes() == (three.folder / name).read_bytes(), name


def test_parts_change_nothing_but_where_blocks_are_cut(
    person: tuple[Reference, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scleromyomics.variants import regions

    whole = make_calls(tmp_path / "whole", person[0], person[1], bcftools="auto")
    monkeypatch.setitem(regions.cut.__kwdefaults__, "bases", 500)
    reference = write_reference(tmp_path / "reference", {"chr1": SEQUENCE}, region=500)
    parts = make_calls(tmp_path / "parts", reference, person[1], bcftools="auto")
    cells = "%CHROM %POS %REF %ALT %QUAL %FILTER [%GT %DP %AD]"
    assert rows(parts.calls, cells, only="N_ALT=1") == rows(whole.calls, cells, only="N_ALT=1")
    assert rows(parts.candidates, "%POS %ALT [%AD]") == rows(whole.candidates, "%POS %ALT [%AD]")
    covered = [
        [pos for _, first, last, *_ in blocks(made.calls) for pos in range(int(first), int(last) + 1)]
        for made in (whole, parts)
    ]
    assert covered[0] == covered[1]


def test_only_targets_are_looked_at(person: tuple[Reference, Path], tmp_path: Path) -> None:
    targets = [("chr1", 899, 1100), ("chr1", 1399, 1600), ("chr1", 1610, 1700)]
    reference = write_reference(tmp_path / "reference", {"chr1": SEQUENCE}, targets=targets)
    made = make_calls(tmp_path / "calls", reference, person[1], bcftools="auto")
    assert [int(pos) for _, pos, *_ in variants(made.calls)] == [1000, 1500]
    covered = {pos for _, first, last, *_ in blocks(made.calls) for pos in range(int(first), int(last) + 1)}
    assert covered == {pos for _, start, end in targets for pos in range(start + 1, end + 1)} - {1000, 1500}


CONTIGS = {
    "chr1": sequence(2000, 3),
    "chrX": sequence(2500, 4),
    "chrY": sequence(2000, 5),
    "chrM": sequence(1500, 6),
}
CARRIED = {
    name: [(pos, bases[pos - 1], other(bases[pos - 1])) for pos in (600, 1000)]
    for name, bases in CONTIGS.items()
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("sex", "expected"),
    [
        ("M", {"chr1": ["1/1", "1/1"], "chrX": ["1/1", "1"], "chrY": ["1", "1"], "chrM": ["1", "1"]}),
        ("F", {"chr1": ["1/1", "1/1"], "chrX": ["1/1", "1/1"], "chrM": ["1", "1"]}),
    ],
)
def test_copies_are_those_of_the_sex(
    sex: str, expected: dict[str, list[str]], tool: str, tmp_path: Path
) -> None:
    reference = write_reference(tmp_path / "reference", CONTIGS, pseudoautosomal=["chrX:1-700"])
    lines = [
        line
        for name, bases in CONTIGS.items()
        for line in paired_reads(f"r{name}", name, [Haplotype.of(bases, CARRIED[name])], 30)
    ]
    cram = write_cram(tmp_path / "aligned.cram", reference, "s1", lines)
    made = make_calls(tmp_path / "calls", reference, cram, sex=sex, bcftools=tool)
    found: dict[str, list[str]] = {}
    for name, _, _, _, status, genotype in variants(made.calls):
        assert status == "PASS"
        found.setdefault(name, []).append(genotype)
    assert found == expected
    single = {(name, genotype) for name, _, _, genotype, *_ in blocks(made.calls)}
    assert ("chrM", "0") in single
    assert ("chr1", "0") not in single
    assert (("chrY", "0") in single) == (sex == "M")


@pytest.mark.parametrize("tool", TOOLS)
def test_where_few_reads_leave_it_open_there_is_neither_a_call_nor_a_block(tmp_path: Path, tool: str) -> None:
    bases = sequence(3000, 7)
    reference = write_reference(tmp_path / "reference", {"chr1": bases})
    variant = (1500, bases[1499], other(bases[1499]))
    lines = single_reads("r", "chr1", Haplotype.of(bases, []), range(1400, 1490, 10))
    lines += single_reads("a", "chr1", Haplotype.of(bases, [variant]), [1450])
    cram = write_cram(tmp_path / "aligned.cram", reference, "s1", lines)
    made = make_calls(tmp_path / "calls", reference, cram, bcftools=tool)
    ((ad, status, genotype),) = rows(made.calls, "[%AD] %FILTER [%GT]", only="N_ALT=1")
    assert int(ad.split(",")[1]) == 1
    assert (status, genotype) == ("undecided", "./.")
    assert not [row for row in blocks(made.calls) if int(row[1]) <= 1500 <= int(row[2])]


@pytest.mark.parametrize("tool", TOOLS)
def test_artefacts_stay_in_the_file_with_the_name_of_their_filter(tmp_path: Path, tool: str) -> None:
    bases = sequence(4000, 8)
    reference = write_reference(tmp_path / "reference", {"chr1": bases})
    at = [(pos, bases[pos - 1], other(bases[pos - 1])) for pos in (1000, 2000, 3000)]
    haplotypes = [Haplotype.of(bases, carried) for carried in ([], at[:1], at[:2])]
    lines = paired_reads("a", "chr1", haplotypes, 60, weights=[0.5, 0.28, 0.22])
    lines += single_reads("b", "chr1", Haplotype.of(bases, at[2:]), range(2905, 2995, 2))
    cram = write_cram(tmp_path / "aligned.cram", reference, "s1", lines)
    filters = [
        'balance=GT="het" & FMT/AD[0:1] < 0.3 * FMT/DP',
        "strand=FMT/SP > 20",
        "unknown=INFO/DP4[3] > 1e6",
    ]
    made = make_calls(tmp_path / "calls", reference, cram, bcftools=tool, filters=filters)
    found = {int(pos): set(status.split(";")) for _, pos, _, _, status, _ in variants(made.calls)}
    assert found[2000] >= {"balance"}
    assert found[3000] >= {"strand"}
    assert "PASS" not in found[2000] | found[3000]
    assert made.receipt()["records"]["variants"] == len(found)
    assert made.receipt()["records"]["passed"] == sum(status == {"PASS"} for status in found.values())


@pytest.mark.parametrize("tool", TOOLS)
def test_alignments_without_reads_give_files_without_records(tmp_path: Path, tool: str) -> None:
    reference = write_reference(tmp_path / "reference", {"chr1": sequence(500, 9)})
    cram = write_cram(tmp_path / "aligned.cram", reference, "s1", [])
    made = make_calls(tmp_path / "calls", reference, cram, bcftools=tool)
    assert rows(made.calls, "%POS") == rows(made.candidates, "%POS") == []
