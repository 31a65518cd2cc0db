"""The part of another person's DNA is estimated without bias, from reads or from called variants, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from called import TOOLS, Haplotype, other, paired_reads, sequence, write_cram, write_reference

from scleromyomics.core.tools import find_tool
from scleromyomics.variants.contamination import (
    FEWEST_SITES,
    MOST_SITES,
    common_sites,
    count_alleles,
    estimate,
    log_likelihood,
    spread,
)
from scleromyomics.variants.loci import Genome

ERROR = 0.003


def reads(
    rng: np.random.Generator, *, sites: int, depth: int, mixture: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Reference and alternate reads, population frequencies and the sample's genotypes of one mixture."""
    frequency = rng.uniform(0.05, 0.95, sites)
    mine, theirs = rng.binomial(2, frequency), rng.binomial(2, frequency)
    share = (1 - mixture) * mine / 2 + mixture * theirs / 2
    alternate = share * (1 - ERROR) + (1 - share) * ERROR / 3
    total = rng.poisson(depth, sites)
    shown = rng.binomial(total, alternate)
    return total - shown, shown, frequency, mine


@pytest.mark.parametrize("depth", [30, 100])
@pytest.mark.parametrize("mixture", [0, 0.02, 0.05, 0.12])
def test_the_estimate_is_without_bias_and_narrow(mixture: float, depth: int) -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(12):
        reference, alternate, frequency, _ = reads(rng, sites=1000, depth=depth, mixture=mixture)
        value, count = estimate(reference, alternate, frequency)
        assert count > 990
        found.append(value)
    assert np.mean(found) == pytest.approx(mixture, abs=0.0015 + 0.02 * mixture)
    assert np.std(found) < 0.0015 + 0.08 * mixture


@pytest.mark.parametrize("mixture", [0, 0.02, 0.05, 0.12])
def test_called_variants_alone_tell_it_too(mixture: float) -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(12):
        reference, alternate, frequency, mine = reads(rng, sites=2000, depth=40, mixture=mixture)
        carried = mine > 0
        found.append(estimate(reference[carried], alternate[carried], frequency[carried], carrier=True)[0])
    assert np.mean(found) == pytest.approx(mixture, abs=0.0015 + 0.03 * mixture)
    assert np.std(found) < 0.002 + 0.08 * mixture


def test_sequencing_errors_are_no_contamination() -> None:
    rng = np.random.default_rng(3)
    frequency = rng.uniform(0.05, 0.95, 2000)
    mine, total = rng.binomial(2, frequency), np.full(2000, 60)
    share = mine / 2
    alternate = rng.binomial(total, share * 0.99 + (1 - share) * 0.01)
    value, _ = estimate(total - alternate, alternate, frequency)
    assert value == pytest.approx(0, abs=0.004)


def test_too_few_sites_tell_nothing() -> None:
    rng = np.random.default_rng(4)
    reference, alternate, frequency, _ = reads(rng, sites=FEWEST_SITES - 1, depth=50, mixture=0.1)
    assert estimate(reference, alternate, frequency) == (None, FEWEST_SITES - 1)
    none = np.zeros(0)
    assert estimate(none, none, none) == (None, 0)


def test_shallow_and_rare_sites_do_not_count() -> None:
    rng = np.random.default_rng(5)
    reference, alternate, frequency, _ = reads(rng, sites=500, depth=50, mixture=0.05)
    known = estimate(reference, alternate, frequency)
    shallow = np.full(300, 4)
    more = (
        np.concatenate([reference, shallow]),
        np.concatenate([alternate, shallow]),
        np.concatenate([frequency, np.full(300, 0.5)]),
    )
    assert estimate(*more) == known
    rare = (
        np.concatenate([reference, 20 * shallow]),
        np.concatenate([alternate, shallow]),
        np.concatenate([frequency, np.full(300, 0.01)]),
    )
    assert estimate(*rare) == known


def test_the_likelihood_is_that_of_one_read_by_hand() -> None:
    """One read with the alternate allele at a site of frequency 0.5, mixture 0.2, no errors but 3 in 1000."""
    chance = {0: 0.25, 1: 0.5, 2: 0.25}
    total = 0.0
    for mine, first in chance.items():
        for theirs, second in chance.items():
            share = 0.8 * mine / 2 + 0.2 * theirs / 2
            shown, hidden = share * 0.997 + (1 - share) * 0.001, (1 - share) * 0.997 + share * 0.001
            total += first * second * shown / (shown + hidden)
    data = {"reference": np.zeros(1), "alternate": np.ones(1), "frequency": np.full(1, 0.5)}
    assert log_likelihood(0.2, 0.003, carrier=False, **data) == pytest.approx(np.log(total))


def test_sites_are_taken_evenly() -> None:
    assert spread(3).tolist() == [0, 1, 2]
    assert spread(0).tolist() == []
    many = spread(12 * MOST_SITES)
    assert many.size == MOST_SITES
    assert many[0] == 0
    assert many[-1] == 12 * MOST_SITES - 1


@pytest.mark.parametrize("tool", TOOLS)
def test_a_mixture_of_two_people_is_seen_in_their_reads(tmp_path: Path, tool: str) -> None:
    bases = sequence(30_000, 6)
    rng = np.random.default_rng(7)
    sites = [(int(pos), bases[pos - 1], other(bases[pos - 1])) for pos in range(200, 29_800, 90)]
    frequency = rng.uniform(0.1, 0.9, len(sites))
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=chr1,length=30000>", "##contig=<ID=chrX,length=100>"]
    lines += [
        '##INFO=<ID=AF,Number=A,Type=Float,Description="f">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    lines += [
        f"chr1\t{pos}\t.\t{ref}\t{alt}\t.\t.\tAF={often:.3f}"
        for (pos, ref, alt), often in zip(sites, frequency, strict=True)
    ]
    lines += ["chrX\t5\t.\tA\tC\t.\t.\tAF=0.5"]
    contigs = {"chr1": bases, "chrX": "A" * 100}
    reference = write_reference(tmp_path / "reference", contigs, common="\n".join(lines) + "\n")
    people = []
    for _ in range(2):
        carried = [
            [one for one, often in zip(sites, frequency, strict=True) if rng.random() < often]
            for _ in range(2)
        ]
        people += [Haplotype.of(bases, one) for one in carried]
    mixture = 0.1
    weights = [(1 - mixture) / 2] * 2 + [mixture / 2] * 2
    cram = write_cram(
        tmp_path / "mixed.cram", reference, "s1", paired_reads("r", "chr1", people, 40, weights=weights)
    )
    genome, bcftools = Genome.load(reference.fasta), find_tool("bcftools", tool)
    found, often = common_sites(
        reference.folder / "common.bcf", reference.targets, genome, bcftools, tmp_path
    )
    assert found.pos.tolist() == [pos for pos, _, _ in sites]  # none of X
    np.testing.assert_allclose(often, frequency, atol=0.001)
    counts = count_alleles(cram, found, genome, bcftools, folder=tmp_path, what="s1")
    assert np.median(counts[0] + counts[1]) == pytest.approx(40, abs=4)
    value, count = estimate(*counts, often)
    assert count > 300
    assert value == pytest.approx(mixture, abs=0.025)
