"""`{"reasoning": "...", "verdict": "..."}`: one JSON object, for judges with structured output."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from harness.api import AnswerSpace, Context, DataError, Reading, Score, Verdict
from harness.formats._binding import Mark, agreed, without_echo
from harness.formats._words import possible_answers

_OPENING = re.compile(r'\{[ \t\r\n]*"')
_PATIENCE = 4  # how often, on average, a character may be looked at in vain
_MOST_BROKEN = 500  # each error costs a count of the lines before it


class _Members(list[tuple[str, Any]]):
    """The members of an object in order, duplicates included."""


class JsonFormat:
    """One object with `reasoning` and `verdict`, bare or inside a code fence.

    A number is accepted where a score is asked for. An object in which a key occurs twice has no verdict, nor has one
    that is cut off.
    """

    name = "harness/json"
    asks_for_reasoning = True

    def instruction(self, space: AnswerSpace) -> str:
        """Asks for the object and names the possible answers."""
        return (
            'Answer with one JSON object and nothing else: {"reasoning": "...", "verdict": "..."}. '
            f"Reason first; the verdict is {possible_answers(space)}."
        )

    def schema(self, space: AnswerSpace) -> dict[str, Any]:
        """The JSON Schema of an answer, in the subset that servers with structured output know.

        The verdict is an `enum` where the space can be listed, else any text.
        """
        try:
            verdict: dict[str, Any] = {"type": "string", "enum": [space.name(one) for one in space.verdicts()]}
        except DataError:
            verdict = {"type": "string"}
        return {
            "type": "object",
            "properties": {"reasoning": {"type": "string"}, "verdict": verdict},
            "required": ["reasoning", "verdict"],
            "additionalProperties": False,
        }

    def parse(self, text: str, space: AnswerSpace) -> Reading:
        """Read an answer. Total: any text gives a `Reading`."""
        written, text = text, without_echo(text, self.instruction(space))
        found = _objects(text)
        if found.problem:
            return Reading(rationale=text.strip(), problem=found.problem)
        if not found.marks:
            return Reading(rationale=text.strip(), problem='no JSON object with a "verdict" in the answer')
        verdict, problem, outside = agreed(text, found.marks, space)
        well_formed = verdict is not None and _to_the_letter(written, space.name(verdict), space)
        return Reading(
            verdict=verdict, rationale=found.reasoning, problem=problem, outside=outside, well_formed=well_formed
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The object on one line; the reasoning comes first, so that it is written before the verdict."""
        return json.dumps({"reasoning": rationale, "verdict": space.name(verdict)}, ensure_ascii=False)


def json_object(options: None, context: Context) -> JsonFormat:
    """The factory of the card."""
    return JsonFormat()


@dataclass(frozen=True, slots=True)
class _Found:
    marks: list[Mark]
    reasoning: str = ""
    """Of the last object."""
    problem: str = ""
    """Why none of the objects counts."""


# Numbers stay text: the space reads them, and no million digits are ever turned into an int. Raw line breaks inside
# strings are forgiven (`strict=False`): many models write them.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=str, strict=False
)


def _objects(text: str) -> _Found:
    """The outermost objects that have a verdict, in order; the time taken is bounded for hostile text."""
    marks: list[Mark] = []
    reasoning = ""
    end, vain, broken, unclosed = 0, 0, 0, -1
    for start in (match.start() for match in _OPENING.finditer(text)):
        if start < end:
            continue
        try:
            members, end = _DECODER.raw_decode(text, start)
        except RecursionError:
            return _Found([], problem="the JSON is nested too deeply")
        except json.JSONDecodeError as error:
            vain, broken = vain + error.pos - start, broken + 1
            if vain > _PATIENCE * len(text) or broken > _MOST_BROKEN:
                return _Found([], problem="too many broken JSON objects")
            unclosed = start if unclosed < 0 else unclosed
            continue
        if any(key == "verdict" for key, _ in members):
            repeated = _repeated(members)
            if repeated is not None:
                return _Found([], problem=f"the key {repeated[:80]!r} occurs twice in the object")
            values = dict(members)
            marks.append(Mark(start, end, _text(values["verdict"])))
            reasoning, unclosed = _text(values.get("reasoning", "")).strip(), -1
    if unclosed >= 0 and "}" not in text[unclosed:]:
        return _Found([], problem="cut off: the JSON object is not closed")
    return _Found(marks, reasoning=reasoning)


def _repeated(members: _Members) -> str | None:
    return next((key for key, count in Counter(key for key, _ in members).items() if count > 1), None)


def _text(value: object) -> str:
    """Text and numbers (which stay text); anything else in parentheses, so that `null` is never the label "none"."""
    return value if isinstance(value, str) else f"({value!r})"


def _to_the_letter(text: str, name: str, space: AnswerSpace) -> bool:
    """Whether the whole text is one strict JSON object with the two members in order and the verdict's own name."""
    try:
        whole = json.loads(text, object_pairs_hook=_Members, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        return False
    if not isinstance(whole, _Members) or [key for key, _ in whole] != ["reasoning", "verdict"]:
        return False
    (_, reasoning), (_, verdict) = whole
    plain = isinstance(verdict, str) and (isinstance(space, Score) or not isinstance(verdict, _Number))
    return type(reasoning) is str and plain and verdict == name


class _Number(str):
    """A number as it was written."""

    __slots__ = ()
