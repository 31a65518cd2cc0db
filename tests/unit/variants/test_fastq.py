"""Reads come whole, in step and with their names, however files are cut into blocks; faults name file and record."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
import reads as made
from hypothesis import given, settings
from hypothesis import strategies as st

from scleromyomics.core.errors import InputError
from scleromyomics.variants import fastq

RECORD = tuple[str, str, str]
TEXT = st.text(st.sampled_from("ACGTN"), max_size=30)


def texts(block: fastq.Reads) -> list[RECORD]:
    def cut(start: np.ndarray, stop: np.ndarray) -> list[str]:
        return [block.data[a:b].tobytes().decode() for a, b in zip(start, stop, strict=True)]

    length = block.length
    return list(
        zip(
            cut(block.name, block.name_stop),
            cut(block.sequence, block.sequence + length),
            cut(block.quality, block.quality + length),
            strict=True,
        )
    )


def read_all(content: str) -> list[RECORD]:
    reader = fastq.Reader("x.fastq", io.BytesIO(content.encode()))
    found = []
    while (block := reader.read()) is not None:
        found += texts(block)
    assert reader.count == len(found)
    return found


@settings(max_examples=40, deadline=None)
@given(
    sequences=st.lists(TEXT, max_size=30), size=st.integers(20, 400), end=st.sampled_from(["\n", "", "\n\n"])
)
def test_any_block_size_gives_the_same_reads(sequences: list[str], size: int, end: str) -> None:
    records = [(f"r{i}", s, "I" * len(s)) for i, s in enumerate(sequences)]
    content = "".join(f"@{n} c:{n}\n{s}\n+{n}\n{q}\n" for n, s, q in records)
    if sequences and sequences[-1]:
        content = content[:-1] + end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastq, "BLOCK_BYTES", size)
        assert read_all(content) == records


@pytest.mark.parametrize(
    ("line", "name"),
    [("@a", "a"), ("@a/1", "a"), ("@a/2 x/1", "a"), ("@a b/1", "a"), ("@a\tb", "a"), ("@a.1", "a.1"), ("@a/x", "a/x"),
     ("@/1", "/1"), ("@x/1/2", "x/1")],
)  # fmt: skip
def test_names_end_before_blanks_and_the_number_of_the_mate(line: str, name: str) -> None:
    assert read_all(f"{line}\nAC\n+\nII\n") == [(name, "AC", "II")]


def test_lines_may_end_as_on_windows() -> None:
    assert read_all("@a/1\r\nAC\r\n+\r\nII\r\n@b\r\n\r\n+\r\n\r\n") == [("a", "AC", "II"), ("b", "", "")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("@a\nAC\n+\nI\n", "found 2 letters and 1 qualities in record 1; allowed: as many of both"),
        ("@a\nAC\n+\nII\n@b\nAC\n+\n", "found an end in the middle in record 2; allowed: four lines"),
        ("@a\nAC\n+\nII\n@b\nAC", "found an end in the middle in record 2"),
        (">a\nAC\n>b\nGT\n", "found a record that starts with '>' in record 1; allowed: @"),
        ("@a\nAC\nGT\n+\nIIII\n", "found a third line that starts with 'G' in record 1; allowed: +"),
        ("@\nAC\n+\nII\n", "found a name of 0 letters in record 1; allowed: 1 to 254"),
        (f"@{'x' * 255}\nAC\n+\nII\n", "found a name of 255 letters in record 1"),
    ],
)
def test_what_is_no_fastq_is_refused_by_record(content: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read_all(content)
    assert str(caught.value).startswith("file x.fastq: ")
    assert reason in str(caught.value)


def test_a_file_without_line_ends_is_refused_and_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastq, "BLOCK_BYTES", 10)
    monkeypatch.setattr(fastq, "LONGEST_RECORD", 100)
    with pytest.raises(InputError, match="found no end within 100 bytes in record 1"):
        read_all("@" + "x" * 1000)


@pytest.fixture
def lane(tmp_path: Path) -> list[Path]:
    return made.write_lane(tmp_path, made.pairs(made.genome(), 500))


def collected(files: list[Path]) -> tuple[list[RECORD], list[RECORD]]:
    one: list[RECORD] = []
    two: list[RECORD] = []
    for a, b in fastq.pairs(*files):
        one += texts(a)
        two += texts(b)
    return one, two


def test_mates_come_in_step_from_files_with_other_block_borders(
    lane: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastq, "BLOCK_BYTES", 1001)
    text = gzip.decompress(lane[1].read_bytes()).decode().replace("\n+\n", "\n+ a long third line\n")
    lane[1].write_text(text)  # a plain file is as good
    one, two = collected(lane)
    assert [r[0] for r in one] == [r[0] for r in two] == [f"r{i}" for i in range(500)]
    assert one[7][1] != two[7][1]


def changed(path: Path, old: str, new: str) -> None:
    path.write_text(gzip.decompress(path.read_bytes()).decode().replace(old, new, 1))


def test_mates_out_of_step_are_named(lane: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastq, "BLOCK_BYTES", 5000)
    changed(lane[1], "@r333/2", "@r999/2")
    with pytest.raises(InputError) as caught:
        collected(lane)
    found = (
        "found read 'r999' as record 334, where lane_R1.fastq.gz has 'r333'; allowed: mates in the same order"
    )
    assert str(caught.value) == f"file {lane[1]}: {found}"


@pytest.mark.parametrize("short", [0, 1])
def test_a_file_with_fewer_reads_is_out_of_step(lane: list[Path], short: int) -> None:
    made.write_lane(lane[0].parent, made.pairs(made.genome(), 400), "short")
    files = [lane[0], lane[1]]
    files[short] = lane[0].with_name(f"short_R{short + 1}.fastq.gz")
    with pytest.raises(InputError, match=r"found more records than the 400 of short_R\d\.fastq\.gz"):
        collected(files)


def test_every_cut_of_a_gzip_file_is_found(lane: list[Path]) -> None:
    content = lane[0].read_bytes()
    for part in range(1, 40):
        lane[0].write_bytes(content[: len(content) * part // 40])
        with pytest.raises(InputError, match=f"file {lane[0]}: found a damaged gzip file"):
            collected(lane)


def test_a_changed_bit_of_a_gzip_file_is_found(lane: list[Path]) -> None:
    content = bytearray(lane[0].read_bytes())
    content[len(content) // 2] ^= 4
    lane[0].write_bytes(content)
    with pytest.raises(InputError, match=r"lane_R1\.fastq\.gz: found "):
        collected(lane)


def test_a_bgzip_file_without_its_last_block_is_refused(lane: list[Path]) -> None:
    import pysam

    packed = lane[0].with_name("b.gz")
    with pysam.BGZFile(str(packed), "wb") as out:
        out.write(gzip.decompress(lane[0].read_bytes()))
    fastq.require_end(packed)
    fastq.require_end(lane[0])
    packed.write_bytes(packed.read_bytes()[:-28])
    with pytest.raises(InputError, match="found a bgzip file without its last block"):
        fastq.require_end(packed)


@settings(max_examples=20, deadline=None)
@given(number=st.integers(0, 9), size=st.integers(20, 200))
def test_a_stream_of_mates_in_turn_gives_pairs(number: int, size: int) -> None:
    content = "".join(f"@r{i}/{m}\n{'ACGT' * m}\n+\n{'IIII' * m}\n" for i in range(number) for m in (1, 2))
    one: list[RECORD] = []
    two: list[RECORD] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastq, "BLOCK_BYTES", size)
        for a, b in fastq.interleaved(io.BytesIO(content.encode()), "stream"):
            one += texts(a)
            two += texts(b)
    assert [r[:2] for r in one] == [(f"r{i}", "ACGT") for i in range(number)]
    assert [r[:2] for r in two] == [(f"r{i}", "ACGTACGT") for i in range(number)]


def test_a_stream_that_ends_with_a_single_read_is_refused() -> None:
    with pytest.raises(InputError, match="found a read without its mate"):
        list(fastq.interleaved(io.BytesIO(b"@a\nA\n+\nI\n"), "stream"))


def measured(reads: list[RECORD]) -> fastq.Measures:
    reader = fastq.Reader("x", io.BytesIO("".join(f"@{n}\n{s}\n+\n{q}\n" for n, s, q in reads).encode()))
    found = fastq.Measures()
    while (block := reader.read()) is not None:
        found.add(block)
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ACGTNacgtn"), max_size=25), min_size=1, max_size=20), st.integers(0, 99)
)
def test_measures_are_those_of_a_count_by_hand(sequences: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    inside = [s[:3] + "AGATCGGAAGAGC" + s[3:] if i % 3 == 0 else s for i, s in enumerate(sequences)]
    reads = [
        (f"r{i}", s, "".join(chr(33 + q) for q in random.integers(0, 42, len(s))))
        for i, s in enumerate(inside)
    ]
    facts = measured(reads).facts()
    letters, qualities = "".join(inside).upper(), [ord(c) - 33 for _, _, q in reads for c in q]
    known = sum(letters.count(c) for c in "ACGT")
    gc = letters.count("G") + letters.count("C")
    assert facts == {
        "reads": len(reads),
        "bases": len(letters),
        "length_min": min(map(len, inside)),
        "length_max": max(map(len, inside)),
        "length_mean": round(len(letters) / len(reads), 6),
        "quality_mean": round(sum(qualities) / len(letters), 6),
        "q30": round(sum(q >= 30 for q in qualities) / len(letters), 6),
        "gc": round(gc / known, 6) if known else 0,
        "n": round((len(letters) - known) / len(letters), 6),
        "adapter": round(sum("AGATCGGAAGAGC" in s for s in inside) / len(reads), 6),
    }


def test_an_adapter_across_two_reads_is_none() -> None:
    assert measured([("a", "CCCAGATCGG", "I" * 10), ("b", "AAGAGCCCCC", "I" * 10)]).facts()["adapter"] == 0


@pytest.mark.parametrize(
    ("qualities", "wrong"),
    [
        ("#5IK", ""), ("IIII", ""), ("!~~~", ""),
        ("BBhh", "quality characters from 'B' to 'h', as in Phred+64"),
        (";@hh", "quality characters from ';' to 'h', as in Phred+64"),
        ("\x1fIII", "quality characters from '\\x1f' to 'I'"),
        ("II\x7fI", "quality characters from 'I' to '\\x7f'"),
    ],
)  # fmt: skip
def test_qualities_of_another_encoding_are_told(qualities: str, wrong: str) -> None:
    assert measured([("a", "ACGT", qualities)]).encoding() == wrong


def test_letters_that_are_no_nucleotides_are_told() -> None:
    assert measured([("a", "ACGTRYKMSWBDHVN.acgt", "I" * 20)]).strangers() == ""
    assert measured([("a", "ACXUT*", "I" * 6)]).strangers() == "*UX"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=10))
def test_texts_are_compared_eight_bytes_at_a_time(texts: list[bytes]) -> None:
    data = np.frombuffer(b"".join(texts) + bytes(8), np.uint8)
    stop = np.cumsum([len(t) for t in texts])
    start = stop - [len(t) for t in texts]
    found = [
        b"".join(parts)
        for parts in zip(
            *([w.tobytes() for w in word] for word in fastq.words(data, start, stop)), strict=True
        )
    ]
    for text, words in zip(texts, found or [b""] * len(texts), strict=True):
        assert words.rstrip(b"\0") == text.rstrip(b"\0")
