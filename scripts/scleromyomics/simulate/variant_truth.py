"""The truth of exomes and whole genomes, as tables: sites, genotypes, mosaic variants, and what has an effect."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scleromyomics.core.files import write_tsv
from scleromyomics.plan.cohort import Sample, wave_number
from scleromyomics.simulate.alleles import Variant, name
from scleromyomics.simulate.genome import Genome
from scleromyomics.simulate.germline import absent
from scleromyomics.simulate.planted import (
    CARRIERS,
    FRAME_GENE,
    LOSS_GENE,
    MISSENSE_GENE,
    RISK_FREQUENCY,
    RISK_GENE,
)
from scleromyomics.simulate.variants import Population

DESCRIBED = ("variant", "kind", "frequency", "gene_symbol", "consequence")


def write_truth(folder: Path, samples: Sequence[Sample], days: Mapping[str, int], of: Population) -> None:
    """Write what was drawn: the population's sites and what is planted; per wave, genotypes and mosaic variants.

    Args:
        folder: truth of the study.
        samples: those of this assay.
        days: day of each sample's visit.
        of: genome and people.
    """
    known = of.known.genome
    sites = [_described(known, one) | {"listed": one.listed} for one in of.known.sites]
    write_tsv(folder / "variant_sites.tsv", (*DESCRIBED, "listed"), sites)
    _write_effects(folder / "variant_effects.tsv", of)
    for wave in sorted({one.wave for one in samples}, key=wave_number):
        arrived = [one for one in samples if one.wave == wave]
        _write_genotypes(folder / f"genotypes_{wave}.tsv", sorted({one.participant for one in arrived}), of)
        _write_mosaics(folder / f"mosaics_{wave}.tsv", arrived, days, of)


def _described(of: Genome, one: Variant) -> dict[str, object]:
    values = (name(of, one), one.kind, one.frequency, one.gene, one.consequence)
    return dict(zip(DESCRIBED, values, strict=True))


def _write_effects(path: Path, of: Population) -> None:
    """What is planted: gene, group, and the allele's frequency there or the part of the group that carries one."""
    genome, planted = of.known.genome, of.known.planted
    risk = name(genome, planted.risk)
    pair = ";".join(name(genome, one) for one in planted.frame_pair)
    rows: list[tuple[str, str, str, float, str]] = [
        ("risk", RISK_GENE, group, share, risk) for group, share in RISK_FREQUENCY.items()
    ]
    rows += [
        ("loss_of_function", LOSS_GENE, "ssc", CARRIERS, ""),
        ("missense", MISSENSE_GENE, "im", CARRIERS, ""),
        ("frame_pair", FRAME_GENE, "", 0.0, pair),
    ]
    columns = ("effect", "gene_symbol", "group", "share", "variants")
    write_tsv(path, columns, [dict(zip(columns, row, strict=True)) for row in rows])


def _write_genotypes(path: Path, participants: Sequence[str], of: Population) -> None:
    """Copies of the alternate allele on both haplotypes (0|1), at the sites at which somebody has one.

    A haplotype that lacks the contig has `.`: X in men is 1|., their Y .|1.
    """
    known = of.known.genome
    found: dict[tuple[int, str, str], tuple[Variant, dict[str, list[int]]]] = {}
    for participant in participants:
        own = of.genotypes(participant)
        for one, copies in zip(own.variants, own.copies.T.tolist(), strict=True):
            found.setdefault((one.place, one.ref, one.alt), (one, {}))[1][participant] = copies
    lacks = {one: absent(known, of.people[one].sex) for one in participants}
    rows = []
    for key in sorted(found):
        variant, copies = found[key]
        contig = int(known.contig_at(np.array([variant.place]))[0])
        cells = {
            one: "|".join(
                "." if contig in missing else str(copy)
                for missing, copy in zip(lacks[one], copies.get(one, [0, 0]), strict=True)
            )
            for one in participants
        }
        rows.append(_described(known, variant) | cells)
    write_tsv(path, (*DESCRIBED, *participants), rows)


def _write_mosaics(path: Path, samples: Sequence[Sample], days: Mapping[str, int], of: Population) -> None:
    """Mosaic variants with their allele fraction in every sample."""
    columns = (
        "sample",
        "participant",
        "tissue",
        "visit",
        "variant",
        "gene_symbol",
        "consequence",
        "fraction",
    )
    rows = [
        (
            sample.sample,
            sample.participant,
            sample.tissue,
            sample.visit,
            name(of.known.genome, one.variant),
            one.variant.gene,
            one.variant.consequence,
            round(one.fraction(days[sample.sample]), 4),
        )
        for sample in samples
        for one in of.mosaics(sample.participant, sample.tissue)
    ]
    write_tsv(path, columns, [dict(zip(columns, row, strict=True)) for row in rows])
