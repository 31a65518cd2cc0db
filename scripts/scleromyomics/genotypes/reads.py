"""Reads of each allele at given sites, counted in the alignments of one sample as calling counts them.

One pileup with the filters of calling (mapping and base quality, base alignment quality where bcftools applies it,
mates that overlap counted once); indels are left-aligned like the sites. Of a change of several bases in a row the
reads with the first one count. Besides the reads of the allele: how many lie on each strand, their mean base quality,
and Mann-Whitney scores of how reads with it differ from the others in mapping quality, mismatches, soft-clipped
bases and place in the read (bcftools; 0: not at all).
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.tools import Tool, pipe
from scleromyomics.variants.annotate import write_bed
from scleromyomics.variants.loci import Genome, Sites, find
from scleromyomics.variants.query import read_query

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAGS = ",".join(f"FORMAT/{name}" for name in ("DP", "AD", "ADF", "ADR", "QS", "NMBZ"))
CELLS = (
    r"%CHROM\t%POS\t%REF\t%ALT\t%INFO/MQBZ\t%INFO/SCBZ\t%INFO/RPBZ"
    r"[\t%NMBZ\t%DP\t%AD{1}\t%ADF{1}\t%ADR{1}\t%QS{1}]\n"
)
COLUMNS: Mapping[str, str] = {
    "mapping": "double",
    "clipping": "double",
    "position": "double",
    "mismatches": "double",
    "depth": "int32",
    "alternate": "int32",
    "forward": "int32",
    "reverse": "int32",
    "quality": "double",
}
MINIMUM_READS = 1  # of an indel, to be looked at: in calling it has to be seen more often
REPEAT = 50  # bases: how far right of its site an aligner may have put an indel
JUMP = 20_000  # bases without sites that are jumped over; reading on is faster for less


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which reads and bases count, as in calling."""

    minimum_mapping_quality: int
    minimum_base_quality: int
    maximum_depth: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Reads:
    """Reads of one sample at some sites.

    Attributes:
        depth: of all alleles.
        alternate: with the allele.
        forward: of these on the forward strand.
        reverse: of these on the reverse strand.
        quality: mean base quality of these, Phred; nan without.
        mapping: score of their mapping quality; nan where not known.
        mismatches: score of their mismatches.
        clipping: score of their soft-clipped bases.
        position: score of their place in the read.
    """

    depth: "NDArray[np.int32]"
    alternate: "NDArray[np.int32]"
    forward: "NDArray[np.int32]"
    reverse: "NDArray[np.int32]"
    quality: "NDArray[np.float64]"
    mapping: "NDArray[np.float64]"
    mismatches: "NDArray[np.float64]"
    clipping: "NDArray[np.float64]"
    position: "NDArray[np.float64]"

    @classmethod
    def none(cls, size: int) -> "Reads":
        """No reads."""
        whole = ("depth", "alternate", "forward", "reverse")
        return cls(
            **{
                field.name: np.zeros(size, np.int32) if field.name in whole else np.full(size, np.nan)
                for field in fields(cls)
            }
        )

    def __getitem__(self, rows: "NDArray[np.intp] | NDArray[np.bool_]") -> "Reads":
        return Reads(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def count_reads(alignments: Path, sites: Sites, genome: Genome, filters: Filters, bcftools: Tool) -> Reads:
    """Count the reads of one sample at sites.

    Args:
        alignments: CRAM or BAM, indexed.
        sites: in any order.
        genome: that the reads are aligned to.
        filters: which reads count.
        bcftools: the tool.

    Raises:
        InputError: the alignments are broken, or of another genome.
    """
    if not len(sites):
        return Reads.none(0)
    wanted = first_base(sites)
    length = np.strings.str_len(wanted.ref).astype(np.int32)
    indel = length != np.strings.str_len(wanted.alt)
    last = wanted.pos + np.where(indel, length + REPEAT, 0)
    with tempfile.TemporaryDirectory() as folder:
        regions, windows, table = (
            Path(folder) / name for name in ("regions.bed", "windows.bed", "reads.tsv")
        )
        write_bed(regions, genome, wanted.contig, first=wanted.pos, last=last, jump=JUMP)
        write_bed(windows, genome, wanted.contig, first=wanted.pos, last=last)
        points = Path(folder) / "points.bed"
        write_bed(points, genome, wanted.contig, first=wanted.pos, last=wanted.pos)
        mpileup = (
            *("mpileup", "--no-version", "-f", genome.fasta, "-R", regions, "-T", windows, "-a", TAGS, "-Ou"),
            *("-q", str(filters.minimum_mapping_quality), "-Q", str(filters.minimum_base_quality)),
            *("-d", str(filters.maximum_depth), "-L", str(filters.maximum_depth)),
            *("-m", str(MINIMUM_READS), "-F", "0", alignments),
        )
        pipe(
            bcftools(*mpileup),
            bcftools("norm", "--no-version", "-m", "-any", "-f", genome.fasta, "-Ou"),
            bcftools("query", "-T", points, "-f", CELLS),
            what=f"reads of {alignments}",
            stdout=table,
        )
        found = read_query(table, genome, COLUMNS)
    order = found.sites.order()
    return _at(wanted, found.sites[order], {name: values[order] for name, values in found.columns.items()})


def first_base(sites: Sites) -> Sites:
    """The sites, of changes of several bases in a row the first one alone."""
    length = np.strings.str_len(sites.ref)
    several = (length > 1) & (length == np.strings.str_len(sites.alt))
    return Sites(
        contig=sites.contig,
        pos=sites.pos,
        ref=np.where(several, np.strings.slice(sites.ref, 0, 1), sites.ref),
        alt=np.where(several, np.strings.slice(sites.alt, 0, 1), sites.alt),
    )


def _at(wanted: Sites, found: Sites, columns: "Mapping[str, NDArray[np.generic]]") -> Reads:
    """Reads at sites: the allele's record, or where no read has the allele all reads of the position."""
    result = Reads.none(len(wanted))
    at = find(wanted, found)
    rows = np.flatnonzero(at >= 0)
    for field in fields(Reads):
        getattr(result, field.name)[rows] = columns[field.name][at[rows]]
    with np.errstate(invalid="ignore", divide="ignore"):
        result.quality[:] = np.where(result.alternate > 0, result.quality / result.alternate, np.nan)
    places = found.place
    others = np.flatnonzero(at < 0)
    first = np.searchsorted(places, wanted.place[others], "left")
    stop = np.searchsorted(places, wanted.place[others], "right")
    for step in range(int((stop - first).max(initial=0))):
        there = first + step < stop
        depth = columns["depth"][np.where(there, first + step, 0)]
        result.depth[others] = np.maximum(result.depth[others], np.where(there, depth, 0))
    return result
