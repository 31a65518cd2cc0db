"""Every command that the documentation shows is one that works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, copy

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = [
    (page.name, line.partition("#")[0].strip())
    for page in PAGES
    for block in BLOCK.findall(page.read_text())
    for line in block.splitlines()
]


def runnable(line, study, new):
    """The command on a study of ours; what would compute for long is only planned."""
    words = shlex.split(line)
    place = new if words[:2] in (["scleromyomics", "init"], ["scleromyomics", "simulate"]) else study
    words = [str(place) if word in {"STUDY", "DIR"} else word for word in words]
    if words[0] == "make" or "snakemake" in words[0] or words[:2] == ["scleromyomics", "run"]:
        words.append("-n")
    return words


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda text: text)
def test_a_command_of_the_documentation_works(page, line, tiny, tmp_path):
    words = runnable(line, copy(tiny, tmp_path / "study"), tmp_path / "new")
    if words[0] == "source" or "profiles/slurm" in line:
        pytest.skip("needs a shell or a cluster")
    if "wave" in line:
        pytest.skip("tested with the simulator: it needs a study of one wave")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_command_is_documented():
    text = "".join(page.read_text() for page in PAGES)
    for name in ("init", "check", "simulate", "run"):
        assert f"scleromyomics {name}" in text
