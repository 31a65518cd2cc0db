"""Allele fractions within a participant: who is compared with whom, on which reads, and what a change looks like."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loci import (
    Released,
    Someone,
    Variant,
    alternative,
    sequences,
    tools,
    write_genome,
    write_reads,
    write_sample,
)

from scleromyomics.core.files import sha256, write_json
from scleromyomics.genotypes.within import compare, pairs_of, read_counts, read_pairs, run
from scleromyomics.stats.allele_fraction import allele_change
from scleromyomics.stats.design import intercept

CONTIGS = sequences()
HET, GROWS, NEW, FEW = (alternative(CONTIGS, "chr1", pos) for pos in (400, 800, 1300, 1900))
D1 = Released(sample="P1_D1_pbmc", participant="P1")
M12 = replace(D1, sample="P1_M12_pbmc", visit="V2", timepoint="M12", day=365)
SKIN = replace(D1, sample="P1_D1_skin", tissue="skin_healthy")
OTHER = Released(sample="P2_D1_pbmc", participant="P2")
LIMITS = {
    "minimum_mapping_quality": 20,
    "minimum_base_quality": 13,
    "maximum_depth": 2000,
    "minimum_depth": 20,
    "overdispersion": 0.002,
}


class Study:
    """A study of which only the products of samples exist."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.rows = folder, []
        self.genome = write_genome(folder / "reference")
        self._patch = monkeypatch

    def add(
        self, one: Released, someone: Someone, fractions: dict[str, float] | None = None, **more: object
    ) -> None:
        """A sample; with fractions, one of which there are alignments."""
        own = self.folder / one.quality.parent
        write_sample(own, one.sample, someone)
        write_json(own / "raw.receipt.json", {"format": "vcf" if fractions is None else "fastq"})
        if fractions is not None:
            write_reads(own / "aligned.cram", self.genome, fractions, sample=one.sample, **more)
        self.rows.append(one)

    def run(
        self, participant: str = "P1", **more: object
    ) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        self._patch.setattr("scleromyomics.plan.rows.release_rows", lambda *_, **__: self.rows)
        table, counts = self.folder / f"{participant}.parquet", self.folder / f"{participant}.counts.parquet"
        named = {"study": self.folder, "release": "W1", "rows": "0", "genome": self.genome.fasta}
        run(
            **named,
            participant=participant,
            table=table,
            counts=counts,
            **LIMITS | {"bcftools": "embedded"} | more,
        )
        return read_pairs(table).to_pylist(), read_counts(counts).to_pylist()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    return Study(tmp_path, monkeypatch)


def three_samples(study: Study) -> None:
    """Blood twice, skin once; a variant grows in blood and is not in skin."""
    germline = Someone(variants=[Variant(where=HET)])
    study.add(
        D1,
        replace(germline, candidates=[Variant(where=HET, dp=90, ad=45)]),
        {HET: 0.5, GROWS: 0.02},
        seed=1,
        depth=90,
    )
    seen = [Variant(where=GROWS, dp=90, ad=20)]
    study.add(M12, replace(germline, candidates=seen), {HET: 0.5, GROWS: 0.3}, seed=2, depth=90)
    study.add(SKIN, germline, {HET: 0.5}, seed=3, depth=90)


@pytest.mark.parametrize("bcftools", tools("bcftools"))
def test_a_variant_that_grows_is_found_and_the_germline_stays(study: Study, bcftools: str) -> None:
    three_samples(study)
    study.add(OTHER, Someone(variants=[Variant(where=NEW)]), {NEW: 0.5}, depth=30)  # of no concern
    pairs, counts = study.run(bcftools=bcftools)
    assert [(row["comparison"], row["first"], row["second"], row["feature"]) for row in pairs] == [
        ("tissue", D1.sample, SKIN.sample, HET),
        ("tissue", D1.sample, SKIN.sample, GROWS),
        ("visit", D1.sample, M12.sample, HET),
        ("visit", D1.sample, M12.sample, GROWS),
    ]
    rows = {(row["comparison"], row["feature"]): row for row in pairs}
    change = rows["visit", GROWS]
    assert change["q_value"] < 1e-4
    assert change["ci_low"] > 0
    assert change["fraction_second"] == pytest.approx(0.3, abs=0.15)
    assert rows["visit", HET]["q_value"] > 0.05
    assert rows["visit", HET]["ci_low"] < 0 < rows["visit", HET]["ci_high"]
    assert rows["visit", GROWS]["alternate_second"] == round(
        change["fraction_second"] * change["depth_second"]
    )
    assert {row["sample"] for row in counts} == {D1.sample, M12.sample, SKIN.sample}
    skin = [row for row in counts if row["sample"] == SKIN.sample and f"chr1:{row['pos']}:" in GROWS]
    assert (skin[0]["alternate"], skin[0]["depth"] > 50) == (0, True)


