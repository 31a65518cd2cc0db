"""A study: its configuration, its protocol and its cohort, from files that were found to be without fault."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scleromyomics.core.errors import InputError
from scleromyomics.plan.cohort import Cohort
from scleromyomics.plan.config import Config
from scleromyomics.plan.document import read_document
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.protocol.consistency import contradictions
from scleromyomics.plan.sheets.assemble import assemble
from scleromyomics.plan.sheets.columns import SHEETS, columns
from scleromyomics.plan.sheets.faults import Fault
from scleromyomics.plan.sheets.files import file_faults
from scleromyomics.plan.sheets.people import people_faults
from scleromyomics.plan.sheets.reader import read_sheet
from scleromyomics.plan.sheets.samples import sample_faults
from scleromyomics.plan.sheets.settings import setting_faults

DEFAULT_PROTOCOL = Path(__file__).parents[3] / "config" / "protocol.yaml"
"""The protocol of a study that has none of its own."""

MAY_BE_EMPTY = {"events", "treatments"}
"""Sheets for which a header line alone is enough."""


@dataclass(frozen=True)
class Study:
    """Everything that is known about a study before any raw file is read."""

    directory: Path
    config: Config
    protocol: Protocol
    cohort: Cohort
    warnings: tuple[Fault, ...]

    @cached_property
    def release(self) -> str:
        """The release to build: the configured one, else that of the newest wave."""
        return self.config.release or self.cohort.waves[-1]

    @cached_property
    def released(self) -> Cohort:
        """The cohort as this release sees it."""
        return self.cohort.up_to(self.release)


def load_study(directory: Path, *, overrides: Mapping[str, Any] | None = None, files: bool = False) -> Study:
    """Read a study's configuration, protocol and sheets.

    Args:
        directory: where config.yaml and the five sheets are (and protocol.yaml, if the study has its own).
        overrides: settings that stand above those of config.yaml, nested alike.
        files: also look at the files that they name: that each is there, can be read, and has the declared md5.

    Returns:
        The study, with the warnings sorted by file, line and column.

    Raises:
        InputError: with all faults of all files, one per line, sorted by file, line and column.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; allowed: a study directory")
    own = directory / "protocol.yaml"
    configured = read_document(directory / "config.yaml", Config, overrides)
    declared = read_document(own if own.exists() else DEFAULT_PROTOCOL, Protocol)
    config, protocol = configured.settings, declared.settings
    faults = [*configured.faults, *declared.faults]
    if protocol is None:
        raise _failure(faults)
    faults += contradictions(declared)
    sheets = {
        name: read_sheet(
            directory / f"{name}.tsv", columns(name, protocol), may_be_empty=name in MAY_BE_EMPTY
        )
        for name in SHEETS
    }
    faults += [fault for sheet in sheets.values() for fault in sheet.faults]
    faults += people_faults(sheets, protocol)
    faults += sample_faults(sheets, protocol)
    faults += setting_faults(configured, sheets, protocol)
    if files:
        faults += file_faults(directory, sheets, configured)
    if config is None or any(fault.severity == "error" for fault in faults):
        raise _failure(faults)
    warnings = tuple(sorted(faults, key=lambda fault: fault.order))
    return Study(directory, config, protocol, assemble(sheets, protocol), warnings)


def _failure(faults: list[Fault]) -> InputError:
    errors = sorted((fault for fault in faults if fault.severity == "error"), key=lambda fault: fault.order)
    return InputError("\n".join(dict.fromkeys(str(fault) for fault in errors)))
