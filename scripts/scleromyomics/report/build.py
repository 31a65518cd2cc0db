"""Write the report of a release: one HTML file that needs nothing else, for anyone with a browser.

It shows what the release's tables say, without computing anything anew: who is in the cohort, what arrived and who
was lost, which questions the data can answer, chip quality, and each answer with estimates and 95 % intervals first.
The page is static: styles and figures are in it, nothing is loaded, and the same tables give the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import read_tsv, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scleromyomics.plan.config.analysis import Analysis
    from scleromyomics.plan.protocol import Protocol
    from scleromyomics.report.answers import Results
    from scleromyomics.report.labels import Columns, Row

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
    results: "Results"


def page(protocol: "Protocol", analysis: "Analysis", sources: Sources) -> str:
    """The report as HTML.

    Args:
        protocol: the study's words for groups, assays and questions.
        analysis: who counts.
        sources: the tables of the release.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from scleromyomics.compare.families import LEVEL
    from scleromyomics.report import answers, views
    from scleromyomics.report.formats import number
    from scleromyomics.report.labels import Labels
    from scleromyomics.stats.power import ALPHA, POWER

    labels = Labels(protocol)
    found = answers.answers(sources.verdicts, sources.results, labels)
    anchors = {
        (one.verdict["question"], one.verdict["assay"], one.verdict["tissue"]): one.anchor
        for one in answers.every(found)
    }
    unmeasured = views.unmeasured(sources.completeness, labels)
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
        unmeasured=unmeasured,
        attrition=views.attrition_view(sources.attrition, labels),
        eligibility=views.eligibility_tables(sources.eligibility),
        analysis=analysis,
        held=[{**row, "place": labels.tissue(row["tissue"])} for row in sources.held],
        verdicts=views.verdict_kinds(sources.verdicts, anchors, unmeasured, labels),
        quality=[views.quality_view(assay, rows, labels) for assay, rows in sources.quality.items()],
        profiles=[
            views.profiles_view(assay, tissue, columns, path, labels)
            for (assay, tissue), (path, columns) in sources.profiles.items()
        ],
        sections=answers.sections(found),
        summary=answers.summary(found),
        families=answers.families(sources.results.families, labels),
        germline=any(row["assay"] == "variants" and row["received"] != "0" for row in sources.completeness),
        several_assays=len({one.assay for one in found}) > 1,
        level=LEVEL,
        interval_width=answers.INTERVAL_WIDTH,
        alpha=number(ALPHA),
        power=f"{POWER:.0%}",
    )


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
    families: Path,
    gene_sets: Path,
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
        tables: result tables (Parquet).
        families: the false discovery rate over all tables (Parquet).
        gene_sets: the gene sets that move in each table (Parquet).
        index: where to write the report (HTML).
    """
    from scleromyomics.plan.rows import cohort_study
    from scleromyomics.report.answers import TOP, Results
    from scleromyomics.report.read import read_answers, read_families, read_gene_sets, read_profiles

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
            (path.parts[-2], path.stem): (f"describe/{path.parts[-2]}/{path.name}", read_profiles(path))
            for path in profiles or []
        },
        results=Results(
            tables=read_answers(tables or []),
            families=read_families(families, first=TOP),
            gene_sets=read_gene_sets(gene_sets),
        ),
    )
    write_text(index, page(loaded.protocol, loaded.config.analysis, sources))


if __name__ == "__main__":
    entry_point(run)
