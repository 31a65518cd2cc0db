"""Generate what the models say: config.yaml with every default, the JSON schemas, the sheets' header lines.

python -m scleromyomics.plan.defaults writes them into the repository's config folder; a test keeps them equal.
"""

import json
from inspect import getdoc
from pathlib import Path

import yaml

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_text
from scleromyomics.plan.block import Block
from scleromyomics.plan.config import Config
from scleromyomics.plan.document import read_document
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.columns import SHEETS, columns

FOLDER = Path(__file__).parents[3] / "config"
"""The repository's config folder."""


def generated(protocol: Protocol) -> dict[str, str]:
    """Text of every generated file, by its path within the config folder."""
    return {
        "config.yaml": "\n".join([f"# {getdoc(Config)}", *_settings(Config())]) + "\n",
        "schema/config.schema.json": _schema(Config),
        "schema/protocol.schema.json": _schema(Protocol),
        **{f"templates/{name}": text for name, text in templates(protocol).items()},
    }


def templates(protocol: Protocol) -> dict[str, str]:
    """Header line of each sheet, by its file name."""
    return {
        f"{name}.tsv": "\t".join(column.name for column in columns(name, protocol)) + "\n" for name in SHEETS
    }


def default_protocol() -> Protocol:
    """The protocol of the repository."""
    document = read_document(FOLDER / "protocol.yaml", Protocol)
    if document.settings is None or document.faults:
        raise InputError("\n".join(str(fault) for fault in document.faults))
    return document.settings


def run(*, folder: Path = FOLDER) -> None:
    """Write the generated files.

    Args:
        folder: the config folder.
    """
    for name, text in generated(default_protocol()).items():
        write_text(folder / name, text)


def _settings(block: Block, indent: str = "") -> list[str]:
    """The settings of a block as lines of YAML, each under its docstring."""
    lines: list[str] = []
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        below = isinstance(value, Block)
        text = field.description or (getdoc(value) if below else None) or ""
        lines += ["", *(f"{indent}# {line}" for line in text.splitlines())]
        lines += (
            [f"{indent}{name}:", *_settings(value, f"{indent}  ")]
            if below
            else [f"{indent}{name}: {_flow(value)}"]
        )
    return lines


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("...\n").strip()


def _schema(model: type[Block]) -> str:
    return json.dumps(model.model_json_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    entry_point(run)
