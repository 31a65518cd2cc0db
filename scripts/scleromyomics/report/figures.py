"""The report's figures as SVG data URIs: the same numbers give the same bytes, and nothing is loaded from outside.

Points are drawn as one image inside the SVG, so that 50,000 features stay light; axes and letters are vectors.
Colours are those of Okabe and Ito (2008), and a shape always says the same as a colour does.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

P = ParamSpec("P")

WIDTH = 5.4  # inches: letters of 9 points stay readable when a phone shrinks the figure to its width
LANE_HEIGHT = 0.21  # inches per row of a strip plot
LETTER_WIDTH = 0.078  # inches of a letter of 9 points, on average
LINES = 22  # lines of names in the height of a volcano plot
MOST_LANES = 24  # more rows than this no longer fit on a screen: batches are then drawn together
TINIEST_P = 1e-300
INK, MUTED, GRID = "#1f2933", "#8a949e", "#e3e7eb"
BLUE, VERMILION = "#0072b2", "#d55e00"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "scleromyomics",
    "text.parse_math": False,  # names are text: a $ in them is a $
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, slots=True)
class Point:
    """One array in a strip plot."""

    lane: tuple[str, str]  # tissue, batch
    value: float
    held: str  # the sample's name where it is held back, else ""


def _styled(draw: "Callable[P, Figure]") -> "Callable[P, str]":
    """Let `draw` work in the report's style and give its figure as a data URI."""

    @wraps(draw)
    def drawn(*args: "P.args", **kwargs: "P.kwargs") -> str:
        from matplotlib import rc_context

        target = BytesIO()
        with rc_context(STYLE):
            metadata: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            draw(*args, **kwargs).savefig(target, format="svg", metadata=metadata)
        return "data:image/svg+xml;base64," + base64.b64encode(target.getvalue()).decode()

    return drawn


@_styled
def volcano(
    estimate: "NDArray[np.float64]",
    p_value: "NDArray[np.float64]",
    *,
    mde: float,
    top: "NDArray[np.int64]",
    labels: Sequence[str],
    axis: str,
) -> "Figure":
    """Estimates against -log10 p.

    Args:
        estimate: one per feature, in the table's unit; not finite: left out.
        p_value: one per feature.
        mde: smallest detectable effect, drawn as two lines; NaN: none.
        top: features to draw as diamonds, smallest p first.
        labels: names of the first of `top`.
        axis: label of the horizontal axis.

    Returns:
        A data URI.
    """
    x, y = estimate, -np.log10(np.maximum(p_value, TINIEST_P))
    known = np.isfinite(x) & np.isfinite(y)
    rest = known.copy()
    rest[top] = False
    reach = 1.3 * max(float(np.max(np.abs(x[known]), initial=0.0)), 0.0 if np.isnan(mde) else mde, 0.1)
    height = 1.1 * max(float(np.max(y[known], initial=0.0)), 1.0)

    figure, axes = _figure(4.0, left=0.55)
    axes.set(xlim=(-reach, reach), ylim=(0, height), xlabel=axis, ylabel="−log₁₀ p")
    axes.axvline(0, color=GRID, linewidth=1, zorder=0)
    axes.scatter(x[rest], y[rest], s=7, color=MUTED, alpha=0.45, linewidths=0, rasterized=True)
    axes.scatter(x[top], y[top], s=22, marker="D", color=BLUE, edgecolors="white", linewidths=0.5)
    if not np.isnan(mde):
        for side in (-mde, mde):
            axes.axvline(side, color=VERMILION, linewidth=1.2, linestyle=(0, (5, 3)))
    _label(axes, x, y, top[: len(labels)], labels)
    return figure


@_styled
def strips(points: Sequence[Point], *, axis: str) -> "Figure":
    """One row of points per tissue and batch, held-back arrays crossed and named; returns a data URI."""
    lanes = sorted({point.lane for point in points})
    merged = len(lanes) > MOST_LANES
    if merged:
        lanes = sorted({(tissue, "") for tissue, _ in lanes})
    row = {lane: index for index, lane in enumerate(lanes)}
    x = np.array([point.value for point in points])
    y = np.array([row[(point.lane[0], "") if merged else point.lane] for point in points], dtype=float)
    held = np.array([bool(point.held) for point in points])

    names = [" · ".join(filter(None, lane)) for lane in lanes]
    height = 0.75 + LANE_HEIGHT * max(len(lanes), 3) * (2 if merged else 1)
    figure, axes = _figure(height, left=0.2 + LETTER_WIDTH * max(map(len, names)))
    axes.set_xlabel(axis)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_yticks(range(len(lanes)), names)
    axes.tick_params(axis="y", length=0)
    axes.hlines(
        range(len(lanes)), 0, 1, transform=axes.get_yaxis_transform(), colors=GRID, linewidth=1, zorder=0
    )
    axes.scatter(x[~held], y[~held], s=18, color=BLUE, alpha=0.6, linewidths=0)
    axes.scatter(x[held], y[held], s=34, marker="X", color=VERMILION, edgecolors="white", linewidths=0.6)
    axes.margins(x=0.12)
    low, high = axes.get_xlim()
    for point, across, down in zip(points, x, y, strict=True):
        if point.held:  # its name goes towards the middle, where there is room
            sign = 1 if across < (low + high) / 2 else -1
            beside = across + sign * 0.02 * (high - low)
            axes.text(
                beside,
                down,
                point.held,
                ha="left" if sign > 0 else "right",
                va="center",
                fontsize=7.5,
                color=VERMILION,
                bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.3},
            )
    return figure


def _label(
    axes: "Axes",
    x: "NDArray[np.float64]",
    y: "NDArray[np.float64]",
    where: "NDArray[np.int64]",
    labels: Sequence[str],
) -> None:
    """Name points outwards of them; on each side names keep a line's distance from each other."""
    line = axes.get_ylim()[1] / LINES
    offset = axes.get_xlim()[1] * 0.04
    for sign in (-1, 1):
        side = [
            (y[i], x[i], name) for i, name in zip(where, labels, strict=True) if (x[i] >= 0) == (sign > 0)
        ]
        height = np.inf
        for up, across, name in sorted(side, reverse=True):
            height = min(up, height - line)
            beside = across + sign * offset
            axes.plot([across, beside], [up, height], color=MUTED, linewidth=0.5, zorder=1)
            axes.text(beside, height, name, ha="left" if sign > 0 else "right", va="center", fontsize=8)


def _figure(height: float, left: float) -> "tuple[Figure, Axes]":
    """Axes in a figure of `height` inches with a margin of `left` inches for the labels of its rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=160)
    return figure, figure.add_axes((left / WIDTH, 0.5 / height, 0.96 - left / WIDTH, 1 - 0.6 / height))
