"""From the log-probabilities of tokens to the probabilities of verdicts.

A server says of each token that it wrote which others it might have written there, and how likely. The verdict's
probability is read off at the token where the answers part:

1. `harness.api.spellings` says how each answer is written; behind what all have in common (the *opening*), each has its
   *ending*: `yes</answer>`, `no</answer>`. A raw text that ends with the ending of its verdict has its verdict there.
2. The tokens must spell the raw text, byte for byte. The one that covers the first byte of the ending is the one where
   the answers part. What it has before that byte, its alternatives must have as well.
3. An alternative counts for an answer when it is the beginning of the answer's ending, or has all of that ending as its
   own beginning (then the longest such ending counts).
4. An alternative that begins several answers (`1` of `1` and `10`) is divided by the tokens after it where it is the
   one that was written; where it is not, nobody knows, and there are no probabilities.
5. What counts for no answer is left out, and the rest is scaled to 1. Less than half is too little to tell.

Letter case is ignored, as it is in reading. Whatever does not fit, or is no probability (positive, NaN), gives `None`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.api import Spellings

_LEAST_KNOWN = 0.5  # of the mass, to say anything
_MOST_DOUBTFUL = 0.01  # of the mass, to ignore that it fits several answers
_SLACK = 1e-3
_MOST_TOKENS = 100_000

_Alternatives = list[tuple[bytes, float]]


def probabilities_of(logprobs: Any, raw: str, verdict: int, spelt: Spellings) -> list[float] | None:
    """Probability of each answer.

    Args:
        logprobs: `choices[].logprobs` as a server sent it.
        raw: What the model wrote.
        verdict: Which of `spelt.verdicts` was read from it.
        spelt: The answers, written out.

    Returns:
        One for each of `spelt.verdicts`, summing to 1; `None` where they cannot be known.
    """
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_TOKENS:
        return None
    endings = [_folded(text) for text in spelt.endings]
    text = _folded(raw.rstrip())
    if not all(endings) or not text.endswith(endings[verdict]):
        return None  # an answer with an empty ending could hide behind any token
    start = len(text) - len(endings[verdict])
    pieces = [_piece(entry) for entry in entries]
    if any(piece is None for piece in pieces):
        return None
    tokens = [piece for piece in pieces if piece is not None]
    if b"".join(tokens) != raw.encode("utf-8", "surrogatepass"):
        return None
    place, before = _covering(tokens, start)
    counted = _Counted(entries, tokens, endings)
    counted.gather(place, tokens[place][: start - before])
    return counted.shares()


class _Counted:
    """Mass of the answers, gathered token by token."""

    def __init__(self, entries: Sequence[Any], tokens: Sequence[bytes], endings: Sequence[bytes]) -> None:
        self._entries = entries
        self._tokens = tokens
        self._endings = endings
        self._mass = [0.0] * len(endings)
        self._doubtful = 0.0
        self._hostile = False

    def gather(self, place: int, head: bytes) -> None:
        """Share out the mass at the token where the answers part, and at those after it where they part again.

        Args:
            place: Number of the token.
            head: What the token has before the verdict.
        """
        head, written, share = head.lower(), b"", 1.0
        while share > 0.0:
            alternatives = _alternatives(self._entries[place], self._tokens[place])
            if alternatives is None:
                self._hostile = True
                return
            onwards = 0.0
            last = place + 1 == len(self._tokens)
            for piece, chance in alternatives:
                folded = piece.lower()
                if not folded.startswith(head):
                    continue
                fits = _fits(written + folded[len(head) :], self._endings)
                if len(fits) == 1:
                    self._mass[fits[0]] += share * chance
                elif fits and piece == self._tokens[place] and not last:
                    onwards = share * chance
                elif fits:
                    self._doubtful += share * chance
            written += self._tokens[place].lower()[len(head) :]
            place, head, share = place + 1, b"", onwards

    def shares(self) -> list[float] | None:
        """The masses scaled to 1, or `None`."""
        known = sum(self._mass)
        if self._hostile or self._doubtful > _MOST_DOUBTFUL or known < _LEAST_KNOWN:
            return None
        return [mass / known for mass in self._mass]


def _fits(so_far: bytes, endings: Sequence[bytes]) -> list[int]:
    """The answers that a text begins, or that it has in full."""
    begun = [number for number, ending in enumerate(endings) if ending.startswith(so_far)]
    if begun:
        return begun
    full = [number for number, ending in enumerate(endings) if so_far.startswith(ending)]
    longest = max((len(endings[number]) for number in full), default=0)
    return [number for number in full if len(endings[number]) == longest]


def _covering(tokens: Sequence[bytes], start: int) -> tuple[int, int]:
    """The token that holds byte `start`, and where it begins."""
    before = 0
    for place, token in enumerate(tokens):
        if before <= start < before + len(token):
            return place, before
        before += len(token)
    raise AssertionError("the tokens spell the text")  # pragma: no cover


def _alternatives(entry: Any, written: bytes) -> _Alternatives | None:
    """Every alternative of a token with its probability, the written one included; `None` for a hostile one."""
    listed = entry.get("top_logprobs") if isinstance(entry, dict) else None
    found: dict[bytes, float] = {}
    for one in [*(listed if isinstance(listed, list) else ()), entry]:
        piece, chance = _piece(one), _chance(one)
        if piece is None or chance is None:
            return None
        found.setdefault(piece, chance)
    if sum(found.values()) > 1 + _SLACK or written not in found:
        return None
    return list(found.items())


def _chance(entry: Any) -> float | None:
    value = entry.get("logprob") if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 < value <= 1e-6:  # nor is NaN
        return None
    return math.exp(min(float(value), 0.0))


def _piece(entry: Any) -> bytes | None:
    """The bytes of a token: as listed, or those of its text."""
    if not isinstance(entry, dict):
        return None
    listed, text = entry.get("bytes"), entry.get("token")
    if isinstance(listed, list):
        try:
            return bytes(listed)
        except (TypeError, ValueError):
            return None
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else None


def _folded(text: str) -> bytes:
    """As bytes, ASCII letters in lower case: no byte moves."""
    return text.encode("utf-8", "surrogatepass").lower()
