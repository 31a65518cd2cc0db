"""What is generated from the models is what lies in the config folder."""

import pytest
import yaml

from scleromyomics.plan.config import Config
from scleromyomics.plan.defaults import FOLDER, default_protocol, generated, run

FILES = generated(default_protocol())


@pytest.mark.parametrize("name", sorted(FILES))
def test_generated_files_are_up_to_date(name: str) -> None:
    path = FOLDER / name
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == FILES[name], f"config/{name} is not what the models say: run `make defaults`"


def test_the_written_defaults_are_the_defaults() -> None:
    assert Config.model_validate(yaml.safe_load(FILES["config.yaml"])) == Config()


def test_every_setting_is_explained() -> None:
    lines = FILES["config.yaml"].splitlines()
    settings = [place for place, line in enumerate(lines) if line and not line.lstrip().startswith("#")]
    assert len(settings) > 20
    for place in settings:
        assert lines[place - 1].lstrip().startswith("#"), lines[place]


def test_writing_makes_every_file(tmp_path) -> None:
    run(folder=tmp_path)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(FILES)
