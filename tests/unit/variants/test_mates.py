"""Missing mates are found in any order and block; a file that was cut is told from an extract."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.variants import mates
from scleromyomics.variants.mates import Mates, is_cut

LENGTHS = [10_000, 5_000]


def rows(names: list[int], seconds: list[bool]) -> np.ndarray:
    found = np.zeros((len(names), mates.COLUMNS), np.int64)
    found[:, mates.HASH], found[:, mates.SECOND] = names, np.array(seconds) * 0x80
    return found


@given(
    names=st.lists(st.integers(-5, 30), min_size=1, max_size=80, unique=True),
    cut=st.sets(st.integers(0, 200)),
    seed=st.integers(0, 99),
    size=st.integers(1, 20),
)
def test_those_without_mate_are_found_however_they_come(
    names: list[int], cut: set[int], seed: int, size: int
) -> None:
    both = [(name, second) for name in names for second in (False, True)]
    kept = [one for i, one in enumerate(both) if i not in cut]
    order = np.random.default_rng(seed).permutation(len(kept))
    mixed = [kept[i] for i in order]
    found = Mates()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mates, "OPEN_READS", 5)
        for at in range(0, len(mixed), size):
            part = mixed[at : at + size]
            found.add(rows([n for n, _ in part], [s for _, s in part]))
        missing = found.missing()
    alone = {name for name, n in Counter(name for name, _ in kept).items() if n == 1}
    assert sorted(missing[:, mates.HASH].tolist()) == sorted(alone)


def pairs(starts: list[int], contig: int = 0, size: int = 300) -> list[tuple[int, int, int, int]]:
    """Contig and position of both mates."""
    return [(contig, start, contig, start + size) for start in starts]


def cut_at(first: tuple[int, int], last: tuple[int, int], fragments: list[tuple[int, int, int, int]]) -> bool:
    """Whether what lies between two places, of these fragments, seems cut."""
    inside = []
    for a, b, c, d in fragments:
        for here, there in (((a, b), (c, d)), ((c, d), (a, b))):
            if first <= here <= last and not first <= there <= last:
                inside.append([0, 0, *here, *there])
    return is_cut(np.array(inside, np.int64).reshape(-1, mates.COLUMNS), first, last, LENGTHS)


FRAGMENTS = (
    pairs(list(range(1, 9700, 7))) + pairs(list(range(1, 4700, 7)), 1) + [(0, 500, 1, 800), (0, 4000, 1, 90)]
)


@pytest.mark.parametrize("last", [(0, 300), (0, 5000), (0, 9000), (1, 2500)])
def test_a_file_that_ends_in_the_middle_is_cut(last: tuple[int, int]) -> None:
    assert cut_at((0, 1), last, FRAGMENTS)


def test_a_whole_file_is_not() -> None:
    assert not cut_at((0, 1), (1, 4997), FRAGMENTS)


@pytest.mark.parametrize(
    ("first", "last"), [((0, 2000), (0, 3000)), ((0, 2000), (1, 300)), ((1, 1000), (1, 2000))]
)
def test_an_extract_is_not(first: tuple[int, int], last: tuple[int, int]) -> None:
    assert not cut_at(first, last, FRAGMENTS)


def test_an_end_near_that_of_the_contig_is_none() -> None:
    assert not cut_at((0, 1), (0, 9600), FRAGMENTS)
