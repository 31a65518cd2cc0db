"""Faults of config.yaml are one line each, in the words of YAML and not of the library that finds them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sheet_faults import CONFIG, SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.config import Config
from scleromyomics.plan.document import read_document
from scleromyomics.plan.study import load_study


def faults(folder: Path, text: str | bytes) -> list[str]:
    (folder / "config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return [str(fault) for fault in read_document(folder / "config.yaml", Config).faults]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "seed: NO\n",
            "config.yaml, line 1, key seed: 'NO': is read as false by YAML; allowed: a whole number",
        ),
        (
            "seed: 1.5\n",
            "config.yaml, line 1, key seed: '1.5': is read as a number by YAML; allowed: a whole number",
        ),
        ("seed:\n", "config.yaml, line 1, key seed: '': is blank; allowed: a whole number"),
        (
            "\nseed: [1]\n",
            "config.yaml, line 2, key seed: is read as a list by YAML; allowed: a whole number",
        ),
        (
            "hold_back: {S1: 2021-03-05}\n",
            "key hold_back.S1: '2021-03-05': is read as a date by YAML; allowed: text; in quotes where it reads as",
        ),
        (
            "analysis: {keep_ineligible: yes please}\n",
            "key analysis.keep_ineligible: 'yes please': is read as text by YAML; allowed: true or false",
        ),
        (
            "freeze: {microarray: [{id: F1}]}\n",
            "config.yaml, line 1, key freeze.microarray[0].waves: this key is missing; allowed: a value for it",
        ),
        (
            "freeze: {microarray: [{id: first, waves: [W1]}]}\n",
            r"[0].id: 'first': is not written as it must be; allowed: text that matches F\d+",
        ),
        ("freeze: {rna: []}\n", "allowed: microarray, variants, proteomics or scrna"),
        (
            "microarray: {platforms: {chip: {cdf: x}}}\n",
            "key microarray.platforms.chip.cdf: 'x': there is no such key; allowed: definition, annotation, sha256",
        ),
        ("- a\n", "config.yaml, line 1: is not made of keys and values; allowed: key: value"),
        ("text\n", "config.yaml, line 1: is not made of keys and values; allowed: key: value"),
        ("a: 1\n b: 2\n", "config.yaml, line 2: is not YAML"),
        ("a: !!python/object:os.system x\n", "config.yaml, line 1: is not YAML"),
        (
            "seed: 1\nanalysis: {covariates: [age], covariates: [sex]}\n",
            "config.yaml, line 2, key covariates: this key is there twice; allowed: each key once",
        ),
        (b"title: caf\xe9\n", "config.yaml, line 1: is not UTF-8 (Latin-1?); allowed: text saved as UTF-8"),
        (b"a: \x07\n", "is not YAML"),
    ],
)
def test_a_fault_is_one_line_with_its_key(text: str | bytes, line: str, tmp_path: Path) -> None:
    (found,) = faults(tmp_path, text)
    assert line in found
    assert "pydantic" not in found.lower()


def test_a_faulty_block_does_not_hide_faults_of_the_others(study_dir: Callable[..., Path]) -> None:
    config = CONFIG + "seed: x\nrelease: W9\nhold_back: {P99: lost}\n"
    with pytest.raises(InputError) as error:
        load_study(study_dir(SmallStudy(config=config)))
    keys = [line.split(":")[0].rpartition(" ")[2] for line in str(error.value).splitlines()]
    assert keys == ["seed", "release", "hold_back.P99"]
