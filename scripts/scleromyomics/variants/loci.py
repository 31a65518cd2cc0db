"""The genome, and sites on it: alleles at positions, as the pooled steps of the variants assay handle them.

A site is one alternate allele: contig, position (1-based, of the first base of `ref`), reference and alternate
alleles, left-aligned and trimmed, one alternate per site. Its name is `contig:pos:ref:alt`. Sites are sorted as a
VCF is: contigs in the order of the FASTA, then by position, reference and alternate allele.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.dtypes import StringDType

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

TEXT = StringDType()
"""Alleles are short, but a few are hundreds of bases: texts of their own length, not of the longest one."""

CONTIG_BITS = 32  # a position fills the lower half of a place


@dataclass(frozen=True, kw_only=True)
class Genome:
    """What the pooled steps know of the reference.

    Attributes:
        fasta: the genome; what belongs to it lies beside.
        contigs: names, in the order of the FASTA.
        lengths: bases of each contig.
        m5: MD5 of the sequence of each contig.
        x: contig of the X chromosome.
        y: contig of the Y chromosome.
        mitochondrion: contig of the mitochondrial genome.
        pseudoautosomal: contig, first and last position of the parts of X and Y that men have two copies of.
    """

    fasta: Path
    contigs: tuple[str, ...]
    lengths: tuple[int, ...]
    m5: tuple[str, ...]
    x: str
    y: str
    mitochondrion: str
    pseudoautosomal: tuple[tuple[str, int, int], ...]

    @classmethod
    def load(cls, fasta: Path) -> "Genome":
        """Read what variants_reference wrote beside the genome."""
        with fasta.with_name(f"{fasta.name}.fai").open(encoding="utf-8") as index:
            lengths = {name: int(length) for name, length, *_ in (line.split("\t") for line in index)}
        receipt = read_json(fasta.with_name("receipt.json"))
        return cls(
            fasta=fasta,
            contigs=tuple(lengths),
            lengths=tuple(lengths.values()),
            m5=tuple(receipt["m5"].get(name, "") for name in lengths),
            x=receipt["x"],
            y=receipt["y"],
            mitochondrion=receipt["mitochondrion"],
            pseudoautosomal=tuple(_part(text) for text in receipt["pseudoautosomal"]),
        )

    @property
    def genes(self) -> Path | None:
        """The genes of the genome, where the study has some."""
        path = self.fasta.with_name("genes.gff3.gz")
        return path if path.is_file() else None

    def contig(self, names: "NDArray[np.str_] | Sequence[str]", what: str) -> "NDArray[np.int16]":
        """Number of each contig name.

        Raises:
            InputError: a name is not of this genome.
        """
        numbers = {name: number for number, name in enumerate(self.contigs)}
        different, back = np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)
        strange = [str(name) for name in different if name not in numbers]
        if strange:
            raise InputError(
                f"{what}: found contig {strange[0]}; allowed: the contigs of the genome ({self.contigs[0]}, ...)"
            )
        return np.array([numbers[str(name)] for name in different], dtype=np.int16)[back]

    def ploidy(self, sites: "Sites", sex: str) -> "NDArray[np.int8]":
        """Copies that a person has of each site: 1 in the mitochondrion and of X and Y in men, no Y in women."""
        copies = np.full(len(self.contigs), 2, dtype=np.int8)
        for name, number in {
            self.x: 1 if sex == "M" else 2,
            self.y: 1 if sex == "M" else 0,
            self.mitochondrion: 1,
        }.items():
            if name in self.contigs:
                copies[self.contigs.index(name)] = number
        found = copies[sites.contig]
        if sex == "M":
            for name, first, last in self.pseudoautosomal:
                if name in self.contigs:
                    here = sites.contig == self.contigs.index(name)
                    found[here & (sites.pos >= first) & (sites.pos <= last)] = 2
        return found


def _part(text: str) -> tuple[str, int, int]:
    name, _, span = text.rpartition(":")
    first, last = span.split("-")
    return name, int(first), int(last)


def same_genome(fastas: Sequence[Path]) -> Genome:
    """The genome of several freezes.

    Raises:
        InputError: they differ in a contig.
    """
    first, *others = [Genome.load(fasta) for fasta in fastas]
    for other in others:
        if (other.contigs, other.lengths, other.m5) != (first.contigs, first.lengths, first.m5):
            raise InputError(
                f"{other.fasta}: found other sequences than {first.fasta}; allowed: one genome for all freezes of a"
                " release"
            )
    return first


@dataclass(frozen=True, kw_only=True, eq=False)
class Sites:
    """Sites, in the order of a VCF unless said otherwise.

    Attributes:
        contig: number of the contig in the genome.
        pos: of the first base of `ref`, from 1.
        ref: reference allele (texts of any length).
        alt: alternate allele.
    """

    contig: "NDArray[np.int16]"
    pos: "NDArray[np.int32]"
    ref: "NDArray[np.object_]"
    alt: "NDArray[np.object_]"

    @classmethod
    def of(
        cls, contig: "NDArray[np.int16]", pos: "NDArray[np.int32]", ref: Sequence[str], alt: Sequence[str]
    ) -> "Sites":
        """Sites from arrays of any width."""
        return cls(
            contig=np.asarray(contig, dtype=np.int16),
            pos=np.asarray(pos, dtype=np.int32),
            ref=np.asarray(ref).astype(TEXT),
            alt=np.asarray(alt).astype(TEXT),
        )

    @classmethod
    def none(cls) -> "Sites":
        """No sites."""
        return cls.of(np.empty(0, np.int16), np.empty(0, np.int32), np.empty(0, "U1"), np.empty(0, "U1"))

    def __len__(self) -> int:
        return self.pos.size

    def __getitem__(self, rows: "NDArray[np.intp] | NDArray[np.bool_] | slice") -> "Sites":
        return Sites(contig=self.contig[rows], pos=self.pos[rows], ref=self.ref[rows], alt=self.alt[rows])

    @property
    def place(self) -> "NDArray[np.int64]":
        """Contig and position as one number."""
        return place(self.contig, self.pos)

    @property
    def end(self) -> "NDArray[np.int32]":
        """Position of the last base of `ref`."""
        return self.pos + np.strings.str_len(self.ref).astype(np.int32) - 1

    def altered(self) -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
        """First and last place that the allele alters, in half bases (twice the place; a gap lies between two).

        The base before an insertion or deletion, which both alleles share, is not altered; an insertion alters
        the gap behind it.
        """
        anchored = np.strings.slice(self.ref, 0, 1) == np.strings.slice(self.alt, 0, 1)
        first, last = 2 * (self.place + anchored), 2 * place(self.contig, self.end)
        gap = anchored & (last < first)
        return np.where(gap, first - 1, first), np.where(gap, first - 1, last)

    def names(self, contigs: Sequence[str]) -> "NDArray[np.object_]":
        """`contig:pos:ref:alt` of each site."""
        import pyarrow as pa
        import pyarrow.compute as pc

        name = pa.array(np.asarray(contigs, dtype=np.str_), type=pa.string()).take(pa.array(self.contig))
        parts = [name, pc.cast(pa.array(self.pos), pa.string()), pa.array(self.ref), pa.array(self.alt)]
        return join(parts, ":").to_numpy(zero_copy_only=False).astype(TEXT)

    def order(self) -> "NDArray[np.intp]":
        """The order of a VCF."""
        where = self.place
        order = np.argsort(where, kind="stable")
        tied = np.flatnonzero(np.diff(where[order]) == 0)
        if tied.size:
            slots = np.unique(np.concatenate([tied, tied + 1]))
            rows = order[slots]
            order[slots] = rows[np.lexsort((fixed(self.alt[rows]), fixed(self.ref[rows]), where[rows]))]
        return order

    def distinct(self) -> tuple["Sites", "NDArray[np.intp]"]:
        """Each site once, sorted; and where each of these sites stands among the result."""
        order = self.order()
        sorted_ = self[order]
        where = sorted_.place
        new = np.ones(len(self), dtype=bool)
        new[1:] = (
            (where[1:] != where[:-1])
            | (sorted_.ref[1:] != sorted_.ref[:-1])
            | (sorted_.alt[1:] != sorted_.alt[:-1])
        )
        back = np.empty(len(self), dtype=np.intp)
        back[order] = np.cumsum(new) - 1
        return sorted_[new], back


def join(parts: "Sequence[pa.Array]", between: str) -> "pa.Array":
    """One text per row of several columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = [pc.cast(part, pa.large_string()) for part in parts]
    return pc.binary_join_element_wise(*wide, pa.scalar(between, pa.large_string()))


