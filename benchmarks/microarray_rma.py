"""Read CEL files and make RMA values: this project beside affy::justRMA, and the freeze's fit at full chip size.

    python benchmarks/microarray_rma.py peer [--arrays 20]     both on the same simulated CEL files
    python benchmarks/microarray_rma.py large [--arrays 100]   HG-U133 Plus 2 size: 54,675 probe sets

Prints seconds, peak memory and, for `peer`, the ratio and the largest difference in log2 units.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from scleromyomics.microarray.chip import read_chip
from scleromyomics.microarray.fit import joint_fit
from scleromyomics.microarray.rma import read_probes
from scleromyomics.simulate.affymetrix import write_cdf, write_cel

THREADS = 2
SIZES = {"peer": (600, 10_000), "large": (1164, 54_675)}  # cells along a side, probe sets
EXTRA = {"peer": 0, "large": 604_258 - 11 * 54_675}  # probes beyond 11 per set

PEER = """
suppressMessages({library(makecdfenv); library(affy)})
folder <- commandArgs(TRUE)[1]
bench <- make.cdf.env("bench.cdf", cdf.path = folder, verbose = FALSE)
files <- sort(list.files(folder, pattern = "[.]CEL$"))
seconds <- system.time(found <- justRMA(filenames = files, celfile.path = folder))
write.table(exprs(found)[order(rownames(found), method = "radix"), ], file.path(folder, "peer.tsv"), sep = "\t",
            quote = FALSE, col.names = FALSE)
peak <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
cat(seconds[["elapsed"]], sum(seconds[1:2]), as.numeric(gsub("[^0-9]", "", peak)) / 1024,
    as.character(packageVersion("affy")), "\n")
"""


def simulate(folder: Path, kind: str, arrays: int) -> None:
    """CEL files and the CDF of a chip whose probe sets have 11 probes, some one more or less."""
    random = np.random.default_rng(1)
    side, sets = SIZES[kind]
    counts = np.full(sets, 11)
    counts[: abs(EXTRA[kind])] += np.sign(EXTRA[kind])
    starts = np.concatenate([[0], np.cumsum(counts)])
    cells = random.permutation(side * side)[: starts[-1]]
    names = [f"{number}_at" for number in range(sets)]
    write_cdf(folder / "bench.cdf", rows=side, cols=side, features=names, starts=starts, pm=cells)
    level = np.repeat(random.normal(6.5, 1.8, sets), counts) + random.normal(0, 1, cells.size)
    for number in range(arrays):
        image = random.normal(60, 8, side * side)
        image[cells] += 2 ** (level + random.normal(0, 0.3, cells.size))
        write_cel(
            folder / f"a{number:03d}.CEL",
            intensities=np.clip(np.round(image, 1), 1, 65535),
            chip_name="bench",
            rows=side,
            cols=side,
        )


def ours(folder: Path) -> None:
    """Read and fit, in a process of its own, so that its peak memory is its own."""
    chip = read_chip([folder / "bench.cdf"])
    files = sorted(folder.glob("*.CEL"))
    start = time.perf_counter()
    weights = np.ones(len(files), dtype=np.int64)
    joint = joint_fit(lambda i: read_probes(files[i], chip), weights, chip.starts, threads=THREADS)
    seconds = time.perf_counter() - start
    np.save(folder / "ours.npy", joint.plain)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measured(*command: str) -> list[str]:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=["peer", "large", "ours"])
    parser.add_argument("--arrays", type=int)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.kind == "ours":
        ours(given.folder)
        return
    arrays = given.arrays or {"peer": 20, "large": 100}[given.kind]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, given.kind, arrays)
        seconds, cpu, peak = map(float, measured(sys.executable, __file__, "ours", "--folder", name))
        print("tool\tarrays\tprobe_sets\tseconds\tcpu_seconds\tpeak_mb")
        print(f"scleromyomics\t{arrays}\t{SIZES[given.kind][1]}\t{seconds:.2f}\t{cpu:.2f}\t{peak:.0f}")
        if given.kind == "peer":
            (folder / "peer.R").write_text(PEER)
            *numbers, version = measured("Rscript", str(folder / "peer.R"), name)
            r_seconds, r_cpu, r_peak = map(float, numbers)
            print(f"affy {version}\t{arrays}\t{SIZES['peer'][1]}\t{r_seconds:.2f}\t{r_cpu:.2f}\t{r_peak:.0f}")
            peer = np.loadtxt(folder / "peer.tsv", delimiter="\t", usecols=range(1, arrays + 1))
            print(f"times faster: {r_seconds / seconds:.1f}")
            print(f"largest difference (log2): {np.abs(peer - np.load(folder / 'ours.npy')).max():.2g}")


if __name__ == "__main__":
    main()
