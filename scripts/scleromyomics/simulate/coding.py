"""The genetic code, sequences of bases as arrays, and coding sequences drawn with the codon usage of human genes.

Bases are ASCII codes (uint8): A, C, G, T. Codon usage: Nakamura et al. 2000 (Codon Usage Database, Homo sapiens, per
thousand codons, doi:10.1093/nar/28.1.292); with it, every ninth residue is lysine or arginine, as in human proteins.
"""

import numpy as np
from numpy.typing import NDArray

Bases = NDArray[np.uint8]

ORDER = "TCAG"
CODONS = tuple(first + second + third for first in ORDER for second in ORDER for third in ORDER)
RESIDUES = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODE = dict(zip(CODONS, RESIDUES, strict=True))
"""The standard code; `*` ends the chain."""
USAGE = np.array(
    [
        [17.6, 20.3, 7.7, 12.9, 15.2, 17.7, 12.2, 4.4, 12.2, 15.3, 1.0, 0.8, 10.6, 12.6, 1.6, 13.2],
        [13.2, 19.6, 7.2, 39.6, 17.5, 19.8, 16.9, 6.9, 10.9, 15.1, 12.3, 34.2, 4.5, 10.4, 6.2, 11.4],
        [16.0, 20.8, 7.5, 22.0, 13.1, 18.9, 15.1, 6.1, 17.0, 19.1, 24.4, 31.9, 12.1, 19.5, 12.2, 12.0],
        [11.0, 14.5, 7.1, 28.1, 18.4, 27.7, 15.8, 7.4, 21.8, 25.1, 29.0, 39.6, 10.8, 22.2, 16.5, 16.5],
    ]
).ravel()
"""Per thousand codons, in the order of CODONS."""
STOPS = np.array([residue == "*" for residue in RESIDUES])

COMPLEMENT = np.zeros(256, np.uint8)
COMPLEMENT[list(b"ACGTN")] = list(b"TGCAN")
TRANSITION = np.zeros(256, np.uint8)
TRANSITION[list(b"ACGT")] = list(b"GTAC")
"""The other purine, or the other pyrimidine."""
TRANSVERSIONS = np.zeros((256, 2), np.uint8)
for _base, _others in {"A": b"CT", "C": b"AG", "G": b"CT", "T": b"AG"}.items():
    TRANSVERSIONS[ord(_base)] = list(_others)


def bases(text: str) -> Bases:
    """`text` as an array."""
    return np.frombuffer(text.encode(), np.uint8)


def text(sequence: Bases) -> str:
    """An array as text."""
    return sequence.tobytes().decode()


def reverse_complement(sequence: Bases) -> Bases:
    """The other strand, from its 5' end."""
    return COMPLEMENT[sequence[::-1]]


def random_bases(rng: np.random.Generator, count: int, gc: float | NDArray[np.float64]) -> Bases:
    """Independent bases, a part `gc` of them G or C (a number, or one per base)."""
    strong = rng.random(count) < gc
    second = rng.random(count) < 0.5
    return np.where(
        strong, np.where(second, ord("G"), ord("C")), np.where(second, ord("A"), ord("T"))
    ).astype(np.uint8)


def random_coding_sequence(rng: np.random.Generator, residues: int) -> str:
    """A start codon, `residues` - 1 further codons and a stop."""
    inner = rng.choice(len(CODONS), residues - 1, p=_weights(~STOPS))
    stop = rng.choice(len(CODONS), p=_weights(STOPS))
    return "ATG" + "".join(CODONS[one] for one in inner) + CODONS[stop]


def translate(sequence: str) -> str:
    """Residues of the whole codons of `sequence`, the stops as `*`."""
    return "".join(CODE[sequence[at : at + 3]] for at in range(0, len(sequence) - 2, 3))


def _weights(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.where(chosen, USAGE, 0.0)
    return weights / float(weights.sum())
