"""The sites of a release: frozen ones say what their model says, new ones are annotated now and marked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loci import Released, Someone, Variant, alternative, sequences, write_genome, write_sample

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256
from scleromyomics.core.tools import find_tool
from scleromyomics.genotypes.model import Model
from scleromyomics.genotypes.panel import Panel
from scleromyomics.genotypes.sites import COLUMNS, frozen_sites, read_sites, run
from scleromyomics.variants.annotate import Sources, annotate
from scleromyomics.variants.loci import Genome, Sites

CONTIGS = sequences()
A, B, C = (alternative(CONTIGS, "chr1", pos) for pos in (100, 1060, 2000))


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def model(path: Path, genome: Genome, names: Sequence[str], **changed: object) -> Path:
    from loci import sites

    where, _ = sites(genome, names).distinct()
    sources = Sources.of(
        genome, annotations=None, fields=None, rarity="", rarity_field="AF", rarity_maximum=0.001
    )
    about = annotate(where, sources, find_tool("bcftools", "embedded"))
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(Model.of(where, genome, about, Panel(len(where))), **changed).save(path)
    return path


def release(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    people: Sequence[tuple[Released, Sequence[str]]],
    models: list[Path],
    **more: object,
) -> list[dict[str, object]]:
    genome = Genome.load(folder / "reference/genome.fa")
    for one, names in people:
        write_sample(
            folder / one.quality.parent, one.sample, Someone(variants=[Variant(where=name) for name in names])
        )
    monkeypatch.setattr("scleromyomics.plan.rows.release_rows", lambda *_, **__: [one for one, _ in people])
    named = {"study": folder, "release": "W2", "rows": "0", "genomes": [genome.fasta], "bcftools": "embedded"}
    run(**named, models=models, sites=folder / "sites.parquet", **more)
    return read_sites(folder / "sites.parquet", genome)[1].to_pylist()


def test_frozen_sites_keep_what_the_model_says_and_new_ones_are_marked(
    genome: Genome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = model(tmp_path / "F1/exome/model.npz", genome, [A, B], gene_symbol=np.array(["then", "then"]))
    people = [
        (Released(sample="S1", participant="P1"), [A]),
        (Released(sample="S2", participant="P1", wave="W2"), [A, C]),
        (Released(sample="S3", participant="P2", wave="W10"), [A, C]),
    ]
    lines = release(tmp_path, monkeypatch, people, [frozen])
    shown = ("feature", "gene_symbol", "frozen", "first_wave", "n_samples", "n_carriers")
    assert [tuple(line[name] for name in shown) for line in lines] == [
        (A, "then", True, "W1", 3, 2),
        (B, "then", True, "", 0, 0),  # its samples are held back by now
        (C, "", False, "W2", 2, 2),
    ]
    assert list(lines[0]) == list(COLUMNS)
    assert lines[0]["class"] == "other"


def test_of_several_models_the_first_one_speaks(genome: Genome, tmp_path: Path) -> None:
    one = model(tmp_path / "F1/a/model.npz", genome, [A, B], gene_symbol=np.array(["one", "one"]))
    two = model(tmp_path / "F2/b/model.npz", genome, [B, C], gene_symbol=np.array(["two", "two"]))
    for order, expected in (([one, two], ["one", "one", "two"]), ([two, one], ["one", "two", "two"])):
        where, about = frozen_sites(order, genome)
        assert where.names(genome.contigs).tolist() == [A, B, C]
        assert about["gene_symbol"].tolist() == expected


def test_models_with_other_fields_are_refused(genome: Genome, tmp_path: Path) -> None:
    one = model(tmp_path / "F1/a/model.npz", genome, [A])
    two = model(tmp_path / "F2/b/model.npz", genome, [A], fields={"clinvar_CLNSIG": np.array(["benign"])})
    with pytest.raises(InputError, match="found different annotation fields"):
        frozen_sites([one, two], genome)


def test_fields_of_annotations_are_columns_of_their_own(
    genome: Genome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, pos, ref, alt = C.split(":")
    vcf = tmp_path / "known.vcf"
    vcf.write_text(
        '##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##INFO=<ID=SIG,Number=1,Type=String,Description="s">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t{pos}\t.\t{ref}\t{alt}\t.\t.\tSIG=benign\n"
    )
    frozen = model(tmp_path / "F1/exome/model.npz", genome, [A], fields={"known_SIG": np.array(["old"])})
    lines = release(
        tmp_path,
        monkeypatch,
        [(Released(sample="S1", participant="P1"), [C])],
        [frozen],
        annotations=[f"known={vcf}"],
        fields=["known:SIG"],
    )
    assert [line["known_SIG"] for line in lines] == ["old", "benign"]


def test_the_table_is_the_same_bytes_in_any_order_and_empty_without_sites(
    genome: Genome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = model(tmp_path / "F1/exome/model.npz", genome, [A, B])
    people = [
        (Released(sample=f"S{i}", participant=f"P{i}"), names) for i, names in enumerate([[A, C], [B], [C]])
    ]
    release(tmp_path, monkeypatch, people, [frozen])
    once = sha256(tmp_path / "sites.parquet")
    release(tmp_path, monkeypatch, people[::-1], [frozen])
    assert sha256(tmp_path / "sites.parquet") == once
    empty = model(tmp_path / "F0/exome/model.npz", genome, [])
    assert release(tmp_path, monkeypatch, [], [empty]) == []
    where, table = read_sites(tmp_path / "sites.parquet", genome)
    assert isinstance(where, Sites)
    assert len(where) == len(table) == 0


def test_a_table_of_something_else_is_refused(genome: Genome, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; the sites of a release was expected"):
        read_sites(tmp_path / "none.parquet", genome)
