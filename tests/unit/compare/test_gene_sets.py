"""From result tables to enriched gene sets."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scleromyomics.compare.gene_sets import COLUMNS, FEWEST, LEADING, enrich, gene_scores, run
from scleromyomics.compare.residuals import FEWEST_DF, Residuals
from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.core.results import COLUMNS as RESULT_COLUMNS
from scleromyomics.core.results import write_results
from scleromyomics.plan.gene_sets import GeneSet, read_gene_sets

EMPTY = {"string": "", "int32": 0, "double": np.nan}
INTERFERON = next(one for one in read_gene_sets([]) if one.name == "type_1_interferon")


def result(path, *, statistic, gene_symbol, question="first", **more):
    columns = {name: EMPTY[kind] for name, kind in RESULT_COLUMNS.items()} | {
        "question": question,
        "contrast": "a - b",
        "assay": "microarray",
        "tissue": "pbmc",
        "test": "abundance",
        "feature": [f"f{number}" for number in range(len(statistic))],
        "gene_symbol": gene_symbol,
        "statistic": statistic,
        "df": 20.0,
        "p_value": 0.5,
    }
    write_results(path, columns | more, rows=len(statistic))
    return path


def found(tmp_path, tables, gmt=None, within=None):
    matrices = sorted(tmp_path.glob("*.h5ad"))
    run(tables=tables, matrices=matrices, gmt=gmt, within=within, gene_sets=tmp_path / "gene_sets.parquet")
    return pq.read_table(tmp_path / "gene_sets.parquet").to_pandas()


def noise(genes, df=20):
    """Residuals of genes that do not correlate."""
    values = np.random.default_rng(4).normal(size=(len(genes), 40))
    return Residuals(np.sort(genes), values / np.linalg.norm(values, axis=1, keepdims=True), df)


@pytest.fixture
def interferon(tmp_path, matrix_of):
    """A table of 2,000 genes in which those of interferon rise.

    They correlate in the matrices of 20 participants: by 0.3 between participants, not at all within them.
    """
    symbols = [*INTERFERON.genes, *(f"G{number}" for number in range(2000))]
    rng = np.random.default_rng(6)
    own = rng.normal(size=(20, len(symbols)))
    own[:, : len(INTERFERON.genes)] += rng.normal(size=(20, 1))
    people = [{"participant": f"P{number:02d}"} for number in range(20)]
    for timepoint in ("D1", "M12"):
        X = own + 0.6 * rng.normal(size=own.shape)
        schema.write(matrix_of(people, X, symbols, timepoint=timepoint), tmp_path / f"{timepoint}.h5ad")
    statistic = np.random.default_rng(1).normal(size=len(symbols))
    statistic[: len(INTERFERON.genes)] += 2
    return result(tmp_path / "a", statistic=statistic, gene_symbol=symbols)


def test_a_planted_set_is_found_with_the_genes_that_lead(tmp_path, interferon):
    rows = found(tmp_path, [interferon]).set_index("gene_set")
    row = rows.loc["type_1_interferon"]
    assert (row["direction"], row["flag"], row["n_in_set"]) == ("up", "", len(INTERFERON.genes))
    assert row["estimate"] == pytest.approx(2, abs=0.7)
    assert row["q_value"] < 0.05
    assert row["correlation"] == pytest.approx(1 / 2.36, abs=0.2)
    assert row["correlation_df"] == 19
    assert "doi:" in row["source"]
    assert set(row["genes"].split(";")) <= set(INTERFERON.genes)


def test_within_participants_the_correlation_is_that_of_deviations(tmp_path, interferon):
    between, within = (
        found(tmp_path, [interferon], within=one).set_index("gene_set") for one in (None, ["first"])
    )
    name = "type_1_interferon"
    assert between.loc[name, "correlation"] > 0.2
    assert within.loc[name, "correlation"] < 0.1
    assert within.loc[name, "p_value"] < between.loc[name, "p_value"]
    assert within.loc[name, "estimate"] == between.loc[name, "estimate"]


def test_a_slope_within_participants_is_told_by_its_contrast(tmp_path, interferon):
    table = pq.read_table(interferon).to_pandas()
    inner = result(
        tmp_path / "slope",
        statistic=table["statistic"].to_numpy(),
        gene_symbol=table["gene_symbol"].to_numpy(),
        contrast="mrss: within participants",
    )
    rows = found(tmp_path, [inner]).set_index("gene_set")
    assert rows.loc["type_1_interferon", "correlation"] < 0.1


def test_a_correlation_is_never_below_the_preset(tmp_path, interferon):
    correlation = found(tmp_path, [interferon])["correlation"].dropna()
    assert correlation.min() >= 0.01


def test_with_too_few_profiles_there_is_no_p_value_but_what_was_seen():
    genes = np.array([f"G{number}" for number in range(10)])
    few = enrich(genes, np.arange(10.0), [GeneSet("high", "", tuple(genes[6:]))], noise(genes, FEWEST_DF - 1))
    assert np.isnan([few["p_value"], few["q_value"], few["correlation"]]).all()
    assert few["flag"].tolist() == [
        f"correlation of its genes unknown: {FEWEST_DF - 1} residual degrees of freedom; {FEWEST_DF} needed"
    ]
    assert (few["direction"].tolist(), few["genes"]) == (["up"], ["G9;G8;G7;G6"])
    assert np.isfinite(
        enrich(genes, np.arange(10.0), [GeneSet("", "", tuple(genes[6:]))], noise(genes, FEWEST_DF))[
            "p_value"
        ]
    )


def test_a_set_whose_genes_are_not_in_the_matrices_has_no_p_value():
    genes = np.array([f"G{number}" for number in range(10)])
    columns = enrich(genes, np.arange(10.0), [GeneSet("high", "", tuple(genes[6:]))], noise(genes[:8]))
    assert columns["flag"].tolist() == [
        f"correlation of its genes unknown: fewer than {FEWEST} are complete and vary"
    ]
    assert np.isnan(columns["p_value"]).all()


def test_a_table_without_a_matrix_of_its_tissue_is_refused(tmp_path, interferon):
    other = result(tmp_path / "b", statistic=[1.0], gene_symbol=["A"], tissue="muscle")
    with pytest.raises(InputError, match="--matrices: none of microarray muscle"):
        found(tmp_path, [other])


def test_a_set_of_which_too_few_genes_are_measured_is_kept_and_says_so(tmp_path, interferon):
    rows = found(tmp_path, [interferon]).set_index("gene_set")
    row = rows.loc["muscle_fibre"]
    assert row["flag"] == f"fewer than {FEWEST} genes of the set have a test"
    assert np.isnan(row["p_value"])
    assert (row["direction"], row["genes"], row["n_in_set"]) == ("", "", 0)


def test_features_of_one_gene_count_once_with_their_mean():
    table = pa.table(
        {
            "gene_symbol": ["B", "A", "B", "", "C"],
            "statistic": [1.0, 2.0, 3.0, 9.0, None],
            "df": [np.inf] * 5,
        }
    )
    genes, z = gene_scores(table)
    assert genes.tolist() == ["A", "B"]
    assert z.tolist() == [2.0, 2.0]


def test_leading_genes_go_in_the_direction_of_the_set_strongest_first():
    genes = np.array([f"G{number:03d}" for number in range(200)])
    z = np.random.default_rng(2).normal(size=200)
    z[:5] = [-1, -4, 0.5, -3, -2]
    columns = enrich(
        genes,
        z,
        [GeneSet("falls", "", tuple(genes[:5])), GeneSet("all", "", tuple(genes[5:150]))],
        noise(genes),
    )
    assert columns["direction"][0] == "down"
    assert columns["genes"][0] == "G001;G003;G004;G000"
    assert len(columns["genes"][1].split(";")) == LEADING


def test_a_set_of_nearly_all_genes_has_nothing_to_compete_with():
    genes = np.array([f"G{number}" for number in range(10)])
    columns = enrich(genes, np.arange(10.0), [GeneSet("all", "", tuple(genes[:8]))], noise(genes))
    assert columns["flag"].tolist() == [f"fewer than {FEWEST} other genes have a test"]


def test_only_tables_of_abundances_with_genes_are_tested(tmp_path, interferon):
    other = result(tmp_path / "b", statistic=[1.0], gene_symbol=["A"], test="composition", question="second")
    nameless = result(tmp_path / "c", statistic=[1.0], gene_symbol="", question="third")
    nothing = result(tmp_path / "d", statistic=[], gene_symbol="", question="fourth")
    assert set(found(tmp_path, [other, nameless, nothing, interferon])["question"]) == {"first"}


def test_sets_of_the_study_are_tested_beside_the_curated_ones(tmp_path, interferon):
    (tmp_path / "own.gmt").write_text("mine\tabout\tG1\tG2\tG3\n")
    rows = found(tmp_path, [interferon], gmt=[tmp_path / "own.gmt"]).set_index("gene_set")
    assert rows.loc["mine", ["source", "n_in_set", "n_genes"]].tolist() == ["own.gmt", 3, 2021]
    assert len(rows) == len(read_gene_sets([])) + 1


def test_a_faulty_file_of_sets_is_refused(tmp_path, interferon):
    with pytest.raises(InputError, match=r"none\.gmt: does not exist"):
        found(tmp_path, [interferon], gmt=[tmp_path / "none.gmt"])


def test_rows_are_sorted_and_the_order_of_files_does_not_change_a_byte(tmp_path, interferon):
    other = result(
        tmp_path / "b", statistic=np.arange(40.0), gene_symbol=[f"G{n}" for n in range(40)], question="a"
    )
    rows = found(tmp_path, [interferon, other])
    content = (tmp_path / "gene_sets.parquet").read_bytes()
    keys = list(zip(rows["question"], rows["gene_set"], strict=True))
    assert keys == sorted(keys)
    found(tmp_path, [other, interferon])
    assert (tmp_path / "gene_sets.parquet").read_bytes() == content


def test_without_tables_the_file_has_its_columns(tmp_path):
    assert found(tmp_path, None).columns.tolist() == list(COLUMNS)
