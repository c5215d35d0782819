"""What must never be shown or written: keys, and what a manifest takes from the environment. One list for the process.

A judge names its keys with `hide_secret`, and the reader of manifests every value of `${env:NAME}`. What is printed,
logged or kept goes through `scrub`, before anything of it is cut: half a key is one too.

How much is done for a value depends on what it can be told from:

- a key of at least 6 characters, and any value of at least 8 with letters and other characters in it: wherever it
  stands, in every spelling that `harness.libraries.disguises` reads
- at least 8 letters or digits alone, or 4 to 7 characters of both kinds: as a word of its own, spelled as it is
- the rest (`1`, `true`, `A`, `0.5`): nothing. It could not be told from any other text, and it can be guessed
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from harness.libraries.disguises import Secret, find

REMOVED = "[key removed]"
"""What stands where a key was repeated."""

_SHORTEST_KEY = 6  # shorter ones ("EMPTY", "none") are words, not secrets: removing them would spoil answers
_SHORTEST, _SHORTEST_WORD, _LEAST_KINDS = 8, 4, 5
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")

# How keys of known providers begin, and what may stand beside a name that says so. Bounded, so that a search is linear.
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|gsk|xai|hf|r8|nvapi|pplx|glpat|github_pat|gh[opusr]|xox[abeprs]|ya29|dop_v1|npm|pypi)[-_.]"
    r"[A-Za-z0-9_./+-]{16,400}"
    r"|AIza[A-Za-z0-9_-]{30,60}|(?:AKIA|ASIA)[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{8,400}\.[A-Za-z0-9_-]{8,4000}"
    r")"
)
_NAME = "(?:api|access|secret|private|auth|client)[_-]?(?:key|token|secret)|passw(?:or)?d|secret|token|authorization"
_NAMED = re.compile(
    rf"(?i:(?<![A-Za-z])(?:{_NAME})(?:_env)?)[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?:(?i:bearer|basic)\s{{1,4}})?"
    r"([A-Za-z0-9_+/=.-]{16,400})"
)
_RUN = re.compile(r"[A-Za-z0-9]{12}")
_KEY_NAME = re.compile(rf"(?i)(?:^|_)(?:key|pat|pass|cred(?:ential)?s?|bearer|cookie|dsn|{_NAME})(?:_|$)")

_secrets: dict[str, Secret] = {}
_words: dict[str, str] = {}
_pattern: re.Pattern[str] | None = None


def hide_secret(value: str, *, instead: str = REMOVED, key: bool = True) -> None:
    """Have a value scrubbed from all that is shown or written, from now on.

    Args:
        value: The key or other secret.
        instead: What to write where it stood.
        key: Whether it is a key for certain. Of other values only those are hidden that can be told from other text.
    """
    global _pattern
    value = value.strip()
    if len(value) >= (_SHORTEST_KEY if key else _SHORTEST) and (key or _is_mixed(value)):
        known = _secrets.get(value)
        if known is None or (key and not known.key):
            _secrets[value] = Secret(value, instead, key=key)
    elif _is_word(value):
        _words.setdefault(value, instead)
        longest = sorted(_words, key=len, reverse=True)
        _pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest))})(?![^\W_])")
    _scrub_short.cache_clear()


def hide_variable(name: str, value: str) -> None:
    """Hide the value of an environment variable that a manifest uses. Its name stands where it stood."""
    key = _KEY_NAME.search(name) is not None or find_key(value) != ""
    hide_secret(value, instead=f"${{env:{name}}}", key=key)


def find_key(text: str) -> str:
    """The first part of a text that looks like a key. Empty where there is none.

    >>> find_key("api_key: sk-proj-0123456789abcdefghij")
    'sk-proj-0123456789abcdefghij'
    """
    return next(_list_keys(text), "")


def hide_keys_in(text: str) -> None:
    """Hide all that looks like a key in a text that somebody wrote: a manifest, a command line."""
    for value in _list_keys(text):
        hide_secret(value)


def _list_keys(text: str) -> Iterator[str]:
    for pattern in (_KEY, _NAMED):
        for found in pattern.finditer(text):
            value = found[found.lastindex or 0]
            # `sk-learn-data-2024` begins like a key too, but no key is as easy to read.
            kinds = {letter.islower() - letter.isupper() for letter in value if letter.isalpha()}
            if any(letter.isdecimal() for letter in value) and (len(kinds) == 2 or _RUN.search(value)):
                yield value


def scrub(text: str, *, keys: bool = False) -> str:
    """A text without any secret that it repeats.

    Args:
        text: Anything.
        keys: Only keys. For text that is used again, in which `${env:NAME}` stands already where it was written.
    """
    if not _secrets and not _words:
        return text
    # Names and notes are printed many times over.
    return _scrub_short(text, keys) if len(text) < 500 else _scrub(text, keys)


def scrub_document(text: str) -> str:
    """The same for JSON, which stays JSON: a secret may reach from one text into the next."""
    scrubbed = scrub(text)
    if scrubbed == text or text[:1] not in ("{", "["):
        return scrubbed
    try:
        return json.dumps(_scrub_data(json.loads(text)), indent=2) + "\n"
    except (ValueError, RecursionError):
        return scrubbed


def forget_secrets() -> None:
    """Empty the list: for tests, whose values are no secrets of the next one."""
    global _pattern
    _secrets.clear()
    _words.clear()
    _pattern = None
    _scrub_short.cache_clear()


def _scrub(text: str, keys: bool) -> str:
    parts, done = [], 0
    # A copy, since a judge in another thread may add to the list meanwhile.
    for begin, end, instead in find(text, [secret for secret in [*_secrets.values()] if secret.key or not keys]):
        parts += [text[done:begin], instead]
        done = end
    text = "".join([*parts, text[done:]]) if parts else text
    return text if keys or _pattern is None else _pattern.sub(lambda found: _words[found[0]], text)


_scrub_short = lru_cache(maxsize=4096)(_scrub)


def _scrub_data(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_scrub_data(child) for child in value]
    return {scrub(name): _scrub_data(child) for name, child in value.items()} if isinstance(value, dict) else value


def _is_mixed(value: str) -> bool:
    letters = any(letter.isalpha() for letter in value)
    return letters and not value.isalpha() and len(set(value)) >= _LEAST_KINDS and not _NUMBER.fullmatch(value)


def _is_word(value: str) -> bool:
    if _NUMBER.fullmatch(value) and not value.isdecimal():
        return False
    mixed = any(letter.isalpha() for letter in value) and not value.isalpha()
    return len(value) >= (_SHORTEST_WORD if mixed else _SHORTEST)
