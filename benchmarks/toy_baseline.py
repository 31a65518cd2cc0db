"""Does the workflow find in the toy study what was planted there, as often as theory says? 50 seeds.

    python benchmarks/toy_baseline.py [--studies 50]

Every seed's toy study goes the whole way in process, by the calls of the rules in their order: raw files, admission,
frozen model, profiles, quality (arrays held back), matrices, verdicts, answers to the questions between groups at
inclusion. Expected power is that of noncentral t, from what `truth/` holds and the comparison alone: true effects,
true variances (a participant's own part, the residual and the measurement), the actual design's weights, and the
table's total degrees of freedom. Feature i is called at q <= 0.05 where its p-value is at most 0.05 R_i / m, with R_i
the calls there would be if its p-value were 0: the level at which its power is expected, which does not depend on
its own data. Means over studies; standard errors and 95 % intervals are those of the difference between observed and
expected, per study. `all` pools the features of all questions of a study. About 5 minutes on 2 free cores.

Writes benchmarks/results/toy_baseline.tsv. Its measures:

- power at p <= 0.05 and at q <= 0.05: of the features that move in the question; beside noncentral t, which takes
  the test's variance for an estimate of the feature's own with the total degrees of freedom, and beside the power of
  the moderated t, which averages it with the prior's
- false discovery proportion at q <= 0.05: 0 in a study without a call; `all`: mean of the questions
- null rejection rate at p <= 0.05: of the features that do not move
- slope of estimates on true effects: what RMA's background model stretches or compresses
- ratio of variances: that which the tests estimated to the true one, mean over features; above 1 on the chip, where
  the noise of the background adds to dim features, and differences are stretched
- true and false discoveries: calls at q <= 0.05 per study
- planted and good arrays held back: share of the study's
"""

import argparse
import contextlib
import multiprocessing
import os
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.cohort import verdicts
from scleromyomics.compare import question
from scleromyomics.core import matrix as schema
from scleromyomics.core.files import read_json, read_tsv, write_tsv
from scleromyomics.core.results import read_results
from scleromyomics.matrices import tissue as matrices
from scleromyomics.microarray import admit, chip, fit, quality, rma
from scleromyomics.plan import paths
from scleromyomics.plan.cells import Cell, questions
from scleromyomics.plan.changes import is_within
from scleromyomics.plan.contrasts import select
from scleromyomics.plan.targets import Plan, load_plan, matrices_of
from scleromyomics.simulate import chip as simulated_chip
from scleromyomics.simulate import study as simulated
from scleromyomics.simulate.microarray import TABLE_NOISE_SD
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import Prior, fit_prior, posterior_variance
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.power import detection_power

STUDIES, PROCESSES = 50, 2
LEVEL = 0.05
DRAWS = 100  # quantiles of a residual variance over which power is averaged: stable to 0.001
MEDIAN_OF_11 = 0.1372  # variance of the median of 11 standard normal values
# Variance of one measurement, log2 squared; of the chip, without the noise of its background.
MEASUREMENT = {"ToyHG": simulated_chip.NOISE_SD**2 * MEDIAN_OF_11, "ToySkin": TABLE_NOISE_SD**2}
RESULTS = Path(__file__).parent / "results"
COLUMNS = (
    "question",
    "tissue",
    "measure",
    "studies",
    "observed",
    "expected",
    "difference",
    "se",
    "low",
    "high",
)
Floats = NDArray[np.float64]
Texts = NDArray[np.str_]
Numbers = dict[str, tuple[ArrayLike, ArrayLike]]  # what was observed and expected, by measure
Study = dict[tuple[str, str], Numbers]  # by question and tissue
ALL = ("all", "")


