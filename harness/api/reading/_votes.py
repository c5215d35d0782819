"""Self-consistency: several answers to a request vote for one judgement (arXiv:2203.11171)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.api._errors import DataError
from harness.api._records import Judgement, Status
from harness.api._requests import Request
from harness.api.spaces._kinds import AnswerSpace
from harness.api.spaces._rubric import Rubric

_BETWEEN = "\n\n--- sample {} ---\n\n"


def majority_vote(votes: Sequence[Judgement], request: Request) -> Judgement:
    """The most frequent verdict of several answers. A draw gives no verdict.

    >>> from harness.api import Choice, Message
    >>> from harness.formats.label import LabelFormat
    >>> request = Request(
    ...     task="sharp", item="1", messages=(Message("user", ("Sharp?",)),),
    ...     space=Choice(("yes", "no")), format=LabelFormat(),
    ... )
    >>> judgement = majority_vote([request.read(text) for text in ("yes", "no", "yes")], request)
    >>> judgement.verdict, round(judgement.probabilities["yes"], 2)
    ('yes', 0.67)

    Args:
        votes: At least one. A single one stays as it is.
        request: The request that was asked.

    Returns:
        A judgement that keeps every answer in `raw` and the tokens of all. Its probabilities are the mean of those of
        the votes if each vote has some, else the shares of the votes.
    """
    if len(votes) == 1:
        return votes[0]
    counts = Counter(vote.verdict for vote in votes if vote.verdict is not None)
    together: dict[str, Any] = {
        "raw": "".join(_BETWEEN.format(number) + vote.raw for number, vote in enumerate(votes, start=1)).lstrip("\n"),
        "prompt_tokens": votes[0].prompt_tokens,  # the prompt is read once for all samples
        "completion_tokens": sum(vote.completion_tokens or 0 for vote in votes),
    }
    if not counts:
        statuses = Counter(vote.status for vote in votes)
        status = statuses.most_common(1)[0][0]
        return Judgement.failure(status, f"none of {len(votes)} samples has a verdict: {votes[0].error}", **together)
    (first, most), *others = counts.most_common()
    if others and others[0][1] == most:
        names = " and ".join(request.space.name(verdict) for verdict, count in counts.items() if count == most)
        return Judgement.failure(
            Status.UNPARSED, f"a draw between {names}, {most} of {len(votes)} samples each", **together
        )
    winner = next(vote for vote in votes if vote.verdict == first)
    # `read` is false: the verdict is that of the vote, so the joined texts in `raw` must not be read again.
    return replace(winner, probabilities=_compute_shares(votes, request), error="", read=False, **together)


def _compute_shares(votes: Sequence[Judgement], request: Request) -> dict[str, float]:
    try:
        total = {request.space.name(verdict): 0.0 for verdict in request.space.verdicts()}
    except DataError:  # the space cannot be listed
        total = {}
    valid = [(vote.verdict, vote.probabilities) for vote in votes if vote.verdict is not None]
    # Probabilities of single criteria are no part of those of whole answers: the shares of the votes stand for them.
    known = all(chances is not None and not _are_of_criteria(request.space, chances) for _, chances in valid)
    for verdict, chances in valid:
        for name, share in (chances if known and chances else {request.space.name(verdict): 1.0}).items():
            total[name] = total.get(name, 0.0) + share
    return {name: share / len(valid) for name, share in total.items()}


def _are_of_criteria(space: AnswerSpace, chances: Mapping[str, float]) -> bool:
    return isinstance(space, Rubric) and any(space.read(name) is None for name in chances)
