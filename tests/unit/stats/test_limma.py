"""The fixed-effects engine against R's limma: values committed beside their script, and live where R is."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.stats.design import Design
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t
from scleromyomics.stats.multiplicity import benjamini_hochberg

REFERENCE = Path(__file__).parents[2] / "reference" / "limma"
CASES = sorted(path.parent.name for path in REFERENCE.glob("*/limma.tsv"))
RELATIVE = 1e-8  # of every value; differences of the interval's ends are relative to the standard error


def table(path):
    return np.genfromtxt(path, delimiter="\t", missing_values="NA", filling_values=np.nan)


def differences(folder):
    """Largest relative difference from limma of every column, and where NaN must be NaN in both."""
    design = np.loadtxt(folder / "design.tsv", skiprows=1, ndmin=2)
    contrast = np.loadtxt(folder / "contrast.tsv", skiprows=1)
    names = tuple(f"c{column}" for column in range(design.shape[1]))
    weights = table(folder / "weights.tsv") if (folder / "weights.tsv").exists() else None
    fit = fit_contrast(table(folder / "values.tsv"), Design(design, names), contrast, weights)
    test = moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df)
    theirs = np.genfromtxt(folder / "limma.tsv", names=True)
    ours = vars(fit) | vars(test) | {"df": fit.df, "df_total": test.df}
    ours |= {"prior_df": test.prior.df, "prior_variance": test.prior.variance}
    ours["q_value"] = benjamini_hochberg(test.p_value)
    result = {}
    for name in theirs.dtype.names:
        a, b = np.broadcast_to(ours[name], len(theirs)), theirs[name]
        assert np.array_equal(np.isnan(a), np.isnan(b)), name
        unit = theirs["se"] if name.startswith("ci") else np.abs(b)
        if name in ("estimate", "statistic", "variance"):  # of a constant feature: rounding
            unit = np.maximum(unit, 1e-6)
        differ = ~(a == b) & ~np.isnan(b)
        result[name] = np.max(np.abs(a[differ] - b[differ]) / unit[differ], initial=0.0)
    return result


def assert_equal_to_limma(folder):
    beyond = {name: value for name, value in differences(folder).items() if not value <= RELATIVE}
    assert not beyond, f"{folder.name}: {beyond}"


def test_every_case_has_committed_values():
    assert len(CASES) == 10


@pytest.mark.parametrize("case", CASES)
def test_equals_the_committed_limma_values(case):
    assert_equal_to_limma(REFERENCE / case)


def test_the_case_of_an_infinite_prior_has_one():
    assert np.isinf(np.genfromtxt(REFERENCE / "infinite_prior" / "limma.tsv", names=True)["prior_df"]).all()


@pytest.mark.r
def test_equals_limma_live_on_fresh_simulations(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    if subprocess.run(["Rscript", "-e", "library(limma)"], capture_output=True, check=False).returncode:
        pytest.skip("R has no package limma")
    subprocess.run([sys.executable, REFERENCE / "make.py", tmp_path, "20", "800"], check=True)
    for case in CASES:
        assert_equal_to_limma(tmp_path / case)
