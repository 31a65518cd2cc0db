"""The genome of a freeze, checked once: sequence, dictionary, BWA's index, genes, common sites.

The FASTA is written anew: upper case, lines of 60 letters, names without description. Checked is what would else show
late or never: names and lengths of contigs in all files, features beyond the ends of contigs, alleles that the
genome does not have (another build). MD5 digests of contigs (M5) are those of the SAM specification. All is streamed:
a genome of three billion letters takes a few hundred MB here, besides BWA's index.
"""

import gzip
import hashlib
import re
import shutil
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256 as sha256_of
from scleromyomics.core.files import write_json
from scleromyomics.core.tools import Stage, Tool, find_tool, pipe
from scleromyomics.core.versions import versions
from scleromyomics.variants import bwa_index, lines
from scleromyomics.variants.alleles import Bases, check_alleles
from scleromyomics.variants.contigs import beyond, pieces, renamed, stranger
from scleromyomics.variants.fastq import fault, opened
from scleromyomics.variants.workplace import workplace

BLOCK_BYTES = 8_000_000  # of a FASTA at once
LINE_LETTERS = 60  # of genome.fa
LETTERS = b"ACGTNRYSWKMBDHV"  # IUPAC; no U (RNA), no gaps
UPPER = bytes(range(256)).upper()
NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
"""Names that the SAM specification allows."""
GFF3_FIELDS, GFF3_END = 9, 4
GZIP_LEVEL = 6
STALE = ("genes.gff3.gz", "common.bcf", "common.bcf.csi")  # of an earlier run with other settings
COMMON = r"%CHROM\t%POS\t.\t%REF\t%ALT\t.\t.\tAF=%INFO/AF\n"
COMMON_SITE = (0, 1, 3)  # contig, position and reference allele in it
BETWEEN = "INFO/AF>0 && INFO/AF<1"


@dataclass(frozen=True)
class Contig:
    """A contig of genome.fa.

    Attributes:
        name: its name.
        length: bases.
        m5: MD5 of the sequence in upper case.
        offset: where its sequence starts in genome.fa.
    """

    name: str
    length: int
    m5: str
    offset: int


