"""Kill the tiny study's run at random moments, start it again each time, and compare what it ends with.

    python benchmarks/interruptions.py [KILLS] [SEED]

One run goes undisturbed. Another is killed (SIGKILL of the command, which takes its workers with it) KILLS times,
each after a random part of the time that the undisturbed run took, and started again by the same command; the last
one may finish. Writes benchmarks/results/interruptions.tsv: when each kill came, how many of the jobs' receipts were
there, and at the end how many files differ from those of the undisturbed run (goal: none).
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scleromyomics.core.files import write_tsv

KILLS, SEED = 10, 1
RESULT = Path(__file__).parent / "results" / "interruptions.tsv"
COMMAND = Path(sys.executable).with_name("scleromyomics")
LONGEST = 0.5  # of the undisturbed run's time, until a kill: later ones would find less and less to interrupt


def contents(study: Path) -> dict[str, str]:
    """Digest of every result by its path; what a killed job left beside its target under a hidden name is none."""
    files = (study / "results").rglob("*")
    return {
        str(path.relative_to(study)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(study).parts)
    }


def main() -> None:
    kills, seed = (int(text) for text in [*sys.argv[1:], *map(str, (KILLS, SEED)[len(sys.argv) - 1 :])])
    draw = random.Random(seed)  # noqa: S311 - moments, no secrets
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder) / "whole", Path(folder) / "broken"
        subprocess.run([COMMAND, "simulate", whole, "--size", "tiny"], check=True, capture_output=True)
        shutil.copytree(whole, broken)
        started = time.monotonic()
        subprocess.run([COMMAND, "run", whole], check=True, capture_output=True)
        length = time.monotonic() - started
        rows: list[dict[str, object]] = []
        for number in range(1, kills + 1):
            running = subprocess.Popen(
                [COMMAND, "run", broken], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            seconds = draw.uniform(0, LONGEST * length)
            ended = True
            try:
                running.wait(seconds)
            except subprocess.TimeoutExpired:
                os.kill(running.pid, signal.SIGKILL)
                running.wait()
                ended = False
            receipts = len(list((broken / "results").rglob("*receipt.json")))
            rows.append(
                {"kill": number, "seconds": round(seconds, 1), "ended_before": ended, "receipts": receipts}
            )
            print(rows[-1], flush=True)
        done = subprocess.run([COMMAND, "run", broken], check=False, capture_output=True, text=True)
        expected, found = contents(whole), contents(broken)
        different = {path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path)}
        last = {"kill": "none", "seconds": "", "ended_before": done.returncode == 0, "receipts": ""}
        rows = [{**row, "files_that_differ": ""} for row in rows]
        rows.append({**last, "files_that_differ": len(different)})
        print(rows[-1], sorted(different)[:5], f"of {len(expected)} files; undisturbed {length:.0f} s")
        write_tsv(RESULT, list(rows[0]), rows)


if __name__ == "__main__":
    main()
