"""Scores of a task from answers that a test makes up, by the way that a run would go: asked, read, pooled, scored."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.api import Item, Judgement, Protocol, RecordedAnswer, Request, Task
from harness.runner.planned import PlannedTask
from harness.runner.requests import stream_requests
from harness.score.cell import score_cell
from harness.score.find import metrics_of
from harness.score.records import CellScores
from harness.score.units import build_cell
from harness.testing._context import FakeContext
from harness.testing._installed import load_installed


def score_task(
    task: Task,
    answer: Callable[[Request, Item], str | Judgement],
    *,
    split: str = "test",
    protocol: Protocol | None = None,
) -> CellScores:
    """Score a task by its protocol: what shows that a benchmark's official metric is the official one.

    Args:
        task: The task.
        answer: Gives a judge's answer to a request: text, which the task's own format reads, or a judgement. The
            verdict of a judgement is in shown places. `Judgement.of(item.space.to_shown(0, request.order))` names the
            first candidate.
        split: Which items.
        protocol: In place of the task's own.

    Returns:
        As in `scores.json`: `estimates`, `categories`, `coverage`, `statuses`, `histogram`, ...
    """
    rules = protocol or task.protocol
    plugins = load_installed()
    with tempfile.TemporaryDirectory() as place:
        context = FakeContext(workspace=Path(place))
        planned = PlannedTask(
            name="under-test",
            id="under-test",
            suite="",
            split=split,
            limit=None,
            task=task,
            protocol=rules,
            format=plugins.find("format", task.format).create(None, context),
        )
        table = build_cell(_answers(planned, answer), rules)
    return score_cell(
        table,
        task="under-test",
        judge="made-up",
        metrics=metrics_of(rules, plugins),
        data_hash="",
    )


def _answers(planned: PlannedTask, answer: Callable[[Request, Item], str | Judgement]) -> Iterator[RecordedAnswer]:
    # The same orders and repeats as in a run.
    for ask in stream_requests(planned):
        assert ask.request is not None, ask.problem
        given = answer(ask.request, ask.item)
        # Text takes the road of every answer; a judgement is checked as the engine does.
        judgement = ask.request.read(given) if isinstance(given, str) else given.check(ask.request.space)
        yield RecordedAnswer(
            item=ask.item.id,
            group=ask.item.group,
            category=ask.item.category,
            space=ask.item.space,
            gold=ask.item.gold,
            order=ask.request.order,
            sample=ask.request.sample,
            status=judgement.status,
            verdict=judgement.verdict,
            probabilities=judgement.probabilities,
            annotations=ask.item.annotations,
        )
