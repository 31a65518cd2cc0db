"""Both engines fill the same columns, and say why a feature is not tested."""

import numpy as np

from scleromyomics.compare import tested as engine
from scleromyomics.compare.tested import BOUNDARY, MISSING, join_flags
from scleromyomics.core.results import COLUMNS
from scleromyomics.stats.design import combine, indicator, intercept
from scleromyomics.stats.multiplicity import benjamini_hochberg

PEOPLE = np.repeat([f"P{i}" for i in range(8)], 2)
LATER = np.tile([False, True], 8)
DESIGN = combine(intercept(16), indicator("later", LATER))
CONTRAST = DESIGN.contrast({"later": 1.0})


def values(*, own=1.0, seed=1):
    rng = np.random.default_rng(seed)
    Y = 8 + np.repeat(own * rng.normal(size=(50, 8)), 2, axis=1) + rng.normal(0, 0.3, (50, 16))
    Y[0], Y[1] = 3.0, np.nan
    Y[2, 5] = np.nan
    return Y


def test_both_engines_fill_all_columns_of_numbers_and_flag_alike():
    Y = values()
    for columns in (engine.tested(Y, DESIGN, CONTRAST), engine.tested_mixed(Y, DESIGN, CONTRAST, PEOPLE)):
        assert columns.keys() == {"flag"} | {name for name, kind in COLUMNS.items() if kind == "double"}
        assert columns["flag"][:3].tolist() == ["constant", "not measured", MISSING]
        assert np.isnan(columns["p_value"][:2]).all()
        assert np.isfinite(columns["p_value"][2:]).all()
        np.testing.assert_array_equal(columns["q_value"], benjamini_hochberg(columns["p_value"]))
        inside = (columns["ci_low"] < columns["estimate"]) & (columns["estimate"] < columns["ci_high"])
        assert inside[2:].all()


def test_people_who_do_not_differ_are_said_to():
    flags = engine.tested_mixed(values(own=0.0), DESIGN, CONTRAST, PEOPLE)["flag"]
    assert 5 < np.sum(np.char.find(flags, BOUNDARY) >= 0) < 50


def test_flags_are_joined_where_there_are_several():
    joined = join_flags(np.array(["a", "", "a"]), np.array(["b", "b", ""]), np.array(["", "c", ""]))
    assert joined.tolist() == ["a; b", "b; c", "a"]
