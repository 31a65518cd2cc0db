"""Every rule keeps the same promises; checked without running a job."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULE = re.compile(r"^rule (\w+):\n((?:[ \t]+.*\n|\n)+)", re.MULTILINE)
TEXTS = {path: path.read_text() for path in sorted(ROOT.glob("rules/*.smk"))}
RULES = {name: (body, path) for path, text in TEXTS.items() for name, body in RULE.findall(text)}
DIRECTIVES = ("log", "benchmark", "conda", "threads", "resources", "params", "shell")


def module_name(rule: str) -> str:
    stage, step = rule.split("_", 1)
    return f"scleromyomics.{stage}.{step}"


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_complete(rule):
    body, _ = RULES[rule]
    assert body.lstrip().startswith('"""'), f"{rule}: no docstring"
    for directive in DIRECTIVES:
        assert f"\n    {directive}:" in body, f"{rule}: no {directive}"
    for resource in ("mem_mb=", "runtime="):
        assert resource in body, f"{rule}: no {resource}"


@pytest.mark.parametrize("rule", RULES)
def test_rule_has_one_name_everywhere(rule):
    """Rule, file, module, log, benchmark and unit test share it."""
    body, path = RULES[rule]
    stage, step = rule.split("_", 1)
    assert path.stem == stage
    assert f'"logs/{stage}/{step}/' in body
    assert f'"benchmarks/{stage}/{step}/' in body
    assert f"python -m {module_name(rule)}" in body
    assert f'code=code_digest("{module_name(rule)}")' in body
    assert (ROOT / "tests" / "unit" / stage / f"test_{step}.py").is_file()


@pytest.mark.parametrize("rule", RULES)
def test_rule_passes_exactly_the_flags_of_its_module(rule):
    body, _ = RULES[rule]
    parameters = inspect.signature(importlib.import_module(module_name(rule)).run).parameters.values()
    known = {f"--{one.name.replace('_', '-')}" for one in parameters}
    required = {
        f"--{one.name.replace('_', '-')}" for one in parameters if one.default is inspect.Parameter.empty
    }
    passed = set(re.findall(r'(?<=[" ])--[a-z][a-z0-9-]*', body))
    assert passed <= known
    assert required <= passed


@pytest.mark.parametrize("path", [ROOT / "Snakefile", *TEXTS], ids=lambda path: path.name)
def test_rule_files_hold_no_function_bodies(path):
    text = path.read_text()
    assert not re.search(r"^\s*(def|class) ", text, re.MULTILINE)
    rules = len(RULE.findall(text))
    assert len(text.splitlines()) <= 60 * max(rules, 1)


def test_the_snakefile_is_a_table_of_contents():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 80


def test_the_parse_path_imports_nothing_heavy():
    heavy = {"pandas", "scipy", "anndata", "scanpy", "sklearn", "pyarrow", "matplotlib", "mudata", "h5py"}
    code = (
        "import sys; import scleromyomics.plan.targets, scleromyomics.core.provenance;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "scripts"
    )
    assert done.stdout.strip() == "[]"


def test_every_module_of_the_plan_imports_nothing_heavy():
    found = {
        path: re.findall(
            r"^\s*(?:import|from) (pandas|scipy|anndata|pyarrow|matplotlib)\b", path.read_text(), re.MULTILINE
        )
        for path in (ROOT / "scripts" / "scleromyomics" / "plan").rglob("*.py")
    }
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize("path", sorted((ROOT / "scripts" / "scleromyomics").rglob("*.py")), ids=str)
def test_every_module_has_a_docstring_and_a_test(path):
    assert path.read_text().startswith('"""'), "no module docstring"
    if path.stem != "__init__":
        names = {f"test_{path.stem}.py", f"test_{path.parent.name}.py"}  # blocks of one package share a test
        tests = {found.name for found in (ROOT / "tests").rglob("test_*.py")}
        folders = {found.parent.name for found in (ROOT / "tests").rglob("test_*.py")}
        assert names & tests or path.parent.name in folders, f"no test is named after {path}"


def test_rule_files_are_formatted():
    tool = Path(sys.executable).with_name("snakefmt")
    done = subprocess.run(
        [tool, "--check", ROOT / "Snakefile", ROOT / "rules"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
