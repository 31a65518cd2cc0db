"""Parts cover the genome once, whatever its contigs, and hold every record that is written within them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from called import write_reference
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.variants.loci import Genome, Sites
from scleromyomics.variants.regions import BEYOND, JUMP, Part, Span, cut, near, read_targets, write_bed


def regions(lengths: dict[str, int], size: int) -> list[str]:
    return [
        f"{name}:{first}-{min(first + size - 1, length)}"
        for name, length in lengths.items()
        for first in range(1, length + 1, size)
    ]


def whole(lengths: dict[str, int]) -> dict[str, np.ndarray]:
    return {name: np.array([[1, length]]) for name, length in lengths.items()}


def spans(parts: list[Part]) -> list[Span]:
    return [span for part in parts for span in part.spans]


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=12), st.integers(200, 3000), st.integers(200, 9000)
)
def test_every_base_lies_in_one_part(lengths: list[int], size: int, bases: int) -> None:
    contigs = {f"c{number}": length for number, length in enumerate(lengths)}
    found = spans(cut(regions(contigs, size), whole(contigs), bases=bases))
    for name, length in contigs.items():
        mine = sorted(span for span in found if span.contig == name)
        assert mine[0].first == 1
        assert mine[-1].last == length
        assert all(after.first == before.last + 1 for before, after in pairwise(mine))


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=12), st.integers(200, 3000), st.integers(200, 9000)
)
def test_parts_follow_the_genome_and_a_group_never_shares_a_contig(
    lengths: list[int], size: int, bases: int
) -> None:
    contigs = {f"c{number}": length for number, length in enumerate(lengths)}
    parts = cut(regions(contigs, size), whole(contigs), bases=bases)
    assert [part.number for part in parts] == list(range(len(parts)))
    order = [list(contigs).index(span.contig) for span in spans(parts)]
    assert order == sorted(order)
    groups: dict[str, set[int]] = {}
    for part in parts:
        for span in part.spans:
            groups.setdefault(span.contig, set()).add(part.group)
    assert all(len(found) == 1 for found in groups.values())


def test_small_contigs_share_a_part_and_a_large_one_is_cut_at_its_regions() -> None:
    contigs = {"a": 100, "b": 100, "long": 1000, "c": 50}
    parts = cut(regions(contigs, 250), whole(contigs), bases=300)
    shown = [[(one.contig, one.first, one.last) for one in part.spans] for part in parts]
    assert shown == [
        [("a", 1, 100), ("b", 1, 100)],
        [("long", 1, 250)],
        [("long", 251, 500)],
        [("long", 501, 750)],
        [("long", 751, 1000)],
        [("c", 1, 50)],
    ]


def test_contigs_without_targets_or_that_the_person_does_not_have_are_in_no_part() -> None:
    contigs = {"chr1": 100, "chr2": 100, "chrY": 100}
    targets = {"chr1": np.array([[11, 20]]), "chrY": np.array([[1, 100]])}
    assert [one.contig for one in spans(cut(regions(contigs, 50), targets, without=("chrY",)))] == ["chr1"]


def test_a_part_looks_beyond_its_end_and_keeps_what_is_written_within(tmp_path: Path) -> None:
    reference = write_reference(tmp_path, {"c": "A" * 5000})
    genome = Genome.load(reference.fasta)
    targets = {"c": np.array([[1901, 2100], [2950, 4000]])}
    first, second = cut(regions({"c": 5000}, 2000), targets, bases=150)[:2]
    assert [(one.first, one.last) for one in first.targets] == [(1901, 2100), (2950, 2000 + BEYOND)]
    assert [(one.first, one.last) for one in first.own_targets] == [(1901, 2000)]
    assert [(one.first, one.last) for one in second.own_targets] == [(2001, 2100), (2950, 4000)]
    sites = Sites.of([0, 0, 0], [1950, 2000, 2001], ["A"] * 3, ["C"] * 3)
    assert first.keeps(sites, genome).tolist() == [True, True, False]
    assert second.keeps(sites, genome).tolist() == [False, False, True]


def test_a_record_shifted_into_a_stretch_without_targets_is_kept(tmp_path: Path) -> None:
    genome = Genome.load(write_reference(tmp_path, {"c": "A" * 900}).fasta)
    parts = cut(regions({"c": 900}, 300), {"c": np.array([[601, 700]])}, bases=50)
    shifted = Sites.of([0], [590], ["AA"], ["A"])
    assert [part.keeps(shifted, genome).tolist() for part in parts] == [[True]]


def test_targets_are_read_from_one_on(tmp_path: Path) -> None:
    (tmp_path / "t.bed").write_text("a\t0\t10\nb\t5\t6\tname\na\t20\t30\n")
    found = read_targets(tmp_path / "t.bed")
    assert {name: rows.tolist() for name, rows in found.items()} == {"a": [[1, 10], [21, 30]], "b": [[6, 6]]}


@pytest.mark.parametrize(
    ("text", "span"), [("chr1:1-20", Span("chr1", 1, 20)), ("HLA:A:3-4", Span("HLA:A", 3, 4))]
)
def test_a_contig_name_may_hold_colons(text: str, span: Span) -> None:
    assert Span.of(text) == span


def test_stretches_that_are_read_in_one_go_are_joined() -> None:
    spans = [
        Span("a", 1, 10),
        Span("a", 10 + JUMP, 20 + JUMP),
        Span("a", 21 + 2 * JUMP, 99 + 2 * JUMP),
        Span("b", 5, 6),
    ]
    assert near(spans) == [Span("a", 1, 20 + JUMP), Span("a", 21 + 2 * JUMP, 99 + 2 * JUMP), Span("b", 5, 6)]


def test_bed_counts_from_zero(tmp_path: Path) -> None:
    write_bed(tmp_path / "t.bed", [Span("a", 1, 10), Span("b", 6, 6)])
    assert (tmp_path / "t.bed").read_text() == "a\t0\t10\nb\t5\t6\n"
