"""A YAML file is read into a block, or into faults."""

from pathlib import Path

from scleromyomics.plan.config import Config
from scleromyomics.plan.document import merged, read_document


def test_a_missing_file_is_one_fault(tmp_path: Path) -> None:
    (fault,) = read_document(tmp_path / "config.yaml", Config).faults
    assert str(fault) == "config.yaml: is missing; allowed: this file (an empty one will do)"


def test_a_setting_that_is_not_in_the_file_is_placed_at_the_nearest_line_above(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1\nanalysis:\n  covariates: [age]\n")
    document = read_document(tmp_path / "config.yaml", Config)
    assert document.fault(["analysis", "covariates", 5], "p", "a").line == 3
    assert document.fault(["analysis", "covariates", 0], "p", "a").value == "age"


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("")
    assert read_document(tmp_path / "config.yaml", Config).settings == Config()


def test_a_list_that_holds_itself_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: &a [*a]\n")
    assert read_document(tmp_path / "config.yaml", Config).faults


def test_merging_goes_into_blocks_and_replaces_the_rest() -> None:
    below = {"a": {"b": 1, "c": 2}, "d": [1, 2]}
    assert merged(below, {"a": {"c": 3}, "d": [4]}) == {"a": {"b": 1, "c": 3}, "d": [4]}
    assert below == {"a": {"b": 1, "c": 2}, "d": [1, 2]}
