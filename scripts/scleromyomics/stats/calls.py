"""Genotype calls of a site in several samples of one person, and reads in the types that matrices store.

Replicates are not averaged: the mean of 0 and 1 copy is the genotype of nobody. Each sample speaks for its call with
the Phred score of its genotype quality, one added, so that samples without one still count; scores of samples that
agree add up, as independent evidence does. The call with the highest sum stands. Where two calls have the same, or
no sample has one, nothing is called. Reads add up.
"""

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import Matrix, Vector

MOST_COPIES = 2
DEEPEST = 65_535
"""Reads that a matrix can store of a site. Of more, the allele's keep their share: beyond, no test gains."""
HIGHEST = 255
"""Phred score that a matrix can store."""


def merge_calls(dosage: Matrix, quality: Matrix) -> tuple[Vector, Vector]:
    """One call per site.

    Args:
        dosage: samples by sites: copies, NaN where not called.
        quality: the same: Phred score of the genotype, 0 or more.

    Returns:
        Copies and quality per site; NaN and 0 where there is no call.
    """
    weight = np.array(
        [((quality + 1.0) * (dosage == copies)).sum(axis=0) for copies in range(MOST_COPIES + 1)]
    )
    called = np.array([(dosage == copies).sum(axis=0) for copies in range(MOST_COPIES + 1)])
    best = weight.argmax(axis=0)
    most = weight.max(axis=0)
    alone = (weight == most).sum(axis=0) == 1
    score = most - np.take_along_axis(called, best[None], axis=0)[0]
    return np.where(alone, best, np.nan), np.where(alone, score, 0.0)


def merge_burdens(burden: Matrix, called: Matrix) -> Vector:
    """The burden of each gene in the sample in which most of the gene's sites are called; of equals, the largest.

    Args:
        burden: samples by genes: rare alleles carried, NaN where none of the gene's sites is called.
        called: the same: how many of the gene's sites are called.
    """
    if not len(burden):
        return np.full(burden.shape[1], np.nan)
    counted = np.where(np.isnan(burden), -1.0, called)
    best = counted == counted.max(axis=0)
    value: Vector = np.where(best, np.nan_to_num(burden, nan=-1.0), -1.0).max(axis=0)
    return np.where(value < 0, np.nan, value)


def storable_reads(
    depth: NDArray[np.integer], alternate: NDArray[np.integer]
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Depths and alternate reads as a matrix stores them (`DEEPEST`)."""
    share = np.minimum(1.0, DEEPEST / np.maximum(depth, 1))
    return np.minimum(depth, DEEPEST).astype(np.uint16), np.rint(alternate * share).astype(np.uint16)


def allele_fraction(depth: NDArray[np.integer], alternate: NDArray[np.integer]) -> NDArray[np.float32]:
    """Alternate of all reads; NaN without reads."""
    read = depth > 0
    share = np.full(depth.shape, np.nan, dtype=np.float32)
    np.divide(alternate, depth, out=share, where=read, casting="unsafe")
    return share
