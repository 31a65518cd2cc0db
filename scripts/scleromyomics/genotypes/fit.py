"""Fit the frozen model of one platform: its list of sites, annotated, and its panel of controls.

Sites are all variants that pass in a sample of the freeze that quality did not hold back. See `genotypes.model`.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import read_json, sha256, write_json, write_tsv
from scleromyomics.core.tools import Tool, frozen_tool
from scleromyomics.core.versions import versions
from scleromyomics.genotypes.lookup import Intervals, Profile, called, genotypes
from scleromyomics.genotypes.model import Model
from scleromyomics.genotypes.panel import CONTROLS, Panel, candidate_reads, with_candidates
from scleromyomics.genotypes.pool import Pool, pool
from scleromyomics.variants.annotate import Sources, annotate
from scleromyomics.variants.loci import Genome, Sites

if TYPE_CHECKING:
    from scleromyomics.plan.rows import FreezeRow


def unusable(row: "FreezeRow", study: Path) -> str:
    """Why a sample of the freeze takes no part in the fit, or ""."""
    if not row.usable:
        return row.reason
    found = read_json(study / row.folder / "quality.json")
    return "; ".join(found["reasons"]) if found["held"] else ""


def panel_of(
    rows: Sequence["FreezeRow"],
    sites: Sites,
    genome: Genome,
    *,
    study: Path,
    targets: Intervals | None,
    bcftools: Tool,
) -> Panel:
    """Reads of the controls among `rows` at sites, from their calls and candidates."""
    panel = Panel(len(sites))
    with tempfile.TemporaryDirectory() as folder:

        def reads(row: "FreezeRow") -> tuple["np.ndarray", "np.ndarray"]:
            own = study / row.folder
            profile = Profile.load(own / "profile.npz", genome)
            found = genotypes(profile, sites, genome.ploidy(sites, row.sex), targets)
            seen = candidate_reads(own / "candidates.bcf", genome, bcftools, Path(folder) / "candidates.tsv")
            return with_candidates(sites, found.dp, found.ad, seen)

        for participant in sorted({row.participant for row in rows if row.group in CONTROLS}):
            panel.add(reads(row) for row in rows if row.participant == participant)
    return panel


def run(
    *,
    study: Path,
    freeze: str,
    platform: str,
    rows: str,
    genome: Path,
    model: Path,
    samples: Path,
    receipt: Path,
    targets: Path | None = None,
    annotations: list[str] | None = None,
    fields: list[str] | None = None,
    rarity: str = "",
    rarity_field: str = "AF",
    rarity_maximum: float = 0.001,
    bcftools: str = "auto",
) -> None:
    """Fit and write the frozen model of one platform.

    Args:
        study: the study directory.
        freeze: name of the freeze.
        platform: name of the platform in the sheets.
        rows: digest of the sheet rows that the plan was made from.
        genome: FASTA of the freeze; its index, receipt and genes lie beside.
        model: where to write the model (npz).
        samples: where to write which samples were used, which are controls, and why others were not (TSV).
        receipt: where to write the model's digest and counts (JSON).
        targets: of the platform (BED); needed where absent positions of a VCF are reference.
        annotations: VCFs to annotate sites with, as name=path.
        fields: texts to take over from them, as name:FIELD.
        rarity: the annotation that tells what is rare; none where empty.
        rarity_field: its INFO field with the frequency.
        rarity_maximum: highest frequency of a rare allele.
        bcftools: auto, embedded, or a path.

    Raises:
        InputError: an annotation is broken.
    """
    from scleromyomics.plan.rows import freeze_rows

    found = freeze_rows(study, assay="variants", freeze=freeze, platform=platform, expected=rows)
    tool, reference = frozen_tool("bcftools", bcftools, genome.with_name("receipt.json")), Genome.load(genome)
    sources = Sources.of(
        reference,
        annotations=annotations,
        fields=fields,
        rarity=rarity,
        rarity_field=rarity_field,
        rarity_maximum=rarity_maximum,
    )
    reasons = {row.sample: unusable(row, study) for row in found}
    left = [row for row in found if not reasons[row.sample]]
    sites = pool(Pool.of(called(study / row.folder / "profile.npz", reference)) for row in left).sites
    parts = Intervals.load(targets, reference) if targets else None
    panel = panel_of(left, sites, reference, study=study, targets=parts, bcftools=tool)
    about = annotate(sites, sources, tool)
    Model.of(sites, reference, about, panel).save(model)
    write_tsv(
        samples,
        ["sample", "tissue", "used", "control", "reason"],
        [
            {
                "sample": row.sample,
                "tissue": row.tissue,
                "used": not (why := reasons[row.sample]),
                "control": row.group in CONTROLS and not why,
                "reason": why,
            }
            for row in found
        ],
    )
    tissues = Counter(row.tissue for row in left)
    write_json(
        receipt,
        {
            "sha256": sha256(model),
            "samples": dict(tissues),
            "not_used": len(found) - len(left),
            "controls": len({row.participant for row in left if row.group in CONTROLS}),
            "features": len(sites),
            "features_without_gene": int(np.count_nonzero(about.gene_id == "")),
            "classes": dict(Counter(map(str, about.group))),
            "rare": int(np.count_nonzero(about.rare)),
            "not_in_annotation": int(np.count_nonzero(np.isnan(about.frequency))) if rarity else None,
            "versions": versions("numpy", "pyarrow") | {"bcftools": tool.version},
        },
    )


if __name__ == "__main__":
    entry_point(run)
