"""What the tasks share: their splits, and golds that are numbers cut in two."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from harness.api import Choice, Context, DataError
from harness.api.data import Cell, Row, Source, TableTask
from harness_mtrl import __version__
from harness_mtrl.options import MEDIAN, Binary
from harness_mtrl.splits import SPLITS

YES_NO = Choice(("yes", "no"))
"""The answers of every task but UnsafeBench and the opinion scores; yes is the positive class."""


class PointwiseTask(TableTask):
    """One image, and perhaps a text, as a `Task`."""

    format = "harness/tagged"
    """Reasoning first, then the answer. The paper's own tags are not known."""
    version = __version__
    splits = SPLITS

    def describe_empty(self, split: str, *, rows: int) -> str:
        """What to say of a split that gave no item: all splits may come from one table."""
        tables = ", ".join(str(source) for source in self.sources.values())
        return f"no row of {tables} is in the split {split!r}; use more data, a larger share or a narrower drop_middle"


class ThresholdTask(PointwiseTask):
    """A task whose gold is a number of people's, cut in two: yes from the threshold on."""

    def __init__(self, options: Binary, context: Context, *, sources: Mapping[str, Source]) -> None:
        """Keep what was found; nothing is read yet."""
        super().__init__(options, context, sources=sources)
        self._threshold, self._middle = options.threshold, options.drop_middle

    @abstractmethod
    def value(self, row: Row) -> float:
        """The number of a row.

        Raises:
            DataError: The column is missing or does not fit.
        """

    @cached_property
    def threshold(self) -> float:
        """The gold is yes from here on. The median is that of all rows of train, those of the middle included.

        Raises:
            DataError: There are no rows to take the median of.
        """
        # The median of train only: a threshold that looks at test rows would leak them.
        if self._threshold != MEDIAN:
            return float(self._threshold)
        # Eight bytes a row, and no list of rows.
        values = array("d", (self.value(row) for row in self.rows("train")))
        if not values:
            raise DataError(f"task {self.name}: train has no rows to take the median of; write a number as `threshold`")
        return float(np.median(values))

    def gold(self, row: Row) -> str | None:
        """`yes`, `no`, or `None` where the row is in the middle that is left out.

        Raises:
            DataError: The column is missing or does not fit.
        """
        value = self.value(row)
        # Both ends are left out, as the option says. The median itself still counts them.
        if self._middle is not None and self._middle[0] <= value <= self._middle[1]:
            return None
        return "yes" if value >= self.threshold else "no"


def number_between(cell: Cell, *, low: float, high: float, fix: str) -> float:
    """A number from `low` to `high`.

    Raises:
        DataError: No number, or outside.
    """
    value = cell.number()
    if not low <= value <= high:
        raise cell.mismatch(f"a number from {low:g} to {high:g}", fix)
    return value
