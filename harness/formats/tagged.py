"""`<think>reasoning</think><answer>VERDICT</answer>`: what judges with explicit reasoning are trained to write."""

from __future__ import annotations

import html
import re

from harness.api import AnswerSpace, Context, Reading, Request, Verdict
from harness.api.reading import Mark, begins_line, fold_width, resolve_marks, stands_last, without_mark
from harness.formats._words import possible_answers

# Attributes, and a backslash as JSON and Markdown put it, do not make it another tag.
_TAG = re.compile(r"\\?<(\\?/)?\s?(?:final[_ ])?answer(?:\s[^<>\n]{0,80})?\\?>", re.IGNORECASE | re.ASCII)
_ESCAPED = re.compile(r"&lt;/?(?:final[_ ])?answer", re.IGNORECASE | re.ASCII)


class TaggedFormat:
    """Reasoning and answer, each between tags.

    An `<answer>` inside the reasoning is no answer. One that is not closed was cut off and gives no verdict.
    """

    name = "harness/tagged"
    asks_for_reasoning = True
    reasoning_marks = ("<think>", "</think>")

    def instruction(self, space: AnswerSpace) -> str:
        """Asks for both tags and names the possible answers."""
        return (
            "First reason between <think> and </think>, then give your verdict between <answer> and </answer>:\n"
            "<think>...</think><answer>...</answer>\n"
            f"The verdict is {possible_answers(space)}."
        )

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Total: any text gives a `Reading`."""
        if _ESCAPED.search(text):
            text = html.unescape(text)
        marks, pending = _answers(text)
        if pending:
            return Reading(rationale=text.strip(), problem="cut off: <answer> is not closed")
        if not marks:
            return Reading(rationale=text.strip(), problem="no verdict: no <answer> in the answer")
        found = resolve_marks(text, marks, request)
        return Reading(
            verdict=found.verdict,
            rationale=without_mark(text, marks[-1]),
            problem=found.problem,
            outside=found.outside,
            well_formed=found.verdict is not None and _to_the_letter(text, request.space.name(found.verdict)),
            closed=found.mark is not None and begins_line(text, found.mark),
            last=found.mark is not None and stands_last(text, found.mark),
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """Both tags, the first one empty when there is no rationale; a rationale must not hold the tags itself."""
        return f"<think>{rationale}</think><answer>{space.name(verdict)}</answer>"


def tagged(options: None, context: Context) -> TaggedFormat:
    """The factory of the card."""
    return TaggedFormat()


def _answers(text: str) -> tuple[list[Mark], bool]:
    """The closed answers, and whether one is left open at the end."""
    marks: list[Mark] = []
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(fold_width(text)):
        if not tag[1]:
            opened = tag
        elif opened is not None:
            marks.append(Mark(opened.start(), tag.end(), text[opened.end() : tag.start()]))
            opened = None
    return marks, opened is not None


def _to_the_letter(text: str, name: str) -> bool:
    """Whether the statement is one answer with the verdict's own name in it, and white space around."""
    text = text.strip()
    inside = text.removeprefix("<answer>").removesuffix("</answer>")
    return len(inside) == len(text) - 17 and inside.strip() == name
