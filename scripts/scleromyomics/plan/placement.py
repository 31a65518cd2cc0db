"""Which freeze each sample is processed against, and why some samples have none."""

from dataclasses import dataclass

from scleromyomics.plan.cohort import Cohort, Sample, wave_number
from scleromyomics.plan.config import Config
from scleromyomics.plan.config.freeze import Freeze
from scleromyomics.plan.vocabulary import Assay, Tissue

PROCESSED: tuple[Assay, ...] = ("microarray", "variants")
"""Assays that this version has rules for."""

FITTED_BY_TISSUE: frozenset[Assay] = frozenset({"microarray"})
"""Assays whose frozen models hold something of each tissue: one first seen later needs a freeze of its own."""

Key = tuple[Assay, str, Tissue | None, str]  # assay, platform, tissue (where models depend on it), wave


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the samples of a release go."""

    freeze: dict[str, str]
    """Freeze id of every sample that is processed."""
    held: dict[str, str]
    """The one-line reason why a sample is not processed."""


def place(cohort: Cohort, config: Config, *, release: str) -> Placement:
    """Find the freeze of every sample that has arrived by `release`.

    Args:
        cohort: all sheets.
        config: `freeze` names, per assay, the waves on which models are fitted; `hold_back` samples to leave.
        release: the wave up to which samples count.
    """
    samples = cohort.up_to(release).samples
    seen = {(one.assay, one.platform, _fitted(one), one.wave) for one in samples.values()}
    candidates = {assay: freezes(assay, cohort, config) for assay in PROCESSED}
    placement = Placement({}, {})
    for name, sample in sorted(samples.items()):
        freeze = _freeze_of(sample, candidates.get(sample.assay, []))
        reason = config.hold_back.get(name) or _obstacle(sample, freeze, seen, release)
        if freeze is None or reason:
            placement.held[name] = reason
        else:
            placement.freeze[name] = freeze.id
    return placement


def freezes(assay: Assay, cohort: Cohort, config: Config) -> list[Freeze]:
    """The freezes of an assay: those of the configuration, else F1 on the first wave that has the assay."""
    if assay in config.freeze:
        return config.freeze[assay]
    waves = {one.wave for one in cohort.samples.values() if one.assay == assay}
    return [Freeze(id="F1", waves=[min(waves, key=wave_number)])] if waves else []


def _freeze_of(sample: Sample, candidates: list[Freeze]) -> Freeze | None:
    for freeze in candidates:
        platform = freeze.platforms is None or sample.platform in freeze.platforms
        tissue = freeze.tissues is None or sample.tissue in freeze.tissues
        if platform and tissue:
            return freeze
    return None


def _fitted(sample: Sample) -> Tissue | None:
    """The tissue, where frozen models depend on it."""
    return sample.tissue if sample.assay in FITTED_BY_TISSUE else None


def _obstacle(sample: Sample, freeze: Freeze | None, seen: set[Key], release: str) -> str:
    tissue = _fitted(sample)
    where = f"{tissue} on {sample.platform}" if tissue else sample.platform
    if sample.assay not in PROCESSED:
        return f"{sample.assay} is not processed by this version"
    if freeze is None:
        return f"no freeze covers {where}: add one to freeze.{sample.assay} in config.yaml"
    late = [wave for wave in freeze.waves if wave_number(wave) > wave_number(release)]
    if late:
        return f"{freeze.id} is fitted on {', '.join(late)}, which {release} does not have yet"
    if not any((sample.assay, sample.platform, tissue, wave) in seen for wave in freeze.waves):
        basis = ", ".join(freeze.waves)
        return (
            f"{freeze.id} is fitted on {basis}, which has no {where}: add a freeze to freeze.{sample.assay}"
        )
    return ""
