"""Splits an answer into reasoning and statement, before any verdict format reads it.

Models think between marks before they answer. The text between the marks is reasoning, and all other text is the
statement. Only the statement is searched for a verdict. The marks are data: `KNOWN_MARKS`, and those that a format, a
judge's card or a manifest adds. The time is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.api._errors import DataError

Marks = tuple[tuple[str, str], ...]
"""Pairs of an opening and a closing mark."""

_TAGS = (
    "think",
    "thinking",
    "thinking_process",
    "thought",
    "thoughts",
    "thought_process",
    "reason",
    "reasoning",
    "reasoning_process",
    "rationale",
    "analysis",
    "reflection",
    "scratchpad",
    "inner_monologue",
    "cot",
    "chain_of_thought",
)

KNOWN_MARKS: dict[str, tuple[str, str]] = {
    # <think> (DeepSeek-R1, Qwen3, GLM), <thinking>, <reason>, <|think|>, <seed:think> (Seed-OSS), ...: any of these
    # names closes any other, because models mix them up.
    "tags": (
        rf"<\|?\s?(?:seed:)?(?:{'|'.join(_TAGS)})(?:\s[^<>\n]{{0,79}}[^<>\n/])?\|?>",
        rf"<\|?/\s?(?:seed:)?(?:{'|'.join(_TAGS)})\s*\|?>",
    ),
    "Magistral": (r"\[THINK(?:ING)?\]", r"\[/THINK(?:ING)?\]"),
    "Kimi-VL": (r"◁think▷", r"◁/think▷"),
    "OpenThinker": (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    "Command A": (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    "Apertus": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    "MedGemma": (r"<unused94>", r"<unused95>"),
    "Gemma 4": (r"<\|channel>thought", r"<channel\|>"),
    # gpt-oss (harmony): every channel but `final` is reasoning.
    "gpt-oss": (
        r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)[^<\n]{0,80}(?:<\|constrain\|>\w{0,20})?<\|message\|>",
        r"(?:<\|start\|>assistant)?<\|channel\|>final[^<\n]{0,80}(?:<\|constrain\|>\w{0,20})?<\|message\|>",
    ),
}
"""Opening and closing mark of each family of models, as patterns. A new family is a new line."""

_CLOSED_BY_END = frozenset({"gpt-oss"})  # <|end|> closes a channel too

_AT_THE_START = (
    # gpt-oss again, decoded without its special tokens: `analysisThe user wants ...assistantfinalB`.
    (re.compile(r"\s{0,9}analysis(?=[^\sa-z,.:;'’-])"), "assistantfinal"),
    (re.compile(r"\s{0,9}Here is my thought process:"), "Here is my response:"),  # Granite 3.2
)
"""Marks made of words. They only open reasoning at the beginning of an answer."""

_LINE = 200
"""So far back a quotation may have begun, in characters."""
_MOST_MARKS = 500
"""With more marks than this, quotations among them are not searched. Each takes time."""

STRUCTURE = (
    r"<\|(?:end|return|call|start|im_end|im_start|endoftext|eot_id|eom_id|begin_of_solution|end_of_solution"
    r"|START_RESPONSE|END_RESPONSE|END_OF_TURN_TOKEN|end_of_text|end_of_box|begin_of_box)\|>"
    r"|\[/?INST\]|</s>|<end_of_turn>|<eos>|<｜end▁of▁sentence｜>"
)
"""Tokens of chat templates without any meaning. They are removed from a statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How a judge marks its reasoning, in addition to the known marks.

    Raises:
        DataError: A mark is empty, or opens and closes alike.
    """

    marks: Marks = ()
    """Further pairs of an opening and a closing mark, as exact text."""
    opened: bool = False
    """Whether its chat template opens the reasoning at the end of the prompt, so that answers begin inside it."""

    def __post_init__(self) -> None:
        for pair in self.marks:
            if len(pair) != 2 or not all(mark.strip() for mark in pair) or pair[0] == pair[1]:
                raise DataError(f"reasoning marks must be pairs of two different texts, got {list(pair)!r}")


def thinking_from_json(data: Mapping[str, Any]) -> Thinking:
    """Make it from a plain mapping of the two fields. JSON has no tuples."""
    return Thinking(marks=tuple((pair[0], pair[1]) for pair in data.get("marks", ())), opened=data.get("opened", False))


NO_MARKS = Thinking()
"""A judge with no marks of its own."""


@dataclass(frozen=True, slots=True)
class SplitAnswer:
    """An answer taken apart."""

    statement: str
    """All that stands outside the marks of reasoning."""
    reasoning: str = ""
    """All that stands inside of them, without the marks."""
    marks: tuple[str, str] = ("", "")
    """The first opening and the last closing mark as they were written; `""` where there was none."""
    closed: bool = False
    """Whether there was reasoning with an end."""
    unclosed: bool = False
    """Whether the answer ends inside its reasoning."""
    leading: bool = True
    """Whether the reasoning is one block in front of everything else, or absent."""


def split_reasoning(
    text: str, *, marks: Marks = (), opened: bool = False, is_quoted: Callable[[int, int], bool] | None = None
) -> SplitAnswer:
    """Split an answer into reasoning and statement.

    A closing mark without an opening one ends reasoning that the prompt opened: all text before it is reasoning. After
    an opening mark without a closing one, all text is reasoning.

    >>> split = split_reasoning("<think>Edges are crisp.</think>yes")
    >>> split.statement, split.reasoning, split.closed
    ('yes', 'Edges are crisp.', True)
    >>> split_reasoning("Edges are crisp.</think>yes").reasoning
    'Edges are crisp.'

    Args:
        text: The text of the model.
        marks: Pairs of marks in addition to the known ones.
        opened: Whether the prompt ended inside the reasoning.
        is_quoted: Tells whether the mark between two places is a quotation. It then counts as text.
    """
    for opening, closing in _AT_THE_START:
        if begun := opening.match(text):
            thought, final, statement = text[begun.end() :].partition(closing)
            return SplitAnswer(statement, thought.strip(), (begun[0], final), closed=bool(final), unclosed=not final)
    found = list(_scan(text, marks))
    if not opened and (not found or (text.lstrip().startswith("{") and found[0][1].endswith("/open"))):
        return SplitAnswer(text)  # in a JSON object the mark is part of a text
    if is_quoted is None or len(found) > _MOST_MARKS:
        is_quoted = _is_never_quoted
    return _Splitter(text, opened=opened, is_quoted=is_quoted).split(found)


def _is_never_quoted(start: int, end: int) -> bool:
    return False


class _Splitter:
    """Goes through the marks of an answer from left to right."""

    def __init__(self, text: str, *, opened: bool, is_quoted: Callable[[int, int], bool]) -> None:
        self._text = text
        self._is_quoted = is_quoted
        self._begun = 0
        self._inside = opened
        self._family = ""  # of the open block. Empty if the prompt opened it
        self._stated: list[str] = []
        self._thought: list[str] = []
        self._first, self._last = "", ""
        self._blocks = int(opened)
        self._nested = 0  # opening marks inside reasoning, whose closing marks end nothing
        self._leading = True

    def split(self, found: list[tuple[re.Match[str], str]]) -> SplitAnswer:
        for match, mark in found:
            family, opens = mark.removesuffix("/open"), mark.endswith("/open")
            if mark == "structure":
                self._leave_out(match)
            elif self._is_quoted(*match.span()):
                self._leading = False
            elif opens:
                self._open(match, family)
            elif not self._inside:
                self._close_what_the_prompt_opened(match, family)
            elif family == self._family or not self._family:
                self._close(match)
        (self._thought if self._inside else self._stated).append(self._text[self._begun :])
        return SplitAnswer(
            statement="".join(self._stated),
            reasoning="\n".join(part.strip() for part in self._thought if part.strip()),
            marks=(self._first, self._last),
            closed=bool(self._last) and not self._inside,
            unclosed=self._inside,
            leading=self._leading and self._blocks <= 1,
        )

    def _take_until(self, match: re.Match[str]) -> str:
        """Take the text from the last mark to this one, which becomes the last."""
        text = self._text[self._begun : match.start()]
        self._begun = match.end()
        return text

    def _leave_out(self, match: re.Match[str]) -> None:
        if not self._inside:
            self._stated.append(self._take_until(match))
        elif self._family in _CLOSED_BY_END and match[0] == "<|end|>":
            self._close(match)

    def _open(self, match: re.Match[str], family: str) -> None:
        if self._inside and (self._family or self._text[self._begun : match.start()].strip()):
            self._leading = False  # an opening mark inside reasoning is part of it
            self._nested += 1
            return
        if not self._inside:
            before = self._take_until(match)
            self._stated.append(before)
            self._leading = self._leading and not before.strip()
            self._blocks += 1
        self._inside, self._family, self._begun = True, family, match.end()
        self._first = self._first or match[0]

    def _close(self, match: re.Match[str]) -> None:
        self._thought.append(self._take_until(match))
        self._inside, self._family, self._last = False, "", match[0]
        if self._stated and self._stated[-1].strip():
            self._stated.append("\n\n")  # what stood around the block are two paragraphs

    def _close_what_the_prompt_opened(self, match: re.Match[str], family: str) -> None:
        """A closing mark outside of reasoning: all text so far was reasoning. After other reasoning it is only text."""
        if self._blocks and family in _CLOSED_BY_END:
            self._stated.append(self._take_until(match))  # the channel of the answer begins
            return
        if self._blocks and not self._nested:
            self._leading = False
            return
        self._nested = max(0, self._nested - 1)
        so_far = "".join(self._stated) + self._take_until(match)
        self._stated = []
        if so_far.strip() or (match[0].startswith(("<", "[")) and "final" not in match[0]):
            self._thought.append(so_far)
            self._last = match[0]
            self._blocks += 1


def opens_reasoning(prompt: str, marks: Marks = ()) -> bool:
    r"""Whether a rendered prompt ends inside reasoning that its chat template opened.

    >>> opens_reasoning("<|im_start|>assistant\n<think>\n"), opens_reasoning("Reason in <think> and answer.")
    (True, False)

    Args:
        prompt: The text before the first token of the model. Only its last 200 characters are read.
        marks: Pairs of marks in addition to the known ones.
    """
    ending = prompt[-200:].rstrip()
    last = None
    for match, mark in _scan(ending, marks):
        last = match, mark
    return last is not None and last[1].endswith("/open") and last[0].end() == len(ending)


def _scan(text: str, marks: Marks) -> Iterator[tuple[re.Match[str], str]]:
    """Every mark in order, with the name of its family. That of an opening mark ends in `/open`."""
    beginnings, pattern, names = _compile_marks(marks)
    end = 0
    for beginning in beginnings.finditer(text):  # a search for few characters is many times faster than for the marks
        if beginning.start() >= end and (match := pattern.match(text, beginning.start())):
            end = match.end()
            if not _is_mentioned(text, match.start(), end):
                yield match, names[match.lastindex or 0]


def _is_mentioned(text: str, start: int, end: int) -> bool:
    """Whether a mark stands between quotation marks of its own, and so is mentioned and not used.

    The first of them must open a quotation: in `The best is 'A'</think>'B'` it closes one.
    """
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    if around not in ("``", '""', "''"):
        return False
    before = text[start - 2 : start - 1] if start > 1 else " "
    if unicodedata.east_asian_width(before) in ("W", "F"):  # scripts without spaces: the first, third, ... one opens
        return text.count(around[0], max(0, start - _LINE), start - 1) % 2 == 0
    return before.isspace() or before in "([{"


@lru_cache(maxsize=64)
def _compile_marks(marks: Marks) -> tuple[re.Pattern[str], re.Pattern[str], dict[int, str]]:
    """The characters that begin marks, one pattern with a group for each kind, and the names of the groups."""
    pieces: list[str] = []
    names: dict[int, str] = {}

    def add(name: str, pattern: str) -> None:
        pieces.append(f"({pattern})")
        names[len(pieces)] = name

    for opening, closing in marks:  # before the known ones, which are loose patterns and might match first
        add(f"own {opening}/open", re.escape(opening))
        add(f"own {opening}", re.escape(closing))
    for name, (opening, closing) in KNOWN_MARKS.items():
        add(f"{name}/open", opening)
        add(name, closing)
    add("structure", STRUCTURE)
    first = "".join({re.escape(mark[0].lower() + mark[0].upper()) for pair in marks for mark in pair})
    return re.compile(rf"[<\[◁{first}]"), re.compile("|".join(pieces), re.IGNORECASE | re.ASCII), names
