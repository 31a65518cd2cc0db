import shutil
import sys
from pathlib import Path

from scleromyomics.core.interpreter import prefer_this_python


def test_child_processes_find_the_running_python(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    prefer_this_python()
    assert Path(shutil.which("python")).parent == Path(sys.executable).parent
