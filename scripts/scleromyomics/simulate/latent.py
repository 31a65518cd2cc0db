"""The toy cohort's one truth: the log2 expression of every transcript in a tissue of a participant at a visit.

    expression = level in the tissue + sex + effects that act + participant + residual       (log2 units)

The level in a tissue follows from its cell types: a marker is expressed in its cell type alone. Effects of a
group, of time, site, treatment or complication move whole programmes, each transcript by a size of its own between
0.5 and 1 log2, up or down; at most 5 % of the transcripts belong to a programme that moves. The participant's
deviation is the same in all tissues and at all visits; the residual is drawn anew for each.

Every draw has a random stream of its own, keyed by what it is drawn for, so that participants, visits or waves that
are added later leave all earlier draws as they were. Nothing here reads or writes files: assays draw their raw files
from these values.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scleromyomics.plan.vocabulary import Group, Sex, Tissue, TreatmentClass

Floats = NDArray[np.float64]
Kind = Literal["group", "time", "tissue", "treatment", "complication"]
Complication = Literal["systemic", "infectious"]

NULLS = 2050
"""Transcripts that belong to no programme and never move: quantile normalisation needs most features to stay."""
FLOOR = 4.5
"""Level of a transcript where it is not expressed, log2 of scanner units: half of a chip's background."""
NULL_LEVEL, NULL_LEVEL_SD = 7.5, 2.4
"""Levels of the transcripts without a programme, log2 of scanner units: wide, as on real chips. With few dim probes
RMA takes the common signal for background, and stretches differences."""
EFFECT_SIZE = (0.5, 1.0)
"""Range of an effect on one transcript, log2."""
SPREAD = (0.3, 0.5)
"""Range of a transcript's standard deviation between participants of one group, tissue and visit, log2."""
SHARED = 0.4
"""Part of that variance that is the participant's own, the same in all tissues and at all visits."""
SHARED_SEVERE = 0.8
"""The same, for transcripts that follow the severity of the disease."""
SEVERITY_SHARE = 0.9
"""Correlation of the participant's own deviation with severity, for those transcripts."""
SEVERITY: dict[str, int] = {
    "fibrosis": 1,
    "adipose": -1,
    "monocyte": 1,
    "antigen_presentation": 1,
    "regeneration": 1,
}
"""Programmes that follow severity, and in which direction; clinical measures follow it too."""
LATER = 275
"""Day from which effects of time act: the first day that counts as the visit at 12 months."""

FRACTIONS: dict[Tissue, dict[str, float]] = {
    "pbmc": {
        "t_cell": 0.35,
        "cd8_t_cell": 0.18,
        "monocyte": 0.2,
        "nk_cell": 0.12,
        "b_cell": 0.1,
        "dendritic_cell": 0.02,
        "plasmacytoid_dendritic_cell": 0.01,
        "plasma_cell": 0.01,
        "innate_lymphoid_cell": 0.005,
        "platelet": 0.005,
    },
    "muscle": {
        "myofibre": 0.78,
        "fibroblast": 0.06,
        "endothelial_cell": 0.07,
        "satellite_cell": 0.03,
        "macrophage": 0.03,
        "t_cell": 0.03,
    },
    "skin_sclerotic": {
        "keratinocyte": 0.45,
        "fibroblast": 0.3,
        "endothelial_cell": 0.12,
        "adipocyte": 0.06,
        "macrophage": 0.04,
        "t_cell": 0.03,
    },
}
FRACTIONS["skin_healthy"] = FRACTIONS["skin_sclerotic"]
"""Cell types of a tissue before any shift; serum has none."""
TISSUES: tuple[Tissue, ...] = tuple(FRACTIONS)


