"""Small cohorts whose verdict tables are committed under reference/verdicts, and those tables' form.

A row per cell of the chip that somebody counts in, is incomplete in or was left out of, and that the protocol does
not rule out; the last row counts the cells with nobody in them, all of which are SKIP. The table of `absent_visit`
has a row for those as well.
"""

from collections.abc import Callable, Iterator, Mapping

from cohorts import Cohorts

from scleromyomics.plan.study import Study
from scleromyomics.plan.verdicts import CellVerdict, planned_verdicts

COLUMNS = (
    "question",
    "tissue",
    "reference_tissue",
    "verdict",
    "n_case",
    "n_reference",
    "n_pairs",
    "reason",
    "remedy",
)
RULED_OUT = "the protocol takes"
LARGE_FREEZE = {"verdicts": {"caution_below_freeze_samples": 1}}
FEW = {
    "verdicts": {"caution_below_freeze_samples": 1, "caution_below_pairs": 4, "caution_below_participants": 4}
}

Case = tuple[Study, Mapping[str, str]]
"""A study, and the samples that quality holds back with their reasons."""


def groups(
    cohorts: Cohorts, number: Mapping[int, int], timepoints: Mapping[str, str] | None = None, **sample: str
) -> dict[int, list[str]]:
    """Participants of each population with a sample at each timepoint, in the batch that is given for it."""
    names = {population: cohorts.people(population, count) for population, count in number.items()}
    for name in (one for of_group in names.values() for one in of_group):
        for timepoint, batch in (timepoints or {"D1": "b1"}).items():
            cohorts.sample(name, timepoint, **{"batch": batch, **sample})
    return names


def at_event(cohorts: Cohorts, name: str, day: int, *, batch: str = "b1", visit: str = "E1") -> None:
    """A sample of blood at a visit that is not scheduled."""
    cohorts.visit(name, "EVENT", day=day, visit=visit)
    cohorts.sample(name, "EVENT", visit=visit, batch=batch)


def absent_visit() -> Case:
    """Nobody came at 12 months or 5 years."""
    cohorts = Cohorts()
    groups(cohorts, {4: 8, 3: 8})
    return cohorts.study(**LARGE_FREEZE), {}


def one_pair() -> Case:
    """One of eight came back."""
    cohorts = Cohorts()
    (first, *_) = groups(cohorts, {4: 8})[4]
    cohorts.sample(first, "M12")
    return cohorts.study(**LARGE_FREEZE), {}


def group_in_one_batch() -> Case:
    """SSc and myositis were measured together, the controls of SSc later, those of myositis in both batches."""
    cohorts = Cohorts()
    groups(cohorts, {4: 8, 2: 8})
    groups(cohorts, {3: 8}, {"D1": "b2"})
    for i, name in enumerate(cohorts.people(1, 8)):
        cohorts.sample(name, batch="b1" if i % 2 else "b2")
    return cohorts.study(**LARGE_FREEZE), {}


def batch_equals_visit() -> Case:
    """Inclusion in the first batch, 12 months in the second; the controls of SSc too."""
    cohorts = Cohorts()
    groups(cohorts, {4: 8, 3: 8}, {"D1": "b1", "M12": "b2"})
    return cohorts.study(**LARGE_FREEZE), {}


def batch_equals_visit_with_bridges() -> Case:
    """The same, and three stored samples of inclusion measured again in the second batch."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 8, 3: 8}, {"D1": "b1", "M12": "b2"})
    for name in names[4][:3]:
        cohorts.sample(name, "D1", batch="b2", bridge=f"{name}_D1_pbmc_microarray_1")
    return cohorts.study(**LARGE_FREEZE), {}


def lost_partner() -> Case:
    """Of twelve, eight came back: one died, one withdrew, one was not sampled, one has only the later sample."""
    cohorts = Cohorts()
    groups(cohorts, {4: 8}, {"D1": "b1", "M12": "b1"})
    dead, withdrawn, unsampled = groups(cohorts, {4: 3})[4]
    cohorts.event(dead, 200, "death")
    cohorts.event(withdrawn, 300, "withdrawal")
    cohorts.visit(unsampled, "M12")
    (late,) = cohorts.people(4, 1)
    cohorts.visit(late, "D1")
    cohorts.sample(late, "M12")
    return cohorts.study(**LARGE_FREEZE), {}


def event_before_inclusion() -> Case:
    """Six had a systemic complication and a visit soon after it, for two of them before inclusion."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 6})[4]
    for name in names:
        at_event(cohorts, name, 310)
    for name in names[:4]:
        cohorts.event(name, 300, "complication", "ild")
    for name in names[4:]:
        cohorts.event(name, -20, "complication", "ild")
    return cohorts.study(**FEW), {}


