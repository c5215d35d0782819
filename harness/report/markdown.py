"""The leaderboard as a Markdown report: everything that is known, in the order in which one asks.

Ranks first, then warnings, then who differs from whom, then what each judge tends to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from harness.api import Unit, write_interval, write_number
from harness.report import ceilings, faithfulness, notes, summary, trust, unread, usage
from harness.report.escaping import for_markdown
from harness.report.numbers import NOTHING, heading, p_value, share, size
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.row_text import consistency, rank_text, standing
from harness.score.records import Comparison

_MOST_VERDICTS = 12
_MOST_CATEGORIES = 12
"""More verdicts than these are not listed in a histogram."""


def to_markdown(leaderboard: Leaderboard, *, sections: Sequence[tuple[str, str]] = ()) -> str:
    """The whole report.

    Args:
        leaderboard: What to report.
        sections: Pairs of a title and Markdown text from plugins, put at the end as they are.
    """
    pieces = [f"# Leaderboard: {for_markdown(leaderboard.title)}"]
    if summary.has_summary(leaderboard):
        pieces += _summarize(leaderboard)
    pieces += _faithfulness(leaderboard, "", summary.list_judges(leaderboard), level="##")
    for rows in notes.blocks(leaderboard):
        pieces.append(
            f"## {for_markdown(notes.title(rows[0]))} · {for_markdown(heading(rows[0].metric, rows[0].unit))}"
        )
        pieces.append(for_markdown(" · ".join(notes.facts(rows))))
        pieces.append(_ranking(rows))
        # Counts of answers without a verdict are left to their table further down.
        said = [*notes.flag_notes(leaderboard, rows, counts=False), *notes.findings(leaderboard, rows)]
        if said:
            pieces.append("\n".join(f"- {for_markdown(note)}" for note in said))
        if any(row.others for row in rows):
            pieces += ["### Other metrics of the protocol", _others(rows)]
        if 1 < len({name for row in rows for name in row.categories}) <= _MOST_CATEGORIES:
            pieces += ["### By category", _by_category(rows)]
        compared = [pair for pair in leaderboard.comparisons if pair.block == rows[0].block]
        if compared:
            pieces += ["### Paired differences", comparisons_table(compared)]
        if _histograms_fit(rows):
            pieces += ["### What was answered", _histograms(rows)]
        if sure := trust.calibration_rows(rows):
            pieces += ["### Calibration", table(trust.HEADER, sure, left=trust.LAYOUT)]
        if not rows[0].category:
            pieces += _faithfulness(leaderboard, rows[0].task or None, [row.judge for row in rows], level="###")
        if noisy := trust.noise_lines(rows):
            pieces += ["### The judge's own noise", "\n".join(f"- {for_markdown(line)}" for line in noisy)]
    if lacking := notes.cells_left_out(leaderboard):
        pieces += ["## What was not asked", "\n".join(f"- {for_markdown(note)}" for note in lacking)]
    if leaderboard.unread:
        pieces += ["## Answers without a verdict", *_unread(leaderboard)]
    spent, asides = usage.rows(leaderboard.usage), usage.notes(leaderboard.usage)
    if spent or asides:
        pieces.append("## What it cost")
    if spent:
        pieces.append(table(usage.HEADER, spent, left=usage.LAYOUT))
    if told := [*usage.lines(leaderboard.usage), *asides]:
        pieces.append("\n".join(f"- {for_markdown(note)}" for note in told))
    # Plugins come last, so that nothing of theirs is taken for a number of the harness.
    pieces += ["## How to read this", "\n".join(f"- {for_markdown(line)}" for line in notes.legend(leaderboard))]
    for title, text in sections:
        pieces += [f"## {for_markdown(title)}", text.strip()]
    return "\n\n".join(pieces) + "\n"


def _summarize(leaderboard: Leaderboard) -> list[str]:
    """One table of all judges and tasks, and a line for each thing to know."""
    tasks, own = summary.list_tasks(leaderboard), summary.rows_of(leaderboard)
    overall = {row.judge: row for row in leaderboard.overall}
    first = ["rank", f"overall: {summary.overall_head(leaderboard)}"] if overall else []
    heads = [" · ".join((task, *summary.heads(_of_task(leaderboard, task)))) for task in tasks]
    cells = []
    for judge in summary.list_judges(leaderboard):
        place = overall.get(judge)
        ahead = [NOTHING if place is None else rank_text(place), _mark(place)] if overall else []
        cells.append([judge, *ahead, *(_mark(own[judge].get(task)) for task in tasks)])
    said = [*summary.list_facts(leaderboard), *summary.list_legend(leaderboard, margin=False)]
    return [
        "## Summary",
        table(["judge", *first, *heads], cells, left="l" + "r" * len((*first, *tasks))),
        "\n".join(f"- {for_markdown(note)}" for note in said),
    ]


def _faithfulness(leaderboard: Leaderboard, task: str | None, judges: Sequence[str], *, level: str) -> list[str]:
    """What is known of the judges' reasoning on a task, or over all of them where its name is empty."""
    if task is None:
        return []
    header, rows = faithfulness.table_rows(leaderboard.faithfulness, task, judges, interval=True)
    if not rows:
        return []
    said = faithfulness.legend(leaderboard.faithfulness, task=task)
    return [
        f"{level} {faithfulness.TITLE}",
        table(header, rows, left="l" + "r" * (len(header) - 1)),
        "\n".join(f"- {for_markdown(line)}" for line in said),
    ]


