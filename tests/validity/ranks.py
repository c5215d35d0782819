"""Do ranks mean what they say? Families of simulated judges through `build_leaderboard`; run by hand; last line JSON.

    python tests/validity/ranks.py [--reps 300] [--quick] [--seed 1] [--jobs 2] [--write PAGE]

Of each design, over its boards:

- `family_wise`: the share with any false claim: a pair is called different and is equal, or is the other way round.
- `set_coverage`: the share in which the ranks shown hold the true ranks of *all* judges. Judges that are equal share a
  range of true ranks, all of which must be held: that is the strict reading, and of equal judges it is the share of
  boards without a false claim.
- `simultaneous`: the share in which all intervals of differences hold the true difference.
- `contradictions`: pairs whose interval leaves out 0 and that are not called different, or the other way round; or
  whose letters say another thing than the test.
- `found`: the share of the true differences that are called so.

The worst designs of each number of judges are simulated again, with four times the boards and other seeds, and these
count.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from boards import board_of, excludes_zero, letters
from judges import Design, Replies, answer, gold_of, mixed, numbers
from publish import command_of, commit, cpu_seconds, finish, generator, options, run_all, standard_error, table
from sheets import Sheet
from truths import true_value

from harness.report.records import Leaderboard, LeaderboardRow

ALIKE = 0.5
"""Correlation between the numbers of two judges: what is hard for one is hard for the other."""

SIZES = (150, 300, 1000)
JUDGES = (2, 5, 12)
LAYOUTS = ("one order", "both orders", "of 5", "unequal")

LEVELS = {"labels": (0.80, 0.85, 0.90), "five-point": (0.70, 0.77, 0.85), "probabilities": (0.85, 0.89, 0.93)}
"""By kind of answer: how good equal judges are, one that is a little better, and one that is much better."""

PARTS = {"uneven": (("a", 200), ("b", 5), ("c", 5)), "nested": (("a/x", 10), ("a/y", 40), ("b", 100))}
"""Categories of unlike sizes, whose plain mean is compared."""

OTHERS = {
    "labels": ("accuracy", "balanced_accuracy", "f1", "kappa"),
    "five-point": ("pearson", "spearman", "mae", "weighted_kappa"),
    "ranking": ("rank_accuracy",),
}
"""Metrics of which only equal judges are tried, where clusters are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Judges of one task."""

    design: Design
    metric: str
    shape: str
    """`equal`, `one better` or `spread`."""
    truths: tuple[float, ...]
    reps: int
    seed: int

    @property
    def label(self) -> str:
        """What a table says."""
        design = self.design
        said = [f"{len(self.truths)} {self.shape}", self.metric, f"n={design.n}"]
        said.append("both orders" if design.orders > 1 else f"clusters {design.clusters}")
        said += [f"prevalence {design.prevalence:g}"] if design.prevalence != 0.5 else []
        said += [f"categories {'/'.join(str(size) for _, size, _ in design.parts)}"] if design.parts else []
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one family."""

    family: Family
    false: int
    covered: int
    simultaneous: int
    contradictions: int
    found: int
    different: int
    """Pairs that truly differ, over all boards."""

    def share(self, count: int) -> float:
        """Of the boards."""
        return count / self.family.reps


