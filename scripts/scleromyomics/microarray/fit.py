"""Fit the frozen model of one platform on the arrays of a freeze, every tissue with the same weight.

Chips: the quantile target is the mean of the tissues' mean sorted, background-corrected arrays; probe effects
come from the median polish in whose medians over arrays an array weighs 1 / (arrays of its tissue). With as
many arrays in each tissue this is RMA (Irizarry et al. 2003, doi:10.1093/biostatistics/4.2.249), and how far
the frozen path is from plain RMA of the same arrays is reported. Expression tables: medians per tissue.
Arrays that fail a rule (RLE, NUSE, sex) against the first fit are dropped, and the model is fitted once more.
"""

import csv
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_json, sha256, write_json, write_tsv
from scleromyomics.core.versions import versions
from scleromyomics.microarray import normalise, polish
from scleromyomics.microarray.chip import Chip
from scleromyomics.microarray.model import Model
from scleromyomics.microarray.quality import (
    Limits,
    faults,
    sex_call,
    sex_cut,
    sex_fault,
    sex_score,
    standard_error,
)
from scleromyomics.microarray.rma import measure, prepare, project, read_probes, read_values, require_admitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scleromyomics.plan.rows import FreezeRow

HELD_OUT = 10  # arrays left out in turn to measure the errors of unseen arrays: their median is stable to 2 %
HELD_SETS = 1000  # probe sets on which that is measured; more cost time and change the third digit
Genes = Mapping[str, tuple[str, str]]  # feature: gene symbol, gene identifier


@dataclass(frozen=True, kw_only=True)
class Joint:
    """A fit on chips.

    Attributes:
        target: quantile target, ascending intensities.
        effect: log2 probe effects.
        values: features x arrays, log2, by the frozen path.
        plain: features x arrays, log2, by RMA of the arrays without weights.
        error: features x arrays, standard errors, log2.
        scale: log2 mean raw intensity of each array.
        background: log2 background of each array.
        degradation: 5' to 3' rise of each array, log2.
        novelty: standard error of an array that the fit has not seen, as a multiple of that of its own arrays.
    """

    target: "NDArray[np.float64]"
    effect: "NDArray[np.float64]"
    values: "NDArray[np.float64]"
    plain: "NDArray[np.float64]"
    error: "NDArray[np.float64]"
    scale: "NDArray[np.float64]"
    background: "NDArray[np.float64]"
    degradation: "NDArray[np.float64]"
    novelty: float


