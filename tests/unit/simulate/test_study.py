import hashlib
from collections import Counter, defaultdict

import numpy as np
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_tsv
from scleromyomics.microarray.cel import read_cel
from scleromyomics.microarray.chip import read_chip
from scleromyomics.microarray.fit import joint_fit, tissue_weights
from scleromyomics.microarray.rma import read_probes
from scleromyomics.plan.study import load_study
from scleromyomics.simulate import study

SHEETS = ("participants", "visits", "events", "treatments", "samples")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    directory = tmp_path_factory.mktemp("toy") / "study"
    study.run(directory=directory)
    return directory


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tiny") / "study"
    study.run(directory=directory, size="tiny")
    return directory


def content(directory):
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def measured(directory, condition):
    """Expression by RMA and the truth behind it, features x samples, of the chips that meet a condition."""
    chip = read_chip([directory / "references/ToyHG.cdf"])
    bad = {row["sample"] for row in read_tsv(directory / "truth/planted.tsv")}
    rows = [
        row
        for row in read_tsv(directory / "samples.tsv")
        if row["platform"] == "ToyHG" and row["sample"] not in bad and condition(row)
    ]
    weights = tissue_weights([row["tissue"] for row in rows])
    fitted = joint_fit(lambda one: read_probes(directory / rows[one]["path"], chip), weights, chip.starts)
    feature = {row["transcript"]: row["ToyHG"] for row in read_tsv(directory / "truth/transcripts.tsv")}
    true = read_tsv(directory / "truth/expression_W1.tsv")
    by_feature = {feature[row["transcript"]]: row for row in true}
    truth = np.array([[float(by_feature[one][row["sample"]]) for row in rows] for one in chip.features])
    return chip.features, rows, fitted.values, truth


@pytest.mark.parametrize("size", ["tiny", "toy"])
def test_the_sheets_are_without_fault_and_the_raw_files_are_as_declared(size, request):
    found = load_study(request.getfixturevalue(size), files=True)
    assert found.release == "W2"
    assert all(sample.assay in study.raw_assays() for sample in found.cohort.samples.values())
    assert all(sample.md5 for sample in found.cohort.samples.values())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tiny, tmp_path):
    study.run(directory=tmp_path / "again", size="tiny")
    assert content(tmp_path / "again") == content(tiny)
    study.run(directory=tmp_path / "other", size="tiny", seed=2)
    one, other = content(tiny), content(tmp_path / "other")
    raw = [name for name in one if name.startswith("raw/")]
    assert all(one[name] != other[name] for name in raw)


def test_the_first_wave_is_the_same_whether_or_not_a_second_follows(toy, tmp_path):
    study.run(directory=tmp_path / "first", waves=1)
    first, both = content(tmp_path / "first"), content(toy)
    grown = {f"{name}.tsv" for name in SHEETS} | {"truth/participants.tsv"}
    assert {name for name in first if first[name] != both[name]} == grown
    for name in grown:
        assert (toy / name).read_bytes().startswith((tmp_path / "first" / name).read_bytes())
    assert {row["wave"] for row in read_tsv(tmp_path / "first" / "samples.tsv")} == {"W1"}


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="found something there already; allowed: a new or an empty folder"):
        study.run(directory=tmp_path, size="tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("option", "words"), [({"waves": 3}, "--waves: found 3"), ({"seed": -1}, "--seed: found -1")]
)
def test_options_out_of_range_are_refused(tmp_path, option, words):
    with pytest.raises(InputError, match=words):
        study.run(directory=tmp_path / "study", size="tiny", **option)


def test_the_toy_cohort_has_what_the_study_will_meet(toy):
    cohort = load_study(toy).cohort
    people = cohort.participants.values()
    assert Counter(one.population for one in people) == {1: 8, 2: 8, 3: 8, 4: 8}
    assert sum(one.overlap for one in people) == 1
    assert {one.timepoint for one in cohort.visits.values()} == {"D1", "M12", "Y5", "EVENT", "ROUTINE"}
    kinds = {one.kind for one in cohort.events}
    assert kinds == {"complication", "reclassification", "death", "withdrawal", "lost"}
    assert {"immunomodulator", "cell_therapy"} <= {one.treatment_class for one in cohort.treatments}
    assert cohort.participants["P106"].eligibility["immunosuppressant_last_3_months"] is True
    assert cohort.participants["P303"].eligibility["capillaroscopic_anomaly"] is None
    assert any(one.replicate == 2 for one in cohort.samples.values())
    for population in (1, 2, 3, 4):
        assert {one.sex for one in people if one.population == population} == {"F", "M"}


def test_time_is_aliased_with_batch_and_groups_are_not(toy):
    cohort = load_study(toy).cohort
    times, groups = defaultdict(set), defaultdict(set)
    for sample in cohort.samples.values():
        if sample.bridge:
            continue
        times[sample.batch].add((cohort.visit_of(sample).timepoint, sample.wave))
        groups[sample.batch].add(cohort.participants[sample.participant].population)
    assert all(len(found) == 1 for found in times.values())
    assert times["b1"] == times["b2"] == {("D1", "W1")}
    assert times["b3"] == {("D1", "W2")}
    assert times["b4"] == {("M12", "W2")}
    assert all(groups[batch] == {1, 2, 3, 4} for batch in ("b1", "b2", "b3", "b4"))
    assert times["d1"] == times["d2"] == {("D1", "W1")}
    assert times["d4"] == {("M12", "W2")}
    assert all({3, 4} <= groups[batch] for batch in ("d1", "d2", "d3", "w1"))


