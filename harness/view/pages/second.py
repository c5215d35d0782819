"""Second numbers of a judge on its card: the deletion curves of `harness explain`, and the table that they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.explain.measures import ON_REQUEST
from harness.explain.measures.deletion import STEP
from harness.explain.records import read_explanations
from harness.explain.section import write_measure
from harness.report.faithfulness import digest_answers
from harness.view import charts
from harness.view.charts import Chart, Point, Series
from harness.view.drawings import find_run
from harness.view.markdown import to_html

if TYPE_CHECKING:
    from harness.explain.records import Finding
    from harness.view.site import Site


def show_second(site: Site, judge: str) -> list[dict[str, Any]]:
    """For each measure that is made on request: its name, its charts and its table. None about earlier answers."""
    run = find_run(site.book, judge)
    found = None if run is None else read_explanations(run.folder)
    if run is None or found is None or found.answers != digest_answers(run.folder):
        return []
    name = site.book.of_judge(judge)[0].cell.judge
    shown = []
    for measure in ON_REQUEST:
        own = [f for f in found.findings if (f.judge, f.measure) == (name, measure) and f.figures]
        if not own:
            continue
        try:
            # The heading is that of the page.
            table = to_html("\n\n".join(write_measure(measure, own)[1:]))
            shown.append({"name": measure, "charts": list(_draw_curves(own)), "html": table})
        # A stranger's file may hold anything in the place of a number. The rest of the card is shown.
        except (TypeError, ValueError, AttributeError):
            continue
    return shown


def _draw_curves(findings: Sequence[Finding]) -> Iterator[Chart]:
    """A plane for each task, with a line for each order in which the picture was covered."""
    for finding in findings:
        steps = [figure for figure in finding.figures if figure.key.startswith(STEP)]
        parts = [float(figure.key.removeprefix(STEP)) for figure in steps]
        orders = list(zip(*((figure.share, *figure.controls) for figure in steps), strict=True))
        series = [
            Series(
                name=order[0].name,
                points=[
                    Point(x=part, y=share.value * 100, label=f"{part:g} % covered: {share.value:.1%}, {share.name}")
                    for part, share in zip(parts, order, strict=True)
                    if share.value is not None
                ],
                number=number,
            )
            for number, order in enumerate(orders)
        ]
        if steps:
            yield charts.plane(
                series,
                title=finding.task,
                description=f"Mean probability of the verdict on {finding.task}, by how much of it is covered.",
                x=("% of the picture covered", 0.0, 100.0),
                y=("probability of the verdict, %", 0.0, 100.0),
                height=230,
            )
