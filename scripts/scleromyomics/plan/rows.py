"""What each pooled job is made of: the cells of the sheets that it uses, and nothing else.

The Snakefile gives every pooled job the digest of its rows as a parameter, so that a used cell that changes
reruns exactly the jobs that use it, and an unused column, the order of rows or a comment reruns nothing. The
job takes its rows from the sheets again and refuses when the digest is no longer the planned one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import digest
from scleromyomics.plan.associations import find_association
from scleromyomics.plan.cells import Cell, cells
from scleromyomics.plan.changes import find_changes, is_within
from scleromyomics.plan.cohort import Cohort, Sample, Value
from scleromyomics.plan.contrasts import Samples, compare_groups
from scleromyomics.plan.eligibility import analysis_set
from scleromyomics.plan.judging.facts import Facts
from scleromyomics.plan.pairs import Pairing
from scleromyomics.plan.paths import sample_folder
from scleromyomics.plan.placement import PROCESSED, freezes, place
from scleromyomics.plan.protocol.questions import Association
from scleromyomics.plan.study import Study, load_study
from scleromyomics.plan.verdicts import judge
from scleromyomics.plan.vocabulary import Assay, Tissue

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class FreezeRow:
    """A sample of the waves on which a frozen model is fitted; paths are relative to the study."""

    sample: str
    participant: str
    group: str
    tissue: str
    sex: str
    raw: Path
    folder: Path  # of the sample's products
    format: str
    column: str
    usable: bool
    reason: str  # why it is not usable

    @property
    def receipt(self) -> Path:
        """The receipt of the raw file's admission."""
        return self.folder / "raw.receipt.json"


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A processed sample of a release."""

    sample: str
    participant: str
    visit: str
    timepoint: str
    day: int
    tissue: str
    platform: str
    batch: str
    wave: str
    sex: str
    quality: Path


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A sample of one matrix, with what `obs` says of it."""

    sample: str
    participant: str
    population: int
    group: str
    overlap: bool
    disease_subtype: str
    eligible: bool
    sex: str
    age: float
    visit: str
    timepoint: str
    day: int
    tissue: str
    replicate: int
    platform: str
    batch: str
    wave: str
    freeze: str
    bridge: str | None  # the sample whose material this one measures again
    measures: Mapping[str, Value]
    profile: Path
    quality: Path


