# Shared by every rule file. No function bodies: anything longer than an expression is Python with a test.
import shlex
import sys
from pathlib import Path

sys.path.insert(0, f"{workflow.basedir}/scripts")

from scleromyomics.core.interpreter import prefer_this_python
from scleromyomics.core.provenance import ROOT, code_digest
from scleromyomics.core.tools import tool_settings
from scleromyomics.plan.targets import flag, load_plan

plan = load_plan(Path.cwd(), overrides=config)
genomes = plan.genomes
settings = plan.settings  # the whole configuration, defaults included

# Strict bash, so that a failure inside a pipe fails the job; our package in every environment, also after
# conda activation (which clears PYTHONPATH); nothing from the working directory or from ~/.local; one thread
# per numerical library, so that results do not depend on the number of cores; the sequencing tools.
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(ROOT))} PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1"
    f" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 {tool_settings(settings['tools'])}; "
)

prefer_this_python()


# The *form* of each wildcard, so that paths cannot match greedily; the *values* are the sheets' business.
wildcard_constraints:
    assay=r"[a-z]+",
    freeze=r"F\d+",
    participant=r"[A-Za-z0-9][A-Za-z0-9_]*",
    platform=r"[A-Za-z0-9][A-Za-z0-9_]*",
    question=r"[a-z][a-z0-9_]*",
    release=plan.release,  # one release is built at a time
    sample=r"[A-Za-z0-9][A-Za-z0-9_]*",
    timepoint=r"[A-Z][A-Z0-9]*",
    tissue=r"[a-z_]+",