def fixed(texts: "NDArray[np.object_]") -> "NDArray[np.str_]":
    """Texts as numpy keeps them in files: all of the width of the longest."""
    return texts.astype(f"U{max(1, int(np.strings.str_len(texts).max(initial=1)))}")


def place(contig: "NDArray[np.int16]", pos: "NDArray[np.int32]") -> "NDArray[np.int64]":
    """Contig and position as one number that sorts as they do."""
    return (contig.astype(np.int64) << CONTIG_BITS) + pos


def concatenate(parts: Sequence[Sites]) -> Sites:
    """Sites one after another."""
    parts = [Sites.none(), *parts]
    return Sites(
        contig=np.concatenate([part.contig for part in parts]),
        pos=np.concatenate([part.pos for part in parts]),
        ref=np.concatenate([part.ref for part in parts]),
        alt=np.concatenate([part.alt for part in parts]),
    )


def find(wanted: Sites, among: Sites) -> "NDArray[np.intp]":
    """Where each site stands among others that are sorted; -1 where it is not there."""
    places = among.place
    first = np.searchsorted(places, wanted.place, "left")
    stop = np.searchsorted(places, wanted.place, "right")
    found = np.full(len(wanted), -1, dtype=np.intp)
    for step in range(int((stop - first).max(initial=0))):
        rows = np.flatnonzero((found < 0) & (first + step < stop))
        at = first[rows] + step
        same = (among.ref[at] == wanted.ref[rows]) & (among.alt[at] == wanted.alt[rows])
        found[rows[same]] = at[same]
    return found
