"""The leaderboard as JSON, CSV and LaTeX: one flat table each. Markdown, which tells more, is next door."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from typing import Any

from harness.api import write_interval, write_number
from harness.libraries.text import clean
from harness.report import faithfulness, notes, summary
from harness.report.escaping import for_csv, for_latex
from harness.report.numbers import heading, share
from harness.report.records import Leaderboard, LeaderboardRow, as_plain
from harness.report.row_text import rank_text

_ABOUT = ("task", "category", "suite", "tasks", "judge", "run", "task_id", "judge_id")
"""First columns of the CSV."""

_REASONING = ("value", "ci_low", "ci_high", "n", "control_value", "control_low", "control_high", "control_n")
"""Fields of `Faithfulness`: the CSV has a column for each of them and each key."""

_COSTS = (
    "usd_per_answer",
    "usd_per_correct",
    "usd_per_correct_low",
    "usd_per_correct_high",
)
"""Columns of the CSV after those of the row: fields of `JudgeUsage`."""


def to_json_text(data: Mapping[str, Any]) -> str:
    """Plain data as JSON: sorted keys, ASCII only, so that names cannot play tricks on terminals."""
    # `allow_nan=False`: NaN is no JSON, and a program that reads it would fail far from here.
    return json.dumps(data, sort_keys=True, indent=2, allow_nan=False) + "\n"


def to_csv_text(leaderboard: Leaderboard) -> str:
    """Every field of every row, fractions as fractions; lists joined by `;`, mappings as JSON."""
    fields = [spec.name for spec in dataclasses.fields(LeaderboardRow)]
    # What a row is about stands first, as a person reads it. The record has these fields where they come from.
    names = [*_ABOUT, *(name for name in fields if name not in _ABOUT)]
    # What a judge costs is of all its tasks, and stands on each of its rows.
    usage = {(record.judge, record.run): record for record in leaderboard.usage}
    reasoning = {(record.task, record.judge, record.key): record for record in leaderboard.faithfulness if record.task}
    known = [(key, name) for key in dict.fromkeys(key for _, _, key in reasoning) for name in _REASONING]
    return csv_text(
        [*names, *_COSTS, *(f"{key}.{name}" for key, name in known)],
        [
            [
                *(_plain_cell(getattr(row, name)) for name in names),
                *(_plain_cell(getattr(usage.get((row.judge, row.run)), name, None)) for name in _COSTS),
                # Of a whole task, and not of one of its categories.
                *(
                    None
                    if row.category
                    else _plain_cell(getattr(reasoning.get((row.task, row.judge, key)), name, None))
                    for key, name in known
                ),
            ]
            for row in leaderboard.rows
        ],
    )


def csv_text(header: list[str], rows: list[list[Any]]) -> str:
    """RFC 4180 lines in which no text cell is taken for a formula. `None` is an empty cell."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    # A judge named `=HYPERLINK(...)` must stay a name in a spreadsheet.
    writer.writerows([[for_csv(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])
    return stream.getvalue()


def to_latex(leaderboard: Leaderboard) -> str:
    """`booktabs` tables, the notes before them as comments: the summary, where there is one, then all blocks."""
    several = summary.has_summary(leaderboard)
    tables = [_summary_latex(leaderboard)] if several else []
    # A board of one task has its numbers under that name.
    tables += _faithfulness_latex(leaderboard, "" if several else next(iter(summary.list_tasks(leaderboard)), ""))
    return "".join([*tables, _blocks_latex(leaderboard)])


def _faithfulness_latex(leaderboard: Leaderboard, task: str) -> list[str]:
    """What is known of the judges' reasoning, as a table of its own."""
    judges = summary.list_judges(leaderboard)
    header, rows = faithfulness.table_rows(leaderboard.faithfulness, task, judges, interval=False)
    if not rows:
        return []
    lines = [
        "% \\usepackage{booktabs}",
        f"% {faithfulness.TITLE}",
        *(f"% {clean(note)}" for note in faithfulness.legend(leaderboard.faithfulness, task=task)),
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(for_latex(title) for title in ("Judge", *header[1:])) + r" \\",
        r"\midrule",
        *(
            " & ".join([for_latex(name), *(_dash(cell).replace("±", r"$\pm$") for cell in cells)]) + r" \\"
            for name, *cells in rows
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return ["\n".join(lines) + "\n\n"]


def _summary_latex(leaderboard: Leaderboard) -> str:
    """The table of a paper: a row for each judge, a column for each task, the best in bold."""
    tasks, own = summary.list_tasks(leaderboard), summary.rows_of(leaderboard)
    overall = {row.judge: row for row in leaderboard.overall}
    ahead = ["Rank", summary.overall_head(leaderboard)] if overall else []
    metrics = {row.task: summary.heads([row])[0] for row in leaderboard.rows}
    body = []
    for judge in summary.list_judges(leaderboard):
        place = overall.get(judge)
        first = [_dash(rank_text(place)) if place else "--", _bold(place)] if overall else []
        cells = [for_latex(judge), *first, *(_bold(own[judge].get(task)) for task in tasks)]
        body.append(" & ".join(cells) + r" \\")
    said = [*summary.list_facts(leaderboard), *summary.list_legend(leaderboard, best="bold")]
    heads = ["Judge", *map(for_latex, ahead), *map(for_latex, tasks)]
    units = ["", *("" for _ in ahead), *(for_latex(metrics[task]) for task in tasks)]
    lines = [
        "% \\usepackage{booktabs}",
        *(f"% {clean(note)}" for note in said),
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        " & ".join(units) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n\n"


def _bold(row: LeaderboardRow | None) -> str:
    """A value with its margin, in bold where the judge may be the best."""
    text = _dash(summary.value_text(row)).replace("±", r"$\pm$")
    return rf"\textbf{{{text}}}" if summary.is_best(row) else text


def _blocks_latex(leaderboard: Leaderboard) -> str:
    """One table, a rule between blocks."""
    body: list[str] = []
    lettered = any(row.letters for row in leaderboard.rows)
    for rows in notes.blocks(leaderboard):
        if body:
            body.append(r"\midrule")
        body += [" & ".join(_latex_cells(row, lettered=lettered)) + r" \\" for row in rows]
    said = [
        *notes.legend(leaderboard),
        *notes.cells_left_out(leaderboard),
        *(n for rows in notes.blocks(leaderboard) for n in notes.flag_notes(leaderboard, rows)),
        *(n for rows in notes.blocks(leaderboard) for n in notes.findings(leaderboard, rows)),
    ]
    header = ["Task", "Metric", "Rank", *(["Letters"] if lettered else []), "Judge", "Value", "Interval", "$n$"]
    header += [r"Coverage, \%", "Worst case"]
    lines = [
        "% \\usepackage{booktabs}",
        # A line break in a name would end the comment and put the rest into the document.
        *(f"% {clean(note)}" for note in said),
        rf"\begin{{tabular}}{{ll{'rl' if lettered else 'r'}lrrrrr}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cells(row: LeaderboardRow, *, lettered: bool) -> list[str]:
    """Text is escaped. Numbers are ours."""
    return [
        for_latex(notes.title(row)),
        for_latex(heading(row.metric, row.unit)),
        _dash(rank_text(row)),
        *([for_latex(row.letters)] if lettered else []),
        for_latex(row.judge),
        _dash(write_number(row.unit, row.value, row.ci_low, row.ci_high)),
        _dash(write_interval(row.unit, row.ci_low, row.ci_high)),
        str(row.n),
        share(row.coverage),
        _dash(write_number(row.unit, row.worst_case, row.ci_low, row.ci_high)),
    ]


def _dash(shown: str) -> str:
    """Dashes and minus signs as LaTeX sets them."""
    ends = [f"${end}$" if end.startswith("-") else end for end in shown.split(" … ")]
    return r" \ldots{} ".join(ends).replace("–", "--")


def _plain_cell(value: Any) -> Any:
    plain = as_plain(value)
    if isinstance(plain, dict | bool):
        return json.dumps(plain, sort_keys=True)
    return ";".join(str(entry) for entry in plain) if isinstance(plain, list) else plain
