"""The conda environments for clusters name the same versions as the lock."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKED = {
    name: version
    for name, version, marker in re.findall(
        r"^([a-z0-9-]+)==([^ ;\\]+)(?: ; ([^\\]*))?", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )
    if not marker or "< '3.12'" in marker or "python_full_version >= " not in marker
}


@pytest.mark.parametrize("path", sorted(ROOT.glob("envs/*.yaml")), ids=lambda path: path.name)
def test_environment_has_the_versions_of_the_lock(path):
    wanted = [one.split("=") for one in yaml.safe_load(path.read_text())["dependencies"]]
    different = {name: version for name, version in wanted if name != "python" and LOCKED[name] != version}
    assert not different


def test_every_environment_is_used_by_a_rule():
    used = {
        name
        for path in ROOT.glob("rules/*.smk")
        for name in re.findall(r"envs/(\w+\.yaml)", path.read_text())
    }
    assert used == {path.name for path in ROOT.glob("envs/*.yaml")}
