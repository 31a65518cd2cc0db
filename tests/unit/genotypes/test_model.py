"""A frozen model is read as it was saved, without pickles, and the same model is the same bytes."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from loci import sites, write_genome

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256
from scleromyomics.genotypes.model import Model
from scleromyomics.genotypes.panel import Panel
from scleromyomics.variants.annotate import Annotation
from scleromyomics.variants.loci import TEXT, Genome


def made(genome: Genome, names: list[str]) -> Model:
    where, _ = sites(genome, names).distinct()
    texts = np.array([f"t{i}" for i in range(len(where))], dtype=TEXT)
    about = Annotation(
        gene_symbol=texts,
        gene_id=texts,
        consequence=np.full(len(where), "missense", dtype=TEXT),
        transcripts=texts,
        frequency=np.full(len(where), np.nan),
        rare=np.ones(len(where), dtype=bool),
        fields={"clinvar_CLNSIG": texts},
    )
    panel = Panel(len(where))
    panel.add([(np.arange(len(where)) + 10, np.arange(len(where)))])
    return Model.of(where, genome, about, panel)


def test_a_model_is_read_as_it_was_saved(tmp_path: Path) -> None:
    genome = write_genome(tmp_path / "reference")
    model = made(genome, ["chr1:90:A:C", "chr1:1000:A:" + "C" * 300, "chr2:9:A:C"])
    for name in ("a.npz", "b.npz"):
        model.save(tmp_path / name)
    assert sha256(tmp_path / "a.npz") == sha256(tmp_path / "b.npz")
    found = Model.load(tmp_path / "a.npz")
    for field in fields(Model):
        if field.name != "fields":
            np.testing.assert_array_equal(getattr(found, field.name), getattr(model, field.name))
    np.testing.assert_array_equal(found.fields["clinvar_CLNSIG"], model.fields["clinvar_CLNSIG"])
    where, rows = found.sites(genome)
    assert where.pos.tolist() == [90, 1000, 9]
    assert found.depth[rows].tolist() == [10, 11, 12]
    assert set(found.group.tolist()) == {"missense"}


def test_a_model_without_sites_can_be_saved(tmp_path: Path) -> None:
    genome = write_genome(tmp_path / "reference")
    made(genome, []).save(tmp_path / "a.npz")
    assert len(Model.load(tmp_path / "a.npz").sites(genome)[0]) == 0


def test_a_model_of_another_genome_is_refused(tmp_path: Path) -> None:
    genome = write_genome(tmp_path / "reference")
    model = made(genome, ["chr1:90:A:C"])
    other = Genome(**{**vars(genome), "contigs": ("1", "2", "X", "Y", "MT")})
    with pytest.raises(InputError, match="the frozen model: found contig chr1"):
        model.sites(other)
