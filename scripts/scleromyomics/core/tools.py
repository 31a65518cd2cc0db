"""The sequencing tools: which program a setting means, its version, and pipelines of them.

A tool is `embedded` (the wheel's copy: samtools and bcftools in pysam, BWA-MEM in pybwa), a path, or `auto`: the
program of that name on the PATH where there is one, else the embedded one. Either is a command line that reads and
writes files and pipes, so that nothing after `find_tool` knows which it is. Nothing that a tool writes may hold a
path or a date: give samtools `--no-PG`, and bcftools `--no-version`.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeAlias

from scleromyomics.core import htslib
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json

ToolName: TypeAlias = Literal["bwa", "samtools", "bcftools"]
Stage: TypeAlias = Sequence[str | Path]

PROGRAMS: Mapping[ToolName, tuple[str, ...]] = {
    "bwa": ("bwa-mem2", "bwa"),
    "samtools": ("samtools",),
    "bcftools": ("bcftools",),
}
"""Programs that `auto` looks for, the first one first."""

WHEELS: Mapping[ToolName, str] = {"bwa": "pybwa", "samtools": "pysam", "bcftools": "pysam"}
SETTING = "SCLEROMYOMICS_"
"""What comes before a tool's name in the environment variable that tells a workflow's jobs which one is meant: in a
parameter, another program would make a freeze anew instead of being refused."""
OFFLINE = {"REF_PATH": os.devnull, "REF_CACHE": os.devnull}
"""htslib would ask a server for the sequences of a CRAM whose reference is not given."""
FULL = ("No space left on device", "Disk quota exceeded", "File too large")
"""What systems say of a write for which there is no room; the last one of a limit on the size of files."""

BROKEN_PIPE = (-signal.SIGPIPE, 128 + signal.SIGPIPE)  # the status of a command whose reader has ended
PROBE_BYTES = 65536  # that a file must have room for after a failure that was not for lack of it
WAIT_SECONDS = 5  # between SIGTERM and SIGKILL of a stage whose neighbour failed


class ToolError(InputError):
    """A command failed.

    Attributes:
        words: the last that it said.
    """

    def __init__(self, text: str, words: str) -> None:
        super().__init__(text)
        self.words = words


@dataclass(frozen=True)
class Tool:
    """A program that can be called.

    Attributes:
        name: what it is.
        command: the start of its command line.
        version: what stands in receipts: `samtools 1.24 (pysam 0.24.1)`, or `bwa 0.7.17-r1188`.
        embedded: whether it is the wheel's copy.
    """

    name: ToolName
    command: tuple[str, ...]
    version: str
    embedded: bool

    def __call__(self, *arguments: str | Path) -> list[str]:
        """The command line with these arguments."""
        return [*self.command, *map(str, arguments)]


def find_tool(name: ToolName, choice: str = "auto") -> Tool:
    """The program that a setting `tools.<name>` means.

    Args:
        name: the tool.
        choice: `auto`, `embedded`, or the path of a program.

    Raises:
        InputError: the program is not there, or does not tell a version.
    """
    choice = os.environ.get(f"{SETTING}{name.upper()}", choice) if choice == "auto" else choice
    if choice == "auto":
        found = next(filter(None, map(shutil.which, PROGRAMS[name])), None)
        return _native(name, found) if found else _embedded(name)
    if choice == "embedded":
        return _embedded(name)
    if not os.access(choice, os.X_OK):
        raise InputError(f"tools.{name}: found no program {choice}; allowed: auto, embedded, or its path")
    return _native(name, choice)


def tool_settings(choices: Mapping[str, str]) -> str:
    """The settings `tools` as words of a shell's `export`."""
    return " ".join(
        f"{SETTING}{name.upper()}={shlex.quote(choice)}" for name, choice in sorted(choices.items())
    )


