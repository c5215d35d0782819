"""Names that every service takes, made of names that come from manifests, trainers and models.

MLflow is the strictest: ASCII letters and digits, `_`, `-`, `.`, blanks, `:` and `/`, at most 250 characters, and no
path that leads upwards. Two names that differ still do.
"""

from __future__ import annotations

import hashlib
import re

_ILLEGAL = re.compile(r"[^A-Za-z0-9_. -]")
_LONGEST_PART, _LONGEST = 60, 240


def clean_part(text: str) -> str:
    """One part of a name, which has no `/`. A name that must be changed ends in a few digits of its hash.

    >>> clean_part("macro_f1"), clean_part("a/b"), clean_part("..")
    ('macro_f1', 'a_b-c14cdd', '__-5ec1f7')
    """
    plain = _ILLEGAL.sub("_", text).strip()
    if not plain.strip("."):
        plain = "_" * len(plain)
    if plain == text and 0 < len(plain) <= _LONGEST_PART:
        return plain
    return f"{plain[: _LONGEST_PART - 7]}-{_digest(text)}"


def join_name(*parts: str) -> str:
    """A name of several parts, each cleaned.

    >>> join_name("safety", "my judge", "accuracy")
    'safety/my judge/accuracy'
    """
    name = "/".join(map(clean_part, parts))
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 7]}-{_digest(name)}"


def clean_metric(text: str) -> str:
    """The name of a metric that a trainer logs: `task/metric`."""
    return join_name(*text.split("/"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
