"""The pages of a run that was explained: cards of judges with maps over their pictures, in the file and on a server."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.view.book import load_book
from harness.view.file import DEFAULT, make_report
from harness.view.server import Viewer
from tests.explain.conftest import PLUGIN, Explaining

EVIL = "sees <b>&"


@pytest.fixture
def explained(explaining: Explaining, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_REPORT", "yes")
    run = explaining.run({EVIL: {"follows": "square"}, "plain": {"weighs": False}}, items=8)
    explaining.explain(run, "--measure", "places", "--measure", "contradiction", "--window", "8", "--step", "8")
    return run


@pytest.fixture
def plugins() -> Plugins:
    return Plugins.load(extra=[str(PLUGIN)])


def page_of(text: str, start: str) -> str:
    found = re.search(rf'<article class="page" id="{start}.*?</article>\s*(?=<article class="page)', text, re.DOTALL)
    assert found is not None, start
    return found[0]


def test_the_file_has_a_card_for_each_judge_with_its_maps(explained: Path) -> None:
    text = (explained / "report.html").read_text()
    card = page_of(text, "card/sees")
    for section in ("What it was asked", "Biases", "Faithfulness of its reasoning", "Licence and provenance"):
        assert f"<h2>{section}</h2>" in card
    assert "sees &lt;b&gt;&amp;" in card
    assert card.count('<img src="data:image/webp;base64,') == 6
    assert "Where its words come from" in card
    assert "the reasoning implies" in card
    # A judge without maps has a card without them.
    assert "<img" not in page_of(text, "card/plain")
    assert 'href="#card/sees%20%3Cb%3E%26"' in page_of(text, "judge/sees")


def test_the_overview_has_the_numbers_with_their_controls(explained: Path) -> None:
    overview = page_of((explained / "report.html").read_text(), "overview")
    assert "Faithfulness of the reasoning" in overview
    assert re.search(r"<td class=\"n\">50 \(\d+–\d+\) vs \d+", overview), overview[-3000:]


def test_maps_are_a_part_of_the_budget_of_pictures(explained: Path, plugins: Plugins) -> None:
    text, _ = make_report(load_book(explained), plugins, replace(DEFAULT, pictures=1500))
    assert 0 < len(re.findall(r'<img src="data:image/webp', text)) < 6
    assert "maps are not on this page: the budget of pictures is spent" in text
    sources = json.loads(re.search(r'id="pictures">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    drawn = re.findall(r'<img src="(data:image/webp[^"]*)"', text)
    assert sum(map(len, [*sources.values(), *drawn])) <= 1500


def test_a_file_elsewhere_is_never_shown_as_a_map(explained: Path, plugins: Plugins) -> None:
    secret = next(explained.glob("explanations/*.png"))
    outside = explained.parent / "secret.png"
    outside.write_bytes(secret.read_bytes())
    link = explained / "explanations" / ("0" * 20 + ".png")
    link.symlink_to(outside)
    names = iter(["../secret.png", str(outside), f"explanations/{link.name}", "journal.sqlite", "explanations/.png"])
    found = json.loads((explained / "explanations.json").read_text())
    for finding in found["findings"]:
        for example in finding["examples"]:
            if example["picture"]:
                example["picture"] = next(names, "explanations/../../secret.png")
    (explained / "explanations.json").write_text(json.dumps(found))
    text, _ = make_report(load_book(explained), plugins)
    assert '<img src="data:' not in text


def test_a_server_has_the_same_card(explained: Path, plugins: Plugins) -> None:
    viewer = Viewer(explained, plugins)
    answer = viewer.answer("/card/sees%20%3Cb%3E%26", {})
    assert answer.status == 200
    page = answer.body.decode()
    assert page.count('<img src="data:image/webp;base64,') == 6
    assert "Faithfulness of its reasoning" in page
    assert viewer.answer("/card/nobody", {}).status == 404
    assert "/card/plain" in viewer.answer("/judge/plain", {}).body.decode()


def test_second_numbers_stand_on_the_card_with_their_curves(
    explaining: Explaining, monkeypatch: pytest.MonkeyPatch, plugins: Plugins
) -> None:
    monkeypatch.setenv("HARNESS_REPORT", "yes")
    run = explaining.run({EVIL: {"verdict_hangs_on": "square"}}, items=8)
    explaining.explain(run, "--measure", "deletion", "--window", "8", "--step", "8")
    card = page_of((run / "report.html").read_text(), "card/sees")
    second = card.partition("<h2>Second numbers: deletion</h2>")[2]
    assert second.count("<polyline") == 3
    assert "An edge map, made without any judge, wins the pointing game" in second
    assert "area, own order less at random" in second
    # A stranger's file costs its own section, and not the card.
    path = run / "explanations.json"
    kept = path.read_text()
    path.write_text(kept.replace('"deletion.at.5"', '"deletion.at.<b>"'))
    text, _ = make_report(load_book(run), plugins)
    assert "Second numbers" not in text
    assert "What it was asked" in page_of(text, "card/sees")
    # Curves of earlier answers are not those of this run.
    path.write_text(json.dumps({**json.loads(kept), "answers": "0" * 16}))
    assert "Second numbers" not in make_report(load_book(run), plugins)[0]
