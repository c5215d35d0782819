"""Facts: what a reasoning states of the item, held against what is known of it. From recorded answers alone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from harness.api import Claim, Verdict
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.records import Finding, FindingExample, KeyFigure
from harness.explain.study import StudiedAnswer, Study

_EXAMPLES = 5


class Facts:
    """Shares of right verdicts with a false fact, and of false facts, beside reasoning of another item."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It has no settings."""

    def lacks(self, study: Study) -> str:
        """Reasoning, and a task that knows facts."""
        if not study.makes_claims:
            return "the task does not say which facts a reasoning states (`claims`)"
        if not any(said.reasoning for said in study.said):
            return "the judge wrote no reasoning, or gave no verdict"
        if not any(_with_truth(study.claims(said.reasoning, said)) for said in study.said if said.reasoning):
            return "no reasoning states a fact that the task understands"
        return ""

    def questions(self, study: Study) -> Iterable[Question]:
        """None: all is in the journal."""
        return ()

    def measure(self, study: Study, answers: Answers) -> Finding:
        """Right verdicts for a wrong reason, and each kind of fact."""
        own = [(said, _with_truth(study.claims(said.reasoning, said))) for said in study.said]
        own = [(said, claims) for said, claims in own if claims]
        dealt = list(_deal(study, own))
        wrong = KeyFigure(
            key="wrong_reason",
            share=study.share("right verdicts that rest on a false fact", _of_right(own)),
            controls=(study.share("reasoning of another item with the same verdict", _of_right(dealt)),),
            meaning="High: right for the wrong reason. Two judges of one accuracy can differ in it.",
            on_board=True,
        )
        names = dict.fromkeys(claim.name for _, claims in own for claim in claims)
        kinds = [
            KeyFigure(
                key=f"false.{name}",
                share=study.share(f"false statements of the {name}", _of_kind(own, name)),
                controls=(study.share("reasoning of another item with the same verdict", _of_kind(dealt, name)),),
                meaning=f"Low, and far below the control: the judge sees the {name}.",
            )
            for name in names
        ]
        return Finding(
            measure="facts",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=(wrong, *kinds),
            examples=tuple(_show(own))[:_EXAMPLES],
        )


Stated = tuple[StudiedAnswer, list[Claim]]
"""An answer, and the claims of a reasoning about its item."""


def _with_truth(claims: Iterable[Claim]) -> list[Claim]:
    """Those of which the truth is known."""
    return [claim for claim in claims if claim.is_true is not None]


def _deal(study: Study, own: list[Stated]) -> Iterator[Stated]:
    """The reasoning of another item with the same verdict, held against each item: what a judge without eyes states."""
    by_verdict: dict[Verdict, list[StudiedAnswer]] = {}
    for said, _ in own:
        by_verdict.setdefault(said.verdict, []).append(said)
    for said, _ in own:
        others = [other for other in by_verdict[said.verdict] if other.item.id != said.item.id]
        if others:
            # By item and not by one generator: another answer more changes no other draw.
            other = random.Random(f"{study.seed} {said.item.id} {said.answer.order}").choice(others)
            if claims := _with_truth(study.claims(other.reasoning, said)):
                yield said, claims


def _of_right(stated: Iterable[Stated]) -> Iterator[tuple[StudiedAnswer, float]]:
    for said, claims in stated:
        if said.is_right:
            yield said, float(any(claim.is_true is False for claim in claims))


def _of_kind(stated: Iterable[Stated], name: str) -> Iterator[tuple[StudiedAnswer, float]]:
    for said, claims in stated:
        for claim in claims:
            if claim.name == name:
                yield said, float(claim.is_true is False)


def _show(own: Iterable[Stated]) -> Iterator[FindingExample]:
    """Right verdicts with a false fact."""
    for said, claims in own:
        false = [f"{claim.name}: says {claim.value}, is {claim.truth}" for claim in claims if claim.is_true is False]
        if said.is_right and false:
            yield FindingExample(
                item=said.item.id,
                order=said.answer.order,
                text=said.reasoning,
                note="; ".join(false),
                verdict=said.name(said.verdict),
            )
