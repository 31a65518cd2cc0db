"""Write the report of a release: one HTML file that needs nothing else, for anyone with a browser.

It shows what the release's tables say, without computing anything anew: who is in the cohort, what arrived and who
was lost, which questions the data can answer, chip quality, and each answer with estimates and 95 % intervals first.
The page is static: styles and figures are in it, nothing is loaded, and the same tables give the same bytes.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import read_tsv, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from scleromyomics.plan.config.analysis import Analysis
    from scleromyomics.plan.protocol import Protocol
    from scleromyomics.report.views import Answer, Columns, Labels, Row

PROFILES = ("group", "timepoint", "n_participants", "sd", "unit", "batches")  # columns that are shown
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The tables of a release, read."""

    release: str
    completeness: "Sequence[Row]"
    attrition: "Sequence[Row]"
    eligibility: "Sequence[Row]"
    verdicts: "Sequence[Row]"
    held: "Sequence[Row]"
    quality: "dict[str, Sequence[Row]]"  # by assay
    profiles: "dict[tuple[str, str], tuple[str, Columns]]"  # assay, tissue: path in the release, columns
    tables: "dict[tuple[str, str, str], tuple[str, Columns]]"  # question, assay, tissue: path in the release, columns


def page(protocol: "Protocol", analysis: "Analysis", sources: Sources) -> str:
    """The report as HTML.

    Args:
        protocol: the study's words for groups, assays and questions.
        analysis: who counts.
        sources: the tables of the release.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from scleromyomics.report import views
    from scleromyomics.report.formats import number
    from scleromyomics.stats.power import ALPHA, POWER

    labels = views.Labels(protocol)
    answers = _answers(sources, labels)
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("index.html").render(
        title=protocol.title,
        release=sources.release,
        glance=views.glance(
            sources.completeness, sources.eligibility, sources.verdicts, sources.held, labels
        ),
        completeness=views.completeness_tables(sources.completeness, labels),
        unmeasured=views.unmeasured(sources.completeness, labels),
        attrition=views.attrition_view(sources.attrition, labels),
        eligibility=views.eligibility_tables(sources.eligibility),
        analysis=analysis,
        held=[{**row, "place": labels.tissue(row["tissue"])} for row in sources.held],
        verdicts=views.verdict_groups(sources.verdicts, [answer.anchor for answer in answers], labels),
        quality=[views.quality_view(assay, rows, labels) for assay, rows in sources.quality.items()],
        profiles=[
            views.profiles_view(assay, tissue, columns, path, labels)
            for (assay, tissue), (path, columns) in sources.profiles.items()
        ],
        answers=answers,
        interval_width=views.INTERVAL_WIDTH,
        alpha=number(ALPHA),
        power=f"{POWER:.0%}",
    )


def _answers(sources: Sources, labels: "Labels") -> "list[Answer]":
    """Answers in the order of the verdicts within the order of the question library."""
    from scleromyomics.report.views import answer

    answers = []
    for row in sorted(sources.verdicts, key=lambda row: labels.order.get(row["question"], len(labels.order))):
        path, columns = sources.tables.get((row["question"], row["assay"], row["tissue"]), ("", {}))
        if columns and len(columns["feature"]):
            answers.append(answer(row, columns, path, labels))
    return answers


def _read_table(path: Path) -> "Columns":
    from scleromyomics.core.results import read_results

    return _columns(read_results(path))


def _read_profiles(path: Path) -> "Columns":
    from scleromyomics.describe.profiles import read_profiles

    return _columns(read_profiles(path).select(PROFILES))


def _columns(table: "pa.Table") -> "Columns":
    return {name: table[name].to_numpy() for name in table.column_names}


def run(
    *,
    study: Path,
    release: str,
    rows: str,
    completeness: Path,
    attrition: Path,
    eligibility: Path,
    verdicts: Path,
    held: Path,
    quality: list[Path] | None = None,
    profiles: list[Path] | None = None,
    tables: list[Path] | None = None,
    index: Path,
) -> None:
    """Write a release's report.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        completeness: what was expected and received (TSV).
        attrition: who is seen at each visit, and lost against kept participants (TSV).
        eligibility: outcome per participant and criterion (TSV).
        verdicts: which questions the data can answer (TSV).
        held: samples held back (TSV).
        quality: quality tables, named `<assay>_quality.tsv`.
        profiles: mean and spread per group, at `<assay>/<tissue>.parquet`.
        tables: result tables, at `<question>/<assay>/<tissue>.parquet`.
        index: where to write the report (HTML).
    """
    from scleromyomics.plan.rows import cohort_study

    loaded = cohort_study(study, release=release, expected=rows)
    sources = Sources(
        release=release,
        completeness=read_tsv(completeness),
        attrition=read_tsv(attrition),
        eligibility=read_tsv(eligibility),
        verdicts=read_tsv(verdicts),
        held=read_tsv(held),
        quality={path.stem.removesuffix("_quality"): read_tsv(path) for path in quality or []},
        profiles={
            (path.parts[-2], path.stem): (_shown(path, index), _read_profiles(path))
            for path in profiles or []
        },
        tables={
            (path.parts[-3], path.parts[-2], path.stem): (_shown(path, index), _read_table(path))
            for path in tables or []
        },
    )
    write_text(index, page(loaded.protocol, loaded.config.analysis, sources))


def _shown(path: Path, index: Path) -> str:
    """A path as the report gives it: within the release."""
    return Path(os.path.relpath(path, index.parent.parent)).as_posix()


if __name__ == "__main__":
    entry_point(run)
