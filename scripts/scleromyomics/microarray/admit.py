"""The door: read a sample's raw file once, whole, and accept it or say in one line why not.

A CEL file is accepted when it is complete (every count of its header against its content, gzip checksums),
of the platform's chip type and dimensions, with finite, non-negative intensities that vary. A table is
accepted when it is complete and the sample's values are finite numbers that vary. The receipt keeps the
digest of what was accepted; later steps refuse anything else.
"""

import sys
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import md5 as md5_of
from scleromyomics.core.files import sha256, write_json
from scleromyomics.core.versions import versions
from scleromyomics.microarray.cel import read_cel
from scleromyomics.microarray.chip import Chip
from scleromyomics.microarray.raw import fault, shown
from scleromyomics.microarray.table import read_table

HIGHEST_INTENSITY = 2.0**20  # scanner units; scanners digitise 16 bits (65,535): beyond lies a broken number

__all__ = ["run"]


def run(
    *,
    sample: str,
    raw: Path,
    format: Literal["cel", "table", "series_matrix"],  # noqa: A002 - the sheet's column
    column: str = "",
    chip: Path | None = None,
    md5: str = "",
    receipt: Path,
) -> None:
    """Check a sample's raw file. A refusal is a receipt and a line on standard error, not a failure.

    Args:
        sample: the sample's name.
        raw: its CEL file, or the expression table that holds it.
        format: how to read it.
        column: the sample's column in a table.
        chip: the platform's probes as microarray_chip wrote them; for CEL files.
        md5: the MD5 that the file must have; not checked when empty.
        receipt: verdict, digest and facts, to write (JSON).

    Raises:
        InputError: the file is missing, or a flag that the format needs.
    """
    if not raw.is_file():
        raise InputError(f"sample {sample}: found no file {raw}; allowed: an existing file")
    if format == "cel" and chip is None:
        raise InputError(f"sample {sample}: found no --chip; allowed: the platform's chip, for a CEL file")
    if format != "cel" and not column:
        raise InputError(f"sample {sample}: found no --column; allowed: the sample's column, for a table")
    facts: dict[str, object] = {"chip": "", "n_values": 0, "measures": {}}
    reason = ""
    try:
        _require_md5(raw, md5)
        facts = (
            _cel_facts(raw, Chip.load(chip))
            if chip and format == "cel"
            else _table_facts(raw, format, column)
        )
    except InputError as error:
        reason = str(error)
        print(f"refused: sample {sample}: {reason}", file=sys.stderr)
    identity = {"sample": sample, "raw": str(raw), "format": format, "column": column}
    verdict = {"status": "refused" if reason else "accepted", "reason": reason}
    content = {"sha256": sha256(raw), "size": raw.stat().st_size, "versions": versions("numpy")}
    write_json(receipt, identity | verdict | content | facts)


def _require_md5(raw: Path, declared: str) -> None:
    if declared and (found := md5_of(raw)) != declared.strip().lower():
        raise fault(raw, f"md5 {found}", f"{shown(declared)}, as declared")


def _cel_facts(raw: Path, chip: Chip) -> dict[str, object]:
    cel = read_cel(raw)
    if not chip.fits(cel.chip):
        raise fault(raw, f"chip type {shown(cel.chip)}", " or ".join(map(shown, (chip.name, *chip.aliases))))
    if (cel.rows, cel.cols) != (chip.rows, chip.cols):
        raise fault(raw, f"{cel.rows} x {cel.cols} cells", f"{chip.rows} x {chip.cols}, as {chip.name} has")
    _require_values(raw, cel.intensity, "intensities")
    below, above = np.count_nonzero(cel.intensity < 0), np.count_nonzero(cel.intensity > HIGHEST_INTENSITY)
    if below:
        raise fault(raw, f"{below} negative intensities", "0 or more")
    if above:
        raise fault(raw, f"{above} intensities above {HIGHEST_INTENSITY:.0f}", "what a scanner can measure")
    _require_values(raw, cel.intensity[chip.probes], "intensities of perfect-match probes")
    measures = {"version": cel.version, "rows": cel.rows, "cols": cel.cols}
    return {"chip": cel.chip, "n_values": cel.intensity.size, "measures": measures}


def _table_facts(raw: Path, kind: Literal["cel", "table", "series_matrix"], column: str) -> dict[str, object]:
    table = read_table(raw, "series_matrix" if kind == "series_matrix" else "table", column)
    _require_values(raw, table.values, f"values in column {shown(column)}")
    return {"chip": "", "n_values": table.values.size, "measures": {"n_missing": table.n_missing}}


def _require_values(raw: Path, values: NDArray[np.float64], what: str) -> None:
    if not values.size:
        raise fault(raw, f"no {what}", "numbers")
    strange = np.count_nonzero(~np.isfinite(values))
    if strange:
        raise fault(raw, f"{strange} {what} that are NaN or infinite", "finite numbers")
    if values.min() == values.max():
        raise fault(
            raw, f"{values.size} {what} that are all {values[0]:g} (zero variance)", "values that vary"
        )


if __name__ == "__main__":
    entry_point(run)
