"""Does the workflow find in the toy study what was planted there, as often as theory says? Question by question.

    python benchmarks/toy_answers.py [--studies 50]

Every seed's toy study goes the whole way in process, by the calls of the rules in their order: raw files, admission,
frozen model, profiles, quality (arrays held back), matrices, verdicts, answers to all questions, families. A feature
moves in a table where the table's contrast is not zero when it is applied, with the table's own weights, to the
noise-free expectation of each sample: the effects that act on that tissue of that participant at that visit. In
associations, the measures follow the severity of the disease, which then is part of the expectation. Sex is not: what
it does to a question that does not adjust for it is no discovery.

Power stands beside what theory expects of it, from true effects and true variances (a participant's own part, what is
new at each visit and tissue, the measurement):

- t: noncentral t with the true variance of the table's estimate and the table's degrees of freedom. It takes the
  test's variance for an estimate of the feature's own; a moderated test draws it towards that of all features
- given_se: a normal estimate against the standard errors and critical values that the table has: whatever moderation
  does is in it, and what is left over tells of the estimates
- oracle: the true variances are known: the best linear unbiased estimate from the same profiles by the same model,
  and a z-test; its q-values are those of Benjamini and Hochberg over as many features, with drawn z-values

Writes benchmarks/results/toy_answers.tsv, a row per question, tissue and contrast; about 11 minutes on 2 free cores.
Means over studies; `low` and `high` are 95 % intervals between studies (normal: a proportion's may begin below 0).

- studies: those in which the question is answered; verdict: the most frequent; moving: features that move
- power_p, power_q: of the features that move, those with p <= 0.05 and with q <= 0.05
- power_p_over: observed minus given_se
- fdp: false discovery proportion at q <= 0.05, 0 in a table without a call
- null_p: of the features that do not move, those with p <= 0.05
- slope: of estimates on true effects: RMA's background model stretches differences of most features and compresses
  those of the dimmest, for example of transcripts that blood does not express
- `all`: the features of all questions of a study together; fdp is the mean of its tables
- `family of ...`: at q_family <= 0.05; fdp is the mean of the selected tables, 0 where none is

An ordered category has no slope and no given_se: odds are on another scale. Its t and oracle are those of the slope
on the level's number.
"""

import argparse
import contextlib
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.cohort import verdicts
from scleromyomics.compare import families, question
from scleromyomics.compare.associations import ODDS
from scleromyomics.compare.changes import PAIRED
from scleromyomics.core.files import read_tsv, write_tsv
from scleromyomics.matrices import tissue as matrices
from scleromyomics.microarray import admit, chip, fit, quality, rma
from scleromyomics.plan import paths
from scleromyomics.plan.associations import (
    ChangeSlope,
    OrdinalOdds,
    RepeatedSlopes,
    Slope,
    select_association,
)
from scleromyomics.plan.cells import Cell, questions
from scleromyomics.plan.changes import is_within, select_changes
from scleromyomics.plan.contrasts import Member, Unit, select
from scleromyomics.plan.protocol.questions import Association
from scleromyomics.plan.targets import Plan, load_plan
from scleromyomics.simulate import chip as simulated_chip
from scleromyomics.simulate import study as simulated
from scleromyomics.simulate.latent import SEVERITY_SHARE, effects, severity, transcripts
from scleromyomics.simulate.microarray import TABLE_NOISE_SD, platforms
from scleromyomics.simulate.people import state
from scleromyomics.simulate.scenario import RESOURCES
from scleromyomics.stats.design import Design
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.power import detection_power

