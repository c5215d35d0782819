"""`<think>reasoning</think><answer>VERDICT</answer>`: what judges with explicit reasoning are trained to write."""

from __future__ import annotations

import re

from harness.api import AnswerSpace, Context, Reading, Verdict
from harness.formats._binding import Mark, agreed, without_echo
from harness.formats._words import possible_answers

_TAG = re.compile(r"<(/?)(think|answer)>", re.IGNORECASE | re.ASCII)


class TaggedFormat:
    """Reasoning and answer, each between tags.

    Where there is a think block, only what follows the last `</think>` counts: an `<answer>` inside the reasoning is
    no answer. Reasoning or an answer that is not closed was cut off and gives no verdict.
    """

    name = "harness/tagged"
    asks_for_reasoning = True

    def instruction(self, space: AnswerSpace) -> str:
        """Asks for both tags and names the possible answers."""
        return (
            "First reason between <think> and </think>, then give your verdict between <answer> and </answer>:\n"
            "<think>...</think><answer>...</answer>\n"
            f"The verdict is {possible_answers(space)}."
        )

    def parse(self, text: str, space: AnswerSpace) -> Reading:
        """Read an answer. Total: any text gives a `Reading`."""
        written, text = text, without_echo(text, self.instruction(space))
        tags = [(match[1] + match[2].lower(), match.start(), match.end()) for match in _TAG.finditer(text)]
        closings = [place for place, (tag, _, _) in enumerate(tags) if tag == "/think"]
        statement = tags[closings[-1] + 1 :] if closings else tags
        thought = _thought(text, tags, closings)
        begun = [end for tag, _, end in statement if tag == "think"]
        if begun:
            return Reading(rationale=text[begun[-1] :].strip(), problem="cut off: <think> is not closed")
        marks, pending = _answers(text, statement)
        if pending:
            return Reading(rationale=thought, problem="cut off: <answer> is not closed")
        if not marks:
            return Reading(rationale=thought or text.strip(), problem="no <answer> in the answer")
        verdict, problem, outside = agreed(text, marks, space)
        rationale = thought if closings else text[: marks[-1].start].strip()
        well_formed = verdict is not None and text == written and _to_the_letter(text, tags, space.name(verdict))
        return Reading(verdict=verdict, rationale=rationale, problem=problem, outside=outside, well_formed=well_formed)

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """Both tags, the first one empty when there is no rationale; a rationale must not hold the tags itself."""
        return f"<think>{rationale}</think><answer>{space.name(verdict)}</answer>"


def tagged(options: None, context: Context) -> TaggedFormat:
    """The factory of the card."""
    return TaggedFormat()


def _thought(text: str, tags: list[tuple[str, int, int]], closings: list[int]) -> str:
    """From the first `<think>`, or the beginning (chat templates may open the block), to the last `</think>`."""
    if not closings:
        return ""
    openings = [end for tag, _, end in tags[: closings[-1]] if tag == "think"]
    return text[openings[0] if openings else 0 : tags[closings[-1]][1]].strip()


def _answers(text: str, tags: list[tuple[str, int, int]]) -> tuple[list[Mark], bool]:
    """The closed answers, and whether one is left open at the end."""
    marks: list[Mark] = []
    opened: tuple[int, int] | None = None
    for tag, start, end in tags:
        if tag == "answer":
            opened = (start, end)
        elif opened is not None:
            marks.append(Mark(opened[0], end, text[opened[1] : start]))
            opened = None
    return marks, opened is not None


def _to_the_letter(text: str, tags: list[tuple[str, int, int]], name: str) -> bool:
    """Whether each tag occurs once, in order, around all of the text but the white space in between."""
    if [text[start:end] for _, start, end in tags] != ["<think>", "</think>", "<answer>", "</answer>"]:
        return False
    (_, first, _), (_, _, thought), (_, answer, body), (_, close, last) = tags
    around = text[:first] + text[thought:answer] + text[last:]
    return not around.strip() and text[body:close].strip() == name
