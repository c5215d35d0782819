"""`[[A>B]]`, `[[B>A]]`, `[[A=B]]`: the verdicts of Arena-Hard and GenAI-Bench, read by the harness's own strict rule.

Not for GenAI-Bench's official reading, which only counts the first line. `preference/genai-bench` does that.
"""

from __future__ import annotations

import re

from harness.api import TIE, AnswerSpace, Context, DataError, Preference, Ranking, Reading, Request, Verdict
from harness.api.reading import PlainVerdict, read_body
from harness.formats._double import read_double_brackets


class ArenaFormat:
    """Preferences between two candidates and rankings, in double square brackets.

    `[[A>>B]]` reads as `[[A>B]]`. A tie is `[[A=B]]`, and a named tie is `[[A=B=Good]]`.

    >>> ArenaFormat().write(0, Preference(2)), ArenaFormat().write("good", Preference(2, ties=("good", "bad")))
    ('[[A>B]]', '[[A=B=Good]]')
    """

    name = "harness/arena"
    asks_for_reasoning = True

    def instruction(self, space: AnswerSpace) -> str:
        """The instruction with every label, or for a ranking with its form.

        Raises:
            DataError: The space is not a preference between two candidates, and not a ranking.
        """
        _refuse_others(space)
        if isinstance(space, Ranking):
            letters = ", ".join(space.name((place,)) for place in range(space.n))
            form = f"a ranking of {letters}, all of them, from best to worst with > between them: [[...>...]]"
        else:
            *most, last = (_write_label(verdict, space) for verdict in space.verdicts())
            form = f"exactly one of {', '.join(most)} or {last}"
        return f"First explain your judgement. Then end with your verdict on a line of its own, {form}."

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Any text gives a `Reading`, and none raises."""
        space = request.space
        if not _fits(space):
            return Reading(rationale=text.strip(), problem=f"no verdict: {self.name} cannot say an answer of {space}")
        return read_double_brackets(
            text,
            request,
            write=lambda verdict: _write_label(verdict, space),
            read=lambda body: _read_label(body, request),
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The rationale, then the label in a paragraph of its own.

        Raises:
            DataError: The space is not a preference between two candidates, and not a ranking.
        """
        _refuse_others(space)
        mark = _write_label(verdict, space)
        return f"{rationale}\n\n{mark}" if rationale else mark


def make_format(options: None, context: Context) -> ArenaFormat:
    """The factory of the card."""
    return ArenaFormat()


def _fits(space: AnswerSpace) -> bool:
    return isinstance(space, Ranking) or (isinstance(space, Preference) and space.n == 2)


def _refuse_others(space: AnswerSpace) -> None:
    if not _fits(space):
        raise DataError(
            f"format {ArenaFormat.name}: cannot say an answer of {space}, only preferences between two candidates and "
            "rankings; use harness/brackets"
        )


def _write_label(verdict: Verdict, space: AnswerSpace) -> str:
    if isinstance(space, Ranking):
        return f"[[{space.name(verdict).replace(' ', '')}]]"
    if isinstance(verdict, str):
        return "[[A=B]]" if verdict == TIE else f"[[A=B={verdict[0].upper()}{verdict[1:]}]]"
    return "[[B>A]]" if verdict else "[[A>B]]"


def _read_label(body: str, request: Request) -> PlainVerdict:
    """A label of this format, else any plain verdict."""
    # A label of a ranking has a sign between each two candidates: [[BAC]] is left to the plain reading.
    space = request.space
    verdict: Verdict | None
    if isinstance(space, Ranking):
        order = re.sub(r"\s*>>?\s*", ">", body.strip())
        verdict = space.read(order) if order.count(">") == space.n - 1 else None
    else:
        sides = [side.strip() for side in body.split("=", 2)]
        tied = [side.upper() for side in sides[:2]] in (["A", "B"], ["B", "A"])
        verdict = space.read(sides[2] if len(sides) == 3 else TIE) if tied else None
    return read_body(body, request) if verdict is None else PlainVerdict(verdict)
