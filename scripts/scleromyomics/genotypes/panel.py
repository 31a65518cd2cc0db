"""The panel of controls: what sequencing and alignment alone show at a site, in people who are not compared.

Reads of the control groups' samples, and those with the allele, per site. A participant counts once: of several
samples the one with most reads at the site. A control that carries the allele counts like any other: where it does,
a few reads in someone else may as well be that person's DNA, so such a site tells no mosaic variant.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.tools import Tool, pipe
from scleromyomics.variants.loci import Genome, Sites, find
from scleromyomics.variants.query import Query, read_query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CONTROLS = ("ssc_control", "im_control")
"""The groups that the others are compared with."""


class Panel:
    """Reads of controls at some sites, gathered sample by sample; the samples of a participant come together."""

    def __init__(self, size: int) -> None:
        self.depth = np.zeros(size, dtype=np.int64)
        self.alternate = np.zeros(size, dtype=np.int64)

    def add(self, samples: "Iterable[tuple[NDArray[np.integer], NDArray[np.integer]]]") -> None:
        """Add one participant: reads and alternate reads of each sample."""
        depth, alternate = np.zeros_like(self.depth), np.zeros_like(self.depth)
        for all_reads, with_allele in samples:
            deeper = all_reads > depth
            depth[deeper], alternate[deeper] = all_reads[deeper], with_allele[deeper]
        self.depth += depth
        self.alternate += np.minimum(alternate, depth)


def candidate_reads(candidates: Path, genome: Genome, bcftools: Tool, scratch: Path) -> Query:
    """Alleles with some reads in one sample: `dp`, `ad`, and `forward` and `reverse` reads with the allele."""
    cells = r"%CHROM\t%POS\t%REF\t%ALT[\t%DP\t%AD{1}\t%ADF{1}\t%ADR{1}]\n"
    pipe(bcftools("query", "-f", cells, candidates), what=f"file {candidates}", stdout=scratch)
    found = read_query(scratch, genome, dict.fromkeys(("dp", "ad", "forward", "reverse"), "int32"))
    order = found.sites.order()
    return Query(
        sites=found.sites[order], columns={name: values[order] for name, values in found.columns.items()}
    )


def with_candidates(
    sites: Sites,
    depth: "NDArray[np.int32]",
    alternate: "NDArray[np.int32]",
    candidates: Query,
) -> "tuple[NDArray[np.int32], NDArray[np.int32]]":
    """Reads as calls tell them, and where candidates have the allele as those do: they are of the whole pileup."""
    at = find(sites, candidates.sites)
    seen = at >= 0
    depth, alternate = depth.copy(), alternate.copy()
    depth[seen], alternate[seen] = candidates.columns["dp"][at[seen]], candidates.columns["ad"][at[seen]]
    return depth, alternate
