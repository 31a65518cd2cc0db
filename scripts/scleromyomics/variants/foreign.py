"""VCF and gVCF files that other programs made, in the form of our own calls.

Read are those of GATK (<NON_REF>), DeepVariant (<*>), bcftools (<*> or no alternate allele), and plain VCFs: the
sample's column, under the sample's name; variants left-aligned, split, with substitutions of several bases taken
apart, as our own calls have them; within the targets. Blocks keep their ends, fewest reads (MIN_DP, else DP) and
quality. A record whose FILTER is neither PASS nor empty keeps those names and so fails; DeepVariant's RefCall, a
homozygous reference genotype at a position with other reads, does not. Our filters apply to what the records have.
Symbolic alleles (<DEL>, *, breakends) have no sequence and are left out.

Genotypes are set on the copies that the person has: homozygous ones get as many alleles, heterozygous ones are no
genotype where there is one copy.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import pipe
from scleromyomics.variants import filters as soft
from scleromyomics.variants import ploidy, records
from scleromyomics.variants.gvcf import Counts, Job, cells, read_variants, write_part
from scleromyomics.variants.loci import TEXT, Sites, place
from scleromyomics.variants.query import read_query
from scleromyomics.variants.records import FORMATS, HAPLOID_HETEROZYGOUS, Blocks, Variants
from scleromyomics.variants.regions import BEYOND, Part, Span, write_bed

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTIG = re.compile(r"##contig=<ID=([^,>]+)(?:.*?length=(\d+))?")
DEFINED = re.compile(r"##(INFO|FORMAT)=<ID=([^,]+),")
TAKEN: Mapping[str, tuple[str, str]] = {
    "GT": ("1", "String"),
    "GQ": ("1", "Float"),
    "DP": ("1", "Integer"),
    "MIN_DP": ("1", "Integer"),
    "AD": ("R", "Integer"),
    "ADF": ("R", "Integer"),
    "ADR": ("R", "Integer"),
    "SP": ("1", "Integer"),
    "RO": ("1", "Integer"),
    "AO": ("A", "Integer"),
}
"""FORMAT fields that are read, with the number and type that they must have; some programs declare others."""

REFERENCE_CALL = "RefCall"
REFERENCE = ("0", "0/0", "0|0")
BLOCK = 'N_ALT=0 | (N_ALT=1 & (ALT="<NON_REF>" | ALT="<*>"))'
NO_SEQUENCE = 'ALT="*" | ALT="." | ALT~"[^ACGTNacgtn]"'


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file made elsewhere, as an indexed BCF with what is read of the sample's column.

    Attributes:
        job: the sample.
        path: the BCF; the names of FILTER stand in ID.
        fields: FORMAT fields that it has.
        filters: ours that its records can be judged by.
        targets: first and last base of the targets of each contig.
    """

    job: Job
    path: Path
    fields: tuple[str, ...]
    filters: Mapping[str, str]
    targets: "Mapping[str, NDArray[np.int64]]"