def frozen_tool(name: ToolName, choice: str, receipt: Path) -> Tool:
    """The program that a setting means, where it has the version that a freeze was begun with.

    Args:
        name: the tool.
        choice: as for `find_tool`.
        receipt: of the freeze's reference (JSON with `tools`).

    Raises:
        InputError: the program is not there, or has another version.
    """
    tool = find_tool(name, choice)
    require_tools(read_json(receipt).get("tools", {}), [tool])
    return tool


def require_tools(frozen: Mapping[str, str], tools: Sequence[Tool]) -> None:
    """Refuse tools of other versions than a freeze was begun with: its samples would differ by them.

    Args:
        frozen: version by name, as the freeze recorded it.
        tools: those found now.

    Raises:
        InputError: one line per tool that differs.
    """
    other = [one for one in tools if frozen.get(one.name, one.version) != one.version]
    if other:
        raise InputError(
            "\n".join(
                f"tools.{one.name}: found {one.version}; allowed: {frozen[one.name]}, with which the freeze was"
                f" begun; set tools.{one.name}, or begin a new freeze"
                for one in other
            )
        )


def pipe(
    *stages: Stage,
    what: str,
    stdin: Path | None = None,
    stdout: Path | None = None,
    branch: Sequence[Stage] = (),
) -> bytes:
    """Run commands with a pipe between each and the next.

    Args:
        stages: command lines.
        what: what an error is about, for example `sample P301_D1`.
        stdin: file that the first one reads.
        stdout: file that the last one writes; absent: what it writes is returned.
        branch: command lines that get a copy of what the first stage writes; they write files of their own.

    Returns:
        What the last command wrote, where there is no `stdout`.

    Raises:
        InputError: a full disk; or a `ToolError`, which names the command that failed and its last words.
    """
    with ExitStack() as stack:
        open_file = stack.enter_context
        source: IO[bytes] | int = open_file(stdin.open("rb")) if stdin else subprocess.DEVNULL
        target: IO[bytes] = open_file(stdout.open("wb") if stdout else tempfile.TemporaryFile())  # noqa: SIM115 - on the stack
        running = _Running(stack)
        flow = list(stages)
        if branch:
            copy, end = os.pipe()
            tee = ["tee", f"/dev/fd/{end}"]
            first = running.start(flow[0], source, subprocess.PIPE)
            teed = running.start(tee, first, subprocess.PIPE, keep=(end,))
            os.close(end)
            side: IO[bytes] | int = copy
            for stage in branch[:-1]:
                side = running.start(stage, side, subprocess.PIPE)
            running.start(branch[-1], side, subprocess.DEVNULL)
            flow, source = flow[1:], teed
        for stage in flow[:-1]:
            source = running.start(stage, source, subprocess.PIPE)
        running.start(flow[-1], source, target)
        running.finish(what, target)
        if stdout:
            return b""
        target.seek(0)
        return target.read()


@contextmanager
def reading(*stages: Stage, what: str) -> Iterator[IO[bytes]]:
    """Run commands as `pipe` does, and give what the last one writes as a stream.

    Args:
        stages: command lines.
        what: what an error is about.

    Raises:
        InputError: at the end of the block, where it has read the stream to its end: as `pipe` raises.
    """
    with ExitStack() as stack:
        running = _Running(stack)
        source: IO[bytes] | int = subprocess.DEVNULL
        for stage in stages:
            source = running.start(stage, source, subprocess.PIPE)
        assert not isinstance(source, int)  # noqa: S101 - the last stage writes into a pipe
        with source:
            yield source
            ended = not source.read(1)
        if ended:
            running.finish(what)