def event_outside_window() -> Case:
    """A visit counts at the complication and 30 days after it, not the day before it or 31 days after it."""
    cohorts = Cohorts()
    for name, day in zip(groups(cohorts, {4: 7})[4], (300, 300, 330, 330, 331, 299, 400), strict=True):
        cohorts.event(name, 300, "complication", "ild")
        at_event(cohorts, name, day)
    return cohorts.study(**FEW), {}


def treatment_without_after() -> Case:
    """Of six who were treated, one has no sample after it, one none before it."""
    cohorts = Cohorts()
    names = groups(cohorts, {2: 5})[2] + cohorts.people(2, 1)
    for name in names:
        cohorts.treat(name, 100)
    for name in [*names[:4], names[5]]:
        cohorts.sample(name, "M12")
    return cohorts.study(**FEW), {}


def overlapping_treatments() -> Case:
    """Five were given an immunomodulator; one a corticosteroid as well, one a cell therapy, one that earlier."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 5}, {"D1": "b1", "M12": "b1"})[4]
    for name in names:
        cohorts.treat(name, 100, drug="tocilizumab")
    cohorts.treat(names[0], 150, "corticosteroid", drug="prednisone")
    cohorts.treat(names[1], 200, "cell_therapy", drug="CAR-T")
    cohorts.treat(names[2], -10, "cell_therapy", drug="CAR-T")
    return cohorts.study(**FEW), {}


def event_controlled() -> Case:
    """Visits at complications and at 12 months are of a later batch; four with SSc have no complication."""
    cohorts = Cohorts()
    for name in [*groups(cohorts, {4: 5})[4], *groups(cohorts, {2: 5})[2]]:
        cohorts.event(name, 300, "complication", "pah")
        at_event(cohorts, name, 310, batch="b2")
    groups(cohorts, {4: 4}, {"D1": "b1", "M12": "b2"})
    return cohorts.study(**FEW), {}


def event_uncontrolled() -> Case:
    """The same batch for all; two without a complication are too few, three were measured in other batches."""
    cohorts = Cohorts()
    for name in groups(cohorts, {4: 5})[4]:
        cohorts.event(name, 300, "complication", "pah")
        at_event(cohorts, name, 310)
    groups(cohorts, {4: 2}, {"D1": "b1", "M12": "b1"})
    for name in groups(cohorts, {2: 5})[2]:
        cohorts.event(name, 300, "complication", "pah")
        at_event(cohorts, name, 310)
    groups(cohorts, {2: 3}, {"D1": "b2", "M12": "b3"})
    return cohorts.study(**FEW), {}


def no_shared_tissue(muscle_platform: str = "chip") -> Case:
    """Skin of SSc and Raynaud's, muscle of myositis and its control."""
    cohorts = Cohorts()
    groups(cohorts, {4: 8}, tissue="skin_sclerotic")
    groups(cohorts, {3: 8}, tissue="skin_healthy")
    groups(cohorts, {2: 8, 1: 8}, {"D1": "b2"}, tissue="muscle", platform=muscle_platform)
    return cohorts.study(**LARGE_FREEZE), {}


def no_shared_tissue_two_platforms() -> Case:
    """The same, with muscle on another chip."""
    return no_shared_tissue("exon")


def one_sample() -> Case:
    """A single sample in all."""
    cohorts = Cohorts()
    groups(cohorts, {4: 1})
    return cohorts.study(**LARGE_FREEZE), {}


def platform_of_second_wave() -> Case:
    """The controls came on another chip in the second wave, for which there is no freeze."""
    cohorts = Cohorts()
    groups(cohorts, {4: 8})
    groups(cohorts, {3: 8}, platform="exon", wave="W2")
    return cohorts.study(**LARGE_FREEZE), {}


def converted_control() -> Case:
    """Two with Raynaud's phenomenon turned into SSc later."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 8, 3: 8}, {"D1": "b1", "M12": "b1"})
    for name in names[3][:2]:
        cohorts.event(name, 200, "reclassification", "ssc")
    return cohorts.study(**LARGE_FREEZE), {}


def overlap_syndrome() -> Case:
    """Two of ten have scleromyositis."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 10, 3: 8}, {"D1": "b1", "M12": "b1"})
    for name in names[4][:2]:
        cohorts.change(name, overlap=True)
    return cohorts.study(**LARGE_FREEZE), {}


def subtype_too_small() -> Case:
    """Two with dermatomyositis, six with another or no subtype."""
    cohorts = Cohorts()
    names = groups(cohorts, {2: 8, 1: 8}, {"D1": "b1", "M12": "b1"})[2]
    for name, subtype in zip(names, ("DM", "DM", "ASyS", "ASyS", "ASyS", "IMNM"), strict=False):
        cohorts.change(name, disease_subtype=subtype)
    return cohorts.study(**LARGE_FREEZE), {}


