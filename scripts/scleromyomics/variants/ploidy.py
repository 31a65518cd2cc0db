"""How many copies of each position a person has, as bcftools call reads it: a file of ploidies by sex.

One in the mitochondrion, one of X and of Y in men (two in their pseudoautosomal parts), two everywhere else; women
have no Y. The genotypes of files made elsewhere are set on the same copies.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.variants.loci import Genome

if TYPE_CHECKING:
    from numpy.typing import NDArray


def absent(genome: Genome, sex: str) -> tuple[str, ...]:
    """Contigs that a person of this sex does not have."""
    return (genome.y,) if sex == "F" and genome.y in genome.contigs else ()


def ploidy_file(genome: Genome, sex: str) -> str:
    """The text of a ploidy file (contig, first, last, sex, copies; all others have two)."""
    lines = [*_single(genome, sex), f"*\t*\t*\t{sex}\t2"]
    return "".join(f"{line}\n" for line in lines)


def _single(genome: Genome, sex: str) -> Iterator[str]:
    """Lines of the stretches with one copy."""
    for name, length in zip(genome.contigs, genome.lengths, strict=True):
        if name == genome.mitochondrion:
            yield f"{name}\t1\t{length}\t{sex}\t1"
        elif name in {genome.x, genome.y} and sex == "M":
            first = 1
            for start, end in sorted(
                (start, end) for one, start, end in genome.pseudoautosomal if one == name
            ):
                if start > first:
                    yield f"{name}\t{first}\t{start - 1}\t{sex}\t1"
                first = max(first, end + 1)
            if first <= length:
                yield f"{name}\t{first}\t{length}\t{sex}\t1"


def on_copies(
    genotypes: "NDArray[np.object_]", copies: "NDArray[np.int8]"
) -> tuple["NDArray[np.object_]", "NDArray[np.bool_]"]:
    """Genotypes of a file made elsewhere on the copies that the person has.

    Args:
        genotypes: such as 0/1, 1|1, 1 or ./., of biallelic records.
        copies: that the person has of each position, 1 or 2.

    Returns:
        The genotypes: homozygous ones get as many alleles as there are copies. And whether one is heterozygous
        where there is one copy, which is then no genotype.
    """
    from scleromyomics.variants.loci import TEXT

    different, back = np.unique(genotypes, return_inverse=True)
    alleles = [str(one).replace("|", "/").split("/") for one in different]
    whole = np.array([len(set(one)) == 1 and one[0] != "." for one in alleles], dtype=bool)[back]
    first = np.array([one[0] for one in alleles], dtype=TEXT)[back]
    count = np.array([len(one) for one in alleles], dtype=np.int8)[back]
    mixed = np.array([len(set(one)) > 1 and "." not in one for one in alleles], dtype=bool)[back]
    found = genotypes.copy()
    single, double = whole & (copies == 1) & (count != 1), whole & (copies == 2) & (count != 2)
    found[single] = first[single]
    found[double] = np.strings.add(np.strings.add(first[double], "/"), first[double])
    wrong = mixed & (copies == 1)
    found[wrong] = "."
    return found, wrong