def open_source(job: Job, column: str, targets: "Mapping[str, NDArray[np.int64]]") -> Source:
    """Take the sample's column out of a file.

    Raises:
        InputError: the file has no such column, or is of another genome.
    """
    lines = pipe(job.bcftools("view", "-h", "--no-version", job.source), what=job.what).decode().splitlines()
    names = lines[-1].split("\t")[9:]
    name = _column(job, names, column)
    _require_lengths(job, lines)
    defined = {(match[1], match[2]) for match in map(DEFINED.match, lines) if match}
    least = "%INFO/MIN_DP" if ("INFO", "MIN_DP") in defined else ""
    values = {one: f"[%{one}]" for one in TAKEN if ("FORMAT", one) in defined}
    values |= {"MIN_DP": least} if least and "MIN_DP" not in values else {}
    cells = ["%CHROM", "%POS", "%FILTER", "%REF", "%ALT", "%QUAL", ".", "END=%END"]
    cells += [":".join(values) or "GT", ":".join(values.values()) or "."]
    chosen = ("-s", name) if len(names) > 1 else ()
    head, path = job.folder / "source.header", job.folder / "source.bcf"
    head.write_text(_header(job, lines, list(values) or ["GT"]), encoding="utf-8")
    query = ("query", *chosen, "-f", r"\t".join(cells) + r"\n", job.source)
    packed = ("view", "--no-version", "-Ob", "-o", path)
    try:
        pipe(job.bcftools(*query), ["cat", str(head), "-"], job.bcftools(*packed), what=job.what)
    except InputError:
        _require_names(
            job, pipe(job.bcftools("query", "-f", r"%CHROM\n", job.source), ["uniq"], what=job.what)
        )
        raise
    pipe(job.bcftools("index", "-f", path), what=f"{job.what} (sorted by position?)")
    _require_names(job, pipe(job.bcftools("index", "--stats", path), what=job.what), all_of_them=False)
    kept = [one for one in FORMATS if one in values] + ["AD"] * ("RO" in values and "AO" in values)
    filters = soft.telling(job.settings.filters, kept)
    return Source(job=job, path=path, fields=tuple(values), filters=filters, targets=targets)


def _column(job: Job, names: Sequence[str], column: str) -> str:
    if column and column not in names:
        raise InputError(f"{job.what}: found no column {column}; allowed: {', '.join(names) or 'none'}")
    if not column and len(names) != 1:
        raise InputError(
            f"{job.what}: found {len(names)} columns of samples; allowed: one, or file.vcf#column"
        )
    return column or names[0]


def _require_lengths(job: Job, lines: Sequence[str]) -> None:
    """Refuse a header with contigs of other lengths."""
    lengths = dict(zip(job.genome.contigs, job.genome.lengths, strict=True))
    for name, length in (match.groups() for match in map(CONTIG.match, lines) if match):
        if length and name in lengths and int(length) != lengths[name]:
            raise InputError(
                f"{job.what}: found contig {name} of {length} bases; allowed: {lengths[name]}, as in the genome"
            )


def _require_names(job: Job, listed: bytes, *, all_of_them: bool = True) -> None:
    """Refuse records on contigs that the genome does not have: any, or where none lies on another."""
    names = [line.split("\t")[0] for line in listed.decode().splitlines()]
    strange = [name for name in names if name not in job.genome.contigs]
    if strange and (all_of_them or len(strange) == len(names)):
        raise InputError(
            f"{job.what}: found contig {strange[0]}; allowed: the names of the genome ({job.genome.contigs[0]}, ...);"
            " rename with bcftools annotate --rename-chrs"
        )


def _header(job: Job, lines: Sequence[str], fields: Sequence[str]) -> str:
    """A header with the genome's contigs, those that only the source has, and the fields that are read."""
    contigs = [f"##contig=<ID={name}>" for name in job.genome.contigs]
    found = (match[1] for match in map(CONTIG.match, lines) if match)
    contigs += [f"##contig=<ID={name}>" for name in found if name not in job.genome.contigs]
    end = '##INFO=<ID=END,Number=1,Type=Integer,Description="">'
    formats = (
        f'##FORMAT=<ID={name},Number={TAKEN[name][0]},Type={TAKEN[name][1]},Description="">'
        for name in fields
    )
    names = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{job.sample}"
    return "".join(f"{line}\n" for line in ("##fileformat=VCFv4.2", *contigs, end, *formats, names))


def read_part(source: Source, part: Part) -> Counts:
    """Bring one part into our form; writes the lines of its calls."""
    spans = source.job.folder / f"{part.number}.bed"
    write_bed(spans, (Span(one.contig, one.first, one.last + BEYOND) for one in part.spans))
    variants, blocks = _variants(source, part, spans), _blocks(source, part, spans)
    spans.unlink()
    return write_part(source.job, part, _filtered(source, part, variants), blocks)


