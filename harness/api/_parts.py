"""Puts the pieces of a prompt together."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api._records import Part


def join_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    r"""Join neighbouring texts with a blank line between them. Images stay where they are.

    >>> join_parts(["Look closely.", "Is it sharp?"])
    ('Look closely.\n\nIs it sharp?',)
    """
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] = f"{merged[-1]}\n\n{part}"
        else:
            merged.append(part)
    return tuple(merged)
