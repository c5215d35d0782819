"""One answer of one judge to one request, joined with its item, as a row of a table and as an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.api import Judgement, RecordedAnswer, Verdict, reason_of
from harness.recorded.journal import RecordedJournal
from harness.recorded.load import source_of
from harness.report.escaping import order_name
from harness.view.book import BookCell


class JudgedAnswer:
    """What a judge answered to a request, beside what is right. Names of verdicts are in the item's own places."""

    __slots__ = ("_cell", "answer", "judgement")

    def __init__(self, cell: BookCell, answer: RecordedAnswer, judgement: Judgement) -> None:
        self._cell = cell
        self.answer = answer
        """The same as plugins get it: answer space, gold and verdict as objects, tags."""
        self.judgement = judgement
        """The same as the judge gave it, in the places that it was shown."""

    @property
    def task(self) -> str:
        """Name of the task."""
        return self._cell.cell.task

    @property
    def judge(self) -> str:
        """Name of the judge on the leaderboard."""
        return self._cell.judge

    @property
    def item(self) -> str:
        """Id of the item."""
        return self.answer.item

    @property
    def group(self) -> str:
        """Cluster of the item: items of one group share a source, and vary together."""
        return self.answer.group

    @property
    def category(self) -> str:
        """The benchmark's own division."""
        return self.answer.category

    @property
    def order(self) -> str:
        """The candidates in the order shown, by letter; empty where there are not two."""
        return order_name(self.answer.order) if len(self.answer.order) > 1 else ""

    @property
    def sample(self) -> int:
        """Number of the repeat, from 0."""
        return self.answer.sample

    @property
    def status(self) -> str:
        """`ok`, or why there is no verdict: `unparsed`, `outside`, `draw`, `refused`, `truncated`, `error`."""
        return self.answer.status.value

    @property
    def verdict(self) -> str | None:
        """What the judge said, in the item's own places; `None` without a verdict."""
        said = self._canonical()
        return None if said is None else self.answer.space.name(said)

    @property
    def gold(self) -> str:
        """The right verdict."""
        return self.answer.space.name(self.answer.gold)

    @property
    def right(self) -> bool | None:
        """Whether the verdict agrees with the gold; `None` without a verdict, which is not a wrong one."""
        said = self._canonical()
        return None if said is None else self.answer.space.agrees(said, self.answer.gold)

    @property
    def first(self) -> bool | None:
        """Whether the verdict names the first place shown; `None` where places mean nothing."""
        # In shown places, unlike `verdict`: position bias is about where a candidate stood.
        said = self.answer.verdict
        return said == 0 if len(self.answer.order) > 1 and isinstance(said, int) else None

    @property
    def confidence(self) -> float | None:
        """Probability of the verdict, where the judge said so."""
        said, chances = self.answer.verdict, self.answer.probabilities
        found = None if said is None or chances is None else chances.get(self.answer.space.name(said))
        return float(found) if isinstance(found, int | float) else None

    @property
    def rationale(self) -> str:
        """The reasoning, without the verdict."""
        return self.judgement.rationale

    @property
    def raw(self) -> str:
        """What the judge wrote, unchanged."""
        return self.judgement.raw

    @property
    def reason(self) -> str:
        """Why there is no verdict, more closely than `status`; empty where there is one."""
        found = reason_of(self.answer.status, self.judgement.error)
        return "" if found is None else found.value

    @property
    def error(self) -> str:
        """Why there is no verdict, in the words of the reader or the judge."""
        return self.judgement.error

    @property
    def latency_s(self) -> float | None:
        """Seconds from question to answer."""
        return self.judgement.latency_s

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens read, images included."""
        return self.judgement.prompt_tokens

    @property
    def completion_tokens(self) -> int | None:
        """Tokens written."""
        return self.judgement.completion_tokens

    @property
    def cost_usd(self) -> float | None:
        """Money, in US dollars."""
        return self.judgement.cost_usd

    @property
    def model(self) -> str:
        """The exact version of the model, where the judge knows it."""
        return self.judgement.model

    @property
    def run(self) -> str:
        """Name of the run folder."""
        return self._cell.cell.run

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of the item. No column of the table."""
        return self.answer.tags

    def _canonical(self) -> Verdict | None:
        answer = self.answer
        if answer.verdict is None:
            return None
        # The judge spoke of places as it saw them, and the gold is in those of the item.
        return answer.space.to_canonical(answer.verdict, answer.order) if answer.order else answer.verdict

    def __repr__(self) -> str:
        said = self.verdict if self.verdict is not None else f"({self.status})"
        return f"<{self.judge} on {self.task}, item {self.item}: {said}, gold {self.gold}>"


def read_answers(cell: BookCell, *, status: str | None) -> Iterator[JudgedAnswer]:
    """Stream the answers of a judge to a task, by item, order and sample.

    Args:
        cell: The judge and the task.
        status: Only answers of this status. `None`: all.
    """
    source = source_of(cell.cell)
    with RecordedJournal(source.journal, readonly=True) as journal:
        for answer, judgement in journal.stream_judgements(source.task, source.judge_key, status=status):
            yield JudgedAnswer(cell, answer, judgement)
