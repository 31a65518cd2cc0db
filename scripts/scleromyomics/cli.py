"""The command `scleromyomics`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

import scleromyomics
from scleromyomics.core.cli import call

app = App(
    name="scleromyomics",
    help="""From raw multi-omics files of a longitudinal SSc and myositis cohort to answered questions.

    A study is a folder with a configuration, five sheets and raw files; results are written below it. Start
    with `scleromyomics simulate DIR` to see a whole study, or `scleromyomics init DIR` for your own; then
    `scleromyomics check DIR` until it is content, and `scleromyomics run DIR`.
    """,
    version=scleromyomics.__version__,
    default_parameter=Parameter(negative=""),
    result_action="return_value",
)

Study = Annotated[Path, Parameter(help="The study directory.")]


@app.command
def init(directory: Study, /) -> None:
    """Make a template study: config.yaml, protocol.yaml and the five sheets with their header lines."""
    from scleromyomics.plan.start import start

    start(directory)
    print(f"Fill in the sheets of {directory}, then: scleromyomics check {directory}")


@app.command
def check(directory: Study, /) -> None:
    """Check sheets and raw files, and say what every question of the protocol can expect, before any compute.

    Shows all faults at once (exit status 2), or writes completeness, eligibility and verdicts to
    DIR/results/cohort and sums them up.
    """
    from scleromyomics.cohort.check import check as check_study

    check_study(directory)


@app.command
def simulate(
    directory: Study,
    /,
    *,
    size: Literal["tiny", "toy", "cohort"] = "toy",
    seed: int = 1,
    waves: int = 2,
) -> None:
    """Make a simulated study whose answers are known: sheets, references, raw files and the planted truth.

    Args:
        directory: A new or empty folder.
        size: 4 participants (every step runs, in seconds), 32, or 400 (sheets and stand-ins for raw files).
        seed: The same seed gives the same files.
        waves: Stop after so many sampling waves.
    """
    from scleromyomics.simulate.study import run as simulate_study

    simulate_study(directory=directory, size=size, seed=seed, waves=waves)
    print(f"Now: scleromyomics run {directory}")


@app.command
def run(
    directory: Study,
    /,
    *options: Annotated[str, Parameter(allow_leading_hyphen=True, help="Options for Snakemake.")],
) -> int:
    """Build the newest release of the study; the same command resumes after any interruption.

    Everything after DIR goes to Snakemake: `-n` shows what would run, `--cores 4` limits the cores,
    `--profile FOLDER` takes another profile (the repository's config/profiles/slurm is one for clusters),
    `--config release=W1` builds an older wave.
    """
    from scleromyomics.cohort.check import warn
    from scleromyomics.plan.targets import load_plan
    from scleromyomics.workflow import run as run_workflow

    warn(load_plan(directory, overrides={}).study)
    return run_workflow(directory, options)


def main() -> int:
    """Run the command line of this process; 2 where the user can mend what is wrong."""
    return call(lambda: app(exit_on_error=False, print_error=False), CycloptsError)
