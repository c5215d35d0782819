"""`<think>reasoning</think><answer>VERDICT</answer>`: the format of judges that are trained to reason."""

from __future__ import annotations

import html
import re

from harness.api import AnswerSpace, Context, Reading, Request, Verdict
from harness.api.reading import Mark, begins_line, fold_width, resolve_marks, stands_last, without_mark
from harness.formats._words import describe_answers

# A tag may have attributes, and a backslash as JSON and Markdown write it. The bounds keep the time linear.
_TAG = re.compile(r"\\?<(\\?/)?\s?(?:final[_ ])?answer(?:\s[^<>\n]{0,80})?\\?>", re.IGNORECASE | re.ASCII)
_ESCAPED = re.compile(r"&lt;/?(?:final[_ ])?answer", re.IGNORECASE | re.ASCII)


class TaggedFormat:
    """Reasoning and answer, each between tags.

    An `<answer>` inside the reasoning does not count. One that is not closed was cut off and gives no verdict.

    >>> from harness.api import Choice
    >>> TaggedFormat().write("yes", Choice(("yes", "no")))
    '<think></think><answer>yes</answer>'
    """

    name = "harness/tagged"
    asks_for_reasoning = True
    reasoning_marks = ("<think>", "</think>")

    def instruction(self, space: AnswerSpace) -> str:
        """The instruction, with both tags and the possible answers."""
        return (
            "First reason between <think> and </think>, then give your verdict between <answer> and </answer>:\n"
            "<think>...</think><answer>...</answer>\n"
            f"The verdict is {describe_answers(space)}."
        )

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Any text gives a `Reading`, and none raises."""
        # Some servers escape the tags for HTML.
        if _ESCAPED.search(text):
            text = html.unescape(text)
        marks, pending = _find_answers(text)
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
            well_formed=found.verdict is not None and _is_exact(text, request.space.name(found.verdict)),
            closed=found.mark is not None and begins_line(text, found.mark),
            last=found.mark is not None and stands_last(text, found.mark),
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """Both tags. Without a rationale the first is empty. A rationale must not hold the tags itself."""
        return f"<think>{rationale}</think><answer>{space.name(verdict)}</answer>"


def make_format(options: None, context: Context) -> TaggedFormat:
    """The factory of the card."""
    return TaggedFormat()


def _find_answers(text: str) -> tuple[list[Mark], bool]:
    """The closed answers, and whether an answer is still open at the end."""
    marks: list[Mark] = []
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(fold_width(text)):
        if not tag[1]:
            opened = tag  # of several opening tags in a row the last counts
        elif opened is not None:
            marks.append(Mark(opened.start(), tag.end(), text[opened.end() : tag.start()]))
            opened = None
    return marks, opened is not None


def _is_exact(text: str, name: str) -> bool:
    """Whether the statement is one answer with exactly the verdict's name, and white space around it."""
    text = text.strip()
    inside = text.removeprefix("<answer>").removesuffix("</answer>")
    return len(inside) == len(text) - len("<answer></answer>") and inside.strip() == name
