"""Small cohorts with the verdict and the reason that each of them must get, word for word."""

from cohorts import Cohorts

from scleromyomics.plan.verdicts import final_verdicts, planned_verdicts

ONE_LEVEL = {"analysis": {"covariates": []}, "verdicts": {"caution_below_freeze_samples": 1}}
WITH_SEX = {"verdicts": {"caution_below_freeze_samples": 1}}
WITHOUT = {"verdicts": {"caution_below_freeze_samples": 1, "skip_without": []}}
FEW = {**ONE_LEVEL, "verdicts": {"caution_below_freeze_samples": 1, "caution_below_pairs": 4}}


def verdict(cohorts, question, tissue="pbmc", *, assay="microarray", held=None, **settings):
    """The verdict on one cell."""
    found = planned_verdicts(cohorts.study(**(settings or ONE_LEVEL)), held)
    return next(
        one
        for one in found
        if (one.cell.question, one.cell.assay, one.cell.tissue) == (question, assay, tissue)
    )


def said(cohorts, question, tissue="pbmc", **options):
    """Verdict, reason and remedy."""
    found = verdict(cohorts, question, tissue, **options)
    return found.verdict, found.reason, found.remedy


def two_groups(cases, references, *, timepoint="D1", tissue="pbmc", batches=("b1", "b1")):
    """SSc and its control."""
    cohorts = Cohorts()
    for population, number, batch in ((4, cases, batches[0]), (3, references, batches[1])):
        for name in cohorts.people(population, number):
            cohorts.sample(name, timepoint, tissue=tissue, batch=batch)
    return cohorts


def followed(cases, *, batches=("b1", "b2"), references=0):
    """SSc (and its control) at D1 in the first batch and at M12 in the second."""
    cohorts = Cohorts()
    for population, number in ((4, cases), (3, references)):
        for name in cohorts.people(population, number):
            cohorts.sample(name, "D1", batch=batches[0])
            cohorts.sample(name, "M12", batch=batches[1], wave="W2")
    return cohorts


def test_enough_in_both_groups_is_run():
    cohorts = two_groups(8, 9)
    assert said(cohorts, "ssc_vs_control_d1") == ("RUN", "8 SSc vs 9 SSc controls; 15 residual df", "")


def test_an_absent_visit_is_named():
    reason = (
        "0 SSc vs 0 SSc controls; no M12 visit of SSc; no M12 visit of SSc controls; "
        "at least 3 of each are needed"
    )
    remedy = (
        "3 more SSc with microarray of pbmc at M12 and 3 more SSc controls with microarray of pbmc at M12"
    )
    assert said(two_groups(8, 8), "ssc_vs_control_m12") == ("SKIP", reason, remedy)


def test_one_sample_is_not_a_group():
    assert said(two_groups(8, 1), "ssc_vs_control_d1") == (
        "SKIP",
        "8 SSc vs 1 SSc control; at least 3 of each are needed",
        "2 more SSc controls with microarray of pbmc at D1",
    )


def test_few_participants_are_a_caution():
    assert said(two_groups(5, 8), "ssc_vs_control_d1") == (
        "CAUTION",
        "5 SSc vs 8 SSc controls; fewer than 8 in a group; 11 residual df",
        "",
    )


def test_each_group_in_a_batch_of_its_own_is_skipped_with_the_two_names():
    assert said(two_groups(8, 8, batches=("b1", "b2")), "ssc_vs_control_d1") == (
        "SKIP",
        "8 SSc vs 8 SSc controls; group is aliased with batch (SSc: b1; SSc controls: b2)",
        "measure SSc and SSc controls in the same batch",
    )


def test_each_group_on_a_platform_of_its_own_is_skipped_by_its_name():
    cohorts = Cohorts()
    for population, platform in ((4, "plus2"), (3, "exon")):
        for name in cohorts.people(population, 8):
            cohorts.sample(name, platform=platform)
    assert said(cohorts, "ssc_vs_control_d1") == (
        "SKIP",
        "8 SSc vs 8 SSc controls; group is aliased with platform and batch (SSc: plus2/b1; SSc controls: exon/b1)",
        "measure SSc and SSc controls in the same batch",
    )


def test_each_group_in_a_wave_of_its_own_is_skipped_by_its_name():
    cohorts = Cohorts()
    for population, wave in ((4, "W1"), (3, "W2")):
        for name in cohorts.people(population, 8):
            cohorts.sample(name, wave=wave)
    assert said(cohorts, "ssc_vs_control_d1") == (
        "SKIP",
        "8 SSc vs 8 SSc controls; group is aliased with wave (SSc: W1; SSc controls: W2)",
        "measure SSc and SSc controls in the same wave",
    )


