"""How each number was made, and the sections of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.report import notes
from harness.report.numbers import short
from harness.view.markdown import to_html
from harness.view.pages.common import trail
from harness.view.site import Page, Site

_WANTED = ("harness", "python", "platform", "state", "finished", "seconds")


def make_page(site: Site) -> Page:
    """Protocols, methods, versions and manifests."""
    book = site.book
    tasks = []
    for task in book.tasks:
        cell = book.of_task(task)[0]
        scores = cell.scores
        tasks.append(
            {
                "name": task,
                "id": cell.cell.task_id,
                "href": site.links.to("task", task),
                "format": cell.cell.format,
                "protocol": cell.cell.protocol.summary(),
                "metrics": [short(name) for name in cell.cell.protocol.metrics],
                "methods": sorted({found.method for found in scores.estimates if found.method}) if scores else [],
                "data": cell.cell.data_hash,
                "count": "–" if scores is None else f"{scores.items:,}",
                "groups": "–" if scores is None else f"{scores.groups:,}",
            }
        )
    return Page(
        path=("about",),
        title="How each number was made",
        template="about.html",
        trail=trail(site),
        content={
            "legend": notes.legend(book.board) if book.board else [],
            "tasks": tasks,
            "runs": [_run(name, record) for name, record in book.records.items()],
            "manifests": list(book.manifests.items()),
        },
    )


def make_sections(site: Site) -> Iterator[Page]:
    """A page for each section of a plugin."""
    for number, (title, text) in enumerate(site.book.sections, start=1):
        yield Page(
            path=("section", str(number)),
            title=title,
            template="section.html",
            trail=trail(site),
            content={"html": to_html(text)},
        )


def list_sections(site: Site) -> list[tuple[str, tuple[str, ...]]]:
    """Title and address of each."""
    return [(title, ("section", str(number))) for number, (title, _) in enumerate(site.book.sections, start=1)]


def _run(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """What `run.json` says, which may be anything."""
    plugins = record.get("plugins")
    known = plugins.items() if isinstance(plugins, dict) else ()
    command = record.get("command")
    return {
        "name": name,
        "facts": [(key, str(record[key])) for key in _WANTED if key in record],
        "plugins": sorted((str(key), str(value)) for key, value in known),
        "command": " ".join(map(str, command[1:])) if isinstance(command, list) else "",
    }
