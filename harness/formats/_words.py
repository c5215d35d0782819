"""Describes an answer space in words for a judge. Not for reading answers."""

from __future__ import annotations

from functools import lru_cache

from harness.api import AnswerSpace, Ranking, Rubric, Score


# Every request of a task needs the words of the same space.
@lru_cache(maxsize=256)
def describe_answers(space: AnswerSpace) -> str:
    """The possible answers in words.

    >>> from harness.api import Choice, Preference
    >>> describe_answers(Choice(("yes", "no"))), describe_answers(Preference(2, ties=("tie",)))
    ('yes or no', 'A, B or tie')
    >>> describe_answers(Score(1, 5))
    'a whole number from 1 to 5'
    >>> describe_answers(Rubric((("sharp", Choice(("yes", "no"))), ("better", Preference(2)))))
    'every criterion with its answer, sharp: ...; better: ..., where sharp is yes or no, and better is A or B'
    """
    if isinstance(space, Score):
        return _describe_numbers(space)
    if isinstance(space, Ranking):
        letters = ", ".join(space.name((place,)) for place in range(space.n))
        return f"the letters {letters}, all of them, from best to worst with > between them"
    if isinstance(space, Rubric):
        form = "; ".join(f"{name}: ..." for name in space.names)
        return f"every criterion with its answer, {form}, where {describe_criteria(space)}"
    *most, last = (space.name(verdict) for verdict in space.verdicts())
    return f"{', '.join(most)} or {last}"


def describe_criteria(space: Rubric) -> str:
    """The possible answers to each criterion: `sharp is yes or no, and better is A or B`."""
    *most, last = (f"{name} is {describe_answers(own)}" for name, own in space.criteria)
    return f"{', '.join(most)}, and {last}" if most else last


def _describe_numbers(space: Score) -> str:
    ends = f"from {space.name(space.low)} to {space.name(space.high)}"
    if space.step == 0:
        return f"a number {ends}"
    if space.step == 1 and float(space.low).is_integer():
        return f"a whole number {ends}"
    return f"a number {ends} in steps of {space.name(space.step)}"
