"""The mixed-model engine against R's lmerTest: values committed beside their script, and live where R is."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.stats.design import Design
from scleromyomics.stats.mixed import fit_mixed
from scleromyomics.stats.moderation import two_sided_p

REFERENCE = Path(__file__).parents[2] / "reference" / "lmertest"
CASES = sorted(path.parent.name for path in REFERENCE.glob("*/lmertest.tsv"))
# relative; of an estimate to its standard error where that is larger, as nothing sets the scale of a zero
TOLERANCE = {"estimate": 1e-6, "se": 1e-6, "df": 1e-5, "p_value": 1e-5}
# lmerTest differentiates the deviance numerically by theta, the ratio of standard deviations. Next to zero its
# curvature, about theta squared, drowns in rounding: its df were off by 4e-5 where 12 is exact (theta 0.02).
NEAR_ZERO, LOOSER = 0.05, 100


def fitted(folder):
    """Our fit of a case, with the columns of lmerTest: one value per feature and contrast."""
    table = {path.stem: np.genfromtxt(path, delimiter="\t") for path in folder.glob("*.tsv")}
    design, contrasts, groups = (
        np.loadtxt(folder / f"{name}.tsv", skiprows=1, ndmin=2) for name in ("design", "contrasts", "groups")
    )
    names = tuple(f"c{column}" for column in range(design.shape[1]))
    nested = groups[:, 1] if groups.shape[1] == 2 else None
    fit = fit_mixed(
        table["values"],
        Design(design, names),
        contrasts,
        groups[:, 0],
        nested=nested,
        weights=table.get("weights"),
    )
    se = np.sqrt(fit.variance)
    p_value = two_sided_p(fit.estimate / se, fit.df)
    return fit, {"estimate": fit.estimate, "se": se, "df": fit.df, "p_value": p_value}


def differences(folder):
    """Largest relative difference from lmerTest of every column; a looser one counts less."""
    _, ours = fitted(folder)
    theirs = np.genfromtxt(folder / "lmertest.tsv", names=True)
    theta = np.sqrt(np.array([theirs["participant"], theirs["nested"]]) / theirs["residual"])
    noisy = ((theta > 0) & (theta < NEAR_ZERO)).any(axis=0)
    assert noisy.mean() < 0.1
    result = {}
    for name in TOLERANCE:
        unit = np.abs(theirs[name])
        if name == "estimate":
            unit = np.maximum(unit, theirs["se"])
        elif name != "se":
            unit = np.where(noisy, LOOSER * unit, unit)
        result[name] = np.max(np.abs(ours[name].T.ravel() - theirs[name]) / unit)
    return result


def assert_equal_to_lmertest(folder):
    found = differences(folder)
    assert all(found[name] <= limit for name, limit in TOLERANCE.items()), f"{folder.name}: {found}"


def test_every_case_has_committed_values():
    assert len(CASES) == 8


@pytest.mark.parametrize("case", CASES)
def test_equals_the_committed_lmertest_values(case):
    assert_equal_to_lmertest(REFERENCE / case)


@pytest.mark.parametrize("case", CASES)
def test_components_and_boundary_are_those_of_lmertest(case):
    fit, _ = fitted(REFERENCE / case)
    theirs = np.genfromtxt(REFERENCE / case / "lmertest.tsv", names=True)[:: len(fit.estimate)]
    names = ["participant", "nested", "residual"] if len(fit.components) == 3 else ["participant", "residual"]
    expected = np.array([theirs[name] for name in names])
    np.testing.assert_allclose(fit.components, expected, rtol=1e-5, atol=1e-9)
    assert np.array_equal(fit.boundary, (expected == 0).any(axis=0))


def test_the_cases_hold_fits_on_the_boundary_and_inside():
    share = {case: fitted(REFERENCE / case)[0].boundary.mean() for case in CASES}
    assert share["zero_variance"] > 0.8
    assert 0 < share["nested"] < 1
    assert share["three_visits"] < 0.2


@pytest.mark.r
@pytest.mark.slow
def test_equals_lmertest_live_on_fresh_simulations(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    if subprocess.run(["Rscript", "-e", "library(lmerTest)"], capture_output=True, check=False).returncode:
        pytest.skip("R has no package lmerTest")
    subprocess.run([sys.executable, REFERENCE / "make.py", tmp_path, "20", "100"], check=True)
    for case in CASES:
        assert_equal_to_lmertest(tmp_path / case)
