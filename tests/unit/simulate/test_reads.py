import numpy as np
import pytest

from scleromyomics.simulate import reads
from scleromyomics.simulate.coding import bases, reverse_complement, text
from scleromyomics.simulate.germline import Person, germline
from scleromyomics.simulate.latent import stream
from scleromyomics.simulate.mosaics import mosaics
from scleromyomics.simulate.reads import LENGTH, QUALITIES

WOMAN, MAN = Person("P401", "F", "ssc"), Person("P403", "M", "ssc")


@pytest.fixture(scope="module")
def haplotypes(known):
    return {
        one.participant: reads.haplotypes(known.genome, germline(known, one), one.sex) for one in (WOMAN, MAN)
    }


@pytest.fixture(scope="module")
def kit(known):
    return reads.capture(known.genome, seed=1)


@pytest.fixture(scope="module")
def library(known, haplotypes, kit):
    """The molecules of a woman's exome."""
    return drawn(known, haplotypes["P401"], kit)


def drawn(known, of, kit, *, shares=(0.5, 0.5), depth=100.0, key="exome"):
    pairs = reads.pairs_for(depth, kit, known.genome)
    return reads.molecules(of, shares, pairs, genome=known.genome, kit=kit, rng=stream(1, key))


def depth_of(known, of, library):
    """Bases read, once per pair, over each place of the genome."""
    found = np.zeros(len(known.genome) + 1, int)
    for number, one in enumerate(of):
        mine = (library.haplotype == number) & ~library.foreign
        np.add.at(found, one.reference[library.start[mine]], 1)
        np.add.at(found, one.reference[library.end[mine] - 1] + 1, -1)
    return np.cumsum(found)[:-1]


def targets(known):
    inside = np.zeros(len(known.genome), bool)
    for contig, start, end in known.genome.targets:
        inside[known.genome.place(contig, start) : known.genome.place(contig, end)] = True
    return inside


def test_a_haplotype_is_the_genome_with_its_variants(known, haplotypes):
    for person in (WOMAN, MAN):
        own = germline(known, person)
        for number, one in enumerate(haplotypes[person.participant]):
            carried = [
                variant for variant, copies in zip(own.variants, own.copies[number], strict=True) if copies
            ]
            assert len(carried) > 100
            for variant in carried:
                at = int(one.at(np.array([variant.place]))[0])
                assert text(one.bases[at : at + len(variant.alt)]) == variant.alt
                assert one.reference[at] == variant.place
                assert one.reference[at + len(variant.alt)] == variant.place + len(variant.ref)
            longer = sum(len(variant.alt) - len(variant.ref) for variant in carried)
            assert len(one) - len(known.genome) == longer
            same = one.bases[~one.inserted] == known.genome.bases[one.reference[~one.inserted]]
            assert (~same).sum() == sum(len(one.alt) == len(one.ref) for one in carried)


