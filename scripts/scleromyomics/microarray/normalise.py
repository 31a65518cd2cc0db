"""Quantile normalisation to a stored target, tied intensities treated as preprocessCore does.

Each intensity is replaced by the target's value at its rank; ties share the middle of their ranks (halfway
between two target values where the middle falls between two ranks). Ranks do not depend on the target, so
an array is ranked once and can be set on any target: int32, half the memory of the values.
Bolstad et al. 2003, doi:10.1093/bioinformatics/19.2.185.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rank(values: "NDArray[np.floating]") -> tuple["NDArray[np.floating]", "NDArray[np.int32]"]:
    """Sort and rank one array.

    Returns:
        The values in ascending order, and twice the middle rank (from 0) of each value, in its own place.
    """
    order = np.argsort(values)
    ascending = values[order]
    first = np.flatnonzero(np.concatenate(([True], ascending[1:] != ascending[:-1])))
    length = np.diff(first, append=values.size)
    ranks = np.empty(values.size, dtype=np.int32)
    ranks[order] = np.repeat((2 * first + length - 1).astype(np.int32), length)
    return ascending, ranks


def log2_at_ranks(target: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Table of log2 `target` (ascending intensities) at every doubled rank that `rank` can give."""
    table = np.empty(2 * target.size - 1)
    table[0::2] = target
    table[1::2] = (target[:-1] + target[1:]) / 2
    return np.log2(table)
