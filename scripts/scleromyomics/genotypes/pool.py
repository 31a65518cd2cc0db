"""Variants of several samples as one list of sites."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.variants.loci import Sites, concatenate

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Sites, each once, sorted.

    Attributes:
        sites: the union.
        samples: in how many samples each is.
        carriers: in how many participants.
        first: number of the first wave that has it.
    """

    sites: Sites
    samples: "NDArray[np.int32]"
    carriers: "NDArray[np.int32]"
    first: "NDArray[np.int32]"

    @classmethod
    def of(cls, sites: Sites, wave: int = 0) -> "Pool":
        """The sites of one sample. Only plain bases make a site."""
        own = sites[plain(sites)]
        one = np.ones(len(own), dtype=np.int32)
        return cls(sites=own, samples=one, carriers=one, first=np.full(len(own), wave, dtype=np.int32))

    def __or__(self, other: "Pool") -> "Pool":
        sites, back = concatenate([self.sites, other.sites]).distinct()
        samples, carriers = (
            np.bincount(back, np.concatenate([getattr(self, name), getattr(other, name)]), len(sites))
            for name in ("samples", "carriers")
        )
        first = np.full(len(sites), np.iinfo(np.int32).max, dtype=np.int32)
        np.minimum.at(first, back, np.concatenate([self.first, other.first]))
        return Pool(
            sites=sites, samples=samples.astype(np.int32), carriers=carriers.astype(np.int32), first=first
        )


def of_participant(samples: Iterable[Pool]) -> Pool:
    """The sites of one participant."""
    found = reduce(Pool.__or__, samples, Pool.of(Sites.none()))
    return replace(found, carriers=np.ones_like(found.carriers))


def pool(parts: Sequence[Pool] | Iterable[Pool]) -> Pool:
    """The sites of all."""
    return reduce(Pool.__or__, parts, Pool.of(Sites.none()))


def plain(sites: Sites) -> "NDArray[np.bool_]":
    """Whether both alleles are bases: symbolic alleles (<DEL>, *) have no sequence that could be compared."""
    import pyarrow as pa
    import pyarrow.compute as pc

    alleles = (pc.match_substring_regex(pa.array(one), "^[ACGT]+$") for one in (sites.ref, sites.alt))
    return np.logical_and.reduce([one.to_numpy(zero_copy_only=False).astype(bool) for one in alleles])
