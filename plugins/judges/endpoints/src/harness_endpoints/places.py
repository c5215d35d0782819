"""The place of a verdict in a text: there, another answer makes the whole text read as that answer.

So the same reader finds the verdict and its place, however it is spelt around it: JSON in any layout, fences, bold,
`B.`, `4/5`, a sentence after it. A text that states its verdict twice has no such place, and rightly: at the second
one the judge repeats itself, and the probability there is not that of its judgement.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from harness.api import Spellings, Verdict

_LAST, _FIRST = 8, 4  # occurrences that are tried from either end
_OPENS = re.compile(r"(?:\w|[-+]|(?<=\d)[.,])+\Z")
_CLOSES = re.compile(r"(?:\w|[.,](?=\d))+")


@lru_cache(maxsize=256)
def words_of(spelt: Spellings) -> tuple[str, ...]:
    """The parts in which the answers differ, as a format writes them: `yes` and `no`, `1` and `10`, `A>B` and `A=B`.

    What all begin and end with is left out, except for parts of words and numbers.
    """
    shortest = min(spelt.texts, key=len)
    start = len(_OPENS.sub("", spelt.opening))
    end = 0
    while end < len(shortest) - start and len({text[-1 - end] for text in spelt.texts}) == 1:
        end += 1
    inside = _CLOSES.match(shortest[len(shortest) - end :])
    end -= len(inside[0]) if inside else 0
    return tuple(text[start : len(text) - end] for text in spelt.texts)


def place_of(raw: str, verdict: int, spelt: Spellings, reads: Callable[[str], Verdict | None]) -> int | None:
    """The offset at which the verdict begins, or `None` where no such place is found.

    Args:
        raw: What the model wrote.
        verdict: Which of `spelt.verdicts` was read from it.
        spelt: The answers, written out.
        reads: The verdict of another text in place of `raw`.
    """
    # Two other answers are enough: a place at which one of them is read is where the verdict stands.
    words = words_of(spelt)
    others = [number for number in range(len(words)) if number != verdict][:2]
    if not all(words):
        return None
    for start, end in _occurrences(raw, words[verdict]):
        for other in others:
            if reads(raw[:start] + words[other] + raw[end:]) == spelt.verdicts[other]:
                return start
    return None


def _occurrences(raw: str, word: str) -> Sequence[tuple[int, int]]:
    """Spans in which a word stands as a word, the likeliest first: in its own case, from the end."""
    pattern = re.escape(_fold_case(word))
    before = r"(?<![0-9A-Za-z_])" if word[0].isascii() and word[0].isalnum() else ""
    after = r"(?![0-9A-Za-z_])" if word[-1].isascii() and word[-1].isalnum() else ""
    found = [match.span() for match in re.finditer(before + pattern + after, _fold_case(raw))]
    same = [(start, end) for start, end in found if raw[start:end] == word]
    others = [(start, end) for start, end in found if raw[start:end] != word]
    tried = [place for places in (same, others) for place in (*places[: -_LAST - 1 : -1], *places[:_FIRST])]
    return list(dict.fromkeys(tried))


def _fold_case(text: str) -> str:
    """Without differences of case and width. Every character stays where it is."""
    if text.isascii():
        return text.lower()
    # Character by character, and only where the length stays: offsets must be those of the raw text.
    folded = [unicodedata.normalize("NFKC", character).lower() for character in text]
    return "".join(new if len(new) == 1 else old for new, old in zip(folded, text, strict=True))
