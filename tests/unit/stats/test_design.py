import subprocess
import sys

import numpy as np
import pytest

from scleromyomics.stats.design import (
    Design,
    aliases,
    centred,
    combine,
    estimable,
    factor,
    indicator,
    intercept,
    rank,
    residual_df,
    two_groups,
    unscaled_variance,
    variance_inflation,
)

CASE = [0, 0, 0, 0, 1, 1, 1, 1]
CROSSED = list("ABABABAB")
SAME = list("AAAABBBB")  # one batch per group


def test_columns_carry_their_names_terms_and_formula():
    design = two_groups("case", CASE, covariates={"age": range(8)}, factors={"batch": list("ABCABCAB")})
    assert design.names == ("intercept", "case", "age", "batch[B]", "batch[C]")
    assert design.terms == ("intercept", "case", "age", "batch", "batch")
    assert design.formula == "~ 1 + case + age + batch"


def test_covariates_are_centred_and_factors_are_treatment_dummies():
    assert centred("age", [1.0, 2.0, 6.0]).matrix.ravel().tolist() == [-2.0, -1.0, 3.0]
    assert factor("batch", ["b", "a", "c"]).matrix.tolist() == [[1, 0], [0, 0], [0, 1]]


def test_a_factor_of_one_level_adds_no_column():
    assert combine(intercept(3), factor("batch", ["a"] * 3)).names == ("intercept",)


def test_a_constant_covariate_does_not_hurt_the_contrast():
    design = two_groups("case", CASE, covariates={"age": [40.0] * 8})
    assert rank(design) == 2
    assert estimable(design, design.contrast({"case": 1}))


def test_a_missing_covariate_is_refused_by_name():
    with pytest.raises(ValueError, match="design: not finite in age"):
        two_groups("case", CASE, covariates={"age": [*range(7), np.nan]})


def test_names_must_fit_the_matrix_and_differ():
    with pytest.raises(ValueError, match="2 names for a matrix of shape"):
        Design(np.ones((3, 1)), ("a", "b"))
    with pytest.raises(ValueError, match="a column name is used twice in a, a"):
        Design(np.ones((3, 2)), ("a", "a"))


def test_a_contrast_on_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no column cas; there are intercept, case"):
        two_groups("case", CASE).contrast({"cas": 1})


def test_an_aliased_contrast_is_inestimable_and_another_in_the_same_design_is_not():
    design = two_groups("case", CASE, covariates={"age": [1, 5, 2, 8, 3, 3, 9, 1]}, factors={"batch": SAME})
    assert rank(design) == 3
    assert residual_df(design) == 5
    assert not estimable(design, design.contrast({"case": 1}))
    assert unscaled_variance(design, design.contrast({"case": 1})) == np.inf
    assert estimable(design, design.contrast({"age": 1}))
    assert estimable(design, design.contrast({"case": 1, "batch[B]": 1}))


def test_an_absent_group_makes_the_contrast_inestimable():
    design = two_groups("case", [1, 1, 1])
    assert not estimable(design, design.contrast({"case": 1}))


def test_a_design_without_samples_estimates_nothing():
    design = two_groups("case", [])
    assert rank(design) == 0
    assert not estimable(design, design.contrast({"case": 1}))


def test_estimability_does_not_depend_on_units():
    age = np.array([1, 5, 2, 8, 3, 3, 9, 1.0])
    for unit in (1e-9, 1.0, 1e9):
        design = two_groups("case", CASE, covariates={"age": age * unit})
        assert estimable(design, design.contrast({"age": 1}))
        assert estimable(design, design.contrast({"case": 1}))


def test_the_aliasing_covariate_is_named_and_the_innocent_one_is_not():
    design = two_groups("case", CASE, factors={"batch": SAME, "sex": CROSSED})
    assert aliases(design, design.contrast({"case": 1}), ["batch", "sex"]) == ("batch",)


def test_two_covariates_that_each_alias_are_both_named():
    design = two_groups(
        "case", CASE, factors={"batch": SAME, "wave": [f"W{x}" for x in SAME], "sex": CROSSED}
    )
    assert aliases(design, design.contrast({"case": 1}), ["batch", "wave", "sex"]) == ("batch", "wave")


def test_covariates_that_alias_only_together_are_named_as_a_set():
    one, two = np.array(CASE) + np.tile([0, 1], 4), np.tile([0.0, 1.0], 4)
    design = two_groups("case", CASE, covariates={"one": one, "two": two, "age": [1, 5, 2, 8, 3, 3, 9, 1]})
    contrast = design.contrast({"case": 1})
    assert not estimable(design, contrast)
    assert aliases(design, contrast, ["age", "one", "two"]) == ("one", "two")


def test_nothing_is_named_when_the_contrast_is_estimable_or_hopeless():
    fine = two_groups("case", CASE, factors={"sex": CROSSED})
    assert aliases(fine, fine.contrast({"case": 1}), ["sex"]) == ()
    hopeless = two_groups("case", [1] * 8, factors={"sex": CROSSED})
    assert aliases(hopeless, hopeless.contrast({"case": 1}), ["sex"]) == ()


def test_variance_inflation_is_one_over_one_minus_r_squared():
    age = np.array([1, 5, 2, 8, 9, 3, 9, 7.0])
    design = two_groups("case", CASE, covariates={"age": age})
    r = np.corrcoef(CASE, age)[0, 1]
    found = variance_inflation(design, design.contrast({"case": 1}), ["age"])
    assert found == pytest.approx(1 / (1 - r**2), rel=1e-12)


def test_an_orthogonal_covariate_does_not_inflate_and_an_aliased_one_does_without_end():
    design = two_groups("case", CASE, factors={"sex": CROSSED})
    assert variance_inflation(design, design.contrast({"case": 1}), ["sex"]) == pytest.approx(1)
    design = two_groups("case", CASE, factors={"batch": SAME})
    assert variance_inflation(design, design.contrast({"case": 1}), ["batch"]) == np.inf


def test_a_term_of_the_contrast_cannot_be_left_out():
    design = two_groups("case", CASE)
    with pytest.raises(ValueError, match="the contrast needs case"):
        variance_inflation(design, design.contrast({"case": 1}), ["case"])


def test_the_unscaled_variance_of_two_groups_is_one_over_n_each():
    design = combine(intercept(6), indicator("case", [1, 1, 0, 0, 0, 0]))
    assert unscaled_variance(design, design.contrast({"case": 1})) == pytest.approx(1 / 2 + 1 / 4, rel=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_random_factors_agree_with_the_rank_of_the_extended_matrix(seed):
    rng = np.random.default_rng(seed)
    levels = {f"f{k}": [f"L{x}" for x in rng.integers(0, 4, 9)] for k in range(3)}
    design = two_groups("case", rng.integers(0, 2, 9), factors=levels)
    contrast = design.contrast({"case": 1})
    whole = np.linalg.matrix_rank(np.vstack([design.matrix, contrast])) == np.linalg.matrix_rank(
        design.matrix
    )
    assert estimable(design, contrast) == whole


def test_planning_imports_numpy_alone():
    code = (
        "import sys, scleromyomics.stats.design; print(*{'scipy', 'pandas', 'pyarrow'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