@dataclass(frozen=True)
class Transcripts:
    """What is expressed: arrays of one entry per transcript."""

    name: NDArray[np.str_]  # the gene symbol, or NT0001, ... for those without a programme
    gene_symbol: NDArray[np.str_]  # "" for those without
    gene_id: NDArray[np.str_]
    programme: NDArray[np.str_]
    cell_type: NDArray[np.str_]  # the only cell type that expresses it; "": all do
    chromosome: NDArray[np.str_]
    level: Floats  # log2 expression in its cell type
    spread: Floats  # standard deviation between participants of one group, tissue and visit, log2
    shared: Floats  # part of the variance that is the participant's own
    severity: Floats  # direction (-1, 0, 1) in which it follows the severity of the disease

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that moves the transcripts of a programme; without `groups` or `tissues`, in all of them."""

    name: str
    kind: Kind
    programme: str
    direction: Literal[-1, 1]
    groups: tuple[Group, ...] = ()
    tissues: tuple[Tissue, ...] = ()
    cell_type: str = ""  # the cell type in which it acts; "": all that express the programme
    composition: bool = False  # there are more or fewer cells of the programme's cell type
    treatment: TreatmentClass | None = None  # acts while it is taken
    complication: Complication | None = None  # acts at a visit that follows it


_SKIN: tuple[Tissue, ...] = ("skin_sclerotic", "skin_healthy")
EFFECTS: tuple[Effect, ...] = (
    Effect("ssc_interferon_blood", "group", "interferon", 1, ("ssc",), ("pbmc",)),
    Effect("ssc_interferon_skin", "group", "interferon", 1, ("ssc",), _SKIN),
    Effect("ssc_monocytes", "group", "monocyte", 1, ("ssc",), ("pbmc",), composition=True),
    Effect("ssc_nk_cells", "group", "nk_cell", -1, ("ssc",), ("pbmc",), composition=True),
    Effect("im_interferon_blood", "group", "interferon", 1, ("im",), ("pbmc",)),
    Effect("im_t_cells_blood", "group", "t_cell", -1, ("im",), ("pbmc",), composition=True),
    Effect("im_interferon_muscle", "group", "interferon", 1, ("im",), ("muscle",)),
    Effect("im_antigen_presentation", "group", "antigen_presentation", 1, ("im",), ("muscle",), "myofibre"),
    Effect("im_regeneration", "group", "regeneration", 1, ("im",), ("muscle",)),
    Effect("im_fibre_loss", "group", "muscle_fibre", -1, ("im",), ("muscle",)),
    Effect("im_t_cells_muscle", "group", "t_cell", 1, ("im",), ("muscle",), composition=True),
    Effect("sclerotic_fibrosis", "tissue", "fibrosis", 1, ("ssc",), ("skin_sclerotic",)),
    Effect(
        "sclerotic_adipose_loss", "tissue", "adipose", -1, ("ssc",), ("skin_sclerotic",), composition=True
    ),
    Effect(
        "sclerotic_macrophages", "tissue", "macrophage", 1, ("ssc",), ("skin_sclerotic",), composition=True
    ),
    Effect("time_stress", "time", "stress", 1),
    Effect("ssc_evolution", "time", "interferon", 1, ("ssc",), ("pbmc",)),
    Effect("im_evolution", "time", "interferon", -1, ("im",), ("pbmc",)),
    Effect("immunomodulator", "treatment", "interferon", -1, treatment="immunomodulator"),
    Effect("cell_therapy_b_cells", "treatment", "b_cell", -1, composition=True, treatment="cell_therapy"),
    Effect(
        "cell_therapy_plasma_cells",
        "treatment",
        "plasma_cell",
        -1,
        composition=True,
        treatment="cell_therapy",
    ),
    Effect("corticosteroid", "treatment", "steroid", 1, treatment="corticosteroid"),
    Effect("infection", "complication", "acute_phase", 1, tissues=("pbmc",), complication="infectious"),
    Effect(
        "systemic_complication", "complication", "macrophage", 1, tissues=("pbmc",), complication="systemic"
    ),
)
"""All that moves. A control that converts to SSc has the effects of both groups from then on."""


@dataclass(frozen=True, slots=True)
class State:
    """A participant at a visit, as far as expression depends on it."""

    participant: str
    visit: str
    day: int
    groups: tuple[Group, ...]  # the group at inclusion, and what it converted to since
    sex: Sex
    treatments: frozenset[TreatmentClass] = field(default_factory=frozenset)  # those being taken
    complications: frozenset[Complication] = field(default_factory=frozenset)  # those that led to the visit


@dataclass(frozen=True)
class Profiles:
    """Log2 expression of two groups in one tissue at inclusion, as if measured without error.

    Attributes:
        values: (samples, transcripts), log2.
        case: (samples) True for the case group.
        truth: (transcripts) case minus reference, log2.
        spread: (transcripts) standard deviation within a group, log2.
    """

    values: Floats
    case: NDArray[np.bool_]
    truth: Floats
    spread: Floats


def stream(seed: int, *key: str) -> np.random.Generator:
    """The random stream that belongs to `key`: no other key's draws depend on it."""
    text = "\x1f".join([str(seed), *key])
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest()))


def transcripts(genes: Sequence[Mapping[str, str]], *, seed: int, nulls: int = NULLS) -> Transcripts:
    """The named genes, then `nulls` transcripts that belong to no programme.

    Args:
        genes: rows with gene_symbol, gene_id, programme, cell_type, chromosome, level (log2).
        seed: of the study.
        nulls: how many never move.
    """
    blank = [""] * nulls

    def column(name: str, rest: list[str]) -> NDArray[np.str_]:
        return np.array([row[name] for row in genes] + rest)

    rng = stream(seed, "transcripts")
    count = len(genes) + nulls
    programme = column("programme", blank)
    severity = np.array([float(SEVERITY.get(one, 0)) for one in programme])
    levels = np.clip(rng.normal(NULL_LEVEL, NULL_LEVEL_SD, nulls), FLOOR, None)
    return Transcripts(
        name=column("gene_symbol", [f"NT{number:04d}" for number in range(1, nulls + 1)]),
        gene_symbol=column("gene_symbol", blank),
        gene_id=column("gene_id", blank),
        programme=programme,
        cell_type=column("cell_type", blank),
        chromosome=column("chromosome", blank),
        level=np.concatenate([[float(row["level"]) for row in genes], levels]),
        spread=rng.uniform(*SPREAD, count),
        shared=np.where(severity == 0, SHARED, SHARED_SEVERE),
        severity=severity,
    )


