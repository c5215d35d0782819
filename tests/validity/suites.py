"""Does a mean over tasks hold what it says? Simulated suites; run by hand; the last line is JSON.

    python tests/validity/suites.py [--reps 400] [--quick] [--seed 1] [--jobs 2] [--write PAGE]

Tasks have items of their own, or items of the same groups, whose answers then depend on each other from task to task.
Of each suite: `coverage` of the interval of the mean; `size`, the share of boards in which one of two judges with the
same mean stands above the other; `power`; `out_of_range`, intervals that leave 0 to 1; `zero_p`, p-values of exactly 0;
and for suites of one task `differs`, boards that say another thing than the board of that task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from boards import SimulatedCell, board, cell_of, is_above
from judges import Design, Ints, Replies, answer, gold_of, mixed, numbers
from publish import command_of, commit, cpu_seconds, finish, generator, options, run_all, standard_error, table
from ranks import ALIKE
from sheets import Sheet
from truths import of_classes

from harness.report.records import Leaderboard
from harness.score.flags import INTERVAL_FLAGS

SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tasks, and two judges of them."""

    name: str
    sizes: tuple[int, ...]
    first: tuple[float, ...]
    """Share of right answers of the first judge, by task."""
    second: tuple[float, ...] = ()
    """Of the second; empty: the same."""
    groups: int = 0
    """How many groups all tasks share; 0: each item is a group of its own."""
    strong: bool = False
    """Whether the answers within a group are nearly the same."""
    metric: str = "accuracy"
    reps: int = 0
    seed: int = 0

    @property
    def rivals(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Both judges."""
        return self.first, self.second or self.first

    @property
    def means(self) -> tuple[float, float]:
        """The true mean of both."""
        first, second = (
            float(np.mean([of_classes(self.metric, 0.5, (share, share)) for share in shares])) for shares in self.rivals
        )
        return first, second

    @property
    def label(self) -> str:
        """What a table says."""
        return f"{self.name}, {self.metric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one suite."""

    suite: Suite
    covered: int
    printed: int
    above: tuple[int, int]
    out_of_range: int
    zero_width: int
    zero_p: int
    flagged: int
    differs: int

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the true mean, of both judges together."""
        return self.covered / self.printed if self.printed else np.nan


def suites(*, quick: bool) -> Iterator[Suite]:
    """Every suite."""
    listed = [
        Suite(name="one task of 100", sizes=(100,), first=(0.9,)),
        Suite(name="one task of 30, all right", sizes=(30,), first=(1.0,)),
        Suite(name="three tasks of 1, all right against none", sizes=(1, 1, 1), first=(1.0,) * 3, second=(0.0,) * 3),
        Suite(name="three tasks of 100", sizes=(100,) * 3, first=(0.8, 0.9, 0.95)),
        Suite(name="three tasks of 50 at .99", sizes=(50,) * 3, first=(0.99,) * 3),
        Suite(name="tasks of 200/5/5", sizes=(200, 5, 5), first=(0.8, 0.9, 0.9)),
        Suite(name="tasks of 3 to 100", sizes=(3, 5, 10, 20, 50, 100), first=(0.8,) * 6),
        Suite(name="ten tasks of 20", sizes=(20,) * 10, first=(0.85,) * 10),
        Suite(name="three tasks on 50 groups at .8", sizes=(50,) * 3, first=(0.8,) * 3, groups=50, strong=True),
        Suite(name="three tasks on 50 groups at .95", sizes=(50,) * 3, first=(0.95,) * 3, groups=50, strong=True),
        Suite(name="six tasks of 40 on 20 groups", sizes=(40,) * 6, first=(0.85,) * 6, groups=20),
        Suite(name="six tasks of 40 on 20 groups, strong", sizes=(40,) * 6, first=(0.85,) * 6, groups=20, strong=True),
        Suite(name="mirrored judges", sizes=(100, 100), first=(0.9, 0.7), second=(0.7, 0.9)),
        Suite(name="mirrored judges on 50 groups", sizes=(100, 100), first=(0.9, 0.7), second=(0.7, 0.9), groups=50),
        Suite(name="better by 5 points", sizes=(150,) * 3, first=(0.85,) * 3, second=(0.8,) * 3),
        Suite(
            name="better by 5 points on 50 groups", sizes=(150,) * 3, first=(0.85,) * 3, second=(0.8,) * 3, groups=50
        ),
    ]
    for suite in listed[:: 3 if quick else 1]:
        yield suite
        if min(suite.sizes) >= 20:
            yield replace(suite, metric="macro_f1")


def measure(suite: Suite) -> Found:
    """Simulate one suite."""
    said, sheets = judges_of(suite), sheets_of(suite)
    starts = np.cumsum([0, *suite.sizes]).tolist()
    tally = np.zeros(9, dtype=np.int64)
    for rep in range(suite.reps):
        cells = [
            cell_of(sheet.table(_cut(replies, starts[k], starts[k + 1], rep), 0), task=f"t{k}", judge=judge, suite="s")
            for judge, replies in zip("ab", said, strict=True)
            for k, sheet in enumerate(sheets)
        ]
        tally += _read(cells, suite)
    covered, printed, first, second, outside, zero_width, zero_p, flagged, differs = tally.tolist()
    return Found(
        suite=suite,
        covered=covered,
        printed=printed,
        above=(first, second),
        out_of_range=outside,
        zero_width=zero_width,
        zero_p=zero_p,
        flagged=flagged,
        differs=differs,
    )


def judges_of(suite: Suite) -> list[Replies]:
    """What both judges say: all tasks as one long list of items, since the groups of one task go on in the next."""
    total = sum(suite.sizes)
    clusters = "none" if not suite.groups else "strong" if suite.strong else "of 5"
    design = Design(kind="labels", n=total, truth=0.5, clusters=clusters)
    members = np.concatenate(_members(suite)) if suite.groups else np.arange(total)
    rng = generator(suite.seed, suite.name, suite.metric)
    gold = gold_of(rng, replace(design, clusters="none"), reps=suite.reps)
    shared = numbers(rng, design, reps=suite.reps, groups=members)
    said = []
    for shares in suite.rivals:
        parts = tuple((f"t{k}", n, share) for k, (n, share) in enumerate(zip(suite.sizes, shares, strict=True)))
        own = numbers(rng, design, reps=suite.reps, groups=members)
        said.append(answer(replace(design, parts=parts), gold, mixed(shared, own, correlation=ALIKE), rng))
    return said


def sheets_of(suite: Suite) -> list[Sheet]:
    """The questions of each task; groups of one name are in several tasks, or in none but their own."""
    return [
        Sheet.of(
            Design(kind="labels", n=n, truth=0.5),
            metrics=(suite.metric,),
            prefix="" if suite.groups else f"t{k} ",
            members=tuple(members.tolist()),
        )
        for k, (n, members) in enumerate(zip(suite.sizes, _members(suite), strict=True))
    ]


def _members(suite: Suite) -> list[Ints]:
    """The group of each item, by task."""
    return [np.arange(n) % (suite.groups or n) for n in suite.sizes]


def _cut(replies: Replies, start: int, end: int, rep: int) -> Replies:
    return Replies(gold=replies.gold[rep : rep + 1, start:end], said=replies.said[rep : rep + 1, start:end])


def _read(cells: list[SimulatedCell], suite: Suite) -> list[int]:
    """Counts of one board, in the order of the fields of `Found`."""
    shown = board(cells, group_by="suite")
    rows = {row.judge: row for row in shown.rows}
    covered = printed = outside = zero_width = flagged = 0
    for judge, mean in zip("ab", suite.means, strict=True):
        row = rows[judge]
        flagged += bool(INTERVAL_FLAGS & set(row.flags))
        if row.ci_low is None or row.ci_high is None:
            continue
        printed += 1
        covered += row.ci_low - SLACK <= mean <= row.ci_high + SLACK
        outside += row.ci_low < -SLACK or row.ci_high > 1 + SLACK
        zero_width += row.ci_high - row.ci_low <= SLACK
    zero_p = sum(pair.p_value == 0 for pair in shown.comparisons)
    differs = 0
    if len(suite.sizes) == 1:
        differs = _numbers(shown) != _numbers(board(cells))
    first, second = is_above(rows["a"], rows["b"]), is_above(rows["b"], rows["a"])
    return [covered, printed, first, second, outside, zero_width, zero_p, flagged, differs]


def _numbers(shown: Leaderboard) -> list[Any]:
    """What two boards must have in common: values, intervals, ranks and tests."""
    plain = shown.to_json()
    kept = ("judge", "value", "ci_low", "ci_high", "n", "rank_low", "rank_high", "letters")
    rows = [{name: row[name] for name in kept} for row in plain["rows"]]
    tested = ("judge_a", "judge_b", "difference", "ci_low", "ci_high", "p_value", "p_adjusted", "better")
    return rows + [{name: pair[name] for name in tested} for pair in plain["comparisons"]]


def tables(found: Sequence[Found]) -> list[str]:
    """A row for each suite."""
    head = (
        "suite",
        "boards",
        "coverage",
        "first above second",
        "second above first",
        "flagged",
        "out of range",
        "p = 0",
    )
    return table(
        head,
        [
            (
                one.suite.label,
                one.suite.reps,
                one.coverage,
                *(count / one.suite.reps for count in one.above),
                one.flagged / (2 * one.suite.reps),
                one.out_of_range,
                one.zero_p,
            )
            for one in found
        ],
    )


def summary(found: Sequence[Found]) -> dict[str, Any]:
    """The figures of all suites."""
    honest = [one for one in found if one.flagged < one.suite.reps and max(one.suite.means) < 1 and one.printed]
    null = [one for one in found if abs(one.suite.means[0] - one.suite.means[1]) < SLACK]
    worst = min(honest, key=lambda one: one.coverage)
    return {
        "worst": round(worst.coverage, 4),
        "worst_se": round(standard_error(worst.coverage, worst.printed), 4),
        "worst_suite": worst.suite.label,
        "mean": round(float(np.mean([one.coverage for one in honest])), 4),
        "size": round(max(sum(one.above) / one.suite.reps for one in null), 4),
        "power": {one.suite.label: round(one.above[0] / one.suite.reps, 3) for one in found if one not in null},
        "out_of_range": sum(one.out_of_range for one in found),
        "zero_width": sum(one.zero_width for one in found),
        "zero_p": sum(one.zero_p for one in found),
        "differs": sum(one.differs for one in found),
        "suites": len(found),
    }


def main() -> None:
    """Simulate all suites, print a table and one JSON object."""
    asked = options(__doc__, reps=400).parse_args()
    works = [replace(one, reps=asked.reps, seed=asked.seed) for one in suites(quick=asked.quick)]
    found = run_all(measure, works, jobs=asked.jobs, cost=lambda one: one.reps * sum(one.sizes))
    result = {
        **summary(found),
        "reps": asked.reps,
        "seed": asked.seed,
        "cpu_s": round(cpu_seconds(), 1),
        "commit": commit(),
    }
    finish("suites", tables(found), result, page=asked.write, command=command_of("suites.py", asked))


if __name__ == "__main__":
    main()