def workflow(directory: Path) -> Plan:
    """Make the products of the release in the current directory, as the rules would; only the report is left out."""
    plan = load_plan(directory, overrides={})
    limits = plan.settings["microarray"]["quality"]
    fitted = {name: limits[name] for name in ("rle_median_max", "rle_iqr_max", "nuse_max", "sex_margin")}
    placed = plan.rows.placement.freeze
    models = {(freeze, plan.sample(name).platform) for name, freeze in placed.items()}

    def there(path: str | Path) -> Path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path)

    def first(found: list[str]) -> Path | None:
        return Path(found[0]) if found else None

    for freeze, platform in models:
        folder = paths.frozen_folder("microarray", freeze, platform)
        if plan.definition(platform):
            files = [Path(one) for one in plan.definition(platform)]
            chip.run(definition=files, chip=there(folder / "chip.npz"), receipt=folder / "chip.receipt.json")
    for name, freeze in placed.items():
        one, folder = plan.sample(name), paths.sample_folder("microarray", freeze, name)
        admit.run(
            sample=name,
            raw=Path(one.paths[0]),
            format=one.format,
            column=one.column,
            md5="".join(one.md5),
            chip=first(plan.chip(name, "chip.npz")),
            receipt=there(folder / "raw.receipt.json"),
        )
    for freeze, platform in models:
        folder, key = (
            paths.frozen_folder("microarray", freeze, platform),
            SimpleNamespace(freeze=freeze, platform=platform),
        )
        fit.run(
            study=directory,
            freeze=freeze,
            platform=platform,
            rows=plan.freeze_digest(key, assay="microarray"),
            model=there(folder / "model.npz"),
            samples=folder / "samples.tsv",
            receipt=folder / "model.receipt.json",
            chip=first(plan.platform_chip(key, "chip.npz")),
            annotation=first(plan.annotation(platform)),
            **fitted,
        )
    for name, freeze in placed.items():
        one, folder = plan.sample(name), paths.sample_folder("microarray", freeze, name)
        rma.run(
            sample=name,
            raw=Path(one.paths[0]),
            admission=folder / "raw.receipt.json",
            tissue=one.tissue,
            sex=plan.participant(name).sex,
            model=Path(plan.frozen(name, "model.npz")),
            chip=first(plan.chip(name, "chip.npz")),
            profile=folder / "profile.npz",
            quality=folder / "quality.json",
            receipt=folder / "profile.receipt.json",
            **limits,
        )
    job = {"study": directory, "release": plan.release}
    cohort = paths.release_folder(plan.release) / "cohort"
    table = there(cohort / "microarray_quality.tsv")
    quality.run(**job, rows=plan.release_digest("microarray"), table=table)
    verdicts.run(
        **job,
        rows=plan.cohort_digest,
        quality=[table],
        verdicts=cohort / "verdicts.tsv",
        held=cohort / "held_back.tsv",
    )
    wanted = baseline(plan)
    for assay, tissue, timepoint in {key for cell in wanted for key in matrices_of(plan.rows, cell)}:
        key = SimpleNamespace(assay=assay, tissue=tissue, timepoint=timepoint)
        target = paths.matrix(plan.release, assay, tissue, timepoint)
        matrices.run(
            **job,
            **vars(key),
            rows=plan.matrix_digest(key),
            models=[Path(one) for one in plan.tissue_models("model.npz", key)],
            matrix=there(target),
            receipt=target.with_suffix(".receipt.json"),
        )
    for cell in wanted:
        key = SimpleNamespace(question=cell.question, assay=cell.assay, tissue=cell.tissue)
        question.run(
            **job,
            **vars(key),
            rows=plan.question_digest(key),
            matrices=[Path(one) for one in plan.question_products(".h5ad", key)],
            verdicts=cohort / "verdicts.tsv",
            table=there(paths.table(plan.release, *vars(key).values())),
        )
    return plan


def baseline(plan: Plan) -> list[Cell]:
    """Cells of the questions between groups at inclusion that have participants on both sides."""
    library = questions(plan.study)
    return [
        cell
        for cell in plan.rows.asked
        if not is_within(library[cell.question]) and library[cell.question].timepoint == "D1"
    ]


def true_effect(features: Texts, platform: str, sides: tuple[tuple[str, str], ...]) -> Floats:
    """First side minus second, log2, of each feature of a platform; a side is a group and its tissue."""
    effect: dict[str, float] = defaultdict(float)
    for row in read_tsv(Path("truth/effects.tsv")):
        for sign, (group, tissue) in zip((1, -1), sides, strict=True):
            here = group in row["group"].split(";") and (
                not row["tissue"] or tissue in row["tissue"].split(";")
            )
            if here and row["kind"] in ("group", "tissue"):  # nothing else acts at inclusion
                effect[row[platform]] += sign * float(row["log2"])
    return np.array([effect[name] for name in features])


