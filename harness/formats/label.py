"""The bare label on the last line, for judges that answer in a single word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from harness.api import AnswerSpace, Choice, Context, DataError, Reading, Request, Rubric, Verdict
from harness.api.reading import (
    MOST_MARKS,
    STOPS,
    WRAPPING,
    Mark,
    PlainVerdict,
    fold_width,
    is_heading_of_verdict,
    is_label,
    lead_in_length,
    leads_to_verdict,
    read_body,
    resolve_marks,
    strip_markup,
    without_mark,
)
from harness.formats._words import describe_answers

_LONGEST_LINE = 160  # a longer line is prose, and prose is not searched for verdicts
_LONGEST_OF_RUBRIC = 4000  # unless it has to hold an answer to each criterion
_WORD = re.compile(r"\w")


class LabelFormat:
    r"""The last line that is not empty is the verdict, with or without a lead-in such as `Answer:`.

    A label on the first line, or on any line of its own, is read as well. All of them must agree, so a list of all the
    labels is no verdict.

    >>> LabelFormat().write("yes", Choice(("yes", "no")), rationale="It is sharp.")
    'It is sharp.\n\nyes'
    """

    name = "harness/label"

    def instruction(self, space: AnswerSpace) -> str:
        """The instruction, with the possible answers."""
        return f"End with your verdict alone on the last line, without any other word: {describe_answers(space)}."

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Any text gives a `Reading`, and none raises."""
        text = text.rstrip()
        if not text:
            return Reading(problem="no verdict: the answer is empty")
        marks = list(islice(_find_labels(text, request), MOST_MARKS + 1))  # with more of them there is no verdict
        if not marks:
            line = text[text.rfind("\n") + 1 :]
            problem = _read(line, request, alone=True).problem
            if not problem.startswith("ambiguous"):
                problem = f"no verdict: the last line, {line[:80]!r}, is not an answer of {request.space}"
            return Reading(rationale=text, problem=problem)
        found = resolve_marks(text, marks, request, read=lambda line: _read(line, request, alone=True))
        verdict, mark = found.verdict, marks[-1]
        # A cut answer of one label only counts if it cannot be the beginning of a longer label.
        name = "" if verdict is None else request.space.name(verdict)
        whole = bool(name) and text.strip() == name and not _begins_another(name, request.space)
        return Reading(
            verdict=verdict,
            rationale=_without_line(text, mark),
            problem=found.problem,
            outside=found.outside,
            well_formed=bool(name) and mark.end == len(text) and mark.body.strip() == name,
            closed=whole,
            last=whole,
        )

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The rationale, then the label in a paragraph of its own."""
        return f"{rationale}\n\n{space.name(verdict)}" if rationale else space.name(verdict)


def make_format(options: None, context: Context) -> LabelFormat:
    """The factory of the card."""
    return LabelFormat()


def _find_labels(text: str, request: Request) -> Iterator[Mark]:
    """The lines that are verdicts.

    These are bare labels, lines with a lead-in, and any plain verdict on the last line, or on a first line that is a
    paragraph of its own.
    """
    lines = text.split("\n")
    while len(lines) > 1 and not _WORD.search(lines[-1]):
        lines.pop()  # only markup, such as the end of a code fence
    place, first, patience, above = 0, len(text) - len(text.lstrip()), MOST_MARKS, ""
    for number, line in enumerate(lines):
        alone = number + 1 == len(lines) or (place <= first < place + len(line) and not lines[number + 1].strip())
        if _may_be_verdict(line, request):
            if is_label(line, request.space):
                if not above or is_heading_of_verdict(above, line, request):
                    yield Mark(place, place + len(line), line)
            elif alone or (patience > 0 and ("\\boxed" in line or leads_to_verdict(line))):
                patience -= 1  # each of these takes time to read
                read = _read(line, request, alone=alone).verdict is not None
                if read and (not above or is_heading_of_verdict(above, line, request)):
                    yield _mark_after_lead_in(line, place)
        above = line if line and not line.isspace() else above
        place += len(line) + 1


def _may_be_verdict(line: str, request: Request) -> bool:
    """Whether a line is short, no heading such as `Answer B:`, and no quotation."""
    bare = line.strip()
    longest = _LONGEST_OF_RUBRIC if isinstance(request.space, Rubric) else _LONGEST_LINE
    return 0 < len(bare) <= longest and bare[-1] not in ":：" and not _is_block_quotation(bare, request)


def _mark_after_lead_in(line: str, place: int) -> Mark:
    """The label of a line that begins at `place`, without lead-in and punctuation."""
    start = _label_start(line)
    return Mark(place + start, place + start + len(line[start:].rstrip(STOPS + WRAPPING + "*`")), line)


def _is_block_quotation(text: str, request: Request) -> bool:
    """Whether Markdown marks the line as a quotation, and the prompt has its text."""
    return text.startswith(">") and " " in text.lstrip("> ") and request.prompt_text.holds(text.lstrip("> "))


def _without_line(text: str, mark: Mark) -> str:
    """The reasoning around the line of a verdict."""
    end = text.find("\n", mark.end)
    line = Mark(text.rfind("\n", 0, mark.start) + 1, len(text) if end < 0 else end, "")
    return without_mark(text, line)


def _label_start(line: str) -> int:
    """The start of the label after a lead-in. The words before it may be a quotation."""
    bare = strip_markup(fold_width(line))
    return max(0, fold_width(line).rfind(bare[lead_in_length(line) :].strip())) if lead_in_length(line) else 0


def _read(line: str, request: Request, *, alone: bool) -> PlainVerdict:
    """Read a line. A reason may follow after a lead-in ("The answer is B, because")."""
    if is_label(line, request.space):
        return read_body(line, request, reason="none")
    reasoned = leads_to_verdict(line) or (alone and isinstance(request.space, Choice))
    return read_body(line, request, reason="any" if reasoned else "because" if alone else "none")


def _begins_another(name: str, space: AnswerSpace) -> bool:
    """Whether another answer begins like this one: `1` may be the beginning of `10`."""
    try:
        names = [space.name(verdict) for verdict in space.verdicts()]
    except DataError:
        return True
    return any(other != name and other.startswith(name) for other in names)
