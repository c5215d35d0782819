"""A verification on a terminal: each row with its state, then what is wrong with it, then what was not checked."""

from __future__ import annotations

from collections.abc import Iterator

from harness.bundle.records import RowCheck, Signature, Verification
from harness.libraries.text import visible

_MOST_SHOWN = 5
"""Differences of one row that are printed. `--json` has more."""
_LONGEST = 300
"""Letters of a line that are printed."""


def describe_verification(found: Verification) -> Iterator[str]:
    """The lines that `harness verify` prints."""
    yield f"{found.path}: run {found.name}, hash {found.root[:16]}"
    yield ""
    widest = max((len(row.title) for row in found.rows), default=0)
    for row in found.rows:
        yield f"  {row.title:<{widest}}  {row.state}"
    yield ""
    for problem in found.problems:
        yield f"· the board: {problem}"
    for row in found.rows:
        yield from _describe_row(row)
    yield f"· signature: {describe_signature(found.signature)}"
    yield f"· {found.read:,} answers were read again from their texts; {found.given:,} verdicts come from no text"
    for note in found.notes:
        yield f"· {note}"
    yield ""
    held = sum(row.state == "holds" for row in found.rows)
    yield f"{held:,} of {len(found.rows):,} rows hold"


def _describe_row(row: RowCheck) -> Iterator[str]:
    for problem in row.problems:
        yield f"· {row.title}: {problem}"
    shown = row.differences[:_MOST_SHOWN]
    for difference in shown:
        yield f"· {row.title}: {difference}"
    if more := len(row.differences) - len(shown) + row.more_differences:
        yield f"· {row.title}: and {more:,} more differences"


def describe_signature(found: Signature) -> str:
    """A signature in words."""
    key = f" ({found.key})" if found.key else ""
    if found.state == "signed":
        return f"signed by {found.signer}{key}"
    words = {"none": "none", "unchecked": "there is one", "unknown key": "by a key that is not trusted", "bad": "bad"}
    return f"{words[found.state]}{key}{f': {found.problem}' if found.problem else ''}"


def shorten(line: str) -> str:
    """One line that a terminal may show, for any text that a bundle has put into it."""
    text = visible(line.replace("\n", " ").replace("\t", " "))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