def families(*, quick: bool, reps: int, seed: int) -> Iterator[Family]:
    """Every design."""

    def make(design: Design, metric: str, shape: str, truths: tuple[float, ...]) -> Family:
        return Family(design=design, metric=metric, shape=shape, truths=truths, reps=reps, seed=seed)

    sizes = SIZES[1:2] if quick else SIZES
    for n, layout, judges in itertools.product(sizes, LAYOUTS, JUDGES):
        design = _laid_out("labels", n, layout)
        for shape, truths in _shapes("labels", judges):
            yield make(design, "accuracy", shape, truths)
    for kind, metric in (("labels", "macro_f1"), ("five-point", "kendall"), ("probabilities", "roc_auc")):
        for layout, judges in itertools.product(("one order", "of 5"), JUDGES):
            for shape, truths in _shapes(kind, judges)[:2]:
                yield make(_laid_out(kind, 150, layout), metric, shape, truths)
    for layout, judges in itertools.product(LAYOUTS[1:], JUDGES[:2]):
        yield make(_laid_out("labels", 150, layout), "accuracy", "equal at .95", (0.95,) * judges)
    for kind, metric in ((kind, metric) for kind, several in OTHERS.items() for metric in several):
        for judges in JUDGES[: 2 if metric == "accuracy" else 1]:
            yield make(_laid_out(kind, 50, "of 5"), metric, "equal", (0.8,) * judges)
    for prevalence, n, metric in ((0.15, 150, "macro_f1"), (0.15, 150, "kappa"), (0.05, 200, "balanced_accuracy")):
        for layout, judges in itertools.product(("one order", "of 5"), JUDGES[:2]):
            rare = replace(_laid_out("labels", n, layout), prevalence=prevalence)
            yield make(rare, metric, "equal", (0.8,) * judges)
    for parts, layout, judges in itertools.product(PARTS.values(), ("one order", "of 5"), JUDGES[:2]):
        apart = tuple((name, size, 0.8) for name, size in parts)
        mean = replace(_laid_out("labels", sum(size for _, size in parts), layout), parts=apart, across=True)
        yield make(mean, "accuracy@category", "equal", (0.8,) * judges)


def _laid_out(kind: str, n: int, layout: str) -> Design:
    orders = 2 if layout == "both orders" else 1
    return Design(
        kind=kind, n=n, truth=0.8, orders=orders, clusters=layout if layout in ("of 5", "unequal") else "none"
    )


def _shapes(kind: str, judges: int) -> list[tuple[str, tuple[float, ...]]]:
    low, better, high = LEVELS[kind]
    best = better if judges == 2 else high
    found = [("equal", (low,) * judges), ("one better", (best,) + (low,) * (judges - 1))]
    if judges > 2:
        found.append(("spread", tuple(np.linspace(low - 0.05, high, judges).round(6).tolist())))
    return found


def judges_of(family: Family, rng: np.random.Generator) -> list[Replies]:
    """What every judge says: to the same items, which they find hard alike."""
    design, reps = family.design, family.reps
    gold, shared = gold_of(rng, design, reps=reps), numbers(rng, design, reps=reps)
    return [
        answer(_as_good_as(truth, design), gold, mixed(shared, numbers(rng, design, reps=reps), correlation=ALIKE), rng)
        for truth in family.truths
    ]


def _as_good_as(truth: float, design: Design) -> Design:
    return replace(design, truth=truth, parts=tuple((name, size, truth) for name, size, _ in design.parts))


def measure(family: Family) -> Found:
    """Simulate one family."""
    said = judges_of(family, generator(family.seed, family.design, family.metric, family.truths))
    sheet = Sheet.of(family.design, metrics=(family.metric,))
    names = [f"judge {place:02}" for place in range(len(family.truths))]
    sign = -1 if family.metric == "mae" else 1
    values = [sign * true_value(family.metric, _as_good_as(truth, family.design)) for truth in family.truths]
    truth = dict(zip(names, values, strict=True))
    tally = np.zeros(6, dtype=np.int64)
    for rep in range(family.reps):
        tables = {name: sheet.table(replies, rep) for name, replies in zip(names, said, strict=True)}
        tally += read(board_of(tables), truth, sign=sign)
    false, covered, simultaneous, contradictions, found, different = tally.tolist()
    return Found(
        family=family,
        false=false,
        covered=covered,
        simultaneous=simultaneous,
        contradictions=contradictions,
        found=found,
        different=different,
    )


def read(shown: Leaderboard, truth: dict[str, float], *, sign: int) -> tuple[int, int, int, int, int, int]:
    """Of one board: whether it has a false claim, holds all ranks and all differences; then counts of pairs.

    The counts: contradictions, true differences that are called so, true differences. `truth` is such that more is
    better; `sign` is -1 where the metric has it the other way round.
    """
    false = held = contradictions = found = different = 0
    rows = {row.judge: row for row in shown.rows}
    for pair in shown.comparisons:
        true = truth[pair.judge_a] - truth[pair.judge_b]
        said = pair.better is not None
        right = said and true != 0 and (pair.better == pair.judge_a) == (true > 0)
        false += said and not right
        different += true != 0
        found += right
        held += pair.ci_low is None or pair.ci_high is None or pair.ci_low <= sign * true <= pair.ci_high
        alike = bool(letters(rows[pair.judge_a]) & letters(rows[pair.judge_b]))
        contradictions += excludes_zero(pair) != said or alike == said
    covered = all(_holds(row, truth) for row in shown.rows)
    return bool(false), covered, held == len(shown.comparisons), contradictions, found, different