def subtype_large_enough() -> Case:
    """Eight with dermatomyositis, three with antisynthetase syndrome."""
    cohorts = Cohorts()
    names = groups(cohorts, {2: 11, 1: 8}, {"D1": "b1", "M12": "b1"})[2]
    for i, name in enumerate(names):
        cohorts.change(name, disease_subtype="DM" if i < 8 else "ASyS")
    return cohorts.study(**LARGE_FREEZE), {}


def advanced_stage() -> Case:
    """Four of eight are advanced at inclusion: two for 5 years or more, two by organ damage."""
    cohorts = Cohorts()
    names = cohorts.people(4, 8)
    onsets = (-1827, -3000, -100, None, -1826, -100, -100, None)
    for name, onset in zip(names, onsets, strict=True):
        cohorts.change(name, onset_day=onset)
        for timepoint in ("D1", "Y5"):
            for tissue in ("skin_sclerotic", "skin_healthy"):
                cohorts.sample(name, timepoint, tissue=tissue)
    cohorts.visit(names[2], "D1", pah=True)
    cohorts.visit(names[3], "D1", renal_crisis=True)
    cohorts.visit(names[5], "D1", pah=False)
    cohorts.visit(names[6], "Y5", pah=True)
    return cohorts.study(**FEW), {}


def held_by_quality() -> Case:
    """Quality holds two of the four samples of SSc at 12 months, and one of the controls at inclusion."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 4, 3: 4}, {"D1": "b1", "M12": "b1"})
    held = {f"{name}_M12_pbmc_microarray_1": "NUSE 1.31, above 1.25" for name in names[4][:2]}
    held[f"{names[3][0]}_D1_pbmc_microarray_1"] = "RLE IQR 1.2, above 1"
    return cohorts.study(**FEW), held


def small_freeze() -> Case:
    """Seventeen samples of the first wave in the freeze, of which one is of a participant who does not count."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 9, 3: 8})
    cohorts.change(names[4][0], age=17.0)
    groups(cohorts, {2: 8, 1: 8}, wave="W2")
    return cohorts.study(), {}


def covariate_aliased() -> Case:
    """All with SSc are women, all controls men; those with myositis are of both sexes and ages."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 8, 3: 8, 2: 8})
    for name in names[3]:
        cohorts.change(name, sex="M")
    for i, name in enumerate(names[2]):
        cohorts.change(name, sex="FM"[i % 2], age=40.0 + i * i)
    return cohorts.study(**LARGE_FREEZE), {}


def few_of_both_sexes() -> Case:
    """Two batches leave no degree of freedom for sex: in groups of three, and between six whose score is followed."""
    cohorts = Cohorts()
    scored = {"D1": "b1", "M12": "b1"}, {"D1": "b2", "M12": "b2"}
    for i, name in enumerate(one for batch in scored for one in groups(cohorts, {4: 3}, batch)[4]):
        cohorts.change(name, sex="FM"[i % 2])
        for j, timepoint in enumerate(scored[0]):
            cohorts.visit(name, timepoint, mrss=10 + (3 * i + 5 * j + i * j) % 7)
    for population in (1, 2):
        for i, name in enumerate(cohorts.people(population, 3)):
            cohorts.change(name, sex="FMF"[i])
            cohorts.sample(name, batch="b1" if i else "b2")
    return cohorts.study(**FEW), {}


def nearly_aliased() -> Case:
    """One of twelve with SSc shares the batch of the controls; one of sixteen changes without the change of batch."""
    cohorts = Cohorts()
    (first, *rest) = cohorts.people(4, 12)
    cohorts.sample(first, batch="b1")
    for name in rest:
        cohorts.sample(name, batch="b2")
    groups(cohorts, {3: 12}, {"D1": "b1"})
    (same, *moved) = cohorts.people(2, 16)
    for name in (same, *moved):
        cohorts.sample(name, batch="b1")
        cohorts.sample(name, "M12", batch="b1" if name == same else "b2")
    return cohorts.study(**LARGE_FREEZE), {}


def measures() -> Case:
    """Skin score of nine of ten, constant lung capacity, disability of few, ordered site score; three visits."""
    cohorts = Cohorts()
    names = cohorts.people(4, 10)
    for i, name in enumerate(names):
        for j, timepoint in enumerate(("D1", "M12", "Y5")):
            known = {"mrss": 10 + (3 * i + 5 * j) % 7, "fvc": 80.0}
            if i == 9:
                del known["mrss"]
            if i < 4 and timepoint == "D1":
                known["haq"] = i / 4
            cohorts.visit(name, timepoint, mrss_biopsy_site=str(i % 3), **known)
            if i < 8 or timepoint != "Y5":
                cohorts.sample(name, timepoint)
        cohorts.sample(name, "D1", tissue="skin_sclerotic")
    return cohorts.study(**LARGE_FREEZE), {}


def several_complications() -> Case:
    """The first complication after inclusion with a visit counts; infections are not systemic complications."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 6}, {"D1": "b1", "M12": "b1"})[4]
    for name in names:
        cohorts.event(name, -30, "complication", "ild")  # before inclusion
        cohorts.event(name, 100, "complication", "ulcer")  # no visit
        cohorts.event(name, 500, "complication", "ild")
        at_event(cohorts, name, 510)
        cohorts.event(name, 800, "complication", "pah")
        at_event(cohorts, name, 805, visit="E2")
    for name in names[:2]:
        cohorts.event(name, 505, "complication", "lung")
    return cohorts.study(**FEW), {}


