"""The page of a pushed run: `README.md`, with the block at its head by which a hub finds and shows it.

It says the same for the same run: no time of day, no machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from harness.api import write_interval, write_number
from harness.push.licences import DataLicence
from harness.push.records import Kind
from harness.report import notes
from harness.report.escaping import for_markdown
from harness.report.places import UNRANKED
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.row_text import rank_text

_UNKNOWN = "not stated"


def write_readme(
    board: Leaderboard,
    environment: Mapping[str, Any],
    licences: Sequence[DataLicence],
    *,
    kind: Kind,
    names: Sequence[str],
) -> str:
    """The page.

    Args:
        board: The leaderboard.
        environment: What a bundle says of the place where the run was made.
        licences: Of the data.
        kind: Kind of the repository.
        names: Names of the other files.
    """
    intro = (
        "A run of [judge-harness](https://github.com/judge-harness/judge-harness): judges on tasks. Each value has its "
        f"{100 * (1 - board.alpha):g} % interval, n and coverage. Ranks are confidence sets. A judge with a dash "
        "is not ranked."
    )
    terms = (
        "The licences are those that the plugins state for the data of each task. What the judges wrote is under the "
        "terms of each model. This page gives no licence of its own."
    )
    lines = [
        f"# {for_markdown(board.title)}",
        intro,
        "## Scores",
        "\n".join(_write_table(board.rows)),
        *(
            ["\n".join(f"- {for_markdown(line)}" for line in unranked)]
            if (unranked := list(_list_unranked(board)))
            else []
        ),
        "## Files",
        "\n".join(f"- `{name}`: {_describe(name)}" for name in names),
        "## Provenance and licences",
        "\n".join(f"- {for_markdown(line)}" for line in _list_facts(environment, licences)),
        terms,
    ]
    return f"---\n{_write_head(board, kind)}---\n\n" + "\n\n".join(lines) + "\n"


def _write_head(board: Leaderboard, kind: Kind) -> str:
    plain: dict[str, Any] = {"tags": ["judge-harness", "llm-as-a-judge", "evaluation"]}
    if kind == "space":
        plain = {"title": for_markdown(board.title)[:100], "sdk": "static", "app_file": "index.html", **plain}
    else:
        plain |= {"pretty_name": for_markdown(board.title)[:100], "license": "other"}
        # Without this a hub would take the JSON for rows of a dataset, and show an error.
        plain["viewer"] = False
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _write_table(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    yield "| task | judge | rank | metric | value | interval | n | coverage |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        task = f"{row.task}, {row.category}" if row.category else row.task
        unit = " %" if row.unit == "share" else ""
        cells = (
            task,
            row.judge,
            rank_text(row),
            f"{row.metric}{unit}",
            write_number(row.unit, row.value, row.ci_low, row.ci_high),
            write_interval(row.unit, row.ci_low, row.ci_high),
            f"{row.n:,}",
            write_number("share", row.coverage) + " %",
        )
        yield "| " + " | ".join(map(for_markdown, cells)) + " |"


def _list_unranked(board: Leaderboard) -> Iterator[str]:
    """Why judges have no rank, a line each."""
    for row in board.rows:
        if row.rank_low is None:
            flags = [flag for flag in notes.own_flags(row) if flag in UNRANKED]
            why = notes.why_undefined(row) or ", ".join(flags) or "judges were not compared"
            yield f"{row.judge} on {notes.title(row)}: {why}"


def _list_facts(environment: Mapping[str, Any], licences: Sequence[DataLicence]) -> Iterator[str]:
    for licence in licences:
        source = environment["data"].get(licence.task, "")
        yield (
            f"data of {licence.task}: {licence.task_id}; licence: {licence.text or _UNKNOWN}"
            f"{f'; read from {source}' if source else ''}"
        )
    yield f"made with judge-harness {environment['harness'] or _UNKNOWN}, Python {environment['python'] or _UNKNOWN}"
    if plugins := environment["plugins"]:
        yield "plugins: " + ", ".join(f"{name} {version}" for name, version in plugins.items())


def _describe(name: str) -> str:
    if name.endswith(".bundle"):
        return f"every answer with its numbers; `harness verify {name}` computes each number again"
    if name.endswith(".html"):
        return "the report, one page that opens without a network"
    return "the leaderboard with all digits"
