"""What the Snakefile asks of a study: which files make up its release, and what each job is made from."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.plan import paths
from scleromyomics.plan.cells import Cell, cells, questions
from scleromyomics.plan.changes import is_within
from scleromyomics.plan.cohort import Participant, Sample
from scleromyomics.plan.contrasts import arms
from scleromyomics.plan.gene_sets import CURATED, read_gene_sets
from scleromyomics.plan.genomes import Genomes
from scleromyomics.plan.placement import PROCESSED
from scleromyomics.plan.protocol.questions import Association, Between, BetweenTissues
from scleromyomics.plan.rows import FreezeRow, MatrixRow, Rows, rows_digest
from scleromyomics.plan.study import Study, load_study
from scleromyomics.plan.vocabulary import Assay

FROM_THE_COMMAND_LINE = {"release"}  # everything else a study sets in its config.yaml, which records it
Wildcards = Any  # Snakemake's, with an attribute per wildcard of the rule


def load_plan(directory: Path, *, overrides: Mapping[str, Any]) -> "Plan":
    """Read the study in `directory`; `overrides` are the settings given on the command line.

    Raises:
        InputError: for every fault of the sheets, settings and gene sets, a line each; for a study whose record of
            what its results were made from is gone.
    """
    unknown = sorted(set(overrides) - FROM_THE_COMMAND_LINE)
    if unknown:
        raise InputError(
            f"--config {', '.join(unknown)}: only release can be set on the command line;"
            f" set the rest in {directory / 'config.yaml'}, which is the study's record"
        )
    _require_memory(directory)
    study = load_study(directory, overrides=overrides)
    read_gene_sets([directory / name for name in study.config.gene_sets])
    return Plan(study)


def _require_memory(directory: Path) -> None:
    """Refuse a study with results but without Snakemake's record of what they were made from."""
    results = directory / paths.RESULTS / "samples"
    records = (directory / ".snakemake" / name for name in ("metadata", "incomplete"))
    if any(results.rglob("*.json")) and not any(one.is_dir() and any(one.iterdir()) for one in records):
        raise InputError(
            f"{directory / '.snakemake'}: is gone, and with it what the results were made from: a changed sheet"
            " would pass unseen; bring it back, or move results/ away to make everything again"
        )


def flag(name: str, value: str | Sequence[str]) -> list[str]:
    """A command-line flag with its value or values; nothing where there are none."""
    values = [value] if isinstance(value, str) else list(value)
    return [name, *values] if any(values) else []


def matrices_of(rows: Rows, cell: Cell) -> list[tuple[Assay, str, str]]:
    """Assay, tissue and timepoint of the matrices that a cell compares.

    Changes within participants may rest on bridges, or on an event's visit, at any timepoint.
    """
    question = questions(rows.study)[cell.question]
    tissues = {cell.tissue, cell.reference_tissue or cell.tissue}
    times = {timepoint for _, _, timepoint in rows.matrices}
    if isinstance(question, Association) and not question.change_from:
        times = set(question.visits or [question.timepoint or "D1"])
    elif isinstance(question, Between | BetweenTissues) and not is_within(question):
        compared = arms(rows.study.protocol, cell, question)
        tissues, times = {arm.tissue for arm in compared}, {arm.timepoint for arm in compared}
    return [
        (assay, tissue, timepoint)
        for assay, tissue, timepoint in rows.matrices
        if assay == cell.assay and tissue in tissues and timepoint in times
    ]