def moving(genes: Transcripts) -> NDArray[np.bool_]:
    """Which transcripts some effect moves."""
    return np.isin(genes.programme, [effect.programme for effect in EFFECTS])


def level(genes: Transcripts, tissue: Tissue, sex: Sex) -> Floats:
    """Log2 expression in a tissue before any effect: that of its cell types, mixed."""
    fraction = np.array([FRACTIONS[tissue].get(one, 0.0) if one else 1.0 for one in genes.cell_type])
    mixed = np.log2(fraction * 2**genes.level + (1 - fraction) * 2**FLOOR)
    absent = genes.programme == ("male" if sex == "F" else "female")
    return np.where(absent, FLOOR, mixed)


def shift(genes: Transcripts, effect: Effect, *, seed: int) -> Floats:
    """What an effect adds where it acts, log2: 0 outside its programme."""
    sizes = stream(seed, "effect", effect.name).uniform(*EFFECT_SIZE, len(genes))
    return np.where(genes.programme == effect.programme, effect.direction * sizes, 0.0)


def acts(effect: Effect, state: State, tissue: Tissue) -> bool:
    """Whether an effect acts on a tissue of a participant at a visit."""
    return (
        (not effect.groups or any(group in effect.groups for group in state.groups))
        and (not effect.tissues or tissue in effect.tissues)
        and (effect.kind != "time" or state.day >= LATER)
        and (effect.treatment is None or effect.treatment in state.treatments)
        and (effect.complication is None or effect.complication in state.complications)
    )


def effects(genes: Transcripts, state: State, tissue: Tissue, *, seed: int) -> Floats:
    """The sum of all effects that act, log2."""
    total = np.zeros(len(genes))
    for effect in EFFECTS:
        if acts(effect, state, tissue):
            total += shift(genes, effect, seed=seed)
    return total


def fractions(state: State, tissue: Tissue, *, seed: int) -> dict[str, float]:
    """Share of each cell type in a tissue, after the shifts of composition that act; they add up to 1."""
    factor = {
        effect.programme: 2
        ** (effect.direction * stream(seed, "fraction", effect.name).uniform(*EFFECT_SIZE))
        for effect in EFFECTS
        if effect.composition and acts(effect, state, tissue)
    }
    shares = {name: share * factor.get(name, 1.0) for name, share in FRACTIONS[tissue].items()}
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def severity(participant: str, *, seed: int) -> float:
    """How severe a participant's disease is, in standard deviations; clinical measures follow it."""
    return float(stream(seed, "severity", participant).standard_normal())


def deviation(genes: Transcripts, participant: str, *, seed: int) -> Floats:
    """How a participant differs from the group in all tissues and at all visits, log2."""
    own = stream(seed, "participant", participant).standard_normal(len(genes))
    severe = genes.severity * severity(participant, seed=seed)
    mixed = SEVERITY_SHARE * severe + np.sqrt(1 - SEVERITY_SHARE**2) * own
    return genes.spread * np.sqrt(genes.shared) * np.where(genes.severity == 0, own, mixed)


def residual(genes: Transcripts, state: State, tissue: Tissue, *, seed: int) -> Floats:
    """How a participant's tissue differs at one visit from what it is on average, log2."""
    own = stream(seed, "residual", state.participant, state.visit, tissue).standard_normal(len(genes))
    return genes.spread * np.sqrt(1 - genes.shared) * own


def expression(genes: Transcripts, state: State, tissue: Tissue, *, seed: int) -> Floats:
    """True log2 expression of every transcript in a tissue of a participant at a visit."""
    return (
        level(genes, tissue, state.sex)
        + effects(genes, state, tissue, seed=seed)
        + deviation(genes, state.participant, seed=seed)
        + residual(genes, state, tissue, seed=seed)
    )


def batch_effect(genes: Transcripts, assay: str, batch: str, *, sd: float, seed: int) -> Floats:
    """What a batch adds to the measurement of every transcript, log2; the same for all its samples."""
    return sd * stream(seed, "batch", assay, batch).standard_normal(len(genes))


def simulate_profiles(
    genes: Transcripts, *, case: Group, reference: Group, tissue: Tissue, per_group: int, seed: int
) -> Profiles:
    """Draw the profiles of two groups at inclusion, without raw files: for studies of power over many seeds.

    Everyone is a woman, so that nothing but the groups' effects differs on average.
    """
    states = [
        State(f"{group}{number}", "D1", 0, (group,), "F")
        for group in (case, reference)
        for number in range(per_group)
    ]
    truth = effects(genes, states[0], tissue, seed=seed) - effects(genes, states[-1], tissue, seed=seed)
    values = np.array([expression(genes, state, tissue, seed=seed) for state in states])
    return Profiles(values, np.arange(len(states)) < per_group, truth, genes.spread)
