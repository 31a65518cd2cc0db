import os
import shutil

import pytest

from scleromyomics.cohort.check import check
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_tsv, sha256, write_json

LATER = 4e9  # seconds of the epoch: after any receipt


@pytest.fixture
def study(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "study")


def test_it_writes_three_tables_and_sums_them_up(study, capsys):
    check(study)
    folder = study / "results" / "cohort"
    assert {path.name for path in folder.iterdir()} == {"completeness.tsv", "eligibility.tsv", "verdicts.tsv"}
    assert {row["planned"] for row in read_tsv(folder / "verdicts.tsv")} <= {"RUN", "CAUTION", "SKIP"}
    shown = capsys.readouterr().out
    assert "4 participants" in shown
    assert "microarray" in shown


def test_all_faults_are_shown_and_nothing_is_written(study):
    (study / "raw/microarray/P301_D1_pbmc_chip.CEL").unlink()
    sheet = study / "participants.tsv"
    sheet.write_text(sheet.read_text().replace("\tF\t", "\tfemale\t").replace("\tM\t", "\tmale\t"))
    with pytest.raises(InputError) as error:
        check(study)
    lines = str(error.value).splitlines()
    assert any("P301_D1_pbmc_chip.CEL" in line for line in lines)
    assert sum("sex" in line for line in lines) == 4
    assert not (study / "results").exists()


def test_faults_of_gene_sets_are_shown_with_those_of_the_sheets(study):
    config = study / "config.yaml"
    config.write_text(config.read_text() + "gene_sets: [own.gmt, none.gmt]\n")
    (study / "own.gmt").write_text("fine\tabout\tA\tB\nlone\tabout\tA\n")
    (study / "raw/microarray/P301_D1_pbmc_chip.CEL").unlink()
    with pytest.raises(InputError) as error:
        check(study)
    absent, short, raw = str(error.value).splitlines()
    assert "none.gmt: does not exist; allowed: a GMT file" in absent
    assert "own.gmt, line 2: 3 columns; allowed: name, description, 2 genes or more" in short
    assert "P301_D1_pbmc_chip.CEL" in raw


def admit(study, sample, **changes):
    raw = study / "raw" / "microarray" / f"{sample}.CEL"
    found = {"status": "accepted", "sha256": sha256(raw), "size": raw.stat().st_size, "reason": ""}
    write_json(study / f"results/samples/microarray/F1/{sample}/raw.receipt.json", found | changes)
    return raw


def test_a_raw_file_that_is_no_longer_its_receipt_is_a_fault(study):
    raw = admit(study, "P301_D1_pbmc_chip")
    os.utime(raw, (LATER, LATER))
    check(study)
    admit(study, "P301_D1_pbmc_chip", sha256="0" * 64)
    with pytest.raises(InputError, match="no longer the file that was processed as sample P301_D1_pbmc_chip"):
        check(study)


def test_a_refused_file_may_be_replaced(study):
    raw = admit(study, "P301_D1_pbmc_chip", status="refused", sha256="0" * 64)
    os.utime(raw, (LATER, LATER))
    check(study)
