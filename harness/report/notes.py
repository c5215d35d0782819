"""What is said in words around a block of the leaderboard: its headline facts, its flags and the legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.api import Protocol
from harness.report import ceilings, unread
from harness.report.numbers import exact_size, share, short, size
from harness.report.records import MEAN_RANK, Leaderboard, LeaderboardRow
from harness.report.row_text import consistency, standing

# One sentence for all three: they have one cause, and a reader needs the counts once.
OF_ANSWERS = ("no-answers", "low-coverage", "outside")
"""Flags that are about answers without a verdict: told in one sentence with what became of these."""

# What keeps a row off the ranks for another reason.
_FIRST = ("does-not-hold", "partial", "incomplete")

_WAYS = {
    "agresti-coull": "Agresti and Coull's for a share of independent answers",
    "cluster-jackknife": "from the clusters of items left out in turn",
    "rank-sets": "the mean of the rank sets of the tasks",
}
_OF_MISSING = {
    "counts": "; no judge is placed above another because of answers that are missing",
    "at-random": "; answers are declared to be missing at random",
}


def blocks(leaderboard: Leaderboard) -> list[list[LeaderboardRow]]:
    """The rows by block, both in the leaderboard's order."""
    found: dict[tuple[str, str, str], list[LeaderboardRow]] = {}
    for row in leaderboard.rows:
        found.setdefault(row.block, []).append(row)
    return list(found.values())


def title(row: LeaderboardRow) -> str:
    """Name of the row's block: the task, `task · category`, or the suite."""
    if not row.task:
        return row.suite
    return f"{row.task} · {row.category}" if row.category else row.task


def facts(rows: Sequence[LeaderboardRow]) -> list[str]:
    """What holds for a whole block, a line each: its size and most frequent gold answer, then its protocol."""
    first = rows[0]
    # The row of a suite has no items and no protocol of its own. Its tasks are what it is about.
    if not first.task:
        # A judge that was not asked everything lists fewer tasks than the suite has.
        most = max(rows, key=lambda row: len(row.tasks))
        kind = "mean rank" if first.metric == MEAN_RANK else "plain mean"
        return [f"{kind} over {count_noun(len(most.tasks), 'task')}: {', '.join(most.tasks)}"]
    items = count_noun(first.items, "item")
    if first.groups != first.items:
        items += f" in {count_noun(first.groups, 'cluster')}"
    if first.gold_histogram:
        verdict, part = most_frequent(first.gold_histogram)
        items += f" · gold is most often {verdict} ({share(part)} %)"
    return [items, summary(first.protocol)]


def summary(protocol: Mapping[str, object]) -> str:
    """The protocol in one line for people."""
    fields = dict(protocol)
    metrics = fields.pop("metrics", None)
    if isinstance(metrics, list | tuple):
        fields["metrics"] = tuple(str(name) for name in metrics)
    return Protocol(**fields).summary()  # type: ignore[arg-type]  # checked by Protocol itself


def flag_notes(leaderboard: Leaderboard, rows: Sequence[LeaderboardRow], *, counts: bool = True) -> list[str]:
    """Each flag of a block in words, and how many answers have no verdict, and why.

    Flags that come from the task itself are said once, and those about missing answers in one sentence.

    Args:
        leaderboard: The leaderboard.
        rows: One of its blocks.
        counts: Whether to count answers without a verdict. Not where a table does.
    """
    raised = {flag for row in rows for flag in row.flags}
    # Any row will do: what such a flag means does not depend on the judge.
    said = [f"{flag} — {explain(rows[0])}" for flag, explain in OF_THE_TASK.items() if flag in raised]
    for row in rows:
        explained = [_explain(row, flag) for flag in own_flags(row) if flag not in OF_ANSWERS]
        undefined = [why] if (why := why_undefined(row)) else []
        said += [
            f"{row.judge}: {note}" for note in (*undefined, *_missing(leaderboard, row, counts=counts), *explained)
        ]
    return said


def why_undefined(row: LeaderboardRow) -> str:
    """That a judge has answers on a task, and its metric no value of them; empty where it has one."""
    if not row.task or row.value is not None or not row.statuses.get("ok", 0):
        return ""
    return f"{short(row.metric)} is not defined for its answers"


