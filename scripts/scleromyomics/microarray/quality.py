"""Quality of single arrays against their frozen model, so that a later array never changes an earlier one.

- RLE (median, interquartile range): log2 value minus the tissue's frozen median, over all features.
- NUSE: standard error of a feature from the spread of its probes' residuals, divided by what the freeze expects
  of an array that it has not seen; the median over features. 1 is as good as the freeze, whose own arrays are
  below 1 where they are few, since the probe effects were fitted to them (a frozen form of the NUSE of Bolstad
  2004, in the spirit of McCall et al. 2011, doi:10.1186/1471-2105-12-137).
- Scale and background: log2 ratio of the mean raw probe intensity, and of the background, to the freeze.
- Degradation: rise of the mean log2 raw intensity from the 5' to the 3' end of the probe sets (least squares
  line over probe positions), minus the freeze's (after affy's AffyRNAdeg).
- Sex: mean log2 of XIST minus the mean of the Y genes, against a cut that the freeze fixed.

The rule collects the quality of a release's arrays into one table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.quality import fault, write_table
from scleromyomics.core.quality import sex_fault as contradiction

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = ("rle_median", "rle_iqr", "nuse", "scale", "background", "degradation", "sex_score")
FEMALE_GENE = "XIST"
MALE_GENES = ("DDX3Y", "EIF1AY", "KDM5D", "RPS4Y1", "UTY")
NORMAL_MAD = 1.4826  # times the median absolute deviation is the standard deviation of a normal sample
RAW_FLOOR = 1.0  # raw intensity units: scanners read 20 and more; keeps the logarithm of a zero finite

Measures = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond which an array is held back (reasons: the configuration's quality block); infinite: no rule."""

    rle_median_max: float
    rle_iqr_max: float
    nuse_max: float
    scale_max: float = float("inf")
    background_max: float = float("inf")
    degradation_max: float = float("inf")


def rle(values: "NDArray[np.float64]", reference: "NDArray[np.float64]") -> tuple[float, float]:
    """Median and interquartile range of the relative log2 expression of one array."""
    lower, median, upper = np.quantile(values - reference, (0.25, 0.5, 0.75))
    return float(median), float(upper - lower)


def standard_error(spread: "NDArray[np.float64]", probes: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """Standard error of features from their probes' median absolute residual (log2) and number."""
    return NORMAL_MAD * spread / np.sqrt(probes)


def nuse(error: "NDArray[np.float64]", reference: "NDArray[np.float64]") -> float | None:
    """Median ratio of the standard errors to their frozen median, where that is not zero; None if nowhere."""
    known = reference > 0
    return float(np.median(error[known] / reference[known])) if known.any() else None


def raw_log2(values: "NDArray[np.floating]") -> "NDArray[np.float64]":
    """Log2 of raw intensities."""
    return np.asarray(np.log2(np.maximum(values, RAW_FLOOR), dtype=np.float64))


def degradation(probes: "NDArray[np.floating]", starts: "NDArray[np.int64]") -> float:
    """Rise of log2 raw intensity from the 5' to the 3' end of the probe sets, in log2 units.

    Args:
        probes: raw intensities, each probe set's in transcript order.
        starts: where each probe set starts, and the number of probes.

    Returns:
        nan where less than half of the probe sets share a size of 3 or more: the chip is not laid out for it.
    """
    means = position_means(probes, starts)
    if means is None:
        return float("nan")
    return float(np.polynomial.polynomial.polyfit(np.linspace(0, 1, means.size), means, 1)[1])


def position_means(
    probes: "NDArray[np.floating]", starts: "NDArray[np.int64]"
) -> "NDArray[np.float64] | None":
    """Mean log2 raw intensity at each probe position, over the probe sets of the most frequent size."""
    sizes, counts = np.unique(np.diff(starts), return_counts=True)
    size = int(sizes[np.argmax(counts)])
    if size < 3 or 2 * counts.max() < counts.sum():
        return None
    first = starts[:-1][np.diff(starts) == size]
    return np.asarray(raw_log2(probes[first[:, None] + np.arange(size)]).mean(axis=0))


def sex_score(values: "NDArray[np.float64]", gene_symbol: "NDArray[np.str_]") -> float | None:
    """Mean log2 of XIST minus the mean over the Y genes; None where the platform lacks either."""
    genes = [values[gene_symbol == gene].mean() for gene in MALE_GENES if np.any(gene_symbol == gene)]
    female = values[gene_symbol == FEMALE_GENE]
    return float(female.mean() - np.mean(genes)) if female.size and genes else None


def sex_cut(scores: "NDArray[np.float64]", sexes: "NDArray[np.str_]", margin: float) -> float:
    """Middle between the medians of the freeze's women and men, whose sex the sheet tells.

    0 (the higher expressed of XIST and the Y genes decides) where the freeze has one sex only; nan (no call)
    where the medians are not at least twice the `margin` apart: the probes do not tell the sexes.
    """
    if not {"F", "M"} <= set(sexes):
        return 0.0
    female, male = (float(np.median(scores[sexes == sex])) for sex in ("F", "M"))
    return (female + male) / 2 if female - male >= 2 * margin else float("nan")


def sex_call(score: float | None, cut: float, margin: float) -> str | None:
    """F or M where the score is `margin` from the cut, else "undetermined"; None without score or cut."""
    if score is None or np.isnan(cut):
        return None
    if abs(score - cut) < margin:
        return "undetermined"
    return "F" if score > cut else "M"


def faults(measures: Measures, limits: Limits) -> list[str]:
    """One line per measure beyond its limit: what was found, what is allowed. An unknown one is no fault."""
    rules = (
        ("rle_median", "RLE median", limits.rle_median_max, -limits.rle_median_max, "log2"),
        ("rle_iqr", "RLE interquartile range", limits.rle_iqr_max, 0.0, "log2"),
        ("nuse", "NUSE", limits.nuse_max, 0.0, "times the freeze"),
        ("scale", "scale against the freeze", limits.scale_max, -limits.scale_max, "log2"),
        (
            "background",
            "background against the freeze",
            limits.background_max,
            -limits.background_max,
            "log2",
        ),
        ("degradation", "5' to 3' rise above the freeze", limits.degradation_max, -np.inf, "log2"),
    )
    return [
        line
        for name, text, highest, lowest, unit in rules
        for line in fault(text, measures[name], lowest=lowest, highest=highest, unit=unit)
    ]


def sex_fault(call: str | None, sheet: str) -> list[str]:
    """One line where the call contradicts the sheet."""
    return contradiction(call, sheet, by="XIST and Y genes")


def run(*, study: Path, release: str, rows: str, table: Path) -> None:
    """Write the quality of every array of a release as one table.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        table: where to write the table (TSV, one line per sample).
    """
    from scleromyomics.plan.rows import release_rows

    samples = release_rows(study, release=release, assay="microarray", expected=rows)
    write_table(table, study, samples, MEASURES)


if __name__ == "__main__":
    entry_point(run)
