"""What several pages write: names of flags, numbers with intervals, bars of a chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.api import Unit, write_interval, write_number
from harness.report import ceilings, notes
from harness.report.numbers import heading, share
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.row_text import rank_text
from harness.score.records import Estimate
from harness.view.book import BookCell
from harness.view.charts import Bar
from harness.view.site import Site

NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNumber:
    """A number as it is written, with what sorts it."""

    text: str
    """The value."""
    interval: str = ""
    """Its interval."""
    sort: float | None = None
    """What a column is sorted by."""
    href: str = ""
    """Where it leads."""


def headline(cell: BookCell) -> Estimate | None:
    """The metric on show: that of the board, or the first of the protocol."""
    if cell.row is not None:  # a row is an estimate as well
        return cell.row
    return cell.scores.estimates[0] if cell.scores is not None and cell.scores.estimates else None


def show_estimate(found: Estimate | None, href: str = "") -> ShownNumber:
    """A value with its interval."""
    if found is None or found.value is None:
        return ShownNumber(text=NOTHING, href=href)
    return ShownNumber(
        text=write_number(found.unit, found.value, found.ci_low, found.ci_high),
        interval=write_interval(found.unit, found.ci_low, found.ci_high),
        sort=found.value,
        href=href,
    )


def metric_name(found: Estimate) -> str:
    """The metric with its unit, and which way is better where that is not the usual one."""
    name = heading(found.metric, found.unit)
    return name if found.greater_is_better else f"{name} (smaller is better)"


def write_tick(unit: Unit) -> Callable[[float], str]:
    """How numbers of a unit are written at an axis."""
    return (lambda value: f"{value * 100:g}") if unit == "share" else (lambda value: f"{value:g}")


def bounds(unit: Unit) -> tuple[float, float] | None:
    """Ends of the axis of a unit, where it has any."""
    return (0.0, 1.0) if unit == "share" else None


def make_bar(label: str, found: Estimate | None, *, href: str, dim: bool = False) -> Bar:
    """The line of an estimate in a chart of intervals."""
    shown = show_estimate(found)
    said = f"{shown.text} ({shown.interval})" if shown.interval and shown.interval != NOTHING else shown.text
    return Bar(
        label=label,
        value=None if found is None else found.value,
        low=None if found is None else found.ci_low,
        high=None if found is None else found.ci_high,
        href=href,
        said=said if shown.text != NOTHING else "no value",
        kind="dim" if dim else "",
    )


def why_unranked(site: Site, cell: BookCell) -> str:
    """Why a judge has no rank on a task, in words; empty where it has one."""
    row = cell.row
    if row is None:
        return "" if cell.scores is not None else "the run goes on"
    if row.rank_low is not None:
        return ""
    # The first flag is the one that keeps it off the ranks: `own_flags` sorts them so.
    said = flags_of(site, row)
    if said:
        return said[0]
    return "its value is not defined" if row.value is None else "judges were not compared"


def flags_of(site: Site, row: LeaderboardRow) -> list[str]:
    """The flags of a row in sentences."""
    if site.book.board is None:
        return []
    return [note.removeprefix(f"{row.judge}: ") for note in notes.flag_notes(site.book.board, [row])]


def list_notes(board: Leaderboard, rows: Sequence[LeaderboardRow]) -> list[str]:
    """What to know of a task's rows. How judges stand against people has a part of the page of its own."""
    people = set(ceilings.notes(rows))
    return [line for line in (*notes.flag_notes(board, rows), *notes.findings(board, rows)) if line not in people]


def place(row: LeaderboardRow | None) -> str:
    """The rank set with its letters."""
    if row is None or row.rank_low is None:
        return NOTHING
    return rank_text(row)


def percent(value: float | None) -> str:
    """A share with its sign."""
    return NOTHING if value is None else f"{share(value)} %"


def trail(site: Site, *more: Sequence[str]) -> list[tuple[str, str]]:
    """The pages above a page."""
    return [("Overview", site.links.to("overview")), *((name, href) for name, href in more)]
