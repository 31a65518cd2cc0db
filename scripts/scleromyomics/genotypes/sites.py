"""All sites of a release, annotated: those that its frozen models have, and those that its samples have beyond.

Frozen sites keep what their model says of them (of several models the first one given). Sites first seen later are
annotated now, and marked (`frozen` false). Counts are of the release's samples that quality did not hold back; a
participant with several samples is one carrier.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_json
from scleromyomics.core.parquet import schema_of, write_parquet
from scleromyomics.core.tools import Tool, frozen_tool
from scleromyomics.genotypes.lookup import called
from scleromyomics.genotypes.model import Model
from scleromyomics.genotypes.pool import Pool, of_participant, pool
from scleromyomics.variants.annotate import Sources, annotate, classes
from scleromyomics.variants.loci import TEXT, Genome, Sites, concatenate, find, same_genome

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from scleromyomics.plan.rows import ReleaseRow

COLUMNS: Mapping[str, str] = {
    "contig": "string",
    "pos": "int32",
    "ref": "string",
    "alt": "string",
    "feature": "string",
    "gene_symbol": "string",
    "gene_id": "string",
    "consequence": "string",
    "class": "string",
    "transcripts": "string",
    "frequency": "double",
    "rare": "bool",
    "frozen": "bool",
    "first_wave": "string",
    "n_samples": "int32",
    "n_carriers": "int32",
}
"""The columns of the table; texts of the study's annotations (`<annotation>_<FIELD>`) follow them."""

TEXTS = ("gene_symbol", "gene_id", "consequence", "transcripts")
ROW_GROUP = 2**20


def rows_of(study: Path, rows: Iterable["ReleaseRow"]) -> list["ReleaseRow"]:
    """The samples that quality did not hold back."""
    return [row for row in rows if not read_json(study / row.quality)["held"]]


def release_pool(study: Path, rows: Sequence["ReleaseRow"], genome: Genome) -> Pool:
    """The variants of the samples of a release."""
    from scleromyomics.plan.cohort import wave_number

    def people() -> Iterator[Pool]:
        for _, own in groupby(sorted(rows, key=lambda row: row.participant), key=lambda row: row.participant):
            yield of_participant(
                Pool.of(called(study / row.quality.with_name("profile.npz"), genome), wave_number(row.wave))
                for row in own
            )

    return pool(people())


def frozen_sites(models: Sequence[Path], genome: Genome) -> tuple[Sites, dict[str, "NDArray[np.generic]"]]:
    """Sites of the models, sorted, and what the first model that has each says of it."""
    loaded = [Model.load(path) for path in models]
    names = {tuple(sorted(model.fields)) for model in loaded}
    if len(names) > 1:
        found = " and ".join(sorted(", ".join(one) or "none" for one in names))
        raise InputError(
            f"--models: found different annotation fields ({found}); allowed: the same in all of a release"
        )
    placed = [model.sites(genome) for model in loaded]
    sites, back = concatenate([sites for sites, _ in placed]).distinct()
    first = np.full(len(sites), back.size, dtype=np.intp)
    np.minimum.at(first, back, np.arange(back.size))

    def column(name: str, own: bool = False) -> "NDArray[np.generic]":
        parts = [
            (model.fields[name] if own else getattr(model, name))[row]
            for model, (_, row) in zip(loaded, placed, strict=True)
        ]
        parts = [part.astype(TEXT) if part.dtype.kind == "U" else part for part in parts]
        return np.concatenate(parts)[first]

    about = {name: column(name) for name in (*TEXTS, "frequency", "rare")}
    return sites, about | {name: column(name, own=True) for name in sorted(next(iter(names)))}


