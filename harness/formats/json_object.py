"""`{"reasoning": "...", "verdict": "..."}`: one JSON object, for judges with structured output."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.api import AnswerSpace, Context, DataError, Reading, Request, Score, Verdict
from harness.api.reading import Mark, begins_line, fold_width, resolve_marks
from harness.formats._words import possible_answers

_OPENING = re.compile(r'\{[ \t\r\n]*"')
_PATIENCE = 4  # how often, on average, a character may be looked at in vain
_MOST_BROKEN = 500  # each error costs a count of the lines before it
_DEEPEST = 3  # objects around the one with the verdict
_FENCE = re.compile(r"\A\s*(?:```[a-zA-Z]{0,10}\s*)?[\[\s]*\Z"), re.compile(r"\A[\],;\s]*(?:```)?\s*\Z")
"""What may stand around the one object: a code fence, a list."""

# A member of an object that is no strict JSON: quotes of any kind or none, whatever stands around it.
_MEMBER = re.compile(
    r"""(?<![\w])["'“”‘’]?(?:final[ _])?verdict["'“”‘’]?\s{0,9}[:=]\s{0,9}[\[{]?\s?"""
    r"""(?:(?:"([^"\n]{0,200})"|'([^'\n]{0,200})'|“([^”\n]{0,200})”)\s{0,9}[\]}]?\s{0,9}(?=[,;}\n"'“]|//|/\*|\Z)"""
    r"""|([^\s"'“”{}\[\],][^"'{}\[\],\n]{0,100})\s{0,9}[\]}]?\s{0,9}(?=[,;}\n]|//|/\*|\Z))""",
    re.IGNORECASE,
)
_KEY = re.compile(r"""(?:["'“]|[{,]\s{0,9})(?:final[ _])?verdict["'”]?\s{0,9}[:=]""", re.IGNORECASE)
_REASONING = re.compile(r"""["'“]reasoning["'”]\s{0,9}:\s{0,9}["'“]""", re.IGNORECASE)


class _Members(list[tuple[str, Any]]):
    """The members of an object in order, duplicates included."""


class JsonFormat:
    """One object with `reasoning` and `verdict`, bare or inside a code fence, a list or another object.

    A number is accepted where a score is asked for. What is no strict JSON (a trailing comma, single quotes, a lone
    backslash of LaTeX) is read where its verdict is plain. An object in which a key occurs twice has no verdict, and an
    object that is cut off has none.
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

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Total: any text gives a `Reading`."""
        space = request.space
        found = _objects(text)
        if not found.problem:
            found = _with_loose_members(fold_width(text), found)
        if found.problem:
            return Reading(rationale=text.strip(), problem=found.problem)
        if not found.marks:
            problem = 'no verdict: no JSON object with a "verdict" in the answer'
            return Reading(rationale=text.strip(), problem=problem)
        said = resolve_marks(text, found.marks, request)
        verdict, mark = said.verdict, said.mark
        return Reading(
            verdict=verdict,
            rationale=found.reasoning,
            problem=said.problem,
            outside=said.outside,
            well_formed=verdict is not None
            and (
                text.strip() == self.write(verdict, space, found.reasoning)  # the quick way to the same answer
                or _to_the_letter(text, space.name(verdict), space)
            ),
            closed=mark is not None and (begins_line(text, mark) or _is_all(text, mark)),
            last=mark is not None and _is_all(text, mark),
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
    spans: tuple[tuple[int, int], ...] = ()
    """Where all objects are that are strict JSON, those without a verdict too."""


# Numbers stay text: the space reads them, and no million digits are ever turned into an int. Raw line breaks inside
# strings are forgiven (`strict=False`): many models write them.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=str, strict=False
)


