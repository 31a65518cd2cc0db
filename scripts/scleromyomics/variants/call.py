"""Call the variants of one sample alone: its gVCF, which later samples never change, and alleles with low support.

From reads (see `pileup`) or from a VCF or gVCF made elsewhere (see `foreign`), part by part of the genome. Records
are left-aligned and split, artefacts named in FILTER, consequences told by `bcftools csq` (Danecek and McCarthy 2017,
doi:10.1093/bioinformatics/btx100), which combines the variants of one haplotype: variants that fail a filter take no
part, and unphased heterozygous neighbours count as one haplotype.

Blocks are homozygous for the reference. bcftools gives them no quality, so theirs is that of their fewest reads (see
`records.block_quality`). Where no variant was called and the reads do not favour the reference tenfold, an
`undecided` record without genotype stands instead. Filters that depth and quality can answer apply to blocks too.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_json, sha256, write_json
from scleromyomics.core.tools import find_tool, require_tools
from scleromyomics.core.versions import versions
from scleromyomics.variants import filters as soft
from scleromyomics.variants import foreign, gvcf, pileup, ploidy
from scleromyomics.variants.loci import Genome
from scleromyomics.variants.regions import Part, cut, read_targets
from scleromyomics.variants.workplace import workplace

Format = Literal["fastq", "bam", "cram", "vcf", "gvcf"]

__all__ = ["run"]


def require_admitted(source: Path, admission: Mapping[str, Any], sample: str) -> None:
    """Refuse a raw file that is no longer the one that was admitted.

    Raises:
        InputError: its digest differs.
    """
    digests = admission["sha256"] if isinstance(admission["sha256"], list) else [admission["sha256"]]
    if sha256(source) not in digests:
        raise InputError(
            f"sample {sample}, file {source}: found other content than was admitted; allowed: the admitted file,"
            " unchanged"
        )


def run(
    *,
    sample: str,
    format: Format,  # noqa: A002 - the sheet's column
    sex: Literal["F", "M"],
    source: Path,
    admission: Path,
    genome: Path,
    reference: Path,
    targets: Path,
    column: str = "",
    minimum_mapping_quality: int,
    minimum_base_quality: int,
    maximum_depth: int,
    gvcf_depths: list[int],
    minimum_quality: float,
    filters: list[str] | None = None,
    minimum_alternate: int,
    minimum_fraction: float,
    bcftools: str = "auto",
    threads: int = 1,
    calls: Path,
    index: Path,
    candidates: Path,
    candidates_index: Path,
    receipt: Path,
) -> None:
    """Write one sample's calls and candidates.

    Args:
        sample: name of the sample.
        format: of its raw file.
        sex: of the participant, as the sheet says.
        source: its alignments (CRAM), or its raw VCF or gVCF.
        admission: receipt of the raw file's admission.
        genome: FASTA of the frozen reference.
        reference: receipt of the reference.
        targets: of the platform (BED).
        column: the sample's column in a VCF; empty: the only one.
        minimum_mapping_quality: lowest of a read that counts, Phred.
        minimum_base_quality: lowest of a base that counts, Phred.
        maximum_depth: reads looked at per position.
        gvcf_depths: depths at which blocks are divided.
        minimum_quality: lowest QUAL that passes, Phred.
        filters: `name=expression` of each further filter.
        minimum_alternate: reads with an allele that make it a candidate.
        minimum_fraction: of the reads with an allele that makes it a candidate.
        bcftools: which program.
        threads: parts called side by side; the result does not depend on it.
        calls: where to write the gVCF (BCF).
        index: where to write its index (CSI).
        candidates: where to write alleles with low support (BCF).
        candidates_index: where to write their index (CSI).
        receipt: where to write digests, counts and versions (JSON).
    """
    tool = find_tool("bcftools", bcftools)
    frozen, admitted = read_json(reference), read_json(admission)
    require_tools(frozen.get("tools", {}), [tool])
    settings = gvcf.Settings(
        mapping_quality=minimum_mapping_quality,
        base_quality=minimum_base_quality,
        depth=maximum_depth,
        depths=tuple(sorted(gvcf_depths)),
        filters=soft.parse(filters or [], minimum_quality),
        alternate=minimum_alternate,
        fraction=minimum_fraction,
    )
    known, held = Genome.load(genome), "" if admitted["status"] == "accepted" else admitted["reason"]
    products = gvcf.Products(
        calls=calls, index=index, candidates=candidates, candidates_index=candidates_index
    )
    silent: list[str] = []
    with workplace(calls) as folder:
        job = gvcf.Job(
            sample=sample,
            sex=sex,
            source=source,
            genome=known,
            settings=settings,
            bcftools=tool,
            folder=folder,
        )
        parts: list[Part] = []
        call: Callable[[Part], gvcf.Counts] = partial(pileup.call_part, job)
        if not held:
            wanted = read_targets(targets)
            parts = cut(frozen["regions"], wanted, without=ploidy.absent(known, sex))
            if format in {"vcf", "gvcf"}:
                require_admitted(source, admitted, sample)
                opened = foreign.open_source(job, column, wanted)
                silent = sorted(settings.filters.keys() - opened.filters.keys())
                call = partial(foreign.read_part, opened)
        counts = gvcf.make(job, parts, call, products, threads)
    made = {"calls": calls, "candidates": candidates}
    facts: dict[str, object] = {
        "sample": sample,
        "held": held,
        "format": format,
        "sha256": {name: sha256(path) for name, path in made.items()},
        "size": {name: path.stat().st_size for name, path in made.items()},
    }
    facts |= {"records": counts.numbers, "filters_without_data": silent, "tools": {"bcftools": tool.version}}
    write_json(receipt, facts | {"versions": versions("numpy", "pyarrow")})


if __name__ == "__main__":
    entry_point(run)
