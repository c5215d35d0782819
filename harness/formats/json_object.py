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

from harness.api import AnswerSpace, Context, DataError, Reading, Request, Rubric, Score, Verdict
from harness.api.reading import Mark, begins_line, fold_width, resolve_marks
from harness.formats._words import describe_answers, describe_criteria

_OPENING = re.compile(r'\{[ \t\r\n]*"')
_PATIENCE = 4  # how often, on average, a character may be parsed in vain: hostile text could ask for the square
_MOST_BROKEN = 500  # each error of the parser counts the lines before it
_DEEPEST = 3  # objects around the one with the verdict
_FENCE = re.compile(r"\A\s*(?:```[a-zA-Z]{0,10}\s*)?[\[\s]*\Z"), re.compile(r"\A[\],;\s]*(?:```)?\s*\Z")
"""Text that may stand around the object: a code fence, a list."""

# A member of an object that is no strict JSON, with quotes of any kind or none.
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

    A number is accepted where a score is asked for. Loose JSON (a trailing comma, single quotes, a lone backslash of
    LaTeX) is read where its verdict is plain. An object in which a key occurs twice has no verdict. An object that is
    cut off has none. The verdict of a rubric is an object with a member for each criterion.

    >>> from harness.api import Choice
    >>> JsonFormat().write("yes", Choice(("yes", "no")), rationale="It is sharp.")
    '{"reasoning": "It is sharp.", "verdict": "yes"}'
    """

    name = "harness/json"
    asks_for_reasoning = True

    def instruction(self, space: AnswerSpace) -> str:
        """The instruction, with the possible answers."""
        if isinstance(space, Rubric):
            form = ", ".join(f'"{name}": "..."' for name in space.names)
            return (
                f'Answer with one JSON object and nothing else: {{"reasoning": "...", "verdict": {{{form}}}}}. '
                f"Reason first. In the verdict, {describe_criteria(space)}."
            )
        return (
            'Answer with one JSON object and nothing else: {"reasoning": "...", "verdict": "..."}. '
            f"Reason first; the verdict is {describe_answers(space)}."
        )

    def schema(self, space: AnswerSpace) -> dict[str, Any]:
        """The JSON Schema of an answer, in the subset that servers with structured output know.

        The verdict is an `enum` if the space can be listed, else any text. That of a rubric is an object of such.
        """
        if isinstance(space, Rubric):
            verdict = _describe_object({name: _describe_verdict(own) for name, own in space.criteria})
        else:
            verdict = _describe_verdict(space)
        # Most servers write the properties in this order, and reasoning must come before the verdict.
        return _describe_object({"reasoning": {"type": "string"}, "verdict": verdict})

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Any text gives a `Reading`, and none raises."""
        space = request.space
        found = _find_objects(text, of_rubric=isinstance(space, Rubric))
        if not found.problem:
            found = _add_loose_members(fold_width(text), found)
        if found.problem:
            return Reading(rationale=text.strip(), problem=found.problem)
        if not found.marks:
            problem = 'no verdict: no JSON object with a "verdict" in the answer'
            return Reading(rationale=text.strip(), problem=problem)
        agreement = resolve_marks(text, found.marks, request)
        verdict, mark = agreement.verdict, agreement.mark
        return Reading(
            verdict=verdict,
            rationale=found.reasoning,
            problem=agreement.problem,
            outside=agreement.outside,
            well_formed=verdict is not None
            and (
                text.strip() == self.write(verdict, space, found.reasoning)  # the fast way to the same result
                or _is_exact(text, space.name(verdict), space)
            ),
            closed=mark is not None and (begins_line(text, mark) or _is_all(text, mark)),
            last=mark is not None and _is_all(text, mark),
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The object on one line. The reasoning comes first, so that it is written before the verdict."""
        said = dict(space.name_each(verdict)) if isinstance(space, Rubric) else space.name(verdict)
        return json.dumps({"reasoning": rationale, "verdict": said}, ensure_ascii=False)


def _describe_verdict(space: AnswerSpace) -> dict[str, Any]:
    try:
        return {"type": "string", "enum": [space.name(verdict) for verdict in space.verdicts()]}
    except DataError:
        return {"type": "string"}


def _describe_object(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def make_format(options: None, context: Context) -> JsonFormat:
    """The factory of the card."""
    return JsonFormat()


@dataclass(frozen=True, slots=True)
class _Found:
    marks: list[Mark]
    reasoning: str = ""
    """The reasoning in the last object."""
    problem: str = ""
    """Why none of the objects counts."""
    spans: tuple[tuple[int, int], ...] = ()
    """The places of all objects of strict JSON, with or without a verdict."""


# Numbers stay text: the space reads them, and no million digits are ever turned into an int. Raw line breaks inside
# strings are forgiven (`strict=False`): many models write them.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=str, strict=False
)


def _find_objects(text: str, *, of_rubric: bool) -> _Found:
    """The outermost objects with a verdict, in order. The time is bounded for hostile text."""
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
            unclosed = start if unclosed < 0 else unclosed  # the first one that may have been cut off
            continue
        spans.append((start, end))
        for inner in _find_verdict_objects(members):
            values = {_fold_key(key): value for key, value in inner}
            said = values["verdict"]
            criteria = said if of_rubric and isinstance(said, _Members) else _Members()
            repeated = _find_repeated_key(inner) or _find_repeated_key(criteria)
            if repeated is not None:
                return _Found([], problem=f"ambiguous: the key {repeated[:80]!r} occurs twice in the object")
            body = "\n".join(f"{key}: {_text(_unwrap_single(part))}" for key, part in criteria)
            marks.append(Mark(start, end, body or _text(_unwrap_single(said))))
            reasoning, unclosed = _text(values.get("reasoning", "")).strip(), -1
    if unclosed >= 0 and "}" not in text[unclosed:]:
        return _Found([], problem="cut off: the JSON object is not closed")
    return _Found(marks, reasoning=reasoning, spans=tuple(spans))


def _find_verdict_objects(members: _Members, depth: int = 0) -> Iterator[_Members]:
    """The outermost objects with a verdict: this one, else those inside it."""
    if any(_fold_key(key) == "verdict" for key, _ in members):
        yield members
    elif depth < _DEEPEST:
        for _, value in members:
            for inner in value if type(value) is list else [_unwrap(value)]:
                if isinstance(inner, _Members):
                    yield from _find_verdict_objects(inner, depth + 1)


def _unwrap(value: object) -> object:
    """The object inside a text, if the text is JSON. Some models write their answer as a string in an object."""
    if isinstance(value, str) and '"verdict"' in value:
        with suppress(ValueError, RecursionError):
            return _DECODER.decode(value)
    return value


def _fold_key(key: str) -> str:
    """A key for comparison: `Verdict` and `final_verdict` are `verdict`."""
    return key.strip().casefold().replace(" ", "_").removeprefix("final_")


def _find_repeated_key(members: _Members) -> str | None:
    return next((key for key, count in Counter(_fold_key(key) for key, _ in members).items() if count > 1), None)


def _unwrap_single(value: object) -> object:
    """The only element of a list or an object."""
    if isinstance(value, _Members) and len(value) == 1:
        return value[0][1]
    return value[0] if type(value) is list and len(value) == 1 else value


def _add_loose_members(text: str, found: _Found) -> _Found:
    """Add the verdicts in text that is no strict JSON to those of the objects."""
    if found.marks and text.casefold().count("verdict") == len(found.marks):
        return found  # the common case: nothing else can be one
    opened, closed = text.find("{"), text.rfind("}")
    if opened < 0 or closed < opened:
        return found
    spans = found.spans
    keys = [key for key in _KEY.finditer(text, opened, closed + 1) if not _inside(key.start(), spans)]
    if found.marks and not keys:
        return found
    matches = [match for match in _MEMBER.finditer(text, opened, closed + 1) if not _inside(match.start(), spans)]
    # A key whose value cannot be read might contradict the others.
    if len(matches) < len(keys):
        return _Found([], problem="ambiguous: the JSON is broken, and one of its verdicts cannot be read")
    marks = [*found.marks, *(Mark(match.start(), match.end(), _body(match)) for match in matches)]
    reasoning = found.reasoning
    if matches and not found.marks and (begun := _REASONING.search(text, opened, matches[0].start())):
        reasoning = text[begun.end() : matches[0].start()].strip(" \t\r\n\"'“”,")
    return _Found(sorted(marks, key=lambda mark: mark.start), reasoning)


def _inside(place: int, spans: tuple[tuple[int, int], ...]) -> bool:
    """Whether a place lies in one of several spans, which are in order."""
    number = bisect_right(spans, (place, len(spans) and spans[-1][1]))
    return number > 0 and place < spans[number - 1][1]


def _body(match: re.Match[str]) -> str:
    """The value after the key. A bare `null` or `true` is none of the labels."""
    if match[4] is not None and match[4].strip().casefold() in ("null", "none", "undefined", "true", "false"):
        return f"JSON {match[4]}"
    return next(group for group in match.groups() if group is not None)


def _is_all(text: str, mark: Mark) -> bool:
    """Whether only a code fence or a list stands around the object."""
    before, after = _FENCE
    return before.match(text[: mark.start]) is not None and after.match(text[mark.end :]) is not None


def _text(value: object) -> str:
    """Text and numbers (which stay text). Other values are called JSON, so that `null` is never the label "none"."""
    if type(value) is list and all(isinstance(part, str) for part in value):
        return ", ".join(value)  # a ranking. In other spaces it names too many answers
    return value if isinstance(value, str) else f"JSON {value!r}"


def _is_exact(text: str, name: str, space: AnswerSpace) -> bool:
    """Whether the whole text is one strict JSON object with the two members in order and the verdict's own name."""
    try:
        whole = json.loads(text, object_pairs_hook=_Members, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        return False
    if not isinstance(whole, _Members) or [key for key, _ in whole] != ["reasoning", "verdict"]:
        return False
    (_, reasoning), (_, verdict) = whole
    if isinstance(space, Rubric):
        return type(reasoning) is str and isinstance(verdict, _Members) and _is_exact_rubric(verdict, name, space)
    plain = isinstance(verdict, str) and (isinstance(space, Score) or not isinstance(verdict, _Number))
    return type(reasoning) is str and plain and verdict == name


def _is_exact_rubric(members: _Members, name: str, space: Rubric) -> bool:
    """Whether the members are the criteria in order, each with its verdict's own name."""
    verdict = space.read(name)
    expected = [] if verdict is None else list(space.name_each(verdict))
    if list(members) != expected:
        return False
    # A number is an exact answer only where a score is asked for.
    pairs = zip(members, space.spaces, strict=True)
    return all(isinstance(own, Score) or not isinstance(value, _Number) for (_, value), own in pairs)


class _Number(str):
    """A number as it was written."""

    __slots__ = ()
