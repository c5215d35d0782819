"""The bare label on the last line, for judges that are asked for a word and no more."""

from __future__ import annotations

import re

from harness.api import AnswerSpace, Context, Reading, Verdict
from harness.formats._binding import Mark, agreed, paragraph_start, read_loosely, without_echo
from harness.formats._words import possible_answers

_PREFIX = re.compile(
    r"[\s*_]{0,9}(?:(?:final|the|my) ){0,2}(?:answer|verdict)(?: is)?[*_]{0,2}:", re.IGNORECASE | re.ASCII
)


class LabelFormat:
    """The last line that is not empty is the verdict and nothing else.

    `Answer:` or `Verdict:` before it and a full stop after it are forgiven. Other lines of the same paragraph that are
    bare labels as well must say the same: a list of all the labels is no verdict.
    """

    name = "harness/label"

    def instruction(self, space: AnswerSpace) -> str:
        """Names the possible answers."""
        return f"End with your verdict alone on the last line, without any other word: {possible_answers(space)}."

    def parse(self, text: str, space: AnswerSpace) -> Reading:
        """Read an answer. Total: any text gives a `Reading`."""
        written, text = text.rstrip(), without_echo(text, self.instruction(space)).rstrip()
        if not text:
            return Reading(problem="the answer is empty")
        last = Mark(text.rfind("\n") + 1, len(text), text[text.rfind("\n") + 1 :])
        if _read(last.body, space) is None:
            return Reading(rationale=text, problem=f"the last line, {last.body[:80]!r}, is not an answer of {space}")
        verdict, problem, _ = agreed(text, _labels(text, last, space), space, read=lambda line: _read(line, space))
        well_formed = verdict is not None and text == written and last.body.strip() == space.name(verdict)
        rationale = text[: last.start].strip()
        return Reading(verdict=verdict, rationale=rationale, problem=problem, well_formed=well_formed)

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The rationale, then the label in a paragraph of its own."""
        return f"{rationale}\n\n{space.name(verdict)}" if rationale else space.name(verdict)


def label(options: None, context: Context) -> LabelFormat:
    """The factory of the card."""
    return LabelFormat()


def _labels(text: str, last: Mark, space: AnswerSpace) -> list[Mark]:
    """The lines of the last paragraph that are bare labels."""
    marks: list[Mark] = []
    place = paragraph_start(text, last.start)
    for line in text[place:].split("\n"):
        if _read(line, space) is not None:
            marks.append(Mark(place, place + len(line), line))
        place += len(line) + 1
    return marks


def _read(line: str, space: AnswerSpace) -> Verdict | None:
    verdict = read_loosely(line, space)
    if verdict is not None:
        return verdict
    prefix = _PREFIX.match(line)
    return read_loosely(line[prefix.end() :], space) if prefix else None