def test_samples_of_one_tissue_and_visit_are_not_compared() -> None:
    again = replace(D1, sample="P1_D1_pbmc_2")
    late = replace(M12, tissue="muscle", sample="P1_M12_muscle")
    found = pairs_of([late, M12, again, SKIN, D1])
    assert [(one.comparison, one.first.sample, one.second.sample) for one in found] == [
        ("tissue", D1.sample, SKIN.sample),
        ("tissue", again.sample, SKIN.sample),
        ("tissue", M12.sample, late.sample),
        ("visit", D1.sample, M12.sample),
        ("visit", again.sample, M12.sample),
    ]


def test_the_earlier_visit_is_first_whatever_it_is_called() -> None:
    event = replace(D1, sample="P1_A", visit="V3", timepoint="EVENT", day=90)
    assert [(one.first.day, one.second.day) for one in pairs_of([M12, event, D1])] == [
        (90, 365),
        (0, 90),
        (0, 365),
    ]


def test_a_vcf_alone_tells_the_reads_that_it_has(study: Study) -> None:
    blocks = [("chr1", 1, 399, 33, 60), ("chr1", 401, 3000, 33, 60)]
    study.add(D1, Someone(variants=[Variant(where=HET, dp=40, ad=22)], blocks=blocks))
    study.add(
        M12,
        Someone(
            variants=[Variant(where=HET, dp=30, ad=11), Variant(where=GROWS, dp=50, ad=9)], blocks=blocks
        ),
    )
    pairs, counts = study.run()
    reads = {
        row["feature"]: [
            row[f"{what}_{which}"] for which in ("first", "second") for what in ("depth", "alternate")
        ]
        for row in pairs
    }
    assert reads == {HET: [40, 22, 30, 11], GROWS: [33, 0, 50, 9]}
    assert {row["forward"] for row in counts} == {0}


def test_sites_need_depth_in_both_and_the_allele_in_one(study: Study) -> None:
    blocks = [("chr1", 1, 1000, 33, 60), ("chr1", 1001, 3000, 19, 60)]
    study.add(
        D1,
        Someone(variants=[Variant(where=HET, dp=40, ad=22), Variant(where=NEW, dp=40, ad=20)], blocks=blocks),
    )
    study.add(M12, Someone(variants=[Variant(where=HET, dp=20, ad=11)], blocks=blocks))
    study.add(SKIN, Someone(variants=[Variant(where=FEW, dp=90, ad=40)], blocks=blocks))
    pairs, _ = study.run()
    assert [(row["comparison"], row["feature"]) for row in pairs] == [("tissue", HET), ("visit", HET)]


def test_a_participant_with_one_sample_has_counts_and_no_pairs(study: Study) -> None:
    study.add(D1, Someone(variants=[Variant(where=HET)]), {HET: 0.5})
    pairs, counts = study.run()
    assert pairs == []
    assert len(counts) == 1


def test_samples_held_back_take_no_part(study: Study) -> None:
    study.add(D1, Someone(variants=[Variant(where=HET)]), {HET: 0.5})
    study.add(
        M12,
        Someone(variants=[Variant(where=NEW)], held=["mapped: found 0.2; allowed: at least 0.9"]),
        {NEW: 0.5},
    )
    pairs, counts = study.run()
    assert pairs == []
    assert {row["sample"] for row in counts} == {D1.sample}
    study.rows = study.rows[1:]
    assert study.run() == ([], [])


def test_the_same_samples_give_the_same_bytes_with_any_threads(study: Study) -> None:
    three_samples(study)
    study.run()
    files = (study.folder / "P1.parquet", study.folder / "P1.counts.parquet")
    once = [sha256(path) for path in files]
    study.rows.reverse()
    study.run(threads=3)
    assert [sha256(path) for path in files] == once


def test_equal_counts_are_fitted_once_and_each_row_is_as_alone() -> None:
    rng = np.random.default_rng(1)
    depth = rng.integers(20, 40, (2, 400)).astype(np.int32)
    alternate = np.minimum(rng.integers(0, 6, (2, 400)), depth).astype(np.int32)
    found = compare(alternate, depth, overdispersion=0.002)
    for row in (0, 17, 399):
        one = allele_change(
            alternate[:, [row], None].astype(float),
            depth[:, [row], None].astype(float),
            intercept(1),
            np.ones(1),
            rho=0.002,
        )
        assert found.estimate[row] == pytest.approx(one.estimate[0], abs=1e-9)
        assert found.p_value[row] == pytest.approx(one.p_value[0], abs=1e-9)
    assert (found.q_value >= found.p_value).all()


def test_a_stable_fraction_is_called_changed_no_more_often_than_the_level() -> None:
    rng, rho = np.random.default_rng(2), 0.002
    depth = rng.poisson(80, (2, 4000)).astype(np.int32) + 20
    fraction = np.where(rng.random(4000) < 0.5, 0.5, 0.1)
    own = rng.beta(fraction * (1 - rho) / rho, (1 - fraction) * (1 - rho) / rho, (2, 4000))
    found = compare(rng.binomial(depth, own).astype(np.int32), depth, overdispersion=rho)
    assert np.mean(found.p_value < 0.05) < 0.06
    assert np.mean((found.ci_low < 0) & (found.ci_high > 0)) > 0.94