STUDIES, PROCESSES = 50, 2
LEVEL = 0.05
DRAWS = 20  # of all z-values of a table, for the oracle's q-values
ZERO = 1e-9  # effects below are rounding, log2
MEDIAN_OF_11 = 0.1372  # variance of the median of 11 standard normal values
# Variance of one measurement, log2 squared; of the chip, without the noise of its background.
MEASUREMENT = {"ToyHG": simulated_chip.NOISE_SD**2 * MEDIAN_OF_11, "ToySkin": TABLE_NOISE_SD**2}
MEASURES = ("power_p", "power_p_t", "power_p_given_se", "power_p_oracle", "power_p_over", "power_q", "power_q_oracle",
            "fdp", "null_p", "slope")  # fmt: skip
WITH_INTERVAL = ("power_p", "power_p_over", "power_q", "fdp", "null_p", "slope")
COLUMNS = (
    *("question", "tissue", "contrast", "studies", "verdict", "n_case", "n_reference", "moving"),
    *(column for name in MEASURES for column in (name, f"{name}_low", f"{name}_high")
      if column == name or name in WITH_INTERVAL),
)  # fmt: skip
RESULT = Path(__file__).parent / "results" / "toy_answers.tsv"
Floats = NDArray[np.float64]
Key = tuple[str, str, str]  # question, tissue, contrast
Columns = dict[str, Any]  # arrays by name
ALL: Key = ("all", "", "")


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
    for assay, tissue, timepoint in plan.rows.matrices:
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
    for cell in plan.rows.asked:
        key = SimpleNamespace(question=cell.question, assay=cell.assay, tissue=cell.tissue)
        question.run(
            **job,
            **vars(key),
            rows=plan.question_digest(key),
            matrices=[Path(one) for one in plan.question_products(".h5ad", key)],
            quality=[table],
            table=there(paths.table(plan.release, *vars(key).values())),
        )
    families.run(
        kinds=plan.kinds, tables=[Path(one) for one in plan.tables], families=paths.families(plan.release)
    )
    return plan


@dataclass(frozen=True)
class Truth:
    """What a study's samples hold; of the transcripts that belong to a programme: no others move.

    Attributes:
        features: names of the transcripts, by platform.
        mean: samples x transcripts, log2: the effects that act.
        severe: samples x transcripts, log2: what severity adds.
        own, own_severe: variance of what is a participant's own, without and with severity known; of a transcript.
        new: variance of what is new in each tissue and at each visit; of a transcript.
        person, material: samples x samples: 1 for those of the same participant, or of the same material.
        error: variance of the measurement of each sample.
    """

    features: dict[str, NDArray[np.str_]]
    mean: Floats
    severe: Floats
    own: Floats
    own_severe: Floats
    new: Floats
    person: Floats
    material: Floats
    error: Floats

    def expected(self, *, known: bool) -> tuple[Floats, Floats]:
        """Expectation and covariance of the samples, transcripts first, with severity known or not."""
        own, new = self.own_severe if known else self.own, self.new
        shared = own[:, None, None] * self.person + new[:, None, None] * self.material
        return (self.mean + self.severe * known).T, shared + np.diag(self.error)


def truth_of(plan: Plan, seed: int) -> Truth:
    """The truth behind the samples of a plan, in its order."""
    genes = transcripts(read_tsv(RESOURCES / "genes.tsv"), seed=seed)
    some = genes.programme != ""
    samples = [plan.sample(name) for name in plan.rows.placement.freeze]
    cohort, protocol = plan.study.cohort, plan.study.protocol
    states = [state(cohort, protocol, one.participant, one.visit) for one in samples]
    mean = [effects(genes, now, one.tissue, seed=seed) for now, one in zip(states, samples, strict=True)]
    own, follows = genes.spread**2 * genes.shared, SEVERITY_SHARE**2 * abs(genes.severity)
    size = SEVERITY_SHARE * genes.spread * np.sqrt(genes.shared) * genes.severity
    people = np.array([one.participant for one in samples])
    material = np.array([f"{one.participant} {one.visit} {one.tissue}" for one in samples])
    return Truth(
        features={name: names[some] for name, names in platforms(genes, seed=seed).features.items()},
        mean=np.array(mean)[:, some],
        severe=np.outer([severity(one, seed=seed) for one in people], size)[:, some],
        own=own[some],
        own_severe=(own * (1 - follows))[some],
        new=(genes.spread**2 * (1 - genes.shared))[some],
        person=(people[:, None] == people).astype(float),
        material=(material[:, None] == material).astype(float),
        error=np.array([MEASUREMENT[one.platform] for one in samples]),
    )


