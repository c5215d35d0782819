"""The charts of the report, each as a drawing of its own: SVG that a notebook shows and a paper takes.

What is drawn, and from which numbers, is `harness.view`. A chart here has no links, as there are no pages around it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import UserError
from harness.libraries.text import clean
from harness.library.html import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.view.book import Book
    from harness.view.charts import Chart, ChartMark, ChartShape
    from harness.view.counts import Counts

OF_TASKS = {
    "forest": "each judge with its interval",
    "pairs": "each pair of judges: the difference with its interval",
    "confusion": "how often a judge gave each verdict to each gold",
    "coverage": "what became of the requests",
    "position": "how often each judge names the first place shown",
    "swaps": "how often a verdict survives when candidates change places",
    "repeats": "how often repeats agree",
    "calibration": "how often a judge is right when it is as sure",
    "risk": "how many answers are wrong when only the surest are kept",
    "cost": "value against price",
}
"""Charts of a task."""

OF_JUDGES = {
    "tasks": "a judge on each task",
    "differences": "two judges on each task: the difference with its interval",
}
"""Charts of a judge, and of two."""

_LINKS = re.compile(r" A \w+ leads to [^.]*\.")
_TOP, _BOTTOM, _LINE = 26, 8, 18

_STYLE = """\
.harness-chart{--ink:#1c1b19;--soft:#5d5a53;--rule:#dedbd3;--good:#0b6b3a;--bad:#a8321f;background:#fff;
--s0:#0b62b8;--s1:#b0480c;--s2:#0a7a50;--s3:#8a3ca8;--s4:#a3214f;--s5:#66600d}
.harness-chart text{font:12px system-ui,"DejaVu Sans",sans-serif;fill:var(--ink)}
.harness-chart .title{font-weight:600}
.harness-chart .tick,.harness-chart .axis,.harness-chart .note,.harness-chart .name.dim{fill:var(--soft)}
.harness-chart .grid{stroke:var(--rule);opacity:.6}
.harness-chart .rule,.harness-chart .zero{stroke:var(--soft)}
.harness-chart .zero{stroke-dasharray:4 3}
.harness-chart .interval{stroke:var(--s0);stroke-width:2}
.harness-chart .point{fill:var(--s0)}
.harness-chart .path{fill:none;stroke:var(--s0);stroke-width:1.8}
.harness-chart .hit{fill:transparent}
.harness-chart .interval.dim,.harness-chart .point.dim{stroke:var(--soft);opacity:.6}
.harness-chart .point.dim{fill:var(--soft)}
.harness-chart .cell{fill:var(--bad);stroke:var(--rule);stroke-width:.5}
.harness-chart .cell.same{fill:var(--good)}
.harness-chart .strong{font-weight:650}
.harness-chart .part{fill:var(--soft)}
.harness-chart .part.ok{fill:var(--s2);opacity:.75}
.harness-chart .part.unparsed{fill:var(--s1)}
.harness-chart .part.outside{fill:var(--s3)}
.harness-chart .part.refused{fill:var(--s4)}
.harness-chart .part.truncated{fill:var(--s5)}
.harness-chart .part.error{fill:var(--bad)}
"""
"""The colours of the report on paper. Each rule names the class, so that none acts on the page around it."""

_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "1 2")


def _style() -> str:
    rules = [
        f".harness-chart .s{k}.path,.harness-chart .s{k}.interval{{stroke:var(--s{k})}}"
        f".harness-chart .s{k}.path{{stroke-dasharray:{dash or 'none'}}}.harness-chart .s{k}.point{{fill:var(--s{k})}}"
        for k, dash in enumerate(_DASHES)
    ]
    return _STYLE + "\n".join(rules)


class Figure:
    """A chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        """Its shapes, with a label for each mark that says the number."""

    @property
    def svg(self) -> str:
        """The drawing, as a document of its own."""
        chart = self.chart
        # The last number of an axis stands half beyond its end.
        wide, tall = chart.width + 8, chart.height + _TOP + _LINE * len(chart.names) + _BOTTOM
        legend = [
            f'<rect class="{escape(kind)}" x="10" y="{y - 9:g}" width="12" height="9"/>'
            f'<text x="28" y="{y:g}">{escape(name)}</text>'
            for number, (name, kind) in enumerate(chart.names)
            for y in [_TOP + chart.height + _LINE * (number + 0.6)]
        ]
        body = "".join([*map(_write_shape, chart.ground), *map(_write_mark, chart.marks)])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="harness-chart" viewBox="0 0 {wide:g} {tall:g}" '
            f'width="{wide:g}" height="{tall:g}" role="img">'
            f"<title>{escape(chart.title)}</title><desc>{escape(chart.description)}</desc><style>{_style()}</style>"
            f'<text class="title" x="10" y="17">{escape(chart.title)}</text>'
            f'<g transform="translate(0 {_TOP})">{body}</g>{"".join(legend)}</svg>'
        )

    def save(self, path: str | Path) -> Path:
        """Write the drawing into a file.

        Raises:
            UserError: The name does not end in `.svg`, or the file cannot be written.
        """
        place = Path(path)
        if place.suffix != ".svg":
            raise UserError(f"{place}: a figure is saved as .svg; a program such as Inkscape makes other formats of it")
        try:
            place.write_text(self.svg + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{place}: cannot be written ({error.strerror or error})") from error
        return place

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        # What the marks say, so that a terminal has the numbers as well.
        said = [f"  {clean(mark.label)}" for mark in self.chart.marks if mark.label]
        return "\n".join([clean(f"{self.chart.title}: {self.chart.description}"), *said])


def _write_shape(shape: ChartShape) -> str:
    attributes = "".join(f' {name}="{escape(str(value))}"' for name, value in shape.attributes.items())
    return f"<{shape.tag}{attributes}>{escape(shape.text)}</{shape.tag}>"


def _write_mark(mark: ChartMark) -> str:
    return f"<g><title>{escape(mark.label)}</title>{''.join(map(_write_shape, mark.shapes))}</g>"


class _NoLinks:
    """Addresses of pages that are not there."""

    is_file = True

    def to(self, *parts: str, **query: str | None) -> str:
        """No address."""
        return ""


def draw_task(book: Book, counts: Counts, kind: str, task: str, judges: Iterable[str]) -> Figure:
    """A chart of a task.

    Args:
        book: The run.
        counts: Its counts of verdicts by gold, for `confusion`.
        kind: One of `OF_TASKS`.
        task: Name of the task.
        judges: For `confusion`: which judge.

    Raises:
        UserError: There is nothing to draw.
    """
    from harness.view.pages import task as page
    from harness.view.site import Site

    drawn: Any = page.make_page(Site(book=book, links=_NoLinks(), counts=counts), task).content[kind]
    if kind == "confusion":
        wanted = set(judges)
        drawn = next((chart for name, chart in drawn if name in wanted), None)
    return _finish(drawn, f"{kind} of {task}", about=f"{task} · ")


def draw_judges(book: Book, counts: Counts, kind: str, judge: str, against: str) -> Figure:
    """A chart of a judge, or of two.

    Args:
        book: The run.
        counts: Its counts of verdicts by gold.
        kind: One of `OF_JUDGES`.
        judge: Name of the judge.
        against: Name of the other one, for `differences`.

    Raises:
        UserError: There is nothing to draw.
    """
    from harness.view.pages import judge as judge_page
    from harness.view.pages import pair
    from harness.view.site import Site

    site = Site(book=book, links=_NoLinks(), counts=counts)
    if kind == "differences":
        return _finish(pair.make_page(site, judge, against).content["drawing"], f"{kind} of {judge} and {against}")
    drawn = judge_page.make_page(site, judge).content["forest"]
    return _finish(drawn, f"{kind} of {judge}", about=f"{judge} · ")


def _finish(drawn: Chart | None, what: str, *, about: str = "") -> Figure:
    if drawn is None:
        raise UserError(f"{clean(what)}: there is nothing to draw; the run has no such numbers")
    # A drawing stands alone: the page above it named the task or the judge, and there are no links to speak of.
    return Figure(replace(drawn, title=f"{about}{drawn.title}", description=_LINKS.sub("", drawn.description)))
