"""Blocks can be cut and joined without moving their ends; records are written as a VCF has them."""

import io
from pathlib import Path

import numpy as np
import pytest
from called import Reference, sequence, write_reference
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.variants.loci import TEXT, Genome, Sites
from scleromyomics.variants.records import (
    Blocks,
    Variants,
    bases,
    block_quality,
    header,
    join_variants,
    write,
)


def blocks(rows: list[tuple[int, int, int, int]], gq: int = 30) -> Blocks:
    """Blocks from contig, first and last base, and depth."""
    contig, start, end, dp = np.array(rows, dtype=np.int32).reshape(-1, 4).T
    return Blocks(
        contig=contig.astype(np.int16),
        start=start,
        end=end,
        single=np.zeros(start.size, dtype=bool),
        dp=dp,
        gq=np.full(start.size, gq, dtype=np.int32),
    )


def shown(found: Blocks) -> list[tuple[int, ...]]:
    columns = (found.contig, found.start, found.end, found.dp)
    return [tuple(map(int, row)) for row in zip(*columns, strict=True)]


def texts(*values: str) -> np.ndarray:
    return np.array(values, dtype=TEXT)


def variants(rows: list[tuple[int, int, str, str]], *, qual: str = "50") -> Variants:
    sites = Sites.of(*(list(column) for column in zip(*rows, strict=True)))
    count = len(sites)
    fields = {"GT": texts(*["0/1"] * count), "DP": texts(*["9"] * count)}
    return Variants(sites=sites, qual=texts(*[qual] * count), filters=texts(*[""] * count), fields=fields)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=8), st.sets(st.integers(1, 300)))
def test_a_cut_block_covers_what_it_did_but_for_the_holes(
    steps: list[tuple[int, int]], holes: set[int]
) -> None:
    rows, at = [], 1
    for length, gap in steps:
        rows.append((0, at, at + length - 1, 7))
        at += length + gap
    whole = blocks(rows)
    sites = Sites.of([0] * len(holes), sorted(holes), ["A"] * len(holes), ["C"] * len(holes))
    covered = {pos for _, first, last, _ in shown(whole) for pos in range(first, last + 1)}
    cut = shown(whole.without(sites))
    assert {pos for _, first, last, _ in cut for pos in range(first, last + 1)} == covered - holes
    assert all(first <= last for _, first, last, _ in cut)


def test_a_hole_cuts_the_block_that_holds_it() -> None:
    sites = Sites.of([0, 0, 1, 1], [5, 10, 3, 50], ["A"] * 4, ["C"] * 4)
    found = blocks([(0, 1, 10, 4), (0, 11, 20, 9), (1, 1, 30, 2)]).without(sites)
    assert shown(found) == [(0, 1, 4, 4), (0, 6, 9, 4), (0, 11, 20, 9), (1, 1, 2, 2), (1, 4, 30, 2)]


def test_blocks_are_clipped_to_stretches() -> None:
    found = blocks([(0, 1, 100, 5), (1, 1, 100, 6)]).on(
        np.array([0, 0, 1], dtype=np.int16), np.array([10, 50, 90]), np.array([20, 60, 200])
    )
    assert shown(found) == [(0, 10, 20, 5), (0, 50, 60, 5), (1, 90, 100, 6)]


def test_neighbours_of_one_band_are_joined_with_their_fewest_reads() -> None:
    whole = blocks([(0, 1, 10, 12), (0, 11, 20, 15), (0, 21, 30, 25), (0, 32, 40, 25), (1, 41, 50, 25)])
    assert shown(whole.merged([1, 10, 20])) == [
        (0, 1, 20, 12),
        (0, 21, 30, 25),
        (0, 32, 40, 25),
        (1, 41, 50, 25),
    ]


def test_no_blocks_are_no_blocks() -> None:
    empty = blocks([])
    assert shown(empty.merged([1])) == []
    assert shown(empty.without(Sites.of([0], [5], ["A"], ["C"]))) == []
    assert shown(empty.on(np.array([0], dtype=np.int16), np.array([1]), np.array([9]))) == []


def test_the_quality_of_a_block_is_the_chance_that_reads_hid_another_allele() -> None:
    dp, single = np.array([1, 7, 60, 1, 7, 60]), np.array([False] * 3 + [True] * 3)
    assert block_quality(dp, single, 13).tolist() == [3, 21, 99, 13, 91, 99]
    assert 10 ** (-block_quality(dp, single, 13)[1] / 10) == pytest.approx(0.5**7, rel=0.05)


def test_of_equal_records_the_one_with_the_highest_quality_is_kept() -> None:
    rows = [(0, 5, "A", "C"), (0, 3, "A", "G")]
    both = join_variants([variants(rows, qual="9.5"), variants(rows[:1], qual="100")])
    found = both.distinct()
    assert found.sites.pos.tolist() == [3, 5]
    assert found.qual.tolist() == ["9.5", "100"]


def test_joined_records_keep_their_fields_and_lack_those_of_others() -> None:
    one = variants([(0, 5, "A", "C")])
    other = Variants(sites=one.sites, qual=one.qual, filters=one.filters, fields={"AD": texts("1,2")})
    joined = join_variants([one, other])
    assert {name: values.tolist() for name, values in joined.fields.items()} == {
        "GT": ["0/1", ""],
        "DP": ["9", ""],
        "AD": ["", "1,2"],
    }


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    return write_reference(tmp_path, {"a": sequence(150, 1).lower(), "b": "N" * 61 + sequence(80, 2)})


def test_reference_bases_are_those_of_the_fasta_in_capitals(reference: Reference) -> None:
    pos = np.array([1, 60, 61, 120, 121, 150, 1, 61, 62, 141], dtype=np.int32)
    contig = np.array([0] * 6 + [1] * 4, dtype=np.int16)
    names = list(reference.contigs)
    expected = [reference.contigs[names[one]][at - 1].upper() for one, at in zip(contig, pos, strict=True)]
    assert bases(reference.fasta, contig, pos).tolist() == expected


def test_lines_are_sorted_and_a_block_stands_before_a_variant_at_its_base(reference: Reference) -> None:
    genome = Genome.load(reference.fasta)
    file = io.BytesIO()
    write(
        file, genome, variants([(1, 70, "A", "C"), (0, 9, "A", "AT")]), blocks([(0, 1, 8, 3), (0, 9, 12, 3)])
    )
    lines = [line.split("\t") for line in file.getvalue().decode().splitlines()]
    assert [(line[0], line[1], line[4], line[7]) for line in lines] == [
        ("a", "1", ".", "END=8"),
        ("a", "9", ".", "END=12"),
        ("a", "9", "AT", "."),
        ("b", "70", "C", "."),
    ]
    assert lines[2][6:] == ["PASS", ".", "GT:DP", "0/1:9"]
    assert lines[0][8:] == ["GT:GQ:DP", "0/0:30:3"]


def test_nothing_is_written_for_no_records(reference: Reference) -> None:
    file = io.BytesIO()
    nothing = variants([(0, 1, "A", "C")])[np.empty(0, dtype=np.intp)]
    write(file, Genome.load(reference.fasta), nothing, blocks([]))
    assert file.getvalue() == b""


def test_a_description_may_hold_quotes(reference: Reference) -> None:
    text = header("s", Genome.load(reference.fasta), {"f": 'GT="het"'}, ["GT"])
    assert '##FILTER=<ID=f,Description="GT=\\"het\\"">' in text.splitlines()
    assert text.splitlines()[-1].endswith("FORMAT\ts")
