"""How a table writes the fields of a row: its ranks and its consistency."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from harness.api import write_interval, write_number
from harness.report.numbers import NOTHING

if TYPE_CHECKING:
    from harness.report.records import LeaderboardRow


def rank_text(row: LeaderboardRow) -> str:
    """The confidence set of a judge's rank: `1` where it is one rank, `1–3` where it is several, `–` where none."""
    if row.rank_low is None or row.rank_high is None:
        return NOTHING
    # `2–2` would look like a slip.
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"


def standing(row: LeaderboardRow) -> str:
    """What is known of a row of a bundle: `verified, signed by ann`; empty for one that is neither."""
    held = [] if row.verified is None else ["verified" if row.verified else "does not hold"]
    return ", ".join([*held, *([f"signed by {row.signed_by}"] if row.signed_by else [])])


def consistency(row: LeaderboardRow, name: str, *, interval: bool = False) -> str:
    """One of `swap_consistency`, `first_position`, `repeat_consistency`, with its interval in brackets if wanted."""
    own = row.consistency.get(name, {})
    low, high = (cast("float | None", own.get(end)) for end in ("ci_low", "ci_high"))
    value = write_number("share", getattr(row, name), low, high)
    within = write_interval("share", low, high)
    return f"{value} ({within})" if interval and within != NOTHING else value
