"""Describes an answer space in words for a judge. Not for reading answers."""

from __future__ import annotations

from functools import lru_cache

from harness.api import AnswerSpace, Ranking, Score


# Every request of a task needs the words of the same space.
@lru_cache(maxsize=256)
def describe_answers(space: AnswerSpace) -> str:
    """The possible answers in words.

    >>> from harness.api import Choice, Preference
    >>> describe_answers(Choice(("yes", "no"))), describe_answers(Preference(2, ties=("tie",)))
    ('yes or no', 'A, B or tie')
    >>> describe_answers(Score(1, 5))
    'a whole number from 1 to 5'
    """
    if isinstance(space, Score):
        return _describe_numbers(space)
    if isinstance(space, Ranking):
        letters = ", ".join(space.name((place,)) for place in range(space.n))
        return f"the letters {letters}, all of them, from best to worst with > between them"
    *most, last = (space.name(verdict) for verdict in space.verdicts())
    return f"{', '.join(most)} or {last}"


def _describe_numbers(space: Score) -> str:
    ends = f"from {space.name(space.low)} to {space.name(space.high)}"
    if space.step == 0:
        return f"a number {ends}"
    if space.step == 1 and float(space.low).is_integer():
        return f"a whole number {ends}"
    return f"a number {ends} in steps of {space.name(space.step)}"
