"""Profiles count participants once, of the analysis set, and agree with pandas."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from genotyped import genotype_matrix

from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.describe.profiles import COLUMNS, describe, profiles, read_profiles, run, write_profiles


@dataclass
class Sample:
    """A row of a matrix."""

    participant: str
    values: tuple
    group: str = "ssc"
    batch: str = "b1"
    eligible: bool = True
    overlap: bool = False
    bridge: str | None = None


def matrix(samples, *, timepoint="D1", tissue="pbmc"):
    """A matrix of samples by name."""
    width = len(next(iter(samples.values())).values)
    names = [f"f{i}" for i in range(width)]
    fixed = dict.fromkeys(schema.OBS, None) | {"tissue": tissue, "timepoint": timepoint}
    rows = [
        fixed | {"sample": name} | {key: value for key, value in vars(one).items() if key != "values"}
        for name, one in samples.items()
    ]
    X = np.array([one.values for one in samples.values()], dtype=float)
    about = dict.fromkeys(schema.ABOUT, "x")
    about |= {"assay": "microarray", "tissue": tissue, "timepoint": timepoint, "unit": "log2 intensity"}
    return schema.build(
        rows=rows,
        kinds=schema.OBS,
        var={"feature": names, "gene_symbol": [f"G{i}" for i in range(width)], "gene_id": names},
        X=X,
        layers={"raw": X},
        about=about,
    )


def table(path, *matrices):
    write_profiles(path, [part for one in matrices for part in profiles(one)])
    return read_profiles(path).to_pandas()


def test_it_agrees_with_pandas():
    random = np.random.default_rng(5)
    values = random.normal(8, 2, (23, 300))
    values[random.random(values.shape) < 0.3] = np.nan
    values[:, 0], values[1:, 1] = np.nan, np.nan
    values[0, 1] = 7.0
    found, frame = describe(values), pd.DataFrame(values)
    expected = {
        "n_participants": frame.count(),
        "mean": frame.mean(),
        "sd": frame.std(),
        "median": frame.median(),
        "q25": frame.quantile(0.25),
        "q75": frame.quantile(0.75),
    }
    for name, series in expected.items():
        np.testing.assert_allclose(found[name], series, rtol=1e-13, atol=1e-13, err_msg=name)


def test_groups_and_participants_agree_with_pandas(tmp_path):
    random = np.random.default_rng(6)
    samples = {
        f"s{i:03d}": Sample(f"P{i % 40:02d}", tuple(random.normal(size=5)), group=("im", "ssc")[i % 2])
        for i in range(100)
    }
    found = table(tmp_path / "t.parquet", matrix(samples)).set_index(["group", "feature"])
    frame = pd.DataFrame(
        [(one.group, one.participant, *one.values) for one in samples.values()],
        columns=["group", "participant", *(f"f{i}" for i in range(5))],
    )
    people = frame.groupby(["group", "participant"]).mean().groupby("group")
    for name in ("mean", "std", "median"):
        expected = people.agg(name).stack().rename_axis(["group", "feature"]).sort_index()
        np.testing.assert_allclose(found["sd" if name == "std" else name], expected, rtol=1e-12, err_msg=name)
    assert set(found["n_participants"]) == {20}


def test_replicates_count_once(tmp_path):
    samples = {"a1": Sample("A", (1, 1)), "a2": Sample("A", (3, np.nan)), "b": Sample("B", (4, 4))}
    found = table(tmp_path / "t.parquet", matrix(samples))
    assert found["n_participants"].tolist() == [2, 2]
    assert found["mean"].tolist() == [3.0, 2.5]


def test_a_bridge_does_not_count_beside_its_original(tmp_path):
    original, again = Sample("A", (1.0,)), Sample("A", (9.0,), bridge="a", batch="b2")
    both = table(tmp_path / "both.parquet", matrix({"a": original, "a_again": again}))
    assert both[["n_participants", "mean", "batches"]].to_numpy().tolist() == [[1, 1.0, "b1"]]


def test_a_bridge_stands_in_where_its_original_is_not_there(tmp_path):
    again = Sample("A", (9.0,), bridge="a", batch="b2")
    found = table(tmp_path / "t.parquet", matrix({"a_again": again}))
    assert found[["n_participants", "mean", "batches"]].to_numpy().tolist() == [[1, 9.0, "b2"]]


def test_who_is_outside_the_analysis_set_is_left_out(tmp_path):
    samples = {"a": Sample("A", (1.0,)), "b": Sample("B", (5.0,), eligible=False)}
    found = table(tmp_path / "t.parquet", matrix(samples))
    assert found[["n_participants", "mean"]].to_numpy().tolist() == [[1, 1.0]]


def test_overlap_is_a_group_of_its_own(tmp_path):
    samples = {"a": Sample("A", (1.0,)), "b": Sample("B", (5.0,), overlap=True, batch="b2")}
    found = table(tmp_path / "t.parquet", matrix(samples))
    assert found[["group", "mean", "batches"]].to_numpy().tolist() == [
        ["ssc", 1.0, "b1"],
        ["ssc_overlap", 5.0, "b2"],
    ]


def test_one_participant_has_no_spread_and_an_unmeasured_feature_no_numbers(tmp_path):
    found = table(tmp_path / "t.parquet", matrix({"a": Sample("A", (1.0, np.nan))}))
    assert found["n_participants"].tolist() == [1, 0]
    assert found[["mean", "median", "q25", "q75"]].to_numpy()[0].tolist() == [1.0] * 4
    assert found["sd"].isna().all()
    assert found[["mean", "median", "q25", "q75"]].iloc[1].isna().all()


def test_rows_are_sorted_and_the_order_of_matrices_does_not_change_a_byte(tmp_path):
    samples = {"a": Sample("A", (1.0, 2.0)), "b": Sample("B", (5.0, 6.0), group="im")}
    early, late = matrix(samples), matrix(samples, timepoint="M12")
    found = table(tmp_path / "1.parquet", early, late)
    table(tmp_path / "2.parquet", late, early)
    keys = found[["group", "timepoint", "feature"]].to_numpy().tolist()
    assert keys == sorted(keys)
    assert len(keys) == 8
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_the_job_writes_one_table_for_all_timepoints(tmp_path):
    paths = [tmp_path / f"{timepoint}.h5ad" for timepoint in ("D1", "M12")]
    for path in paths:
        schema.write(matrix({"a": Sample("A", (1.0, 2.0))}, timepoint=path.stem), path)
    run(matrices=paths, table=tmp_path / "pbmc.parquet")
    found = read_profiles(tmp_path / "pbmc.parquet").to_pandas()
    assert list(found) == list(COLUMNS)
    assert found[["timepoint", "feature", "gene_symbol", "unit"]].to_numpy().tolist() == [
        [timepoint, f"f{i}", f"G{i}", "log2 intensity"] for timepoint in ("D1", "M12") for i in (0, 1)
    ]


def test_a_tissue_where_nobody_counts_has_a_table_of_zero_rows(tmp_path):
    found = table(tmp_path / "t.parquet", matrix({"a": Sample("A", (1.0,), eligible=False)}))
    assert list(found) == list(COLUMNS)
    assert found.empty


def test_matrices_of_two_tissues_are_refused(tmp_path):
    paths = [tmp_path / f"{tissue}.h5ad" for tissue in ("muscle", "pbmc")]
    for path in paths:
        schema.write(matrix({"a": Sample("A", (1.0,))}, tissue=path.stem), path)
    with pytest.raises(InputError, match="found microarray muscle, microarray pbmc; one assay and tissue is"):
        run(matrices=paths, table=tmp_path / "t.parquet")


def test_a_file_that_is_no_table_of_profiles_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file; a table of profiles was expected"):
        read_profiles(tmp_path / "absent.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a whole Parquet file"):
        read_profiles(tmp_path / "damaged.parquet")
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="not a table of profiles: assay differs from the schema"):
        read_profiles(tmp_path / "other.parquet")


def test_genotypes_are_described_by_the_frequency_of_their_allele(tmp_path):
    samples = [
        {"sample": f"S{number}", "participant": who, "sex": sex, "group": group}
        for number, (who, sex, group) in enumerate(
            [("A", "F", "ssc"), ("A", "F", "ssc"), ("B", "M", "ssc"), ("C", "F", "ssc"), ("D", "F", "im")]
        )
    ]
    copies = [[1, 0, 1], [1, 0, 0], [1, 1, np.nan], [0, 0, np.nan], [np.nan, 1, 2]]
    quality = [[50, 50, 60], [50, 50, 20], [50, 50, 0], [50, 50, 0], [0, 50, 50]]
    made = genotype_matrix(
        samples, copies, quality=np.array(quality), ploidy={"female": [2, 2, 2], "male": [2, 1, 2]}
    )
    schema.write(made, tmp_path / "m.h5ad")
    run(matrices=[tmp_path / "m.h5ad"], table=tmp_path / "t")
    found = read_profiles(tmp_path / "t").to_pandas().set_index(["group", "feature"])
    names = list(made.var_names)
    np.testing.assert_allclose(found.loc["ssc"].loc[names, "mean"], [2 / 6, 1 / 5, 1 / 2])
    np.testing.assert_allclose(found.loc["im"].loc[names, "mean"], [np.nan, 1 / 2, 1])
    assert found.loc["ssc"].loc[names, "n_participants"].tolist() == [3, 3, 1]
    assert set(found["unit"]) == {"allele frequency"}
    assert found[["sd", "median", "q25", "q75"]].isna().all(axis=None)
