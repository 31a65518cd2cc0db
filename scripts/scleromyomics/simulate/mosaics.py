"""Mosaic variants of the toy cohort: SNVs in a part of the cells of one tissue, some of which grow between visits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.simulate.alleles import Variant, consequence
from scleromyomics.simulate.genome import PARALOGUE, PSEUDOGENE, Genome
from scleromyomics.simulate.germline import Catalogue, Genotypes, Person, substitute
from scleromyomics.simulate.latent import stream
from scleromyomics.simulate.planted import FRAME_GENE, LOSS_GENE, MISSENSE_GENE, RISK_GENE

FRACTION = (0.06, 0.25)
"""Allele fractions of mosaic variants that do not grow."""
FRACTION_FIRST, GROWTH, FRACTION_MOST = (0.06, 0.1), (2.0, 3.0), 0.25
"""Those that grow: fraction at inclusion, factor over a year, most."""
MOSAIC_DISTANCE = 60
"""Bases between a mosaic variant and the participant's next germline variant."""


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A variant in a part of the cells of a tissue."""

    variant: Variant
    haplotype: int
    first: float  # allele fraction at inclusion
    yearly: float  # factor that it grows by in a year

    def fraction(self, day: int) -> float:
        """Allele fraction at a day after inclusion."""
        grown = 1 + (self.yearly - 1) * min(1.0, day / 365)
        return min(FRACTION_MOST, self.first * grown)


def mosaics(
    known: Catalogue, person: Person, own: Genotypes, tissue: str, declared: Sequence[Mapping[str, Any]]
) -> list[Mosaic]:
    """The mosaic variants of a participant's tissue.

    Args:
        known: the population's sites, none of which becomes one.
        person: whose.
        own: germline of the person.
        tissue: in which.
        declared: blocks with tissue, participants, number, and grow: whether they grow from visit to visit.
    """
    of = known.genome
    found: list[Mosaic] = []
    for block in declared:
        if block["tissue"] != tissue or person.participant not in block["participants"]:
            continue
        rng = stream(known.seed, "mosaics", person.participant, tissue)
        allowed = _unique_targets(of) & ~known.taken
        for one in own.variants:
            allowed[max(0, one.place - MOSAIC_DISTANCE) : one.place + MOSAIC_DISTANCE] = False
        for place in rng.choice(np.flatnonzero(allowed), block["number"], replace=False).tolist():
            ref, alt = chr(of.bases[place]), substitute(int(of.bases[place]), rng)
            low, high = FRACTION_FIRST if block.get("grow") else FRACTION
            first = float(low * (high / low) ** rng.random())
            yearly = float(rng.uniform(*GROWTH)) if block.get("grow") else 1.0
            variant = Variant(place, ref, alt, "mosaic", 0.0, False, *consequence(of, place, ref, alt))
            found.append(Mosaic(variant, int(rng.integers(2)), first, yearly))
    return sorted(found, key=lambda one: one.variant.place)


def _unique_targets(of: Genome) -> NDArray[np.bool_]:
    """Places in coding exons of the autosomes, without the paralogous gene and those with planted alleles."""
    found = of.coding_at >= 0
    for symbol in (PARALOGUE, PSEUDOGENE, RISK_GENE, LOSS_GENE, MISSENSE_GENE, FRAME_GENE):
        gene = of.gene(symbol)
        start = of.place(gene.contig, 0)
        found[start + gene.start : start + gene.end] = False
    found[of.starts[of.names.index("chrX")] :] = False
    return found