def test_a_batch_of_one_group_is_a_caution_when_little_of_the_contrast_is_left():
    cohorts = Cohorts()
    cases, references = cohorts.people(4, 12), cohorts.people(3, 12)
    for i, name in enumerate(cases):
        cohorts.sample(name, batch="b1" if i == 0 else "b2")
    for name in references:
        cohorts.sample(name, batch="b1")
    # 1/1 + 1/12 within b1, against 1/12 + 1/12 without batches
    assert said(cohorts, "ssc_vs_control_d1") == (
        "CAUTION",
        (
            "12 SSc vs 12 SSc controls; batch b2 holds only SSc: variance inflation 6.5; adjusted for batch; "
            "21 residual df"
        ),
        "",
    )


def test_a_batch_of_one_group_is_run_when_enough_is_left():
    cohorts = two_groups(8, 8)
    for name in cohorts.people(4, 4):
        cohorts.sample(name, batch="b2")
    reason = "12 SSc vs 8 SSc controls; adjusted for batch; 17 residual df"
    assert said(cohorts, "ssc_vs_control_d1") == ("RUN", reason, "")


def test_ineligible_overlapping_and_held_back_participants_are_counted_out():
    cohorts = two_groups(11, 8)
    cohorts.change("S001", age=17.0)
    cohorts.change("S002", overlap=True)
    held = {"S003_D1_pbmc_microarray_1": "NUSE 1.3"}
    reason = (
        "8 SSc vs 8 SSc controls; 14 residual df; "
        "3 left out (1 held back, 1 not eligible, 1 overlap syndrome)"
    )
    assert said(cohorts, "ssc_vs_control_d1", held=held) == ("RUN", reason, "")


def test_a_converted_control_counts_as_at_inclusion():
    cohorts = two_groups(8, 8)
    cohorts.event("R001", 700, "reclassification", "ssc")
    reason = "8 SSc vs 8 SSc controls; 14 residual df; 1 reclassified later, counted as at inclusion"
    assert said(cohorts, "ssc_vs_control_d1") == ("RUN", reason, "")


def test_groups_that_share_no_tissue_cannot_be_compared_in_it():
    cohorts = two_groups(8, 8, tissue="skin_sclerotic")
    for name in cohorts.people(2, 8):
        cohorts.sample(name, tissue="muscle")
    assert said(cohorts, "ssc_vs_im_d1", "skin_sclerotic") == (
        "SKIP",
        "8 SSc vs 0 IM; the protocol takes no skin_sclerotic from IM",
        "",
    )


def test_muscle_is_not_taken_again():
    cohorts = Cohorts()
    for population in (1, 2):
        for name in cohorts.people(population, 8):
            cohorts.sample(name, tissue="muscle")
    assert said(cohorts, "im_change_d1_m12", "muscle") == (
        "SKIP",
        "0 complete pairs of IM; the protocol takes muscle at D1, not at M12; 8 incomplete (no M12 visit)",
        "",
    )


def test_an_assay_without_samples_is_named():
    reason = "0 SSc vs 0 SSc controls; the study has no proteomics samples; at least 3 of each are needed"
    assert verdict(two_groups(8, 8), "ssc_vs_control_d1", "serum", assay="proteomics").reason == reason


def test_sclerotic_against_control_skin_says_that_it_compares_tissues():
    cohorts = two_groups(8, 0, tissue="skin_sclerotic")
    for name in cohorts.people(3, 8):
        cohorts.sample(name, tissue="skin_healthy")
    assert said(cohorts, "ssc_sclerotic_vs_control_skin", "skin_sclerotic") == (
        "RUN",
        "8 SSc vs 8 SSc controls; 14 residual df; compares skin_sclerotic with skin_healthy as well as the groups",
        "",
    )


def test_a_covariate_that_costs_the_last_degrees_of_freedom_is_dropped_and_named():
    cohorts = two_groups(3, 3)
    for i, name in enumerate(cohorts.participants):
        cohorts.change(name, age=40.0 + i * i, sex="FM"[i % 2])
    assert said(cohorts, "ssc_vs_control_d1", **WITH_SEX) == (
        "CAUTION",
        (
            "3 SSc vs 3 SSc controls; fewer than 8 in a group; not adjusted for age (only 2 residual df with it); "
            "adjusted for sex; 3 residual df"
        ),
        "",
    )


