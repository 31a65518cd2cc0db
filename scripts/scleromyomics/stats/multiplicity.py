"""False discovery rate in a table (Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x)."""

import numpy as np
from numpy.typing import NDArray


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values; NaN (no test) stays NaN and is not counted.

    Args:
        p_values: one-dimensional, between 0 and 1 or NaN.

    Returns:
        q-values in the order of `p_values`: calling all q <= x keeps the expected false fraction within x.
    """
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")[::-1]]  # largest first
    count = order.size
    q_values = np.full(p_values.shape, np.nan)
    q_values[order] = np.minimum.accumulate(p_values[order] * (count / np.arange(count, 0, -1)))
    capped: NDArray[np.float64] = np.minimum(q_values, 1.0)
    return capped
