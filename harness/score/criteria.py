"""The answers to one criterion of a rubric, as if nothing else had been asked. Every metric then works on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from harness.api import AnswerSpace, DataError, Preference, RecordedAnswer, Rubric, Verdict


def project_answer(answer: RecordedAnswer, criterion: str) -> RecordedAnswer:
    """An answer to a rubric as an answer to one of its criteria.

    Its probabilities are the marginal ones: those of all answers with the same verdict on the criterion, added up.

    >>> from harness.api import Score, Status
    >>> space = Rubric((("sharp", Score(1, 5)), ("better", Preference(2))))
    >>> answer = RecordedAnswer("i", "g", "", space, (4.0, 1), (0, 1), 0, Status.OK, (5.0, 1))
    >>> found = project_answer(answer, "better")
    >>> found.space, found.gold, found.verdict
    (Preference(n=2, ties=()), 1, 1)

    Args:
        answer: Of an item whose space is a rubric.
        criterion: Name of one of its criteria.
    """
    space = cast("Rubric", answer.space)
    place = space.place_of(criterion)
    own = space.spaces[place]

    def part(verdict: Verdict) -> Verdict:
        return cast("tuple[Verdict, ...]", verdict)[place]

    return answer._replace(
        space=own,
        gold=part(answer.gold),
        verdict=None if answer.verdict is None else part(answer.verdict),
        probabilities=_add_up(answer.probabilities, space, place),
        annotations={name: part(said) for name, said in answer.annotations.items()},
    )


def merge_rubrics(known: AnswerSpace, own: AnswerSpace, *, item: str) -> Rubric:
    """A rubric with the criteria of two, those of the first in front. Of a criterion of both the first space is kept.

    Raises:
        DataError: The same criteria stand in another order, or there are too many together.
    """
    first, second = cast("Rubric", known), cast("Rubric", own)
    # Metrics of conflicts know a criterion by its place, unless all are preferences and places do not matter.
    turned = first.names != second.names and set(first.names) == set(second.names)
    if turned and not all(isinstance(space, Preference) for space in first.spaces):
        raise DataError(
            f"item {item!r}: its criteria are {', '.join(second.names)}, and those of the items before are "
            f"{', '.join(first.names)}; name them in one order"
        )
    new = tuple((name, space) for name, space in second.criteria if name not in first.names)
    return first if not new else Rubric((*first.criteria, *new))


def list_places(space: AnswerSpace, verdict: Verdict) -> Iterator[int]:
    """The shown places that an answer prefers: one of a preference, one for each preference of a rubric; no ties."""
    spaces = space.spaces if type(space) is Rubric else (space,)
    parts = cast("tuple[Verdict, ...]", verdict) if type(space) is Rubric else (verdict,)
    for own, part in zip(spaces, parts, strict=True):
        # A tie names no place, so it is no evidence of position bias.
        if type(own) is Preference and not isinstance(part, str):
            yield cast("int", part)


def _add_up(shares: Mapping[str, float] | None, space: Rubric, place: int) -> dict[str, float] | None:
    if shares is None:
        return None
    found: dict[str, float] = {}
    for name, share in shares.items():
        verdict = space.read(name)
        if verdict is not None:
            own = space.spaces[place].name(cast("tuple[Verdict, ...]", verdict)[place])
            found[own] = found.get(own, 0.0) + share
    return found
