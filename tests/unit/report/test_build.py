import base64
import re
import shutil
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from cohorts import Cohorts

from scleromyomics.cohort.tables import ATTRITION, attrition_rows
from scleromyomics.compare import families, gene_sets
from scleromyomics.compare.changes import PAIRED
from scleromyomics.compare.tested import BOUNDARY, MIXED
from scleromyomics.core.files import read_tsv, write_tsv
from scleromyomics.core.results import COLUMNS, schema_of, write_parquet, write_results
from scleromyomics.describe.profiles import describe, write_profiles
from scleromyomics.plan.config.analysis import Analysis
from scleromyomics.plan.protocol import Protocol
from scleromyomics.report.build import run
from scleromyomics.report.formats import probability
from scleromyomics.report.labels import KINDS

ROOT = Path(__file__).parents[3]
GENES = [
    "IFI44L",
    "RSAD2",
    "MX1",
    "COL1A1",
    "COMP",
    "CCL2",
    "SFRP4",
    "ISG15",
    "MYH3",
    "CXCL10",
    "STAT1",
    "XIST",
]
PEOPLE = 8  # per population
ANSWERED = [
    ("ssc_vs_control_d1", "pbmc"),
    ("ssc_vs_control_d1", "skin_healthy"),
    ("im_vs_control_d1", "pbmc"),
    ("im_vs_control_d1", "muscle"),
]


