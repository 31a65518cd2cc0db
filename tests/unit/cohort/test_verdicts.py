"""Final verdicts, and who is held back."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from scleromyomics.cohort import verdicts as tool
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_tsv

QUALITY = ("sample", "held", "reasons")


def quality(path: Path, **reasons: str) -> Path:
    rows = [{"sample": name, "held": bool(text), "reasons": text} for name, text in sorted(reasons.items())]
    write_tsv(path, QUALITY, rows)
    return path


def cohort(*samples: str):
    taken = {
        name: SimpleNamespace(sample=name, participant=f"P_{name}", assay="microarray", tissue="pbmc")
        for name in samples
    }
    return SimpleNamespace(samples=taken, visit_of=lambda _: SimpleNamespace(timepoint="D1"))


def test_samples_held_back_come_from_the_tables_of_all_assays(tmp_path):
    tables = [
        quality(tmp_path / "a.tsv", S1="", S2="sex differs"),
        quality(tmp_path / "b.tsv", S3="truncated"),
    ]
    assert tool.held_by_quality(tables) == {"S2": "sex differs", "S3": "truncated"}


def test_held_samples_are_named_with_where_they_belong():
    rows = tool.held_rows(cohort("S1", "S2", "S3"), {"S3": "truncated", "S1": "sex differs"})
    assert [row["sample"] for row in rows] == ["S1", "S3"]
    assert rows[0] == {
        "sample": "S1",
        "participant": "P_S1",
        "assay": "microarray",
        "tissue": "pbmc",
        "timepoint": "D1",
        "reason": "sex differs",
    }


def test_a_sample_of_another_release_is_refused():
    with pytest.raises(InputError, match="quality tables: sample 'S9' is not in this release"):
        tool.held_rows(cohort("S1"), {"S9": "old"})


def test_both_verdicts_stand_beside_each_other_with_the_final_reason():
    before = {"question": "q", "planned": "RUN", "reason": "8 SSc vs 8 SSc controls", "n_case": 8}
    after = {"question": "q", "planned": "SKIP", "reason": "2 SSc vs 8 SSc controls", "n_case": 2}
    (row,) = tool.verdict_rows([before], [after])
    assert (row["planned"], row["final"], row["n_case"]) == ("RUN", "SKIP", 2)
    assert row["reason"] == "2 SSc vs 8 SSc controls"
