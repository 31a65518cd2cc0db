"""How long `scleromyomics check` takes: load the sheets, completeness, eligibility, every verdict.

    python benchmarks/check_speed.py

A fresh process each time, best of three, on the simulated toy study (32 participants) and on one of 400
participants with all four assays. Writes benchmarks/results/check_speed.tsv and fails above the limits.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scleromyomics.core.files import read_tsv, write_tsv

LIMITS = {"toy": 3.0, "cohort": 10.0}  # seconds: what a person waits for without wondering
RUNS = 3
RESULT = Path(__file__).parent / "results" / "check_speed.tsv"
COLUMNS = ("size", "participants", "samples", "verdicts", "seconds", "limit_seconds")
COMMAND = Path(sys.executable).with_name("scleromyomics")


def measure(size: str, folder: Path) -> dict[str, object]:
    study = folder / size
    subprocess.run([COMMAND, "simulate", study, "--size", size], check=True, capture_output=True)
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([COMMAND, "check", study], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return {
        "size": size,
        "participants": len(read_tsv(study / "participants.tsv")),
        "samples": len(read_tsv(study / "samples.tsv")),
        "verdicts": len(read_tsv(study / "results" / "cohort" / "verdicts.tsv")),
        "seconds": round(min(seconds), 2),
        "limit_seconds": LIMITS[size],
    }


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(size, Path(folder)) for size in LIMITS]
    write_tsv(RESULT, COLUMNS, rows)
    for row in rows:
        print("  ".join(f"{name} {row[name]}" for name in COLUMNS))
    return int(any(row["seconds"] > row["limit_seconds"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