def _of_task(leaderboard: Leaderboard, task: str) -> list[LeaderboardRow]:
    return [row for row in leaderboard.rows if row.task == task]


def _mark(row: LeaderboardRow | None) -> str:
    return summary.interval_text(row) + (summary.BEST if summary.is_best(row) else "")


def comparisons_table(comparisons: Sequence[Comparison]) -> str:
    """The pairs, the most certain difference first."""
    ordered = sorted(
        comparisons,
        key=lambda pair: (
            2.0 if pair.p_adjusted is None else pair.p_adjusted,
            # Of equal p-values, and of pairs that have none, the larger difference is first.
            -abs(pair.difference or 0.0),
            pair.judge_a,
            pair.judge_b,
        ),
    )
    bounded = any(pair.bound_low is not None for pair in comparisons)
    header = ["a", "b", "a − b", "interval", "p", "p (all)", "placed above", *(["bounds"] if bounded else [])]
    return table(
        [*header, "detectable", "n", "test"],
        [
            [
                pair.judge_a,
                pair.judge_b,
                write_number(pair.unit, pair.difference, pair.ci_low, pair.ci_high, signed=True),
                write_interval(pair.unit, pair.ci_low, pair.ci_high, signed=True),
                p_value(pair.p_value),
                p_value(pair.p_adjusted),
                "depends on missing" if pair.depends_on_missing else pair.better or NOTHING,
                *([write_interval(pair.unit, pair.bound_low, pair.bound_high, signed=True)] if bounded else []),
                NOTHING if pair.detectable is None else size(pair.unit, pair.detectable),
                f"{pair.n:,}",
                f"{pair.method}, of the {pair.basis}" if pair.basis else pair.method,
            ]
            for pair in ordered
        ],
        left="llrrrrl" + "r" * bounded + "rrl",
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: str = "") -> str:
    """A Markdown table of text that is shown to the letter.

    Args:
        header: Titles of the columns.
        rows: Cells, hostile text welcome.
        left: One letter a column, `l` or `r`; empty: all left.
    """
    from tabulate import tabulate

    names = {"l": "left", "r": "right"}
    return tabulate(
        [[for_markdown(cell) for cell in row] for row in rows],
        headers=[for_markdown(title) for title in header],
        tablefmt="pipe",
        # `tabulate` would write `1e5` and `007` in its own way. A judge may have such a name.
        disable_numparse=True,
        colalign=[names[letter] for letter in left or "l" * len(header)] if rows else None,
    )


