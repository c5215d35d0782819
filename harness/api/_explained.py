"""What an explanation is held against: facts that a reasoning states, where they are seen, and words with weights.

A task and a judge may offer these; see `Implies`, `MakesClaims` and `WeighsText` in `harness.api.optional`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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
