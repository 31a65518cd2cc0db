"""What `scleromyomics check` does: find every fault of a study, then say what its data can answer.

Nothing is computed and nothing but the tables of results/cohort is written.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scleromyomics.cohort.tables import table_rows, write_tables
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.plan.paths import RESULTS, sample_folder
from scleromyomics.plan.placement import place
from scleromyomics.plan.study import Study, load_study


def check(directory: Path) -> None:
    """Check a study, write its cohort tables and print what they come to.

    Raises:
        InputError: with all faults of the sheets and raw files, a line each.
    """
    study = load_study(directory, files=True)
    warn(study)
    changed = sorted(changed_raw_files(study))
    if changed:
        raise InputError("\n".join(changed))
    tables = table_rows(study)
    folder = directory / RESULTS / "cohort"
    write_tables(
        tables,
        completeness=folder / "completeness.tsv",
        eligibility=folder / "eligibility.tsv",
        planned=folder / "verdicts.tsv",
    )
    print("\n".join(summary(study, tables)))


def warn(study: Study) -> None:
    """Show what is unusual about a study, but no fault, on standard error."""
    for fault in study.warnings:
        print(f"warning: {fault}", file=sys.stderr)


def changed_raw_files(study: Study) -> Iterator[str]:
    """One line per raw file that is no longer what its receipt says.

    A file is hashed only where it is newer than its receipt, or of another size. Files that were moved away
    after they were processed are no fault, and refused files may be replaced.
    """
    placed = place(study.cohort, study.config, release=study.release).freeze
    for name, freeze in placed.items():
        sample = study.cohort.samples[name]
        raw = study.directory / sample.paths[0]
        path = study.directory / sample_folder(sample.assay, freeze, name) / "raw.receipt.json"
        if not path.is_file() or not raw.is_file():
            continue
        receipt = read_json(path)
        same_size = raw.stat().st_size == receipt["size"]
        untouched = same_size and raw.stat().st_mtime <= path.stat().st_mtime
        if receipt["status"] == "accepted" and not untouched and sha256(raw) != receipt["sha256"]:
            yield (
                f"{sample.paths[0]}: no longer the file that was processed as sample {name}; put the old one"
                f" back, or delete {path.relative_to(study.directory)} to process the new one"
            )


def summary(study: Study, tables: list[list[dict[str, object]]]) -> Iterator[str]:
    """What the tables of `cohort.tables` come to, in lines."""
    completeness, eligibility, verdicts = tables
    found = study.released
    yield (
        f"{len(found.participants)} participants, {len(found.visits)} visits,"
        f" {len(found.samples)} samples up to {study.release}; {len(study.warnings)} warnings"
    )
    status = Counter(row["status"] for row in completeness)
    yield "samples: " + ", ".join(f"{count} {what}" for what, count in sorted(status.items()))
    outcome = Counter(row["outcome"] for row in eligibility)
    yield "eligibility criteria: " + ", ".join(f"{count} {what}" for what, count in sorted(outcome.items()))
    yield ""
    yield f"{'assay':12}{'RUN':>6}{'CAUTION':>9}{'SKIP':>6}   (questions x tissues, from the sheets alone)"
    for assay in sorted({str(row["assay"]) for row in verdicts}):
        planned = Counter(row["planned"] for row in verdicts if row["assay"] == assay)
        yield f"{assay:12}{planned['RUN']:>6}{planned['CAUTION']:>9}{planned['SKIP']:>6}"
    yield ""
    yield f"Each verdict with its reason: {study.directory / RESULTS / 'cohort' / 'verdicts.tsv'}"