def findings(leaderboard: Leaderboard, rows: Sequence[LeaderboardRow]) -> list[str]:
    """What a block says beside its table, a sentence each.

    What its comparisons can show, who is the same, what may be missing. How far people agree, and each judge beside
    them.

    Args:
        leaderboard: The leaderboard.
        rows: One of its blocks.
    """
    pairs = [pair for pair in leaderboard.comparisons if pair.block == rows[0].block]
    said = []
    # Of ranked pairs only: the power is that of the tests that decide the places.
    shown = sorted(pair.detectable for pair in pairs if pair.p_adjusted is not None and pair.detectable is not None)
    if shown:
        least, most = (size(pairs[0].unit, value) for value in (shown[0], shown[-1]))
        reach = most if least == most else f"{least.removesuffix(' points')} to {most}, by the pair of judges"
        said.append(f"power: 80 % of such benchmarks would show a true difference of {reach}")
    for pair in pairs:
        # To be equivalent is shown by a test, and never read off a difference that is not significant.
        if pair.equivalent and leaderboard.equivalence is not None:
            margin = exact_size(pair.unit, leaderboard.equivalence)
            said.append(f"{pair.judge_a} and {pair.judge_b} are the same within {margin}")
    # Only a placement can be overturned by answers that are missing.
    bounded = [pair for pair in pairs if pair.better is not None and pair.bound_low is not None]
    if bounded:
        firm = sum(pair.whatever_missing for pair in bounded)
        said.append(
            f"missing answers: {firm:,} of {count_noun(len(bounded), 'placement')} of one judge above another hold "
            "for any value of them"
        )
    return [*said, *ceilings.notes(rows)]


def cells_left_out(leaderboard: Leaderboard) -> list[str]:
    """What judges were not asked, a sentence for each judge of each run."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in leaderboard.left_out:
        found.setdefault((cell.judge, cell.run), []).append(cell.task)
    return [
        f"{judge} was not asked {', '.join(tasks)}: it has an answer to no item there"
        for (judge, _), tasks in found.items()
    ]


def own_flags(row: LeaderboardRow) -> list[str]:
    """The flags that the judge earned, without those of its task. What keeps it off the ranks or nearly does first."""
    # The terminal shows the first flag only, so the first is the one that changes what the row means.
    own = [flag for flag in row.flags if flag not in OF_THE_TASK]
    return sorted(own, key=lambda flag: flag not in (*_FIRST, *OF_ANSWERS))


def legend(leaderboard: Leaderboard) -> list[str]:
    """How to read the numbers, one sentence each."""
    confidence = f"{(1 - leaderboard.alpha) * 100:g} %"
    said = []
    if any(row.rank_low is not None for row in leaderboard.rows):
        said.append(
            f"rank: a simultaneous {confidence} confidence set of the judge's rank; judges that share a letter cannot "
            f"be told apart; – is not ranked{_OF_MISSING[leaderboard.missing]}"
        )
    ways = " or ".join(
        _WAYS[method] for method in _WAYS if any(row.method.startswith(method) for row in leaderboard.rows)
    )
    if ways:
        said.append(f"interval: {confidence} confidence, {ways}")
    said.append(
        "n: units that the value rests on; coverage: % of requests with a verdict; "
        "worst case: every missing answer counted as wrong as can be"
    )
    if any(standing(row) for row in leaderboard.rows):
        said.append(
            "checked: verified, where every number was computed here from the judgements of its bundle; signed by, "
            "where a trusted key has signed it; – neither"
        )
    if any(row.basis for row in leaderboard.rows):
        said.append(
            "with probabilities (probs): % of answers that have them; a metric of probabilities is of these answers "
            "alone, and of the verdicts where no answer has any"
        )
    if ceilings.has_ceilings(leaderboard.rows):
        said.append(ceilings.LEGEND)
    if any(row.swap_consistency is not None for row in leaderboard.rows):
        said.append("swap consistency: % of items with the same verdict in every order shown")
    if any(row.first_position is not None for row in leaderboard.rows):
        said.append("first position: % of decided answers that name the first place shown")
    if any(row.calibration is not None or row.criteria_calibration for row in leaderboard.rows):
        said.append(
            "calibration error: how far confidence lies from the share that is right (root mean square, debiased)"
        )
    return said


def most_frequent(histogram: Mapping[str, int]) -> tuple[str, float]:
    """The most frequent verdict and its share. The first by name among equals."""
    total = sum(histogram.values())
    if not total:
        return "", 0.0
    # Ties are broken by name: the order of a mapping from JSON is not the order in which it was counted.
    verdict = min(histogram, key=lambda name: (-histogram[name], name))
    return verdict, histogram[verdict] / total


def count_noun(number: int, noun: str) -> str:
    """`1 item`, `1,735 items`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _explain(row: LeaderboardRow, flag: str) -> str:
    """One flag of a judge in words. One without an explanation stands for itself."""
    if flag not in OF_SUITES and not row.task:
        return f"{flag} on at least one of its tasks"
    # A board that was written by a newer version may have flags that this one does not know.
    explain = OF_THE_JUDGE.get(flag)
    name, bracket, criterion = flag.partition("[")
    if bracket and name in OF_CRITERIA:
        explain, row = OF_THE_JUDGE[name], _of_criterion(row, criterion.removesuffix("]"))
    return flag if explain is None else f"{flag} — {explain(row)}"


