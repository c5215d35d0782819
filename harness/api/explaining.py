"""What an explanation is held against: facts that a reasoning states, where they are seen, and words with weights.

A task may offer `Implies` and `MakesClaims`, and a judge the others. `harness explain` asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from harness.api._contracts import Judge
from harness.api._records import Item
from harness.api._requests import Request
from harness.api.spaces._kinds import AnswerSpace, Verdict


class Box(NamedTuple):
    """A part of a picture, in fractions of its width and height.

    >>> Box(0, left=0.5, top=0.5, right=1.0, bottom=1.0)
    Box(image=0, left=0.5, top=0.5, right=1.0, bottom=1.0)
    """

    image: int
    """Number of the picture among those of the request, from 0, as shown."""
    left: float
    """Left edge, from 0 to 1."""
    top: float
    """Upper edge."""
    right: float
    """Right edge."""
    bottom: float
    """Lower edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A fact that a reasoning states of an item, and what is known of it.

    >>> claim = Claim(name="digit", start=17, end=21, value="4", truth="9", turned="eight")
    >>> claim.is_true
    False
    """

    name: str
    """Kind of fact, such as `digit`. Claims of one name are counted together."""
    start: int
    """First character of the words that state it, in the reasoning."""
    end: int
    """The character after them."""
    value: str
    """What they say."""
    truth: str | None
    """What is so, in the same words as `value`; `None` where that is not known."""
    turned: str | None = None
    """Words to put in their place that state another value, with which the reasoning would imply another verdict.
    `None` where there are none."""
    boxes: tuple[Box, ...] = ()
    """Where the fact is to be seen. Empty where it has no place."""

    @property
    def is_true(self) -> bool | None:
        """Whether it is so; `None` where that is not known."""
        return None if self.truth is None else self.value == self.truth


class TextWeights(NamedTuple):
    """How likely a judge finds each piece of a given text, after what it was shown and the pieces ahead of it."""

    ends: tuple[int, ...]
    """The character after each piece, in the text. A piece is a token, or the tokens that make a character together."""
    logs: tuple[float, ...]
    """Natural logarithm of the probability of each piece."""

    def of(self, start: int, end: int) -> float:
        """The log-probability of a part of the text: the sum over all pieces that have a character in it.

        >>> TextWeights((2, 5, 9), (-1.0, -2.0, -4.0)).of(3, 9)
        -6.0
        """
        begins = (0, *self.ends[:-1])
        pieces = zip(begins, self.ends, self.logs, strict=True)
        return sum(log for begin, stop, log in pieces if begin < end and stop > start)


@runtime_checkable
class Implies(Protocol):
    """A task that can tell the verdict which a reasoning argues for. It reads the reasoning and never the answer."""

    def find_implied(self, reasoning: str, space: AnswerSpace) -> Verdict | None:
        """The verdict that a reasoning implies, in *shown* places; `None` where it implies none, or contradicts itself.

        It takes any text and never raises. It must not guess: what it does not understand implies nothing.
        """


@runtime_checkable
class MakesClaims(Protocol):
    """A task that knows facts of its items, and finds what a reasoning states of them."""

    def claims(self, reasoning: str, item: Item, order: tuple[int, ...]) -> Sequence[Claim]:
        """The facts that a reasoning states of an item, with what is so and where it is to be seen.

        It takes any text and never raises.

        Args:
            reasoning: What a judge wrote.
            item: One of the task's items.
            order: The permutation of the candidates that was shown.
        """


@runtime_checkable
class Continues(Protocol):
    """A judge that can go on from a given beginning of its answer."""

    @property
    def continues(self) -> bool:
        """True where it can: a last message of the assistant's is then what its answer begins with. `raw` includes it.

        A request with a beginning is refused for any other judge.
        """


@runtime_checkable
class WeighsText(Protocol):
    """A judge that can say how likely it finds a given answer."""

    def log_probabilities(self, requests: Sequence[Request], texts: Sequence[str]) -> Sequence[TextWeights]:
        """Log-probabilities of a text as the answer to each request, piece by piece.

        Args:
            requests: As they would be asked.
            texts: As many: how the answer to each begins.

        Raises:
            DataError: An image cannot be read.
            UserError: The model cannot be opened.
        """


@runtime_checkable
class HasBlindTwin(Protocol):
    """A judge that can be made again with broken eyes, as a control."""

    def make_blind_twin(self, seed: int) -> Judge:
        """The same judge with the weights of its vision tower permuted. All else, language included, stays.

        Args:
            seed: Of the permutation.
        """