@pytest.fixture
def release(tmp_path, monkeypatch) -> "Release":
    made = Release(tmp_path / "a study" / "results" / "releases" / "W1", monkeypatch)
    made.write()
    return made


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """The report of the release as it is, for tests that only look."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = Release(tmp_path_factory.mktemp("study") / "results" / "releases" / "W1", monkeypatch)
        made.write()
        return made.build()


class Release:
    """The tables of a small release, as the other steps write them."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        text = (ROOT / "config" / "protocol.yaml").read_text(encoding="utf-8")
        self.protocol = Protocol.model_validate(yaml.safe_load(text))
        self.answered = ANSWERED
        self.with_quality = True
        self.analysis = Analysis()
        self.monkeypatch = monkeypatch
        self.index = folder / "report" / "index.html"

    def write(self):
        cohort = self.folder / "cohort"
        self._completeness(cohort / "completeness.tsv")
        self.attrition(small_cohort())
        self._profiles()
        self._eligibility(cohort / "eligibility.tsv")
        self.verdicts = self._verdicts(cohort / "verdicts.tsv")
        self._quality(cohort / "microarray_quality.tsv")
        held = [
            {"sample": "P401_D1_skin_sclerotic", "participant": "P401", "assay": "microarray",
             "tissue": "skin_sclerotic", "timepoint": "D1",
             "reason": "NUSE: found 1.31; allowed at most 1.1 times the freeze"},
        ]  # fmt: skip
        write_tsv(cohort / "held_back.tsv", list(held[0]), held)
        shutil.rmtree(self.folder / "compare", ignore_errors=True)
        self.gene_sets([])
        for question, tissue in self.answered:
            self.table(question, tissue)
        self.table("ssc_vs_control_y5", "pbmc", features=0)  # as a question that is skipped has it

    def build(self) -> str:
        loaded = SimpleNamespace(
            protocol=self.protocol,
            config=SimpleNamespace(analysis=self.analysis),
        )
        module = SimpleNamespace(cohort_study=lambda *_, **__: loaded)
        self.monkeypatch.setitem(sys.modules, "scleromyomics.plan.rows", module)
        cohort = self.folder / "cohort"
        tables = sorted(self.folder.glob("compare/*/*/*.parquet"))
        kinds = [f"{one.id}={one.kind}" for one in self.protocol.questions if one.sensitivity_of is None]
        families.run(kinds=kinds, tables=tables, families=self.folder / "compare" / "families.parquet")
        run(
            study=self.folder.parents[2],
            release="W1",
            rows="0123456789ab",
            completeness=cohort / "completeness.tsv",
            attrition=cohort / "attrition.tsv",
            eligibility=cohort / "eligibility.tsv",
            verdicts=cohort / "verdicts.tsv",
            held=cohort / "held_back.tsv",
            quality=[cohort / "microarray_quality.tsv"] if self.with_quality else [],
            profiles=sorted(self.folder.glob("describe/*/*.parquet")),
            tables=tables,
            families=self.folder / "compare" / "families.parquet",
            gene_sets=self.folder / "compare" / "gene_sets.parquet",
            index=self.index,
        )
        return self.index.read_text(encoding="utf-8")

    def table(self, question, tissue, features=400, rows=None, **changes):
        write_results(
            self.folder / "compare" / question / "microarray" / f"{tissue}.parquet",
            answer_columns(question, tissue, features) | changes,
            rows=features if rows is None else rows,
        )

    def answer(self, question, tissue, **changes):
        """One more answer; its verdict is CAUTION in PBMC, else RUN."""
        self.answered = [*self.answered, (question, tissue)]
        path = self.folder / "cohort" / "verdicts.tsv"
        self.verdicts = self._verdicts(path)
        self.table(question, tissue, **changes)

    def gene_sets(self, rows):
        schema = schema_of(gene_sets.COLUMNS)
        parts = [pa.Table.from_pylist(rows, schema=schema)] if rows else []
        write_parquet(self.folder / "compare" / "gene_sets.parquet", schema, parts)

    def attrition(self, cohorts):
        rows = attrition_rows(cohorts.study(release="W1"))
        write_tsv(self.folder / "cohort" / "attrition.tsv", ATTRITION, rows)

    def _profiles(self):
        values = np.random.default_rng(4).normal(8, 0.5, (8, 300))
        about = {"assay": "microarray", "unit": "log2 intensity", "batches": "B1;B2"}
        names = [f"{i:05}_at" for i in range(300)]
        parts = [
            about | {"tissue": "pbmc", "group": group, "timepoint": timepoint, "feature": names}
            | {"gene_symbol": names} | describe(values[:people])
            for group, timepoint, people in (("ssc", "D1", 8), ("ssc", "M12", 1), ("ssc_overlap", "D1", 2))
        ]  # fmt: skip
        write_profiles(self.folder / "describe" / "microarray" / "pbmc.parquet", parts)
        write_profiles(self.folder / "describe" / "microarray" / "muscle.parquet", [])

    def _completeness(self, path):
        rows = [
            expected_row(number, population.group, person, (assay, tissue, timepoint))
            for number, population in self.protocol.populations.items()
            for person in range(1, PEOPLE + 1)
            for tissue, times in population.tissues.items()
            for assay in ("microarray", "proteomics")
            if tissue in self.protocol.assays[assay].tissues
            for timepoint in times
        ]
        write_tsv(path, list(rows[0]), rows)

    def _eligibility(self, path):
        rows = [
            {
                "participant": f"P{number}{person:02}", "population": number, "criterion": criterion.id,
                "label": criterion.label, "value": "17.0" if (number, person) == (3, 2) else "",
                "outcome": "not_met" if (number, person, criterion.id) == (3, 2, "adult")
                else "unknown" if (person, criterion.id) == (5, "no_cancer") else "met",
            }
            for number in self.protocol.populations
            for person in range(1, PEOPLE + 1)
            for criterion in self.protocol.eligibility
            if number in criterion.populations
        ]  # fmt: skip
        write_tsv(path, list(rows[0]), rows)

    def _verdicts(self, path):
        rows = []
        for question in self.protocol.questions:
            for assay, measured in self.protocol.assays.items():
                for tissue in measured.tissues:
                    run_it = assay == "microarray" and (question.id, tissue) in self.answered
                    final = "SKIP" if not run_it else "CAUTION" if tissue == "pbmc" else "RUN"
                    rows.append(verdict_row(question, assay, tissue, final))
        write_tsv(path, list(rows[0]), rows)
        return rows

    def _quality(self, path):
        random = np.random.default_rng(3)
        rows = []
        for number, tissues in ((1, ("pbmc", "muscle")), (2, ("pbmc", "muscle")), (3, ("pbmc", "skin_healthy")),
                                (4, ("pbmc", "skin_healthy", "skin_sclerotic"))):  # fmt: skip
            for person in range(1, PEOPLE + 1):
                for tissue in tissues:
                    bad = (number, person, tissue) == (4, 1, "skin_sclerotic")
                    rows.append({
                        "sample": f"P{number}{person:02}_D1_{tissue}", "participant": f"P{number}{person:02}",
                        "tissue": tissue, "platform": "toy", "batch": f"B{1 + person % 2}", "wave": "W1", "held": bad,
                        "reasons": "NUSE: found 1.31; allowed at most 1.1 times the freeze" if bad else "",
                        "sex_call": "F" if person % 2 else "M", "rle_median": random.normal(0, 0.05),
                        "rle_iqr": abs(random.normal(0.4, 0.05)), "nuse": 1.31 if bad else random.normal(1, 0.02),
                        "scale": random.normal(0, 0.2), "degradation": None,
                    })  # fmt: skip
        write_tsv(path, list(rows[0]), rows)