def _missing(leaderboard: Leaderboard, row: LeaderboardRow, *, counts: bool) -> list[str]:
    """The flags about answers without a verdict, how many there are and why, and how many may be missing."""
    flags = [flag for flag in row.flags if flag in OF_ANSWERS]
    told = [unread.summarize(row.unread, row.asked)] if counts and row.unread else []
    if flags and not row.task:
        told.append("on at least one of its tasks")
    elif "low-coverage" in flags:
        bar = row.protocol["min_coverage"] if leaderboard.min_coverage is None else leaderboard.min_coverage
        told.append(f"not ranked where fewer than {bar * 100:g} % of requests have a verdict")
    if not told:
        return []
    return [f"{', '.join(flags)} — {'; '.join(told)}" if flags else "; ".join(told)]


def _habit(row: LeaderboardRow) -> str:
    """What a collapsed judge always says: one verdict, or one place with any candidate in it."""
    verdict, part = most_frequent(row.histogram)
    place, place_part = most_frequent(row.shown_histogram)
    # With a fixed order the two shares are equal, and the verdict is the plainer statement.
    if place_part > part:
        return f"says {place} in {share(place_part)} % of answers, whichever candidate is shown there"
    total = sum(row.gold_histogram.values())
    right = share(row.gold_histogram.get(verdict, 0) / total) if total else "–"
    return f"says {verdict} in {share(part)} % of answers while {verdict} is right in {right} %"


def _of_criterion(row: LeaderboardRow, criterion: str) -> LeaderboardRow:
    """A row with the histograms of one criterion. The verdicts of a rubric are `sharp: 4; better: B`."""

    def project(histogram: Mapping[str, int]) -> dict[str, int]:
        found: Counter[str] = Counter()
        for verdict, count in histogram.items():
            parts = dict(part.split(": ", 1) for part in verdict.split("; ") if ": " in part)
            if criterion in parts:  # the rubrics of two items may differ
                found[parts[criterion]] += count
        return dict(found)

    return replace(
        row,
        histogram=project(row.histogram),
        shown_histogram=project(row.shown_histogram),
        gold_histogram=project(row.gold_histogram),
    )


def _always_right(row: LeaderboardRow) -> str:
    verdict, _ = most_frequent(row.gold_histogram)
    return f"the right answer is always {verdict}, so always saying {verdict} looks perfect"


def _position(row: LeaderboardRow) -> str:
    return f"names the first place shown in {consistency(row, 'first_position')} % of decided answers"


OF_THE_TASK: Mapping[str, Callable[[LeaderboardRow], str]] = {
    "constant-gold": _always_right,
    "few-clusters": lambda row: (
        "fewer than 4 effective clusters (unequal ones count for less): intervals are wide, and no difference can show"
    ),
    "one-large-cluster": lambda row: (
        "a few clusters hold most of the units: the intervals are rather too wide than too narrow"
    ),
    "rare-class": lambda row: (
        "a class of golds or answers, or a category, has fewer than 5 units: the interval of a metric that averages "
        "over them is unreliable"
    ),
}
"""Flags that say something about the task and not about the judge, each with what it means; said once for a block."""

OF_THE_JUDGE: Mapping[str, Callable[[LeaderboardRow], str]] = {
    "does-not-hold": lambda row: (
        "numbers of its bundle are not those of its judgements, or cannot be checked here; harness verify names them"
    ),
    "incomplete": lambda row: f"{count_noun(len(row.tasks), 'task')} of the suite only, so its mean is not ranked",
    "collapsed": _habit,
    "partial": lambda row: "the run has not finished this cell; harness run goes on with it",
    "no-probabilities": lambda row: f"no answer has probabilities: its {short(row.metric)} is of the verdicts alone",
    "some-probabilities": lambda row: (
        f"{share(row.with_probabilities)} % of answers have probabilities: its {short(row.metric)} is of these alone"
    ),
    "position-biased": _position,
    "outlier": lambda row: (
        "one item or group makes up more than half of the variance, and may be an outlier: the interval may be too "
        "narrow"
    ),
    "no-errors": lambda row: "no error was seen, so the interval is one-sided",
    "depends-on-missing": lambda row: "its place depends on what its missing answers were",
}
"""Flags that a judge has earned, each with what it means."""

OF_CRITERIA = frozenset({"collapsed"})
"""Flags that may be raised of one criterion of a rubric, named in brackets after them."""

OF_SUITES = ("incomplete", "depends-on-missing", "no-errors")
"""Flags that mean the same on the row of a suite; every other one was earned on one of its tasks."""
