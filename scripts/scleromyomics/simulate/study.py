"""Write a simulated study: configuration, protocol, sheets, references, raw files, and the truth behind them.

The sizes are `tiny` (4 participants, the smallest cohort on which every rule runs), `toy` (32 participants, two
waves, time aliased with batch) and `cohort` (400 participants, all four assays; its raw files are stand-ins and
it has no truth: for planning at scale). The same seed gives the same bytes, and the first wave's rows and raw
files are the same whether or not the second is simulated.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import md5, read_tsv, write_text, write_tsv
from scleromyomics.plan.cohort import Cohort, Sample, wave_number
from scleromyomics.plan.document import merged
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.columns import SheetName, columns
from scleromyomics.plan.study import DEFAULT_PROTOCOL
from scleromyomics.plan.vocabulary import Assay
from scleromyomics.simulate import microarray, truth, variant_truth, variants
from scleromyomics.simulate.latent import Transcripts, expression, transcripts
from scleromyomics.simulate.people import arrivals, state
from scleromyomics.simulate.scenario import RESOURCES, Scenario, Size, scenario

WAVES = 2

__all__ = ["raw_assays", "run"]


def raw_assays() -> tuple[Assay, ...]:
    """Assays whose raw files are made; samples of the others stay out of samples.tsv."""
    return "microarray", "variants"


def run(*, directory: Path, size: Size = "toy", seed: int = 1, waves: int = WAVES) -> None:
    """Write a complete study directory.

    Args:
        directory: a new or empty folder.
        size: tiny (4 participants), toy (32) or cohort (400, without raw data).
        seed: every draw follows from it; the same seed gives the same bytes.
        waves: 1 writes only what exists after the first wave; 2 all.

    Raises:
        InputError: the folder holds something already, or there is no such number of waves.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: found something there already; allowed: a new or an empty folder")
    if not 1 <= waves <= WAVES:
        raise InputError(f"--waves: found {waves}; allowed: 1 or {WAVES}")
    if seed < 0:
        raise InputError(f"--seed: found {seed}; allowed: 0 and above")
    protocol_text = DEFAULT_PROTOCOL.read_text(encoding="utf-8")
    protocol = Protocol.model_validate(yaml.safe_load(protocol_text))
    script = scenario(size, protocol, seed=seed)
    cohort = arrivals(script, protocol, seed=seed).up_to(waves)
    write_text(directory / "protocol.yaml", protocol_text)
    write_text(directory / "config.yaml", _configuration(script, seed))
    if size == "cohort":
        _stand_ins(directory, cohort, protocol, seed=seed)
        _sheets(directory, cohort, protocol, {})
    else:
        made = {name: one for name, one in cohort.samples.items() if one.assay in raw_assays()}
        cohort = replace(cohort, samples=made)
        _raw_files(directory, script, cohort, protocol, seed)
        files = {path for one in made.values() for path in one.paths}
        _sheets(directory, cohort, protocol, {name: md5(directory / name) for name in files})


def _configuration(script: Scenario, seed: int) -> str:
    """Only what differs from the defaults."""
    settings = {
        "seed": seed,
        "freeze": {assay: [{"id": "F1", "waves": ["W1"]}] for assay in raw_assays()},
        "microarray": {"platforms": microarray.configuration()},
        "variants": variants.configuration(),
    }
    head = "# A simulated study; what is not set here has its default.\n"
    return f"{head}{yaml.safe_dump(merged(settings, script.config), sort_keys=False)}"


def _raw_files(directory: Path, script: Scenario, cohort: Cohort, protocol: Protocol, seed: int) -> None:
    planted = [
        truth.Planted(one["sample"], one["fault"], one.get("material", ""))
        for one in script.planted
        if one["sample"] in cohort.samples
    ]
    _chips(directory, cohort, protocol, planted, seed)
    mixed = {one.sample: one.material for one in planted if one.fault == "contaminated"}
    people = variants.population(_named_genes(), cohort, protocol, script.variants, seed=seed)
    _genomes(directory, cohort, people, mixed)
    truth.write_planted(directory / "truth", planted)