def _ranking(rows: Sequence[LeaderboardRow]) -> str:
    lettered = any(row.letters for row in rows)
    header = ["rank", *(["letters"] if lettered else []), "judge", "value", "interval", "n", "asked", "coverage"]
    header += ["excluded", "worst case", "with probabilities"]
    layout = ("rl" if lettered else "r") + "lrrrrrrrr"
    asides: list[tuple[str, str]] = [
        ("swap consistency", "swap_consistency"),
        ("first position", "first_position"),
        ("repeat consistency", "repeat_consistency"),
    ]
    present = [(title, name) for title, name in asides if any(getattr(row, name) is not None for row in rows)]
    header += [title for title, _ in present]
    header.append("flags")
    layout += "r" * len(present) + "l"
    cells = [
        [
            rank_text(row),
            *([row.letters] if lettered else []),
            row.judge,
            write_number(row.unit, row.value, row.ci_low, row.ci_high),
            write_interval(row.unit, row.ci_low, row.ci_high),
            f"{row.n:,}",
            f"{row.asked:,}",
            share(row.coverage),
            write_number(row.unit, row.excluded, row.ci_low, row.ci_high),
            write_number(row.unit, row.worst_case, row.ci_low, row.ci_high),
            share(row.with_probabilities),
            *(consistency(row, name, interval=True) for _, name in present),
            ", ".join(row.flags),
        ]
        for row in rows
    ]
    if any(standing(row) for row in rows):
        header.append("checked")
        layout += "l"
        for row, line in zip(rows, cells, strict=True):
            line.append(standing(row) or NOTHING)
    if ceilings.has_ceilings(rows):
        # Beside the interval, so that the judge and the people are read together.
        place = header.index("interval") + 1
        header.insert(place, "ceiling")
        layout = f"{layout[:place]}r{layout[place:]}"
        for row, line in zip(rows, cells, strict=True):
            line.insert(place, ceilings.ceiling_text(row))
    return table(header, cells, left=layout)


def _unread(leaderboard: Leaderboard) -> list[str]:
    """The counts by reason, and some of the answers."""
    header, counts = unread.table_rows(leaderboard.unread)
    return [
        table(header, counts, left="ll" + "r" * (len(header) - 2)),
        "Some of them. `harness show RUN --unread` prints all of them, whole.",
        table(*unread.example_rows(leaderboard.unread)),
    ]


def _others(rows: Sequence[LeaderboardRow]) -> str:
    """Value and interval of each metric that is not the one shown. One of probabilities says on how many it rests."""
    metrics = list(dict.fromkeys(metric for row in rows for metric in row.others))
    cells = []
    for row in rows:
        line = [row.judge]
        for metric in metrics:
            line.append(_other(row.others.get(metric, {})))
        cells.append(line)
    units = {metric: _unit(numbers) for row in rows for metric, numbers in row.others.items()}
    header = ["judge", *(heading(metric, units[metric]) for metric in metrics)]
    return table(header, cells, left="l" + "r" * len(metrics))


def _by_category(rows: Sequence[LeaderboardRow]) -> str:
    """Value and interval of the metric on show in each category."""
    names = sorted({name for row in rows for name in row.categories})
    cells = [[row.judge, *(_other(row.categories.get(name, {})) for name in names)] for row in rows]
    return table(["judge", *names], cells, left="l" + "r" * len(names))


def _unit(numbers: Mapping[str, Any]) -> Unit:
    return cast("Unit", numbers.get("unit", "score"))


def _other(numbers: Mapping[str, Any]) -> str:
    unit, low, high = _unit(numbers), numbers.get("ci_low"), numbers.get("ci_high")
    value, within = write_number(unit, numbers.get("value"), low, high), write_interval(unit, low, high)
    shown = value if within == NOTHING else f"{value} ({within})"
    basis = {"probabilities": f", n {numbers.get('n', 0):,}", "verdicts": ", of the verdicts"}
    return shown + basis.get(numbers.get("basis", ""), "")


def _histograms_fit(rows: Sequence[LeaderboardRow]) -> bool:
    # Scores and rankings have too many values for a table of shares.
    return 0 < len(_verdicts(rows)) <= _MOST_VERDICTS


def _verdicts(rows: Sequence[LeaderboardRow]) -> list[str]:
    return sorted({name for row in rows for name in (*row.histogram, *row.gold_histogram)})


def _histograms(rows: Sequence[LeaderboardRow]) -> str:
    """Share of each verdict, the gold in the first line. Places are canonical."""
    verdicts = _verdicts(rows)
    # Gold comes first: a judge's shares mean something only beside those of the right answers.
    lines = [["(gold)", *_shares(rows[0].gold_histogram, verdicts)]]
    lines += [[row.judge, *_shares(row.histogram, verdicts)] for row in rows]
    return table(["%", *verdicts], lines, left="l" + "r" * len(verdicts))


def _shares(histogram: Mapping[str, int], verdicts: Sequence[str]) -> list[str]:
    total = sum(histogram.values())
    return [share(histogram.get(verdict, 0) / total) if total else NOTHING for verdict in verdicts]
