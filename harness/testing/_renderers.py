"""The contract of renderers as checks, on a leaderboard of two judges, one of which has a hostile name."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.api import Judgement, Preference, Protocol, RecordedAnswer, Status, UnreadAnswer, Usage
from harness.testing._subject import Check, Subject

_HOSTILE = "judge\x1b[2J | <b>*two*</b>\n=1+1"


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "renderer_gives_text", lambda: _check_text(subject)
    yield "renderer_changes_nothing", lambda: _check_unchanged(subject)
    yield "renderer_cleans_names", lambda: _check_clean(subject)


def _check_text(subject: Subject) -> None:
    text = subject.instance(make_leaderboard())
    assert isinstance(text, str), f"renderer {subject.id}: it returned {type(text).__name__}; return text"
    assert "judge-one" in text, f"renderer {subject.id}: the text does not name the judge `judge-one`"
    again = subject.instance(make_leaderboard(), sections=[("Title", "Text.")], width=80)
    assert isinstance(again, str), f"renderer {subject.id}: with sections it returned {type(again).__name__}"


def _check_unchanged(subject: Subject) -> None:
    # A second renderer gets the same leaderboard.
    given = copy.deepcopy(dict(make_leaderboard()))
    subject.instance(given)
    assert given == make_leaderboard(), f"renderer {subject.id}: it changed the leaderboard; copy what you change"


def _check_clean(subject: Subject) -> None:
    text = subject.instance(make_leaderboard())
    assert "\x1b" not in text, (
        f"renderer {subject.id}: an escape sequence in the name of a judge reaches the output; names come from files "
        "and models, so escape or replace control characters"
    )


@dataclass(frozen=True)
class _Answers:
    """Ten answers; implements `harness.api.AnswerSource`."""

    right: int

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        for number in range(10):
            verdict = number % 2 if number < self.right else None
            status = Status.OK if verdict is not None else Status.UNPARSED
            space = Preference(2)
            yield RecordedAnswer(str(number), str(number), "", space, number % 2, (0, 1), 0, status, verdict)

    def unread(self) -> Iterator[UnreadAnswer]:
        for answer in self.answers():
            if answer.verdict is None:
                judgement = Judgement(status=Status.UNPARSED, raw="...", error="no verdict: nothing")
                yield UnreadAnswer(answer.item, "", answer.order, 0, judgement)

    def usage(self) -> Usage:
        return Usage()


@lru_cache(maxsize=1)
def make_leaderboard() -> Mapping[str, Any]:
    """The content of `leaderboard.json` of two judges on ten items."""
    # Imported here: scores need scipy, and other checks do not.
    from harness.report.leaderboard import build_leaderboard
    from harness.report.scored import ScoredCell
    from harness.score.cell import score_cell
    from harness.score.metrics import make_accuracy
    from harness.score.units import build_cell

    cells, protocol = [], Protocol()
    for judge, right in (("judge-one", 9), (_HOSTILE, 6)):
        source = _Answers(right)
        scores = score_cell(
            build_cell(source.answers(), protocol),
            task="task",
            judge=judge,
            metrics={"accuracy": make_accuracy(None, None)},
            data_hash="hash",
        )
        cells.append(
            ScoredCell(
                run="run",
                task="task",
                judge=judge,
                task_id="plugin/task",
                judge_id="plugin/judge",
                suite="",
                protocol=protocol,
                format="harness/tagged",
                metric="accuracy",
                data_hash="hash",
                state="complete",
                source=source,
                scores=scores,
            )
        )
    return build_leaderboard(cells, find_metric=lambda name: make_accuracy(None, None)).to_json()