def small_cohort(leavers=3):
    """Seven SSc participants, of whom the last `leavers` withdraw before 12 months."""
    cohorts = Cohorts()
    for number, name in enumerate(cohorts.people(4, 7)):
        cohorts.visit(name, "D1", mrss=10 + number, ild=number > 3)
        if number < 7 - leavers:
            cohorts.visit(name, "M12")
        else:
            cohorts.event(name, 100, "withdrawal")
    return cohorts


def expected_row(number, group, person, where):
    assay, tissue, timepoint = where
    lost = person == 8 and timepoint != "D1"
    received = (
        assay == "microarray" and not lost and (timepoint == "D1" or (timepoint == "M12" and person % 3 > 0))
    )
    return {
        "participant": f"P{number}{person:02}", "population": number, "group": group, "visit": timepoint.lower(),
        "timepoint": timepoint, "tissue": tissue, "assay": assay, "expected": not lost, "received": int(received),
        "status": "received" if received else "lost" if lost else "missing",
        "reason": "withdrawal on day 200" if lost else "",
    }  # fmt: skip


def verdict_row(question, assay, tissue, final):
    reasons = {
        "RUN": "",
        "CAUTION": "6 and 8 participants: only effects beyond 1.5 SD are detectable",
        "SKIP": "no sample of ssc at Y5",
    }
    counts = (8, 8, 16, 0) if final != "SKIP" else (0, 0, 0, 0)
    return {
        "question": question.id, "kind": question.kind, "title": question.title, "assay": assay, "tissue": tissue,
        "reference_tissue": "skin_healthy" if question.kind == "tissue" and tissue == "skin_sclerotic" else "",
        "cell_type": "", "planned": "RUN" if final == "CAUTION" else final, "final": final, "reason": reasons[final],
        **dict(zip(("n_case", "n_reference", "n_participants", "n_pairs"), counts, strict=True)),
        "remedy": "3 more participants per group" if final == "SKIP" else "",
    }  # fmt: skip


def answer_columns(question, tissue, features):
    random = np.random.default_rng(len(question) + len(tissue))
    genes = [GENES[i] if i < len(GENES) else f"NULL{i}" for i in range(features)]
    se = np.full(features, 0.2)
    estimate = random.normal(0, 0.2, features)
    estimate[:20] += random.choice([-1.0, 1.0], min(20, features))
    p_value = np.array([np.exp(-((e / s) ** 2) / 1.6) for e, s in zip(estimate, se, strict=True)])
    return dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "string"), "") | {
        "question": question, "contrast": "ssc - ssc_control at D1", "assay": "microarray", "tissue": tissue,
        "test": "abundance", "feature": [f"{i:05}_at" for i in range(features)], "gene_symbol": genes,
        "estimate": estimate, "se": se, "ci_low": estimate - 0.42, "ci_high": estimate + 0.42, "unit": "log2",
        "statistic": estimate / se, "df": 14.0, "p_value": p_value, "q_value": np.minimum(1, p_value * 20),
        "mde": 0.93,
        "n_samples": 16, "n_case": 8, "n_reference": 8, "n_participants": 16, "n_pairs": 0,
        "estimate_pairs": np.nan, "p_pairs": np.nan, "estimate_unadjusted": estimate + 0.05,
        "formula": "~ group + batch + age + sex", "method": "moderated linear model", "verdict": "RUN",
    }  # fmt: skip


