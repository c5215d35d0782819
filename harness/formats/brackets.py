"""`[[A]]`, `[[yes]]`, `[[4]]`, `[[B > A > C]]`: reasoning in plain text, then the verdict in double square brackets."""

from __future__ import annotations

from harness.api import AnswerSpace, Context, Reading, Request, Verdict
from harness.formats._double import read_double_brackets
from harness.formats._words import describe_answers


class BracketsFormat:
    """The form of MT-Bench (arXiv:2306.05685), for every answer space.

    >>> from harness.api import Ranking
    >>> BracketsFormat().write((1, 0, 2), Ranking(3))
    '[[B > A > C]]'
    """

    name = "harness/brackets"
    asks_for_reasoning = True

    def instruction(self, space: AnswerSpace) -> str:
        """The instruction, with the possible answers."""
        # It shows [[...]] and no real answer: an example such as [[A]] would be a hint.
        return (
            "First explain your judgement. Then end with your verdict in double square brackets, [[...]], on a line of "
            f"its own. The verdict is {describe_answers(space)}."
        )

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Any text gives a `Reading`, and none raises."""
        return read_double_brackets(text, request, write=lambda verdict: f"[[{request.space.name(verdict)}]]")

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The rationale, then the brackets in a paragraph of their own."""
        mark = f"[[{space.name(verdict)}]]"
        return f"{rationale}\n\n{mark}" if rationale else mark


def make_format(options: None, context: Context) -> BracketsFormat:
    """The factory of the card."""
    return BracketsFormat()