def true_spread(features: Texts, platform: str) -> Floats:
    """Standard deviation of each feature between participants of one group, log2, before measurement."""
    spread = {row[platform]: float(row["spread"]) for row in read_tsv(Path("truth/transcripts.tsv"))}
    return np.array([spread[name] for name in features])


def levels(p: Floats, which: NDArray[np.bool_]) -> Floats:
    """For each p-value of `which`, the level that q <= LEVEL comes to were that p-value 0."""
    found = []
    for one in np.flatnonzero(which):
        changed = p.copy()
        changed[one] = 0.0
        found.append(LEVEL * np.count_nonzero(benjamini_hochberg(changed) <= LEVEL) / p.size)
    return np.array(found)


@dataclass(frozen=True)
class Answer:
    """One table beside the truth; arrays have one value per feature tested.

    Attributes:
        effect: true difference, log2.
        variance: true variance of the estimate, log2 squared.
        estimate, se, df, p, q: as the table has them.
        unscaled: variance of the estimate per unit of residual variance.
        own_df: residual degrees of freedom, the same for all.
        prior: of the residual variances, as it was fitted.
    """

    effect: Floats
    variance: Floats
    estimate: Floats
    se: Floats
    df: Floats
    p: Floats
    q: Floats
    unscaled: float
    own_df: float
    prior: Prior


def beside_truth(plan: Plan, cell: Cell) -> Answer:
    """Read the answer of a cell, and work out what is true for those whom it compares."""
    asked_for = questions(plan.study)[cell.question]
    sides = ((asked_for.case, cell.tissue), (asked_for.reference, cell.reference_tissue or cell.tissue))
    folder = paths.release_folder(plan.release) / "cohort"
    held = {row["sample"]: row["reason"] for row in read_tsv(folder / "held_back.tsv")}
    comparison = select(plan.study, cell, held)
    table = read_results(paths.table(plan.release, cell.question, cell.assay, cell.tissue))
    table = table.filter(table["p_value"].is_valid())  # a saturated feature is constant, and not tested
    column = {name: table[name].to_numpy() for name in table.column_names}
    key = SimpleNamespace(question=cell.question, assay=cell.assay, tissue=cell.tissue)
    matrix = question.pool([schema.read(Path(one)) for one in plan.question_products(".h5ad", key)])
    names = [(one.participant, sample) for one in comparison.members for sample in one.samples]
    merged = schema.merge_rows(matrix[[sample for _, sample in names]].X, [name for name, _ in names])[1].T
    tested = np.isin(matrix.var["feature"].to_numpy(), column["feature"])
    fitted = fit_contrast(merged[tested], comparison.design, comparison.contrast)
    (platform,) = {one.platform for one in comparison.members}
    basis = comparison.design.basis
    weight = (basis.q @ basis.coordinates(comparison.contrast)) ** 2  # squared, of each participant's value
    error = MEASUREMENT[platform] / np.array([len(one.samples) for one in comparison.members])
    between = true_spread(column["feature"], platform) ** 2
    return Answer(
        effect=true_effect(column["feature"], platform, sides),
        variance=between * weight.sum() + error @ weight,
        **{name: column[name] for name in ("estimate", "se", "df")},
        p=column["p_value"],
        q=column["q_value"],
        unscaled=weight.sum(),
        own_df=fitted.df[0],
        prior=fit_prior(fitted.variance, fitted.df),
    )


def moderated_power(one: Answer, alpha: ArrayLike) -> Floats:
    """Power of each moving feature, over what its own residual variance may come to in the sample.

    A moderated test divides by the mean of that variance and the prior's, not by an estimate of the feature's true
    variance alone as noncentral t has it: features that vary little lose by it, and those that vary much gain.
    """
    from scipy.special import stdtrit
    from scipy.stats import chi2, norm

    moves = one.effect != 0
    variance, df = one.variance[moves] / one.unscaled, one.df[moves]
    drawn = chi2.ppf((np.arange(DRAWS) + 0.5) / DRAWS, one.own_df) / one.own_df
    posterior = posterior_variance(
        np.outer(variance, drawn).ravel(), np.full(variance.size * DRAWS, one.own_df), one.prior
    )
    ratio = np.sqrt(posterior.reshape(-1, DRAWS) / variance[:, None])
    critical = stdtrit(df, 1 - np.asarray(alpha) / 2)[:, None] * ratio
    shift = (np.abs(one.effect[moves]) / np.sqrt(one.variance[moves]))[:, None]
    return (norm.sf(critical - shift) + norm.cdf(-critical - shift)).mean(axis=1)


