"""One answer, from what a model wrote to a `Reading`: the only road that any answer takes.

raw -> without the echoed instruction -> reasoning | statement -> the format reads the statement
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from harness.api._readings import Reading
from harness.api.reading._quotes import PromptText, is_planted
from harness.api.reading._reasoning import SplitAnswer, Thinking, split_reasoning

_FINAL_CHANNEL = "assistantfinal"
"""What gpt-oss leaves in front of an answer whose special tokens and reasoning were taken away."""


class Asked(Protocol):
    """What reading needs to know of a `harness.api.Request`, which imports this module."""

    @property
    def instruction(self) -> str:
        """What asks for the format of the answer."""

    @property
    def thinking(self) -> Thinking:
        """How the judge marks its reasoning."""

    @property
    def prompt_text(self) -> PromptText:
        """The text that the judge was shown."""

    @property
    def format(self) -> Any:
        """The `harness.api.VerdictFormat`."""


class Understood(NamedTuple):
    """What an answer says, and whether it may count if the answer was cut off."""

    reading: Reading
    """What the format read; its rationale is the reasoning, where there is any."""
    final: bool
    """Whether the verdict holds even where the answer was cut off: it is closed by its own form and stands at the very
    end, or it came after reasoning that was closed."""


def understand(request: Asked, raw: str, *, reasoning: str = "", opened: bool = False) -> Understood:
    """Read an answer. Total: any text gives a `Reading`.

    Args:
        request: What was asked.
        raw: What the model wrote.
        reasoning: What it thought, where that is no part of `raw`.
        opened: Whether the prompt ended inside its reasoning.
    """
    text = _without_echo(raw, request).removeprefix(_FINAL_CHANNEL)
    opened = opened or request.thinking.opened
    own = getattr(request.format, "reasoning_marks", None)
    marks = request.thinking.marks if own is None else (own, *request.thinking.marks)

    def planted(start: int, end: int) -> bool:
        return is_planted(text, start, end, request.prompt_text)

    split = split_reasoning(text, marks=marks, opened=opened and not reasoning, is_quoted=planted)
    thought = "\n".join(part for part in (reasoning.strip(), split.reasoning) if part)
    if split.unclosed:
        problem = "reasoning never closes: there is no verdict outside of it"
        return Understood(Reading(rationale=thought, problem=problem), final=False)
    found = request.format.parse(split.statement, request)
    plain = text is raw and split.leading and (own is None or bool(reasoning) or _keeps_to(split, own, opened=opened))
    reading = Reading(
        verdict=found.verdict,
        rationale=thought or found.rationale,
        outside=found.outside,
        problem=found.problem,
        well_formed=found.well_formed and plain,
        closed=found.closed,
        last=found.last,
    )
    return Understood(reading, final=found.closed and (found.last or split.closed or bool(reasoning)))


def _without_echo(raw: str, request: Asked) -> str:
    """The text without verbatim copies of the instruction: an echoed prompt is not an answer."""
    instruction = request.instruction
    return raw.replace(instruction, "\n\n") if instruction and instruction in raw else raw


def _keeps_to(split: SplitAnswer, marks: tuple[str, str], *, opened: bool) -> bool:
    """Whether the reasoning stands between the marks that the format asks for, to the letter."""
    return split.marks == marks or (opened and split.marks == ("", marks[1]))
