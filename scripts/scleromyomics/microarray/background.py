"""RMA's convolution background: observed = normal background + exponential signal; gives the expected signal.

Intensities are on the scanner's raw scale (not logged), one array at a time, perfect-match probes only.
Irizarry et al. 2003, doi:10.1093/biostatistics/4.2.249; parameters from density modes as affy and
preprocessCore estimate them (Bolstad et al. 2003, doi:10.1093/bioinformatics/19.2.185).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 16384  # points of the density estimate, as in affy and preprocessCore
TAIL = 7  # bandwidths added on both sides, so that the circular convolution does not wrap round
MARGIN = 3  # bandwidths beyond the data in which the mode is looked for, as R's density()


@dataclass(frozen=True, kw_only=True)
class Background:
    """Normal background (`mean`, `sd`) and exponential signal (`rate` = 1 / mean), raw intensity units."""

    mean: float
    sd: float
    rate: float


def mode(values: "NDArray[np.float64]") -> float:
    """Mode of the Epanechnikov density estimate (bandwidth by Silverman's rule) of ascending `values`."""
    bandwidth = _bandwidth(values)
    low, high = values[0] - TAIL * bandwidth, values[-1] + TAIL * bandwidth
    grid, width = np.linspace(low, high, GRID, retstep=True)
    first = np.searchsorted(values, grid)
    count = np.diff(first, append=values.size)
    total = np.where(count, np.add.reduceat(np.append(values, 0), first), 0)
    share = (total - count * grid) / width  # of the values in each cell, what goes to its upper end
    mass = count - share
    mass[1:] += share[:-1]
    step = np.arange(2 * GRID)
    lag = np.minimum(step, 2 * GRID - step) * (2 * (high - low) / (2 * GRID - 1))
    kernel = np.maximum(1 - (lag / (bandwidth * np.sqrt(5))) ** 2, 0)  # its height does not move the mode
    density = np.fft.irfft(np.fft.rfft(mass, 2 * GRID) * np.fft.rfft(kernel), 2 * GRID)[:GRID]
    spread = (TAIL - MARGIN) * bandwidth
    points = np.linspace(low + spread, high - spread, GRID)
    return float(points[np.argmax(np.interp(points, grid, density))])


def estimate(values: "NDArray[np.float64]") -> Background:
    """Background and signal parameters of one array from its ascending perfect-match intensities.

    Raises:
        InputError: the intensities leave nothing to estimate from (nearly constant array).
    """
    values = values.astype(np.float64, copy=False)
    overall = _mode(values)
    mean = _mode(values[: np.searchsorted(values, overall, "left")])
    below = values[: np.searchsorted(values, mean, "left")]
    above = values[np.searchsorted(values, mean, "right") :]
    signal = _mode(above - mean)
    if below.size < 2 or signal == 0:
        raise InputError(_fault(below.size))
    sd = float(np.sqrt(2 * np.sum((below - mean) ** 2) / (below.size - 1)))
    return Background(mean=mean, sd=sd, rate=1 / signal)


def adjust(values: "NDArray[np.floating]", background: Background) -> "NDArray[np.float64]":
    """Expected signal at each of `values` (any order; strictly increasing in them and above zero)."""
    from scipy.special import erfcx

    shifted = values - (background.mean + background.rate * background.sd**2)
    # phi(z) / Phi(z) without underflow at very low intensities
    hazard = np.sqrt(2 / np.pi) / erfcx(shifted * (-1 / (background.sd * np.sqrt(2))))
    return np.asarray(shifted + background.sd * hazard, dtype=np.float64)


def _mode(values: "NDArray[np.float64]") -> float:
    if values.size < 2:
        raise InputError(_fault(values.size))
    return mode(values)


def _bandwidth(values: "NDArray[np.float64]") -> float:
    sd = np.std(values, ddof=1)
    lower, upper = np.interp(np.array([0.25, 0.75]) * (values.size - 1), np.arange(values.size), values)
    width = min(sd, (upper - lower) / 1.34) or sd or abs(values[0]) or 1.0
    return float(0.9 * width * values.size**-0.2)


def _fault(count: int) -> str:
    return (
        f"intensities: found {count} values on one side of their mode; background correction needs at least 2"
    )
