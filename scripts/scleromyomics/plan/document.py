"""Read a YAML file into a block of settings; every fault in it is one line with file, line, key and value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scleromyomics.plan.block import Block
from scleromyomics.plan.sheets.cells import similar
from scleromyomics.plan.sheets.faults import Fault

Model = TypeVar("Model", bound=Block)
Place = Sequence[str | int]
"""Keys and positions from the top of the file to a setting."""

OVERRIDES = "--config"
"""What stands in for the file's name when a setting was given on the command line."""

ALLOWED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text; in quotes where it reads as a number, a date, true or false",
    "list_type": "a list: [a, b]",
    "tuple_type": "a list: [a, b]",
    "dict_type": "keys with values",
    "model_type": "keys with values",
}
"""What to write instead, per kind of fault that pydantic knows."""


@dataclass(frozen=True, slots=True)
class Document(Generic[Model]):
    """A YAML file that was read: its settings, its faults and where each stands."""

    file: str
    settings: Model | None  # without the faulty blocks; None when nothing can be made of the rest
    faults: list[Fault]
    root: yaml.Node | None
    overrides: Mapping[str, Any]

    def fault(self, place: Place, problem: str, allowed: str) -> Fault:
        """A fault of the setting at `place`."""
        given = _lookup(self.overrides, place)
        node = None if given is not None else _node(self.root, place)
        value = str(given) if given is not None else _text(node)
        line = node.start_mark.line + 1 if node else 0
        return Fault(
            OVERRIDES if given is not None else self.file, line, _key(place), value, problem, allowed
        )


def read_document(
    path: Path, model: type[Model], overrides: Mapping[str, Any] | None = None
) -> Document[Model]:
    """Read `path` as `model`, with `overrides` on top (nested keys are merged)."""
    above = overrides or {}
    try:
        root, data = _load(path)
    except _UnreadableError as error:
        return Document(path.name, None, [error.fault], None, above)
    blank: Document[Model] = Document(path.name, None, [], root, above)
    faults = [
        Fault(path.name, line, key, None, "this key is there twice", "each key once")
        for line, key in _duplicates(root)
    ]
    if not isinstance(data, dict):
        faults.append(Fault(path.name, 1, "", None, "is not made of keys and values", "key: value"))
        return Document(path.name, None, faults, root, above)
    try:
        settings = model.model_validate(merged(data, above))
    except ValidationError as error:
        errors = error.errors(include_url=False)
        faults += [_translated(one, blank, model) for one in errors]
        faulty = {one["loc"][0] for one in errors if one["loc"]}
        rest = {key: value for key, value in merged(data, above).items() if key not in faulty}
        return Document(path.name, _valid(model, rest), faults, root, above)
    return Document(path.name, settings, faults, root, above)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with the settings of `above`; where both hold keys, these are merged in turn."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(under, dict) and isinstance(value, Mapping)
        result[key] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result


def _valid(model: type[Model], data: Mapping[str, Any]) -> Model | None:
    try:
        return model.model_validate(data)
    except ValidationError:
        return None


class _UnreadableError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.problem)
        self.fault = fault


def _load(path: Path) -> tuple[yaml.Node | None, Any]:
    def unreadable(line: int, problem: str, allowed: str) -> _UnreadableError:
        return _UnreadableError(Fault(path.name, line, "", None, problem, allowed))

    try:
        content = path.read_bytes()
        loader = yaml.CSafeLoader(content.decode("utf-8"))
        root = loader.get_single_node()
        return root, {} if root is None else loader.construct_document(root)
    except FileNotFoundError:
        raise unreadable(0, "is missing", "this file (an empty one will do)") from None
    except OSError as error:
        raise unreadable(0, f"cannot be read ({error.strerror})", "a readable file") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise unreadable(line, "is not UTF-8 (Latin-1?)", "text saved as UTF-8") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else 1
        raise unreadable(line, f"is not YAML ({problem})", "YAML: key: value, indented by blanks") from None


def _duplicates(root: yaml.Node | None) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    waiting = [root] if root else []
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                text = str(key.value)
                if text in keys:
                    yield key.start_mark.line + 1, text
                keys.add(text)
                waiting.append(value)


def _translated(error: ErrorDetails, document: Document[Model], model: type[Model]) -> Fault:
    """Pydantic's error as a fault, in the words of a person who writes YAML."""
    kind, place, context = error["type"], error["loc"], error.get("ctx", {})
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind == "extra_forbidden":
        keys = _keys(model, place[:-1])
        allowed = ", ".join(keys)
        return document.fault(place, f"there is no such key{similar(str(place[-1]), keys)}", allowed)
    if kind == "missing":
        return document.fault(place, "this key is missing", "a value for it")
    if kind in {"literal_error", "union_tag_invalid"}:
        expected = str(context.get("expected") or context.get("expected_tags")).replace("'", "")
        return document.fault(place, "is not in the list", expected)
    if kind == "string_pattern_mismatch":
        return document.fault(
            place, "is not written as it must be", f"text that matches {context['pattern'].strip('^$')}"
        )
    if kind in ALLOWED:
        return document.fault(place, f"is {_kind(error['input'])}", ALLOWED[kind])
    return document.fault(place, "is not allowed", message)


def _kind(value: object) -> str:
    """What YAML made of a value, in words."""
    if value is None:
        return "blank"
    if isinstance(value, bool):
        return f"read as {str(value).lower()} by YAML"
    words = {
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "made of keys and values",
    }
    return f"read as {words.get(type(value), 'a date')} by YAML"


def _keys(model: type[Model], place: Place) -> list[str]:
    """The keys that the block at `place` may have."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def inside(one: Any, step: str | int) -> Any:
        one = definitions.get(one.get("$ref", "").rpartition("/")[2], one)
        if "oneOf" in one:
            return {"$ref": one["discriminator"]["mapping"].get(step, "")}
        if "anyOf" in one:
            return inside(one["anyOf"][0], step)
        return (
            one.get("items") or one.get("properties", {}).get(step) or one.get("additionalProperties") or {}
        )

    for step in place:
        schema = inside(schema, step)
    schema = definitions.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return list(schema.get("properties", {}))


def _node(root: yaml.Node | None, place: Place) -> yaml.Node | None:
    """The node at `place`, or the nearest one above it."""
    node = root
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), node)
    return node


def _text(node: yaml.Node | None) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _lookup(overrides: Mapping[str, Any], place: Place) -> Any:
    value: Any = overrides
    for step in place:
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def _key(place: Place) -> str:
    """`questions[3].case` for ("questions", 3, "case")."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")