def judged(one: Answer) -> Numbers:
    """What was observed and what was expected, of each measure."""
    moves, called = one.effect != 0, one.q <= LEVEL
    alpha = levels(one.p, moves)
    right, wrong = (called & moves).sum(), (called & ~moves).sum()

    def chance(level: ArrayLike) -> Floats:
        se = np.sqrt(one.variance[moves])
        return detection_power(one.effect[moves], se, one.df[moves], alpha=level)

    return {
        f"power at p <= {LEVEL}, noncentral t": (one.p[moves] <= LEVEL, chance(LEVEL)),
        f"power at q <= {LEVEL}, noncentral t": (called[moves], chance(alpha)),
        f"power at p <= {LEVEL}, moderated t": (one.p[moves] <= LEVEL, moderated_power(one, LEVEL)),
        f"power at q <= {LEVEL}, moderated t": (called[moves], moderated_power(one, alpha)),
        f"false discovery proportion at q <= {LEVEL}": ([wrong / max(right + wrong, 1)], [LEVEL]),
        f"null rejection rate at p <= {LEVEL}": (one.p[~moves] <= LEVEL, [LEVEL]),
        "slope of estimates on true effects": ([one.effect @ one.estimate / (one.effect @ one.effect)], [1]),
        "ratio of variances": (one.se**2 / one.variance, [1]),
        "true discoveries": ([right], [np.nan]),
        "false discoveries": ([wrong], [np.nan]),
    }


def one_study(seed: int) -> Study:
    """Simulate a toy study, answer its baseline questions and judge them."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        simulated.run(directory=Path("study"), size="toy", seed=seed)
        os.chdir("study")
        plan = workflow(Path())
        found = {(cell.question, cell.tissue): judged(beside_truth(plan, cell)) for cell in baseline(plan)}
        planted = {row["sample"] for row in read_tsv(Path("truth/planted.tsv"))}
        held = {
            name: read_json(paths.sample_folder("microarray", freeze, name) / "quality.json")["held"]
            for name, freeze in plan.rows.placement.freeze.items()
        }
    together: Numbers = {
        name: tuple(
            np.concatenate(parts) for parts in zip(*(one[name] for one in found.values()), strict=True)
        )
        for name in next(iter(found.values()))
    }
    together["planted arrays held back"] = ([held[name] for name in planted], [1])
    together["good arrays held back"] = ([held[name] for name in held.keys() - planted], [0])
    return {ALL: together, **found}


def row(key: tuple[str, str], measure: str, studies: list[Study]) -> dict[str, object]:
    """Means over studies; the standard error and the 95 % interval are those of the difference, per study."""
    observed, expected = np.array([[np.mean(part) for part in one[key][measure]] for one in studies]).T
    difference = observed - expected
    mean, se = difference.mean(), difference.std(ddof=1) / np.sqrt(len(studies))
    numbers = [observed.mean(), expected.mean(), mean, se, mean - 1.96 * se, mean + 1.96 * se]
    texts = [*key, measure, len(studies)]
    shown = [None if np.isnan(x) else round(float(x), 4) for x in numbers]
    return dict(zip(COLUMNS, [*texts, *shown], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=STUDIES)
    count = parser.parse_args().studies
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # for the processes that start now
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        studies = pool.map(one_study, range(1, count + 1), chunksize=1)
    rows = [row(key, measure, studies) for key, found in studies[0].items() for measure in found]
    for line in rows:
        print(*line.values(), sep="\t")
    write_tsv(RESULTS / "toy_baseline.tsv", COLUMNS, rows)


if __name__ == "__main__":
    main()
