"""HTML and SVG of hostile runs: what judges, files and names say is text, wherever it stands."""

from __future__ import annotations

import xml.dom.minidom
from html.parser import HTMLParser

import pytest

from harness.library import Run

SAFE = {"div", "p", "b", "i", "small", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "br", "img"}
ATTRIBUTES = {"style", "src", "width", "height", "alt"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            assert name != "src" or (value or "").startswith("data:image/webp;base64,")

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.tags <= SAFE
    assert not {"\u202e", "\u2066", "\x00", "\x1b"} & set(html)
    return reader


def test_tables_boards_pairs_and_items_are_text(hostile: Run) -> None:
    a, b, _ = hostile.judges
    task = hostile.tasks[0]
    shown = [
        hostile,
        hostile.leaderboard(),
        hostile.leaderboard(group_by="category"),
        hostile.leaderboard().table,
        hostile.judgements(),
        hostile.items(),
        hostile.compare(a, b),
        *hostile.items(task).head(13),
    ]
    for found in shown:
        reader = read(found._repr_html_())  # type: ignore[attr-defined]
        assert "<img src=x onerror=window.harm='name'>" in reader.text
        assert not {"\u202e", "\x1b"} & set(repr(found))
    harm = "".join(read(item._repr_html_()).text for item in hostile.items(task))
    assert "<script>window.harm='script'</script>" in harm
    assert "javascript:window.harm='url'" in harm


def test_an_item_has_its_pictures_in_the_page(made: Run) -> None:
    item = next(iter(made.items("drawn")))
    html = item._repr_html_()
    assert html.count("<img ") == 2
    assert "Picture B has more green in it." in read(html).text


@pytest.mark.parametrize("kind", ["forest", "pairs", "confusion", "calibration", "coverage", "differences"])
def test_figures_are_well_formed_and_hold_nothing_that_acts(hostile: Run, kind: str) -> None:
    a, b, _ = hostile.judges
    svg = hostile.figure(kind, task=hostile.tasks[0], judge=a, against=b).svg
    document = xml.dom.minidom.parseString(svg)
    names = {node.tagName for node in document.getElementsByTagName("*")}
    assert names <= {"svg", "title", "desc", "style", "g", "text", "line", "rect", "circle", "polyline"}
    for node in document.getElementsByTagName("*"):
        assert not any(name.startswith("on") or name == "href" for name in node.attributes.keys())  # noqa: SIM118
    # Every rule names the class of the figure, so that none acts on the page around it.
    (style,) = document.getElementsByTagName("style")
    rules = style.firstChild.data.split("}")[:-1]  # type: ignore[union-attr]
    for rule in rules:
        assert all(part.strip().startswith(".harness-chart") for part in rule.partition("{")[0].split(","))