class Rows:
    """The rows of every pooled job of one release."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.placement = place(study.cohort, study.config, release=study.release)
        self._excluded = analysis_set(study)

    def freeze(self, *, assay: Assay, freeze: str, platform: str) -> list[FreezeRow]:
        """Samples of the freeze's waves on one platform; those of participants outside the analysis set too."""
        waves = next(f.waves for f in freezes(assay, self.study.cohort, self.study.config) if f.id == freeze)
        return [
            FreezeRow(
                sample=one.sample,
                participant=one.participant,
                group=self._group(one.participant),
                tissue=one.tissue,
                sex=self.study.cohort.participants[one.participant].sex,
                raw=Path(one.paths[0]),
                folder=sample_folder(assay, freeze, one.sample),
                format=one.format,
                column=one.column,
                usable=not self._excluded[one.participant],
                reason=self._excluded[one.participant],
            )
            for one in self._samples(assay)
            if self.placement.freeze[one.sample] == freeze and one.platform == platform and one.wave in waves
        ]

    def release(self, *, assay: Assay) -> list[ReleaseRow]:
        """All processed samples of an assay."""
        return [
            ReleaseRow(
                sample=one.sample,
                participant=one.participant,
                visit=one.visit,
                timepoint=self.study.cohort.visit_of(one).timepoint,
                day=self.study.cohort.visit_of(one).day,
                tissue=one.tissue,
                platform=one.platform,
                batch=one.batch,
                wave=one.wave,
                sex=self.study.cohort.participants[one.participant].sex,
                quality=self._folder(one) / "quality.json",
            )
            for one in self._samples(assay)
        ]

    def matrix(self, *, assay: Assay, tissue: str, timepoint: str) -> list[MatrixRow]:
        """The samples of one matrix, before those held back by quality are left out."""
        return [
            self._matrix_row(one)
            for one in self._samples(assay)
            if one.tissue == tissue and self.study.cohort.visit_of(one).timepoint == timepoint
        ]

    def question(self, cell: Cell) -> list[object]:
        """What an answer depends on besides its matrices: who is compared, adjusted for what, judged how."""
        question = self._indexed.questions[cell.question]
        rules = [
            cell,
            question.model_dump(exclude={"title", "sensitivity_of"}),
            self.study.config.verdicts.model_dump(),
        ]
        if cell.assay == "variants":
            rules.append(self.study.config.variants.mosaic.overdispersion)
        if isinstance(question, Association):
            return [*rules, find_association(self._pairing, cell)]
        if is_within(question):
            changes = find_changes(self._pairing, cell)
            return [*rules, changes.sides, changes.bridges]
        groups = compare_groups(self._indexed, cell)
        return [*rules, groups.members, groups.covariates, groups.dropped]

    def cohort(self) -> list[object]:
        """What the tables of the whole cohort depend on."""
        config = self.study.config.model_dump(include={"analysis", "freeze", "hold_back", "verdicts"})
        return [config, self.study.protocol.model_dump(), *_records(self.study.released)]

    @cached_property
    def _indexed(self) -> Samples:
        return Samples(self.study)

    @cached_property
    def _pairing(self) -> Pairing:
        return Pairing(self._indexed)

    @cached_property
    def asked(self) -> list[Cell]:
        """Cells of the question grid that are processed and that the sheets allow to answer: each is a job."""
        facts = Facts(self._indexed)
        processed = [cell for cell in cells(self.study) if cell.assay in PROCESSED]
        return [cell for cell in processed if judge(facts, cell).verdict != "SKIP"]

    @cached_property
    def unasked(self) -> list[Cell]:
        """All other cells of the question grid."""
        jobs = set(self.asked)
        return [cell for cell in cells(self.study) if cell not in jobs]

    @cached_property
    def matrices(self) -> list[tuple[Assay, str, str]]:
        """Assay, tissue and timepoint of every matrix, sorted."""
        return sorted(
            {
                (one.assay, one.tissue, self.study.cohort.visit_of(one).timepoint)
                for one in self.study.cohort.samples.values()
                if one.sample in self.placement.freeze
            }
        )

    def _group(self, participant: str) -> str:
        population = self.study.cohort.participants[participant].population
        return self.study.protocol.populations[population].group

    def _samples(self, assay: Assay) -> list[Sample]:
        samples = self.study.cohort.samples
        return [samples[name] for name in self.placement.freeze if samples[name].assay == assay]

    def _folder(self, sample: Sample) -> Path:
        return sample_folder(sample.assay, self.placement.freeze[sample.sample], sample.sample)

    def _matrix_row(self, one: Sample) -> MatrixRow:
        who = self.study.cohort.participants[one.participant]
        visit = self.study.cohort.visit_of(one)
        return MatrixRow(
            sample=one.sample,
            participant=one.participant,
            population=who.population,
            group=self._group(one.participant),
            overlap=who.overlap,
            disease_subtype=who.disease_subtype,
            eligible=not self._excluded[one.participant],
            sex=who.sex,
            age=who.age,
            visit=one.visit,
            timepoint=visit.timepoint,
            day=visit.day,
            tissue=one.tissue,
            replicate=one.replicate,
            platform=one.platform,
            batch=one.batch,
            wave=one.wave,
            freeze=self.placement.freeze[one.sample],
            bridge=one.bridge,
            measures=visit.measures,
            profile=self._folder(one) / "profile.npz",
            quality=self._folder(one) / "quality.json",
        )


def freeze_rows(study: Path, *, assay: Assay, freeze: str, platform: str, expected: str) -> list[FreezeRow]:
    """`Rows.freeze` of the newest release of the study in a folder."""
    return _checked(_load(study).freeze(assay=assay, freeze=freeze, platform=platform), expected, study)


def release_rows(study: Path, *, release: str, assay: Assay, expected: str) -> list[ReleaseRow]:
    """`Rows.release` of the study in a folder."""
    return _checked(_load(study, release).release(assay=assay), expected, study)


def matrix_rows(
    study: Path, *, release: str, assay: Assay, tissue: str, timepoint: str, expected: str
) -> list[MatrixRow]:
    """`Rows.matrix` of the study in a folder."""
    rows = _load(study, release).matrix(assay=assay, tissue=tissue, timepoint=timepoint)
    return _checked(rows, expected, study)


def question_study(
    study: Path, *, release: str, question: str, assay: Assay, tissue: Tissue, expected: str
) -> tuple[Study, Cell]:
    """The study in a folder and one cell of its question grid, checked as `Rows.question`."""
    rows = _load(study, release)
    wanted = (question, assay, tissue)
    cell = next(one for one in cells(rows.study) if (one.question, one.assay, one.tissue) == wanted)
    _checked(rows.question(cell), expected, study)
    return rows.study, cell


def cohort_study(study: Path, *, release: str, expected: str) -> Study:
    """The study in a folder, checked as `Rows.cohort`."""
    rows = _load(study, release)
    _checked(rows.cohort(), expected, study)
    return rows.study


def rows_digest(rows: Sequence[Any]) -> str:
    """Digest of rows: the parameter that a job is planned with."""
    return digest(list(rows))


def _records(cohort: Cohort) -> Iterator[object]:
    for table in (cohort.participants.values(), cohort.visits.values(), cohort.events, cohort.treatments):
        yield from table
    yield from cohort.samples.values()


def _load(study: Path, release: str | None = None) -> Rows:
    return Rows(load_study(study, overrides={"release": release} if release else None))


def _checked(rows: list[Row], expected: str, study: Path) -> list[Row]:
    if rows_digest(rows) != expected:
        raise InputError(f"{study}: the sheets or config.yaml changed while the workflow ran; start it again")
    return rows
