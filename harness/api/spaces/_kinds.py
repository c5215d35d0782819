"""Answer spaces: the allowed answers to a question, as data.

A *verdict* is a plain value of one space: a label (`Choice`), the place of the preferred candidate or the name of a tie
(`Preference`), a number (`Score`), places from best to worst (`Ranking`), or a verdict for each of several criteria
(`harness.api.Rubric`, in a module of its own).

Spaces about candidates have two frames of reference. *Shown* places count from 0 in the order in which the judge saw
the candidates. *Canonical* places count in the order of `Item.candidates`. A judge only speaks in shown places, and the
gold is canonical. `AnswerSpace.to_canonical` and `AnswerSpace.to_shown` map one to the other.
"""

from __future__ import annotations

import itertools
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias, cast

from harness.api._errors import DataError

Verdict: TypeAlias = str | int | float | tuple[str | int | float, ...]
"""An answer: `str` for a label or a tie, `int` for a place, `float` for a score; a tuple of places for a ranking, and a
tuple of the verdicts of the criteria, in their order, for a rubric."""

TIE = "tie"
"""The verdict "neither is better", without the kind of tie."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_RANKED = 8  # 8! = 40,320 rankings: a caller who lists more has made a mistake
# Nine digits are enough for every scale. Without a bound, hostile text could hold a number of a million digits.
_SCORE = re.compile(r"([+-]?\d{1,9}(?:\.\d{1,9})?)(?:\s*/\s*(\d{1,9}))?", re.ASCII)
_SLACK = 1e-6
"""How far from a step a number may be, in steps."""
_MOST_SLACK = 1e-3
_SINGLE = 2.0**-23  # twice the greatest relative error of a number in 32 bits
_RANKING = re.compile(r"[A-Za-z](?:[\s,>]*[A-Za-z])*")
_LETTER = re.compile(r"[A-Za-z]")


class AnswerSpace(ABC):
    """The allowed answers to a request. Immutable, hashable, and a plain mapping on disk."""

    kind: ClassVar[str]

    @property
    def candidate_count(self) -> int:
        """Number of candidates whose places it speaks of. 0 where it speaks of none."""
        return 0

    @abstractmethod
    def contains(self, verdict: object) -> bool:
        """Whether `verdict` is an answer of this space."""

    @abstractmethod
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every answer, in a fixed order.

        Raises:
            DataError: The space is continuous or too large to list.
        """

    def snap(self, verdict: Verdict) -> Verdict:
        """The value that stands for an answer, so that equal answers are equal values. Others are returned as they are.

        Golds, annotations and judgements go through it, and so does what is read. Only scores change.
        """
        return verdict

    @abstractmethod
    def name(self, verdict: Verdict) -> str:
        """The text of a verdict in an answer: `"yes"`, `"A"`, `"4"`, `"B > A > C"`."""

    @abstractmethod
    def read(self, text: str) -> Verdict | None:
        """The verdict whose name `text` is, up to case and white space, or `None`. The inverse of `name`."""

    @abstractmethod
    def worst(self, gold: Verdict) -> Verdict:
        """An answer as far from `gold` as the space allows, for the worst case of a missing answer."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """A plain mapping from which `space_from_json` makes an equal space."""

    def agrees(self, verdict: Verdict, gold: Verdict) -> bool:
        """Whether `verdict` is right. Both are in the same frame."""
        return verdict == gold

    def to_canonical(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """Map shown places to canonical ones. `order[k]` is the candidate shown in place `k`.

        >>> Preference(3).to_canonical(0, order=(2, 0, 1))  # the first one shown is candidate 2
        2
        """
        return verdict

    def to_shown(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """Map canonical places to shown ones. The inverse of `to_canonical`.

        >>> Ranking(3).to_shown((2, 1, 0), order=(2, 0, 1))  # candidate 2 was shown first, candidate 1 last
        (0, 2, 1)
        """
        return verdict


@dataclass(frozen=True, slots=True)
class Choice(AnswerSpace):
    """One label of a fixed few.

    >>> space = Choice(("yes", "no"))
    >>> space.read(" YES "), space.read("yes and no"), space.contains("Yes")
    ('yes', None, False)

    Attributes:
        labels: At least two different labels, different also up to case. The first is the *positive* class of
            positive-class F1 and ROC-AUC.
    """

    labels: tuple[str, ...]
    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        # Answers are read in any case, so two labels that differ by case alone could not be told apart.
        folded = {label.strip().casefold() for label in self.labels}
        if len(self.labels) < 2 or len(folded) != len(self.labels) or "" in folded:
            raise DataError(f"Choice: labels must be two or more different words, got {list(self.labels)!r}")

    def contains(self, verdict: object) -> bool:
        """Whether `verdict` is exactly one of the labels."""
        return isinstance(verdict, str) and verdict in self.labels

    def verdicts(self) -> tuple[Verdict, ...]:
        """The labels."""
        return self.labels

    def name(self, verdict: Verdict) -> str:
        """The label itself."""
        return str(verdict)

    def read(self, text: str) -> Verdict | None:
        """The label that `text` is, in any case."""
        return next((label for label in self.labels if same_word(text, label)), None)

    def worst(self, gold: Verdict) -> Verdict:
        """Any other label."""
        return next(label for label in self.labels if label != gold)

    def to_json(self) -> dict[str, Any]:
        """`{"kind": "choice", "labels": [...]}`."""
        return {"kind": self.kind, "labels": list(self.labels)}


@dataclass(frozen=True, slots=True)
class Preference(AnswerSpace):
    """The best of `n` candidates: a place from 0, or the name of a tie.

    >>> pair = Preference(2, ties=("good", "bad"))
    >>> [pair.name(verdict) for verdict in pair.verdicts()]
    ['A', 'B', 'good', 'bad']
    >>> pair.read("b"), pair.agrees(TIE, gold="bad"), pair.agrees("good", gold="bad")
    (1, True, False)

    Attributes:
        n: Number of candidates, 2 to 26. A judge sees them as A, B, C, ...
        ties: Names of the tie classes, none by default. With any, the plain verdict `TIE` is allowed as well and
            agrees with each of them (GenAI-Bench has "both good" and "both bad", and accepts a bare tie for either).
    """

    n: int = 2
    ties: tuple[str, ...] = ()
    kind: ClassVar[str] = "preference"

    def __post_init__(self) -> None:
        if not 2 <= self.n <= len(_LETTERS):
            raise DataError(f"Preference: n must be 2 to {len(_LETTERS)}, got {self.n}")
        # A tie of one letter would be read as a candidate.
        if len({tie.casefold() for tie in self.ties}) != len(self.ties) or any(len(tie) < 2 for tie in self.ties):
            raise DataError(f"Preference: ties must be different words, got {list(self.ties)!r}")

    @property
    def candidate_count(self) -> int:
        """All candidates."""
        return self.n

    def contains(self, verdict: object) -> bool:
        """Whether `verdict` is a place or, with ties, the name of one."""
        if isinstance(verdict, str):
            return bool(self.ties) and (verdict == TIE or verdict in self.ties)
        return isinstance(verdict, int) and not isinstance(verdict, bool) and 0 <= verdict < self.n

    def verdicts(self) -> tuple[Verdict, ...]:
        """The places in order, then the tie classes."""
        return (*range(self.n), *self.ties)

    def name(self, verdict: Verdict) -> str:
        """`"A"` for place 0 and so on; a tie is its own name."""
        return verdict if isinstance(verdict, str) else _LETTERS[cast("int", verdict)]

    def read(self, text: str) -> Verdict | None:
        """A single letter, or the name of a tie."""
        word = text.strip()
        if len(word) == 1 and word.isascii() and word.isalpha():
            place = _LETTERS.index(word.upper())
            return place if place < self.n else None
        # The names of the classes come first, and the plain tie counts only if none of them matches.
        named = next((tie for tie in self.ties if same_word(word, tie)), None)
        return TIE if named is None and self.ties and same_word(word, TIE) else named

    def agrees(self, verdict: Verdict, gold: Verdict) -> bool:
        """Equal, or a bare `TIE` for any tie class."""
        return verdict == gold or (verdict == TIE and isinstance(gold, str))

    def worst(self, gold: Verdict) -> Verdict:
        """Another candidate."""
        return 1 if gold == 0 else 0

    def to_canonical(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """The candidate shown in that place; a tie stays a tie."""
        return verdict if isinstance(verdict, str) else order[cast("int", verdict)]

    def to_shown(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """The place where that candidate was shown; a tie stays a tie."""
        return verdict if isinstance(verdict, str) else order.index(cast("int", verdict))

    def to_json(self) -> dict[str, Any]:
        """`{"kind": "preference", "n": ..., "ties": [...]}`."""
        return {"kind": self.kind, "n": self.n, "ties": list(self.ties)}


@dataclass(frozen=True, slots=True)
class Score(AnswerSpace):
    """A number from `low` to `high`, in steps of `step`. With step 0, any number in between.

    >>> space = Score(1, 5)
    >>> space.read("4"), space.read("4/5"), space.read("8/10"), space.read("4.5")
    (4.0, 4.0, None, None)
    >>> space.worst(gold=2.0)
    5
    >>> Score(0, 1, 0.1).snap(3 * 0.1)
    0.3
    """

    low: float = 1.0
    high: float = 5.0
    step: float = 1.0
    kind: ClassVar[str] = "score"

    def __post_init__(self) -> None:
        finite = all(math.isfinite(x) for x in (self.low, self.high, self.step))
        if not finite or self.low >= self.high or self.step < 0:
            raise DataError(f"Score: needs finite low < high and step >= 0, got {self.low}, {self.high}, {self.step}")

    def contains(self, verdict: object) -> bool:
        """Whether `verdict` is a finite number in range and on a step."""
        # In Python a truth value is a whole number, but True is no score.
        if isinstance(verdict, bool) or not isinstance(verdict, int | float):
            return False
        if self.step == 0:
            return self.low <= verdict <= self.high  # NaN fails this too
        return self._step_of(verdict) is not None

    def snap(self, verdict: Verdict) -> Verdict:
        """The decimal value of the step that a number is on. Without steps, the number itself."""
        step = self._step_of(cast("float", verdict)) if self.step and self.contains(verdict) else None
        value = verdict if step is None else self._value_of(step)
        return verdict if value == verdict else value  # 4 stays 4 and does not become 4.0

    def _step_of(self, value: float) -> int | None:
        """The number of the step that a number is on, from 0."""
        if not self.low - self.step <= value <= self.high + self.step:  # NaN fails this comparison too
            return None
        steps = (value - self.low) / self.step
        # Decimal steps such as 0.1 are not exact in binary, and data may hold them in 32 bits.
        slack = min(max(_SLACK, abs(value) * _SINGLE / self.step), _MOST_SLACK)
        last = (self.high - self.low) / self.step
        step = round(steps)
        return step if abs(steps - step) < slack and 0 <= step <= last + _SLACK else None

    def _value_of(self, step: int) -> float:
        """The value of a step. 3 * 0.1 is a hair above 0.3 in floats, and three times 1/3 in decimals below 1."""
        if isinstance(self.low, int) and isinstance(self.step, int):
            return self.low + step * self.step
        value = float(Decimal(str(self.low)) + step * Decimal(str(self.step)))
        return float(self.high) if abs(value - self.high) < _SLACK * self.step else value

    def verdicts(self) -> tuple[Verdict, ...]:
        """The steps from low to high."""
        count = (self.high - self.low) / self.step + 1 if self.step else math.inf
        if count > 1001:  # 0 to 100 in steps of a tenth can be listed, and 0 to 10,000 cannot
            raise DataError(f"Score from {self.low} to {self.high} by {self.step}: too many values to list")
        return tuple(self._value_of(step) for step in range(int(count + _SLACK)))

    def name(self, verdict: Verdict) -> str:
        """The number, without a needless `.0`."""
        return f"{verdict:.6f}".rstrip("0").rstrip(".")

    def read(self, text: str) -> Verdict | None:
        """A decimal number, or `4/5` where 5 is the top of the scale. Nothing is rescaled."""
        match = _SCORE.fullmatch(text.strip())
        if match is None or (match[2] is not None and float(match[2]) != self.high):
            return None
        value = float(match[1])
        return self.snap(value) if self.contains(value) else None

    def worst(self, gold: Verdict) -> Verdict:
        """The end of the scale that is farther from `gold`."""
        value = cast("float", gold)
        return self.low if value - self.low >= self.high - value else self.high

    def to_json(self) -> dict[str, Any]:
        """`{"kind": "score", "low": ..., "high": ..., "step": ...}`."""
        return {"kind": self.kind, "low": self.low, "high": self.high, "step": self.step}


@dataclass(frozen=True, slots=True)
class Ranking(AnswerSpace):
    """All `n` candidates from best to worst, as a tuple of places.

    >>> space = Ranking(3)
    >>> space.read("B > A > C"), space.name((1, 0, 2)), space.read("B > A")
    ((1, 0, 2), 'B > A > C', None)
    """

    n: int = 3
    kind: ClassVar[str] = "ranking"

    def __post_init__(self) -> None:
        if not 2 <= self.n <= len(_LETTERS):
            raise DataError(f"Ranking: n must be 2 to {len(_LETTERS)}, got {self.n}")

    @property
    def candidate_count(self) -> int:
        """All candidates."""
        return self.n

    def contains(self, verdict: object) -> bool:
        """Whether `verdict` is a permutation of the places."""
        if not isinstance(verdict, tuple) or len(verdict) != self.n:
            return False
        places = [place for place in verdict if isinstance(place, int) and not isinstance(place, bool)]
        return sorted(places) == list(range(self.n))

    def verdicts(self) -> tuple[Verdict, ...]:
        """Every permutation, in lexicographic order."""
        if self.n > _MOST_RANKED:
            raise DataError(f"Ranking of {self.n}: too many permutations to list")
        return tuple(itertools.permutations(range(self.n)))

    def name(self, verdict: Verdict) -> str:
        """Letters from best to worst: `"B > A > C"`."""
        return " > ".join(_LETTERS[place] for place in cast("tuple[int, ...]", verdict))

    def read(self, text: str) -> Verdict | None:
        """Letters from best to worst, with `>`, `,`, white space or nothing (`BAC`) between them."""
        word = text.strip()
        if not _RANKING.fullmatch(word):
            return None
        places = tuple(_LETTERS.index(letter.upper()) for letter in _LETTER.findall(word))
        return places if self.contains(places) else None

    def worst(self, gold: Verdict) -> Verdict:
        """The reverse ranking."""
        return tuple(reversed(cast("tuple[int, ...]", gold)))

    def to_canonical(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """The candidates shown in those places."""
        return tuple(order[place] for place in cast("tuple[int, ...]", verdict))

    def to_shown(self, verdict: Verdict, order: tuple[int, ...]) -> Verdict:
        """The places where those candidates were shown."""
        return tuple(order.index(candidate) for candidate in cast("tuple[int, ...]", verdict))

    def to_json(self) -> dict[str, Any]:
        """`{"kind": "ranking", "n": ...}`."""
        return {"kind": self.kind, "n": self.n}


def same_word(text: str, word: str) -> bool:
    """Whether texts are equal up to case and outer white space. Look-alikes such as the Kelvin sign differ."""
    # Folding the case makes the Kelvin sign a plain k, so a text of ASCII only equals a text of ASCII.
    text, word = text.strip(), word.strip()
    return text.isascii() == word.isascii() and text.casefold() == word.casefold()
