"""What must never be shown or written: keys, and what a manifest takes from the environment. One list for the process.

A judge names its keys with `hide_secret`, and the reader of manifests every value of `${env:NAME}`. What is printed,
logged or kept goes through `scrub`, before anything of it is cut: half a key is one too.

How much is done for a value depends on what it can be told from:

- a key of at least 6 characters, and any value of at least 8 with letters and other characters in it: wherever it
  stands, in every spelling that `harness.disguises` reads
- at least 8 letters or digits alone, or 4 to 7 characters of both kinds: as a word of its own, spelled as it is
- the rest (`1`, `true`, `A`, `0.5`): nothing. It could not be told from any other text, and it can be guessed
"""

from __future__ import annotations

import re
from functools import lru_cache

from harness.disguises import Secret, find

REMOVED = "[key removed]"
"""What stands where a key was repeated."""

_SHORTEST_KEY = 6  # shorter ones ("EMPTY", "none") are words, not secrets: removing them would spoil answers
_SHORTEST, _SHORTEST_WORD, _LEAST_KINDS = 8, 4, 5
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")

_secrets: dict[str, Secret] = {}
_words: dict[str, str] = {}
_pattern: re.Pattern[str] | None = None


def hide_secret(value: str, *, instead: str = "") -> None:
    """Have a value scrubbed from all that is shown or written, from now on.

    Args:
        value: The key or other secret.
        instead: What to write where it stood: `${env:NAME}` for what is no key for certain. Empty for a key.
    """
    global _pattern
    value = value.strip()
    key = not instead
    if (key and len(value) >= _SHORTEST_KEY) or (_is_mixed(value) and len(value) >= _SHORTEST):
        _secrets.setdefault(value, Secret(value, instead or REMOVED, key=key))
    elif _is_word(value):
        _words.setdefault(value, instead or REMOVED)
        longest = sorted(_words, key=len, reverse=True)
        _pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest))})(?![^\W_])")
    _scrub_short.cache_clear()


def scrub(text: str) -> str:
    """A text without any secret that it repeats."""
    if not _secrets and not _words:
        return text
    # Names and notes are printed many times over.
    return _scrub_short(text) if len(text) < 500 else _scrub(text)


def forget_secrets() -> None:
    """Empty the list: for tests, whose values are no secrets of the next one."""
    global _pattern
    _secrets.clear()
    _words.clear()
    _pattern = None
    _scrub_short.cache_clear()


def _scrub(text: str) -> str:
    parts, done = [], 0
    for begin, end, instead in find(text, tuple(_secrets.values())):
        parts += [text[done:begin], instead]
        done = end
    text = "".join([*parts, text[done:]]) if parts else text
    return _pattern.sub(lambda found: _words[found[0]], text) if _pattern is not None else text


_scrub_short = lru_cache(maxsize=4096)(_scrub)


def _is_mixed(value: str) -> bool:
    letters = any(letter.isalpha() for letter in value)
    return letters and not value.isalpha() and len(set(value)) >= _LEAST_KINDS and not _NUMBER.fullmatch(value)


def _is_word(value: str) -> bool:
    if _NUMBER.fullmatch(value) and not value.isdecimal():
        return False
    mixed = any(letter.isalpha() for letter in value) and not value.isalpha()
    return len(value) >= (_SHORTEST_WORD if mixed else _SHORTEST)
