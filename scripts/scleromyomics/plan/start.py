"""Begin a study: a folder with its configuration, its protocol and empty sheets."""

from pathlib import Path

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_text
from scleromyomics.plan.defaults import FOLDER, default_protocol, templates

README = """\
# A study

- `protocol.yaml` says what is taken from whom and when, which clinical measures are recorded and what is asked.
- `config.yaml` holds the settings; what is deleted from it takes its default again.
- `participants.tsv`, `visits.tsv`, `events.tsv`, `treatments.tsv`, `samples.tsv` are the sheets: tabs between
  cells, one header line, one row per line. Columns that may be blank may also be left out.

People are pseudonyms (`P01`) and days are counted from inclusion (day 0): no names, no dates.
Raw files may lie anywhere; `path` in `samples.tsv` is relative to this folder, or absolute.

    scleromyomics check .    finds what is wrong in the sheets and says which questions the data can answer
    scleromyomics run .      makes the results, in results/
"""


def start(directory: Path) -> None:
    """Write a template study into `directory`, which must be new or empty.

    Raises:
        InputError: when something is there already.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: is a file; allowed: a new or an empty folder")
    found = sorted(path.name for path in directory.iterdir()) if directory.exists() else []
    if found:
        more = ", ..." if len(found) > 3 else ""
        raise InputError(
            f"{directory}: holds {', '.join(found[:3])}{more}; allowed: a new or an empty folder"
        )
    for name in ("config.yaml", "protocol.yaml"):
        write_text(directory / name, (FOLDER / name).read_text(encoding="utf-8"))
    for name, header in templates(default_protocol()).items():
        write_text(directory / name, header)
    write_text(directory / "README.md", README)
