"""The toy chip and its scanner: from log2 expression to the intensities of perfect-match and mismatch probes.

A probe's intensity is background + signal; the signal is 2^(expression + the probe's affinity + the array's gain +
3'/5' gradient + noise), as in the model behind RMA (Irizarry et al. 2003, doi:10.1093/biostatistics/4.2.249). A
mismatch probe takes up part of the signal. The background is low beside most signals, so that its removal compresses
differences little.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scleromyomics.simulate.latent import Floats, stream

NAME = "ToyHG"
PROBES = 11
"""Probe pairs per probe set, as on most 3' expression chips."""
AFFINITY_SD = 1.0
"""Spread of the probes of one probe set, log2."""
NOISE_SD = 0.12
"""Spread of one probe between arrays, log2."""
GAIN_SD = 0.15
"""Spread of the arrays' brightness, log2."""
GRADIENT, GRADIENT_SD = 0.8, 0.05
"""Rise of the signal from the 5' to the 3' end of a probe set, log2: labelling starts at the 3' end."""
BACKGROUND, BACKGROUND_SD = 40.0, 6.0
"""Background of a cell, scanner units."""
MISMATCH_SHARE = 0.25
"""Part of the signal that the mismatch probe takes up."""
SATURATION = 65534.0
"""Brightest value of the scanner."""
BATCH_SD = 0.2
"""Batch effect on a probe set, log2."""
POOR_GRADIENT, POOR_NOISE_SD, POOR_BACKGROUND = 2.5, 0.6, 4.0
"""A poor array: rise added to the gradient (log2), noise (log2), factor on the background."""


@dataclass(frozen=True)
class Layout:
    """Where the probes lie on a square chip, and how bright they are.

    Attributes:
        side: cells along one edge.
        features: (n) probe set names, one per transcript.
        pm, mm: (n, PROBES) cell (y * side + x) of the perfect match and of the mismatch under it, 5' to 3'.
        affinity: (n, PROBES) log2, 0 on average.
    """

    side: int
    features: NDArray[np.str_]
    pm: NDArray[np.int64]
    mm: NDArray[np.int64]
    affinity: Floats


def layout(transcripts: int, *, seed: int) -> Layout:
    """Place the probe pairs of `transcripts` probe sets at random on the smallest square chip that holds them."""
    rng = stream(seed, "chip")
    pairs = transcripts * PROBES
    half = int(np.ceil(np.sqrt(pairs / 2)))  # 2 half x half pairs fill a chip of side 2 half
    places = rng.permutation(2 * half * half)[:pairs].reshape(transcripts, PROBES)
    side = 2 * half
    pm = places // side * 2 * side + places % side
    numbers = rng.permutation(transcripts) + 1001
    return Layout(
        side=side,
        features=np.array([f"{number}_at" for number in numbers]),
        pm=pm,
        mm=pm + side,
        affinity=rng.normal(0, AFFINITY_SD, (transcripts, PROBES)),
    )


def scan(
    chip: Layout, expression: Floats, rng: np.random.Generator, *, poor: bool = False
) -> NDArray[np.float32]:
    """Intensities of all cells of one array, to a tenth of a scanner unit.

    Args:
        chip: where the probes are.
        expression: (n) log2 of scanner units.
        rng: the array's own random stream.
        poor: degraded RNA, a bright background and much noise.
    """
    gain = rng.normal(0, GAIN_SD)
    gradient = rng.normal(GRADIENT, GRADIENT_SD) + POOR_GRADIENT * poor
    noise = rng.normal(0, POOR_NOISE_SD if poor else NOISE_SD, chip.pm.shape)
    rise = gradient * np.linspace(-0.5, 0.5, PROBES)
    signal = 2 ** (expression[:, None] + chip.affinity + gain + rise + noise)
    cells = rng.normal(BACKGROUND, BACKGROUND_SD, chip.side**2) * (POOR_BACKGROUND if poor else 1.0)
    cells[chip.pm] += signal
    cells[chip.mm] += MISMATCH_SHARE * signal
    return np.clip(cells, 1.0, SATURATION).round(1).astype(np.float32)