def _variants(source: Source, part: Part, spans: Path) -> Variants:
    """Records with sequences, on the copies that the person has."""
    job = source.job
    table = job.folder / f"{part.number}.tsv"
    plain = ("--no-version", "-Ou")
    norm = ("norm", *plain, "-f", job.genome.fasta)
    wanted = [name for name in source.fields if name != "MIN_DP"]
    pipe(
        job.bcftools("view", *plain, "-R", spans, "-e", BLOCK, source.path),
        job.bcftools(*norm, "-m", "-any"),
        job.bcftools("view", *plain, "-e", NO_SEQUENCE),
        job.bcftools(*norm, "--atomize"),
        job.bcftools("query", "-f", cells(wanted, filters="%ID")),
        what=f"{job.what} (made on the genome of the study?)",
        stdout=table,
    )
    found = read_variants(table, job.genome, wanted)
    inside = _within(source, found.sites.contig, found.sites.pos, found.sites.end)
    found = found[inside & (found.sites.alt != "*")]  # what is left of alleles taken apart
    fields = dict(found.fields)
    if "AD" not in fields and "RO" in fields and "AO" in fields:
        both = np.strings.add(np.strings.add(fields["RO"], ","), fields["AO"])
        fields["AD"] = np.where(both == ",", "", both).astype(TEXT)
    return _checked(job, replace(found, fields={name: fields[name] for name in FORMATS if name in fields}))


def _checked(job: Job, found: Variants) -> Variants:
    """Genotypes, filters, depths and qualities as ours are."""
    count = len(found)
    fields = dict(found.fields)
    genotype = fields.get("GT", np.full(count, ".", dtype=TEXT))
    genotype[genotype == ""] = "."
    copies = job.genome.ploidy(found.sites, job.sex)
    genotype, wrong = ploidy.on_copies(genotype, copies)
    filters = found.filters.copy()
    reference = records.among(genotype, REFERENCE)
    filters[reference & (filters == REFERENCE_CALL)] = ""
    joint = np.where(wrong & (filters != ""), ";", "").astype(TEXT)
    added = np.where(wrong, HAPLOID_HETEROZYGOUS, "").astype(TEXT)
    fields["GT"] = genotype
    if "GQ" in fields:
        fields["GQ"] = _whole(fields["GQ"])
    if "DP" not in fields and "AD" in fields:
        fields["DP"] = np.full(count, "", dtype=TEXT)
    if "DP" in fields and "AD" in fields:
        bare = fields["DP"] == ""
        fields["DP"][bare] = _sums(fields["AD"][bare])
    return Variants(
        sites=found.sites,
        qual=found.qual,
        filters=np.strings.add(np.strings.add(filters, joint), added),
        fields=fields,
    ).distinct()


def _filtered(source: Source, part: Part, variants: Variants) -> Variants:
    """With the names of our filters that apply."""
    if not len(variants) or not source.filters:
        return variants
    job = source.job
    lines, table = (job.folder / f"{part.number}.{kind}" for kind in ("vcf", "tsv"))
    names = {name for text in np.unique(variants.filters).tolist() for name in text.split(";") if name}
    with lines.open("wb") as file:
        described = dict.fromkeys(sorted(names), records.FROM_SOURCE)
        head = records.header(job.sample, job.genome, described, tuple(FORMATS))
        file.write(head.encode())
        records.write(file, job.genome, variants)
    pipe(
        job.bcftools("view", "--no-version", "-Ou", lines),
        *soft.stages(soft.of_files(source.filters), job.bcftools),
        job.bcftools("query", "-f", cells(())),
        what=job.what,
        stdout=table,
    )
    lines.unlink()
    return replace(variants, filters=read_variants(table, job.genome, ()).filters)