def test_baseline_blood_has_at_least_20_eligible_arrays_in_the_first_wave(toy):
    cohort = load_study(toy).cohort
    blood = [
        one
        for one in cohort.samples.values()
        if (one.assay, one.tissue, one.wave) == ("microarray", "pbmc", "W1") and one.participant != "P106"
    ]
    assert len(blood) >= 20


def test_raw_files_are_few_and_small(toy):
    files = [path for path in (toy / "raw").rglob("*") if path.is_file()]
    assert len(files) <= 170
    assert sum(path.stat().st_size for path in files) < 250e6
    protocol = load_study(toy).protocol
    script = study.scenario("toy", protocol, seed=1)
    everything = study.arrivals(script, protocol, seed=1).up_to(2)
    assert {one.assay for one in everything.samples.values()} == {
        "microarray",
        "variants",
        "proteomics",
        "scrna",
    }
    assert len({path for one in everything.samples.values() for path in one.paths}) <= 200
    bridges = {one.assay for one in everything.samples.values() if one.bridge}
    assert bridges == {"variants", "proteomics"}


def test_clinical_measures_follow_severity(toy):
    severity = {
        row["participant"]: float(row["severity"]) for row in read_tsv(toy / "truth/participants.tsv")
    }
    visits = [one for one in load_study(toy).cohort.visits.values() if one.timepoint == "D1"]
    for population, measure, direction in (
        ("4", "mrss", 1),
        ("4", "fvc", -1),
        ("2", "ck", 1),
        ("2", "mmt8", -1),
    ):
        chosen = [one for one in visits if one.participant[1] == population]
        values = [float(one.measures[measure]) for one in chosen]
        assert direction * np.corrcoef([severity[one.participant] for one in chosen], values)[0, 1] > 0.6


def test_planted_faults_are_recorded_and_real(toy):
    planted = {row["fault"]: row for row in read_tsv(toy / "truth/planted.tsv")}
    cohort = load_study(toy).cohort
    swapped = planted["swapped"]
    assert cohort.participants[swapped["material"]].sex != cohort.participants[swapped["sample"][:4]].sex
    mixed = planted["contaminated"]
    assert mixed["material"] != cohort.samples[mixed["sample"]].participant
    poor = read_cel(toy / cohort.samples[planted["poor"]["sample"]].paths[0])
    good = read_cel(toy / cohort.samples["P301_D1_pbmc_chip"].paths[0])
    assert np.percentile(poor.intensity, 5) > 2 * np.percentile(good.intensity, 5)


def test_the_truth_adds_up_to_what_was_measured(toy):
    expression = {row["transcript"]: row for row in read_tsv(toy / "truth/expression_W1.tsv")}
    batches = {row["transcript"]: row for row in read_tsv(toy / "truth/batches_W1.tsv")}
    feature = {row["ToySkin"]: row["transcript"] for row in read_tsv(toy / "truth/transcripts.tsv")}
    sample = load_study(toy).cohort.samples["P401_D1_skin_sclerotic_chip"]
    table = read_tsv(toy / sample.paths[0])
    errors = [
        float(row[sample.column])
        - float(expression[feature[row["feature"]]][sample.sample])
        - float(batches[feature[row["feature"]]][sample.batch])
        for row in table
    ]
    assert np.std(errors) == pytest.approx(0.1, rel=0.1)
    assert abs(np.mean(errors)) < 0.01


def test_rma_recovers_the_planted_differences(toy):
    features, rows, values, truth = measured(toy, lambda row: row["wave"] == "W1")
    blood = np.array([row["tissue"] == "pbmc" for row in rows])
    population = np.array([row["participant"][1] for row in rows])
    effects = read_tsv(toy / "truth/effects.tsv")
    moved = {row["ToyHG"] for row in effects if row["group"] == "ssc" and row["kind"] == "group"}
    chosen = np.isin(features, list(moved))

    def difference(of):
        return of[:, blood & (population == "4")].mean(axis=1) - of[:, blood & (population == "3")].mean(
            axis=1
        )

    found, true = difference(values)[chosen], difference(truth)[chosen]
    assert 0.9 <= found @ true / (true @ true) <= 1.1
    assert np.abs(found - true).max() < 0.35
    assert np.abs(np.median(difference(values) - difference(truth))) < 0.05


def test_sexes_are_apart_on_the_chip(toy):
    features, rows, values, _ = measured(toy, lambda row: row["wave"] == "W1" and row["tissue"] == "pbmc")
    symbols = {row["feature"]: row["gene_symbol"] for row in read_tsv(toy / "references/ToyHG.tsv")}
    xist = values[[symbols.get(one) == "XIST" for one in features]][0]
    sexes = {row["participant"]: row["sex"] for row in read_tsv(toy / "participants.tsv")}
    woman = np.array([sexes[row["participant"]] == "F" for row in rows])
    assert xist[woman].min() > xist[~woman].max() + 2


def test_the_large_cohort_has_400_participants_and_all_four_assays(tmp_path):
    study.run(directory=tmp_path / "study", size="cohort")
    cohort = load_study(tmp_path / "study").cohort
    assert len(cohort.participants) == 400
    assert {one.assay for one in cohort.samples.values()} == {"microarray", "variants", "proteomics", "scrna"}
    assert all((tmp_path / "study" / one.paths[0]).is_file() for one in cohort.samples.values())


def test_the_large_cohort_passes_the_check_of_its_files(tmp_path):
    study.run(directory=tmp_path / "cohort", size="cohort")
    assert len(load_study(tmp_path / "cohort", files=True).cohort.participants) == 400