def test_a_covariate_that_equals_the_group_is_dropped_and_named():
    cohorts = two_groups(8, 8)
    for name in cohorts.participants:
        cohorts.change(name, age=60.0 if name.startswith("S") else 40.0)
    assert said(cohorts, "ssc_vs_control_d1", **WITH_SEX) == (
        "CAUTION",
        "8 SSc vs 8 SSc controls; not adjusted for age (aliased with case); 14 residual df",
        "",
    )


def of_two_sexes(cohorts):
    """Women and men in turn within each group."""
    for i, name in enumerate(cohorts.participants):
        cohorts.change(name, sex="FM"[i % 2])
    return cohorts


def test_groups_that_cannot_be_adjusted_for_sex_are_skipped_with_how_many_it_takes():
    cohorts = two_groups(3, 3)
    cohorts.sample(cohorts.people(4, 1, sex="M")[0], batch="b2")
    cohorts = of_two_sexes(cohorts)
    del cohorts.samples["S003_D1_pbmc_microarray_1"]
    counts = "3 SSc vs 3 SSc controls; "
    reason = f"{counts}cannot be adjusted for sex (only 2 residual df with it)"
    assert said(cohorts, "ssc_vs_control_d1", **WITH_SEX) == ("SKIP", reason, "1 more participant")
    cautions = "fewer than 8 in a group; not adjusted for sex (only 2 residual df with it)"
    reason = f"{counts}{cautions}; adjusted for batch; 3 residual df"
    assert said(cohorts, "ssc_vs_control_d1", **WITHOUT) == ("CAUTION", reason, "")
    cohorts.sample(*cohorts.people(3, 1))
    assert verdict(cohorts, "ssc_vs_control_d1", **WITH_SEX).verdict == "CAUTION"


def test_groups_that_sex_tells_apart_are_skipped_until_there_is_one_of_the_other_sex():
    cohorts = two_groups(8, 8)
    for name in cohorts.participants:
        cohorts.change(name, sex="F" if name.startswith("S") else "M")
    reason = "8 SSc vs 8 SSc controls; cannot be adjusted for sex (aliased with case)"
    remedy = "participants alike in sex who differ in group"
    assert said(cohorts, "ssc_vs_control_d1", **WITH_SEX) == ("SKIP", reason, remedy)
    reason = "8 SSc vs 8 SSc controls; not adjusted for sex (aliased with case); 14 residual df"
    assert said(cohorts, "ssc_vs_control_d1", **WITHOUT) == ("CAUTION", reason, "")
    cohorts.sample(*cohorts.people(3, 1, sex="F"))
    assert verdict(cohorts, "ssc_vs_control_d1", **WITH_SEX).verdict != "SKIP"


def test_too_little_left_even_without_sex_asks_for_as_many_as_it_takes_with_it():
    cohorts = of_two_sexes(two_groups(3, 3))
    for number, name in enumerate(("S001", "R001")):
        del cohorts.samples[f"{name}_D1_pbmc_microarray_1"]
        cohorts.sample(name, batch=f"b{2 + number}")
    found = said(cohorts, "ssc_vs_control_d1", **WITH_SEX)
    assert found == (
        "SKIP",
        "3 SSc vs 3 SSc controls; 2 residual df, at least 3 are needed",
        "2 more participants",
    )


def test_a_slope_that_cannot_be_adjusted_for_sex_is_skipped():
    cohorts = of_two_sexes(two_groups(6, 0))
    for i, name in enumerate(cohorts.participants):
        cohorts.visit(name, "D1", mrss=(3 * i) % 7)
        if i < 2:
            del cohorts.samples[f"{name}_D1_pbmc_microarray_1"]
            cohorts.sample(name, batch="b2")
    counts = "6 SSc with mrss and a sample at D1; "
    reason = f"{counts}cannot be adjusted for sex (only 2 residual df with it)"
    assert said(cohorts, "ssc_mrss", **WITH_SEX) == ("SKIP", reason, "1 more participant")
    cautions = "fewer than 8 participants; not adjusted for sex (only 2 residual df with it)"
    reason = f"{counts}{cautions}; adjusted for batch; 3 residual df"
    assert said(cohorts, "ssc_mrss", **WITHOUT) == ("CAUTION", reason, "")
    for name in cohorts.participants:
        cohorts.visit(name, "D1", mrss="FM".index(cohorts.participants[name].sex))
    reason = f"{counts}cannot be adjusted for sex (aliased with mrss)"
    remedy = "participants alike in sex who differ in mrss"
    assert said(cohorts, "ssc_mrss", **WITH_SEX) == ("SKIP", reason, remedy)


