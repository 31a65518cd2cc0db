"""The frozen model: every variant of the usable samples once, annotated, and the reads of each control once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loci import Someone, Variant, alternative, sequences, tools, write_genome, write_sample

from scleromyomics.core.files import read_json, read_tsv, sha256
from scleromyomics.genotypes.fit import run
from scleromyomics.genotypes.model import Model
from scleromyomics.plan.rows import FreezeRow

CONTIGS = sequences()
A, B, C, D = (alternative(CONTIGS, "chr1", pos) for pos in (100, 1060, 2000, 30))
COVERED = [
    ("chr1", 1, 99, 20, 50),
    ("chr1", 101, 1059, 20, 50),
    ("chr1", 1061, 1999, 20, 50),
    ("chr1", 2001, 3000, 20, 50),
]


def row(sample: str, participant: str, group: str, **more: object) -> FreezeRow:
    plain = FreezeRow(
        sample=sample,
        participant=participant,
        group=group,
        tissue="pbmc",
        sex="F",
        raw=Path("none"),
        folder=Path("samples") / sample,
        format="fastq",
        column="",
        usable=True,
        reason="",
    )
    return replace(plain, **more)


def fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: list[tuple[FreezeRow, Someone]], **more: object
) -> tuple[Model, dict[str, dict[str, str]], dict[str, object]]:
    genome = write_genome(tmp_path / "reference")
    for one, someone in people:
        write_sample(tmp_path / one.folder, one.sample, someone)
    monkeypatch.setattr("scleromyomics.plan.rows.freeze_rows", lambda *_, **__: [one for one, _ in people])
    model, samples, receipt = (tmp_path / name for name in ("model.npz", "samples.tsv", "model.receipt.json"))
    named = {"study": tmp_path, "freeze": "F1", "platform": "exome", "rows": "0", "genome": genome.fasta}
    run(**named, model=model, samples=samples, receipt=receipt, **{"bcftools": "embedded"} | more)
    return Model.load(model), {line["sample"]: line for line in read_tsv(samples)}, read_json(receipt)


def carrier(*names: str, **more: object) -> Someone:
    taken = {int(name.split(":")[1]) for name in names}
    blocks = [*COVERED, *(("chr1", pos, pos, 20, 50) for pos in {100, 1060, 2000} - taken)]
    return Someone(variants=[Variant(where=name) for name in names], blocks=blocks, **more)


@pytest.mark.parametrize("bcftools", tools("bcftools"))
def test_sites_are_all_passing_variants_of_usable_samples(
    bcftools: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filtered = Variant(where=D, passed=False)
    people = [
        (row("P1", "P1", "ssc"), carrier(A, B)),
        (row("P2", "P2", "ssc_control"), replace(carrier(B), variants=[Variant(where=B), filtered])),
        (row("P3", "P3", "im"), carrier(C, held=["contamination: found 0.2; allowed: at most 0.03"])),
        (row("P4", "P4", "im", usable=False, reason="not eligible"), carrier(C)),
        (
            row("P5", "P5", "im"),
            replace(carrier(), variants=[Variant(where="chr1:500:A:<DEL>"), Variant(where="chr1:600:A:*")]),
        ),
    ]
    model, lines, receipt = fitted(tmp_path, monkeypatch, people, bcftools=bcftools)
    assert model.feature.tolist() == [A, B]
    assert model.gene_symbol.tolist() == ["", "TOY1"]
    assert model.group.tolist()[0] == "other"
    assert [(line["used"], line["control"], line["reason"]) for line in lines.values()] == [
        ("true", "false", ""),
        ("true", "true", ""),
        ("false", "false", "contamination: found 0.2; allowed: at most 0.03"),
        ("false", "false", "not eligible"),
        ("true", "false", ""),
    ]
    assert (receipt["features"], receipt["controls"], receipt["not_used"]) == (2, 1, 2)
    assert receipt["samples"] == {"pbmc": 3}


def test_features_are_sorted_by_name_and_sites_by_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["chr1:90:A:C", "chr1:1000:A:C", "chr2:9:A:C", "chrX:8:A:C", "chr1:90:A:CA"]
    genome = write_genome(tmp_path / "reference")
    model, _, _ = fitted(tmp_path, monkeypatch, [(row("P1", "P1", "ssc"), carrier(*names))])
    assert model.feature.tolist() == sorted(names)
    where, rows = model.sites(genome)
    assert model.feature[rows].tolist() == where.names(genome.contigs).tolist()
    assert where.pos.tolist() == [90, 90, 1000, 9, 8]


def test_the_panel_counts_each_control_once_with_all_reads_of_the_pileup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Variant(where=A, dp=60, ad=2)  # below a call, seen in the pileup
    people = [
        (row("P1", "P1", "ssc"), carrier(A, B, C)),  # no control
        (row("P2_D1", "P2", "ssc_control"), carrier(candidates=[few])),
        (row("P2_M12", "P2", "ssc_control"), carrier(A)),  # fewer reads: P2 counts by the other one there
        (row("P3", "P3", "im_control"), carrier(B, candidates=[Variant(where=B, dp=40, ad=19)])),
        (row("P4", "P4", "im_control"), Someone()),  # covers nothing
    ]
    model, _, receipt = fitted(tmp_path, monkeypatch, people)
    reads = dict(
        zip(
            model.feature.tolist(),
            zip(model.depth.tolist(), model.alternate.tolist(), strict=True),
            strict=True,
        )
    )
    assert reads == {A: (60 + 20, 2), B: (20 + 40, 19), C: (20 + 20, 0)}
    assert receipt["controls"] == 3


def test_the_same_freeze_gives_the_same_bytes_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [
        (row(f"P{i}", f"P{i}", "ssc_control"), carrier(*names))
        for i, names in enumerate([(A,), (B, C), (A, C)])
    ]
    fitted(tmp_path, monkeypatch, people)
    once = sha256(tmp_path / "model.npz")
    fitted(tmp_path, monkeypatch, people[::-1])
    assert sha256(tmp_path / "model.npz") == once


def test_annotations_are_frozen_with_the_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pos, ref, alt = A.split(":")[1:]
    vcf = tmp_path / "known.vcf"
    vcf.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
        '##INFO=<ID=FREQ,Number=A,Type=Float,Description="f">\n##INFO=<ID=SIG,Number=1,Type=String,Description="s">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t{pos}\t.\t{ref}\t{alt}\t.\t.\tFREQ=0.25;SIG=benign\n"
    )
    more = {
        "annotations": [f"known={vcf}"],
        "fields": ["known:SIG"],
        "rarity": "known",
        "rarity_field": "FREQ",
    }
    model, _, receipt = fitted(tmp_path, monkeypatch, [(row("P1", "P1", "ssc"), carrier(A, B))], **more)
    np.testing.assert_array_equal(model.frequency, [0.25, np.nan])
    assert model.rare.tolist() == [False, True]
    assert model.fields["known_SIG"].tolist() == ["benign", ""]
    assert (receipt["rare"], receipt["not_in_annotation"]) == (1, 1)


def test_a_freeze_without_usable_samples_has_no_sites_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [(row("P1", "P1", "ssc"), carrier(A, held=["mapped: found 0.1; allowed: at least 0.9"]))]
    model, lines, receipt = fitted(tmp_path, monkeypatch, people)
    assert model.feature.tolist() == []
    assert (receipt["features"], receipt["not_used"]) == (0, 1)
    assert lines["P1"]["reason"].startswith("mapped: found 0.1")
