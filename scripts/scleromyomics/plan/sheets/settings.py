"""What the configuration names must be in the sheets."""

from collections.abc import Iterator

from scleromyomics.plan.config import Config
from scleromyomics.plan.document import Document
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.faults import Fault
from scleromyomics.plan.sheets.people import Sheets

RESERVED = "reference"
"""No name for a platform of variants: the folder of the genome, beside those of the platforms."""


def setting_faults(document: Document[Config], sheets: Sheets, protocol: Protocol) -> list[Fault]:
    """All faults between the configuration and samples.tsv or the protocol."""
    config, sheet = document.settings, sheets["samples"]
    if config is None:
        return []
    if not sheet.rows:
        return list(_damage(document, config, protocol))
    return [
        *_damage(document, config, protocol),
        *_named(document, config, sheets),
        *_freezes(document, config, sheets),
        *_chips(document, config, sheets),
        *_unannotated(config, sheets),
        *_genome(document, config, sheets),
    ]


def _damage(document: Document[Config], config: Config, protocol: Protocol) -> Iterator[Fault]:
    """The measures that make a disease advanced, where the study names its own."""
    known = {name for name, one in protocol.measures.items() if one.type == "boolean"}
    for place, name in enumerate(config.analysis.advanced_with):
        if "advanced_with" in config.analysis.model_fields_set and name not in known:
            yield document.fault(
                ["analysis", "advanced_with", place], "is no yes-or-no measure", _words(known)
            )


def _named(document: Document[Config], config: Config, sheets: Sheets) -> Iterator[Fault]:
    """The release and the samples held back."""
    rows = sheets["samples"].rows
    waves = _listed(sheets, "wave")
    if config.release is not None and config.release not in waves:
        yield document.fault(["release"], "no sample is of this wave", _words(waves))
    samples = {row.cells.get("sample") for row in rows}
    for name in config.hold_back:
        if name not in samples:
            yield document.fault(
                ["hold_back", name], f"{name} is not in samples.tsv", "samples of samples.tsv"
            )


def _freezes(document: Document[Config], config: Config, sheets: Sheets) -> Iterator[Fault]:
    waves = _listed(sheets, "wave")
    for assay, freezes in config.freeze.items():
        platforms = {
            row.get("platform")
            for row in sheets["samples"].rows
            if row.get("assay") == assay and row.get("platform")
        }
        ids: set[str] = set()
        for place, freeze in enumerate(freezes):
            here = ["freeze", assay, place]
            if freeze.id in ids:
                yield document.fault([*here, "id"], "is there twice", "one id per freeze of an assay")
            ids.add(freeze.id)
            if not freeze.waves:
                yield document.fault([*here, "waves"], "is an empty list", _words(waves))
            for number, wave in enumerate(freeze.waves):
                if wave not in waves:
                    yield document.fault([*here, "waves", number], "no sample is of this wave", _words(waves))
            for number, platform in enumerate(freeze.platforms or []):
                if platform not in platforms:
                    problem = f"no {assay} sample is of this platform"
                    yield document.fault([*here, "platforms", number], problem, _words(platforms))


def _chips(document: Document[Config], config: Config, sheets: Sheets) -> Iterator[Fault]:
    """Chips of which there are raw files, but no definition."""
    sheet = sheets["samples"]
    told: set[str] = set()
    if any(fault.column.startswith("microarray") for fault in document.faults):
        return  # the block that has them is faulty itself
    for row in sheet.rows:
        platform = row.get("platform")
        if row.get("format") != "cel" or not platform or platform in told:
            continue
        told.add(platform)
        if platform not in config.microarray.platforms:
            problem = "is not in config.yaml"
        elif not config.microarray.platforms[platform].definition:
            problem = "has no chip definition in config.yaml"
        else:
            continue
        allowed = "a platform with microarray.platforms.<name>.definition: its CDF, or PGF, CLF and MPS"
        yield sheet.fault(row, "platform", problem, allowed)


def _unannotated(config: Config, sheets: Sheets) -> Iterator[Fault]:
    """Chip platforms whose features have no genes."""
    sheet = sheets["samples"]
    told: set[str] = set()
    for row in sheet.rows:
        platform = row.get("platform")
        settings = config.microarray.platforms.get(platform or "")
        known = settings is not None and settings.annotation is not None
        if row.get("assay") != "microarray" or not platform or platform in told or known:
            continue
        told.add(platform)
        problem = "has no annotation in config.yaml: no gene symbols, and sex is not checked"
        allowed = "microarray.platforms.<name>.annotation: a table of feature, gene_symbol, gene_id"
        yield sheet.fault(row, "platform", problem, allowed, "warning")


def _genome(document: Document[Config], config: Config, sheets: Sheets) -> Iterator[Fault]:
    """What samples of variants need: a genome, and what their platform captures."""
    sheet = sheets["samples"]
    if any(fault.column.startswith("variants") for fault in document.faults):
        return  # the block that has them is faulty itself
    told: set[str] = set()
    for row in sheet.rows:
        platform = row.get("platform")
        if row.get("assay") != "variants" or not platform or platform in told:
            continue
        if not told and config.variants.reference.fasta is None:
            yield document.fault(["variants", "reference", "fasta"], "is absent", "the FASTA of the genome")
        told.add(platform)
        if platform not in config.variants.platforms:
            allowed = "a platform under variants.platforms: {targets: its BED}, or {} for whole genomes"
            yield sheet.fault(row, "platform", "is not in config.yaml", allowed)
    burden = config.variants.burden.rarity
    if burden is not None and burden not in config.variants.reference.annotations:
        allowed = _words(set(config.variants.reference.annotations))
        yield document.fault(["variants", "burden", "rarity"], "is no annotation", allowed)
    if RESERVED in config.variants.platforms:
        yield document.fault(
            ["variants", "platforms", RESERVED], "is the folder of the genome", "another name"
        )


def _listed(sheets: Sheets, column: str) -> set[str]:
    return {row.get(column) for row in sheets["samples"].rows if row.get(column)}


def _words(words: set[str]) -> str:
    return ", ".join(sorted(words)) or "none so far"
