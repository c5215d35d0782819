"""From the log-probabilities of tokens to the probabilities of verdicts.

A server says of each token that it wrote which others it might have written there, and how likely. The probability of a
verdict is read at the tokens with which the verdict stands in the text:

1. Where that is, `harness_endpoints.places` finds out: the place at which another answer makes the whole read as it.
2. The tokens are laid over the text by `harness_endpoints.alignment`. The one that covers the first byte of the
   verdict is where the answers part. What it has before that byte, its alternatives must have as well, blanks aside.
3. An alternative counts for an answer that it begins, or that it has in full with no letter or digit after it (the
   longest such one counts). Alternatives of one answer in other cases, widths or with a blank before add up.
4. One that begins several answers (`1` of `1` and `10`), or none yet (a blank, a quote), is divided by the tokens after
   it where it is the one that was written. Where it is not, it cannot be known.
5. What counts for no answer is left out, and the rest is scaled to 1. Less than half is too little to tell.
6. Servers list the likeliest alternatives only. A spelling of an answer that is not among them is at most as likely as
   the least likely one that is. That, and what cannot be known of step 4, must be next to nothing: 3 %
   of what is known.

What is written must be what was read, with a probability above 0. All that does not fit gives `None`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.api import Spellings, Verdict
from harness_endpoints.alignment import Piece, align
from harness_endpoints.places import place_of, words_of

_LEAST_KNOWN = 0.5  # of the mass, to say anything
_MOST_DOUBTFUL = 0.03  # of what is known, to ignore that it may be any answer's
_SPELLINGS = 2  # of an answer, that may be likely and not listed: in another case, with a blank
_SLACK = 1e-3
_MOST_TOKENS = 100_000
_FRACTION = re.compile(rb"[.,]\d")
_TEXT_ENDS = frozenset((b".", b",", b";", b"!", b"?"))
_WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]")

_Alternatives = list[tuple[bytes, float]]


def probabilities_of(
    logprobs: Any, raw: str, verdict: int, spelt: Spellings, reads: Callable[[str], Verdict | None]
) -> list[float] | None:
    """Probability of each answer.

    Args:
        logprobs: `choices[].logprobs` as a server sent it.
        raw: What the model wrote, without reasoning that the server keeps apart.
        verdict: Which of `spelt.verdicts` was read from it.
        spelt: The answers, written out.
        reads: The verdict of another text in place of `raw`.

    Returns:
        One for each of `spelt.verdicts`, summing to 1; `None` where they cannot be known.
    """
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_TOKENS:
        return None
    start = place_of(raw, verdict, spelt, reads)
    found = None if start is None else align(entries, raw, start)
    if found is None:
        return None
    counted = _VerdictMass(entries, found.tokens, words=words_of(spelt), piece=found.piece)
    counted.gather(found.place, found.head)
    return counted.shares(verdict)


class _VerdictMass:
    """Mass of the answers, gathered token by token."""

    def __init__(self, entries: Sequence[Any], tokens: Sequence[bytes], *, words: Sequence[str], piece: Piece) -> None:
        self._entries = entries
        self._tokens = tokens
        self._words = [_fold_case(word.encode("utf-8", "surrogatepass")) for word in words]
        self._piece = piece
        self._mass = [0.0] * len(words)
        self._doubtful = 0.0
        self._written: int | None = None  # the answer that the written tokens have come to

    def gather(self, place: int, head: bytes) -> None:
        """Share out the mass at the token where the answers part, and at those after it where they part again.

        Args:
            place: Number of the token.
            head: What the token has before the verdict.
        """
        # A token that also covers text before the verdict leaves no place for an earlier start.
        share = 1.0 if head.strip() else self._before(place)
        so_far = b""
        while share > 0.0 and place < len(self._tokens):
            alternatives, written = self._alternatives(place), self._tokens[place]
            if alternatives is None:
                break
            tails = {piece: so_far + piece if so_far else _tail(piece, head.strip()) for piece, _ in alternatives}
            fits = {piece: [] if text is None else self._fits(text) for piece, text in tails.items()}
            onwards = 0.0
            for piece, chance in alternatives:
                if len(fits[piece]) == 1:
                    self._mass[fits[piece][0]] += share * chance
                elif fits[piece] and piece == written:
                    onwards = share * chance
                elif fits[piece]:
                    self._doubtful += share * chance
            self._written = fits[written][0] if len(fits[written]) == 1 else None
            self._doubtful += share * _mass_not_listed(alternatives, written, answers=len(self._fits(so_far)))
            so_far = tails[written] or b""
            place, share = place + 1, onwards

    def shares(self, verdict: int) -> list[float] | None:
        """The masses scaled to 1, or `None`."""
        known = sum(self._mass)
        if self._written != verdict or known < _LEAST_KNOWN or self._doubtful > _MOST_DOUBTFUL * known:
            return None
        return [mass / known for mass in self._mass]

    def _before(self, place: int) -> float:
        """The share of the written tokens before the verdict, counting those with which it might have begun earlier.

        Blanks after a mark (`<answer> yes`) are no part of what is said, and neither is it where a token is cut (`>no`
        in place of `>`). All else that might have been written there is another text before the verdict, and no matter.
        """
        first = place
        while first and not self._tokens[first - 1].strip():
            first -= 1
        mark = self._tokens[first - 1] if first else b""
        share = 1.0
        if mark and (alternatives := self._alternatives(first - 1)):
            longer = {piece: piece[len(mark) :] for piece, _ in alternatives if piece.startswith(mark)}
            share = self._split_share(alternatives, mark, longer, share=share)
        last = mark.rstrip()[-1:]
        if last.isalnum() or last in _TEXT_ENDS:  # a sentence: after a blank might have come another
            return share
        for blank in range(first, place):
            alternatives = self._alternatives(blank)
            if alternatives is None:
                return 0.0
            written = self._tokens[blank]
            unlisted = _mass_not_listed(alternatives, written, answers=len(self._words))
            tails = {piece: piece for piece, _ in alternatives}
            share = self._split_share(alternatives, written, tails, share=share, unlisted=unlisted)
        return share

    def _split_share(
        self,
        alternatives: _Alternatives,
        written: bytes,
        tails: Mapping[bytes, bytes],
        *,
        share: float,
        unlisted: float = 0.0,
    ) -> float:
        """Give alternatives that begin an answer their part of a share. Returns the part of the written token.

        Args:
            alternatives: Of the token.
            written: The token.
            tails: What alternatives have where the verdict may begin.
            share: Of all that was written up to here.
            unlisted: What may begin an answer and is not listed.
        """
        chances = dict(alternatives)
        known = {piece: self._begins(rest) for piece, rest in tails.items() if piece != written}
        known = {piece: fits for piece, fits in known.items() if fits}
        together = chances[written] + sum(chances[piece] for piece in known)
        self._doubtful += share * unlisted / together
        for piece, fits in known.items():
            if len(fits) == 1:
                self._mass[fits[0]] += share * chances[piece] / together
            else:
                self._doubtful += share * chances[piece] / together
        return share * chances[written] / together

    def _begins(self, text: bytes) -> list[int]:
        """The answers that a text begins, all of them where it is blank."""
        return self._fits(text.lstrip(), started=True)

    def _fits(self, text: bytes, *, started: bool = False) -> list[int]:
        """The answers that a text begins, or that it has in full. All of them where none has begun yet.

        Args:
            text: What stands where the verdict is.
            started: Whether an answer must have begun.
        """
        text = _fold_case(text)
        parts = [number for number, word in enumerate(self._words) if word.startswith(text)]
        full = [
            number
            for number, word in enumerate(self._words)
            if len(word) < len(text) and text.startswith(word) and not _goes_on(word, text[len(word) :])
        ]
        if parts:  # `very` with a blank may be `very` or `very good`
            return parts + [number for number in full if not _WORD.search(text[len(self._words[number]) :])]
        if full:
            longest = max(len(self._words[number]) for number in full)
            return [number for number in full if len(self._words[number]) == longest]
        opens = (
            not started and not _WORD.match(text) and not text.startswith(b"<")
        )  # a quote, a bracket, an emphasis: any may follow
        return list(range(len(self._words))) if opens else []

    def _alternatives(self, place: int) -> _Alternatives | None:
        """Every alternative of a token with its probability, the written one included; `None` for a hostile one."""
        entry, written = self._entries[place], self._tokens[place]
        listed = entry.get("top_logprobs") if isinstance(entry, dict) else None
        pairs = [(self._piece(other), _chance(other)) for other in (listed if isinstance(listed, list) else ())]
        own = _chance(entry)
        # OpenAI's -9999 for a token outside the likeliest ones becomes 0.
        if not own:
            return None  # written, and as good as impossible
        if written not in [piece for piece, _ in pairs]:
            pairs.append((written, own))
        found: dict[bytes, float] = {}
        for piece, chance in dict.fromkeys(pairs):  # two tokens of one text add up, one that is listed twice does not
            if piece is None or chance is None:
                return None
            found[piece] = found.get(piece, 0.0) + chance
        return None if sum(found.values()) > 1 + _SLACK or not found[written] else list(found.items())


def _tail(piece: bytes, head: bytes) -> bytes | None:
    """The part of an alternative that stands where the verdict is, blanks aside. Empty where it ends before that.

    `None` where it has something else before the verdict.
    """
    text = piece.lstrip()
    if text.startswith(head):
        return text[len(head) :].lstrip()
    return b"" if head.startswith(text) else None


def _goes_on(word: bytes, rest: bytes) -> bool:
    """Whether what stands after an answer makes it another word or number."""
    following = rest.decode("utf-8", "ignore")[:1]
    return (
        not following or following.isalnum() or following == "_" or bool(word[-1:].isdigit() and _FRACTION.match(rest))
    )


def _mass_not_listed(alternatives: _Alternatives, written: bytes, *, answers: int) -> float:
    """The most that some answers can have in spellings which are not among the alternatives."""
    chances = dict(alternatives)
    others = [chance for piece, chance in alternatives if piece != written and chance > 0]
    # The written token may stand below the likeliest, and then says nothing of what is not listed.
    least = min(others, default=chances[written])
    return min(max(0.0, 1.0 - sum(chances.values())), _SPELLINGS * answers * least)


def _chance(entry: Any) -> float | None:
    value = entry.get("logprob") if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 < value <= 1e-6:  # no NaN either
        return None
    return math.exp(min(float(value), 0.0))


def _fold_case(text: bytes) -> bytes:
    """Without differences of case and width."""
    try:
        return unicodedata.normalize("NFKC", text.decode()).lower().encode()
    except UnicodeDecodeError:  # a part of a character
        return text.lower()
