"""Two judges side by side: paired differences on every task they share, and the items on which they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Any

from harness.api import Metric, RecordedAnswer, UserError, Verdict, write_interval, write_number
from harness.libraries.text import clean, fold_name
from harness.manifest.model import ReportSettings
from harness.report.entries import LeaderboardEntry, check_rivals
from harness.report.escaping import for_markdown, order_name
from harness.report.markdown import table
from harness.report.measure import LeaderboardMeasure, metric_finder
from harness.report.numbers import heading, p_value, short
from harness.report.records import as_plain
from harness.report.scored import ScoredCell
from harness.report.settings import DEFAULT, rules_of
from harness.report.tables import csv_text, to_json_text
from harness.score.contest import Contest
from harness.score.families import family_of_gaps
from harness.score.records import Comparison
from harness.score.significance import compare_pair

SCHEMA = "judge-harness/comparison/2"
"""Name and version of the JSON schema."""

_OF_BOARDS = ("task", "category", "suite")
"""Fields of a comparison that only a leaderboard fills: here the task's name stands beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One question to which two judges gave different answers. Verdicts are canonical, by name."""

    task: str
    """Name of the task."""
    item: str
    """Id of the item."""
    category: str
    """Its category."""
    order: tuple[int, ...]
    """The permutation that was shown."""
    sample: int
    """Number of the repeat."""
    gold: str
    """The right answer."""
    verdict_a: str
    """What a said; in brackets the status of an answer without a verdict."""
    verdict_b: str
    """What b said."""
    right: str
    """Who is right: `a` or `b`; empty where neither is, or both are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeComparison:
    """Two judges on every task that both answered."""

    judge_a: str
    """The first judge."""
    judge_b: str
    """The second judge."""
    alpha: float
    """Intervals have confidence 1 - alpha."""
    tasks: tuple[Comparison, ...]
    """One comparison for each task, corrected over the tasks."""
    names: tuple[str, ...]
    """Names of the tasks, in the same order."""
    left_out: tuple[str, ...]
    """Tasks that only one of the two answered."""
    disagreements: tuple[Disagreement, ...]
    """A sample: those where one is right first, a and b taking turns."""

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain data, floats rounded to six decimals."""
        tasks = [
            {"task": name, **{key: value for key, value in as_plain(comparison).items() if key not in _OF_BOARDS}}
            for name, comparison in zip(self.names, self.tasks, strict=True)
        ]
        return {
            "schema": SCHEMA,
            "judge_a": self.judge_a,
            "judge_b": self.judge_b,
            "alpha": self.alpha,
            "tasks": tasks,
            "left_out": list(self.left_out),
            "disagreements": [as_plain(found) for found in self.disagreements],
        }


def compare_judges(
    cells_a: Iterable[ScoredCell],
    cells_b: Iterable[ScoredCell],
    settings: ReportSettings = DEFAULT,
    *,
    seed: int = 0,
    items: int = 10,
    find_metric: Callable[[str], Metric] | None = None,
) -> JudgeComparison:
    """Compare two judges on every task that both answered.

    Args:
        cells_a: Cells of one judge.
        cells_b: Cells of the other, of the same run or of another one.
        settings: As in the manifest's section `report:`.
        seed: Of the random flips.
        items: The most disagreements to list.
        find_metric: Gives the metric of a name or raises `UserError`; `None`: looks among the installed plugins.

    Raises:
        UserError: They share no task, or a task was scored by different rules or on different data.
    """
    of_a, of_b = ({cell.task: cell for cell in cells} for cells in (cells_a, cells_b))
    shared = [task for task in of_a if task in of_b]
    if not shared:
        raise UserError(
            f"the two judges share no task: one answered {_join_names(of_a)}, the other {_join_names(of_b)}; "
            "run both by one manifest"
        )
    rules = rules_of(settings, seed=seed)
    measure = LeaderboardMeasure(find_metric=find_metric or metric_finder(), rules=rules)
    first = {task: next(measure.entries(of_a[task], metric=settings.metric, by_category=False)) for task in shared}
    second = {task: next(measure.entries(of_b[task], metric=settings.metric, by_category=False)) for task in shared}
    # Names before rules: a message about rules that differ has to tell the two apart.
    rivals = {task: _name_apart(first[task], second[task]) for task in shared}
    for sides in rivals.values():
        check_rivals(sides)
    names = [entry.judge for entry in rivals[shared[0]]]
    return JudgeComparison(
        judge_a=names[0],
        judge_b=names[1],
        # 1 - 0.95 is 0.050000000000000044 in floating point, and this number is shown.
        alpha=round(1 - settings.confidence, 10),
        tasks=_compare_task(rivals, measure),
        names=tuple(shared),
        left_out=tuple(sorted(set(of_a) ^ set(of_b))),
        disagreements=tuple(_sample_disagreements([(of_a[task], of_b[task]) for task in shared], most=items)),
    )


