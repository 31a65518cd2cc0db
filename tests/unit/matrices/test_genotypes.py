"""Genotypes of one tissue and timepoint, from the samples' own profiles and the sites of the release."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from genotyped import site, tell, write_sites
from loci import Someone, Variant, write_genome, write_sample

from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.matrices import genotypes as tool

NAN = np.nan
COVERED = [
    ("chr1", 1, 3000, 20, 60),
    ("chrX", 1, 600, 20, 60),
    ("chrY", 1, 400, 9, 30),
    ("chrM", 1, 300, 500, 99),
]
SITES = [
    site("chr1:100:A:G", rare=False, frequency=0.2, clinvar_CLNSIG="benign"),
    site("chr1:1060:C:T", "stop_gained", clinvar_CLNSIG="pathogenic"),
    site("chr1:1070:G:A", "missense", clinvar_CLNSIG=""),
    site("chrX:200:A:C", clinvar_CLNSIG=""),
    site("chrY:200:A:C", clinvar_CLNSIG=""),
    site("chrM:50:A:C", clinvar_CLNSIG=""),
]
NAMES = sorted(row["feature"] for row in SITES)


class Folder:
    """A study with a genome, samples and the sites of a release."""

    def __init__(self, path, row):
        self.path, self._row, self.rows = path, row, []
        self.fasta = write_genome(path / "F1" / "reference").fasta
        self.targets = path / "F1" / "exome" / "targets.bed"
        self.targets.parent.mkdir()
        self.targets.write_text("chr1\t0\t500\n")

    def add(self, sample, variants=(), blocks=COVERED, told=None, **fields):
        more = {name: fields.pop(name) for name in ("candidates", "complete", "held") if name in fields}
        folder = self.path / "samples" / sample
        quality = write_sample(folder, sample, Someone(variants=variants, blocks=blocks, **more))
        tell(folder / "profile.npz", told or {})
        row = self._row(
            sample,
            fields.pop("participant", f"P_{sample}"),
            platform="exome",
            profile=(folder / "profile.npz").relative_to(self.path),
            quality=quality.relative_to(self.path),
            **fields,
        )
        self.rows.append(row)

    def build(self, sites=SITES, name="D1", **flags):
        target, burden, receipt = (
            self.path / f"{name}.{suffix}" for suffix in ("h5ad", "burden.h5ad", "receipt.json")
        )
        tool.run(
            study=self.path,
            release="W1",
            tissue="pbmc",
            timepoint="D1",
            rows="",
            sites=sites if isinstance(sites, Path) else write_sites(self.path / "sites.parquet", sites),
            genomes=[self.fasta],
            targets=[self.targets],
            matrix=target,
            burden=burden,
            receipt=receipt,
            **{"rarity": "gnomad", "bcftools": "embedded", **flags},
        )
        return schema.read(target), schema.read(burden), read_json(receipt)


@pytest.fixture
def folder(tmp_path, monkeypatch, row):
    one = Folder(tmp_path, row)
    kinds = {"mrss": SimpleNamespace(type="integer"), "ild": SimpleNamespace(type="boolean")}
    study = SimpleNamespace(protocol=SimpleNamespace(measures=kinds))
    rows = SimpleNamespace(matrix_rows=lambda *_, **__: one.rows)
    monkeypatch.setitem(sys.modules, "scleromyomics.plan.rows", rows)
    monkeypatch.setitem(sys.modules, "scleromyomics.plan.study", SimpleNamespace(load_study=lambda _: study))
    return one


def value(matrix, sample, feature, layer="X"):
    values = matrix.X if layer == "X" else matrix.layers[layer]
    one = values[matrix.obs_names.get_loc(sample), matrix.var_names.get_loc(feature)]
    return float(one)


def test_copies_reads_and_qualities_are_those_of_the_profile(folder):
    folder.add("S2", [Variant(where="chr1:100:A:G", gt=2, dp=31, ad=30, gq=70)])
    folder.add("S1", [Variant(where="chr1:100:A:G", gt=1, dp=40, ad=18, gq=99)], blocks=COVERED[:1])
    matrix, _, receipt = folder.build()
    assert list(matrix.obs_names) == ["S1", "S2"]
    assert list(matrix.var_names) == NAMES
    told = {
        layer: [value(matrix, sample, "chr1:100:A:G", layer) for sample in ("S1", "S2")]
        for layer in ("X", "GT", "DP", "AD", "GQ")
    }
    assert told == {"X": [1, 2], "GT": [1, 2], "DP": [40, 31], "AD": [18, 30], "GQ": [99, 70]}
    assert value(matrix, "S1", "chr1:100:A:G", "allele_fraction") == pytest.approx(18 / 40)
    assert (receipt["n_samples"], receipt["n_features"], receipt["n_new_features"]) == (2, len(SITES), 0)
    assert receipt["sha256"]["matrix"] == sha256(folder.path / "D1.h5ad")
    assert receipt["sha256"]["burden"] == sha256(folder.path / "D1.burden.h5ad")


def test_reference_is_told_from_not_covered_and_from_filtered(folder):
    folder.add("S1", [Variant(where="chr1:1060:C:T", gt=1, passed=False)], blocks=COVERED[:1])
    matrix, *_ = folder.build()
    found = {
        name: [value(matrix, "S1", name, layer) for layer in ("X", "GT", "DP", "GQ", "allele_fraction")]
        for name in ("chr1:1070:G:A", "chr1:1060:C:T", "chrM:50:A:C")
    }
    np.testing.assert_array_equal(found["chr1:1070:G:A"], [0, 0, 20, 60, 0])
    np.testing.assert_array_equal(found["chr1:1060:C:T"], [NAN, -1, 30, 0, 0.5])  # its reads are still there
    np.testing.assert_array_equal(found["chrM:50:A:C"], [NAN, -1, 0, 0, NAN])


def test_men_have_one_copy_of_x_and_y_and_everyone_one_of_the_mitochondrion(folder):
    for sample, sex in (("S1", "F"), ("S2", "M")):
        carried = [Variant(where=f"{where}:A:C", gt=2) for where in ("chrX:200", "chrM:50")]
        folder.add(sample, [*carried, Variant(where="chrY:200:A:C", gt=1, ploidy=1)], sex=sex)
    matrix, *_ = folder.build()
    found = {
        name: [value(matrix, s, f"{name}:A:C") for s in ("S1", "S2")]
        for name in ("chrX:200", "chrY:200", "chrM:50")
    }
    np.testing.assert_array_equal(list(found.values()), [[2, 1], [NAN, 1], [1, 1]])
    assert matrix.var[["ploidy_female", "ploidy_male"]].to_numpy().tolist() == [
        {"chrX": [2, 1], "chrY": [0, 1], "chrM": [1, 1]}.get(name.split(":")[0], [2, 2]) for name in NAMES
    ]


def test_absent_is_reference_within_targets_where_the_file_says_so(folder):
    folder.add("S1", blocks=(), complete=True)
    matrix, *_ = folder.build()
    np.testing.assert_array_equal([value(matrix, "S1", name) for name in NAMES], [0] + [NAN] * 5)


def test_reads_of_candidates_count_where_the_allele_is_not_called(folder):
    folder.add("S1", candidates=[Variant(where="chr1:100:A:G", dp=60, ad=4)])
    matrix, *_ = folder.build()
    found = [value(matrix, "S1", "chr1:100:A:G", layer) for layer in ("X", "DP", "AD")]
    assert found == [0, 60, 4]


def test_features_say_where_they_are_and_what_is_known_of_them(folder):
    matrix, *_ = folder.build()
    one = matrix.var.loc["chr1:1060:C:T"]
    assert one[["gene_symbol", "gene_id", "contig", "ref", "alt", "consequence", "class"]].tolist() == [
        *("TOY1", "ENSG01", "chr1", "C", "T", "stop_gained", "lof")
    ]
    assert (one["pos"], one["rare"], one["frozen"], one["clinvar_CLNSIG"]) == (
        1060,
        "true",
        "true",
        "pathogenic",
    )
    assert matrix.var.loc["chr1:100:A:G", "frequency"] == 0.2
    assert "n_carriers" not in matrix.var


def test_uns_says_how_to_read_the_matrix(folder):
    about = folder.build()[0].uns[schema.KEY]
    assert "0 where nothing is stored (homozygous reference), NaN where not called" in about["reading"]


def test_held_samples_are_left_out_and_named(folder):
    folder.add("S1")
    folder.add("S2", blocks=(), held=["contamination"])
    matrix, burden, receipt = folder.build()
    assert list(matrix.obs_names) == list(burden.obs_names) == ["S1"]
    assert receipt["held"] == {"S2": ["contamination"]}


def test_with_every_sample_held_the_matrices_keep_their_features(folder):
    folder.add("S1", blocks=(), held=["refused"])
    matrix, burden, _ = folder.build()
    assert matrix.shape == (0, len(SITES))
    assert burden.shape == (0, 4)


def test_the_order_of_rows_changes_no_byte(folder):
    for sample in ("S1", "S2", "S3"):
        folder.add(sample, [Variant(where="chr1:100:A:G", gt=1 + (sample == "S2"))])
    folder.build(name="a")
    folder.rows.reverse()
    folder.build(name="b")
    for suffix in ("h5ad", "burden.h5ad"):
        assert sha256(folder.path / f"a.{suffix}") == sha256(folder.path / f"b.{suffix}")


def test_a_damaged_profile_is_named_in_one_line(folder):
    folder.add("S1")
    path = folder.path / folder.rows[0].profile
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"^[^\n]*profile\.npz: cannot be read [^\n]*$"):
        folder.build()
    assert not (folder.path / "D1.h5ad").exists()


def test_a_damaged_table_of_sites_is_named_in_one_line(folder):
    path = write_sites(folder.path / "cut.parquet", SITES)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"^[^\n]*cut\.parquet: not a whole Parquet file [^\n]*$"):
        folder.build(path)


def test_rare_alleles_are_counted_by_gene_and_class(folder):
    sites = [
        *SITES,
        site("chr1:1062:A:G", "frameshift", clinvar_CLNSIG=""),
        site("chr1:1410:A:G", "missense", "ENSG02", clinvar_CLNSIG=""),
        site("chr1:1064:A:G", "stop_gained", rare=False, clinvar_CLNSIG=""),
        site("chr1:1066:A:G", "synonymous", clinvar_CLNSIG=""),
    ]
    folder.add("S1", [Variant(where=f"chr1:{p}:A:G", gt=2) for p in (1062, 1064, 1066)])
    folder.add("S2", [Variant(where="chr1:1060:C:T"), Variant(where="chr1:1410:A:G")])
    burden = folder.build(sites)[1]
    features = ["ENSG01:lof", "ENSG01:missense", "ENSG02:lof", "ENSG02:missense"]
    assert list(burden.var_names) == features
    assert burden.X.tolist() == [[2, 0, 0, 0], [1, 0, 0, 1]]
    assert burden.layers["called"].tolist() == [[2, 1, 0, 1]] * 2
    assert burden.var["n_sites"].tolist() == [2, 1, 0, 1]
    assert burden.var[["gene_symbol", "gene_id", "class"]].to_numpy().tolist() == [
        *(["TOY1", "ENSG01", "lof"], ["TOY1", "ENSG01", "missense"]),
        *(["TOY2", "ENSG02", "lof"], ["TOY2", "ENSG02", "missense"]),
    ]


def test_a_burden_is_missing_where_no_site_is_called_and_zero_where_there_is_none(folder):
    folder.add("S1", blocks=[("chr1", 1065, 1075, 20, 60)])
    folder.add("S2", [Variant(where="chr1:1060:C:T", passed=False)], blocks=())
    burden = folder.build()[1]
    np.testing.assert_array_equal(burden.X, [[NAN, 0, 0, 0], [NAN, NAN, 0, 0]])
    assert burden.layers["called"].tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]


def test_the_samples_own_haplotypes_say_what_a_variant_does(folder):
    """Two frame shifts that make up for each other; two changes of one codon that make a stop."""
    told = {"chr1:1060:C:T": ("ENSG01", "missense"), "chr1:1070:G:A": ("ENSG01", "stop_gained")}
    carried = [Variant(where=where) for where in told]
    folder.add("S1", carried, told=told)
    folder.add("S2", carried)
    folder.add("S3", carried, told=dict.fromkeys(told, ("", "")))
    folder.add("S4", carried[:1], told={"chr1:1060:C:T": ("ENSG01", "synonymous")})
    folder.add(
        "S5", carried[:1], told={"chr1:1060:C:T": ("ENSG02", "synonymous")}
    )  # says nothing of the first gene
    burden = folder.build()[1]
    assert burden.X[:, :2].tolist() == [[1, 1], [1, 1], [1, 1], [0, 0], [1, 0]]
    assert burden[["S1"], :].X.tolist() == [[1, 1, 0, 0]]


def test_a_variant_in_two_genes_counts_in_both(folder):
    also = "missense|TOY2|ENSG02|U|protein_coding"
    folder.add("S1", [Variant(where="chr1:1210:A:G")])
    burden = folder.build([site("chr1:1210:A:G", "stop_gained", also=also)])[1]
    assert burden.X.tolist() == [[1, 0, 0, 1]]


@pytest.mark.parametrize(("genes", "rarity"), [(False, "gnomad"), (True, "")])
def test_without_genes_or_frequencies_there_are_no_burdens(folder, genes, rarity):
    if not genes:
        (folder.fasta.parent / "genes.gff3.gz").unlink()
    folder.add("S1")
    matrix, burden, receipt = folder.build(rarity=rarity)
    assert matrix.n_vars == len(SITES)
    assert burden.shape == (1, 0)
    assert receipt["n_genes"] == 0


def test_a_new_wave_changes_no_value_of_earlier_samples_at_old_sites(folder):
    """Whatever the samples and sites: random ones."""
    rng = np.random.default_rng(5)
    places = rng.choice(np.arange(1000, 1500), 60, replace=False)
    kinds = ["stop_gained", "missense", "synonymous", "frameshift"]
    everything = [
        site(
            f"chr1:{pos}:A:G",
            str(rng.choice(kinds)),
            str(rng.choice(["ENSG01", "ENSG02"])),
            rare=bool(rng.random() < 0.8),
        )
        for pos in places
    ]
    old, new = everything[:40], [row | {"frozen": False} for row in everything[40:]]

    def sample(name, wave, sites):
        carried = [
            Variant(
                where=row["feature"],
                gt=int(rng.integers(0, 3)),
                gq=int(rng.integers(5, 99)),
                passed=rng.random() < 0.9,
            )
            for row in sites
            if rng.random() < 0.4
        ]
        told = {one.where: ("ENSG01", str(rng.choice(kinds))) for one in carried[::3]}
        starts = np.sort(rng.choice(np.arange(1000, 1500), 10, replace=False))
        stops = np.append(starts[1:] - 1, 1500)
        blocks = [
            ("chr1", int(a), int(b), int(rng.integers(0, 40)), 50)
            for a, b in zip(starts, stops, strict=True)
            if rng.random() < 0.7
        ]
        folder.add(name, carried, blocks, told, wave=wave)

    for number in range(6):
        sample(f"A{number}", "W1", old)
    first, first_burden, _ = folder.build(old, "W1")
    for number in range(6):
        sample(f"B{number}", "W2", everything)
    second, second_burden, receipt = folder.build([*old, *new], "W2")
    names = list(first.obs_names)
    for layer in (None, *first.layers):
        before = first.X if layer is None else first.layers[layer]
        mine = second[names, first.var_names]
        after = mine.X if layer is None else mine.layers[layer]
        dense = [one.toarray() if hasattr(one, "toarray") else one for one in (before, after)]
        np.testing.assert_array_equal(*dense)
    for layer in ("raw", "called"):
        np.testing.assert_array_equal(first_burden.layers[layer], second_burden[names].layers[layer])
    assert first.var.equals(second.var.loc[first.var_names].astype(first.var.dtypes))
    assert (second.var["frozen"] == "false").sum() == receipt["n_new_features"] == 20
    assert not np.nansum(first_burden.layers["new_sites"])
    assert np.nansum(second_burden.layers["new_sites"]) > 0
    assert np.nansum(second_burden.X) > 0
