"""The short version of benchmarks/calibration_between.py: 50 studies with effects, 200 without."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "calibration_between.py"


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration_between", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_power_is_the_one_told_and_false_discoveries_are_kept(calibration):
    *power, false = calibration.power_rows(50)
    assert len(power) == 6
    for row in power:
        assert abs(row["difference"]) <= 0.03, row["measure"]
    assert false["low"] <= 0, false


def test_nothing_moving_is_called_as_often_as_the_level_says(calibration):
    rate, uniform = calibration.null_rows(200)
    assert abs(rate["difference"]) <= 4 * rate["se"]
    assert uniform["observed"] > 0.001
