"""Ends of profile likelihood intervals, for many features at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import Vector

Z = 1.959963984540054  # the root at the ends of a 95 % interval
ITERATIONS = 30  # a few are enough
CONVERGED = 1e-7  # of the signed root: standard errors of the estimate


def profile_distance(root: Callable[[NDArray[np.intp], Vector], Vector], se: Vector) -> Vector:
    """How far from each estimate the 95 % interval ends, on the side of the sign of `se`.

    The root is nearly proportional to the distance: secants converge in a few steps.

    Args:
        root: square root of the likelihood ratio of some features at a distance from their estimates.
        se: standard errors with the sign of the side; one value per feature.
    """
    outer, inner, low = Z * se, np.zeros(se.size), np.zeros(se.size)
    active = np.arange(se.size)
    for _ in range(ITERATIONS):
        here = outer[active]
        found = root(active, here)
        going = np.abs(found - Z) > CONVERGED
        active, found, here = active[going], found[going], here[going]
        if not active.size:
            break
        rise = found - low[active]
        target = here + (here - inner[active]) * (Z - found) / np.where(rise == 0, 1.0, rise)
        inner[active], low[active] = here, found
        outer[active] = np.sign(here) * np.clip(np.abs(target), np.abs(here) / 2.0, np.abs(here) * 2.0)
    return outer
