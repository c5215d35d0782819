"""A page for each benchmark: its card, its official protocol, and a worked example that is really run.

Not for how a benchmark is read: a page says what its card says, and what the code does with the card's example.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from _markdown import code, model_table, prose, table

from harness.api import (
    AnswerSpace,
    Choice,
    Image,
    Item,
    Judgement,
    Part,
    Protocol,
    Ranking,
    Request,
    Rubric,
    Score,
    Task,
    TaskCard,
    Verdict,
)
from harness.api.data import read_table, suffix_of
from harness.discovery import Offer
from harness.runner.requests import list_permutations
from harness.testing import FakeContext, score_task
from harness.testing._installed import load_installed


def task_pages(offers: list[Offer]) -> dict[str, str]:
    """Pages by name, an index among them."""
    documented = [offer for offer in offers if getattr(offer.card, "columns", ())]
    pages = {f"tasks/{_name(offer)}": task_page(offer) for offer in documented}
    return {"tasks/index": _index(documented), **pages}


def task_page(offer: Offer) -> str:
    """One benchmark."""
    card = offer.card
    assert isinstance(card, TaskCard)
    summary = card.summary if card.summary.endswith((".", "?", "!")) else f"{card.summary}."
    lines = [f"# `{offer.id}`", "", prose(summary), "", *_facts(offer), ""]
    lines += [prose(card.description.strip()), "", "## Official metric", "", prose(card.metric.strip()), ""]
    if card.protocol is not None:
        lines += ["## Official protocol", "", *_protocol(offer.resolve(card.protocol)), ""]
    lines += ["## Columns", "", *_columns(card), ""]
    lines += ["## Deviations from the authors' script", "", prose(card.deviations.strip()) or "None known.", ""]
    lines += ["## Traps, and mistakes of other harnesses", "", prose(card.pitfalls.strip()) or "None known.", ""]
    if (model := offer.options_model()) is not None:
        lines += ["## Options", "", "Under `with:`", "", *model_table(model), ""]
    if card.example is not None:
        lines += ["## Worked example", "", *_example(offer), ""]
    return "\n".join(lines)


def _index(offers: list[Offer]) -> str:
    rows = [
        (
            f"[`{offer.id}`]({_name(offer)}.md)",
            getattr(offer.card, "answers", ""),
            prose(offer.card.summary),
            prose(offer.card.licence),
        )
        for offer in offers
    ]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Public benchmarks that this repository reads, each by its authors' protocol. None of the data ship with",
            "it. Each page ends with a worked example: a few made-up rows in the published layout, what a judge is",
            "shown of the first item, and what two simple judges score.",
            "",
            *table(("task", "answers", "what it is", "licence"), rows),
            "",
            "## What a column holds",
            "",
            *table(("word", "a cell holds"), _KINDS.items()),
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *map(_name, offers),
            "```",
            "",
        ]
    )


_KINDS = {
    "`text`": "text",
    "`word`": "text or a number, such as a name",
    "`label`": "one of a few known values",
    "`number`": "a finite number",
    "`count`": "a whole number from 0",
    "`flag`": "true or false",
    "`image`": "a picture: its path, its bytes, or both",
    "`list`": "a list",
    "`object`": "an object with fields of its own",
}
"""What `Column.kind` means."""


def _name(offer: Offer) -> str:
    return offer.id.replace("/", "-")


def _facts(offer: Offer) -> list[str]:
    card: Any = offer.card
    facts = [
        ("answers", card.answers),
        ("splits", ", ".join(card.splits)),
        ("suite", card.suite),
        ("needs", ", ".join(sorted(card.capabilities))),
        ("licence", card.licence),
        ("source", card.source),
        ("data", _data(offer)),
        ("official", ", ".join(sorted(card.official))),
        ("distribution", offer.distribution),
    ]
    return [f"- {name}: {prose(value)}" for name, value in facts if value]


def _data(offer: Offer) -> str:
    data = getattr(offer.card, "data", None)
    if data is None:
        return ""
    gate = {None: "whether it is gated is not known", True: "gated", False: "no gate"}[data.gated]
    items = [] if data.rows is None else [f"{data.rows:,} items of test"]
    return f"{', '.join([data.place, gate, *items])}; `harness data {offer.id}` says more, and fetches what it can"


def _protocol(protocol: Protocol) -> list[str]:
    usual = Protocol()
    changed = [
        (f"[`{spec.name}`](../protocol.md)", code(getattr(protocol, spec.name)))
        for spec in fields(Protocol)
        if getattr(protocol, spec.name) != getattr(usual, spec.name)
    ]
    return [f"{protocol.summary()}.", "", *table(("field", "value"), changed), "", "All other fields are at default."]


def _columns(card: TaskCard) -> list[str]:
    rows = [
        (
            f"`{column.name}`",
            column.kind,
            prose(column.meaning),
            "optional" if column.optional else "",
            ", ".join(column.subsets),
        )
        for column in card.columns
    ]
    return table(("column", "[holds](index.md#what-a-column-holds)", "meaning", "", "subsets"), rows)


# -- the worked example --------------------------------------------------------------------------------------------


def _example(offer: Offer) -> list[str]:
    """The files of the example, what is shown of its first item, and what two judges score."""
    with tempfile.TemporaryDirectory() as place:
        folder, workspace = Path(place) / "data", Path(place) / "work"
        folder.mkdir()
        needed = offer.resolve(offer.card.example)(folder)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        context = FakeContext(workspace=workspace, name=offer.card.name, data=str(folder))
        model = offer.options_model()
        options = None if model is None else model.model_validate(needed or {})
        entries = offer.unfold(options, context)
        if entries and model is not None:
            options = model.model_validate(entries[0].options)
        task: Task = offer.create(options, context)
        split = offer.card.splits[-1]  # type: ignore[attr-defined]
        table_file = _table_of(files, getattr(options, "subset", None), root=folder)
        item = next(iter(task.items(split)))
        request = _request(task, item)
        lines = ["A copy of the data with a few made-up rows:", "", "```text"]
        lines += [*(str(file.relative_to(folder)) for file in files), "```", ""]
        lines += [f"The first row of `{table_file.relative_to(folder)}`:", "", "```text", *_row(table_file), "```", ""]
        if entries and len(entries) > 1:
            lines += [f"It holds {len(entries)} tasks; this is `{entries[0].name}`.", ""]
        lines += ["A judge is shown of the first item", "", "````text", *_shown(request), "````", ""]
        perfect = request.format.write(item.space.to_shown(item.gold, request.order), item.space)
        lines += ["and is right with", "", "````text", perfect, "````", "", *_scores(task, split)]
    return [line.replace(place, "...") for line in lines]


def _table_of(files: list[Path], subset: str | None, *, root: Path) -> Path:
    """The table with the rows that are shown: that of the subset, where its path names one."""
    tables = [file for file in files if suffix_of(file)]
    return next((file for file in tables if subset and subset in str(file.relative_to(root))), tables[0])


def _row(file: Path) -> list[str]:
    """The first row of a file as JSON, bytes left out."""
    with closing(read_table(file)) as rows:
        values, _ = next(rows)
    shown: str = json.dumps(values, indent=1, ensure_ascii=False, default=lambda value: f"({len(value)} bytes)")
    return shown.split("\n")


def _request(task: Task, item: Item) -> Request:
    made = load_installed().find("format", task.format).create(None, None)
    return task.render(item, order=list_permutations(item, task.protocol)[0], format=made)


def _shown(request: Request) -> list[str]:
    lines: list[str] = []
    for message in request.messages:
        lines += [f"[{message.role}]", *(_part(part) for part in message.parts), ""]
    return "\n".join(lines).strip().split("\n")


def _part(part: Part) -> str:
    return part if not isinstance(part, Image) else "(image)"


def _scores(task: Task, split: str) -> list[str]:
    """What a judge scores that is always right, and one that always gives the first answer there is."""

    def right(request: Request, item: Item) -> Judgement:
        return Judgement.of(item.space.to_shown(item.gold, request.order))

    def constant(request: Request, item: Item) -> Judgement:
        return Judgement.of(_first(item.space))

    columns = {
        name: score_task(task, judge, split=split)
        for name, judge in (("always right", right), ("always the first answer", constant))
    }
    metrics = [estimate.metric for estimate in columns["always right"].estimates]
    rows = [
        (f"`{metric}`", *(_number(scores.estimates[k].value) for scores in columns.values()))
        for k, metric in enumerate(metrics)
    ]
    return ["On these rows two simple judges score", "", *table(("metric", *columns), rows)]


def _first(space: AnswerSpace) -> Verdict:
    if isinstance(space, Choice):
        return space.labels[0]
    if isinstance(space, Score):
        return space.low
    if isinstance(space, Rubric):
        return cast("Verdict", tuple(_first(own) for own in space.spaces))
    return tuple(range(space.n)) if isinstance(space, Ranking) else 0


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