def sequences(source: Path, handle: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """The contigs of a FASTA part by part: name and letters in upper case; first with no letters.

    Raises:
        InputError: no FASTA, or a contig twice.
    """
    top: bytes | None = None  # a header line whose end has not come yet
    fresh, name = True, ""  # whether the next letter starts a line; the contig
    seen: set[str] = set()
    for block in _blocks(source, handle):
        at = 0
        while at < len(block):
            if top is not None or (fresh and block[at] == ord(">")):
                end = block.find(b"\n", at)
                top = (top or b"") + block[at : end if end >= 0 else None]
                if end < 0:
                    break
                name, top, fresh, at = _name(source, top), None, True, end + 1
                if name in seen:
                    raise fault(source, f"contig {name!r} twice", "each contig once")
                seen.add(name)
                yield name, b""
                continue
            end = block.find(b"\n>", at)
            part = block[at : end + 1 if end >= 0 else None]
            fresh, at = part.endswith(b"\n"), at + len(part)
            letters = part.translate(UPPER, b"\r\n")
            if letters and not name:
                raise fault(source, f"{chr(letters[0])!a} at the start", "a FASTA, which starts with >")
            if letters:
                yield name, letters


def _blocks(source: Path, handle: IO[bytes]) -> Iterator[bytes]:
    try:
        while block := handle.read(BLOCK_BYTES):
            yield block
        yield b"\n"  # the last line may have no end
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise fault(source, "a damaged gzip file", "a complete one") from error


def _name(source: Path, top: bytes) -> str:
    words = top[1:].decode("utf-8", "replace").split()
    name = words[0] if words and not top[1:2].isspace() else ""
    if not NAME.fullmatch(name):
        raise fault(source, f"a contig named {name!a}", "a name after >, of letters that SAM allows")
    return name


def write_genome(source: Path, target: Path) -> list[Contig]:
    """Write the genome's sequence (genome.fa) from the user's FASTA.

    Raises:
        InputError: damaged, a contig twice or empty, or letters that are no nucleotide codes.
    """
    found = []
    with opened(source) as handle, target.open("wb") as out:
        for name, parts in groupby(sequences(source, handle), key=itemgetter(0)):
            out.write(f">{name}\n".encode())
            offset, digest, length = out.tell(), hashlib.md5(usedforsecurity=False), 0
            for letters in _wrapped((part for _, part in parts), out):
                strange = letters.translate(None, LETTERS)
                if strange:
                    raise fault(
                        source, f"the letter {chr(strange[0])!a} in contig {name!r}", "ACGTN, and IUPAC codes"
                    )
                digest.update(letters)
                length += len(letters)
            if not length:
                raise fault(source, f"contig {name!r} without a sequence", "one base or more")
            found.append(Contig(name, length, digest.hexdigest(), offset))
    if not found:
        raise fault(source, "no contig", "a FASTA, which starts with >")
    return found


def _wrapped(parts: Iterator[bytes], out: IO[bytes]) -> Iterator[bytes]:
    """Write letters in lines of `LINE_LETTERS`; gives each part on as it came."""
    rest = b""
    for letters in parts:
        yield letters
        whole = rest + letters
        n = len(whole) // LINE_LETTERS
        rest = whole[n * LINE_LETTERS :]
        block = np.full((n, LINE_LETTERS + 1), ord("\n"), np.uint8)
        block[:, :-1] = np.frombuffer(whole, np.uint8, n * LINE_LETTERS).reshape(n, LINE_LETTERS)
        out.write(block.tobytes())
    if rest:
        out.write(rest + b"\n")


def write_lists(found: Sequence[Contig], genome: Path) -> None:
    """Write the index and the dictionary of genome.fa, without a path."""
    index, dictionary = [], ["@HD\tVN:1.6\tSO:unsorted"]
    for one in found:
        letters = min(LINE_LETTERS, one.length)
        index.append(f"{one.name}\t{one.length}\t{one.offset}\t{letters}\t{letters + 1}")
        dictionary.append(f"@SQ\tSN:{one.name}\tLN:{one.length}\tM5:{one.m5}")
    genome.with_name(f"{genome.name}.fai").write_text("\n".join([*index, ""]))
    genome.with_suffix(".dict").write_text("\n".join([*dictionary, ""]))


def check_genes(source: Path, contigs: Mapping[str, int]) -> None:
    """Refuse genes of another genome, and those that `bcftools csq` cannot read.

    Raises:
        InputError: contigs with other names, features beyond the end of one, no transcript in Ensembl's form.
    """
    known = 0
    ensembl = False
    first_strange = ""
    with opened(source) as handle:
        for block in lines.blocks(handle):
            rows = block[(block.data[block.start] != ord("#")) & (block.stop > block.start)]
            if len(rows) and int(rows.count.min()) < GFF3_FIELDS:
                bad = int(np.argmin(rows.count))
                raise fault(source, f"a line of {rows.count[bad]} fields", f"{GFF3_FIELDS}, between tabs")
            for name, some in _by_contig(rows):
                if name not in contigs:
                    if renamed(name, contigs):
                        raise stranger(f"file {source}", name, contigs, "gff3")
                    first_strange = first_strange or name
                    continue
                known += len(some)
                last = int(some.numbers(GFF3_END).max())
                if last > contigs[name]:
                    raise beyond(f"file {source}", name, last, contigs[name])
            ensembl = ensembl or b"ID=transcript:" in block.data.tobytes()
    if first_strange and not known:
        raise stranger(f"file {source}", first_strange, contigs, "gff3")
    if not ensembl:
        raise fault(source, "no transcript (ID=transcript:...)", "a GFF3 in Ensembl's form")


def _by_contig(rows: lines.Lines) -> Iterator[tuple[str, lines.Lines]]:
    """The lines of each contig, and its name."""
    _, first, which = np.unique(rows.hashes(0), return_index=True, return_inverse=True)
    for i, line in enumerate(first.tolist()):
        yield rows.text(line, 0), rows[which == i]


def copy_genes(source: Path, target: Path) -> None:
    """Write genes as a gzip file without name and time."""
    with (
        opened(source) as handle,
        target.open("wb") as out,
        gzip.GzipFile("", "wb", GZIP_LEVEL, out, mtime=0) as packed,
    ):
        shutil.copyfileobj(handle, packed, BLOCK_BYTES)


def check_sites(source: Path, contigs: Mapping[str, int], bcftools: Tool, *, indexed: bool) -> None:
    """Refuse a VCF of another genome.

    Args:
        source: VCF or BCF file.
        contigs: lengths of the genome's contigs.
        bcftools: the tool.
        indexed: it must have an index beside it.

    Raises:
        InputError: none of its contigs is the genome's, or one has another length; no index; not readable.
    """
    where = f"file {source}"
    if indexed and not any(Path(f"{source}{suffix}").exists() for suffix in (".tbi", ".csi")):
        raise InputError(
            f"{where}: found no index (.tbi, .csi) beside it; allowed: bcftools index {source.name}"
        )
    top = pipe(bcftools("view", "-h", "--no-version", source), what=where).decode("utf-8", "replace")
    found = dict(re.findall(r"^##contig=<ID=([^,>]+)(?:.*?length=(\d+))?.*>$", top, re.MULTILINE))
    if not found:
        used = pipe(bcftools("query", "-f", r"%CHROM\n", source), what=where).decode().split()
        found = dict.fromkeys(used, "")
    shared = [name for name in found if name in contigs]
    for name in shared if indexed else ():  # of others the alleles are compared
        if found[name] and int(found[name]) != contigs[name]:
            raise InputError(
                f"{where}: found contig {name!r} of {found[name]} bases; allowed: {contigs[name]}, as in the"
                " genome: a file of this build"
            )
    if found and not shared:
        meant = [name for name in found if renamed(name, contigs)] or list(found)
        raise stranger(where, meant[0], contigs, "vcf")


def write_common(source: Path, genome: Path, contigs: Mapping[str, int], bcftools: Tool, folder: Path) -> int:
    """Write the sites with common alleles (common.bcf): biallelic SNVs with INFO/AF between 0 and 1.

    Returns:
        Their number.

    Raises:
        InputError: none, or alleles that the genome does not have.
    """
    where = f"file {source}"
    check_sites(source, contigs, bcftools, indexed=False)
    whole, table, target = (folder / name for name in ("contigs.tsv", "common.vcf", "common.bcf"))
    whole.write_text("".join(f"{name}\t1\t{length}\n" for name, length in contigs.items()))
    body = folder / "common.txt"
    pipe(
        bcftools("view", "-m2", "-M2", "-v", "snps", "-T", whole, "-Ov", "--no-version", source),
        bcftools("query", "-i", BETWEEN, "-f", COMMON, "-"),
        what=where,
        stdout=body,
    )
    with table.open("wb") as out, body.open("rb") as rows:
        out.write(b"##fileformat=VCFv4.2\n")
        out.writelines(f"##contig=<ID={name},length={n}>\n".encode() for name, n in contigs.items())
        out.write(b'##INFO=<ID=AF,Number=1,Type=Float,Description="Frequency of the alternate allele">\n')
        out.write(b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        shutil.copyfileobj(rows, out, BLOCK_BYTES)
    number, bases = 0, Bases(genome)
    with body.open("rb") as rows:
        for block in lines.blocks(rows):
            check_alleles(where, block, COMMON_SITE, bases)
            number += len(block)
    if not number:
        raise fault(source, "no biallelic SNV with INFO/AF between 0 and 1", "one or more")
    pipe(bcftools("view", "-Ob", "--no-version", "-o", target, table), what=where)
    pipe(bcftools("index", "-f", target), what=where)
    for left in (whole, body, table):
        left.unlink()
    return number


def check_parts(
    parts: Sequence[str], contigs: Mapping[str, int], *, x: str, y: str, mitochondrion: str
) -> None:
    """Refuse settings that name other contigs, or positions that they do not have.

    Raises:
        InputError: one line per setting.
    """
    faults = []
    for setting, name in (("x", x), ("y", y), ("mitochondrion", mitochondrion)):
        meant = renamed(name, contigs)
        if name not in contigs and meant:
            faults.append(f"variants.reference.{setting}: found {name!r} where the genome has {meant!r}")
    for part in parts:
        name, _, places = part.rpartition(":")
        first, _, last = places.partition("-")
        if name not in {x, y}:
            faults.append(f"variants.reference.pseudoautosomal: found {part}; allowed: parts of {x} and {y}")
        elif name in contigs and not 1 <= int(first) <= int(last) <= contigs[name]:
            found = f"variants.reference.pseudoautosomal: found {part}"
            faults.append(f"{found}; allowed: within 1 to {contigs[name]}")
    if faults:
        raise InputError("\n".join(faults))


def run(
    *,
    fasta: Path,
    genome: Path,
    dictionary: Path,
    receipt: Path,
    region_bases: int,
    gff3: Path | None = None,
    common: Path | None = None,
    annotations: list[str] | None = None,
    digests: list[str] | None = None,
    x: str = "chrX",
    y: str = "chrY",
    mitochondrion: str = "chrM",
    pseudoautosomal: list[str] | None = None,
    bwa: str = "auto",
    samtools: str = "auto",
    bcftools: str = "auto",
) -> None:
    """Write the reference of a freeze.

    Args:
        fasta: the genome: plain, gzip or bgzip.
        genome: genome.fa to write; its index, BWA's index, genes.gff3.gz and common.bcf lie beside it.
        dictionary: genome.dict to write, beside it.
        receipt: contigs, regions, tools and digests to write (JSON).
        region_bases: most bases of a region.
        gff3: genes in Ensembl's form.
        common: VCF of sites with common alleles (INFO/AF).
        annotations: VCFs to annotate variants with, each as `name=file`; only checked.
        digests: SHA-256 that files must have, each as `file=digest`.
        x: contig of the X chromosome.
        y: contig of the Y chromosome.
        mitochondrion: contig of the mitochondrial genome.
        pseudoautosomal: parts of X and Y that men have two copies of (`contig:first-last`).
        bwa: which BWA-MEM (`tools.bwa`).
        samtools: which samtools (`tools.samtools`).
        bcftools: which bcftools (`tools.bcftools`).

    Raises:
        InputError: a file is missing, damaged, or of another genome than the FASTA.
    """
    if genome.with_suffix(".dict") != dictionary:
        raise InputError(f"--dictionary: found {dictionary}; allowed: {genome.with_suffix('.dict')}")
    tools = {
        tool.name: tool
        for tool in (find_tool("bwa", bwa), find_tool("samtools", samtools), find_tool("bcftools", bcftools))
    }
    named = dict(one.partition("=")[::2] for one in annotations or [])
    files = {"fasta": fasta, "gff3": gff3, "common": common, **{k: Path(v) for k, v in named.items()}}
    inputs = _inputs({role: path for role, path in files.items() if path}, digests or [])
    with workplace(genome) as folder:
        made = folder / genome.name
        found = write_genome(fasta, made)
        lengths = {one.name: one.length for one in found}
        write_lists(found, made)
        check_parts(pseudoautosomal or [], lengths, x=x, y=y, mitochondrion=mitochondrion)
        if gff3:
            check_genes(gff3, lengths)
            copy_genes(gff3, folder / "genes.gff3.gz")
        for path in named.values():
            check_sites(Path(path), lengths, tools["bcftools"], indexed=True)
        number = write_common(common, made, lengths, tools["bcftools"], folder) if common else 0
        _index(made, tools["bwa"])
        products = sorted(path.name for path in folder.iterdir())
        facts = {
            "contigs": lengths,
            "order": list(lengths),
            "m5": {one.name: one.m5 for one in found},
            "regions": pieces(lengths, region_bases),
            "tools": {name: tool.version for name, tool in tools.items()},
            "inputs": inputs,
            "outputs": {name: sha256_of(folder / name) for name in products},
            "common_sites": number,
            "x": x,
            "y": y,
            "mitochondrion": mitochondrion,
            "pseudoautosomal": pseudoautosomal or [],
            "versions": versions("numpy"),
        }
        for stale in STALE:
            genome.with_name(stale).unlink(missing_ok=True)
        for name in products:
            (folder / name).replace(genome.with_name(name))
    write_json(receipt, facts)


def _inputs(files: Mapping[str, Path], digests: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each file by role; those that must have a certain one have it."""
    wanted = dict(one.rpartition("=")[::2] for one in digests)
    found = {}
    for role, path in files.items():
        if not path.is_file():
            raise InputError(f"variants.reference: found no file {path} ({role}); allowed: an existing file")
        found[role] = sha256_of(path)
        if wanted.get(str(path), found[role]).lower() != found[role]:
            raise fault(
                path, f"sha256 {found[role]}", f"{wanted[str(path)]}, as variants.reference.sha256 says"
            )
    return found


def _index(genome: Path, bwa: Tool) -> None:
    """Make BWA's index beside a genome."""
    program = Path(bwa.command[0]).name
    if bwa.embedded:
        command: Stage = [sys.executable, "-m", bwa_index.__name__, "--genome", genome]
    else:
        command = bwa("index", "-p", genome, genome)
    pipe(command, what=f"index of the genome ({'pybwa' if bwa.embedded else program})")


if __name__ == "__main__":
    entry_point(run)