def case_that_would_match() -> Case:
    """Four of five with a complication also have a visit at 12 months before it; three are without it."""
    cohorts = Cohorts()
    late = groups(cohorts, {4: 4}, {"D1": "b1", "M12": "b1"})[4]
    for name in late:
        cohorts.event(name, 500, "complication", "ild")
        at_event(cohorts, name, 510)
    (early,) = groups(cohorts, {4: 1})[4]
    cohorts.event(early, 340, "complication", "ild")
    at_event(cohorts, early, 350)
    groups(cohorts, {4: 3}, {"D1": "b1", "M12": "b1"})
    return cohorts.study(**FEW), {}


def unknown_eligibility() -> Case:
    """Whether two with SSc may have a biopsy is not known, and the study excludes those."""
    cohorts = Cohorts()
    names = groups(cohorts, {4: 8, 3: 8}, {"D1": "b1", "M12": "b1"})[4]
    for name in names[:2]:
        known = dict(cohorts.participants[name].eligibility)
        cohorts.change(name, eligibility={**known, "skin_biopsy_contraindicated": None})
    return cohorts.study(**LARGE_FREEZE, analysis={"unknown_eligibility": "exclude"}), {}


CASES: tuple[Callable[[], Case], ...] = (
    absent_visit,
    advanced_stage,
    batch_equals_visit,
    batch_equals_visit_with_bridges,
    case_that_would_match,
    converted_control,
    covariate_aliased,
    event_before_inclusion,
    event_controlled,
    event_outside_window,
    event_uncontrolled,
    few_of_both_sexes,
    group_in_one_batch,
    held_by_quality,
    lost_partner,
    measures,
    nearly_aliased,
    no_shared_tissue,
    no_shared_tissue_two_platforms,
    one_pair,
    one_sample,
    overlap_syndrome,
    overlapping_treatments,
    platform_of_second_wave,
    several_complications,
    small_freeze,
    subtype_large_enough,
    subtype_too_small,
    treatment_without_after,
    unknown_eligibility,
)
COMPLETE = absent_visit  # its table shows the cells with nobody in them too


def table(case: Callable[[], Case]) -> list[dict[str, str]]:
    """The rows of a case's table, all values as text."""
    return [{name: str(value) for name, value in row.items()} for row in _rows(case)]


def _rows(case: Callable[[], Case]) -> Iterator[dict[str, object]]:
    study, held = case()
    tissues = {one.tissue for one in study.cohort.samples.values()}
    nobody = 0
    for one in planned_verdicts(study, held):
        if one.cell.assay != "microarray" or RULED_OUT in one.reason:
            continue
        if case is not COMPLETE and _nobody(one, tissues):
            nobody += 1
            continue
        yield {
            "question": one.cell.question,
            "tissue": one.cell.tissue,
            "reference_tissue": one.cell.reference_tissue,
            "verdict": one.verdict,
            "n_case": one.n_case,
            "n_reference": one.n_reference,
            "n_pairs": one.n_pairs,
            "reason": one.reason,
            "remedy": one.remedy,
        }
    if nobody:
        yield dict.fromkeys(COLUMNS, "") | {
            "question": f"({nobody} more)", "verdict": "SKIP", "n_case": 0, "n_reference": 0, "n_pairs": 0
        }  # fmt: skip


def _nobody(one: CellVerdict, tissues: set[str]) -> bool:
    """SKIP, with nobody on any side: no sample of a tissue, no visit, or nobody incomplete or left out."""
    if one.verdict != "SKIP" or one.n_case or one.n_reference or one.n_pairs:
        return False
    absent = not {one.cell.tissue, one.cell.reference_tissue} - {""} <= tissues or " visit of " in one.reason
    return absent or not {"incomplete", "left"} & set(one.reason.split())
