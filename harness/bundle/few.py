"""The first few of many findings, and how many there are: a damaged bundle may have millions."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 5
"""Findings that are named. All are counted."""


class FirstFew:
    """Findings in words.

    Attributes:
        count: How many were added.
    """

    def __init__(self, *, of: str = "") -> None:
        """None yet. `of` follows `and 12 more`, where there are more than are named."""
        self.count = 0
        self._named: list[str] = []
        self._of = of

    def add(self, finding: str) -> None:
        """Count a finding. The first few are kept."""
        self.count += 1
        if self.count <= MOST:
            self._named.append(finding)

    def __iter__(self) -> Iterator[str]:
        yield from self._named
        if self.count > MOST:
            yield f"and {self.count - MOST:,} more{self._of}"
