"""Process one array alone against the frozen model of its platform: log2 values, and whether to trust them.

Background correction (raw intensities), quantiles of the frozen target, minus the frozen probe effects,
median per probe set: on the arrays that the model was fitted on this is RMA (Irizarry et al. 2003,
doi:10.1093/biostatistics/4.2.249), and no other array takes part. Expression tables are taken as they are,
log2. Arrays that fail a stated rule are processed and held back, with the reasons; a file refused at
admission gives a profile without features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_json, replacing, sha256, write_json
from scleromyomics.core.versions import versions
from scleromyomics.microarray import background, normalise, polish
from scleromyomics.microarray.cel import read_cel
from scleromyomics.microarray.chip import Chip
from scleromyomics.microarray.model import Model
from scleromyomics.microarray.quality import (
    MEASURES,
    Limits,
    degradation,
    faults,
    nuse,
    raw_log2,
    rle,
    sex_call,
    sex_fault,
    sex_score,
    standard_error,
)
from scleromyomics.microarray.table import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

Result = TypeVar("Result")

LOG2_RANGE = 25.0  # scanners end at 2^16, normalised log2 values stay below 20: beyond, the table is not log2


class HeldError(Exception):
    """Why a sample has no profile."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is known of an array before any model.

    Attributes:
        ranks: doubled rank of each probe (`normalise.rank`).
        corrected: background-corrected intensities, ascending.
        raw: log2 mean raw intensity of each probe set.
        scale: log2 mean raw intensity of all probes.
        background: log2 mean of the background.
        degradation: 5' to 3' rise, log2; nan where the chip allows none.
    """

    ranks: "NDArray[np.int32]"
    corrected: "NDArray[np.float64]"
    raw: "NDArray[np.float64]"
    scale: float
    background: float
    degradation: float


def prepare(probes: "NDArray[np.float64]", starts: "NDArray[np.int64]") -> Prepared:
    """Rank and background-correct the raw probe intensities of one array."""
    ascending, ranks = normalise.rank(probes)
    noise = background.estimate(ascending)
    return Prepared(
        ranks=ranks,
        corrected=background.adjust(ascending, noise),
        raw=raw_log2(np.add.reduceat(probes, starts[:-1]) / np.diff(starts)),
        scale=float(raw_log2(probes.mean())),
        background=float(raw_log2(np.float64(noise.mean))),
        degradation=degradation(probes, starts),
    )


def project(
    stack: "NDArray[np.float64]", effects: "NDArray[np.float64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Values and median absolute residuals (sets x arrays) of a stack (probes x sets x arrays)."""
    residual = stack - effects[..., None]
    values = polish.median_over_probes(residual)
    return values, polish.median_over_probes(np.abs(residual - values))