@dataclass(frozen=True)
class Model:
    """A linear model of averages, or of differences of averages, of samples.

    Attributes:
        rows: rows of the design x samples of the study.
        design, contrast: what is fitted, and what is asked of it.
    """

    rows: Floats
    design: Design
    contrast: Floats

    def least_squares(self) -> Floats:
        """Weights of the samples in the estimate by least squares."""
        basis = self.design.basis
        weights: Floats = basis.q @ basis.coordinates(self.contrast) @ self.rows
        return weights

    def best(self, covariance: Floats) -> Floats:
        """Weights of the samples in the best linear unbiased estimate (transcripts x samples)."""
        basis = self.design.basis
        solved = np.linalg.solve(self.rows @ covariance @ self.rows.T, basis.q[None])
        of_basis = np.linalg.solve(basis.q.T @ solved, basis.coordinates(self.contrast)[None, :, None])
        weights: Floats = (solved @ of_basis)[..., 0] @ self.rows
        return weights


def averages(plan: Plan, units: Sequence[Unit | Member]) -> Floats:
    """Units x samples: the weights of the samples in the mean of each unit."""
    place = {name: number for number, name in enumerate(plan.rows.placement.freeze)}
    rows = np.zeros((len(units), len(place)))
    for row, unit in zip(rows, units, strict=True):
        row[[place[name] for name in unit.samples]] = 1 / len(unit.samples)
    return rows


def models(plan: Plan, cell: Cell, contrast: str, method: str) -> tuple[Model, Model, bool]:
    """What the table fits, what the oracle fits, and whether the table weighs profiles by their covariance."""
    folder = paths.release_folder(plan.release) / "cohort"
    held = {row["sample"]: row["reason"] for row in read_tsv(folder / "held_back.tsv")}
    asked = questions(plan.study)[cell.question]
    if isinstance(asked, Association):
        found = select_association(plan.study, cell, held)
        name = contrast.partition(": ")[2]
        if isinstance(found, OrdinalOdds):
            found, name = Slope(**{one.name: getattr(found, one.name) for one in fields(found)}), "slope"
        rows = averages(plan, found.sides[-1])
        if isinstance(found, ChangeSlope):
            rows -= averages(plan, found.sides[0])
        design, contrast = found.model(name)
        if isinstance(found, RepeatedSlopes) and len(design.matrix) < len(rows):
            rows = found.averaged(rows)  # the slope between participants is that of their means
        model = Model(rows, design, contrast)
        return model, model, False
    if not is_within(asked):
        groups = select(plan.study, cell, held)
        model = Model(averages(plan, groups.members), groups.design, groups.contrast)
        return model, model, False
    changes = select_changes(plan.study, cell, held)
    repeated = changes.repeated
    profiles = Model(averages(plan, repeated.units), repeated.design, repeated.contrast)
    if method != PAIRED:
        return profiles, profiles, True
    before, after = (averages(plan, [row[side] for row in changes.rows]) for side in (0, 1))
    return Model(after - before, changes.design, changes.contrast), profiles, False


