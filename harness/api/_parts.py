"""Putting the pieces of a prompt together."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api._records import Part


def join_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Neighbouring texts become one, a blank line between them; images stay where they are."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] = f"{merged[-1]}\n\n{part}"
        else:
            merged.append(part)
    return tuple(merged)
