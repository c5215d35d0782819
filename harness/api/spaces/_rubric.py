"""The answer space of several criteria that are answered at once, and spaces from JSON.

Its verdict is a tuple: a verdict of each criterion, in the order of the space. A part of an answer is no verdict.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, cast

from harness.api._errors import DataError
from harness.api.spaces._kinds import AnswerSpace, Choice, Preference, Ranking, Score, Verdict

Criterion: TypeAlias = Choice | Preference | Score
"""A space that a criterion may have."""

_MOST_CRITERIA = 32
_MOST_LISTED = 1001  # as for scores: a caller who lists more has made a mistake
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*", re.ASCII)
_LONGEST_NAME = 40
_FOLDED = re.compile(r"[\s_-]+")
# Keys that stand beside the criteria in an answer, so that no criterion may be called so.
_TAKEN = frozenset({"answer", "verdict", "final verdict", "final answer", "reasoning", "think"})
_SEPARATORS = re.compile(r"[;\n]")


@dataclass(frozen=True, slots=True)
class Rubric(AnswerSpace):
    """Several named criteria, each with a space of its own. An answer has a verdict of each.

    >>> space = Rubric((("sharpness", Score(1, 5)), ("better", Preference(2))))
    >>> space.name((4.0, 1)), space.read("better: B; sharpness: 4"), space.read("sharpness: 4")
    ('sharpness: 4; better: B', (4.0, 1), None)
    >>> space.to_canonical((4.0, 0), order=(1, 0))  # the first one shown is candidate 1
    (4.0, 1)

    Attributes:
        criteria: Pairs of name and space, 1 to 32. Names are ASCII words of letters and digits with a space, `_` or `-`
            between them, different also up to case and these signs. A criterion is a `Choice`, a `Preference` or a
            `Score`, and all preferences are among the same candidates.
    """

    criteria: tuple[tuple[str, Criterion], ...]
    kind: ClassVar[str] = "rubric"

    def __post_init__(self) -> None:
        if not 1 <= len(self.criteria) <= _MOST_CRITERIA:
            raise DataError(f"Rubric: 1 to {_MOST_CRITERIA} criteria are needed, got {len(self.criteria)}")
        seen: dict[str, str] = {}
        for name, space in self.criteria:
            if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
                raise DataError(
                    f"Rubric: {name!r} is no name of a criterion; use 1 to {_LONGEST_NAME} ASCII letters and digits, "
                    "with a space, _ or - between words, beginning with a letter"
                )
            folded = fold_criterion(name)
            if folded in _TAKEN or folded in seen:
                why = "has a meaning of its own in answers" if folded in _TAKEN else f"reads like {seen[folded]!r}"
                raise DataError(f"Rubric: the criterion {name!r} {why}; give it another name")
            seen[folded] = name
            if not isinstance(space, Choice | Preference | Score):
                raise DataError(
                    f"Rubric: criterion {name!r}: a criterion is a choice, a preference or a score, got {space!r}"
                )
            # Answers are written as "name: verdict; name: verdict".
            if any(_SEPARATORS.search(word) for word in _words_of(space)):
                raise DataError(f"Rubric: criterion {name!r}: a label must not hold a semicolon or a line break")
        if len({space.n for space in self.spaces if isinstance(space, Preference)}) > 1:
            raise DataError("Rubric: all preferences must be among the same candidates, and their numbers differ")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the criteria."""
        return tuple(name for name, _ in self.criteria)

    @property
    def spaces(self) -> tuple[Criterion, ...]:
        """The spaces of the criteria."""
        return tuple(space for _, space in self.criteria)

    @property
    def candidate_count(self) -> int:
        """Number of candidates that its preferences are among. 0 without any preference."""
        return next((space.n for space in self.spaces if isinstance(space, Preference)), 0)

    def place_of(self, name: str) -> int:
        """The place of a criterion in verdicts.

        Raises:
            DataError: There is none of that name.
        """
        if name not in self.names:
            raise DataError(f"there is no criterion {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def contains(self, verdict: object) -> bool:
        """Whether `verdict` has a verdict of each criterion, in order, and nothing else."""
        if not isinstance(verdict, tuple) or len(verdict) != len(self.criteria):
            return False
        return all(space.contains(part) for space, part in zip(self.spaces, verdict, strict=True))

    def verdicts(self) -> tuple[Verdict, ...]:
        """Every combination of verdicts; that of the last criterion varies first.

        Raises:
            DataError: One criterion cannot be listed, or there are more than 1,001 combinations.
        """
        parts = [space.verdicts() for space in self.spaces]
        count = math.prod(map(len, parts))
        if count > _MOST_LISTED:
            raise DataError(f"Rubric of {', '.join(self.names)}: {count:,} combinations are too many to list")
        return tuple(cast("Verdict", combination) for combination in itertools.product(*parts))

    def snap(self, verdict: Verdict) -> Verdict:
        """The verdict with each score on the value of its step."""
        return self._map(lambda space, part: space.snap(part), verdict) if self.contains(verdict) else verdict

    def name(self, verdict: Verdict) -> str:
        """`"sharpness: 4; better: B"`."""
        return "; ".join(f"{name}: {text}" for name, text in self.name_each(verdict))

    def name_each(self, verdict: Verdict) -> Iterator[tuple[str, str]]:
        """Each criterion with the text of its verdict."""
        for (name, space), part in zip(self.criteria, _parts(verdict), strict=True):
            yield name, space.name(part)

    def read(self, text: str) -> Verdict | None:
        """Each criterion once, in any order, as `name: verdict`, with semicolons or line breaks between them."""
        found: dict[str, Verdict] = {}
        known = {fold_criterion(name): (name, space) for name, space in self.criteria}
        for piece in _SEPARATORS.split(text):
            if not piece.strip():
                continue
            key, colon, value = piece.partition(":")
            name, space = known.get(fold_criterion(key), ("", None))
            verdict = None if space is None or not colon else space.read(value)
            if verdict is None or name in found:
                return None
            found[name] = verdict
        return cast("Verdict", tuple(found[name] for name in self.names)) if len(found) == len(self.criteria) else None

    def split_shares(self, shares: Mapping[str, float]) -> dict[int, dict[str, float]] | None:
        """Probabilities of each criterion by itself, where all names are those of one criterion.

        >>> space = Rubric((("sharp", Choice(("yes", "no"))), ("better", Preference(2))))
        >>> space.split_shares({"sharp: yes": 0.9, "sharp: no": 0.1})
        {0: {'yes': 0.9, 'no': 0.1}}
        >>> space.split_shares({"sharp: yes; better: A": 1.0}) is None
        True

        Returns:
            By place of the criterion. Criteria without any are left out. `None` where a name is another.
        """
        found: dict[int, dict[str, float]] = {}
        known = {fold_criterion(name): place for place, name in enumerate(self.names)}
        for text, share in shares.items():
            key, colon, value = str(text).partition(":")
            place = known.get(fold_criterion(key))
            verdict = None if place is None or not colon else self.spaces[place].read(value)
            if place is None or verdict is None:
                return None
            own = found.setdefault(place, {})
            name = self.spaces[place].name(verdict)
            own[name] = own.get(name, 0.0) + share
        return found or None

    def agrees(self, verdict: Verdict, gold: Verdict) -> bool:
        """Whether every criterion is right."""
        return all(self.agree_each(verdict, gold))

    def agree_each(self, verdict: Verdict, gold: Verdict) -> tuple[bool, ...]:
        """Whether each criterion is right."""
        return tuple(space.agrees(a, b) for space, a, b in zip(self.spaces, _parts(verdict), _parts(gold), strict=True))

    def worst(self, gold: Verdict) -> Verdict:
        """The worst answer to each criterion."""
        return self._map(lambda space, part: space.worst(part), gold)

    def to_canonical(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """Each preference with its place mapped; the other criteria as they are."""
        return self._map(lambda space, part: space.to_canonical(part, order), verdict)

    def to_shown(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """The inverse of `to_canonical`."""
        return self._map(lambda space, part: space.to_shown(part, order), verdict)

    def to_json(self) -> dict[str, Any]:
        """`{"kind": "rubric", "criteria": [[name, {...}], ...]}`."""
        return {"kind": self.kind, "criteria": [[name, space.to_json()] for name, space in self.criteria]}

    def _map(self, change: Callable[[Criterion, Verdict], Verdict], verdict: Verdict) -> Verdict:
        changed = (change(space, part) for space, part in zip(self.spaces, _parts(verdict), strict=True))
        return cast("Verdict", tuple(changed))


def fold_criterion(name: str) -> str:
    """A name for comparison: up to case and the signs between words.

    >>> fold_criterion(" Visual_Quality ")
    'visual quality'
    """
    # Folding the case makes the Kelvin sign a plain k, so a text that is not ASCII is no name.
    return _FOLDED.sub(" ", name).strip().casefold() if name.isascii() else name


def _parts(verdict: Verdict) -> tuple[str | int | float, ...]:
    return cast("tuple[str | int | float, ...]", verdict)


def _words_of(space: Criterion) -> tuple[str, ...]:
    return space.labels if isinstance(space, Choice) else space.ties if isinstance(space, Preference) else ()


def space_from_json(data: Mapping[str, Any]) -> AnswerSpace:
    """The space that `AnswerSpace.to_json` wrote.

    >>> space_from_json({"kind": "choice", "labels": ["yes", "no"]})
    Choice(labels=('yes', 'no'))

    Raises:
        DataError: `data` is not a space that this version knows.
    """
    try:
        kind = data["kind"]
        if kind == "choice":
            return Choice(tuple(data["labels"]))
        if kind == "preference":
            return Preference(data["n"], tuple(data["ties"]))
        if kind == "score":
            return Score(data["low"], data["high"], data["step"])
        if kind == "ranking":
            return Ranking(data["n"])
        if kind == "rubric":
            return Rubric(tuple((name, _criterion_from_json(space)) for name, space in data["criteria"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"not an answer space: {dict(data)!r} ({error!r})") from error
    raise DataError(f"not an answer space: unknown kind {kind!r}; known are choice, preference, score, ranking, rubric")


def _criterion_from_json(data: Mapping[str, Any]) -> Criterion:
    if data["kind"] == "rubric":  # its own parts are not looked at, so that hostile nesting costs nothing
        raise DataError("not an answer space: a rubric within a rubric")
    return cast("Criterion", space_from_json(data))  # a ranking is refused when the rubric is made


def verdict_from_json(value: Any) -> Verdict:
    """The verdict that JSON holds. JSON has no tuples, so a list is a ranking or the answer to a rubric."""
    return tuple(value) if isinstance(value, list) else value
