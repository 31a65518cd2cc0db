"""Files that are whole or absent: written under a temporary name beside the target, then renamed."""

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`, renamed onto it if the block ends well, else deleted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8 with LF line ends, atomically."""
    with replacing(target) as path:
        path.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, value: object) -> None:
    """Write `value` as JSON with sorted keys, atomically: the same value gives the same bytes."""
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_text(target, text + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that this project wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_tsv(target: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write `rows` under one header line, atomically; None becomes an empty cell. Rows must come sorted."""
    with replacing(target) as path, path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in rows)


def read_tsv(path: Path) -> list[dict[str, str]]:
    """Read a TSV that this project wrote (user sheets have a stricter reader of their own)."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, as hexadecimal digits."""
    return _digest(path, "sha256")


def md5(path: Path) -> str:
    """MD5 of the file's bytes, as sequencing and array centres deliver it beside their files."""
    return _digest(path, "md5")


def digest(value: object) -> str:
    """Twelve hexadecimal digits that change when `value` (JSON types, dataclasses, paths) changes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _digest(path: Path, method: str) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, method).hexdigest()


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return str(value)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if value == value else ""  # noqa: PLR0124 - NaN is an empty cell
    return value