class _Running:
    """The processes of one pipeline."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._processes: list[tuple[subprocess.Popen[bytes], IO[bytes], str]] = []
        stack.callback(self._end)

    def start(
        self, stage: Stage, source: IO[bytes] | int, target: IO[bytes] | int, *, keep: tuple[int, ...] = ()
    ) -> IO[bytes] | int:
        """Start a command; returns the pipe that it writes into. A pipe that it reads is closed here."""
        words = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - on the stack
        command = [str(word) for word in stage]
        environment = {**os.environ, **OFFLINE}
        try:
            process = subprocess.Popen(
                command, stdin=source, stdout=target, stderr=words, env=environment, pass_fds=keep
            )
        except (FileNotFoundError, PermissionError) as error:
            raise InputError(f"{command[0]}: found no such program") from error
        finally:  # the reader alone holds the pipe now, so that its end reaches the writer
            if not isinstance(source, int):
                source.close()
            elif source >= 0:
                os.close(source)
        self._processes.append((process, words, _shown(command)))
        return process.stdout or subprocess.DEVNULL

    def finish(self, what: str, target: IO[bytes] | None = None) -> None:
        """Wait for all; those that feed a failed one end by its closed pipe.

        Args:
            what: what an error is about.
            target: what the last one wrote; of no use any more after a failure.
        """
        for process, _, _ in self._processes:
            process.wait()
        failed = [one for one in self._processes if one[0].returncode]
        if not failed:
            return
        for _, words, shown in self._processes:
            for text in FULL:
                if any(text in line for line in _lines(words)):
                    raise InputError(f"{what}: {text.lower()} ({shown})")
        if target and (full := _fullness(target)):  # not all that fail say why
            raise InputError(f"{what}: {full} ({failed[-1][2]})")
        told = [one for one in failed if one[0].returncode not in BROKEN_PIPE] or failed
        process, words, shown = told[0]  # those after it got half of what they needed
        last = next(reversed(_lines(words)), _ended(process.returncode))
        last = last.removeprefix("error: ")
        raise ToolError(f"{what}: {shown} failed: {last}", last)

    def _end(self) -> None:
        for process, _, _ in self._processes:
            if process.poll() is None:
                process.terminate()
        for process, _, _ in self._processes:
            try:
                process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def _fullness(target: IO[bytes]) -> str:
    """Why nothing more can be written to a file; "" where it can."""
    left = PROBE_BYTES
    try:
        while left:
            left -= os.write(target.fileno(), bytes(left))
    except OSError as error:
        return (error.strerror or "").lower()
    return ""


def _ended(status: int) -> str:
    """How a process ended that said nothing."""
    if status == -signal.SIGXFSZ:
        return FULL[2].lower()
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def _lines(words: IO[bytes]) -> list[str]:
    words.seek(0)
    return [line for line in words.read().decode(errors="replace").splitlines() if line.strip()]


def _shown(command: Sequence[str]) -> str:
    """`samtools sort` of the whole command line; of a module of this project its last name."""
    words = [Path(word).name for word in command]
    if words[1:2] == ["-m"] and len(words) > 2:
        module = words[2].rpartition(".")[2]
        return " ".join(words[3:5]) if module == "htslib" else module
    return " ".join(word for word in words[:2] if not word.startswith("-"))


def _native(name: ToolName, program: str) -> Tool:
    arguments = ["--version"]
    if name == "bwa":
        arguments = ["version"] if program.endswith("bwa-mem2") else []  # bwa tells it with its usage
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, errors="replace", check=False
    )
    told = r"\d+\.\d+\S*" if name == "bwa" else rf"(?<=^{name} )\d+\.\d+\S*"
    found = re.search(told, done.stdout + done.stderr, re.MULTILINE)
    if not found:
        raise InputError(f"tools.{name}: {program} tells no version; allowed: a working {name}")
    return Tool(name, (program,), f"{Path(program).name} {found.group()}", embedded=False)


def _embedded(name: ToolName) -> Tool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        wheel = f"{WHEELS[name]} {version(WHEELS[name])}"
    except PackageNotFoundError as error:
        raise InputError(f"tools.{name}: found no package {WHEELS[name]}; allowed: install it") from error
    if name == "bwa":
        return Tool(
            name, (sys.executable, "-m", "scleromyomics.variants.bwa"), f"bwa mem ({wheel})", embedded=True
        )
    from pysam import version as versions

    number = getattr(versions, f"__{name}_version__")
    return Tool(
        name,
        (sys.executable, "-m", htslib.__name__, name),
        f"{name} {number} ({wheel})",
        embedded=True,
    )
