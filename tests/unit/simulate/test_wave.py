import hashlib

import pytest

from scleromyomics.core.cli import command
from scleromyomics.core.errors import InputError
from scleromyomics.simulate import study, wave


def content(directory):
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def first(tmp_path):
    study.run(directory=tmp_path / "first", size="tiny", waves=1)
    return tmp_path / "first"


def test_a_second_wave_arrives_without_touching_the_first(first, tmp_path):
    study.run(directory=tmp_path / "both", size="tiny")
    sheets = {f"{name}.tsv" for name in ("participants", "visits", "events", "treatments", "samples")}
    kept = [path for path in first.rglob("*.*") if path.name not in sheets]
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert command(wave.run, ["--directory", str(first), "--size", "tiny"]) == 0
    assert content(first) == content(tmp_path / "both")
    assert {path: path.stat().st_mtime_ns for path in kept} == before


def test_a_second_wave_of_another_seed_is_refused_and_nothing_is_written(first):
    before = content(first)
    with pytest.raises(
        InputError, match="found other rows than size tiny and seed 2 give; allowed: a study of these"
    ):
        wave.run(directory=first, size="tiny", seed=2)
    assert content(first) == before
