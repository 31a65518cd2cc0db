"""A chip's probes are kept sorted by feature, byte for byte the same each time, with their source's digest."""

from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.microarray.chip import Chip, read_chip, run
from scleromyomics.simulate.affymetrix import write_cdf, write_cdf_text

PROBES = {"rows": 6, "cols": 6, "features": ["b_at", "a_at"], "starts": [0, 2, 5], "pm": [3, 1, 4, 1, 5]}


@pytest.fixture
def cdf(tmp_path: Path) -> Path:
    write_cdf(tmp_path / "Toy.cdf", **PROBES)
    return tmp_path / "Toy.cdf"


def test_features_are_sorted_and_keep_their_probes_in_order(cdf: Path) -> None:
    chip = read_chip([cdf])
    assert chip.features.tolist() == ["a_at", "b_at"]
    assert chip.probes.tolist() == [4, 1, 5, 3, 1]
    assert chip.starts.tolist() == [0, 3, 5]
    assert chip.probes.dtype == chip.starts.dtype == np.int64


def test_a_chip_comes_back_from_its_file(cdf: Path, tmp_path: Path) -> None:
    run(definition=[cdf], chip=tmp_path / "chip.npz", receipt=tmp_path / "receipt.json")
    first = (tmp_path / "chip.npz").read_bytes()
    made, found = read_chip([cdf]), Chip.load(tmp_path / "chip.npz")
    found.save(tmp_path / "chip.npz")
    assert (tmp_path / "chip.npz").read_bytes() == first
    for field in vars(made):
        np.testing.assert_array_equal(getattr(made, field), getattr(found, field))
    receipt = read_json(tmp_path / "receipt.json")
    assert receipt["inputs"] == {"Toy.cdf": {"sha256": sha256(cdf), "size": cdf.stat().st_size}}
    assert (receipt["name"], receipt["n_features"], receipt["n_probes"]) == ("Toy", 2, 5)


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    write_cdf(tmp_path / "Toy.cdf", **PROBES | {"features": ["b_at", "b_at"]})
    with pytest.raises(InputError, match="probe set 'b_at' twice; allowed: each name once"):
        read_chip([tmp_path / "Toy.cdf"])


def test_a_probe_set_without_perfect_matches_is_left_out(tmp_path: Path) -> None:
    write_cdf_text(tmp_path / "Toy.cdf", name="Toy", **PROBES)
    text = (tmp_path / "Toy.cdf").read_text()
    head, second = text.split("[Unit2_Block1]")
    for base in "ACGT":
        second = second.replace(
            f"\t{base}\t{'TGCA'['ACGT'.index(base)]}\t{base}\t", f"\t{base}\t{base}\t{base}\t"
        )
    (tmp_path / "Toy.cdf").write_text(head + "[Unit2_Block1]" + second)
    assert read_chip([tmp_path / "Toy.cdf"]).features.tolist() == ["b_at"]


@pytest.mark.parametrize("names", [[], ["a.pgf", "a.clf"], ["a.cdf", "b.cdf"], ["a.pgf", "b.pgf", "a.mps"]])
def test_other_sets_of_files_are_refused(names: list[str]) -> None:
    with pytest.raises(
        InputError, match=r"definition: found .*; allowed: one CDF, or one PGF, one CLF and one MPS"
    ):
        read_chip([Path(name) for name in names])


def test_a_broken_definition_leaves_no_file(cdf: Path, tmp_path: Path) -> None:
    cdf.write_bytes(cdf.read_bytes()[:-1])
    with pytest.raises(InputError, match="a truncated or corrupted file"):
        run(definition=[cdf], chip=tmp_path / "chip.npz", receipt=tmp_path / "receipt.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Toy.cdf"]