def _compare_task(
    rivals: Mapping[str, Sequence[LeaderboardEntry]], measure: LeaderboardMeasure
) -> tuple[Comparison, ...]:
    """The two on each task, all tasks as one family."""
    contests = {task: Contest([measure.round(sides)]) for task, sides in rivals.items()}
    # Where the two never differ there is no test, and the task takes no share of the family's level.
    gaps = [contests[task].meet(sides[0].judge, sides[1].judge).gap for task, sides in rivals.items()]
    # All tasks at once: who looks at ten tasks would else find a false difference on one of them in two cases of five.
    family = family_of_gaps(
        [apart for apart in gaps if apart is not None], draws=measure.rules.draws, seed=measure.rules.seed
    )
    return tuple(
        compare_pair(
            contests[task],
            *(side.judge for side in sides),
            metric_name=sides[0].estimate.metric,
            family=family,
            rules=measure.rules,
            greater_is_better=sides[0].estimate.greater_is_better,
            unit=sides[0].estimate.unit,
        )
        for task, sides in rivals.items()
    )


def render_comparison(compared: JudgeComparison, format: str) -> str:
    """The comparison as text.

    Args:
        compared: What to show.
        format: `md`, `json` or `csv` (the tasks only, fractions as fractions).

    Raises:
        UserError: There is no such format.
    """
    if format == "json":
        return to_json_text(compared.to_json())
    if format == "csv":
        tasks = compared.to_json()["tasks"]
        return csv_text(list(tasks[0]), [list(task.values()) for task in tasks])
    if format == "md":
        return _markdown(compared)
    raise UserError(f"there is no comparison format {format!r}; known are terminal, md, json, csv")


def title(compared: JudgeComparison) -> str:
    """Who is a and who is b, and the metric where all tasks have the same."""
    metrics = {heading(pair.metric, pair.unit) for pair in compared.tasks}
    unit = f" · {metrics.pop()}" if len(metrics) == 1 else ""
    return f"a is {compared.judge_a}, b is {compared.judge_b}{unit}"


def difference_rows(compared: JudgeComparison) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of differences. Where metrics differ, each task has its own."""
    header = ["task", "a", "b", "a − b", "interval", "p", "p (all)", "n", "only a", "only b"]
    # One metric stands in the title. Several have to stand beside their tasks.
    several = len({pair.metric for pair in compared.tasks}) > 1
    return header, [
        [
            f"{name} · {heading(pair.metric, pair.unit)}" if several else name,
            write_number(pair.unit, pair.value_a, pair.ci_low, pair.ci_high),
            write_number(pair.unit, pair.value_b, pair.ci_low, pair.ci_high),
            write_number(pair.unit, pair.difference, pair.ci_low, pair.ci_high, signed=True),
            write_interval(pair.unit, pair.ci_low, pair.ci_high, signed=True),
            p_value(pair.p_value),
            p_value(pair.p_adjusted),
            f"{pair.n:,}",
            f"{pair.only_a:,}",
            f"{pair.only_b:,}",
        ]
        for name, pair in zip(compared.names, compared.tasks, strict=True)
    ]


def disagreement_rows(compared: JudgeComparison) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of disagreements."""
    header = ["task", "item", "category", "order", "gold", "a", "b", "right"]
    return header, [
        [
            found.task,
            found.item,
            found.category,
            order_name(found.order),
            found.gold,
            found.verdict_a,
            found.verdict_b,
            found.right,
        ]
        for found in compared.disagreements
    ]


def verdict_lines(compared: JudgeComparison) -> list[str]:
    """What the numbers say, one sentence for each task."""
    said = []
    for name, pair in zip(compared.names, compared.tasks, strict=True):
        better = pair.better
        if pair.n == 0:
            said.append(f"{name}: nothing was answered by both, so there is nothing to compare")
        elif pair.difference is None:
            said.append(f"{name}: {short(pair.metric)} is not defined for these answers of one of the two")
        elif better is None and pair.depends_on_missing:
            said.append(f"{name}: which is better depends on what the missing answers were")
        elif better is None:
            # No significant difference is no proof that there is none. So the sentence is about the data.
            said.append(f"{name}: the data cannot tell the two apart")
        else:
            said.append(f"{name}: {better} is better (p {_add_sign(p_value(pair.p_adjusted))})")
    return said


