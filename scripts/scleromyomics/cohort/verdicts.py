"""The verdict on every question once quality has spoken, and every sample that is held back with its reason.

Questions are judged as they were planned (`plan.verdicts`), without the samples that quality, a refused raw
file or the configuration hold back. Counts and reasons are those of the final verdict.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scleromyomics.cohort.tables import CELL, COUNTS, planned_rows
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_tsv, write_tsv
from scleromyomics.plan.cohort import Cohort

VERDICTS = (*CELL, "planned", "final", "reason", *COUNTS, "remedy")
HELD = ("sample", "participant", "assay", "tissue", "timepoint", "reason")


def held_by_quality(tables: Iterable[Path]) -> dict[str, str]:
    """Why quality holds samples back, by sample.

    Args:
        tables: quality tables (TSV with `sample`, `held`, `reasons`) of any assays.
    """
    rows = [row for table in tables for row in read_tsv(table)]
    return {row["sample"]: row["reasons"] for row in rows if row["held"] == "true"}


def held_rows(cohort: Cohort, held: Mapping[str, str]) -> list[dict[str, object]]:
    """The rows of held_back.tsv, sorted by sample.

    Raises:
        InputError: if a sample is not in the cohort.
    """
    unknown = sorted(held.keys() - cohort.samples.keys())
    if unknown:
        raise InputError(f"quality tables: sample {unknown[0]!r} is not in this release; build them again")
    return [
        {
            **{
                name: getattr(cohort.samples[sample], name)
                for name in ("sample", "participant", "assay", "tissue")
            },
            "timepoint": cohort.visit_of(cohort.samples[sample]).timepoint,
            "reason": held[sample],
        }
        for sample in sorted(held)
    ]


def verdict_rows(
    planned: Sequence[Mapping[str, object]], final: Sequence[Mapping[str, object]]
) -> list[dict[str, object]]:
    """The rows of verdicts.tsv: what was found in the end, beside what was planned.

    Args:
        planned: rows of planned.tsv.
        final: the same cells in the same order, judged again.
    """
    return [
        {**after, "planned": before["planned"], "final": after["planned"]}
        for before, after in zip(planned, final, strict=True)
    ]


def run(
    *, study: Path, release: str, rows: str, verdicts: Path, held: Path, quality: list[Path] | None = None
) -> None:
    """Write the final verdicts and the samples held back.

    Args:
        study: the study directory.
        release: the wave up to which samples count.
        rows: digest of the sheets' rows that the job was planned with.
        verdicts: where to write the verdicts (TSV).
        held: where to write the samples held back (TSV).
        quality: the quality table of each assay that has samples.
    """
    from scleromyomics.plan.placement import place
    from scleromyomics.plan.rows import cohort_study
    from scleromyomics.plan.verdicts import final_verdicts, planned_verdicts

    read = cohort_study(study, release=release, expected=rows)
    by_quality = held_by_quality(quality or [])
    by_plan = place(read.cohort, read.config, release=read.release).held
    refused = held_rows(read.released, {**by_quality, **by_plan})
    planned = planned_verdicts(read)
    final = final_verdicts(planned, read, by_quality)
    write_tsv(verdicts, VERDICTS, verdict_rows(planned_rows(planned), planned_rows(final)))
    write_tsv(held, HELD, refused)


if __name__ == "__main__":
    entry_point(run)
