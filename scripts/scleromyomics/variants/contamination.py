"""The part of a sample's DNA that is another person's, from reads at sites where people often differ.

Each site has reads with the reference and with the alternate allele, and the allele's frequency in a population. The
sample is a mixture of two unrelated people, whose genotypes are unknown and in Hardy-Weinberg proportions; the
likelihood of the reads is summed over both genotypes (the model of Jun et al. 2012, doi:10.1016/j.ajhg.2012.09.004)
and maximised over the mixture and the rate of sequencing errors together. Errors hit all sites alike, another
person's alleles those where the allele is frequent: this tells them apart. Where only called variants are known, the
sample carries the allele at each site, and reference reads at homozygous ones tell (as in Lu et al. 2023,
doi:10.1016/j.ajhg.2023.10.011, CHARR), wherever the caller put them: genotypes are not taken from the file.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.tools import Tool, pipe
from scleromyomics.variants.coverage import kind_of
from scleromyomics.variants.loci import Genome, Sites, find
from scleromyomics.variants.query import read_query
from scleromyomics.variants.regions import Span, near, write_bed

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SITES = 5_000  # more change the fourth digit and cost a seek into the alignments each
FEWEST_SITES = 100  # fewer leave 3 % and 1 % indistinct
LOWEST_DEPTH = 10  # reads of a site that counts
COMMON = 0.05  # frequency of the rarer allele from which a site tells something
HIGHEST = 0.5  # more is the other person's sample
ERRORS = (1e-5, 0.05)  # bounds of the error rate, per base
MAPPING_QUALITY = 20  # Phred, of reads that count: one in a hundred is placed wrongly
BASE_QUALITY = 13  # Phred, of bases that count: one in twenty is wrong, at most
DEEPEST = 2_000  # reads looked at per site
GRID = 26  # mixtures that the search starts from


def log_likelihood(
    mixture: float,
    error: float,
    *,
    reference: "NDArray[np.integer]",
    alternate: "NDArray[np.integer]",
    frequency: "NDArray[np.floating]",
    carrier: bool,
) -> float:
    """Natural logarithm of the likelihood, up to a constant.

    Args:
        mixture: part of the DNA that is the other person's.
        error: chance that a base is read as another one.
        reference: reads with the reference allele at each site.
        alternate: reads with the alternate allele.
        frequency: of the alternate allele in the population.
        carrier: whether the sample has the alternate allele at all sites.
    """
    copies = np.arange(3)
    chance = np.array([(1 - frequency) ** 2, 2 * frequency * (1 - frequency), frequency**2])
    own = chance[1:] / chance[1:].sum(axis=0) if carrier else chance
    mine = copies[1:] if carrier else copies
    share = (1 - mixture) * mine[:, None] / 2 + mixture * copies[None, :] / 2
    shown = share * (1 - error) + (1 - share) * error / 3
    hidden = (1 - share) * (1 - error) + share * error / 3
    total = shown + hidden  # bases other than the two alleles do not count
    reads = alternate * np.log(shown / total)[..., None] + reference * np.log(hidden / total)[..., None]
    terms = reads + np.log(own)[:, None, :] + np.log(chance)[None, :, :]
    top = terms.max(axis=(0, 1))
    return float((top + np.log(np.exp(terms - top).sum(axis=(0, 1)))).sum())


def estimate(
    reference: "NDArray[np.integer]",
    alternate: "NDArray[np.integer]",
    frequency: "NDArray[np.floating]",
    *,
    carrier: bool = False,
) -> tuple[float | None, int]:
    """The most likely mixture, None where too few sites tell; and the number of sites.

    Args:
        reference: reads with the reference allele at each site.
        alternate: reads with the alternate allele.
        frequency: of the alternate allele in the population.
        carrier: whether the sample has the alternate allele at all sites.
    """
    from scipy.optimize import minimize

    told = (reference + alternate >= LOWEST_DEPTH) & (np.minimum(frequency, 1 - frequency) >= COMMON)
    count = int(told.sum())
    if count < FEWEST_SITES:
        return None, count
    data = {
        "reference": reference[told].astype(np.float64),
        "alternate": alternate[told].astype(np.float64),
        "frequency": frequency[told].astype(np.float64),
        "carrier": carrier,
    }
    starts = np.linspace(0, HIGHEST, GRID)
    values = [[log_likelihood(mixture, error, **data) for error in (1e-3, 1e-2)] for mixture in starts]
    best = np.unravel_index(np.argmax(values), (GRID, 2))

    def loss(point: "NDArray[np.float64]") -> float:
        return -log_likelihood(float(point[0]), float(np.exp(point[1])), **data)

    found = minimize(
        loss,
        x0=[float(starts[best[0]]), float(np.log((1e-3, 1e-2)[best[1]]))],
        method="Nelder-Mead",
        bounds=[(0.0, HIGHEST), tuple(np.log(ERRORS))],
        options={"xatol": 1e-5, "fatol": 1e-3},
    )
    return float(found.x[0]), count


def common_sites(
    common: Path, targets: Path, genome: Genome, bcftools: Tool, folder: Path
) -> tuple[Sites, "NDArray[np.float64]"]:
    """Single-base sites of autosomes within targets at which people often differ, and the alternate's frequency.

    Args:
        common: the reference's list (BCF with INFO/AF).
        targets: of the platform (BED).
        genome: the reference.
        bcftools: which program.
        folder: for files on the way.
    """
    table = folder / "common.tsv"
    cells = r"%CHROM\t%POS\t%REF\t%ALT\t%INFO/AF\n"
    query = ("query", "-T", targets, "-i", 'N_ALT=1 & TYPE="snp"', "-f", cells, common)
    pipe(bcftools(*query), what=f"file {common}", stdout=table)
    found = read_query(table, genome, {"AF": "float64"}, others=True)
    table.unlink()
    autosome = np.array([kind_of(genome, Span(name, 1, 1)) == "autosome" for name in genome.contigs])
    frequency = found.columns["AF"]
    often = np.minimum(frequency, 1 - frequency) >= COMMON  # nan is no
    rows = np.flatnonzero(often & autosome[found.sites.contig])
    rows = rows[found.sites[rows].order()]
    return found.sites[rows], frequency[rows]


def count_alleles(
    cram: Path, sites: Sites, genome: Genome, bcftools: Tool, *, folder: Path, what: str
) -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
    """Reads with the reference and with the alternate allele at each of some sorted sites."""
    single, regions, table = (folder / f"common.{kind}" for kind in ("bed", "regions.bed", "tsv"))
    names = np.array(genome.contigs)[sites.contig].tolist()
    spans = [Span(name, pos, pos) for name, pos in zip(names, sites.pos.tolist(), strict=True)]
    write_bed(single, spans)
    write_bed(regions, near(spans))
    reads = ("-q", str(MAPPING_QUALITY), "-Q", str(BASE_QUALITY), "-d", str(DEEPEST), "--skip-indels")
    where = ("-R", regions, "-T", single)
    pipe(
        bcftools(
            *("mpileup", "--no-version", "-Ou", "-f", genome.fasta, *where, *reads, "-a", "FORMAT/AD", cram)
        ),
        bcftools("norm", "--no-version", "-Ou", "-m", "-any"),
        bcftools("query", "-f", r"%CHROM\t%POS\t%REF\t%ALT[\t%AD{0}\t%AD{1}]\n"),
        what=what,
        stdout=table,
    )
    found = read_query(table, genome, {"reference": "int64", "alternate": "int64"})
    for path in (single, regions, table):
        path.unlink()
    reference, alternate = np.zeros((2, len(sites)), dtype=np.int64)
    at = np.searchsorted(sites.place, found.sites.place)
    np.maximum.at(reference, at, found.columns["reference"])
    row = find(found.sites, sites)
    alternate[row[row >= 0]] = found.columns["alternate"][row >= 0]
    return reference, alternate


def spread(count: int) -> "NDArray[np.intp]":
    """Rows of at most `MOST_SITES` sites, evenly over all."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_SITES)).astype(np.intp))