def judged(table: Columns, plan: Plan, cell: Cell, truth: Truth, rng: np.random.Generator) -> Columns:
    """One table beside the truth: which features move, and what was found and expected of them."""
    from scipy.special import ndtri, stdtrit

    own, best, mixed = models(plan, cell, str(table["contrast"][0]), str(table["method"][0]))
    mean, covariance = truth.expected(known=isinstance(questions(plan.study)[cell.question], Association))
    weights = own.best(covariance) if mixed else np.broadcast_to(own.least_squares(), mean.shape)
    ideal = best.best(covariance)
    used = own.rows.any(axis=0)
    (platform,) = {plan.sample(one).platform for one in np.array(list(plan.rows.placement.freeze))[used]}
    place = {name: number for number, name in enumerate(truth.features[platform].tolist())}
    number = np.array([place.get(name, -1) for name in table["feature"].tolist()])
    effect = np.append((weights * mean).sum(axis=1), 0.0)[number]  # the last: of those without a programme
    moves = np.abs(effect) > ZERO
    which, shown = number[moves], effect[moves]
    shift = np.zeros(moves.size)
    shift[moves] = (ideal * mean).sum(axis=1)[which] / spread(ideal, covariance)[which]
    p_value, called = table["p_value"] <= LEVEL, table["q_value"] <= LEVEL
    deviation = spread(weights, covariance)[which]
    by_t = detection_power(shown, deviation, table["df"][moves], alpha=LEVEL)
    margin = stdtrit(table["df"][moves], 1 - LEVEL / 2) * table["se"][moves] / deviation
    given = normal_power(shown / deviation, margin)
    found = {
        "moves": moves,
        "power_p": p_value[moves],
        "power_p_t": by_t,
        "power_p_oracle": normal_power(shift[moves], ndtri(1 - LEVEL / 2)),
        "power_p_given_se": given,
        "power_p_over": p_value[moves] - given,
        "power_q": called[moves],
        "power_q_oracle": oracle_calls(shift, rng)[moves],
        "fdp": np.array([(called & ~moves).sum() / max(called.sum(), 1)]),
        "null_p": p_value[~moves],
        "slope": np.array([]),
    }
    if table["method"][0] == ODDS:
        found |= dict.fromkeys(("power_p_given_se", "power_p_over"), np.array([]))
    elif moves.any():
        found["slope"] = np.array([shown @ table["estimate"][moves] / (shown @ shown)])
    return found


def spread(weights: Floats, covariance: Floats) -> Floats:
    """Standard deviation of each transcript's weighted sum of samples."""
    deviation: Floats = np.sqrt(np.einsum("gs,gst,gt->g", weights, covariance, weights))
    return deviation


def normal_power(shift: Floats, margin: Floats | float) -> Floats:
    """How often a standard normal value, shifted, is farther from 0 than a margin."""
    from scipy.special import ndtr

    power: Floats = ndtr(shift - margin) + ndtr(-shift - margin)
    return power


def oracle_calls(shift: Floats, rng: np.random.Generator) -> Floats:
    """How often each feature has q <= LEVEL, with z-values drawn around `shift`."""
    from scipy.special import ndtr

    drawn = 2 * ndtr(-np.abs(shift + rng.standard_normal((DRAWS, shift.size))))
    calls: Floats = np.mean([benjamini_hochberg(p_values) <= LEVEL for p_values in drawn], axis=0)
    return calls


def in_families(plan: Plan, moving: dict[Key, Columns]) -> dict[Key, Columns]:
    """What is called over all tables of a family, beside what moves in them."""
    rows = read_parquet(paths.families(plan.release))
    found: dict[Key, dict[str, list[Floats]]] = {}
    for key, table in by_key(rows).items():
        moves, called = moving[key]["moves"], table["q_family"] <= LEVEL
        name = f"family of {table['family'][0].partition('__')[0]}", "", ""
        one = found.setdefault(name, {measure: [] for measure in ("moves", *MEASURES)})
        one["moves"].append(moves)
        one["power_q"].append(called[moves])
        if table["selected"][0]:
            one["fdp"].append(np.array([(called & ~moves).sum() / max(called.sum(), 1)]))
    together = {key: {name: joined(parts) for name, parts in one.items()} for key, one in found.items()}
    for one in together.values():
        one["fdp"] = one["fdp"] if one["fdp"].size else np.zeros(1)
    return together


