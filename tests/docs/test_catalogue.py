"""The catalogue says what the cards say, these say what was published, and its script filters in a real browser."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.api import Parity, TaskCard
from harness.discovery import Plugins

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
ROWS = (
    ("a", "image, text", "preference", "1,250", "MIT", "gated", "metric, order", "3 values", "gpt: 5"),
    ("b", "text", "score", "not known", "CC-BY", "not known", "metric", "", ""),
    ("c", "video", "preference", "99", "mit", "open", "", "", "gpt: 6"),
)


@pytest.fixture(scope="module")
def cards() -> dict[str, TaskCard]:
    """The cards of the public benchmarks by id."""
    offers = Plugins.load().offers("task")
    return {offer.id: offer.card for offer in offers if isinstance(offer.card, TaskCard) and offer.card.data}


@pytest.fixture(scope="module")
def page(generate: ModuleType) -> str:
    text: str = generate.catalogue()
    return text


def test_every_public_benchmark_is_a_row(page: str, cards: dict[str, TaskCard]) -> None:
    assert len(cards) > 20
    rows = {match[1]: match[0] for match in re.finditer(r"^\| \[`([^`]+)`\].*$", page, re.MULTILINE)}
    assert rows.keys() == cards.keys()
    for name, card in cards.items():
        assert f"tasks/{name.replace('/', '-')}.md" in rows[name]
        assert card.answers in rows[name]
        assert all(result.source in rows[name] and result.judge in rows[name] for result in card.results)
    assert "7 judges on 2,654 items, largest difference 0.0048 points" in rows["preference/genai-bench"]


def test_the_parity_on_the_cards_is_that_of_the_page_of_published_values(cards: dict[str, TaskCard]) -> None:
    text = (ROOT / "docs/explanation/published-values.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([\w-]+) \| ([\d,]+) \| (\d+) \| (\d+) \| ([\d.]+) \|", text, re.MULTILINE)
    measured = {
        f"preference/{name}": Parity(
            items=int(items.replace(",", "")), judges=int(judges), values=int(values), difference=float(difference)
        )
        for name, items, judges, values, difference in table
    }
    assert len(measured) >= 7
    assert {name: card.parity for name, card in cards.items() if card.parity is not None} == measured


def test_known_results_are_those_that_the_authors_publish(cards: dict[str, TaskCard]) -> None:
    file = DATA / "authors" / "expected.json"
    if not file.is_file():
        pytest.skip(f"{file} is not there; set HARNESS_TEST_DATA")
    published = {name.split()[0]: values for name, values in json.loads(file.read_text()).items()}
    found = {name: {(r.judge, r.subset): r.value for r in card.results} for name, card in cards.items() if card.results}
    genai = published["genai_bench"]
    for (judge, subset), value in found["preference/genai-bench"].items():
        assert genai[judge][subset] == value
    for (judge, _), value in found["preference/judgebench"].items():
        assert value in [known for name, known in published["judgebench"].items() if judge.split(", ")[-1] in name]
    for (judge, subset), value in found["preference/mj-bench"].items():
        (part,) = [judges for name, judges in published["mj_bench"].items() if name.startswith(subset)]
        assert part[judge] == value
    (weighted,) = [judges for name, judges in published["mj_bench_bias"].items() if name.startswith("script")]
    for (judge, _), value in found["preference/mj-bench-bias"].items():
        assert weighted[judge][0] == value
    for (judge, _), value in found["preference/pick-a-pic"].items():
        assert published["pick_a_pic"][judge] == value
    for (judge, _), value in found["preference/pandalm"].items():
        assert published["pandalm"][judge][0] == value
    for (judge, subset), value in found["preference/llmbar"].items():
        statistics = DATA / "authors/llmbar/Dataset/LLMBar" / subset / "evaluators" / judge / "statistics.json.gz"
        average = json.loads(gzip.decompress(statistics.read_bytes()))["correct_average"]
        assert round(float(average.rstrip("%")), 2) == value
    checked = ("genai-bench", "judgebench", "mj-bench", "mj-bench-bias", "pick-a-pic", "pandalm", "llmbar")
    assert {f"preference/{name}" for name in checked} <= found.keys()


@pytest.fixture
def shown(tmp_path: Path, generate: ModuleType) -> Any:
    """A page in a browser with the script and a table of three rows, and a list of what the page asked for."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from _catalogue import HEADER  # type: ignore[import-not-found]

    head = "".join(f"<th>{name}</th>" for name in HEADER)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in ROWS)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    script = ROOT / "docs/_static/catalogue.js"
    file = tmp_path / "page.html"
    file.write_text(f"<title>c</title><script src='{script}'></script><div class='catalogue container'>{table}</div>")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page()
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(file.as_uri())
        yield opened, asked
        browser.close()


def tasks_of(page: Any) -> str:
    return "".join(page.locator("tbody tr:not([hidden]) td:first-child").all_inner_texts())


def test_the_table_is_filtered_in_the_browser_and_asks_no_server(shown: Any) -> None:
    page, asked = shown
    assert tasks_of(page) == "abc"
    status = page.get_by_role("status")
    for label, value, found in (
        ("modality", "text", "ab"),
        ("answers", "preference", "ac"),
        ("gate", "open", "c"),
        ("gate", "not known", "b"),
        ("official", "metric", "ab"),
        ("parity", "proven", "a"),
    ):
        page.get_by_label(label).select_option(value)
        assert tasks_of(page) == found
        assert status.inner_text() == f"{len(found)} of 3 tasks"
        page.get_by_label(label).select_option("")
    for label, value, found in (
        ("at most so many items", "99", "c"),
        ("at most so many items", "1250", "ac"),
        ("licence", "Mit", "ac"),
        ("known results", "gpt", "ac"),
    ):
        page.get_by_label(label).fill(value)
        assert tasks_of(page) == found
        page.get_by_label(label).fill("")
    page.get_by_label("licence").fill("mit")
    page.get_by_label("modality").select_option("video")
    assert tasks_of(page) == "c"
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("document.querySelectorAll('tbody tr[hidden]').length === 0")
    assert tasks_of(page) == "abc"
    assert all(address.startswith("file:") for address in asked)
