"""What is known of sites from elsewhere: genes and consequences, and what the study's annotation files say.

All of it is a function of the site alone: consequences are those of the single allele (bcftools csq, Danecek and
McCarthy 2017, doi:10.1093/bioinformatics/btx100, with `--local-csq`), annotations those of the same allele, after
both are left-aligned, trimmed and split. Frequencies come from the named annotation, never from the cohort.

Consequences are ranked as Ensembl ranks the terms that csq has (https://www.ensembl.org/info/genome/variation/
prediction/predicted_data.html), and put into the classes of gnomAD (https://gnomad.broadinstitute.org/help/
consequence-category-filter): `lof` where a stop is gained, the frame shifts or the two bases of a splice site change
(what LOFTEE judges, Karczewski et al. 2020, doi:10.1038/s41586-020-2308-7), `missense` where the protein changes
otherwise, start and stop lost and changes in frame among them; `other` is the rest.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import Tool, pipe
from scleromyomics.variants.loci import TEXT, Genome, Sites, find, join, place
from scleromyomics.variants.query import read_query

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

SEVERITY = (
    *("splice_acceptor", "splice_donor", "stop_gained", "frameshift", "stop_lost", "start_lost"),
    *(
        "inframe_insertion",
        "inframe_deletion",
        "missense",
        "inframe_altering",
        "splice_region",
        "start_retained",
    ),
    *("stop_retained", "synonymous", "coding_sequence", "5_prime_utr", "3_prime_utr", "non_coding", "intron"),
    "intergenic",
)
"""Terms of bcftools csq, the most severe first."""

CLASSES: Mapping[str, str] = {
    **dict.fromkeys(("splice_acceptor", "splice_donor", "stop_gained", "frameshift"), "lof"),
    **dict.fromkeys(
        (
            *("stop_lost", "start_lost", "inframe_insertion", "inframe_deletion", "inframe_altering"),
            "missense",
        ),
        "missense",
    ),
}

PAD = (
    200  # bases: how far a record that is not left-aligned may lie from where it belongs; repeats are shorter
)
JUMP = 5000  # bases between two sites that are read over rather than jumped: about one compressed block
FIELD = re.compile(r"##INFO=<ID=([^,]+),")
CONTIG = re.compile(r"##contig=<ID=([^,>]+)")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What sites are annotated with.

    Attributes:
        genome: with its genes beside.
        files: annotation VCFs by name.
        fields: name of an annotation and an INFO field of it, for each text to take over.
        rarity: the annotation that tells the frequency; "": none does.
        rarity_field: its INFO field.
        rarity_maximum: highest frequency of a rare allele.
    """

    genome: Genome
    files: Mapping[str, Path]
    fields: tuple[tuple[str, str], ...] = ()
    rarity: str = ""
    rarity_field: str = "AF"
    rarity_maximum: float = 0.001

    @classmethod
    def of(
        cls,
        genome: Genome,
        *,
        annotations: Sequence[str] | None,
        fields: Sequence[str] | None,
        rarity: str,
        rarity_field: str,
        rarity_maximum: float,
    ) -> "Sources":
        """Sources from the flags of a rule: `name=path` of annotations, `name:FIELD` of fields.

        Raises:
            InputError: a name is not among the annotations.
        """
        files = {name: Path(path) for name, _, path in (text.partition("=") for text in annotations or [])}
        wanted = tuple((name, field) for name, _, field in (text.partition(":") for text in fields or []))
        for name in [name for name, _ in wanted] + [rarity] * bool(rarity):
            if name not in files:
                raise InputError(
                    f"annotation {name}: found no file of this name; allowed: {', '.join(files) or 'none is given'}"
                )
        return cls(
            genome=genome,
            files=files,
            fields=wanted,
            rarity=rarity,
            rarity_field=rarity_field,
            rarity_maximum=rarity_maximum,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotation:
    """What is known of each site; texts are "" where nothing is.

    Attributes:
        gene_symbol: of the transcript with the most severe consequence.
        gene_id: of that transcript.
        consequence: the most severe one.
        transcripts: `consequence|gene_symbol|gene_id|transcript|biotype` of each transcript, between commas.
        frequency: of the allele; nan where the annotation does not have it.
        rare: whether the frequency is at most the maximum, or the annotation does not have the allele.
        fields: texts by `<annotation>_<FIELD>`.
    """

    gene_symbol: "NDArray[np.object_]"
    gene_id: "NDArray[np.object_]"
    consequence: "NDArray[np.object_]"
    transcripts: "NDArray[np.object_]"
    frequency: "NDArray[np.float64]"
    rare: "NDArray[np.bool_]"
    fields: "Mapping[str, NDArray[np.object_]]"

    @property
    def group(self) -> "NDArray[np.object_]":
        """`lof`, `missense` or `other`."""
        return classes(self.consequence)


def classes(consequence: "NDArray[np.object_]") -> "NDArray[np.object_]":
    """The class of each consequence."""
    terms, back = np.unique(consequence, return_inverse=True)
    return np.array([CLASSES.get(str(term), "other") for term in terms], dtype=TEXT)[back]


def annotate(sites: Sites, sources: Sources, bcftools: Tool) -> Annotation:
    """Annotate sites.

    Args:
        sites: sorted, of plain bases.
        sources: genes and annotation files.
        bcftools: the tool.

    Raises:
        InputError: an annotation file is broken, of another naming of contigs, or lacks a field.
    """
    with tempfile.TemporaryDirectory() as folder:
        consequences = _consequences(sites, sources.genome, bcftools, Path(folder))
        texts = {
            name: _fields(sites, sources, name, bcftools, Path(folder))
            for name in dict.fromkeys(
                [name for name, _ in sources.fields] + [sources.rarity] * bool(sources.rarity)
            )
        }
    frequency, rare = np.full(len(sites), np.nan), np.zeros(len(sites), dtype=bool)
    if sources.rarity:
        where = f"annotation {sources.rarity}, field {sources.rarity_field}"
        frequency = numbers(texts[sources.rarity][sources.rarity_field], where)
        rare = ~(frequency > sources.rarity_maximum)
    fields = {f"{name}_{field}": texts[name][field] for name, field in sources.fields}
    return Annotation(**consequences, frequency=frequency, rare=rare, fields=fields)


def numbers(texts: "NDArray[np.object_]", where: str) -> "NDArray[np.float64]":
    """Frequencies; the highest where a field has several, nan where it has none.

    Raises:
        InputError: one is not a number between 0 and 1.
    """
    different, back = np.unique(texts, return_inverse=True)
    values = np.full(different.size, np.nan)
    for number, text in enumerate(different):
        parts = [part for part in str(text).split(",") if part not in {"", "."}]
        try:
            values[number] = max((float(part) for part in parts), default=np.nan)
        except ValueError:
            raise InputError(f"{where}: found {text}; allowed: frequencies") from None
    if ((values < 0) | (values > 1)).any():
        strange = different[(values < 0) | (values > 1)][0]
        raise InputError(f"{where}: found {strange}; allowed: frequencies, from 0 to 1")
    return values[back]


def write_sites(sites: Sites, genome: Genome, path: Path) -> None:
    """Write sites as a VCF without samples."""
    import pyarrow as pa
    import pyarrow.compute as pc

    head = ["##fileformat=VCFv4.2"]
    head += [
        f"##contig=<ID={name},length={length}>"
        for name, length in zip(genome.contigs, genome.lengths, strict=True)
    ]
    head += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    with path.open("wb") as file:
        file.write(("\n".join(head) + "\n").encode())
        if len(sites):
            name = pa.array(np.array(genome.contigs)).take(pa.array(sites.contig))
            dot = pa.array(np.full(len(sites), ".", dtype=TEXT))
            columns = [name, pc.cast(pa.array(sites.pos), pa.string()), dot, pa.array(sites.ref)]
            lines = join([*columns, pa.array(sites.alt), dot, dot, dot], "\t")
            file.write(("\n".join(lines.to_pylist()) + "\n").encode())


def _consequences(
    sites: Sites, genome: Genome, bcftools: Tool, folder: Path
) -> "dict[str, NDArray[np.object_]]":
    empty = np.full(len(sites), "", dtype=TEXT)
    nothing = dict.fromkeys(("gene_symbol", "gene_id", "consequence", "transcripts"), empty)
    genes = read_genes(genome.genes) if genome.genes else Genes(of_transcript={}, named={})
    known = [
        number for number, name in enumerate(genome.contigs) if name in {contig for contig, _ in genes.named}
    ]
    there = np.isin(sites.contig, known)  # csq 1.24 ends at a contig that the genes do not have
    if not there.any():
        return nothing
    vcf, table = folder / "sites.vcf", folder / "csq.tsv"
    write_sites(sites[there], genome, vcf)
    csq = ("csq", "--no-version", "--local-csq", "-f", genome.fasta, "-g", genome.genes, "-Ou", vcf)
    query = ("query", "-f", r"%CHROM\t%POS\t%REF\t%ALT\t%INFO/BCSQ\n")
    pipe(bcftools(*csq), bcftools(*query), what="consequences of sites", stdout=table)
    found = read_query(table, genome, ("BCSQ",))
    texts = _placed(sites, found.sites, found.columns["BCSQ"])
    return most_severe(texts, sites, genome, genes)


@dataclass(frozen=True, kw_only=True)
class Genes:
    """Genes of a GFF3.

    Attributes:
        of_transcript: identifier of the gene of each transcript.
        named: by contig and name: first and last position and identifier of each gene.
    """

    of_transcript: Mapping[str, str]
    named: Mapping[tuple[str, str], tuple[tuple[int, int, str], ...]]


def read_genes(path: Path) -> Genes:
    """Genes and transcripts of a GFF3 in Ensembl's form."""
    import gzip

    of_transcript: dict[str, str] = {}
    named: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#") or "ID=" not in line:
                continue
            cells = line.rstrip("\n").split("\t")
            about = dict(part.partition("=")[::2] for part in cells[8].split(";"))
            name = about.get("ID", "")
            if name.startswith("gene:"):
                gene = name.removeprefix("gene:")
                span = (int(cells[3]), int(cells[4]), gene)
                named.setdefault((cells[0], about.get("Name", gene)), []).append(span)
            elif name.startswith("transcript:"):
                of_transcript[name.removeprefix("transcript:")] = about.get("Parent", "").removeprefix(
                    "gene:"
                )
    return Genes(of_transcript=of_transcript, named={key: tuple(spans) for key, spans in named.items()})


def most_severe(
    texts: "NDArray[np.object_]", sites: Sites, genome: Genome, genes: Genes
) -> "dict[str, NDArray[np.object_]]":
    """The most severe consequence of each site, and that of each transcript, from what csq says.

    Of equally severe ones those in coding transcripts come first, then by gene and transcript.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = pc.split_pattern(pa.array(texts), ",")
    site = pc.list_parent_indices(lists).to_numpy()
    one = pc.split_pattern(pc.list_flatten(lists), "|")
    long = pc.greater_equal(pc.list_value_length(one), 4)  # "" and references to other records are shorter
    one, site = one.filter(long), site[long.to_numpy(zero_copy_only=False)]
    term, symbol, transcript, biotype = (_text(pc.list_element(one, part)) for part in range(4))
    term, rank = _ranked(term)
    gene = _gene_ids(symbol, transcript, sites[site], genome, genes)
    result = {name: np.full(len(sites), "", dtype=TEXT) for name in ("gene_symbol", "gene_id", "consequence")}
    result["transcripts"] = np.full(len(sites), "", dtype=TEXT)
    if not site.size:
        return result
    codes = [np.unique(part, return_inverse=True)[1] for part in (transcript, gene)]
    order = np.lexsort((codes[0], codes[1], biotype != "protein_coding", rank, site))
    starts = np.flatnonzero(np.diff(site[order], prepend=-1))
    first = order[starts]
    result["gene_symbol"][site[first]] = symbol[first]
    result["gene_id"][site[first]] = gene[first]
    result["consequence"][site[first]] = term[first]
    each = join([pa.array(part[order]) for part in (term, symbol, gene, transcript, biotype)], "|")
    offsets = pa.array(np.append(starts, order.size).astype(np.int64))
    joined = pc.binary_join(pa.LargeListArray.from_arrays(offsets, each), pa.scalar(",", pa.large_string()))
    result["transcripts"][site[first]] = _text(joined)
    return result


def per_gene(
    transcripts: "NDArray[np.object_]",
) -> tuple["NDArray[np.intp]", dict[str, "NDArray[np.object_]"]]:
    """The most severe consequence in each gene of each site.

    Args:
        transcripts: of each site, as `Annotation` has them.

    Returns:
        The site's number of each row; `gene_symbol`, `gene_id` and `consequence` of the rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = pc.split_pattern(pa.array(transcripts), ",")
    site = pc.list_parent_indices(lists).to_numpy()
    one = pc.split_pattern(pc.list_flatten(lists), "|")
    known = pc.greater_equal(pc.list_value_length(one), 4)
    one, site = one.filter(known), site[known.to_numpy(zero_copy_only=False)]
    term, symbol, gene = (_text(pc.list_element(one, part)) for part in range(3))
    _, code = np.unique(gene, return_inverse=True)
    _, rows = np.unique(
        np.column_stack([site, code]), axis=0, return_index=True
    )  # the first is the most severe
    rows.sort()
    return site[rows], {"gene_symbol": symbol[rows], "gene_id": gene[rows], "consequence": term[rows]}


def _ranked(terms: "NDArray[np.object_]") -> tuple["NDArray[np.object_]", "NDArray[np.intp]"]:
    """The most severe of the terms joined in each text (a&b; * marks one behind a stop), and its rank."""
    different, back = np.unique(terms, return_inverse=True)
    best = [
        min((_severity(term), term) for term in str(text).replace("*", "").split("&")) for text in different
    ]
    rank = np.array([number for number, _ in best], dtype=np.intp)
    return np.array([one for _, one in best], dtype=TEXT)[back], rank[back]


def _severity(term: str) -> int:
    if term not in SEVERITY:
        raise InputError(f"bcftools csq: found consequence {term}; allowed: {', '.join(SEVERITY)}")
    return SEVERITY.index(term)


def _gene_ids(
    symbol: "NDArray[np.object_]",
    transcript: "NDArray[np.object_]",
    sites: Sites,
    genome: Genome,
    genes: Genes,
) -> "NDArray[np.object_]":
    """Identifier of the gene: the transcript's, or (csq names none in introns) of the gene of that name there."""
    different, back = np.unique(transcript, return_inverse=True)
    found = np.array([genes.of_transcript.get(str(one), "") for one in different], dtype=TEXT)[back]
    left = np.flatnonzero(found == "")
    names, name = np.unique(symbol[left], return_inverse=True)
    pairs, pair = np.unique(np.column_stack([sites.contig[left], name]), axis=0, return_inverse=True)
    spans = [genes.named.get((genome.contigs[contig], str(names[one])), ()) for contig, one in pairs]
    found[left] = np.array([some[0][2] if some else "" for some in spans], dtype=TEXT)[pair]
    for row in np.flatnonzero(np.array([len(some) > 1 for some in spans], dtype=bool)[pair]):  # few names
        pos = sites.pos[left[row]]
        found[left[row]] = next((gene for first, last, gene in spans[pair[row]] if first <= pos <= last), "")
    return found


def _text(column: "pa.Array") -> "NDArray[np.object_]":
    return column.to_numpy(zero_copy_only=False).astype(TEXT)


def _placed(sites: Sites, found: Sites, texts: "NDArray[np.object_]") -> "NDArray[np.object_]":
    """The text of each site; "" for none."""
    at = find(sites, found)
    result = np.full(len(sites), "", dtype=TEXT)
    result[at >= 0] = texts[at[at >= 0]]
    return result


def _fields(
    sites: Sites, sources: Sources, name: str, bcftools: Tool, folder: Path
) -> "dict[str, NDArray[np.object_]]":
    """The INFO fields that are wanted of an annotation, at each site."""
    path, genome = sources.files[name], sources.genome
    wanted = [field for one, field in sources.fields if one == name]
    wanted = list(dict.fromkeys(wanted + [sources.rarity_field] * (name == sources.rarity)))
    there = _require_fields(path, name, wanted, genome, bcftools)
    if not len(sites):
        return {field: np.full(0, "", dtype=TEXT) for field in wanted}
    windows, table = folder / f"{name}.bed", folder / f"{name}.tsv"
    write_bed(windows, genome, sites.contig, first=sites.pos - PAD, last=sites.end + PAD, jump=JUMP)
    indexed = any(Path(f"{path}{suffix}").is_file() for suffix in (".csi", ".tbi"))
    keep = ",".join(f"INFO/{field}" for field in wanted)
    lean = ("annotate", "--no-version", "-x", f"^{keep}", "-Ou")  # splitting every field of gnomAD takes long
    norm = (
        "norm",
        "--no-version",
        "-m",
        "-any",
        "-c",
        "x",
        "-f",
        genome.fasta,
        "--old-rec-tag",
        "AS_GIVEN",
        "-Ou",
    )
    cells = [r"%CHROM\t%POS\t%REF\t%ALT\t%INFO/AS_GIVEN", *(f"%INFO/{field}" for field in wanted)]
    pipe(
        bcftools("view", "--no-version", "-R" if indexed else "-T", windows, "-Ou", path),
        *([bcftools(*lean)] if there - set(wanted) else []),
        bcftools(*norm),
        bcftools("query", "-f", r"\t".join(cells) + r"\n"),
        what=f"annotation {name} ({path})",
        stdout=table,
    )
    found = read_query(table, genome, ("AS_GIVEN", *wanted), others=True)
    given = _given(found.columns["AS_GIVEN"], found.sites.pos)
    near = np.flatnonzero(
        np.abs(given - found.sites.pos) <= PAD
    )  # farther ones are seen where other sites lie
    near = near[found.sites[near].order()]
    return {field: _placed(sites, found.sites[near], found.columns[field][near]) for field in wanted}


def _given(texts: "NDArray[np.object_]", pos: "NDArray[np.int32]") -> "NDArray[np.int64]":
    """Position of each record before it was normalised."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = pos.astype(np.int64)
    moved = np.flatnonzero(texts != "")
    if moved.size:
        parts = pc.split_pattern(pa.array(texts[moved]), "|")
        given[moved] = pc.cast(pc.list_element(parts, 1), pa.int64()).to_numpy()
    return given


def _require_fields(path: Path, name: str, fields: Sequence[str], genome: Genome, bcftools: Tool) -> set[str]:
    """The INFO fields of an annotation, the wanted ones among them."""
    if not path.is_file():
        raise InputError(f"annotation {name}: found no file {path}; allowed: an existing VCF")
    header = pipe(bcftools("view", "-h", "--no-version", path), what=f"annotation {name} ({path})").decode()
    there = set(FIELD.findall(header))
    for field in fields:
        if field not in there:
            raise InputError(
                f"annotation {name} ({path}): found no INFO field {field}; allowed: one of its header"
            )
    contigs = CONTIG.findall(header)
    if contigs and not set(contigs) & set(genome.contigs):
        raise InputError(
            f"annotation {name} ({path}): found contig {contigs[0]}; allowed: the names of the genome"
            f" ({genome.contigs[0]}, ...); rename with bcftools annotate --rename-chrs"
        )
    return there


def write_bed(
    path: Path,
    genome: Genome,
    contig: "NDArray[np.int16]",
    *,
    first: "NDArray[np.int32]",
    last: "NDArray[np.int32]",
    jump: int = 0,
) -> None:
    """Write parts (1-based, inclusive) as BED; those that overlap or are at most `jump` bases apart become one."""
    start, end = place(contig, np.maximum(first, 1)), place(contig, last)
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order]) if order.size else end
    new = np.ones(order.size, dtype=bool)
    new[1:] = (start[1:] > end[:-1] + 1 + jump) | (contig[order][1:] != contig[order][:-1])
    begins = np.flatnonzero(new)
    stops = np.append(begins[1:], order.size) - 1
    of = contig[order][begins]
    longest = np.array(genome.lengths)[of]
    spans = np.column_stack(
        [start[begins] - place(of, 0) - 1, np.minimum(end[stops] - place(of, 0), longest)]
    )
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"{genome.contigs[one]}\t{begin}\t{stop}\n"
            for one, (begin, stop) in zip(of, spans.tolist(), strict=True)
        )
