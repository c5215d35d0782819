"""Cutting the text: sentences of the prompt, of the policy and of candidates are left out, one at a time.

The instruction of the format stays: without it there is no verdict to read. What is cut is shown and never ranked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.api import Message, Request
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.measures.sister import count_failed, find_turns, hits_of
from harness.explain.records import Finding, KeyFigure
from harness.explain.study import StudiedAnswer, Study

_SENTENCE = re.compile(r"[^.?!:;\n]+[.?!:;]*[\"'\u201d)]*\s*|[.?!:;\n]+\s*")
_AGAIN = "again"
_MOST = 16
_LONGEST = 60

Place = tuple[int, int, int]
"""Number of the message, of its part, and of the sentence in it."""


class Cutting:
    """How often the verdict turns without each sentence, beside the same question asked again."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It has no settings."""

    def lacks(self, study: Study) -> str:
        """A judge that may be asked."""
        if study.judge is None:
            return "the judge was not asked (--no-ask)"
        if getattr(study.judge.judge, "answers_by_item", False) and hasattr(study.judge.judge, "covers"):
            return "the judge has recorded answers only, and none to other questions"
        return "" if study.to_ask else "the judge gave no verdict on the chosen items"

    def questions(self, study: Study) -> Iterable[Question]:
        """The question without each of its sentences, and once more as it is."""
        for said in _first_orders(study):
            request = study.render(said)
            yield Question(label=_AGAIN, said=said, request=request)
            for place, _ in _list_sentences(request):
                yield Question(label=_label(place), said=said, request=_cut(request, place))

    def measure(self, study: Study, answers: Answers) -> Finding:
        """Flips without each sentence, with how often the verdict is right then."""
        again = study.share("it turns when the same is asked again", hits_of(find_turns(study, answers, _AGAIN)))
        words: dict[Place, dict[str, None]] = {}
        for said in _first_orders(study):
            for place, sentence in _list_sentences(study.render(said)):
                words.setdefault(place, {})[sentence] = None
        figures = []
        for number, (place, sentences) in enumerate(sorted(words.items()), start=1):
            turns = list(find_turns(study, answers, _label(place)))
            if not turns:
                continue
            right = study.share("right verdicts then", ((said, float(then == said.gold)) for said, then in turns))
            figures.append(
                KeyFigure(
                    key=f"cut.{number}",
                    share=study.share(f"the verdict turns without {_shorten(list(sentences))}", hits_of(turns)),
                    controls=(again, right),
                    meaning="As low as the control: the sentence is not read, or not needed.",
                )
            )
        return Finding(
            measure="cutting",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=tuple(figures),
            failed=count_failed(self.questions(study), answers),
        )


def _first_orders(study: Study) -> Iterator[StudiedAnswer]:
    """One answer for each item: the order in which its candidates stand changes no sentence."""
    seen = set()
    for said in study.to_ask:
        if said.item.id not in seen:
            seen.add(said.item.id)
            yield said


def _list_sentences(request: Request) -> list[tuple[Place, str]]:
    """The sentences that may be cut: of system and user, without the instruction at the end."""
    found = []
    for number, message in enumerate(request.messages):
        for place, part in enumerate(message.parts):
            if not isinstance(part, str):
                continue
            text = part.removesuffix(request.instruction) if request.instruction else part
            found += [
                ((number, place, count), match[0].strip())
                for count, match in enumerate(_SENTENCE.finditer(text))
                if match[0].strip()
            ]
    return found[:_MOST]


def _cut(request: Request, place: Place) -> Request:
    """The request without a sentence."""
    number, which, count = place
    message = request.messages[number]
    part = message.parts[which]
    assert isinstance(part, str)
    match = list(_SENTENCE.finditer(part))[count]
    left = part[: match.start()] + part[match.end() :]
    # A part without a word is left out: models are asked with parts that say something.
    parts = [*message.parts[:which], *([left] if left.strip() else []), *message.parts[which + 1 :]]
    messages = list(request.messages)
    messages[number] = Message(message.role, tuple(parts))
    return replace(request, messages=tuple(message for message in messages if message.parts))


def _label(place: Place) -> str:
    return f"without {'.'.join(map(str, place))}"


def _shorten(sentences: list[str]) -> str:
    first = sentences[0] if len(sentences[0]) <= _LONGEST else f"{sentences[0][: _LONGEST - 1]}\u2026"
    return f"\u201c{first}\u201d" if len(sentences) == 1 else f"sentences such as \u201c{first}\u201d"
