"""What the benchmarks of the variants assay share: the commands of its steps as the rules give them. Runs nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from scleromyomics.core.tools import ToolName, find_tool
from scleromyomics.plan.config.variants import Calling, Mosaic, VariantsQuality
from scleromyomics.variants.fastq import opened

RESULTS = Path(__file__).parent / "results"
REAL = Path(os.environ.get("SCLEROMYOMICS_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
DATA = REAL / "variants"
CHR20 = DATA / "reference_chr20" / "chr20_10Mb.fa.gz"
THREADS, MEMORY_MB = 2, 4000
KINDS = ("native", "embedded")
TOOLS: tuple[ToolName, ...] = ("bwa", "samtools", "bcftools")


def choice(kind: str) -> str:
    """The setting that means one kind of programs: those of this machine, or those of the wheels."""
    return "auto" if kind == "native" else "embedded"


def missing(programs: Iterable[str], *files: Path) -> bool:
    """Whether something is not there; says what."""
    absent = [name for name in programs if not shutil.which(name)]
    absent += [str(path) for path in files if not path.exists()]
    if absent:
        print(f"skipped: {', '.join(absent)} not on this machine")
    return bool(absent)


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr.decode()[-2000:]}")
    return done.stdout.decode()


def versions() -> str:
    """Of the programs of this machine, and of the embedded ones."""
    return ", ".join(find_tool(name, choice(kind)).version for kind in KINDS for name in TOOLS)


def shell(text: str, **values: object) -> str:
    """A pipeline as a person would type it."""
    return run("bash", "-o", "pipefail", "-c", text.format(**values))


def read_fasta(path: Path) -> str:
    """The only sequence of a file."""
    with opened(path) as handle:
        return "".join(line.decode().strip() for line in handle if not line.startswith(b">")).upper()


def step(module: str, **flags: object) -> list[str]:
    """The command of one step."""
    words = [sys.executable, "-m", f"scleromyomics.variants.{module}"]
    for name, value in flags.items():
        if value is not None and value != []:
            words.append(f"--{name.replace('_', '-')}")
            words += map(str, value) if isinstance(value, list) else [str(value)]
    return words


def make_reference(
    folder: Path, fasta: Path, kind: str, *, bed: Path | None = None, common: Path | None = None
) -> Path:
    """The genome and the targets, as the workflow makes them once."""
    folder.mkdir(parents=True, exist_ok=True)
    tools = dict.fromkeys(TOOLS, choice(kind))
    genome, receipt = folder / "genome.fa", folder / "receipt.json"
    made = {"genome": genome, "dictionary": folder / "genome.dict", "receipt": receipt}
    run(*step("reference", fasta=fasta, common=common, region_bases=Calling().region_bases, **tools, **made))
    made = {"targets": folder / "targets.bed", "receipt": folder / "targets.receipt.json"}
    run(*step("targets", reference=receipt, bed=bed, **made))
    return folder


def sample_steps(
    folder: Path,
    reference: Path,
    raw: Sequence[Path],
    kind: str,
    *,
    sample: str,
    form: str = "fastq",
    sex: str = "F",
) -> dict[str, list[str]]:
    """The commands of one sample, with the defaults of the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    calling, tool, common = Calling(), choice(kind), reference / "common.bcf"
    admission, reads, calls = folder / "raw.receipt.json", folder / "aligned.cram", folder / "calls.bcf"
    about = {"sample": sample, "genome": reference / "genome.fa"}
    files = about | {"raw": list(raw), "format": form}
    places = {"reference": reference / "receipt.json", "targets": reference / "targets.bed"}
    places |= about | {"admission": admission, "sex": sex, "bcftools": tool, "threads": THREADS}
    depths = ("minimum_mapping_quality", "minimum_base_quality", "maximum_depth", "gvcf_depths")
    settings = calling.model_dump(include={*depths, "minimum_quality"})
    settings |= Mosaic().model_dump(include={"minimum_alternate", "minimum_fraction"})
    return {
        "admit": step("admit", **files, receipt=admission, samtools=tool, bcftools=tool),
        "align": step(
            "align",
            **files,
            admission=admission,
            bwa=tool,
            samtools=tool,
            threads=THREADS,
            memory_mb=MEMORY_MB,
            reads=reads,
            index=folder / "aligned.cram.crai",
            receipt=folder / "aligned.receipt.json",
        ),
        "call": step(
            "call",
            **places,
            **settings,
            format=form,
            source=reads,
            filters=[f"{name}={text}" for name, text in calling.filters.items()],
            calls=calls,
            index=folder / "calls.bcf.csi",
            candidates=folder / "candidates.bcf",
            candidates_index=folder / "candidates.bcf.csi",
            receipt=folder / "calls.receipt.json",
        ),
        "profile": step(
            "profile",
            **places,
            **VariantsQuality().model_dump(),
            tissue="pbmc",
            samtools=tool,
            calls=calls,
            reads=reads,
            common=common if common.exists() else None,
            profile=folder / "profile.npz",
            quality=folder / "quality.json",
            receipt=folder / "profile.receipt.json",
        ),
    }
