"""False discovery rate over the tables of a family: tables are selected first, then features within them.

With many tables, Benjamini and Hochberg within each keeps no promise for the tables that a reader picks because
something was called in them. Here (Benjamini and Bogomolov 2014, doi:10.1111/rssb.12028), at level q: each table
gets the p-value of its global null by Simes (1986, doi:10.1093/biomet/73.3.751); of m tables, R are selected by
Benjamini and Hochberg at q; within a selected table, features are called by Benjamini and Hochberg at q R / m. The
false discovery proportion, averaged over the selected tables, is then at most q in expectation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scleromyomics.stats.design import Vector
from scleromyomics.stats.multiplicity import benjamini_hochberg


@dataclass(frozen=True, slots=True)
class Family:
    """What the procedure says of each table (one value each) and of the rows in it (one array per table)."""

    p_table: Vector  # Simes: that nothing moves in the table
    q_table: Vector  # smallest level at which the table is selected
    q_value: tuple[Vector, ...]  # Benjamini and Hochberg within the table
    q_family: tuple[Vector, ...]  # smallest level at which the procedure calls the row


def adjust_family(tables: Sequence[Vector]) -> Family:
    """Adjust the p-values of a family of tables.

    Calling the rows with `q_family` <= q is the procedure at level q: a row is called at q when its table is
    selected, and q R(q) / m reaches its q-value in the table. R only steps up with q, at the tables' `q_table`; the
    first level that fits is found among these steps by bisection, for all rows at once.

    Args:
        tables: p-values of each table, each between 0 and 1, none NaN; no table may be empty.

    Returns:
        Values in the order of the tables and of the rows in them.
    """
    q_values = tuple(benjamini_hochberg(p_values) for p_values in tables)
    p_table = np.array([q_value.min() for q_value in q_values])  # which is what Simes is
    q_table = benjamini_hochberg(p_table)
    steps = np.sort(q_table)
    return Family(
        p_table,
        q_table,
        q_values,
        tuple(
            np.maximum(selected, _level(q_value, steps))
            for selected, q_value in zip(q_table, q_values, strict=True)
        ),
    )


def _level(q_values: Vector, steps: Vector) -> Vector:
    """Smallest q with q R(q) / m >= each value, where R(q) counts the `steps` (sorted) that are <= q.

    With at least k tables selected, q must be at or above the k-th step and value m / k. The first bound rises with
    k and the second falls: the best k lies where they cross.
    """
    m = steps.size
    rank = np.arange(1, m + 1)
    short = np.searchsorted(
        steps * (rank / m), q_values
    )  # the next step is the first one that is high enough
    before = np.divide(q_values * m, short, out=np.full_like(q_values, np.inf), where=short > 0)
    level: Vector = np.minimum(np.append(steps, np.inf)[short], before)
    return level
