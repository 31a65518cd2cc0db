"""Tools are found as the settings say; a pipeline gives all of its output, or one line that says what failed."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import Tool, ToolError, find_tool, pipe, reading, require_tools


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


UPPER = python("import sys; sys.stdout.write(sys.stdin.read().upper())")
FAILING = python(
    "import sys; sys.stdin.read(); print('first'); print('it is broken', file=sys.stderr); sys.exit(3)"
)
ENDLESS = python(
    "import sys\ntry:\n  while True: print('x' * 1000)\nexcept BrokenPipeError:\n  sys.exit(141)"
)


@pytest.mark.parametrize("name", ["samtools", "bcftools", "bwa"])
def test_embedded_tools_tell_their_version(name: str) -> None:
    tool = find_tool(name, "embedded")  # type: ignore[arg-type]
    assert tool.embedded
    assert tool.version.startswith(name)
    assert "py" in tool.version
    assert tool("a", Path("b")) == [*tool.command, "a", "b"]


@pytest.mark.parametrize("name", ["samtools", "bcftools", "bwa"])
def test_auto_takes_the_program_on_the_path_or_the_embedded_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_tool(name)  # type: ignore[arg-type]
    assert found.embedded == (
        shutil.which(name) is None and (name != "bwa" or shutil.which("bwa-mem2") is None)
    )
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_tool(name).embedded  # type: ignore[arg-type]


def test_a_program_that_is_not_there_or_tells_no_version_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"tools\.bwa: found no program /nowhere/bwa; allowed: auto, embedded"
    ):
        find_tool("bwa", "/nowhere/bwa")
    with pytest.raises(InputError, match=r"tools\.samtools: .*true tells no version"):
        find_tool("samtools", shutil.which("true") or "/bin/true")


def test_other_versions_than_the_freeze_has_are_refused_each_in_a_line() -> None:
    tools = [
        Tool("samtools", ("s",), "samtools 2", embedded=False),
        Tool("bwa", ("b",), "bwa 1", embedded=False),
    ]
    require_tools({"samtools": "samtools 2", "bwa": "bwa 1"}, tools)
    with pytest.raises(InputError) as caught:
        require_tools({"samtools": "samtools 1", "bwa": "bwa 0"}, tools)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "tools.samtools: found samtools 2; allowed: samtools 1, with which the freeze was begun"
    )
    assert lines[1].startswith("tools.bwa: found bwa 1; allowed: bwa 0")


def test_stages_feed_each_other_from_file_to_file(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_text("a\n" * 200_000)
    assert pipe(UPPER, ["cat"], what="t", stdin=source, stdout=target) == b""
    assert target.read_text() == "A\n" * 200_000
    assert pipe(["cat"], UPPER, what="t", stdin=source) == b"A\n" * 200_000


def test_a_branch_gets_all_that_the_first_stage_writes(tmp_path: Path) -> None:
    source, side = tmp_path / "in", tmp_path / "side"
    source.write_text("ab\n" * 100_000)
    branch = [UPPER, python(f"import sys; open({str(side)!r}, 'w').write(sys.stdin.read())")]
    assert pipe(["cat"], ["wc", "-l"], what="t", stdin=source, branch=branch).split() == [b"100000"]
    assert side.read_text() == "AB\n" * 100_000


def test_a_failure_is_named_wherever_it_is_and_ends_the_others() -> None:
    quiet = python("import sys; sys.stdin.read()")
    for stages in ((FAILING, UPPER), (UPPER, FAILING, quiet), (["echo", "a"], FAILING)):
        with pytest.raises(ToolError, match=r"^sample S: \S+ failed: it is broken$") as caught:
            pipe(*stages, what="sample S")
        assert caught.value.words == "it is broken"
    stop = python("import sys; sys.stdin.read(10); print('enough', file=sys.stderr); sys.exit(1)")
    with pytest.raises(ToolError, match="failed: enough"):
        pipe(ENDLESS, stop, what="t")


def test_of_two_failures_the_first_is_the_cause() -> None:
    after = python("import sys; sys.stdin.read(); print('got only half', file=sys.stderr); sys.exit(1)")
    with pytest.raises(ToolError, match="it is broken"):
        pipe(FAILING, after, what="t")


def test_a_silent_end_by_a_signal_is_told() -> None:
    killed = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ToolError, match="failed: ended by SIGKILL"):
        pipe(killed, what="t")


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded", "File too large"])
def test_a_full_disk_is_told_in_one_line(words: str) -> None:
    full = python(
        f"import sys; print('x: {words}', file=sys.stderr); print('giving up', file=sys.stderr); sys.exit(1)"
    )
    with pytest.raises(InputError, match=rf"^sample S: {words.lower()} \(\S+\)$"):
        pipe(full, UPPER, what="sample S")


def test_a_file_for_which_there_is_no_room_is_told_where_the_command_does_not(tmp_path: Path) -> None:
    import resource

    silent = python("import sys; sys.stdin.read(); sys.exit(1)")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "out").write_bytes(b"")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(InputError, match=r"^t: file too large \(\S+\)$"):
            pipe(silent, what="t", stdout=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_program_that_is_not_there_leaves_no_process() -> None:
    with pytest.raises(InputError, match="/nowhere/tool: found no such program"):
        pipe(ENDLESS, ["/nowhere/tool"], what="t")


def test_no_step_asks_a_server_for_sequences() -> None:
    shown = python("import os; print(os.environ['REF_PATH'], os.environ['REF_CACHE'])")
    assert pipe(shown, what="t") == b"/dev/null /dev/null\n"


def test_embedded_tools_are_named_by_what_they_do(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^t: samtools view failed: .*No such file"):
        pipe(find_tool("samtools", "embedded")("view", tmp_path / "absent.bam"), what="t")


def test_a_stream_is_read_while_it_is_written() -> None:
    with reading(["echo", "abc"], UPPER, what="t") as stream:
        assert stream.read() == b"ABC\n"
    with reading(ENDLESS, what="t") as stream:
        assert stream.read(5) == b"xxxxx"  # what is left is not waited for


def test_a_failure_shows_at_the_end_of_a_stream() -> None:
    with pytest.raises(ToolError, match="it is broken"), reading(FAILING, what="t") as stream:
        assert stream.read() == b"first\n"


def test_an_error_of_the_reader_is_not_hidden_by_the_writer() -> None:
    with pytest.raises(InputError, match="mine"), reading(ENDLESS, what="t"):
        raise InputError("mine")


def test_pipes_end_without_words_where_nobody_reads_on() -> None:
    big = python("print('@HD\\tVN:1.6\\n' + '@CO\\tx\\n' * 100_000, end='')")
    view = find_tool("samtools", "embedded")("view", "-h", "-")
    with (
        subprocess.Popen(big, stdout=subprocess.PIPE) as source,
        subprocess.Popen(
            view, stdin=source.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        source.stdout.close()  # type: ignore[union-attr]
        process.stdout.read(10)  # type: ignore[union-attr]
        process.stdout.close()  # type: ignore[union-attr]
        assert process.stderr.read() == b""  # type: ignore[union-attr]
    assert process.returncode == -signal.SIGPIPE