def joined(parts: list[Floats]) -> Floats:
    """The arrays one after another; empty where there are none."""
    return np.concatenate(parts) if parts else np.array([])


def by_key(columns: Columns) -> dict[Key, Columns]:
    """The tables of one assay by question, tissue and contrast, without the rows that were not tested."""
    names = [columns[name] for name in ("question", "tissue", "contrast")]
    keys = list(zip(*(column.tolist() for column in names), strict=True))
    tested = np.isfinite(columns["p_value"])
    found = {}
    for key in dict.fromkeys(keys):
        some = tested & np.array([one == key for one in keys])
        found[key] = {name: column[some] for name, column in columns.items()}
    return found


def read_parquet(path: Path) -> Columns:
    """The columns of a Parquet file, by name."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}


def one_study(seed: int) -> dict[Key, dict[str, Any]]:
    """Simulate a toy study, answer its questions and judge them: means of the measures."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        simulated.run(directory=Path("study"), size="toy", seed=seed)
        os.chdir("study")
        plan = workflow(Path())
        truth = truth_of(plan, seed)
        found, counts = {}, {}
        for cell in plan.rows.asked:
            path = paths.table(plan.release, cell.question, cell.assay, cell.tissue)
            for key, table in by_key(read_parquet(path)).items():
                found[key] = judged(table, plan, cell, truth, rng)
                sides = {name: int(table[name].max()) for name in ("n_case", "n_reference")}
                counts[key] = {"verdict": table["verdict"][0], **sides}
        grouped = in_families(plan, found)
    together = {name: joined([one[name] for one in found.values()]) for name in next(iter(found.values()))}
    everything = {ALL: together, **grouped, **found}
    return {key: counts.get(key, {}) | numbers(one) for key, one in everything.items()}


def numbers(one: Columns) -> dict[str, float]:
    """The mean of each measure, NaN where there is nothing to average; and how many features move."""
    means = {name: float(np.mean(one[name])) if one[name].size else np.nan for name in MEASURES}
    return {"moving": float(one["moves"].sum()), **means}


def row(key: Key, studies: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the studies that answer a question, with intervals."""

    def mean(name: str) -> float:
        return round(sum(one[name] for one in studies) / len(studies), 1)

    def rounded(value: np.float64) -> float:
        return round(float(value), 4)

    shown = dict.fromkeys(COLUMNS, "") | dict(zip(COLUMNS, key, strict=False)) | {"studies": len(studies)}
    if "verdict" in studies[0]:
        shown["verdict"] = Counter(one["verdict"] for one in studies).most_common(1)[0][0]
        shown |= {name: mean(name) for name in ("n_case", "n_reference")}
    shown["moving"] = mean("moving")
    for name in MEASURES:
        values = np.array([one[name] for one in studies])
        values = values[np.isfinite(values)]
        if values.size:
            shown[name] = rounded(values.mean())
        if values.size > 1 and name in WITH_INTERVAL:
            half = 1.96 * values.std(ddof=1) / np.sqrt(values.size)
            low, high = rounded(values.mean() - half), rounded(values.mean() + half)
            shown |= {f"{name}_low": low, f"{name}_high": high}
    return shown


def summary(studies: list[dict[Key, dict[str, Any]]]) -> list[dict[str, Any]]:
    """A row for all features, for each family, and for each question, tissue and contrast."""
    keys = sorted({key for one in studies for key in one}, key=lambda key: (key != ALL, key[1] != "", key))
    return [row(key, [one[key] for one in studies if key in one]) for key in keys]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=STUDIES)
    count = parser.parse_args().studies
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # for the processes that start now
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        studies = pool.map(one_study, range(1, count + 1), chunksize=1)
    write_tsv(RESULT, COLUMNS, summary(studies))


if __name__ == "__main__":
    main()
