from dataclasses import replace

import numpy as np
import pytest

from scleromyomics.core.files import read_tsv
from scleromyomics.simulate import latent
from scleromyomics.simulate.scenario import RESOURCES

GENES = latent.transcripts(read_tsv(RESOURCES / "genes.tsv"), seed=1)
CONTROL = latent.State("P301", "D1", 0, ("ssc_control",), "F")
CASE = replace(CONTROL, groups=("ssc",))


def profile(state, tissue="pbmc", seed=1):
    return latent.expression(GENES, state, tissue, seed=seed)


def test_there_are_150_named_genes_and_at_least_2000_that_have_no_name_and_never_move():
    named = GENES.gene_symbol != ""
    assert named.sum() == 150
    assert len(np.unique(GENES.name)) == len(GENES)
    assert (~named & ~latent.moving(GENES)).sum() >= 2000


def test_every_named_gene_has_an_ensembl_id_a_chromosome_and_a_source():
    rows = read_tsv(RESOURCES / "genes.tsv")
    assert all(row["gene_id"].startswith("ENSG") and len(row["gene_id"]) == 15 for row in rows)
    assert len({row["gene_id"] for row in rows}) == len(rows)
    assert {row["chromosome"] for row in rows} <= {*map(str, range(1, 23)), "X", "Y"}
    assert all(row["source"] for row in rows)


def test_at_most_five_percent_of_the_transcripts_ever_move():
    assert latent.moving(GENES).mean() <= 0.05


@pytest.mark.parametrize("effect", latent.EFFECTS, ids=lambda effect: effect.name)
def test_every_effect_moves_its_programme_by_half_to_one_in_its_direction(effect):
    sizes = latent.shift(GENES, effect, seed=1)
    moved = sizes[GENES.programme == effect.programme]
    assert len(moved) >= 2
    assert np.all((effect.direction * moved >= 0.5) & (effect.direction * moved <= 1))
    assert np.count_nonzero(sizes) == len(moved)


def test_effects_go_both_ways_and_are_of_every_kind():
    assert {effect.direction for effect in latent.EFFECTS} == {-1, 1}
    assert {effect.kind for effect in latent.EFFECTS} == {
        "group",
        "time",
        "tissue",
        "treatment",
        "complication",
    }
    assert any(effect.composition for effect in latent.EFFECTS)


def test_every_effect_names_a_programme_and_every_cell_type_a_tissue():
    assert {effect.programme for effect in latent.EFFECTS} <= set(GENES.programme)
    known = {name for shares in latent.FRACTIONS.values() for name in shares}
    assert set(GENES.cell_type) - {""} <= known
    for shares in latent.FRACTIONS.values():
        assert sum(shares.values()) == pytest.approx(1)


def test_groups_differ_by_the_effects_of_the_group_alone():
    difference = profile(CASE) - profile(CONTROL)
    expected = sum(
        latent.shift(GENES, effect, seed=1)
        for effect in latent.EFFECTS
        if effect.name in {"ssc_interferon_blood", "ssc_monocytes", "ssc_nk_cells"}
    )
    np.testing.assert_allclose(difference, expected, atol=1e-12)


def test_a_converted_control_has_the_effects_of_its_new_group_too():
    converted = replace(CONTROL, groups=("ssc_control", "ssc"))
    np.testing.assert_array_equal(profile(converted), profile(CASE))


def test_time_acts_on_controls_as_well():
    later = latent.effects(GENES, replace(CONTROL, day=365), "pbmc", seed=1)
    assert set(GENES.programme[later != 0]) == {"stress"}


def test_treatments_and_complications_act_only_while_they_are_there():
    treated = replace(CASE, treatments=frozenset({"cell_therapy"}), complications=frozenset({"infectious"}))
    change = profile(treated) - profile(CASE)
    assert set(GENES.programme[np.abs(change) > 1e-9]) == {"b_cell", "plasma_cell", "acute_phase"}


def test_sex_linked_transcripts_follow_sex():
    woman, man = profile(CONTROL), profile(replace(CONTROL, sex="M"))
    assert (woman - man)[GENES.name == "XIST"] > 4
    assert np.all((man - woman)[GENES.programme == "male"] > 4)
    assert np.count_nonzero(woman != man) == 6


def test_markers_are_expressed_where_their_cell_type_is():
    blood, muscle, skin = (latent.level(GENES, tissue, "F") for tissue in ("pbmc", "muscle", "skin_healthy"))
    fibre = GENES.programme == "muscle_fibre"
    assert np.all(muscle[fibre] > 10)
    assert np.all(blood[fibre] == latent.FLOOR)
    assert np.all(skin[GENES.programme == "keratinocyte"] > 10)
    assert np.all(blood[GENES.programme == "t_cell"] > muscle[GENES.programme == "t_cell"])


def test_fractions_add_up_to_one_and_shift_with_the_effects_of_composition():
    before = latent.fractions(CONTROL, "pbmc", seed=1)
    after = latent.fractions(CASE, "pbmc", seed=1)
    assert sum(after.values()) == pytest.approx(1)
    assert after["monocyte"] > before["monocyte"]
    assert after["nk_cell"] < before["nk_cell"]


def test_spread_within_a_group_is_the_declared_one_and_between_0_3_and_0_5():
    profiles = latent.simulate_profiles(
        GENES, case="ssc", reference="ssc_control", tissue="pbmc", per_group=200, seed=3
    )
    observed = profiles.values[profiles.case].std(axis=0, ddof=1)
    assert np.median(observed / profiles.spread) == pytest.approx(1, abs=0.01)
    assert GENES.spread.min() >= 0.3
    assert GENES.spread.max() <= 0.5


def test_the_observed_difference_of_groups_is_the_truth():
    profiles = latent.simulate_profiles(
        GENES, case="im", reference="im_control", tissue="muscle", per_group=200, seed=3
    )
    difference = profiles.values[profiles.case].mean(axis=0) - profiles.values[~profiles.case].mean(axis=0)
    z = (difference - profiles.truth) / (profiles.spread * np.sqrt(2 / 200))
    assert z[profiles.truth == 0].std() == pytest.approx(1, abs=0.1)
    assert np.abs(z[profiles.truth != 0]).mean() < 1.5


def test_a_participant_is_alike_in_all_tissues_and_residuals_are_not():
    one = latent.deviation(GENES, "P401", seed=1)
    np.testing.assert_array_equal(one, latent.deviation(GENES, "P401", seed=1))
    blood, skin = (latent.residual(GENES, CASE, tissue, seed=1) for tissue in ("pbmc", "skin_healthy"))
    assert abs(np.corrcoef(blood, skin)[0, 1]) < 0.1
    assert abs(np.corrcoef(one, latent.deviation(GENES, "P402", seed=1))[0, 1]) < 0.15


def test_severity_moves_its_programmes_in_their_direction():
    people = [f"P4{number:02d}" for number in range(1, 100)]
    severe = np.array([latent.severity(one, seed=1) for one in people])
    own = np.array([latent.deviation(GENES, one, seed=1) for one in people])
    for programme, direction in latent.SEVERITY.items():
        mean = own[:, GENES.programme == programme].mean(axis=1)
        assert direction * np.corrcoef(severe, mean)[0, 1] > 0.9


def test_streams_depend_on_seed_and_key_alone():
    first = latent.stream(1, "a", "b").random(3)
    np.testing.assert_array_equal(first, latent.stream(1, "a", "b").random(3))
    for other in (latent.stream(2, "a", "b"), latent.stream(1, "ab"), latent.stream(1, "b", "a")):
        assert not np.array_equal(first, other.random(3))