def _blocks(source: Source, part: Part, spans: Path) -> Blocks:
    """Stretches with a homozygous reference genotype, within the targets."""
    job = source.job
    table = job.folder / f"{part.number}.tsv"
    names = ("GT", "DP", "MIN_DP", "GQ")
    texts = (f"[%{name}]" if name in source.fields else "." for name in names)
    row = "\\t".join(("%CHROM", "%POS", ".", ".", "%END", "%ID", *texts)) + "\\n"
    pipe(
        job.bcftools("view", "--no-version", "-Ou", "-R", spans, source.path),
        job.bcftools("query", "-i", BLOCK, "-f", row),
        what=job.what,
        stdout=table,
    )
    kinds = {"END": "int32", "FILTER": "string", **dict.fromkeys(names, "string")}
    found = read_query(table, job.genome, kinds)
    table.unlink()
    column = found.columns
    passes = records.among(column["FILTER"], ("", "PASS", REFERENCE_CALL))
    reference = records.among(column["GT"], REFERENCE)
    rows = np.flatnonzero(passes & reference)
    rows = rows[np.argsort(found.sites.place[rows], kind="stable")]
    new = np.diff(found.sites.place[rows], prepend=-1) > 0
    rows = rows[new]  # one that lies in two stretches is printed twice
    least, dp = (_numbers(column[name][rows]) for name in ("MIN_DP", "DP"))
    contig, start, end = found.sites.contig[rows], found.sites.pos[rows], column["END"][rows]
    sites = Sites(contig=contig, pos=start, ref=found.sites.ref[rows], alt=found.sites.alt[rows])
    blocks = Blocks(
        contig=contig,
        start=start,
        end=end,
        single=job.genome.ploidy(sites, job.sex) == 1,
        dp=np.where(least >= 0, least, dp),
        gq=_numbers(column["GQ"][rows]),
    )
    return blocks.on(*_targets(source, part)).merged(job.settings.depths)


def _targets(source: Source, part: Part) -> "tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int32]]":
    """The targets that a part looks at."""
    contigs = source.job.genome.contigs
    rows = sorted((contigs.index(one.contig), one.first, one.last) for one in part.targets)
    contig, first, last = np.array(rows, dtype=np.int32).T
    return contig.astype(np.int16), first, last


def _within(
    source: Source, contig: "NDArray[np.int16]", first: "NDArray[np.int32]", last: "NDArray[np.int32]"
) -> "NDArray[np.bool_]":
    """Whether stretches touch a target."""
    contigs = source.job.genome.contigs
    parts = [
        np.column_stack([np.full(len(spans), place(np.array(contigs.index(name)), np.int64(0))), spans])
        for name, spans in source.targets.items()
    ]
    spans = np.concatenate(parts)
    start, end = spans[:, 0] + spans[:, 1], spans[:, 0] + spans[:, 2]
    order = np.argsort(start)
    at = np.searchsorted(start[order], place(contig, last), "right") - 1
    return (at >= 0) & (end[order][at] >= place(contig, first))


def _numbers(texts: "NDArray[np.object_]") -> "NDArray[np.int32]":
    """Whole numbers; -1 for "". Fractions, which some programs write, are rounded down."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.cast(pa.array(np.where(texts == "", "-1", texts).astype(TEXT)), pa.float64()).to_numpy()
    return np.floor(known).astype(np.int32)


def _whole(texts: "NDArray[np.object_]") -> "NDArray[np.object_]":
    numbers = _numbers(texts)
    whole = numbers.astype(np.str_).astype(TEXT)
    whole[numbers < 0] = ""
    return whole


def _sums(texts: "NDArray[np.object_]") -> "NDArray[np.object_]":
    """The sum of numbers between commas; "" where one is missing."""
    different, back = np.unique(texts, return_inverse=True)
    sums = [
        str(sum(map(int, parts))) if all(one.isdigit() for one in parts) else ""
        for parts in (str(text).split(",") for text in different)
    ]
    return np.array(sums, dtype=TEXT)[back]
