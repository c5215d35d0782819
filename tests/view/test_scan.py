"""Looking for items: the quick way finds what reading all answers finds."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from harness.view.answers import Answers
from harness.view.book import load_book
from harness.view.counts import Counts
from harness.view.filters import Filter
from harness.view.links import FileLinks
from harness.view.pages import task
from harness.view.scan import scan
from harness.view.site import Site

FILTERS = (
    Filter(),
    Filter(category="odd"),
    Filter(group="group 3", gold="A"),
    Filter(split="yes", category="even"),
    *(Filter(judge="mute & meek", outcome=outcome) for outcome in ("agrees", "differs", "unread", "mixed")),
    Filter(judge="mute & meek", reason="no verdict"),
    Filter(judge="mute & meek", reason="refused"),
    Filter(judge="keen", low="0.7", high="0.9"),
    Filter(judge="dull", against="keen", outcome="agrees"),
    Filter(judge="dull", first="yes"),
)


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: " ".join(wanted.to_query().values()) or "all")
@pytest.mark.parametrize("backwards", [False, True])
def test_it_finds_what_reading_everything_finds(run: Path, wanted: Filter, backwards: bool) -> None:
    with Answers(load_book(run)) as answers:
        every = list(answers.lines("drawn"))
        looked = list(scan(answers, "drawn", wanted, backwards=backwards))
    assert [item for item, _ in looked] == [line.item for line in every][:: -1 if backwards else 1]
    found = [item for item, line in looked if line is not None]
    assert sorted(found) == [line.item for line in every if wanted.matches(line)]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(text="item 01"), 10),  # the id
        (Filter(text="WHICH IS greener"), 24),  # what was asked
        (Filter(text="cannot say"), 6),  # what was written, by any judge
        (Filter(text="cannot say", judge="dull"), 0),
        (Filter(text="cannot say", judge="mute & meek", outcome="unread", category="even"), 6),
        (Filter(text="picture a has", judge="keen", outcome="agrees"), None),
        (Filter(text="%"), 0),
        (Filter(text='"'), 0),  # of the JSON around it, and of no text
    ],
)
def test_text_is_looked_for_in_ids_questions_and_answers(run: Path, wanted: Filter, count: int | None) -> None:
    with Answers(load_book(run)) as answers:
        found = [item for item, line in scan(answers, "drawn", wanted) if line is not None]
        told = [
            shown.line.item
            for line in answers.lines("drawn")
            if (shown := answers.item("drawn", line.item)) is not None
            and wanted.matches(line)
            and any(
                wanted.text.lower() in text.lower()
                for text in (
                    line.item,
                    *(part.text for part in shown.prompt),
                    *(
                        text
                        for judge, own in shown.answers.items()
                        if not wanted.judge or judge == wanted.judge
                        for answer in own
                        for text in (answer.judgement.raw, answer.judgement.rationale, answer.judgement.error)
                    ),
                )
            )
        ]
    assert found == told
    assert count is None or len(found) == count


def test_points_of_the_risk_curve_lead_to_the_wrong_answers_among_those_kept(run: Path) -> None:
    book = load_book(run)
    cell = book.find("drawn", "keen")
    assert cell is not None
    assert cell.scores is not None
    assert cell.scores.calibration is not None
    page = task.make_page(Site(book=book, links=FileLinks(), counts=Counts({}, {})), "drawn")
    chart = page.content["risk"]
    marks = [mark for mark in chart.marks if mark.label.startswith("keen:")]
    assert len(marks) == len(cell.scores.calibration.curve) > 1
    with Answers(book) as answers:
        every = list(answers.lines("drawn"))
    for mark, point in zip(marks, cell.scores.calibration.curve, strict=True):
        query = dict(parse_qsl(mark.href.partition("?")[2]))
        wrong = [
            answer
            for line in every
            for answer in line.marks["keen"]
            if answer.kind == query["outcome"] and (answer.confidence or 0.0) >= float(query["low"])
        ]
        assert len(wrong) == round(point.risk * point.n), point