def process(
    array: Prepared, model: Model, starts: "NDArray[np.int64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Log2 value and standard error of each probe set of one array, by the frozen model alone."""
    levels = normalise.log2_at_ranks(model.target)
    values, spread = np.empty((2, starts.size - 1))
    for sets, probes in polish.stacks(starts):
        found = project(levels[array.ranks[probes]][..., None], model.effect[probes])
        values[sets], spread[sets] = found[0][:, 0], found[1][:, 0]
    return values, standard_error(spread, np.diff(starts))


def measure(
    values: "NDArray[np.float64]",
    *,
    tissue: str,
    model: Model,
    error: "NDArray[np.float64] | None" = None,
    facts: tuple[float, float, float] = (np.nan, np.nan, np.nan),
) -> dict[str, float | None]:
    """Quality of one array against the frozen model; None where the platform or the freeze does not have it.

    Args:
        values: log2, of each feature.
        tissue: of the sample.
        model: of the platform.
        error: standard error of each feature, log2; None for expression tables.
        facts: log2 scale, log2 background and degradation of the array; nan for expression tables.
    """
    reference = model.reference(tissue)
    median, spread = rle(values, reference) if reference is not None else (None, None)
    frozen = (model.scale, model.background, model.degradation)
    scale, background_ratio, rise = (
        None if np.isnan(here - there) else float(here - there)
        for here, there in zip(facts, frozen, strict=True)
    )
    return {
        "rle_median": median,
        "rle_iqr": spread,
        "nuse": None if error is None else nuse(error, model.error),
        "scale": scale,
        "background": background_ratio,
        "degradation": rise,
        "sex_score": sex_score(values, model.gene_symbol),
    }


def read_probes(raw: Path, chip: Chip) -> "NDArray[np.float64]":
    """Raw intensities of the chip's probes from a CEL file.

    Raises:
        InputError: the file is of another chip.
    """
    cel = read_cel(raw)
    if not chip.fits(cel.chip) or (cel.rows, cel.cols) != (chip.rows, chip.cols):
        found, allowed = (
            f"chip {name} of {rows} x {cols} cells"
            for name, rows, cols in ((cel.chip, cel.rows, cel.cols), (chip.name, chip.rows, chip.cols))
        )
        raise InputError(f"file {raw}: found {found}; allowed: {allowed}")
    return cel.intensity[chip.probes]


def read_values(raw: Path, admission: dict[str, Any]) -> tuple["NDArray[np.str_]", "NDArray[np.float64]"]:
    """Features (ascending) that the sample has in its expression table, and their log2 values.

    Raises:
        InputError: the values are not on the log2 scale.
    """
    table = read_table(raw, admission["format"], admission["column"])
    largest = np.abs(table.values).max(initial=0.0)
    if not largest <= LOG2_RANGE:
        raise InputError(
            f"file {raw}, column {admission['column']}: found a value of size {largest:g}; "
            f"allowed: log2 values, of size at most {LOG2_RANGE:g}"
        )
    return table.features, table.values


def require_admitted(raw: Path, admission: dict[str, Any]) -> None:
    """Refuse a raw file that is no longer the one that was admitted.

    Raises:
        InputError: its digest differs.
    """
    if sha256(raw) != admission["sha256"]:
        raise InputError(
            f"file {raw}: found other content than was admitted; allowed: the admitted file, unchanged"
        )


def run(
    *,
    sample: str,
    raw: Path,
    admission: Path,
    tissue: str,
    sex: Literal["F", "M"],
    model: Path,
    profile: Path,
    quality: Path,
    receipt: Path,
    rle_median_max: float,
    rle_iqr_max: float,
    nuse_max: float,
    scale_max: float,
    background_max: float,
    degradation_max: float,
    sex_margin: float,
    chip: Path | None = None,
) -> None:
    """Write one sample's log2 profile and its quality.

    Args:
        sample: name of the sample.
        raw: its CEL file or expression table.
        admission: receipt of the raw file's admission.
        tissue: of the sample, for the frozen medians.
        sex: of the participant, as the sheet says.
        model: frozen model of the platform (npz).
        profile: where to write features, log2 values and log2 raw intensities (npz).
        quality: where to write measures, and whether and why the sample is held back (JSON).
        receipt: where to write digest, size and versions (JSON).
        rle_median_max: largest size of the median relative log2 expression.
        rle_iqr_max: largest interquartile range of the relative log2 expression.
        nuse_max: largest normalised unscaled standard error, times the freeze's.
        scale_max: largest size of the log2 ratio of mean raw intensity to the freeze.
        background_max: largest size of the log2 ratio of the background to the freeze.
        degradation_max: largest 5' to 3' rise above the freeze's, log2.
        sex_margin: smallest distance from the frozen cut at which sex is called, log2.
        chip: chip definition (npz); only for CEL files.
    """
    limits = Limits(
        rle_median_max=rle_median_max,
        rle_iqr_max=rle_iqr_max,
        nuse_max=nuse_max,
        scale_max=scale_max,
        background_max=background_max,
        degradation_max=degradation_max,
    )
    frozen = Model.load(model)
    try:
        values, layer, measures = _processed(raw, read_json(admission), tissue, chip, frozen)
        feature, reasons = frozen.feature, faults(measures, limits)
    except HeldError as reason:
        feature, values, layer = frozen.feature[:0], np.empty(0), np.empty(0)
        measures, reasons = dict.fromkeys(MEASURES), [str(reason)]
    if feature.size and frozen.reference(tissue) is None:
        reasons.append(f"tissue {tissue}: not among the tissues of this freeze ({', '.join(frozen.tissue)})")
    call = sex_call(measures["sex_score"], frozen.sex_cut, sex_margin)
    reasons += sex_fault(call, sex)
    with replacing(profile) as path:
        np.savez_compressed(path, feature=feature, value=values, layer_raw=layer)
    verdict = {"sample": sample, "tissue": tissue, "held": bool(reasons), "reasons": reasons}
    write_json(quality, verdict | {"sex_call": call, "measures": measures})
    facts = {
        "sample": sample,
        "sha256": sha256(profile),
        "size": profile.stat().st_size,
        "features": feature.size,
    }
    write_json(receipt, facts | {"model_sha256": sha256(model), "versions": versions("numpy", "scipy")})


def _processed(
    raw: Path, admission: dict[str, Any], tissue: str, chip: Path | None, model: Model
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]", dict[str, float | None]]:
    """Values and raw layer on the model's features (log2), and the quality measures.

    Raises:
        HeldError: the file was refused, or its values cannot be set on the model.
    """
    if admission["status"] != "accepted":
        raise HeldError(admission["reason"])
    require_admitted(raw, admission)
    if chip is None:
        values = _on_features(*_or_held(read_values, raw, admission), model.feature)
        return values, values, measure(values, tissue=tissue, model=model)
    layout = Chip.load(chip)
    if not np.array_equal(layout.features, model.feature) or layout.probes.size != model.effect.size:
        raise InputError(f"chip {chip}: found other features than the model's; allowed: the chip of the fit")
    array = _or_held(prepare, read_probes(raw, layout), layout.starts)
    values, error = process(array, model, layout.starts)
    facts = (array.scale, array.background, array.degradation)
    return values, array.raw, measure(values, tissue=tissue, model=model, error=error, facts=facts)


def _on_features(
    feature: "NDArray[np.str_]", value: "NDArray[np.float64]", wanted: "NDArray[np.str_]"
) -> "NDArray[np.float64]":
    missing = np.setdiff1d(wanted, feature)
    if missing.size:
        raise HeldError(
            f"features: found {missing.size} of the frozen model's {wanted.size} missing; allowed: none"
        )
    return value[np.searchsorted(feature, wanted)]


def _or_held(function: Callable[..., Result], *arguments: object) -> Result:
    """The function's result; its fault becomes the reason for holding the sample back."""
    try:
        return function(*arguments)
    except InputError as error:
        raise HeldError(str(error)) from error


if __name__ == "__main__":
    entry_point(run)
