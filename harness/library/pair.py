"""Two judges side by side: what `harness compare` says, and the items on which they differ, with both reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.library.board import print_plainly
from harness.library.html import as_page, html_list, html_table
from harness.library.items import JudgedItem
from harness.library.tables import RecordTable, find_columns
from harness.report import compare
from harness.report.compare import Disagreement, JudgeComparison
from harness.score.records import Comparison

if TYPE_CHECKING:
    import pandas
    import pyarrow


class Pair:
    """Two judges on the items that both answered.

    Args:
        record: The comparison itself.
        find: Gives the items on which the two differ: of a task, or of all.
    """

    def __init__(self, record: JudgeComparison, find: Callable[[str | None], RecordTable[JudgedItem]]) -> None:
        self._find = find
        self.record = record
        """The comparison itself."""

    @property
    def a(self) -> str:
        """Name of the first judge."""
        return self.record.judge_a

    @property
    def b(self) -> str:
        """Name of the second judge."""
        return self.record.judge_b

    @property
    def tasks(self) -> RecordTable[Comparison]:
        """A row for each task that both answered: both values, the difference a − b, its interval, p-values and n."""

        def read() -> Iterable[Comparison]:
            pairs = zip(self.record.names, self.record.tasks, strict=True)
            return [replace(pair, task=name) for name, pair in pairs]

        return RecordTable(read, find_columns(Comparison), title=f"a is {self.a}, b is {self.b}")

    @property
    def disagreements(self) -> RecordTable[Disagreement]:
        """Some requests to which the two gave different answers: those where one is right first, a and b in turns."""
        columns = find_columns(Disagreement)
        return RecordTable(lambda: self.record.disagreements, columns, title=f"a is {self.a}, b is {self.b}")

    def items(self, task: str | None = None) -> RecordTable[JudgedItem]:
        """Stream all items on which the two differ, with the answers and the reasons of both."""
        return self._find(task)

    def to_json(self) -> dict[str, Any]:
        """What `harness compare --format json` prints."""
        return self.record.to_json()

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each task as a data frame."""
        return self.tasks.to_pandas()

    def to_arrow(self) -> pyarrow.Table:
        """A row for each task as an Arrow table."""
        return self.tasks.to_arrow()

    def __repr__(self) -> str:
        from harness.report.terminal import print_comparison

        return print_plainly(lambda console: print_comparison(self.record, console))

    def _repr_html_(self) -> str:
        header, rows = compare.difference_rows(self.record)
        parts = [html_table(header, rows, right=range(1, len(header)))]
        parts.append(html_list(compare.verdict_lines(self.record)))
        if self.record.disagreements:
            parts.append(html_table(*compare.disagreement_rows(self.record)))
        return as_page(compare.title(self.record), *parts, notes=compare.legend(self.record))
