"""All matrices of a timepoint in one file, matched by participant."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from genotyped import burden_matrix, genotype_matrix

from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256
from scleromyomics.matrices import timepoint as tool


def merged(tmp_path, *matrices):
    import mudata as md

    target = tmp_path / "D1.h5mu"
    tool.run(matrices=list(matrices), matrix=target)
    schema.check_file(target)
    with md.set_options(pull_on_update=False):
        return md.read_h5mu(target)


def test_participants_are_matched_by_id_not_by_row(tmp_path, written, row):
    pbmc = written([row("S1", "P1"), row("S2", "P2"), row("S3", "P3")], [[1, 1], [2, 2], [3, 3]])
    muscle = written(
        [row("A", "P3", tissue="muscle"), row("B", "P1", tissue="muscle")],
        [[30, 30], [10, 10]],
        tissue="muscle",
    )
    both = merged(tmp_path, pbmc, muscle)
    assert list(both.obs_names) == ["P1", "P2", "P3"]
    assert list(both.mod) == ["microarray__muscle", "microarray__pbmc"]
    assert both["microarray__pbmc"]["P3"].X.tolist() == [[3, 3]]
    assert both["microarray__muscle"]["P3"].X.tolist() == [[30, 30]]
    assert list(both["microarray__muscle"].obs_names) == ["P1", "P3"]


def test_replicates_are_their_mean_and_are_named(tmp_path, written, row):
    pbmc = written(
        [row("S1", "P1"), row("S2", "P1", replicate=2, batch="B2"), row("S3", "P2")],
        [[1, np.nan, np.nan], [3, 5, np.nan], [9, 9, 9]],
    )
    one = merged(tmp_path, pbmc)["microarray__pbmc"]
    np.testing.assert_array_equal(one.X, [[2, 5, np.nan], [9, 9, 9]])
    assert one.obs.loc["P1", ["samples", "batch", "n_samples"]].tolist() == ["S1;S2", "B1;B2", 2]


def test_replicates_of_genotypes_are_one_call_and_their_reads_add_up(tmp_path):
    samples = [
        {"sample": f"S{n}", "participant": who, "visit": "V1", "day": 0} for n, who in enumerate("AABBC")
    ]
    copies = np.array([[1, 0, 1], [1, 1, np.nan], [0, 2, 1], [1, 2, 0], [2, 0, np.nan]])
    quality = np.array([[50, 60, 30], [40, 20, 0], [30, 99, 30], [30, 99, 10], [9, 9, 0]])
    made = genotype_matrix(samples, copies, quality=quality, depth=30)
    burden = burden_matrix(
        samples,
        np.array([[1, 0], [0, np.nan], [2, 0], [1, 1], [0, 0.0]]),
        np.array([[3, 3], [4, 0], [5, 2], [5, 2], [1, 1.0]]),
    )
    for name, matrix in (("a", made), ("b", burden)):
        schema.write(matrix, tmp_path / f"{name}.h5ad")
    both = merged(tmp_path, tmp_path / "a.h5ad", tmp_path / "b.h5ad")
    assert list(both.mod) == ["variants__pbmc", "variants_burden__pbmc"]
    one = both["variants__pbmc"]
    assert {
        name: (one.X if name == "X" else one.layers[name]).dtype for name in schema.FORMS[schema.DOSAGE]
    } == {name: form.dtype for name, form in schema.FORMS[schema.DOSAGE].items()}
    assert one.X.nnz == 7  # a sparse array stays one
    np.testing.assert_array_equal(one.X.toarray(), [[1, 0, 1], [np.nan, 2, 1], [2, 0, np.nan]])
    assert one.layers["GT"].tolist() == [[1, 0, 1], [-1, 2, 1], [2, 0, -1]]
    assert one.layers["GQ"].tolist() == [[90, 60, 30], [0, 198, 30], [9, 9, 0]]
    assert one.layers["DP"].tolist() == [[60] * 3] * 2 + [[30] * 3]
    assert one.layers["AD"].toarray().tolist() == [[30, 15, 15], [15, 60, 15], [30, 0, 0]]
    np.testing.assert_allclose(one.layers["allele_fraction"].toarray()[0], [0.5, 0.25, 0.25])
    assert one.obs["samples"].tolist() == ["S0;S1", "S2;S3", "S4"]
    assert both["variants_burden__pbmc"].X.tolist() == [[0, 0], [2, 1], [0, 0]]
    assert both["variants_burden__pbmc"].layers["called"].tolist() == [[4, 3], [5, 2], [1, 1]]


def test_genotypes_without_replicates_keep_their_values_and_order(tmp_path):
    samples = [
        {"sample": f"S{n}", "participant": who, "visit": "V1", "day": 0} for n, who in enumerate("CAB")
    ]
    copies = np.array([[1, 0, np.nan], [2, 0, 0], [0, 0, 1]])
    schema.write(genotype_matrix(samples, copies), tmp_path / "a.h5ad")
    one = merged(tmp_path, tmp_path / "a.h5ad")["variants__pbmc"]
    np.testing.assert_array_equal(one.X.toarray(), copies[[1, 2, 0]])


def test_a_bridge_sample_stands_in_only_for_an_absent_one(tmp_path, written, row):
    rows = [row("S1", "P1"), row("S2", "P1", bridge="S1", batch="B2"), row("S3", "P2", bridge="gone")]
    one = merged(tmp_path, written(rows, [[1, 1], [3, 3], [5, 5]]))["microarray__pbmc"]
    assert one.X.tolist() == [[1, 1], [5, 5]]
    assert one.obs["samples"].tolist() == ["S1", "S3"]


@pytest.mark.parametrize("timepoint", ["EVENT", "ROUTINE"])
def test_events_keep_every_visit_of_a_participant(tmp_path, written, row, timepoint):
    rows = [row(f"S{i}", "P1", visit=f"E{i}", day=100 * i, timepoint=timepoint) for i in (1, 2)]
    both = merged(tmp_path, written(rows, [[1, 1], [2, 2]], timepoint=timepoint))
    assert list(both.obs_names) == ["P1__E1", "P1__E2"]
    assert both.obs["day"].tolist() == [100, 200]


def test_obs_tells_about_people(tmp_path, written, row):
    pbmc = written([row("S1", "P1", age=40.0)], [[1, 1]])
    muscle = written([row("A", "P2", tissue="muscle", age=70.0, sex="M")], [[2, 2]], tissue="muscle")
    obs = merged(tmp_path, pbmc, muscle).obs
    assert obs["age"].tolist() == [40, 70]
    assert obs["sex"].tolist() == ["F", "M"]
    assert obs["mrss"].tolist() == [12, 12]
    assert "batch" not in obs


def test_of_two_visits_at_one_timepoint_the_first_describes_the_person(tmp_path, written, row):
    pbmc = written([row("S1", "P1", visit="V3", day=370, measures=(("mrss", 20),))], [[1, 1]])
    skin = written(
        [row("A", "P1", visit="V2", day=360, measures=(("mrss", 18),), tissue="skin_healthy")],
        [[2, 2]],
        tissue="skin_healthy",
    )
    both = merged(tmp_path, pbmc, skin)
    assert both.obs.loc["P1", ["visit", "day", "mrss"]].tolist() == ["V2", 360, 18]
    assert both["microarray__pbmc"].obs.loc["P1", ["visit", "day"]].tolist() == ["V3", 370]


def test_a_matrix_without_samples_is_a_modality_without_people(tmp_path, written, row):
    both = merged(
        tmp_path, written([row("S1", "P1")], [[1, 1]]), written([], np.zeros((0, 1)), tissue="muscle")
    )
    assert both["microarray__muscle"].n_obs == 0
    assert list(both.obs_names) == ["P1"]


def test_with_no_sample_at_all_the_file_is_whole(tmp_path, written):
    assert merged(tmp_path, written([], np.zeros((0, 1)))).n_obs == 0


def test_the_order_of_matrices_changes_no_byte(tmp_path, written, row):
    paths = [
        written([row("S1", "P1"), row("S2", "P2")], [[1, 1], [2, 2]]),
        written([row("A", "P2", tissue="muscle")], [[2, 2]], tissue="muscle"),
    ]
    for name, order in (("a", paths), ("b", paths[::-1])):
        tool.run(matrices=order, matrix=tmp_path / f"{name}.h5mu")
    assert sha256(tmp_path / "a.h5mu") == sha256(tmp_path / "b.h5mu")


def test_the_command_is_silent_and_gives_the_same_bytes_in_every_process(tmp_path, written, row):
    paths = [
        written([row(f"S{i}", f"P{i}") for i in range(9)], np.ones((9, 3))),
        written(
            [row(f"M{i}", f"P{20 - i}", tissue="muscle") for i in range(9)], np.ones((9, 2)), tissue="muscle"
        ),
    ]
    tool.run(matrices=paths, matrix=tmp_path / "here.h5mu")
    scripts = Path(schema.__file__).parents[2]
    for seed in "12":
        target = tmp_path / f"{seed}.h5mu"
        command = [sys.executable, "-m", tool.__name__, "--matrices", *paths, "--matrix", target]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(scripts)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout + done.stderr == ""
        assert sha256(target) == sha256(tmp_path / "here.h5mu")


def test_matrices_of_two_timepoints_are_refused(tmp_path, written, row):
    paths = [
        written([row("S1", "P1")], [[1, 1]], name="a"),
        written([row("S2", "P1", timepoint="M12")], [[1, 1]], timepoint="M12", name="b"),
    ]
    with pytest.raises(InputError, match="--matrices: of D1, M12; allowed: the matrices of one timepoint"):
        tool.run(matrices=paths, matrix=tmp_path / "D1.h5mu")


def test_a_changed_file_is_refused(tmp_path, written, row):
    merged(tmp_path, written([row("S1", "P1")], [[1, 1]]))
    target = tmp_path / "D1.h5mu"
    damaged = bytearray(target.read_bytes())
    damaged[-1] ^= 1
    target.write_bytes(damaged)
    with pytest.raises(InputError, match=r"D1\.h5mu: changed or damaged"):
        schema.check_file(target)
