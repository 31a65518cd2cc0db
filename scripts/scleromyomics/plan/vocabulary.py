"""The closed lists that the study is written in: the same words in sheets, paths, matrices and results."""

from typing import Literal

Timepoint = Literal["D1", "M12", "Y5", "EVENT", "ROUTINE"]
"""Scheduled role of a visit: inclusion, 12 months, 5 years, at an event, routine follow-up."""

ScheduledTimepoint = Literal["D1", "M12", "Y5"]

Tissue = Literal["pbmc", "serum", "muscle", "skin_sclerotic", "skin_healthy"]

Assay = Literal["microarray", "variants", "proteomics", "scrna"]

Group = Literal["im_control", "im", "ssc_control", "ssc"]
"""Populations 1 to 4: the control of myositis, myositis, the control of systemic sclerosis, systemic sclerosis."""

Sex = Literal["F", "M"]

EventKind = Literal["complication", "reclassification", "death", "withdrawal", "lost"]

TreatmentClass = Literal["immunomodulator", "cell_therapy", "immunosuppressant", "corticosteroid", "other"]

Verdict = Literal["RUN", "CAUTION", "SKIP"]