def _holds(row: LeaderboardRow, truth: dict[str, float]) -> bool:
    better = sum(value > truth[row.judge] for value in truth.values())
    worse = sum(value < truth[row.judge] for value in truth.values())
    if row.rank_low is None or row.rank_high is None:
        return False
    return row.rank_low <= 1 + better and row.rank_high >= len(truth) - worse


def simulate(works: Sequence[Family], *, jobs: int) -> list[Found]:
    """Every family; then the worst ones again, with more boards and fresh seeds."""
    first = run_all(measure, works, jobs=jobs, cost=_cost)
    again: list[Family] = []
    for judges in JUDGES:
        same = [found for found in first if len(found.family.truths) == judges]
        most = max(3, len(same) // 8)
        worst = sorted(same, key=lambda found: -found.false)[:most]
        worst += sorted(same, key=lambda found: found.covered)[:most]
        worst += sorted(same, key=lambda found: found.simultaneous)[:most]
        again += [found.family for found in worst]
    fresh = [replace(one, reps=4 * one.reps, seed=one.seed + 1_000_000) for one in dict.fromkeys(again)]
    second = {found.family.label: found for found in run_all(measure, fresh, jobs=jobs, cost=_cost)}
    return [second.get(found.family.label, found) for found in first]


def _cost(family: Family) -> float:
    return family.reps * len(family.truths) ** 2 * (200 + family.design.n)


def by_judges(found: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """The worst design of each number of judges, for each figure."""
    out: dict[str, dict[str, Any]] = {
        name: {} for name in ("family_wise", "set_coverage", "simultaneous", "standard_error", "worst_family")
    }
    for judges in JUDGES:
        same = [one for one in found if len(one.family.truths) == judges]
        worst = max(same, key=lambda one: one.share(one.false))
        key = str(judges)
        out["family_wise"][key] = round(worst.share(worst.false), 4)
        out["set_coverage"][key] = round(min(one.share(one.covered) for one in same), 4)
        out["simultaneous"][key] = round(min(one.share(one.simultaneous) for one in same), 4)
        out["standard_error"][key] = round(standard_error(worst.share(worst.false), worst.family.reps), 4)
        out["worst_family"][key] = worst.family.label
    return out


def power(found: Sequence[Found]) -> dict[str, float]:
    """Share of the true differences that are called so, of each family of one order or of clusters that has any."""
    return {one.family.label: round(one.found / one.different, 3) for one in found if one.different}


def tables(found: Sequence[Found]) -> list[str]:
    """A row for each family."""
    head = ("judges", "boards", "any false claim", "all ranks held", "all differences held", "contradictions", "found")
    rows = [
        (
            one.family.label,
            one.family.reps,
            one.share(one.false),
            one.share(one.covered),
            one.share(one.simultaneous),
            one.contradictions,
            one.found / one.different if one.different else np.nan,
        )
        for one in found
    ]
    return table(head, rows)


def main() -> None:
    """Simulate all families, print a table and one JSON object."""
    asked = options(__doc__, reps=300).parse_args()
    works = list(families(quick=asked.quick, reps=asked.reps, seed=asked.seed))
    found = simulate(works, jobs=asked.jobs)
    result = {
        **by_judges(found),
        "contradictions": sum(one.contradictions for one in found),
        "power": power(found),
        "families": len(found),
        "reps": asked.reps,
        "seed": asked.seed,
        "cpu_s": round(cpu_seconds(), 1),
        "commit": commit(),
    }
    finish("ranks", tables(found), result, page=asked.write, command=command_of("ranks.py", asked))


if __name__ == "__main__":
    main()
