"""Pages in a real browser. They skip where Chromium is not installed: `apt-get install chromium`, or CHROMIUM=PATH."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.discovery import Plugins
from harness.view.answers import Answers
from harness.view.book import load_book
from harness.view.filters import Filter
from harness.view.links import FileLinks
from harness.view.scan import scan
from harness.view.server import Viewer, make_app

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium")

LINKS = FileLinks()
KEEN = "keen"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield opened
        opened.close()


class Tab:
    """A page that remembers what went wrong on it and what it asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda said: self.faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))

    def go(self, address: str) -> None:
        self.page.goto(address)

    def visible_items(self) -> list[str]:
        found: list[str] = self.page.locator(".page.current table.items tbody tr:not([hidden]) th").all_inner_texts()
        return found


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Tab]]:
    contexts = []

    def open_tab(address: str, *, width: int = 1600, **options: Any) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(5000)
        contexts.append(context)
        opened = Tab(context.new_page())
        opened.go(address)
        return opened

    yield open_tab
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def file(run: Path) -> str:
    return (run / "report.html").as_uri()


@contextmanager
def served_run(folder: Path, plugins: Plugins) -> Iterator[str]:
    """The address of a run that is served."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(Viewer(folder, plugins)), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)
    listener.close()


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    plugin = Path(__file__).with_name("drawn_plugin.py")
    with served_run(run, Plugins.load(extra=[str(plugin)])) as found:
        yield found


def test_the_table_sorts_narrows_and_keeps_both_in_its_address(file: str, tab: Callable[..., Tab]) -> None:
    opened = tab(file)
    page = opened.page
    names = page.locator("#overview .board tbody tr:not([hidden]) th")
    page.get_by_role("button", name="drawn", exact=True).click()
    # The greatest value first, as the scores have it.
    assert names.all_inner_texts() == ["keen", "mute & meek", "dull"]
    assert page.locator("#overview .board th[aria-sort=descending]").count() == 1
    page.get_by_role("button", name="drawn", exact=True).click()
    assert names.all_inner_texts() == ["dull", "mute & meek", "keen"]
    page.get_by_role("searchbox", name="Judges").fill("EE")
    page.get_by_role("searchbox", name="Tasks").fill("few")
    assert names.all_inner_texts() == ["mute & meek", "keen"]
    assert page.locator("#overview .board thead th:not([hidden])").count() == 2
    again = tab(page.url)
    assert again.page.locator("#overview .board tbody tr:not([hidden]) th").all_inner_texts() == ["mute & meek", "keen"]
    assert opened.faults + again.faults == []


def test_a_mark_leads_to_the_items_that_it_stands_for(run: Path, file: str, tab: Callable[..., Tab]) -> None:
    opened = tab(file + LINKS.to("task", "drawn"))
    page = opened.page
    page.locator(".page.current svg a[aria-label^='keen:']").first.focus()
    page.keyboard.press("Enter")
    page.locator(".page.current table.items").wait_for()
    assert opened.visible_items() == expected(run, Filter(judge=KEEN, outcome="differs"))
    # And a cell of the table of confusion, with both its gold and its verdict.
    page.go_back()
    cell = page.locator(".page.current .chart a[aria-label^='gold A, verdict B']").first
    count = int(cell.get_attribute("aria-label").rpartition(" ")[2])
    cell.focus()
    page.keyboard.press("Enter")
    wanted = Filter(judge=KEEN, gold="A", verdict="B")
    assert opened.visible_items() == expected(run, wanted)
    assert sum(mark.verdict == "B" for line in lines(run) if line.gold == "A" for mark in line.marks[KEEN]) == count
    assert opened.faults == []


def test_the_file_and_the_server_narrow_by_one_rule(
    run: Path, file: str, address: str, tab: Callable[..., Tab]
) -> None:
    on_file, on_server = tab(file), tab(address)
    wanted = [
        Filter(),
        Filter(split="yes"),
        Filter(gold="B", category="odd"),
        Filter(group="group 3"),
        *(Filter(judge="mute & meek", outcome=outcome) for outcome in ("agrees", "differs", "unread", "mixed")),
        Filter(judge="mute & meek", reason="no verdict"),
        Filter(judge=KEEN, low="0.7", high="0.9"),
        Filter(judge=KEEN, low="no number"),
        Filter(judge="dull", first="yes", gold="A"),
        Filter(judge="dull", against=KEEN, outcome="agrees"),
        Filter(judge="nobody there"),
        Filter(text="ITEM 01"),
        Filter(judge="keen", against="dull", text="picture b has"),
    ]
    for narrow in wanted:
        found = expected(run, narrow)
        assert found or narrow.judge == "nobody there" or narrow.low == "no number", narrow
        on_file.go(file + LINKS.to("items", "drawn", **narrow.to_query()))
        assert on_file.visible_items() == found, narrow
        if narrow.outcome not in ("", "mixed") and not narrow.against:  # a page of the server takes longer
            continue
        on_server.go(address + "/" + LINKS.to("items", "drawn", **narrow.to_query())[1:])
        assert on_server.visible_items() == found, narrow
        # Reasons stand beside the answers where two judges are held against each other, and judges of no matter do not.
        columns = on_file.page.locator(".page.current table.items thead th:not([hidden])").all_inner_texts()
        assert columns == on_server.page.locator("table.items thead th").all_inner_texts(), narrow
        beside = [shown.page.locator(".page.current tr:not([hidden]) .beside") for shown in (on_file, on_server)]
        assert beside[0].all_inner_texts() == beside[1].all_inner_texts(), narrow
        assert (beside[0].count() > 0) == bool(narrow.against), narrow
    assert on_file.faults + on_server.faults == []


def test_keys_walk_through_the_items_of_a_filter(run: Path, file: str, address: str, tab: Callable[..., Tab]) -> None:
    found = expected(run, Filter(judge="dull", outcome="differs"))
    for start in (file + LINKS.to("items", "drawn"), address + "/items/drawn"):
        opened = tab(f"{start}?judge=dull&outcome=differs")
        page = opened.page
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert page.locator("tr.at th").inner_text() == found[0]
        page.keyboard.press("Enter")
        title = page.locator(".page.current h1")
        playwright.expect(title).to_have_text(found[0])
        for key, place in (("j", 1), ("k", 0)):
            page.wait_for_load_state()  # keys are the script's, which comes last
            page.keyboard.press(key)
            playwright.expect(title).to_have_text(found[place])
        page.wait_for_load_state()
        page.keyboard.press("u")
        playwright.expect(title).to_have_text("Items of drawn")
        assert opened.visible_items() == found
        assert opened.faults == []


def test_an_address_opens_its_page_with_pictures_reasons_and_probabilities(
    run: Path, file: str, address: str, tab: Callable[..., Tab]
) -> None:
    item = "item 005/x?y#z"
    for start, width in (
        (file + LINKS.to("item", "drawn", item), 240),
        (address + "/" + LINKS.to("item", "drawn", item)[1:], 320),
    ):
        opened = tab(start)
        shown = opened.page.locator(".page.current")
        assert shown.locator("h1").inner_text() == item
        shown.locator("img.picture").first.wait_for()
        opened.page.wait_for_function(
            "[...document.querySelectorAll('.current img.picture')].every((img) => img.complete)"
        )
        sizes = shown.locator("img.picture").evaluate_all("(found) => found.map((img) => img.naturalWidth)")
        assert sizes == [width, width]
        reason = shown.locator("article.judge[data-judge=keen] details.reasoning").first
        assert not reason.locator("p").is_visible()
        reason.locator("summary").click()
        assert "has more green in it" in reason.locator("p").inner_text()
        assert shown.locator("article.judge[data-judge=keen] .chances li").count() == 4
        assert opened.faults == []


def test_two_judges_are_found_in_either_order(file: str, tab: Callable[..., Tab]) -> None:
    opened = tab(file + LINKS.to("pair", "dull", "keen"))
    assert opened.page.locator(".page.current h1").inner_text() == "keen and dull"
    # And a link that was cut or made up says so, and does nothing else.
    for place in (
        "#item/drawn/none",
        "#%E0%A4%A?=&judge",
        "#pair/dull/dull",
        "#__proto__",
        "#constructor?sort=__proto__",
    ):
        opened.go(file + place)
        assert opened.page.locator(".page.current h1").inner_text() == "Not in this file", place
    assert opened.faults == []


def test_it_follows_dark_mode(file: str, tab: Callable[..., Tab]) -> None:
    tones = []
    for scheme in ("light", "dark"):
        page = tab(file + LINKS.to("task", "drawn"), color_scheme=scheme).page
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('.current svg text')).fill")
        tones.append([sum(map(int, tone.strip("rgb()").split(","))) for tone in (ground, ink)])
    (light, dark_ink), (dark, light_ink) = tones
    assert light > 700
    assert dark < 100
    assert dark_ink < 300
    assert light_ink > 400


def test_a_print_is_dark_on_white_and_no_wider_than_the_paper(file: str, tab: Callable[..., Tab]) -> None:
    opened = tab(file, width=560, color_scheme="dark")
    opened.page.emulate_media(media="print", color_scheme="dark")
    for place in ADDRESSES:
        opened.go(file + place)
        ink, ground = opened.page.evaluate(
            "['color', 'backgroundColor'].map((name) => getComputedStyle(document.body)[name])"
        )
        assert [sum(map(int, tone.strip("rgb()").split(","))) < 300 for tone in (ink, ground)] == [True, False], place
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 560, place
    assert opened.faults == []


ADDRESSES = (
    LINKS.to("overview"),
    LINKS.to("task", "drawn"),
    LINKS.to("judge", "mute & meek"),
    LINKS.to("pair", "keen", "dull"),
    LINKS.to("items", "drawn"),
    LINKS.to("item", "drawn", "item 004/x?y#z"),
    LINKS.to("section", "1"),
    LINKS.to("about"),
)


@pytest.mark.parametrize("width", [390, 1600])
def test_no_page_is_wider_than_the_window(file: str, tab: Callable[..., Tab], width: int) -> None:
    opened = tab(file, width=width)
    for place in ADDRESSES:
        opened.go(file + place)
        assert opened.page.locator(".page.current h1").is_visible(), place
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width, place
    assert opened.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_by_a_screen_reader(file: str, address: str, tab: Callable[..., Tab], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    opened = tab(file, color_scheme=scheme)
    # The server's pages have the same content, so one of each kind is enough in one of the schemes.
    places = [file + place for place in ADDRESSES] + [address + "/items/drawn"]
    places = places if scheme == "light" else [places[1]]  # colours are all that differs
    for place in places:
        opened.go(place)
        # The file has all pages in one document. What is around them is the same on each, and is looked at once.
        whole = place in (places[0], places[-1])
        # Only what is wrong is asked for: to list all that is right takes a third of the time.
        asked = {"resultTypes": ["violations"]}
        found = axe.run(opened.page, context=None if whole else ".page.current", options=asked).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == [], place
        # Axe is content with a drawing that has no name.
        nameless = """[...document.querySelectorAll('.current svg:not([aria-hidden])')].filter((svg) =>
            !svg.getAttribute('aria-label') || !svg.querySelector('title') || !svg.querySelector('desc')).length"""
        assert opened.page.evaluate(nameless) == 0, place


def test_nothing_in_a_run_does_anything(hostile: Path, tab: Callable[..., Tab]) -> None:
    opened = tab((hostile / "report.html").as_uri())
    page = opened.page
    names = page.evaluate("[...document.querySelectorAll('.page')].map((page) => page.id)")
    items = [name for name in names if name.startswith("item/")]
    # Each kind of harm is in one of so many items.
    for name in [name for name in names if name not in items] + items[:14]:
        page.evaluate("(name) => { location.hash = '#' + name }", name)
        page.wait_for_function("(name) => document.querySelector('.page.current').id === name", arg=name)
        page.evaluate("document.querySelectorAll('.current details').forEach((fold) => { fold.open = true })")
    page.mouse.move(300, 300)
    assert page.evaluate("window.harm") is None
    # All that is there is the file, and pictures of its own.
    assert page.locator("iframe, object, embed, template, base, main script, main style").count() == 0
    assert page.locator("a[href^='javascript' i], [onerror], [onload], [onmouseover]").count() == 0
    assert {url.partition(":")[0] for url in opened.asked} <= {"file", "data"}
    assert opened.faults == []
    assert not any(mark in page.content() for mark in "\u202e\u2066\x1b")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1600


def test_the_name_of_a_judge_is_not_hidden_by_the_next_column(file: str, tab: Callable[..., Tab]) -> None:
    opened = tab(file + LINKS.to("items", "drawn"))
    head = opened.page.locator(".page.current thead th").nth(3)
    head.evaluate("(cell) => { cell.textContent = 'organization/' + 'w'.repeat(60) + '-v1' }")
    assert head.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth")


def test_a_long_filter_makes_no_page_wider_than_the_window(address: str, tab: Callable[..., Tab]) -> None:
    opened = tab(f"{address}/items/drawn?category={'w' * 200}", width=390)
    assert "category: www" in opened.page.locator("[data-status]").inner_text()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_in_a_run_does_anything_on_the_server(hostile: Path, tab: Callable[..., Tab]) -> None:
    plugin = Path(__file__).with_name("drawn_plugin.py")
    with served_run(hostile, Plugins.load(extra=[str(plugin)])) as address:
        opened = tab(address)
        read_links = "(all) => all.map((a) => a.getAttribute('href'))"
        # Pages of every kind, by the links that the first ones have.
        left = ["/", *opened.page.locator("main a").evaluate_all(read_links)[:8]]
        seen: set[str] = set()
        while left:
            place = left.pop(0)
            seen.add(place)
            opened.go(address + place)
            assert opened.page.evaluate("window.harm") is None, place
            assert opened.page.locator("h1").is_visible(), place
            found = opened.page.locator("main a").evaluate_all(read_links)
            items = [] if place.startswith("/item/") else [own for own in found if own.startswith("/item/")][:2]
            left += [own for own in items if own not in seen and own not in left]
        assert {url.partition("//")[2].partition("/")[0] for url in opened.asked if url.startswith("http")} == {
            address.partition("//")[2]
        }
        assert opened.faults == []


def test_the_file_can_be_read_without_a_script(file: str, tab: Callable[..., Tab]) -> None:
    page = tab(file, java_script_enabled=False).page
    assert page.locator("#overview h1").is_visible()
    page.goto(file + LINKS.to("task", "drawn"))
    assert page.get_by_role("heading", name="drawn", exact=True).is_visible()
    assert not page.locator("#overview h1").is_visible()


def lines(run: Path) -> list[Any]:
    book = load_book(run)
    with Answers(book) as answers:
        return list(answers.lines("drawn"))


def expected(run: Path, wanted: Filter) -> list[str]:
    """Ids of the items on a list, in the order of the data."""
    with Answers(load_book(run)) as answers:
        return [item for item, line in scan(answers, "drawn", wanted) if line is not None]
