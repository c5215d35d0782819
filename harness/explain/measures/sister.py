"""The sister's reasoning: a judge is given what it wrote about a sister item with another verdict, and concludes.

Sisters are items of one group, so this needs data with such groups: one picture with two captions, or two pictures that
differ in one thing. A pair that is shown in the other order is a sister of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.api import Verdict
from harness.explain.beginnings import begin_with, is_consistent, why_not_forced, write_up_to_verdict
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.records import Finding, FindingExample, KeyFigure
from harness.explain.study import StudiedAnswer, Study

_OWN, _SISTER = "own reasoning", "sister's reasoning"
_EXAMPLES = 3


class SistersReasoning:
    """How often the verdict turns with the sister's reasoning, beside the judge's own."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It has no settings."""

    def lacks(self, study: Study) -> str:
        """A judge that goes on, and sisters."""
        if reason := why_not_forced(study):
            return reason
        return "" if next(_pairs(study), None) else "no item has a sister, in its group, with another verdict"

    def questions(self, study: Study) -> Iterable[Question]:
        """The item with its sister's reasoning, and with its own."""
        for said, sister in _pairs(study):
            request = study.render(said)
            for label, reasoning in ((_SISTER, sister.reasoning), (_OWN, said.reasoning)):
                beginning = write_up_to_verdict(request, reasoning)
                if beginning is not None:
                    begun = begin_with(request, beginning)
                    yield Question(label=label, said=said, request=begun, probes=True)

    def measure(self, study: Study, answers: Answers) -> Finding:
        """How often the verdict turns."""
        turned = {label: list(find_turns(study, answers, label)) for label in (_SISTER, _OWN)}
        figure = KeyFigure(
            key="turns_with_sister",
            share=study.share("the verdict turns with the sister's reasoning", hits_of(turned[_SISTER])),
            controls=(study.share("it turns with its own reasoning, given again", hits_of(turned[_OWN])),),
            meaning="High: the verdict is read from the reasoning, and the picture matters only for writing it. Low: "
            "the verdict comes from elsewhere.",
            on_board=True,
        )
        sisters = {(said.item.id, said.answer.order): sister for said, sister in _pairs(study)}
        return Finding(
            measure="sister",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=(figure,),
            examples=tuple(
                FindingExample(
                    item=said.item.id,
                    order=said.answer.order,
                    text=sisters[said.item.id, said.answer.order].reasoning,
                    note=f"reasoning of {sisters[said.item.id, said.answer.order].item.id}",
                    verdict=said.name(said.verdict),
                    then=said.name(then),
                )
                for said, then in turned[_SISTER][:_EXAMPLES]
            ),
            failed=count_failed(self.questions(study), answers),
        )


def _pairs(study: Study) -> Iterator[tuple[StudiedAnswer, StudiedAnswer]]:
    """Answers, each with one about a sister whose reasoning argues for another verdict."""
    groups: dict[str, list[StudiedAnswer]] = {}
    for said in study.to_ask:
        if is_consistent(study, said):
            groups.setdefault(said.item.group, []).append(said)
    for alike in groups.values():
        for said in alike:
            sister = next((other for other in alike if other.verdict != said.verdict), None)
            if sister is not None:
                yield said, sister


def find_turns(study: Study, answers: Answers, label: str) -> Iterator[tuple[StudiedAnswer, Verdict]]:
    """The answers that were asked about under a label, each with the verdict afterwards. Those without are left out."""
    for said in study.to_ask:
        judgement = answers.get((said.item.id, said.answer.order, label))
        if judgement is not None and judgement.verdict is not None:
            yield said, judgement.verdict


def hits_of(
    turns: Iterable[tuple[StudiedAnswer, Verdict]], *, same: bool = False
) -> Iterator[tuple[StudiedAnswer, float]]:
    """1 where the verdict is another one; with `same`, where it is the same."""
    return ((said, float((then == said.verdict) == same)) for said, then in turns)


def count_failed(questions: Iterable[Question], answers: Answers) -> int:
    """Questions without a verdict."""
    found = 0
    for question in questions:
        judgement = answers.get((question.said.item.id, question.said.answer.order, question.label))
        found += judgement is None or judgement.verdict is None
    return found
