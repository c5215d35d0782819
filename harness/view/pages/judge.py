"""A judge: what it was asked, where it stands, what it does wrong, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.numbers import NOTHING
from harness.view import charts
from harness.view.book import BookCell
from harness.view.charts import Chart
from harness.view.pages.card import has_card
from harness.view.pages.common import (
    flags_of,
    headline,
    make_bar,
    metric_name,
    percent,
    place,
    show_estimate,
    trail,
    why_unranked,
    write_tick,
)
from harness.view.site import Page, Site


def make_page(site: Site, judge: str) -> Page:
    """The page of a judge."""
    cells = site.book.of_judge(judge)
    return Page(
        path=("judge", judge),
        title=judge,
        template="judge.html",
        trail=trail(site),
        content={
            "facts": _facts(site, cells),
            "card": site.links.to("card", judge) if has_card(site, judge) else "",
            "others": [(name, site.links.to("judge", name)) for name in site.book.judges],
            "pairs": [
                (name, site.links.to("pair", *sorted((judge, name), key=site.book.judges.index)))
                for name in site.book.judges
                if name != judge
            ],
            "rows": [_row(site, cell) for cell in cells],
            "forest": _forest(site, cells),
            "coverage": _coverage(site, cells),
            "notes": [
                (cell.cell.task, site.links.to("task", cell.cell.task), said)
                for cell in cells
                if cell.row is not None and (said := flags_of(site, cell.row))
            ],
            "habits": [_habits(site, cell) for cell in cells if cell.scores is not None],
            "unread": _unread(site, judge),
        },
    )


def _facts(site: Site, cells: list[BookCell]) -> list[tuple[str, str]]:
    """What is known of the judge itself."""
    cell = cells[0].cell
    facts = [("plugin", cell.judge_id), ("set up as", cell.judge_key), ("run", cell.run)]
    board = site.book.board
    for record in () if board is None else board.usage:
        if (record.judge, record.run) == (cells[0].judge, cell.run):
            facts.append(("answers", f"{record.answers:,}"))
            facts += [("model", ", ".join(record.models))] if record.models else []
            for name, tokens in (("read", record.prompt_tokens), ("written", record.completion_tokens)):
                facts += [(f"tokens {name}", f"{tokens:,}")] if tokens is not None else []
            facts += [("US dollars", f"{record.cost_usd:,.4f}")] if record.cost_usd is not None else []
    own = _own_record(site, cells[0])
    if isinstance(latency := own.get("latency_s"), dict) and latency.get("n"):
        known = [(name, latency.get(name)) for name in ("median", "p95", "p99")]
        said = ", ".join(f"{value:.3g} s ({name})" for name, value in known if isinstance(value, int | float))
        facts.append(("latency", said))
    if isinstance(stopped := own.get("stopped"), str):
        facts.append(("stopped", stopped))
    return facts


def _own_record(site: Site, cell: BookCell) -> Mapping[str, Any]:
    """What `run.json` says of the judge."""
    judges = site.book.records.get(cell.cell.run, {}).get("judges", {})
    own = judges.get(cell.cell.judge, {}) if isinstance(judges, dict) else {}
    return own if isinstance(own, dict) else {}


def _row(site: Site, cell: BookCell) -> dict[str, Any]:
    found, scores, task = headline(cell), cell.scores, cell.cell.task
    return {
        "task": task,
        "href": site.links.to("task", task),
        "metric": "" if found is None else metric_name(found),
        "shown": show_estimate(found),
        "rank": place(cell.row),
        "letters": "" if cell.row is None else cell.row.letters,
        "why": why_unranked(site, cell),
        "coverage": NOTHING if scores is None else percent(scores.coverage),
        "asked": NOTHING if scores is None else f"{scores.asked:,}",
        "flags": () if cell.row is None else cell.row.flags,
        "listed": site.links.to("items", task, judge=cell.judge),
        "wrong": site.links.to("items", task, judge=cell.judge, outcome="differs"),
    }


def _forest(site: Site, cells: list[BookCell]) -> Chart | None:
    """All tasks whose metric is a share, on one scale."""
    # Other metrics have other scales, and cannot stand on one axis.
    shares = [cell for cell in cells if (found := headline(cell)) is not None and found.unit == "share"]
    if not shares:
        return None
    return charts.intervals(
        [
            make_bar(
                cell.cell.task,
                headline(cell),
                href=site.links.to("items", cell.cell.task, judge=cell.judge, outcome="differs"),
                dim=bool(why_unranked(site, cell)),
            )
            for cell in shares
        ],
        title="Across tasks, %",
        description="Tasks whose metric is a share. A mark leads to the items where the judge differs from the gold.",
        bounds=(0.0, 1.0),
        write=write_tick("share"),
    )


def _coverage(site: Site, cells: list[BookCell]) -> Chart | None:
    rows = []
    for cell in cells:
        if cell.scores is None:
            continue
        to = site.links.to
        own = [
            (
                name,
                count,
                to("items", cell.cell.task, judge=cell.judge, outcome=None if name == "ok" else "unread"),
            )
            for name, count in cell.scores.statuses.items()
        ]
        rows.append((cell.cell.task, own))
    if not rows:
        return None
    return charts.parts(
        rows, title="What became of the requests", description="Requests by status. A part leads to its items."
    )


def _habits(site: Site, cell: BookCell) -> dict[str, Any]:
    """What it tends to say, and how it takes to other orders and repeats."""
    assert cell.scores is not None
    consistency = {found.metric: show_estimate(found) for found in cell.scores.consistency}
    sure = cell.scores.calibration
    task = cell.cell.task
    # The most frequent first; a ranking of four has 24, of which some will do.
    histogram = sorted(cell.scores.histogram.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "task": task,
        "href": site.links.to("task", task),
        "said": [
            (name, f"{count:,}", site.links.to("items", task, judge=cell.judge, verdict=name))
            for name, count in histogram[:6]
            if count
        ],
        "swap": consistency.get("swap_consistency"),
        "first": consistency.get("first_position"),
        "repeat": consistency.get("repeat_consistency"),
        "ece": None if sure is None else percent(sure.ece),
        "mixed": site.links.to("items", task, judge=cell.judge, outcome="mixed"),
        "first_href": site.links.to("items", task, judge=cell.judge, first="yes"),
    }


def _unread(site: Site, judge: str) -> list[dict[str, Any]]:
    """Answers without a verdict, by task and reason, with those that the board gives as examples."""
    board = site.book.board
    found = []
    for record in () if board is None else board.unread:
        if record.judge == judge:
            found.append(
                {
                    "task": record.task,
                    "count": f"{record.count:,} of {record.asked:,}",
                    "reasons": [
                        (name, f"{n:,}", site.links.to("items", record.task, judge=judge, reason=name))
                        for name, n in record.reasons.items()
                    ],
                    "examples": [
                        (example.item, site.links.to("item", record.task, example.item), example.problem, example.text)
                        for example in record.examples
                    ],
                }
            )
    return found