def legend(compared: JudgeComparison) -> list[str]:
    """How to read the numbers."""
    confidence = f"{(1 - compared.alpha) * 100:g} %"
    # The interval and the corrected p-value come from one test, so that they never contradict each other.
    below = f"it leaves 0 out exactly where p (all), corrected for them, is below {compared.alpha:g}"
    said = [
        f"interval: {confidence} confidence for all tasks together; {below}",
        "only a, only b: units that get more credit from one than from the other; places are the data's own",
    ]
    said += [
        f"{name}: {short(pair.metric)} of both is of the {pair.basis}"
        for name, pair in zip(compared.names, compared.tasks, strict=True)
        if pair.basis
    ]
    if compared.left_out:
        said.append(f"answered by one of the two only, and left out: {', '.join(compared.left_out)}")
    return said


def _markdown(compared: JudgeComparison) -> str:
    pieces = [
        f"# {for_markdown(compared.judge_a)} against {for_markdown(compared.judge_b)}",
        for_markdown(title(compared)),
        table(*difference_rows(compared), left="lrrrrrrrrr"),
        "\n".join(f"- {for_markdown(line)}" for line in (*verdict_lines(compared), *legend(compared))),
    ]
    if compared.disagreements:
        pieces += ["## Where they disagree", table(*disagreement_rows(compared))]
    return "\n\n".join(pieces) + "\n"


def _name_apart(a: LeaderboardEntry, b: LeaderboardEntry) -> list[LeaderboardEntry]:
    """The two entries under names that differ."""
    # A run's name tells apart what looks alike, but for two judges of one run.
    if a.judge != b.judge and (a.run == b.run or fold_name(a.judge) != fold_name(b.judge)):
        return [a, b]
    if a.run == b.run:
        raise UserError(f"judge {clean(a.judge)} of run {a.run} is compared with itself; name two judges")
    return [replace(entry, judge=f"{entry.judge} ({entry.run})") for entry in (a, b)]


def _sample_disagreements(cells: Sequence[tuple[ScoredCell, ScoredCell]], *, most: int) -> Iterator[Disagreement]:
    """In turns where a is right and where b is, then where neither is. Each in the order of the journal."""
    # No more than `most` of each kind are kept: two large runs differ on many thousands of items.
    kinds: dict[str, list[Disagreement]] = {"a": [], "b": [], "": []}
    for cell_a, cell_b in cells:
        for found in _find_disagreements(cell_a, cell_b):
            if len(kinds[found.right]) < most:
                kinds[found.right].append(found)
    turns = (found for pair in zip_longest(kinds["a"], kinds["b"]) for found in pair if found is not None)
    return islice((found for source in (turns, kinds[""]) for found in source), most)


def _find_disagreements(cell_a: ScoredCell, cell_b: ScoredCell) -> Iterator[Disagreement]:
    of_b = {(answer.item, answer.order, answer.sample): _state(answer) for answer in cell_b.answers()}
    for answer in cell_a.answers():
        other = of_b.get((answer.item, answer.order, answer.sample))
        ours, ours_right = _state(answer)
        # An answer that failed is compared by its status: two failures of one kind are no disagreement.
        if other is None or other[0] == ours:
            continue
        yield Disagreement(
            task=cell_a.task,
            item=answer.item,
            category=answer.category,
            order=answer.order,
            sample=answer.sample,
            gold=answer.space.name(answer.gold),
            verdict_a=ours,
            verdict_b=other[0],
            right="a" if ours_right and not other[1] else "b" if other[1] and not ours_right else "",
        )


def _state(answer: RecordedAnswer) -> tuple[str, bool]:
    """What was said, canonical and by name, and whether it is right."""
    if answer.verdict is None:
        return f"({answer.status.value})", False
    # Gold is in the data's own places, so the verdict is brought there too.
    verdict: Verdict = answer.space.to_canonical(answer.verdict, answer.order) if answer.order else answer.verdict
    return answer.space.name(verdict), answer.space.agrees(verdict, answer.gold)


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(clean(name) for name in names) or "nothing"


def _add_sign(shown: str) -> str:
    # A small p-value is written `<0.001`, which needs no `=`.
    return shown if shown.startswith("<") else f"= {shown}"