class Reader(HTMLParser):
    """Checks that tags are closed in order, and collects what the page would load and where it points."""

    VOID = frozenset({"meta", "img", "input", "br", "line", "circle", "link"})

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.alternatives, self.text = [], [], [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []
        self.alternatives += [found.get("alt")] if tag == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


def section(page, name):
    """The words of one section."""
    text = page.split(f'<section id="{name}"')[1].split("</section>")[0]
    return " ".join(" ".join(Reader(f"<div {text}</div>").text).split())


def test_the_same_tables_give_the_same_bytes(release):
    first = release.build()
    release.index.unlink()
    assert release.build() == first


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(page):
    reader = Reader(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert reader.sources
    assert all(source.startswith("data:image/") for source in reader.sources)
    assert "http" not in re.sub(r"data:image/[^\"]*|http-equiv", "", page)
    assert "@import" not in page
    assert "url(" not in page


def test_every_figure_has_a_text_alternative(page):
    alternatives = Reader(page).alternatives
    assert len(alternatives) == len(ANSWERED) + 4
    assert all(len(text) > 40 for text in alternatives)


def test_every_verdict_has_its_row_with_word_reason_and_remedy(release):
    page = release.build()
    for verdict in ("RUN", "CAUTION", "SKIP"):
        wanted = sum(row["final"] == verdict and row["assay"] == "microarray" for row in release.verdicts)
        assert wanted
        assert page.count(f'data-verdict="{verdict}"') == wanted
    assert "6 and 8 participants: only effects beyond 1.5 SD are detectable" in page
    assert "Remedy: 3 more participants per group" in page
    assert "planned: RUN" in page


def test_text_of_the_study_cannot_become_markup(release):
    attack = '<script>alert("x")</script>'
    question = release.protocol.questions[0].model_copy(update={"title": attack})
    release.protocol = release.protocol.model_copy(
        update={"title": attack, "questions": [question, *release.protocol.questions[1:]]}
    )
    release.write()
    release.table("ssc_vs_control_d1", "pbmc", gene_symbol=attack, flag=attack, formula=attack, unit=attack)
    page = release.build()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(") > 30
    Reader(page)


def test_estimates_and_intervals_come_before_p(page):
    heads = re.search(r'<table class="features">.*?<thead>(.*?)</thead>', page, re.DOTALL)[1]
    words = re.findall(r">([^<>\n]+)<", heads)
    shown = ["Estimate", "95 % interval", "Unadjusted", "p", "q", "q_family"]
    assert sorted(shown, key=words.index) == shown
    text = " ".join(Reader(page).text)
    assert "significant" not in text.lower()
    assert "Exploratory" in text
    assert "not healthy people" in text


def test_an_answer_shows_its_top_features_and_where_the_rest_is(release):
    release.table("ssc_vs_control_d1", "pbmc", features=2000)
    page = release.build()
    article = page.split('id="answer-ssc_vs_control_d1-microarray-pbmc"')[1].split("</article>")[0]
    assert article.count('class="interval"') == 25
    assert "compare/ssc_vs_control_d1/microarray/pbmc.parquet</code>, 2,000 rows" in article
    assert "0.930 log2 (median over features)" in article
    assert "~ group + batch + age + sex" in article
    assert "<dd>8 vs 8</dd>" in article


def test_features_without_an_estimate_do_not_stop_the_report(release):
    nothing = np.full(400, np.nan)
    release.table("ssc_vs_control_d1", "pbmc", estimate=nothing, p_value=nothing, mde=nothing)
    assert "no feature could be tested" in release.build()


def test_a_p_value_of_zero_is_given_as_a_bound(release):
    release.table("ssc_vs_control_d1", "pbmc", p_value=np.zeros(400))
    assert "&lt; 1 × 10⁻³⁰⁰" in release.build()


def test_a_release_without_an_answer_still_has_a_report(release):
    release.answered = []
    release.write()
    page = release.build()
    assert "No question could be answered" in page
    assert "<article" not in page
    Reader(page)


def test_a_release_without_quality_measures_says_so(release):
    release.with_quality = False
    assert "No assay of this release has quality measures" in release.build()


def test_who_is_missing_and_who_is_not_eligible_is_named(page):
    text = " ".join(" ".join(Reader(page).text).split())
    assert "2 not due any more P408 at M12 (withdrawal on day 200)" in text
    assert "P302 3 Aged 18 or over 17.0 not met" in text
    assert "Participants who do not meet a criterion are left out of models and answers" in text
    assert (
        "No sample so far: Exome and whole genome, Mass spectrometry proteomics, Single-cell RNA sequencing"
        in text
    )


def test_who_is_seen_and_who_left_is_counted_per_visit(page):
    text = section(page, "attrition")
    head = "Expected Seen Missing Died Withdrew Lost Not due"
    assert head in text
    group = "Early diffuse cutaneous systemic sclerosis"
    assert f"{group} M12 4 4 0 0 3 0 0 {group} Y5 0 0 0 0 3 0 4" in text


def test_lost_participants_stand_beside_kept_ones_with_intervals(page):
    text = section(page, "attrition")
    assert "at M12: 4 kept, 3 lost" in text
    assert "Modified Rodnan skin score 11.5 (SD 1.29), n 4 15.0 (SD 1.00), n 3 2.49 SD 0.503 to 4.47" in text
    assert "Interstitial lung disease 0 of 4 (0 %) 3 of 3 (100 %) 100 points" in text
    assert "Creatine kinase" not in text  # nobody has a value
    assert "Overlap" not in text  # nobody has it


def test_two_lost_participants_are_not_compared(release):
    release.attrition(small_cohort(leavers=2))
    text = section(release.build(), "attrition")
    assert "5 kept, 2 lost" in text
    assert "Modified Rodnan skin score" not in text


def test_a_cohort_that_nobody_left_says_so(release):
    release.attrition(small_cohort(leavers=0))
    assert "Nobody was lost so far" in section(release.build(), "attrition")


def test_profiles_are_summed_up_with_where_they_are(page):
    text = section(page, "profiles")
    assert "describe/microarray/pbmc.parquet" in text
    assert "Participants, and the standard deviation between them in log2 intensity" in text
    group = "Early diffuse cutaneous systemic sclerosis"
    assert re.search(
        rf"{group} 8 SD 0\.4\d\d B1, B2 1 SD – B1, B2 {group}, with overlap 2 SD 0\.\d+ B1, B2 ·", text
    )
    assert "Not adjusted for batch" in text
    assert (
        "RNA chip Muscle describe/microarray/muscle.parquet Nobody of the analysis set was measured" in text
    )
    assert "_at" not in text


def answer_of(page, question, tissue):
    """The HTML of one answer."""
    return page.split(f'<article id="answer-{question}-microarray-{tissue}"')[1].split("</article>")[0]


def words_of(html):
    return " ".join(" ".join(Reader(f"<div>{html}</div>").text).split())


def heads_of(html, table="features"):
    head = re.search(rf'<table class="{table}">.*?<thead>(.*?)</thead>', html, re.DOTALL)[1]
    return [text for text in re.findall(r">([^<>\n]+)<", head) if text.strip()]


def two_slopes(release):
    """An answer with two contrasts: 100 features between participants, 60 within, in one file sorted by p."""
    name = np.where(np.arange(160) < 100, "mrss: between participants", "mrss: within participants")
    features = [f"{i % 100:05}_at" for i in range(160)]
    methods = np.where(np.arange(160) < 100, MIXED, "moderated linear model (Smyth 2004)")
    release.answer(
        "ssc_mrss_visits", "pbmc", features=160, contrast=name, feature=features, method=methods,
        n_samples=np.where(np.arange(160) < 100, 24, 12), unit="log2 per point of mrss",
    )  # fmt: skip


def test_two_contrasts_of_one_table_are_shown_apart_each_with_its_counts(release):
    two_slopes(release)
    page = release.build()
    article = answer_of(page, "ssc_mrss_visits", "pbmc")
    assert article.count("<img") == 2
    assert article.count('<table class="features">') == 2
    between, within = article.split("<h5 ")[1:]
    assert "Modified Rodnan skin score: between participants" in between
    assert "<dd>100</dd>" in between
    assert "<dd>24</dd>" in between
    assert "Modified Rodnan skin score: within participants" in within
    assert "<dd>60</dd>" in within
    assert "<dd>12</dd>" in within
    assert "the same participant&#39;s Modified Rodnan skin score is higher" in within
    for number in (1, 2):
        assert page.count(f'href="#answer-ssc_mrss_visits-microarray-pbmc-{number}"') == 1
        assert page.count(f'id="answer-ssc_mrss_visits-microarray-pbmc-{number}"') == 1


def test_axis_and_column_heads_follow_the_unit(release):
    release.answer("im_ck", "muscle", unit="log2 per doubling of ck")
    article = answer_of(release.build(), "im_ck", "muscle")
    heads = heads_of(article)
    assert heads[heads.index("Estimate") + 1] == "log2 per doubling of ck"
    assert "An estimate of 1 means twice as much per doubling of ck, of −1 half as much." in article
    drawing = base64.b64decode(re.search(r"base64,([^\"]+)", article)[1]).decode()
    assert "<!-- Estimate (log2 per doubling of ck) -->" in drawing
    assert "0.930 log2 per doubling of ck either way" in article


def test_odds_are_read_as_odds(release):
    release.answer("ssc_mrss_biopsy_site", "skin_sclerotic", unit="log odds per log2", flag="separated")
    article = answer_of(release.build(), "ssc_mrss_biopsy_site", "skin_sclerotic")
    assert "An estimate of 0.69 means twice the odds of a higher level per doubling of the feature" in article
    assert "In 400 of 400 features the feature puts the levels in complete order" in article


def test_a_mixed_model_shows_the_complete_pairs_beside_it_and_counts_the_flags(release):
    flags = [""] * 400
    flags[0:5] = [f"{BOUNDARY}; complete pairs have the opposite sign"] * 5
    flags[5:12] = ["complete pairs differ by more than a standard error"] * 7
    release.answer(
        "ssc_change_d1_m12", "pbmc", method=MIXED, estimate_pairs=0.123, p_pairs=0.0456, n_pairs=6, n_case=8,
        n_reference=0, n_participants=8, flag=flags, estimate_unadjusted=np.nan,
    )  # fmt: skip
    article = answer_of(release.build(), "ssc_change_d1_m12", "pbmc")
    heads = heads_of(article)
    assert heads.index("Estimate") < heads.index("Complete pairs") < heads.index("p")
    assert "Unadjusted" not in heads_of(article)
    assert article.count('<td class="n">0.123<br><small>0.0456</small></td>') == 25
    assert "Mixed model of 6 complete pairs and 2 single profiles." in article
    assert "In 12 of 400 features the complete pairs alone disagree (in 5 with the opposite sign" in article
    assert "In 5 of 400 features the model found no variance between participants" in article
    assert "<dd>8 (6 complete pairs)</dd>" in article


def test_paired_differences_are_their_own_complete_pairs(release):
    same = answer_columns("ssc_change_d1_m12", "pbmc", 400)["estimate"]
    release.answer("ssc_change_d1_m12", "pbmc", method=PAIRED, estimate_pairs=same, p_pairs=0.5, n_pairs=8)
    article = answer_of(release.build(), "ssc_change_d1_m12", "pbmc")
    assert "Paired differences: 8 participants, all with both profiles" in article
    assert "Complete pairs" not in heads_of(article)


def test_features_that_could_not_be_tested_are_counted_with_their_reason(release):
    holes = answer_columns("ssc_vs_control_d1", "pbmc", 400)
    for name in ("estimate", "p_value"):
        holes[name][:3] = np.nan
    flags = ["constant", "constant", "not measured", *[""] * 397]
    release.table(
        "ssc_vs_control_d1", "pbmc", **{name: holes[name] for name in ("estimate", "p_value")}, flag=flags
    )
    assert "3 features could not be tested (2 constant, 1 not measured)" in release.build()


def test_q_family_is_that_of_the_families(release):
    page = release.build()
    found = pq.read_table(release.folder / "compare" / "families.parquet").to_pylist()
    mine = [row for row in found if (row["question"], row["tissue"]) == ("im_vs_control_d1", "muscle")]
    article = answer_of(page, "im_vs_control_d1", "muscle")
    shown = re.findall(r'<td class="n">([^<]*)</td></tr>', article)[:25]
    assert shown == [probability(row["q_family"]) for row in mine[:25]]
    called = sum(row["q_family"] <= 0.05 for row in mine)
    assert f"{called} with q_family up to 0.05" in article


def test_families_are_explained_with_their_tables_counted(release):
    two_slopes(release)
    text = section(release.build(), "answers")
    found = pq.read_table(release.folder / "compare" / "families.parquet").to_pylist()
    assert "searched as one family" in text
    for family, heading, tables in (("between", "Groups", 4), ("association", "Clinical measures", 2)):
        rows = [row for row in found if row["family"] == f"{family}__microarray"]
        selected = {(row["question"], row["contrast"], row["tissue"]) for row in rows if row["selected"]}
        called = sum(row["q_family"] <= 0.05 for row in rows)
        assert f"{heading} RNA chip {tables} {len(selected)} {called}" in text


def set_row(number, p_value, **changes):
    return {
        "question": "ssc_vs_control_d1", "contrast": "ssc - ssc_control at D1", "assay": "microarray",
        "tissue": "pbmc", "cell_type": "", "test": "abundance", "gene_set": f"a_set_{number}", "source": "",
        "n_genes": 400, "n_in_set": 10 + number, "direction": "up", "estimate": 1.0, "p_value": p_value,
        "q_value": p_value, "correlation": 0.125, "correlation_df": 12, "genes": "A;B;C;D;E;F;G;H",
        "flag": "" if p_value else "too few",
    } | changes  # fmt: skip


def test_gene_sets_with_the_smallest_p_stand_in_their_answer(release):
    release.gene_sets([set_row(n, p) for n, p in enumerate((0.5, 0.01, None, 0.3, 0.02, 0.9, 0.04, None))])
    page = release.build()
    article = answer_of(page, "ssc_vs_control_d1", "pbmc")
    assert re.findall(r"a set \d", article) == [f"a set {n}" for n in (1, 4, 6, 3, 0)]
    assert "A, B, C, D, E, F and 2 more" in article
    assert "Correlation" in heads_of(article, "sets")
    assert "Gene sets without a p-value: 2 sets: too few." in article
    assert "a set" not in answer_of(page, "ssc_vs_control_d1", "skin_healthy")


def test_gene_sets_without_any_p_are_ordered_by_their_estimate(release):
    release.gene_sets([set_row(n, None, estimate=e) for n, e in enumerate((0.1, -0.9, 0.5))])
    article = answer_of(release.build(), "ssc_vs_control_d1", "pbmc")
    assert re.findall(r"a set \d", article) == ["a set 1", "a set 2", "a set 0"]
    assert "that move most; none has a p" in article


def test_a_sensitivity_is_shown_in_the_answer_that_it_checks(release):
    release.answer("ssc_systemic_complication", "pbmc")
    estimate = answer_columns("ssc_systemic_complication", "pbmc", 400)["estimate"]
    release.answer("ssc_systemic_complication_recent", "pbmc", estimate=-estimate)
    page = release.build()
    assert '<article id="answer-ssc_systemic_complication_recent' not in page
    article = answer_of(page, "ssc_systemic_complication", "pbmc")
    check = article.split('<div class="check"')[1]
    assert "SSc at a systemic complication vs the last profile before it" in check
    assert "have an estimate of the same sign here" in check
    assert "q_family" in heads_of(article)
    assert "q_family" not in heads_of(check)
    assert 'href="#answer-ssc_systemic_complication_recent-microarray-pbmc"' in page
    assert "Events and treatments <small>(1)</small>" in page


def test_a_sensitivity_of_a_question_without_an_answer_says_what_it_checks(release):
    release.answer("ssc_systemic_complication_recent", "pbmc")
    article = answer_of(release.build(), "ssc_systemic_complication_recent", "pbmc")
    assert (
        "Only checks “SSc at a systemic complication vs its initial profile”, which has no answer here"
        in article
    )


def test_every_reservation_of_the_verdict_stands_in_the_answer_with_names_for_keys(release):
    path = release.folder / "cohort" / "verdicts.tsv"
    rows = read_tsv(path)
    reason = (
        "uncontrolled: no SSc without the event; overlaps with corticosteroid in 2; 10 skin_healthy samples"
    )
    for row in rows:
        if (row["question"], row["tissue"], row["assay"]) == ("ssc_vs_control_d1", "pbmc", "microarray"):
            row["reason"] = reason
    write_tsv(path, list(rows[0]), rows)
    article = answer_of(release.build(), "ssc_vs_control_d1", "pbmc")
    reasons = re.findall(r"<li>(.*?)</li>", article.split('class="reasons"')[1].split("</ul>")[0])
    assert reasons == reason.replace("skin_healthy", "healthy skin").split("; ")


def test_the_index_has_a_line_per_table_in_the_order_of_kinds(release):
    two_slopes(release)
    release.answer("ssc_sclerotic_vs_healthy_skin", "skin_sclerotic")
    page = release.build()
    index = page.split('<table class="index">')[1].split("</table>")[0]
    heads = ["Groups", "Tissues", "Clinical measures"]
    assert re.findall(r'href="#answers-\w+">([^<]+)<', index) == heads
    assert index.count('<tr><th scope="row">') == 4 + 2 + 1
    tables = [
        pq.read_table(path) for path in release.folder.glob("compare/im_vs_control_d1/*/muscle.parquet")
    ]
    q_value = tables[0]["q_value"].to_numpy()
    start = index.rindex("<tr>", 0, index.index("#answer-im_vs_control_d1-microarray-muscle"))
    line = words_of(index[start : index.index("</tr>", start)] + "</tr>")
    assert line.startswith("Myositis vs its control at inclusion Muscle RUN 8 vs 8")
    assert f"{probability(q_value.min())} {(q_value <= 0.05).sum()} " in line


def test_the_overview_counts_answers_without_their_checks(release):
    release.answer("ssc_systemic_complication", "pbmc")
    release.answer("ssc_systemic_complication_recent", "pbmc")
    text = section(release.build(), "glance")
    assert "Answers 5 in 5 tables; exploratory" in text


def test_assays_without_samples_take_one_line_of_the_verdicts(release):
    page = release.build()
    count = sum(row["assay"] == "scrna" for row in release.verdicts)
    text = section(page, "verdicts")
    assert f"Single-cell RNA sequencing : no samples: {count} questions (each in a tissue) skipped" in text
    assert 'data-assay="Single-cell RNA sequencing"' not in page
    skipped = sum(row["assay"] != "microarray" for row in release.verdicts)
    assert f"{skipped} of them are in assays without a sample" in section(page, "glance")


def test_verdicts_are_grouped_by_kind_and_the_filter_knows_it(page):
    table = page.split('<table class="verdicts">')[1].split("</table>")[0]
    kinds = re.findall(r'<tbody class="kind" data-kind="([^"]+)">', table)
    assert kinds == [one.heading.replace("'", "&#39;") for one in KINDS.values()]
    for part in table.split('<tbody class="kind"')[1:]:
        kind = re.match(r' data-kind="([^"]+)"', part)[1]
        assert set(re.findall(r'data-kind="([^"]+)" data-assay', part)) == {kind}
    columns = set(re.findall(r'select data-column="(\w+)"', page))
    row = re.search(r"<tr data-verdict[^>]*>", table)[0]
    assert all(f"data-{column}=" in row for column in columns)


def test_ineligible_participants_kept_by_the_configuration_are_said_to_be(release):
    release.analysis = Analysis(keep_ineligible=True)
    text = " ".join(" ".join(Reader(release.build()).text).split())
    assert "Participants who do not meet a criterion are kept in models and answers" in text
    assert "This is the configuration's choice" in text


def test_samples_beyond_the_schedule_are_counted_apart(release):
    path = release.folder / "cohort" / "completeness.tsv"
    rows = read_tsv(path)
    event = {"visit": "v9", "timepoint": "EVENT", "tissue": "pbmc", "expected": False, "received": 2}
    wrong = {"visit": "d1", "timepoint": "D1", "tissue": "muscle", "expected": False, "received": 1}
    reason = "the protocol takes no muscle from population 4"
    last = {**rows[-1], "assay": "microarray", "reason": ""}
    rows += [last | event | {"status": "received"}, last | wrong | {"status": "unexpected", "reason": reason}]
    write_tsv(path, list(last), rows)
    text = " ".join(" ".join(Reader(release.build()).text).split())
    assert "Early diffuse cutaneous systemic sclerosis PBMC 8/8 5/7 0/7 +1" in text
    assert f"1 received that the protocol does not ask for Muscle of P408 at D1 ({reason})" in text
    assert "RNA chip PBMC 32 20 0 2" in text


def test_held_back_arrays_are_named_with_their_reason(page):
    assert "held back: P401_D1_skin_sclerotic." in page
    assert "NUSE: found 1.31; allowed at most 1.1 times the freeze" in page


def test_no_path_of_the_machine_is_shown(release):
    assert str(release.folder.parents[2]) not in release.build()


def test_twelve_answers_of_ordinary_size_take_less_than_eight_seconds(release):
    for question, tissue in [
        (q.id, t) for q in release.protocol.questions[:6] for t in ("pbmc", "skin_healthy")
    ]:
        release.answered = [*release.answered, (question, tissue)]
    release.write()
    for question, tissue in release.answered:
        release.table(question, tissue, features=20_000)
    start = time.process_time()
    page = release.build()
    assert page.count("<article") >= 12
    assert len(page) < 1_000_000 + 150_000 * page.count("<article")
    assert time.process_time() - start < 8


def test_the_words_of_flags_are_those_of_the_answers():
    from scleromyomics.compare import associations, changes, tested
    from scleromyomics.report import answers

    assert (answers.OPPOSITE, answers.SEPARATED) == (changes.OPPOSITE, associations.SEPARATED)
    assert (answers.BOUNDARY, answers.MISSING) == (tested.BOUNDARY, tested.MISSING)
    assert changes.DISAGREE.startswith(answers.DISAGREE)
