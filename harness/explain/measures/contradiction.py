"""Contradiction: the reasoning argues for one verdict, and the judge gives another. From recorded answers alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.api import Verdict
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.records import Finding, FindingExample, KeyFigure
from harness.explain.study import StudiedAnswer, Study

_EXAMPLES = 5

Stated = tuple[StudiedAnswer, Verdict]
"""An answer, and the verdict that its reasoning implies."""


class Contradiction:
    """Shares of answers whose reasoning implies another verdict, beside reasoning dealt out at random."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It has no settings."""

    def lacks(self, study: Study) -> str:
        """Reasoning, and a task that understands it."""
        if not study.said:
            return "the judge gave no verdict"
        if not study.reads_reasoning:
            return "the task does not say what a reasoning implies (`find_implied`), and it is not guessed"
        if not any(said.reasoning for said in study.said):
            return "the judge wrote no reasoning"
        if not _read(study):
            return "no reasoning implies a verdict in words that the task understands"
        return ""

    def questions(self, study: Study) -> Iterable[Question]:
        """None: all is in the journal."""
        return ()

    def measure(self, study: Study, answers: Answers) -> Finding:
        """Contradiction, and what the judge would score by its reasoning."""
        stated = _read(study)
        against = [(said, implied) for said, implied in stated if implied != said.verdict]
        contradiction = KeyFigure(
            key="contradiction",
            share=study.share(
                "the verdict is not what the reasoning implies", ((s, float(i != s.verdict)) for s, i in stated)
            ),
            controls=(study.share("reasoning dealt out at random among these answers", _deal(stated)),),
            meaning="High: the verdict does not come from the reasoning that is shown. As high as the control: the "
            "reasoning has nothing to do with it.",
            on_board=True,
        )
        scored = KeyFigure(
            key="right_by_reasoning",
            share=study.share(
                "right, if scored by what the reasoning implies", ((s, float(i == s.gold)) for s, i in stated)
            ),
            controls=(study.share("right by the verdict, same answers", ((s, float(s.is_right)) for s, _ in stated)),),
            meaning="Higher than the control: the judge knows better than it says.",
            on_board=True,
        )
        return Finding(
            measure="contradiction",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=(contradiction, scored),
            examples=tuple(
                FindingExample(
                    item=said.item.id,
                    order=said.answer.order,
                    text=said.reasoning,
                    note=f"the reasoning implies {said.name(implied)}",
                    verdict=said.name(said.verdict),
                )
                for said, implied in against[:_EXAMPLES]
            ),
        )


def _read(study: Study) -> list[Stated]:
    """The answers whose reasoning implies a verdict."""
    read = [(said, study.find_implied(said)) for said in study.said if said.reasoning]
    return [(said, implied) for said, implied in read if implied is not None]


def _deal(stated: list[Stated]) -> list[tuple[StudiedAnswer, float]]:
    """The chance that the reasoning of another of these answers, drawn at random, implies another verdict.

    It is computed, not drawn: the mean over all ways to deal the reasonings out.
    """
    counts = Counter(implied for _, implied in stated)
    others = len(stated) - 1
    if not others:
        return []
    return [(said, 1 - (counts[said.verdict] - (implied == said.verdict)) / others) for said, implied in stated]