def test_an_exome_has_the_depth_asked_for_on_target_and_little_elsewhere(known, haplotypes, library):
    inside = targets(known)
    depth = depth_of(known, haplotypes["P401"], library)
    without_y = np.arange(len(known.genome)) < known.genome.starts[known.genome.names.index("chrY")]
    assert depth[inside & without_y].mean() == pytest.approx(100, rel=0.05)
    assert (depth[inside & without_y] >= 10).mean() > 0.99
    middle = (library.start + library.length // 2)[~library.foreign]
    near = np.convolve(inside, np.ones(301), "same") > 0
    caught = near[haplotypes["P401"][0].reference[middle]].mean()
    assert 0.85 < caught < 0.97
    assert depth[~near & without_y].mean() < 12


def test_a_whole_genome_is_covered_evenly(known, haplotypes):
    of = haplotypes["P401"]
    depth = depth_of(known, of, drawn(known, of, None, depth=35.0, key="whole"))
    first = depth[: known.genome.starts[1]]
    assert first.mean() == pytest.approx(35, rel=0.05)
    assert first[500:-500].min() > 5
    start, end = known.genome.starts[-2:]
    assert depth[start + 500 : end - 500].mean() == pytest.approx(4 * 35, rel=0.1)


def test_x_has_half_the_depth_in_men_and_y_none_in_women(known, haplotypes, kit):
    inside, place = targets(known), known.genome.starts
    depth = {name: depth_of(known, of, drawn(known, of, kit, key=name)) for name, of in haplotypes.items()}
    x, y = (slice(place[one], place[one + 1]) for one in (2, 3))
    chosen = {name: [one[part][inside[part]].mean() for part in (x, y)] for name, one in depth.items()}
    assert chosen["P401"] == [pytest.approx(100, rel=0.15), 0]
    assert chosen["P403"] == [pytest.approx(50, rel=0.15), pytest.approx(50, rel=0.15)]


def test_ends_are_those_of_the_molecule_and_mates_agree_where_they_overlap(haplotypes, library):
    of = haplotypes["P401"]
    read = reads.ends(of, library, [], stream(1, "ends"))
    native = np.flatnonzero(~library.foreign)
    for row in native[:2000]:
        one = of[library.haplotype[row]]
        whole = one.bases[library.start[row] : library.end[row]]
        own = min(LENGTH, len(whole))
        np.testing.assert_array_equal(read.left[row, :own], whole[:own])
        np.testing.assert_array_equal(read.right[row, :own], reverse_complement(whole)[:own])
    short = native[library.length[native] < LENGTH]
    assert len(short) / len(native) == pytest.approx(0.03, abs=0.005)
    adapters = {one[:20] for one in reads.ADAPTERS}
    for row in short[:200]:
        tails = {text(side[row, library.length[row] :])[:20] for side in (read.left, read.right)}
        assert all(any(adapter.startswith(tail) for adapter in adapters) for tail in tails)


def test_copies_are_as_many_as_declared_and_equal_but_for_errors(known, haplotypes, library):
    assert library.copy.mean() == pytest.approx(0.08, abs=0.002)
    found = mosaics(known, WOMAN, germline(known, WOMAN), "pbmc", DECLARED)
    read = reads.ends(haplotypes["P401"], library, [(one, 0.25) for one in found], stream(1, "ends"))
    original = {origin: row for row, origin in enumerate(library.origin) if not library.copy[row]}
    rows = np.flatnonzero(library.copy & ~library.foreign)
    first = np.array([original[library.origin[row]] for row in rows])
    for side in (read.left, read.right):
        assert (side[rows] == side[first]).all()


DECLARED = [{"tissue": "pbmc", "participants": ["P401"], "number": 3, "grow": True}]


def test_mosaic_variants_are_in_the_reads_at_their_fraction(known, haplotypes):
    of = haplotypes["P401"]
    found = mosaics(known, WOMAN, germline(known, WOMAN), "pbmc", DECLARED)
    library = drawn(known, of, reads.capture(known.genome, seed=1), depth=1200.0, key="deep")
    read = reads.ends(of, library, [(one, 0.1) for one in found], stream(1, "deep ends"))
    for one in found:
        with_allele = total = 0
        for number, haplotype in enumerate(of):
            place = int(haplotype.at(np.array([one.variant.place]))[0])
            offset = place - library.start
            rows = np.flatnonzero(
                (library.haplotype == number) & (offset >= 0) & (offset < np.minimum(LENGTH, library.length))
                & ~library.foreign & ~library.copy
            )  # fmt: skip
            seen = read.left[rows, offset[rows]]
            assert set(np.unique(seen)) <= {ord(one.variant.ref), ord(one.variant.alt)}
            if number != one.haplotype:
                assert (seen == ord(one.variant.ref)).all()
            with_allele += (seen == ord(one.variant.alt)).sum()
            total += len(rows)
        assert total > 300
        assert with_allele / total == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / total))


def test_errors_are_as_frequent_as_the_qualities_say(haplotypes, library):
    true = reads.ends(haplotypes["P401"], library, [], stream(1, "ends"))
    mates = reads.sequenced(true, library, stream(1, "sequencer"))
    swapped = library.reverse[:, None]
    first = np.where(swapped, true.right, true.left)
    scores = mates.qualities[0]
    assert set(np.unique(scores)) == set(QUALITIES)
    for score in QUALITIES[1:]:
        wrong = (mates.bases[0] != first)[scores == score]
        assert wrong.mean() == pytest.approx(10 ** (-score / 10), rel=0.1)
    np.testing.assert_array_equal(mates.bases[0] == ord("N"), scores == QUALITIES[0])
    means = [quality.mean(axis=0) for quality in mates.qualities]
    for mean in means:
        assert mean[:10].mean() > mean[70:80].mean() > mean[-10:].mean() > 28
    assert means[0].mean() > means[1].mean()
    assert (mates.bases[0] != first).mean() < 0.005


def test_a_contaminated_library_is_partly_another_persons(known, haplotypes, kit):
    both = haplotypes["P401"] + haplotypes["P403"]
    mixed = drawn(known, both, kit, shares=(0.44, 0.44, 0.06, 0.06))
    assert (mixed.haplotype >= 2).mean() == pytest.approx(0.12, abs=0.005)


def test_some_pairs_are_from_no_human_genome(haplotypes, library):
    assert library.foreign.mean() == pytest.approx(0.004, abs=0.002)
    read = reads.ends(haplotypes["P401"], library, [], stream(1, "ends"))
    row = np.flatnonzero(library.foreign & (library.length >= LENGTH))[0]
    assert text(read.left[row, :30]) not in text(haplotypes["P401"][0].bases)
    assert set(np.unique(read.left)) == set(bases("ACGT"))
