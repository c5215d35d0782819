"""Cells made by hand: real answers, real units, real scores; only the journal is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import pytest

from harness.api import Judgement, Metric, Preference, Protocol, RecordedAnswer, Status, UnreadAnswer, Usage, UserError
from harness.report.scored import ScoredCell
from harness.score.agreement import make_macro_f1, make_roc_auc
from harness.score.cell import score_cell
from harness.score.metrics import make_accuracy, make_mae
from harness.score.records import CellScores
from harness.score.units import build_cell

SPACE = Preference(2, ("tie",))


@dataclass(frozen=True, kw_only=True)
class Given:
    """Answers in memory; implements `harness.api.AnswerSource`."""

    given: tuple[RecordedAnswer, ...]
    spent: Usage = field(default_factory=Usage)

    def usage(self) -> Usage:
        return self.spent

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        return iter(self.given)

    def unread(self) -> Iterator[UnreadAnswer]:
        for answer in self.given:
            if answer.status is not Status.OK:
                raw = f"well, {answer.item}: hard to say"
                judgement = Judgement.failure(answer.status, "no verdict: nothing found", raw=raw)
                yield UnreadAnswer(answer.item, answer.category, answer.order, answer.sample, judgement)


MakeCell: TypeAlias = Callable[..., ScoredCell]


def find_metric(name: str) -> Metric:
    name, _ = Protocol.parse_metric(name)
    known = {"accuracy": make_accuracy, "macro_f1": make_macro_f1, "mae": make_mae, "roc_auc": make_roc_auc}
    if name.rpartition("/")[2] not in known:
        raise UserError(f"there is no metric {name!r}")
    return known[name.rpartition("/")[2]](None, None)


def answers_of(
    said: str,
    gold: str,
    categories: Sequence[str],
    sure: Sequence[float | None] = (),
    *,
    groups: str = "group",
    size: int = 1,
) -> Iterator[RecordedAnswer]:
    """One answer a letter: A, B or T for a tie; `-` is unparsed and `!` an error. `sure` is the probability of A.

    Groups of `size` items in a row have names that begin with `groups`: equal ones are shared with other tasks.
    """
    for number, (word, right) in enumerate(zip(said, gold, strict=True)):
        status = {"-": Status.UNPARSED, "!": Status.ERROR}.get(word, Status.OK)
        verdicts: dict[str, int | str] = {"A": 0, "B": 1, "T": "tie"}
        yield RecordedAnswer(
            item=f"item-{number:04}",
            group=f"{groups}-{number // size:04}",
            category=categories[number % len(categories)],
            space=SPACE,
            gold=verdicts[right],
            order=(0, 1),
            sample=0,
            status=status,
            verdict=verdicts.get(word),
            probabilities=None if number >= len(sure) or (p := sure[number]) is None else {"A": p, "B": 1 - p},
        )


@pytest.fixture(scope="session")
def make_cell() -> MakeCell:
    def make(
        judge: str,
        said: str,
        gold: str,
        *,
        task: str = "t",
        run: str = "run-1",
        suite: str = "s",
        protocol: Protocol | None = None,
        categories: Sequence[str] = ("",),
        data_hash: str | None = None,
        sure: Sequence[float | None] = (),
        groups: str = "group",
        size: int = 1,
        answers: tuple[RecordedAnswer, ...] | None = None,
        scores: CellScores | None = None,
        spent: Usage | None = None,
        **changes: Any,
    ) -> ScoredCell:
        protocol = protocol or Protocol()
        given = answers or tuple(answers_of(said, gold, categories, sure, groups=groups, size=size))
        known = hashlib.sha256(gold.encode()).hexdigest()[:16] if data_hash is None else data_hash
        scores = scores or score_cell(
            build_cell(given, protocol),
            task=task,
            judge=judge,
            suite=suite,
            metrics={name: find_metric(name) for name in protocol.metrics},
            data_hash=known,
        )
        cell = ScoredCell(
            run=run,
            task=task,
            judge=judge,
            suite=suite,
            task_id="tests/task",
            judge_id="tests/judge",
            protocol=protocol,
            data_hash=known,
            state="complete",
            format="tests/format",
            metric=protocol.metrics[0],
            scores=scores,
            source=Given(given=given, spent=spent or Usage()),
        )
        return replace(cell, **changes)

    return make
