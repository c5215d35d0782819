"""Whether a judge went on from a given beginning of its answer, or began its answer again.

A server that does not know how to go on closes the given beginning as a turn, and answers in another one. Both texts
together often read as an answer: to something that was not asked.
"""

from __future__ import annotations

from harness.api._errors import DataError
from harness.api._requests import Request
from harness.api.reading._spellings import spell_answers
from harness.api.spaces._rubric import Rubric

_REASON = "because"  # any word that every format writes as it is


def ends_at_verdict(request: Request) -> bool:
    """Whether the given beginning of the answer ends where its format writes the verdict."""
    return bool(_find_lead(request))


def find_restart(request: Request, continuation: str) -> str:
    """What shows that an answer was begun again. Empty where nothing shows it, which proves nothing.

    Ahead of a verdict it is nearly certain: what follows there has to be one of the verdicts. In the middle of a
    reasoning only a second opening of the answer shows it.

    Args:
        request: What was asked, with its beginning.
        continuation: What the judge wrote after the beginning.
    """
    said, head = continuation.lstrip(), _find_head(request)
    if head and request.beginning.lstrip().startswith(head) and said.startswith(head):
        return f"it opens the answer a second time, with {head!r}"
    if ends_at_verdict(request):
        # The lead holds the name of the first criterion of a rubric, which all of its answers begin with.
        named = len(f"{request.space.names[0]}: ") if isinstance(request.space, Rubric) else 0
        names = [request.space.name(verdict)[named:].casefold() for verdict in request.space.verdicts()]
        # Quotes and marks may stand ahead of a verdict. A verdict that is cut off is no other text.
        word = said.lstrip("\"'*`").casefold()
        if not any(word.startswith(name) or (word and name.startswith(word)) for name in names):
            return f"a verdict has to follow, and {said[:40]!r} does"
    return ""


def _find_head(request: Request) -> str:
    """What the format writes ahead of a reasoning."""
    head, found, _ = _write_opening(request).partition(_REASON)
    return head.strip() if found else ""


def _find_lead(request: Request) -> str:
    """What the format writes between a reasoning and the verdict, where the beginning ends with it."""
    _, found, lead = _write_opening(request).partition(_REASON)
    return lead if found and lead.strip() and request.beginning.endswith(lead) else ""


def _write_opening(request: Request) -> str:
    try:
        return spell_answers(request.format, request.space, _REASON).opening
    except DataError:  # there is no list of what may follow: the space has no end, or too many verdicts
        return ""