def test_over_visits_the_slope_between_needs_sex_and_the_slope_within_does_not():
    cohorts = of_two_sexes(followed(8, batches=("b1", "b1")))
    for i, name in enumerate(cohorts.participants):
        for j, timepoint in enumerate(("D1", "M12")):
            cohorts.visit(name, timepoint, mrss=10 + i % 2 + (1 if j else -1) * (i // 2))
    counts = "8 SSc with mrss and a sample at D1, M12 or Y5, 16 profiles in all, 8 with several; "
    left = "6 residual df between participants; 6 residual df within participants"
    untold = "the slope between participants is not answered: cannot be adjusted for sex (aliased with mrss)"
    assert said(cohorts, "ssc_mrss_visits", **WITH_SEX) == ("CAUTION", f"{counts}{untold}; {left}", "")
    reason = f"{counts}not adjusted for sex (aliased with mrss); {left}"
    assert said(cohorts, "ssc_mrss_visits", **WITHOUT) == ("CAUTION", reason, "")


def test_over_visits_nothing_is_answered_where_the_slope_within_has_no_degrees_of_freedom_either():
    cohorts = of_two_sexes(two_groups(8, 0))
    for i, name in enumerate(cohorts.participants):
        step = (2, -2)[i] if i < 2 else 0
        cohorts.visit(name, "D1", mrss=10 + i % 2 - step)
        if step:
            cohorts.visit(name, "M12", mrss=10 + i % 2 + step)
            cohorts.sample(name, "M12", wave="W2")
    counts = "8 SSc with mrss and a sample at D1, M12 or Y5, 10 profiles in all, 2 with several"
    assert said(cohorts, "ssc_mrss_visits", **WITH_SEX) == (
        "SKIP",
        f"{counts}; cannot be adjusted for sex (aliased with mrss)",
        "participants alike in sex who differ in mrss",
    )


def test_a_small_freeze_is_a_caution():
    assert said(two_groups(8, 8), "ssc_vs_control_d1", analysis={"covariates": []}) == (
        "CAUTION",
        "8 SSc vs 8 SSc controls; frozen models rest on 16 pbmc samples, fewer than 20; 14 residual df",
        "",
    )


def test_a_platform_first_seen_in_the_second_wave_is_held_until_it_has_a_freeze():
    cohorts = two_groups(8, 0)
    for name in cohorts.people(3, 8):
        cohorts.sample(name, platform="exon", wave="W2")
    assert said(cohorts, "ssc_vs_control_d1") == (
        "SKIP",
        "8 SSc vs 0 SSc controls; at least 3 of each are needed; 8 left out (held back)",
        "3 more SSc controls with microarray of pbmc at D1",
    )


def test_time_that_equals_batch_is_skipped_with_the_bridges_it_takes():
    assert said(followed(16), "ssc_change_d1_m12") == (
        "SKIP",
        "16 complete pairs of SSc; time is aliased with batch and wave (D1: b1; M12: b2)",
        "rerun 4 stored D1 samples in batch b2 as bridges",
    )


def test_the_bridges_that_were_asked_for_restore_run():
    cohorts = followed(16)
    for name in ("S001", "S002", "S003", "S004"):
        cohorts.sample(name, "D1", batch="b2", wave="W2", bridge=f"{name}_D1_pbmc_microarray_1")
    assert said(cohorts, "ssc_change_d1_m12") == (
        "RUN",
        "16 complete pairs of SSc; 18 residual df; 4 bridge samples",
        "",
    )


def test_too_few_bridges_are_a_caution():
    cohorts = followed(16)
    cohorts.sample("S001", "D1", batch="b2", wave="W2", bridge="S001_D1_pbmc_microarray_1")
    assert said(cohorts, "ssc_change_d1_m12") == (
        "CAUTION",
        (
            "16 complete pairs of SSc; time is nearly aliased with batch: variance inflation 17.0; "
            "15 residual df; 1 bridge sample"
        ),
        "",
    )


def test_the_change_beyond_the_controls_is_run_where_time_equals_batch():
    reason = (
        "8 complete pairs of SSc vs 8 of SSc controls; "
        "time is aliased with batch: assumes that batches shift both groups alike; 14 residual df"
    )
    assert said(followed(8, references=8), "ssc_change_vs_control_d1_m12") == ("RUN", reason, "")


def test_groups_that_moved_to_different_batches_cannot_be_subtracted():
    cohorts = followed(8)
    for name in cohorts.people(3, 8):
        cohorts.sample(name, "D1", batch="b1")
        cohorts.sample(name, "M12", batch="b3", wave="W2")
    reason = (
        "8 complete pairs of SSc vs 8 of SSc controls; group is aliased with change of batch "
        "(SSc: b1 to b2; SSc controls: b1 to b3)"
    )
    remedy = "measure M12 samples of both groups in the same batches"
    assert said(cohorts, "ssc_change_vs_control_d1_m12") == ("SKIP", reason, remedy)


def test_one_pair_is_not_enough():
    assert said(followed(1, batches=("b1", "b1")), "ssc_change_d1_m12") == (
        "SKIP",
        "1 complete pair of SSc; at least 4 are needed",
        "3 more complete pairs at M12",
    )


def test_what_a_skip_asks_for_ends_it():
    cohorts = followed(1, batches=("b1", "b1"))
    assert verdict(cohorts, "ssc_change_d1_m12").remedy == "3 more complete pairs at M12"
    for name in cohorts.people(4, 3):
        cohorts.sample(name, "D1")
        cohorts.sample(name, "M12")
    assert verdict(cohorts, "ssc_change_d1_m12").verdict == "CAUTION"


def test_lost_partners_are_counted_with_their_reasons():
    cohorts = followed(8, batches=("b1", "b1"))
    dead, away, unsampled, late = cohorts.people(4, 4)
    for name in (dead, away, unsampled):
        cohorts.sample(name, "D1")
    cohorts.event(dead, 200, "death")
    cohorts.visit(unsampled, "M12")
    cohorts.visit(late, "D1")
    cohorts.sample(late, "M12", wave="W2")
    assert said(cohorts, "ssc_change_d1_m12") == (
        "CAUTION",
        (
            "8 complete pairs of SSc; "
            "mixed model of 12 participants, fewer than 20: read the complete pairs beside it; 7 residual df; "
            "4 incomplete (1 death before M12, 1 no M12 visit, 1 no sample at D1, 1 no sample at M12)"
        ),
        "",
    )


UNCONTROLLED = (
    "uncontrolled (0 without it over a matched interval, fewer than 3): "
    "natural evolution and regression to the mean look the same"
)


def test_an_event_before_inclusion_or_without_a_visit_gives_no_pair():
    cohorts = Cohorts()
    names = cohorts.people(4, 6)
    for name in names:
        cohorts.sample(name, "D1")
    for name in names[:4]:
        cohorts.event(name, 300, "complication", "ild")
        cohorts.visit(name, "EVENT", day=320, visit="E1")
        cohorts.sample(name, "EVENT", visit="E1")
    cohorts.event(names[4], -50, "complication", "renal")
    cohorts.event(names[5], 300, "complication", "ild")
    cohorts.visit(names[5], "EVENT", day=331, visit="E1")
    cohorts.sample(names[5], "EVENT", visit="E1")
    reason = (
        f"4 complete pairs of SSc; {UNCONTROLLED}; 3 residual df; "
        "2 incomplete (1 complication before inclusion, 1 no sample within 30 days)"
    )
    assert said(cohorts, "ssc_systemic_complication", **FEW) == ("CAUTION", reason, "")
    assert verdict(cohorts, "ssc_infectious_complication").n_pairs == 0


def test_a_treatment_without_a_visit_after_it_gives_no_pair():
    cohorts = Cohorts()
    names = cohorts.people(4, 6)
    for name in names:
        cohorts.sample(name, "D1")
        cohorts.treat(name, 100)
    for name in names[:4]:
        cohorts.sample(name, "M12")
    cohorts.treat(names[5], -10, "cell_therapy")
    reason = (
        f"4 complete pairs of SSc; {UNCONTROLLED}; 3 residual df; "
        "2 incomplete (1 no sample within 365 days after the start, 1 treated before inclusion)"
    )
    assert said(cohorts, "ssc_targeted_treatment", **FEW) == ("CAUTION", reason, "")


def test_skin_sites_in_different_batches_cannot_be_compared():
    cohorts = Cohorts()
    for name in cohorts.people(4, 8):
        cohorts.sample(name, tissue="skin_sclerotic", batch="b1")
        cohorts.sample(name, tissue="skin_healthy", batch="b2")
    assert said(cohorts, "ssc_sclerotic_vs_healthy_skin", "skin_sclerotic") == (
        "SKIP",
        "8 complete pairs of SSc; tissue is aliased with batch (skin_healthy: b2; skin_sclerotic: b1)",
        "measure both tissues of participants in the same batch",
    )


def test_a_measure_must_vary():
    cohorts = two_groups(8, 0)
    for name in cohorts.participants:
        cohorts.visit(name, "D1", mrss=12)
    assert said(cohorts, "ssc_mrss") == (
        "SKIP",
        "8 SSc with mrss and a sample at D1; mrss does not vary",
        "participants who differ in mrss",
    )


def test_a_measure_is_associated_where_both_are_there():
    cohorts = two_groups(9, 0)
    for i, name in enumerate(list(cohorts.participants)[1:]):
        cohorts.visit(name, "D1", mrss=i)
    reason = "8 SSc with mrss and a sample at D1; 6 residual df; 1 without mrss"
    assert said(cohorts, "ssc_mrss") == ("RUN", reason, "")


def test_change_is_associated_with_change_even_where_time_equals_batch():
    cohorts = followed(8)
    for i, name in enumerate(cohorts.participants):
        cohorts.visit(name, "D1", mrss=20)
        cohorts.visit(name, "M12", mrss=20 - i)
    reason = "8 SSc with mrss and a sample at D1 and M12; adjusted for batch; 6 residual df"
    assert said(cohorts, "ssc_mrss_change") == ("RUN", reason, "")


def test_an_assay_that_is_not_processed_says_what_was_planned():
    cohorts = followed(8, references=8)
    for name in cohorts.participants:
        cohorts.sample(name, assay="scrna")
    study = cohorts.study(**ONE_LEVEL)
    found = final_verdicts(planned_verdicts(study), study, {})
    final = {(v.cell.question, v.cell.assay, v.cell.tissue): v for v in found}
    assert final["ssc_vs_control_d1", "microarray", "pbmc"].verdict == "RUN"
    cells = final["ssc_vs_control_d1", "scrna", "pbmc"]
    assert (cells.verdict, cells.reason) == ("SKIP", "planned RUN; no engine for scrna in this version")


def test_what_the_sheets_do_not_allow_stays_a_skip_and_its_reason():
    cohorts = two_groups(8, 1)
    study = cohorts.study(**ONE_LEVEL)
    planned = planned_verdicts(study)
    assert final_verdicts(planned, study, {"S001_D1_pbmc_microarray_1": "poor"}) == planned


def test_deleting_a_visit_changes_only_the_questions_that_use_it():
    cohorts = followed(10, references=10)
    before = {one.cell: one for one in planned_verdicts(cohorts.study(**ONE_LEVEL))}
    del cohorts.samples["S001_M12_pbmc_microarray_1"], cohorts.visits["S001", "M12"]
    after = {one.cell: one for one in planned_verdicts(cohorts.study(**ONE_LEVEL))}
    changed = {cell.question for cell in before if before[cell] != after[cell]}
    assert changed == {
        "ssc_vs_control_m12", "ssc_vs_im_m12", "ssc_change_d1_m12", "ssc_change_m12_y5",
        "ssc_change_vs_control_d1_m12", "ssc_vs_im_change_d1_m12", "ssc_mrss_change", "ssc_fvc_change",
        "ssc_mrss_visits", "ssc_fvc_visits",
    }  # fmt: skip
    for cell, one in before.items():
        assert one.n_pairs - after[cell].n_pairs == (
            cell.tissue == "pbmc" and cell.question in {
                "ssc_change_d1_m12", "ssc_change_vs_control_d1_m12", "ssc_vs_im_change_d1_m12"
            } and cell.assay == "microarray"
        )  # fmt: skip


def test_genotypes_are_compared_between_groups_and_not_related_to_measures():
    cohorts = Cohorts()
    for population in (3, 4):
        for name in cohorts.people(population, 8):
            cohorts.visit(name, "D1", mrss=10.0 + len(cohorts.samples))
            cohorts.sample(name, assay="variants", platform="exome")
    found = {
        (one.cell.question, one.cell.tissue): one
        for one in planned_verdicts(cohorts.study())
        if one.cell.assay == "variants"
    }
    assert found["ssc_vs_control_d1", "pbmc"].verdict == "RUN"
    assert found["ssc_mrss", "pbmc"].verdict == "SKIP"
    assert (
        found["ssc_mrss", "pbmc"].reason
        == "genotypes and a clinical measure; no method for them in this version"
    )
