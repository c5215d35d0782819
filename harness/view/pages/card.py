"""A judge's card: the sheet of `harness card`, then cases of `harness explain`, with maps over their pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.api import UserError
from harness.view.drawings import MOST_BYTES, find_run, list_drawn, list_examples, make_drawings
from harness.view.markdown import to_html
from harness.view.pages.common import trail
from harness.view.pages.second import show_second
from harness.view.site import Page, Site

if TYPE_CHECKING:
    from harness.explain.records import Finding, FindingExample

_MOST_ANSWERS = 20_000
"""Answers of a judge that are read for its card while somebody waits."""


def has_card(site: Site, judge: str) -> bool:
    """Whether there is a card: of a judge on the board whose cells are all of one run."""
    return site.book.board is not None and find_run(site.book, judge) is not None


def make_page(site: Site, judge: str) -> Page | None:
    """The card of a judge; `None` where there is none."""
    from harness.card.facts import read_facts
    from harness.card.sheet import write_card

    run, board = find_run(site.book, judge), site.book.board
    if run is None or board is None:
        return None
    cells = site.book.of_judge(judge)
    asked = sum(cell.scores.asked for cell in cells if cell.scores is not None)
    try:
        facts = read_facts(run, judge, board, site.plugins, name=cells[0].cell.judge, habits=asked <= _MOST_ANSWERS)
    except UserError as error:
        text = f"The card cannot be made: {error}"
    else:
        # The title is that of the page.
        text = write_card(facts).partition("\n\n")[2]
    return Page(
        path=("card", judge),
        title=f"Card of {judge}",
        template="card.html",
        trail=[*trail(site), (judge, site.links.to("judge", judge))],
        content={"html": to_html(text), "second": show_second(site, judge), **_show_examples(site, judge)},
    )


def _show_examples(site: Site, judge: str) -> dict[str, Any]:
    """Cases that the figures count: those with a picture, and the others."""
    found = list_examples(site.book, judge)
    run = find_run(site.book, judge)
    drawn = list_drawn(found)
    known = site.drawings
    # A server draws those of one page, when it is asked for. A file has all that its budget allows.
    if not site.links.is_file and run is not None:
        known = make_drawings([(run, name) for name in drawn], MOST_BYTES)
    shown = [name for name in drawn if run is not None and (str(run.folder), name) in known]
    maps = [
        {
            **_case(site, finding, example),
            "source": known[str(run.folder), example.picture].source,
            "width": known[str(run.folder), example.picture].width,
            "height": known[str(run.folder), example.picture].height,
        }
        for finding, example in found
        if run is not None and example.picture in shown
    ]
    cases = [_case(site, finding, example) for finding, example in found if not example.picture]
    return {"maps": maps, "cases": cases, "missing": len(drawn) - len(shown)}


def _case(site: Site, finding: Finding, example: FindingExample) -> dict[str, Any]:
    return {
        "measure": finding.measure,
        "task": finding.task,
        "item": example.item,
        "href": site.links.to("item", finding.task, example.item),
        "note": example.note,
        "text": example.text,
        "verdict": example.verdict,
        "then": example.then,
    }
