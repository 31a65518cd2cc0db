"""The contigs of the study's genome, and what is said of files that name others."""

from collections.abc import Iterable, Mapping

from scleromyomics.core.errors import InputError

PREFIX = "chr"
MITOCHONDRION = {"chrM": "MT", "MT": "chrM", "M": "chrM", "chrMT": "MT"}
"""The mitochondrion is the one contig whose name differs by more than the prefix."""

FIXES = {
    "vcf": "rename with bcftools annotate --rename-chrs, or take a genome with these names",
    "gff3": "rename its first column, or take the GFF3 of this genome's source",
    "bed": "rename its first column",
    "alignment": "align the reads to this genome: give the FASTQ files",
}
"""What to do about other names, by kind of file."""


def other_names(name: str) -> set[str]:
    """Names that the same contig has in other genomes: `1` for `chr1`."""
    bare = name.removeprefix(PREFIX)
    found = {bare if bare != name else PREFIX + name}
    return found | ({MITOCHONDRION[name]} if name in MITOCHONDRION else set())


def renamed(name: str, contigs: Iterable[str]) -> str:
    """The contig of the genome that is most probably meant by a name that it does not have; "" for none."""
    return next(iter(sorted(other_names(name) & set(contigs))), "")


def stranger(where: str, name: str, contigs: Mapping[str, int], kind: str) -> InputError:
    """The error for a contig that the genome does not have.

    Args:
        where: the file, as errors name it.
        name: of the contig.
        contigs: lengths of the genome's contigs by name.
        kind: of the file; a key of `FIXES`.
    """
    meant = renamed(name, contigs)
    if meant:
        return InputError(f"{where}: found contig {name!r} where the genome has {meant!r}; allowed: the"
                          f" genome's names ({FIXES[kind]})")  # fmt: skip
    some = ", ".join(list(contigs)[:3]) + (", ..." if len(contigs) > 3 else "")
    return InputError(f"{where}: found contig {name!r}; allowed: contigs of the genome ({some})")


def beyond(where: str, name: str, position: int, length: int) -> InputError:
    """The error for a position that lies beyond the end of its contig."""
    return InputError(
        f"{where}: found position {position} on contig {name!r}; allowed: 1 to {length}, its length in the"
        " genome: a file of this build"
    )


def pieces(contigs: Mapping[str, int], most: int) -> list[str]:
    """The contigs cut into pieces of nearly the same size, of at most `most` bases, as `contig:first-last`."""
    found = []
    for name, length in contigs.items():
        number = -(-length // most)
        edges = [length * i // number for i in range(number + 1)]
        found += [f"{name}:{edges[i] + 1}-{edges[i + 1]}" for i in range(number)]
    return found
