"""Median polish of log2 probe intensities into one value per probe set and array, for all probe sets at once.

Tukey's fit y = overall + probe + array + residual, by sweeping medians, as affy and preprocessCore do it
(tolerance 0.01, at most 10 rounds). Arrays may carry whole-number weights, used in the medians over
arrays; equal weights are the plain median. The last sweep of a round is the one over probes, so a probe set's
value is the median over its probes of y minus the probe effect. Probe sets of the same size are stacked
(probes x sets x arrays) and the medians over probes taken by a sorting network over whole slices.
Irizarry et al. 2003, doi:10.1093/biostatistics/4.2.249.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 0.01  # relative change of the sum of absolute residuals at which affy and preprocessCore stop
ROUNDS = 10  # most rounds they take
STACK = 1 << 18  # values (2 MB) per stack: fits a processor's second-level cache with its temporaries
NETWORK = 256  # probes; above, the network's comparisons cost more than sorting


def stacks(
    starts: "NDArray[np.int64]", arrays: int = 1
) -> Iterator[tuple["NDArray[np.int64]", "NDArray[np.int64]"]]:
    """Cut a chip into stacks of equally large probe sets.

    Args:
        starts: where each probe set starts in the probe list, and the list's length.
        arrays: arrays that will be stacked along the last axis.

    Yields:
        The probe sets of a stack, and their probes (probes x sets).
    """
    sizes = np.diff(starts)
    for size in np.unique(sizes):
        sets = np.flatnonzero(sizes == size)
        for part in range(0, sets.size, step := max(1, STACK // (int(size) * arrays))):
            chosen = sets[part : part + step]
            yield chosen, starts[chosen] + np.arange(size)[:, None]


def median_over_probes(stack: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Median along the first axis."""
    size = len(stack)
    if size > NETWORK:
        return np.asarray(np.median(stack, axis=0))
    lines = list(stack.copy())
    spare = np.empty_like(lines[0])
    for low, high in _median_network(size):
        np.minimum(lines[low], lines[high], out=spare)
        np.maximum(lines[low], lines[high], out=lines[high])
        lines[low], spare = spare, lines[low]
    return (lines[(size - 1) // 2] + lines[size // 2]) / 2


def median_over_arrays(stack: "NDArray[np.float64]", weights: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """Weighted median along the last axis; halfway between neighbours where the weights split evenly."""
    if np.all(weights == weights[0]):
        ascending = np.sort(stack, axis=-1)
        return np.asarray((ascending[..., (weights.size - 1) // 2] + ascending[..., weights.size // 2]) / 2)
    order = np.argsort(stack, axis=-1)
    doubled = 2 * np.cumsum(weights[order], axis=-1)
    places = np.stack([np.argmax(doubled >= weights.sum(), -1), np.argmax(doubled > weights.sum(), -1)], -1)
    middle = np.take_along_axis(order, places, axis=-1)
    return np.asarray(np.take_along_axis(stack, middle, axis=-1).sum(-1) / 2)


def median_polish(
    stack: "NDArray[np.float64]", weights: "NDArray[np.int64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Polish a stack of probe sets.

    Args:
        stack: log2 intensities, probes x sets x arrays.
        weights: of the arrays, whole numbers.

    Returns:
        Values (sets x arrays, log2), and probe effects (probes x sets, median 0 in each set).
    """
    size, sets, arrays = stack.shape
    values, effects = np.empty((sets, arrays)), np.empty((size, sets))
    residual, probe, array = stack.copy(), np.zeros((size, sets)), np.zeros((sets, arrays))
    overall, previous, active = np.zeros(sets), np.zeros(sets), np.arange(sets)
    even = np.all(weights == weights[0])
    for turn in range(1, ROUNDS + 1):
        shift = median_over_arrays(residual, weights)
        residual -= shift[..., None]
        probe += shift
        centre = median_over_arrays(array, weights)
        array -= centre[:, None]
        overall += centre
        shift = median_over_probes(residual)
        residual -= shift
        array += shift
        centre = median_over_probes(probe)
        probe -= centre
        overall += centre
        left = np.abs(residual)
        total = (left if even else left * weights).sum(axis=(0, 2))
        done = (
            np.abs(total - previous) <= TOLERANCE * total
            if turn < ROUNDS
            else np.ones(active.size, dtype=bool)
        )
        values[active[done]] = overall[done, None] + array[done]
        effects[:, active[done]] = probe[:, done]
        if done.all():
            break
        active, overall, array, previous = (part[~done] for part in (active, overall, array, total))
        residual, probe = residual[:, ~done], probe[:, ~done]
    return values, effects


@cache
def _median_network(size: int) -> tuple[tuple[int, int], ...]:
    """Compare-exchanges of Batcher's merge exchange (Knuth 5.2.2 M) that the median depends on."""
    pairs = []
    top = 1 << max(size - 1, 1).bit_length() - 1
    step = top
    while step:
        reach, phase, distance = top, 0, step
        while True:
            pairs += [(i, i + distance) for i in range(size - distance) if i & step == phase]
            if reach == step:
                break
            distance, reach, phase = reach - step, reach >> 1, step
        step >>= 1
    needed = {(size - 1) // 2, size // 2}
    kept = []
    for pair in reversed(pairs):
        if needed & set(pair):
            needed |= set(pair)
            kept.append(pair)
    return tuple(reversed(kept))