def tissue_weights(tissues: Sequence[str]) -> "NDArray[np.int64]":
    """Whole-number weights of arrays that give each tissue the same total; 1 where sizes are equal."""
    counts = Counter(tissues)
    common = math.lcm(*counts.values())
    weights = [common // counts[tissue] for tissue in tissues]
    return np.array(weights, dtype=np.int64) // math.gcd(*weights)


def joint_fit(
    load: Callable[[int], "NDArray[np.float64]"],
    weights: "NDArray[np.int64]",
    starts: "NDArray[np.int64]",
    *,
    threads: int = 1,
) -> Joint:
    """Fit target and probe effects on arrays; the result does not depend on the number of threads.

    Args:
        load: gives the raw probe intensities of an array by its number; called from threads.
        weights: of the arrays, whole numbers.
        starts: where each probe set starts in the probes, and their number.
        threads: arrays and stacks of probe sets handled at a time.
    """
    count, probes = weights.size, int(starts[-1])
    ranks = np.empty((count, probes), dtype=np.int32)
    weighted, plain = np.zeros((2, probes))
    facts = np.empty((3, count))
    with ThreadPoolExecutor(threads) as pool:
        for number, array in enumerate(pool.map(lambda i: prepare(load(i), starts), range(count))):
            ranks[number] = array.ranks
            weighted += weights[number] * array.corrected
            plain += array.corrected
            facts[:, number] = array.scale, array.background, array.degradation
        target = weighted / weights.sum()
        effect, values, spread, joint = _polish(pool, ranks, target, weights, starts)
        novelty = _novelty(ranks, target, weights, starts, spread=spread, pool=pool)
        if weights.min() != weights.max():
            joint = _polish(pool, ranks, plain / count, np.ones_like(weights), starts)[3]
    return Joint(
        target=target,
        effect=effect,
        values=values,
        plain=joint,
        error=standard_error(spread, np.diff(starts)[:, None]),
        scale=facts[0],
        background=facts[1],
        degradation=facts[2],
        novelty=novelty,
    )


def _polish(
    pool: ThreadPoolExecutor,
    ranks: "NDArray[np.int32]",
    target: "NDArray[np.float64]",
    weights: "NDArray[np.int64]",
    starts: "NDArray[np.int64]",
) -> tuple["NDArray[np.float64]", ...]:
    """Probe effects, values and median absolute residuals by the frozen path, and the polish's own values."""
    levels = normalise.log2_at_ranks(target)
    effect = np.empty(starts[-1])
    values, spread, joint = np.empty((3, starts.size - 1, weights.size))

    def one(stack: tuple["NDArray[np.int64]", "NDArray[np.int64]"]) -> None:
        sets, probes = stack
        logged = levels.take(np.moveaxis(ranks[:, probes], 0, -1))
        joint[sets], effect[probes] = polish.median_polish(logged, weights)
        values[sets], spread[sets] = project(logged, effect[probes])

    list(pool.map(one, polish.stacks(starts, weights.size)))
    return effect, values, spread, joint


def _novelty(
    ranks: "NDArray[np.int32]",
    target: "NDArray[np.float64]",
    weights: "NDArray[np.int64]",
    starts: "NDArray[np.int64]",
    *,
    spread: "NDArray[np.float64]",
    pool: ThreadPoolExecutor,
) -> float:
    """Median ratio of an array's residuals under probe effects fitted without it to those with it; 1 for one array.

    Medians of few arrays run through the points they are fitted on: with 8 arrays the ratio is about 1.3.
    """
    arrays, sets = weights.size, starts.size - 1
    if arrays == 1:
        return 1.0
    chosen = np.unique(np.linspace(0, sets - 1, HELD_SETS).astype(np.int64))
    probes = np.flatnonzero(np.repeat(np.isin(np.arange(sets), chosen), np.diff(starts)))
    few = np.concatenate([[0], np.cumsum(np.diff(starts)[chosen])])
    logged = normalise.log2_at_ranks(target).take(ranks[:, probes])

    def without(array: int) -> "NDArray[np.float64]":
        unseen, rest = np.empty(chosen.size), np.delete(np.arange(arrays), array)
        for some, within in polish.stacks(few, arrays):
            stack = np.moveaxis(logged[:, within], 0, -1)
            _, effects = polish.median_polish(stack[..., rest], weights[rest])
            unseen[some] = project(stack[..., [array]], effects)[1][:, 0]
        seen = spread[chosen, array]
        return np.asarray(unseen[seen > 0] / seen[seen > 0])

    held = np.unique(np.linspace(0, arrays - 1, HELD_OUT).astype(np.int64))
    ratios = np.concatenate(list(pool.map(without, held.tolist())))
    return float(np.median(ratios)) if ratios.size else 1.0


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model, the measures of the arrays it was fitted on, the distance to plain RMA, and `Joint.novelty`."""

    model: Model
    measures: list[dict[str, float | None]]
    distance: dict[str, float | None]
    novelty: float | None = None


def fit_chip(
    samples: Sequence["FreezeRow"], *, chip: Chip, genes: Genes, sex_margin: float, threads: int
) -> Fitted:
    """Fit the model of a chip on CEL files."""
    weights = tissue_weights([one.tissue for one in samples])
    joint = joint_fit(lambda i: read_probes(samples[i].raw, chip), weights, chip.starts, threads=threads)
    model = _model(
        samples,
        joint.values,
        chip.features,
        genes,
        sex_margin,
        chip=chip.name,
        target=joint.target,
        effect=joint.effect,
        error=joint.novelty * polish.median_over_arrays(joint.error, weights),
        **{
            name: float(polish.median_over_arrays(getattr(joint, name), weights))
            for name in ("scale", "background", "degradation")
        },
    )
    facts = zip(joint.scale, joint.background, joint.degradation, strict=True)
    measures = [
        measure(
            joint.values[:, i],
            tissue=one.tissue,
            model=model,
            error=joint.novelty * joint.error[:, i],
            facts=fact,
        )
        for i, (one, fact) in enumerate(zip(samples, facts, strict=True))
    ]
    distance = np.abs(joint.values - joint.plain)
    return Fitted(
        model=model,
        measures=measures,
        distance={"median": float(np.median(distance)), "max": float(distance.max())},
        novelty=joint.novelty,
    )


def fit_tables(samples: Sequence["FreezeRow"], *, genes: Genes, sex_margin: float) -> Fitted:
    """Fit the model of expression tables: the features that all samples have, their medians per tissue."""
    tables = [read_values(one.raw, {"format": one.format, "column": one.column}) for one in samples]
    features = reduce(np.intersect1d, (features for features, _ in tables))
    if not features.size:
        raise InputError(
            f"{len(samples)} tables of {samples[0].sample} ...: found no common feature; allowed: some"
        )
    values = np.stack([value[np.searchsorted(feature, features)] for feature, value in tables], axis=-1)
    nothing = np.empty(0)
    model = _model(
        samples, values, features, genes, sex_margin, target=nothing, effect=nothing, error=nothing
    )
    measures = [measure(values[:, i], tissue=one.tissue, model=model) for i, one in enumerate(samples)]
    return Fitted(model=model, measures=measures, distance={"median": None, "max": None})


def _model(
    samples: Sequence["FreezeRow"],
    values: "NDArray[np.float64]",
    features: "NDArray[np.str_]",
    genes: Genes,
    sex_margin: float,
    **stored: Any,  # the other fields of the model
) -> Model:
    symbol, identifier = np.array([genes.get(feature, ("", "")) for feature in features.tolist()]).T
    tissues = np.array([one.tissue for one in samples])
    scores = [sex_score(value, symbol) for value in values.T]
    known = np.array([score for score in scores if score is not None])
    chips: dict[str, Any] = {"chip": "", "scale": math.nan, "background": math.nan, "degradation": math.nan}
    return Model(
        **chips | stored,
        feature=features,
        gene_symbol=symbol,
        gene_id=identifier,
        tissue=np.unique(tissues),
        median=np.stack([np.median(values[:, tissues == one], axis=1) for one in np.unique(tissues)]),
        sex_cut=sex_cut(known, np.array([one.sex for one in samples]), sex_margin)
        if known.size
        else math.nan,
    )


def read_genes(annotation: Path) -> Genes:
    """Gene symbol and identifier of each feature, from a TSV with these columns.

    Raises:
        InputError: a column is missing, or a feature is listed twice.
    """
    with annotation.open(encoding="utf-8-sig", newline="") as handle:
        lines = csv.DictReader(handle, delimiter="\t")
        missing = {"feature", "gene_symbol", "gene_id"} - set(lines.fieldnames or ())
        if missing:
            raise InputError(
                f"file {annotation}: found no column {', '.join(sorted(missing))}; "
                "allowed: feature, gene_symbol and gene_id, tab-separated"
            )
        genes: dict[str, tuple[str, str]] = {}
        for line in lines:
            feature = (line["feature"] or "").strip()
            if feature in genes:
                raise InputError(
                    f"file {annotation}, line {lines.line_num}: found feature {feature} again; "
                    "allowed: each once"
                )
            genes[feature] = ((line["gene_symbol"] or "").strip(), (line["gene_id"] or "").strip())
    return genes


def unusable(row: "FreezeRow") -> str:
    """Why a sample of the freeze takes no part in the fit, or ""; a changed raw file is an error.

    Raises:
        InputError: the raw file is not the admitted one.
    """
    if not row.usable:
        return row.reason
    admission = read_json(row.receipt)
    if admission["status"] != "accepted":
        return str(admission["reason"])
    require_admitted(row.raw, admission)
    try:
        if row.format != "cel":
            read_values(row.raw, admission)
    except InputError as error:
        return str(error)
    return ""


def run(
    *,
    study: Path,
    freeze: str,
    platform: str,
    rows: str,
    model: Path,
    samples: Path,
    receipt: Path,
    rle_median_max: float,
    rle_iqr_max: float,
    nuse_max: float,
    sex_margin: float,
    chip: Path | None = None,
    annotation: Path | None = None,
    threads: int = 1,
) -> None:
    """Fit and write the frozen model of one platform.

    Args:
        study: the study directory.
        freeze: name of the freeze.
        platform: name of the platform in the sheets.
        rows: digest of the sheet rows that the plan was made from.
        model: where to write the model (npz).
        samples: where to write which samples were used, and why others were not (TSV).
        receipt: where to write the model's digest, counts, and the distance to plain RMA (JSON).
        rle_median_max: largest size of the median relative log2 expression.
        rle_iqr_max: largest interquartile range of the relative log2 expression.
        nuse_max: largest normalised unscaled standard error, times the freeze's.
        sex_margin: smallest distance from the cut at which sex is called, log2.
        chip: chip definition (npz); absent for expression tables.
        annotation: features' genes (TSV: feature, gene_symbol, gene_id).
        threads: arrays handled at a time.

    Raises:
        InputError: no array is left to fit on, or the annotation is broken.
    """
    from scleromyomics.plan.rows import freeze_rows

    found = freeze_rows(study, assay="microarray", freeze=freeze, platform=platform, expected=rows)
    genes = read_genes(annotation) if annotation else {}
    with ThreadPoolExecutor(threads) as pool:
        reasons = dict(zip((row.sample for row in found), pool.map(unusable, found), strict=True))
    fit = (
        partial(fit_chip, chip=Chip.load(chip), genes=genes, sex_margin=sex_margin, threads=threads)
        if chip
        else partial(fit_tables, genes=genes, sex_margin=sex_margin)
    )
    limits = Limits(rle_median_max=rle_median_max, rle_iqr_max=rle_iqr_max, nuse_max=nuse_max)
    fitted = fit(_left(found, reasons, platform))
    outliers = outlying(_left(found, reasons, platform), fitted, limits, sex_margin)
    if outliers:
        reasons |= outliers
        fitted = fit(_left(found, reasons, platform))
    fitted.model.save(model)
    write_tsv(
        samples,
        ["sample", "tissue", "used", "reason"],
        [
            {
                "sample": row.sample,
                "tissue": row.tissue,
                "used": not (why := reasons[row.sample]),
                "reason": why,
            }
            for row in found
        ],
    )
    counts = Counter(row.tissue for row in found if not reasons[row.sample])
    unmapped = int(np.count_nonzero((fitted.model.gene_symbol == "") & (fitted.model.gene_id == "")))
    write_json(
        receipt,
        {
            "sha256": sha256(model),
            "samples": dict(counts),
            "not_used": len(found) - counts.total(),
            "dropped_as_outliers": len(outliers),
            "features": fitted.model.feature.size,
            "features_without_gene": unmapped,
            "annotated_but_not_on_platform": len(genes.keys() - set(fitted.model.feature.tolist())),
            "distance_to_plain_rma": fitted.distance,
            "error_of_unseen_arrays": fitted.novelty,
            "versions": versions("numpy", "scipy"),
        },
    )


def outlying(
    samples: Sequence["FreezeRow"], fitted: Fitted, limits: Limits, sex_margin: float
) -> dict[str, str]:
    """Samples that fail a rule against the fit that they took part in, each with the reasons on one line."""
    found = {}
    for row, measures in zip(samples, fitted.measures, strict=True):
        call = sex_call(measures["sex_score"], fitted.model.sex_cut, sex_margin)
        found[row.sample] = "; ".join([*faults(measures, limits), *sex_fault(call, row.sex)])
    return {sample: f"outlier of the first fit: {reason}" for sample, reason in found.items() if reason}


def _left(rows: Sequence["FreezeRow"], reasons: Mapping[str, str], platform: str) -> list["FreezeRow"]:
    left = [row for row in rows if not reasons[row.sample]]
    if not left:
        why = next(iter(reasons.values()), "no sample in the waves of the freeze")
        raise InputError(
            f"platform {platform}: found no usable sample among {len(rows)} ({why}); allowed: at least one"
        )
    return left


if __name__ == "__main__":
    entry_point(run)