class Plan:
    """The release that is being built: its targets, and per job its inputs and parameters."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.release: str = study.release
        self.settings: dict[str, Any] = study.config.model_dump()
        self.rows = Rows(study)
        self.genomes = Genomes(self.rows)

    # --- what is to be made

    @cached_property
    def targets(self) -> list[str]:
        """All files that the study is promised: a deleted one is made again."""
        report = paths.release_folder(self.release) / "report" / "index.html"
        return [
            str(report),
            *self.timepoint_files,
            *self.matrix_files(".h5ad"),
            *self.profile_tables,
            *self.tables,
            *self._tables(self.release, self.rows.unasked),
            str(paths.families(self.release)),
            str(paths.gene_sets(self.release)),
            *self.genomes.results,
            *(path for assay in PROCESSED for path in self._products(assay)),
        ]

    @cached_property
    def timepoint_files(self) -> list[str]:
        """One multi-omics file per timepoint."""
        folder = paths.release_folder(self.release) / "matrices"
        return [str(folder / f"{timepoint}.h5mu") for timepoint in self.timepoints]

    @cached_property
    def timepoints(self) -> list[str]:
        """Timepoints that have samples."""
        return sorted({timepoint for _, _, timepoint in self.rows.matrices})

    @cached_property
    def answered_questions(self) -> str:
        """The questions of the library, as a pattern."""
        return "|".join(questions(self.study)) or "none"

    @cached_property
    def tables(self) -> list[str]:
        """Result tables of the cells that are jobs."""
        return self._tables(self.release, self.rows.asked)

    @cached_property
    def unasked_tables(self) -> list[str]:
        """Result tables, of zero rows, of all other cells; `{release}` is left open as a wildcard."""
        return self._tables("{release}", self.rows.unasked)

    @cached_property
    def profile_tables(self) -> list[str]:
        """One table of mean and spread per assay and tissue that has matrices."""
        places = sorted({(assay, tissue) for assay, tissue, _ in self.rows.matrices})
        return [str(paths.profiles(self.release, *place)) for place in places]

    @cached_property
    def kinds(self) -> list[str]:
        """`question=kind` of the questions that make discoveries of their own."""
        library = questions(self.study).items()
        return sorted(f"{name}={one.kind}" for name, one in library if one.sensitivity_of is None)

    @cached_property
    def within(self) -> list[str]:
        """The questions that compare participants with themselves: differences of their profiles."""
        library = questions(self.study).items()
        changes = (
            name
            for name, one in library
            if is_within(one) or (isinstance(one, Association) and one.change_from is not None)
        )
        return sorted(changes)

    @cached_property
    def quality_tables(self) -> list[str]:
        """One quality table per assay that has samples."""
        folder = paths.release_folder(self.release) / "cohort"
        assays = sorted({assay for assay, _, _ in self.rows.matrices})
        return [str(folder / f"{assay}_quality.tsv") for assay in assays]

    # --- what jobs are made from

    def sample(self, name: str) -> Sample:
        """The sheet's row of a sample."""
        return self.study.cohort.samples[name]

    def participant(self, sample: str) -> Participant:
        """The person whose sample this is."""
        return self.study.cohort.participants[self.sample(sample).participant]

    def definition(self, platform: str) -> list[str]:
        """Files that define a chip; empty for a platform whose samples come as expression tables."""
        settings = self.study.config.microarray.platforms.get(platform)
        return list(settings.definition) if settings else []

    def annotation(self, platform: str) -> list[str]:
        """The table that maps the features of a platform to genes, if the configuration names one."""
        settings = self.study.config.microarray.platforms.get(platform)
        return [settings.annotation] if settings and settings.annotation else []

    def frozen(self, sample: str, name: str) -> str:
        """The file `name` of the frozen model that a sample is processed against."""
        one = self.sample(sample)
        folder = paths.frozen_folder(one.assay, self.rows.placement.freeze[sample], one.platform)
        return str(folder / name)

    def chip(self, sample: str, name: str) -> list[str]:
        """The file `name` of the chip of a sample; empty where the samples come as expression tables."""
        return [self.frozen(sample, name)] if self.definition(self.sample(sample).platform) else []

    def refused(self, sample: str) -> bool:
        """Whether the raw file of a sample was refused: then a newer file is looked at again."""
        one = self.sample(sample)
        folder = paths.sample_folder(one.assay, self.rows.placement.freeze[sample], sample)
        receipt = self.study.directory / folder / "raw.receipt.json"
        return receipt.is_file() and read_json(receipt)["status"] == "refused"

    def products(self, name: str, *, assay: Assay) -> list[str]:
        """The file `name` of every processed sample of an assay."""
        return self._files(name, [row.sample for row in self.rows.release(assay=assay)])

    def platform_chip(self, key: Wildcards, name: str) -> list[str]:
        """The file `name` of a platform's chip; empty where its samples come as expression tables."""
        folder = paths.frozen_folder("microarray", key.freeze, key.platform)
        return [str(folder / name)] if self.definition(key.platform) else []

    def freeze_raw(self, key: Wildcards, *, assay: Assay) -> list[str]:
        """The raw files that the frozen model of a freeze and platform is fitted on."""
        return sorted({str(row.raw) for row in self._freeze(key, assay)})

    def tissue_models(self, name: str, key: Wildcards) -> list[str]:
        """The file `name` of the frozen models behind a tissue (either site, for skin) at any timepoint."""
        site = key.tissue.partition("_")[0]
        placed = [self.sample(one) for one in self.rows.placement.freeze]
        same = [one for one in placed if one.assay == key.assay and one.tissue.partition("_")[0] == site]
        return sorted({self.frozen(one.sample, name) for one in same})

    def freeze_products(self, name: str, key: Wildcards, *, assay: Assay) -> list[str]:
        """The file `name` of every sample that the frozen model of a freeze and platform is fitted on."""
        return self._files(name, [row.sample for row in self._freeze(key, assay)])

    def matrix_products(self, name: str, key: Wildcards, *, assay: Assay | None = None) -> list[str]:
        """The file `name` of every sample of an assay (that of the wildcards), tissue and timepoint."""
        return self._files(name, [row.sample for row in self._matrix(key, assay or key.assay)])

    def matrix_files(self, suffix: str, *, genotypes: bool = True) -> list[str]:
        """All matrices of the release, or all but genotypes; with another suffix, what lies beside them."""
        keys = [one for one in self.rows.matrices if genotypes or one[0] != "variants"]
        return self._matrix_files(suffix, keys)

    def timepoint_products(self, suffix: str, key: Wildcards) -> list[str]:
        """The matrices at a timepoint; with another suffix, what lies beside them."""
        return self._matrix_files(suffix, [one for one in self.rows.matrices if one[2] == key.timepoint])

    def tissue_products(self, suffix: str, key: Wildcards) -> list[str]:
        """The matrices of an assay and tissue at all timepoints; or what lies beside them."""
        place = (key.assay, key.tissue)
        return self._matrix_files(suffix, [one for one in self.rows.matrices if one[:2] == place])

    def question_products(self, suffix: str, key: Wildcards) -> list[str]:
        """The matrices that a question compares in an assay and tissue; or what lies beside them."""
        return self._matrix_files(suffix, matrices_of(self.rows, self._cell(key)))

    # --- what reruns jobs: digests of the cells of the sheets that they use

    @cached_property
    def curated_digest(self) -> str:
        """For what uses the curated gene sets."""
        return sha256(CURATED)

    @cached_property
    def cohort_digest(self) -> str:
        """For the tables of the whole cohort."""
        return rows_digest(self.rows.cohort())

    def release_digest(self, assay: Assay) -> str:
        """For what pools an assay."""
        return rows_digest(self.rows.release(assay=assay))

    def freeze_digest(self, key: Wildcards, *, assay: Assay) -> str:
        """For a frozen model."""
        return rows_digest(self._freeze(key, assay))

    def matrix_digest(self, key: Wildcards, *, assay: Assay | None = None) -> str:
        """For a matrix."""
        return rows_digest(self._matrix(key, assay or key.assay))

    def question_digest(self, key: Wildcards) -> str:
        """For an answer."""
        return rows_digest(self.rows.question(self._cell(key)))

    def _freeze(self, key: Wildcards, assay: Assay) -> list[FreezeRow]:
        return self.rows.freeze(assay=assay, freeze=key.freeze, platform=key.platform)

    def _matrix(self, key: Wildcards, assay: Assay) -> list[MatrixRow]:
        return self.rows.matrix(assay=assay, tissue=key.tissue, timepoint=key.timepoint)

    def _cell(self, key: Wildcards) -> Cell:
        wanted = (key.question, key.assay, key.tissue)
        grid = cells(self.study)
        return next(cell for cell in grid if (cell.question, cell.assay, cell.tissue) == wanted)

    def _tables(self, release: str, some: Sequence[Cell]) -> list[str]:
        return [str(paths.table(release, cell.question, cell.assay, cell.tissue)) for cell in some]

    def _products(self, assay: Assay) -> list[str]:
        samples = [row.sample for row in self.rows.release(assay=assay)]
        models = sorted({self.frozen(sample, "model.npz") for sample in samples})
        return [*self._files("profile.npz", samples), *models]

    def _matrix_files(self, suffix: str, keys: Sequence[tuple[Assay, str, str]]) -> list[str]:
        files = [paths.matrix(self.release, *key).with_suffix(suffix) for key in keys]
        if suffix == ".h5ad":  # gene burdens lie beside genotypes
            files += [paths.burden(self.release, *key[1:]) for key in keys if key[0] == "variants"]
        return [str(path) for path in files]

    def _files(self, name: str, samples: Sequence[str]) -> list[str]:
        freeze = self.rows.placement.freeze
        return [str(paths.sample_folder(self.sample(s).assay, freeze[s], s) / name) for s in samples]