def table(
    seen: Pool,
    frozen: Sites,
    known: Mapping[str, "NDArray[np.generic]"],
    sources: Sources,
    bcftools: Tool,
) -> dict[str, "NDArray[np.generic]"]:
    """The columns of the table.

    Args:
        seen: variants of the release's samples.
        frozen: sites of the models, sorted.
        known: what the models say of them.
        sources: what new sites are annotated with.
        bcftools: the tool.
    """
    sites, _ = concatenate([frozen, seen.sites]).distinct()
    old = find(sites, frozen)
    new = np.flatnonzero(old < 0)
    about = annotate(sites[new], sources, bcftools)
    now = {name: getattr(about, name) for name in (*TEXTS, "frequency", "rare")} | dict(about.fields)
    columns: dict[str, NDArray[np.generic]] = {}
    for name in known:
        values = now.get(name, np.full(new.size, "", dtype=TEXT))
        columns[name] = np.empty(len(sites), dtype=values.dtype)
        columns[name][new] = values
        columns[name][old >= 0] = known[name][old[old >= 0]]
    at = find(sites, seen.sites)
    there = at >= 0
    counts = {"n_samples": seen.samples, "n_carriers": seen.carriers, "first_wave": seen.first}
    for name, values in counts.items():
        columns[name] = np.zeros(len(sites), dtype=np.int32)
        columns[name][there] = values[at[there]]
    columns["first_wave"] = np.where(
        there, np.strings.add("W", columns["first_wave"].astype("U11").astype(TEXT)), ""
    )
    columns |= {"contig": sites.contig, "pos": sites.pos, "ref": sites.ref, "alt": sites.alt}
    return columns | {
        "feature": sites.names(sources.genome.contigs),
        "class": classes(columns["consequence"]),
        "frozen": old >= 0,
    }


def run(
    *,
    study: Path,
    release: str,
    rows: str,
    models: list[Path],
    genomes: list[Path],
    sites: Path,
    annotations: list[str] | None = None,
    fields: list[str] | None = None,
    rarity: str = "",
    rarity_field: str = "AF",
    rarity_maximum: float = 0.001,
    bcftools: str = "auto",
) -> None:
    """Write the sites of a release.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        models: frozen models of all platforms of the release, the earliest freeze first.
        genomes: FASTA of each of their freezes; the first one is used, the others must have the same sequences.
        sites: where to write the table (Parquet, sorted as a VCF is).
        annotations: VCFs to annotate new sites with, as name=path.
        fields: texts to take over from them, as name:FIELD.
        rarity: the annotation that tells what is rare; none where empty.
        rarity_field: its INFO field with the frequency.
        rarity_maximum: highest frequency of a rare allele.
        bcftools: auto, embedded, or a path.
    """
    import pyarrow as pa

    from scleromyomics.plan.rows import release_rows

    found = rows_of(study, release_rows(study, release=release, assay="variants", expected=rows))
    genome = same_genome(genomes)
    sources = Sources.of(
        genome,
        annotations=annotations,
        fields=fields,
        rarity=rarity,
        rarity_field=rarity_field,
        rarity_maximum=rarity_maximum,
    )
    frozen, known = frozen_sites(models, genome)
    seen = release_pool(study, found, genome)
    columns = table(
        seen, frozen, known, sources, frozen_tool("bcftools", bcftools, genomes[0].with_name("receipt.json"))
    )
    own = [name for name in columns if name not in COLUMNS]
    schema = schema_of(dict(COLUMNS) | dict.fromkeys(own, "string"))
    contigs = pa.array(np.array(genome.contigs))

    def parts() -> "Iterator[pa.Table]":
        for start in range(0, max(1, columns["pos"].size), ROW_GROUP):
            part = {name: values[start : start + ROW_GROUP] for name, values in columns.items()}
            arrays = [
                contigs.take(pa.array(part[name]))
                if name == "contig"
                else pa.array(part[name], from_pandas=True)
                for name in schema.names
            ]
            yield pa.Table.from_arrays(arrays, schema=schema)

    write_parquet(sites, schema, parts())


def read_sites(path: Path, genome: Genome) -> tuple[Sites, "pa.Table"]:
    """The sites of a release, and the whole table.

    Raises:
        InputError: it is not a table that `run` wrote.
    """
    import pyarrow.parquet as pq

    from scleromyomics.core.parquet import read_parquet

    more = [name for name in pq.read_schema(path).names if name not in COLUMNS] if path.is_file() else []
    found = read_parquet(
        path, schema_of(dict(COLUMNS) | dict.fromkeys(more, "string")), "the sites of a release"
    )
    contig = found["contig"].combine_chunks().dictionary_encode()
    number = (
        genome.contig(contig.dictionary.to_pylist(), str(path))[contig.indices.to_numpy()]
        if len(found)
        else []
    )
    ref, alt = (found[name].to_numpy(zero_copy_only=False) for name in ("ref", "alt"))
    return Sites.of(np.asarray(number), found["pos"].to_numpy(), ref, alt), found


if __name__ == "__main__":
    entry_point(run)
