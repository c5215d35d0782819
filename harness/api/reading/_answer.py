"""Reads an answer, from the text of a model to a `Reading`. Every answer goes this way.

raw -> without the echoed instruction -> reasoning | statement -> the format reads the statement
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from harness.api._errors import DataError, HarnessError
from harness.api.reading._quotes import PromptText, is_planted
from harness.api.reading._readings import Reading
from harness.api.reading._reasoning import SplitAnswer, Thinking, split_reasoning

_FINAL_CHANNEL = "assistantfinal"
"""The text that gpt-oss leaves in front of an answer, once its special tokens and its reasoning are removed."""


class ReadableRequest(Protocol):
    """The members of a `harness.api.Request` that reading needs. Its module imports this one, and not the reverse."""

    @property
    def instruction(self) -> str:
        """The instruction of the format."""

    @property
    def thinking(self) -> Thinking:
        """How the judge marks its reasoning."""

    @property
    def prompt_text(self) -> PromptText:
        """The text that the judge was shown."""

    @property
    def format(self) -> Any:
        """The `harness.api.VerdictFormat`."""


def read_answer(request: ReadableRequest, raw: str, *, reasoning: str = "", opened: bool = False) -> Reading:
    """Read an answer. Any text gives a `Reading`, and none raises.

    Args:
        request: The request that was asked.
        raw: The text of the model.
        reasoning: Its reasoning, where that is no part of `raw`.
        opened: Whether the prompt ended inside its reasoning.

    Returns:
        The format's reading, with the reasoning as its rationale, if there is any. Its verdict is `last` after closed
        reasoning as well.
    """
    text = _without_echo(raw, request).removeprefix(_FINAL_CHANNEL)
    opened = opened or request.thinking.opened
    # Marks are tried in order: those of the format come before those of the judge.
    own = getattr(request.format, "reasoning_marks", None)
    marks = request.thinking.marks if own is None else (own, *request.thinking.marks)

    def is_copied(start: int, end: int) -> bool:
        return is_planted(text, start, end, request.prompt_text)

    split = split_reasoning(text, marks=marks, opened=opened and not reasoning, is_quoted=is_copied)
    thought = "\n".join(part for part in (reasoning.strip(), split.reasoning) if part)
    if split.unclosed:
        problem = "reasoning never closes: there is no verdict outside of it"
        return Reading(rationale=thought, problem=problem)
    found = _parse(request, split.statement)
    # Well formed is only what a perfect judge writes: no echo was removed, and the reasoning is one block in front.
    plain = text is raw and split.leading and (own is None or bool(reasoning) or _keeps_to(split, own, opened=opened))
    return replace(
        found,
        rationale=thought or found.rationale,
        well_formed=found.well_formed and plain,
        last=found.last or split.closed or bool(reasoning),
    )


def _parse(request: ReadableRequest, text: str) -> Reading:
    """What the format reads. Where it breaks, it is named: the judge that asked it to read has done nothing wrong."""
    who = f"format {request.format.name}: `parse`"
    try:
        found: object = request.format.parse(text, request)
    except HarnessError:
        raise
    except Exception as error:
        raise DataError(f"{who} raised {type(error).__name__}: {error}; it must give a Reading of any text") from error
    if not isinstance(found, Reading):
        raise DataError(f"{who} gave {found!r:.200}; it must give a Reading of any text")
    return found


def _without_echo(raw: str, request: ReadableRequest) -> str:
    """The text without verbatim copies of the instruction: an echoed prompt is not an answer."""
    # A blank line takes its place, so that the words before and after do not become one sentence.
    instruction = request.instruction
    return raw.replace(instruction, "\n\n") if instruction and instruction in raw else raw


def _keeps_to(split: SplitAnswer, marks: tuple[str, str], *, opened: bool) -> bool:
    """Whether the reasoning stands between exactly the marks that the format asks for."""
    return split.marks == marks or (opened and split.marks == ("", marks[1]))