def _objects(text: str) -> _Found:
    """The outermost objects that have a verdict, in order; the time taken is bounded for hostile text."""
    marks: list[Mark] = []
    spans: list[tuple[int, int]] = []
    reasoning = ""
    end, vain, broken, unclosed = 0, 0, 0, -1
    for start in (match.start() for match in _OPENING.finditer(text)):
        if start < end:
            continue
        try:
            members, end = _DECODER.raw_decode(text, start)
        except RecursionError:
            return _Found([], problem="ambiguous: the JSON is nested too deeply")
        except json.JSONDecodeError as error:
            vain, broken = vain + error.pos - start, broken + 1
            if vain > _PATIENCE * len(text) or broken > _MOST_BROKEN:
                return _Found([], problem="ambiguous: too many broken JSON objects")
            unclosed = start if unclosed < 0 else unclosed
            continue
        spans.append((start, end))
        for inner in _with_verdict(members):
            repeated = _repeated(inner)
            if repeated is not None:
                return _Found([], problem=f"ambiguous: the key {repeated[:80]!r} occurs twice in the object")
            values = {_key(key): value for key, value in inner}
            marks.append(Mark(start, end, _text(_single(values["verdict"]))))
            reasoning, unclosed = _text(values.get("reasoning", "")).strip(), -1
    if unclosed >= 0 and "}" not in text[unclosed:]:
        return _Found([], problem="cut off: the JSON object is not closed")
    return _Found(marks, reasoning=reasoning, spans=tuple(spans))


def _with_verdict(members: _Members, depth: int = 0) -> Iterator[_Members]:
    """The outermost objects with a verdict: this one, else those it is wrapped around."""
    if any(_key(key) == "verdict" for key, _ in members):
        yield members
    elif depth < _DEEPEST:
        for _, value in members:
            for inner in value if type(value) is list else [_unwrapped(value)]:
                if isinstance(inner, _Members):
                    yield from _with_verdict(inner, depth + 1)


def _unwrapped(value: object) -> object:
    """The object that a text holds, where it is one."""
    if isinstance(value, str) and '"verdict"' in value:
        with suppress(ValueError, RecursionError):
            return _DECODER.decode(value)
    return value


def _key(key: str) -> str:
    """A key as it is compared: `Verdict` and `final_verdict` are `verdict`."""
    return key.strip().casefold().replace(" ", "_").removeprefix("final_")


def _repeated(members: _Members) -> str | None:
    return next((key for key, count in Counter(_key(key) for key, _ in members).items() if count > 1), None)


def _single(value: object) -> object:
    """What a list or an object of one thing holds."""
    if isinstance(value, _Members) and len(value) == 1:
        return value[0][1]
    return value[0] if type(value) is list and len(value) == 1 else value


def _with_loose_members(text: str, found: _Found) -> _Found:
    """What was found, and the verdicts that stand outside of it in what is no strict JSON."""
    if found.marks and text.casefold().count("verdict") == len(found.marks):
        return found  # the common case: nothing else can be one
    opened, closed = text.find("{"), text.rfind("}")
    if opened < 0 or closed < opened:
        return found
    spans = found.spans
    keys = [key for key in _KEY.finditer(text, opened, closed + 1) if not _inside(key.start(), spans)]
    if found.marks and not keys:
        return found
    matches = [one for one in _MEMBER.finditer(text, opened, closed + 1) if not _inside(one.start(), spans)]
    if len(matches) < len(keys):
        return _Found([], problem="ambiguous: the JSON is broken, and one of its verdicts cannot be read")
    marks = [*found.marks, *(Mark(match.start(), match.end(), _body(match)) for match in matches)]
    reasoning = found.reasoning
    if matches and not found.marks and (begun := _REASONING.search(text, opened, matches[0].start())):
        reasoning = text[begun.end() : matches[0].start()].strip(" \t\r\n\"'“”,")
    return _Found(sorted(marks, key=lambda mark: mark.start), reasoning)


def _inside(place: int, spans: tuple[tuple[int, int], ...]) -> bool:
    """Whether a place lies in one of some spans in order."""
    number = bisect_right(spans, (place, len(spans) and spans[-1][1]))
    return number > 0 and place < spans[number - 1][1]


def _body(match: re.Match[str]) -> str:
    """What stands after the key; a bare `null` or `true` is none of the labels."""
    if match[4] is not None and match[4].strip().casefold() in ("null", "none", "undefined", "true", "false"):
        return f"JSON {match[4]}"
    return next(group for group in match.groups() if group is not None)


def _is_all(text: str, mark: Mark) -> bool:
    """Whether nothing stands around the object but a code fence."""
    before, after = _FENCE
    return before.match(text[: mark.start]) is not None and after.match(text[mark.end :]) is not None


def _text(value: object) -> str:
    """Text and numbers (which stay text); anything else is called JSON, so that `null` is never the label "none"."""
    if type(value) is list and all(isinstance(part, str) for part in value):
        return ", ".join(value)  # a ranking; of anything else it names too many
    return value if isinstance(value, str) else f"JSON {value!r}"


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
