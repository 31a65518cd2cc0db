"""Which Python the jobs of a workflow find."""

import os
import sys
from pathlib import Path


def prefer_this_python() -> None:
    """Put the folder of the running Python first on the PATH of child processes.

    So a workflow that was started by its path (`.venv/bin/snakemake`) needs no activated environment; a conda
    environment that Snakemake activates for a job still goes before it.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