def _chips(
    directory: Path, cohort: Cohort, protocol: Protocol, planted: list[truth.Planted], seed: int
) -> None:
    """References, raw files and truth of the RNA chips."""
    genes = _genes(seed)
    platforms = microarray.platforms(genes, seed=seed)
    source = {one.sample: one.material for one in planted if one.fault == "swapped"}
    samples = _samples_of("microarray", cohort)
    material = {
        one.sample: expression(
            genes,
            state(cohort, protocol, source.get(one.sample, one.participant), one.visit),
            one.tissue,
            seed=seed,
        )
        for one in samples
    }
    microarray.write_references(directory / "references", genes, platforms)
    microarray.write_raw(
        directory,
        samples,
        material,
        genes=genes,
        made=platforms,
        poor={one.sample for one in planted if one.fault == "poor"},
        seed=seed,
    )
    folder = directory / "truth"
    truth.write_transcripts(folder, genes, platforms.features)
    truth.write_effects(folder, genes, platforms.features, seed=seed)
    truth.write_draws(folder, genes, cohort, samples, material, seed=seed)


def _genomes(directory: Path, cohort: Cohort, people: variants.Population, mixed: Mapping[str, str]) -> None:
    """References, raw files and truth of exomes and whole genomes."""
    samples = _samples_of("variants", cohort)
    days = {one.sample: cohort.visit_of(one).day for one in samples}
    variants.write_references(directory / "references", people.known)
    variants.write_raw(directory, samples, days, people, contaminated=mixed)
    variant_truth.write_truth(directory / "truth", samples, days, people)


def _samples_of(assay: Assay, cohort: Cohort) -> list[Sample]:
    found = (one for one in cohort.samples.values() if one.assay == assay)
    return sorted(found, key=lambda one: one.sample)


def _stand_ins(directory: Path, cohort: Cohort, protocol: Protocol, *, seed: int) -> None:
    """References, and files of one line where raw files would be."""
    genes = _genes(seed)
    microarray.write_references(directory / "references", genes, microarray.platforms(genes, seed=seed))
    people = variants.population(_named_genes(), cohort, protocol, {}, seed=seed)
    variants.write_references(directory / "references", people.known)
    for path in (directory / path for sample in cohort.samples.values() for path in sample.paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("stand-in\n", encoding="utf-8")


def _genes(seed: int) -> Transcripts:
    return transcripts(_named_genes(), seed=seed)


def _named_genes() -> list[dict[str, str]]:
    return read_tsv(RESOURCES / "genes.tsv")


def _sheets(directory: Path, cohort: Cohort, protocol: Protocol, digests: Mapping[str, str]) -> None:
    """Write the five sheets; `digests` holds the md5 of raw files by path, where it is known."""
    rows: dict[SheetName, Iterable[Mapping[str, object]]] = {
        "participants": (
            {**_fields(one), "autoantibodies": ";".join(one.autoantibodies), **one.eligibility}
            for one in cohort.participants.values()
        ),
        "visits": ({**_fields(one), **one.measures} for one in cohort.visits.values()),
        "events": (_fields(one) for one in cohort.events),
        "treatments": ({**_fields(one), "class": one.treatment_class} for one in cohort.treatments),
        "samples": _sample_rows(cohort.samples.values(), digests),
    }
    for name, lines in rows.items():
        header = [column.name for column in columns(name, protocol)]
        write_tsv(directory / f"{name}.tsv", header, list(lines))


def _sample_rows(samples: Iterable[Sample], digests: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Rows of samples.tsv, wave by wave."""
    for one in sorted(samples, key=lambda one: (wave_number(one.wave), one.sample)):
        named = ";".join(one.paths) + (f"#{one.column}" if one.column else "")
        known = ";".join(digests[path] for path in one.paths if path in digests)
        yield {**_fields(one), "path": named, "md5": known}


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}  # type: ignore[attr-defined]


if __name__ == "__main__":
    entry_point(run)
