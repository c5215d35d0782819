"""`[[A]]`, `[[yes]]`, `[[4]]`, `[[B > A > C]]`: reasoning in plain text, then the verdict in double square brackets."""

from __future__ import annotations

from harness.api import AnswerSpace, Context, Reading, Verdict
from harness.formats._binding import (
    agreed,
    brackets_cut_off,
    double_brackets,
    stands_alone,
    without_echo,
    without_mark,
)
from harness.formats._words import possible_answers


class BracketsFormat:
    """The form of MT-Bench (arXiv:2306.05685), for every answer space."""

    name = "harness/brackets"
    asks_for_reasoning = True

    def instruction(self, space: AnswerSpace) -> str:
        """Asks for the brackets and names the possible answers."""
        return (
            "First explain your judgement. Then end with your verdict in double square brackets, [[...]], on a line of "
            f"its own. The verdict is {possible_answers(space)}."
        )

    def parse(self, text: str, space: AnswerSpace) -> Reading:
        """Read an answer. Total: any text gives a `Reading`."""
        written, text = text, without_echo(text, self.instruction(space))
        marks = double_brackets(text)
        if brackets_cut_off(text, marks):
            return Reading(rationale=text.strip(), problem="cut off: [[ is not closed")
        if not marks:
            return Reading(rationale=text.strip(), problem="no [[...]] in the answer")
        verdict, problem, outside = agreed(text, marks, space)
        plain = text == written and len(marks) == 1
        well_formed = plain and verdict is not None and stands_alone(text, marks[0], f"[[{space.name(verdict)}]]")
        return Reading(
            verdict=verdict,
            rationale=without_mark(text, marks[-1]),
            problem=problem,
            outside=outside,
            well_formed=well_formed,
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The rationale, then the brackets in a paragraph of their own."""
        mark = f"[[{space.name(verdict)}]]"
        return f"{rationale}\n\n{mark}" if rationale else mark


def brackets(options: None, context: Context) -> BracketsFormat:
    """The factory of the card."""
    return BracketsFormat()
