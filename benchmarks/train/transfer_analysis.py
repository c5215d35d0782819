"""Tests the predictions of the experiment on transfer, and shows all arms.

    python benchmarks/train/transfer_analysis.py transfer/records/validation transfer/items/validation.json

The records of the test split, and its items, are given in the same way, once every judge of the predicted stages was
asked: a look at a part of the answers could decide when to stop.

`transfer_predictions.json` says of each prediction which arms are compared, on what, on which side and beyond which
threshold. All of them are one family, corrected by Holm (1979). A prediction that cannot be tested yet stays in the
family. All else that is printed was not predicted: it has intervals and no tests.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transfer_design import (
    ARMS,
    BASES,
    BY_NAME,
    INSIDE,
    OFF_THE_SHELF,
    PAIRS,
    PARENTS,
    STAGES,
    WEAKNESSES,
    all_judges,
)
from transfer_scores import Estimate, Records, Value, estimate, mean_of, read_records

PREDICTIONS = Path(__file__).with_name("transfer_predictions.json")
COLUMNS = (
    ("inside", "macro_f1"),
    ("own", "macro_f1"),
    ("pairs", "macro_f1"),
    ("pairs", "accuracy"),
    ("pairs", "consistency"),
    ("pairs", "outside"),
    ("pairs", "reasoning"),
    ("pairs", "follows"),
)
"""What is shown of each arm: over which tasks, and the metric."""
EXPLORED = (
    ("mt-rl", "sft-unified", "inside"),
    ("mt-rl", "sft-rationale", "inside"),
    ("mt-rl", "rl-single", "inside"),
    ("mt-rl", "sft-single", "own"),
    ("sft-rationale", "off-the-shelf", "pairs"),
    ("rl-single", "off-the-shelf", "own"),
    ("rl-single-long", "rl-single", "own"),
    ("mt-rl", "mt-rl-few", "pairs"),
    ("sft-rationale", "sft-rationale-few", "pairs"),
    ("sft-unified", "sft-unified-few", "pairs"),
    ("mt-rl", "mt-rl-without", "left-out"),
)
"""Differences that are shown with an interval and not tested: arm, the other arm, over which tasks."""
DOSES = {"rl-single-long": 1, "mt-rl-2": 2, "mt-rl-4": 4, "mt-rl": 6}
"""Tasks of arms with as many updates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A prediction and what became of it."""

    name: str
    says: str
    found: Estimate | None
    """The difference; `None` while a judge is missing."""
    p: float
    """One-sided; 1 where it cannot be tested."""
    corrected: float
    """By Holm, over all predictions."""
    held: bool


def asked_of(arm: str, over: str, task: str) -> list[str]:
    """The tasks that a judge answers for its arm.

    Args:
        arm: Name of the arm.
        over: `pairs`: both kinds of pairs; `own`: those that are about the judge's own task; `inside`: the six tasks
            of training, of a judge of one task its own; `left-out`: the one that was left out, of other arms all six;
            or the name of a task.
        task: The task that the judge is trained on, or that is left out; empty for an arm with one judge.
    """
    kind = BY_NAME[arm].tasks
    own = task if kind == "single" else ""
    if over == "pairs":
        return list(PAIRS) if own in ("", *PARENTS) else []
    if over == "own":
        return [pair for pair, parent in PAIRS.items() if own in ("", parent)]
    if over == "inside":
        return [name for name in INSIDE if own in ("", name)]
    if over == "left-out":
        return [task] if kind == "without" else list(INSIDE)
    return [over] if own in ("", PAIRS.get(over, over)) else []


def judges_of(arm: str, over: str) -> tuple[str, ...]:
    """Of an arm with a judge for each task, the tasks of the judges that it takes."""
    if BY_NAME[arm].tasks not in ("single", "without"):
        return ("",)
    return tuple(task for task in INSIDE if asked_of(arm, over, task))


def by_repeat(records: Records, arm: str, weakness: str, base: int, over: str, metric: str) -> dict[int, Value]:
    """Values of an arm from one base, of the repeats that have all their judges."""
    found: dict[int, dict[str, int]] = {}
    for number, record in enumerate(records.records):
        if (record["arm"], record["weakness"], record["base"]) == (arm, weakness, base):
            found.setdefault(record["repeat"], {})[record["task"]] = number
    wanted = judges_of(arm, over)
    return {
        repeat: mean_of(
            records.value(judges[task], name, metric) for task in wanted for name in asked_of(arm, over, task)
        )
        for repeat, judges in sorted(found.items())
        if set(wanted) <= set(judges)
    }


def level(records: Records, arm: str, weakness: str, over: str, metric: str) -> dict[int, Value]:
    """Values of an arm by base: the mean over its repeats."""
    found = {base: by_repeat(records, arm, weakness, base, over, metric) for base in BASES}
    return {base: mean_of(values.values()) for base, values in found.items() if values}


def difference(records: Records, arm: str, against: str, weakness: str, over: str, metric: str) -> dict[int, Value]:
    """Differences of two arms by base, over the repeats that both have; the base itself has one for all."""
    found = {}
    for base in BASES:
        mine, other = (by_repeat(records, name, weakness, base, over, metric) for name in (arm, against))
        if OFF_THE_SHELF.name in (arm, against):
            common = [(repeat, 0) for repeat in mine] if against == OFF_THE_SHELF.name and 0 in other else []
        else:
            common = [(repeat, repeat) for repeat in mine if repeat in other]
        if common:
            found[base] = mean_of(mine[first] - other[second] for first, second in common)
    return found


def contrast(records: Records, prediction: Mapping[str, Any], metric: str) -> dict[int, Value]:
    """The statistic of a prediction by base. Of two weaknesses it is the difference of the two differences."""
    columns = [
        difference(records, prediction["arm"], prediction["against"], weakness, prediction["over"], metric)
        for weakness in prediction["weakness"]
    ]
    if len(columns) == 1:
        return columns[0]
    first, second = columns
    return {base: first[base] - second[base] for base in first if base in second}


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected by Holm (1979), in the order given."""
    corrected, highest = [1.0] * len(values), 0.0
    for place, number in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, (len(values) - place) * values[number]))
        corrected[number] = highest
    return corrected


def check_predictions(records: Records, stated: Mapping[str, Any]) -> list[Tested]:
    """Test every prediction of the file."""
    predictions, found, raw = stated["predictions"], [], []
    for prediction in predictions:
        by_base = contrast(records, prediction, stated["metric"])
        value = estimate(by_base) if len(by_base) > 1 else None
        found.append(value)
        raw.append(1.0 if value is None else value.p_value(side=prediction["side"], threshold=prediction["threshold"]))
    return [
        Tested(
            name=prediction["name"],
            says=prediction["says"],
            found=value,
            p=p,
            corrected=corrected,
            held=corrected <= stated["level"],
        )
        for prediction, value, p, corrected in zip(predictions, found, raw, holm(raw), strict=True)
    ]


def dose_slope(records: Records, weakness: str, metric: str) -> dict[int, Value]:
    """By base, points on the judges' own pairs for each doubling of the number of tasks, by least squares."""
    columns = [level(records, arm, weakness, "own", metric) for arm in DOSES]
    logs = np.log2(list(DOSES.values()))
    weights = (logs - logs.mean()) / ((logs - logs.mean()) ** 2).sum()
    shared = set.intersection(*(set(column) for column in columns))
    # mean_of, times the number of terms, is their sum.
    return {
        base: mean_of(column[base] * float(weight) for column, weight in zip(columns, weights, strict=True)) * len(logs)
        for base in sorted(shared)
    }


def shown(by_base: Mapping[int, Value], *, sign: bool = False) -> str:
    """`71.2 (68.0 to 74.4)`; the interval is left out for one base."""
    if not by_base:
        return "–"
    found = estimate(by_base)
    form = "+.1f" if sign else ".1f"
    low, high = found.interval
    if math.isnan(low):
        return f"{found.value:{form}}"
    return f"{found.value:{form}} ({low:{form}} to {high:{form}})"


def report(records: Records, stated: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the document: predictions, arms, differences, dose."""
    yield "| prediction | difference | threshold | p | p by Holm | held | bases |"
    yield "| --- | ---: | ---: | ---: | ---: | --- | ---: |"
    for tested, prediction in zip(check_predictions(records, stated), stated["predictions"], strict=True):
        by_base = contrast(records, prediction, stated["metric"])
        limit = f"{'>' if prediction['side'] == 'greater' else '<'} {prediction['threshold']}"
        numbers = f"{tested.p:.2g} | {tested.corrected:.2g} | {'yes' if tested.held else 'no'} | {len(by_base)}"
        yield f"| {tested.name} | {shown(by_base, sign=True)} | {limit} | {numbers} |"
    for weakness in WEAKNESSES:
        yield f"\nArms from bases with the {weakness} weakness, in per cent:\n"
        yield f"| arm | {' | '.join(f'{over} {metric}' for over, metric in COLUMNS)} | judges |"
        yield f"| --- |{' ---: |' * (len(COLUMNS) + 1)}"
        for arm in ARMS:
            count = sum((record["arm"], record["weakness"]) == (arm.name, weakness) for record in records.records)
            if count:
                cells = [shown(level(records, arm.name, weakness, *column)) for column in COLUMNS]
                yield f"| {arm.name} | {' | '.join(cells)} | {count} |"
    yield "\nDifferences that were not predicted, from bases with the shared weakness:\n"
    yield "| arm | minus | over | points |\n| --- | --- | --- | ---: |"
    for arm_name, against, over in EXPLORED:
        by_base = difference(records, arm_name, against, "shared", over, "macro_f1")
        yield f"| {arm_name} | {against} | {over} | {shown(by_base, sign=True)} |"
    slope = shown(dose_slope(records, "shared", "macro_f1"), sign=True)
    yield f"\nPoints on a judge's own pairs for each doubling of the number of tasks, at equal updates: {slope}"
    if any("repeated" in record for record in records.records):
        yield from _report_repeats(records)


def _report_repeats(records: Records) -> Iterator[str]:
    """How often several answers at temperature 1 are the same."""
    repeated = [{**record, "answers": record["repeated"]} for record in records.records if "repeated" in record]
    sizes = {task: len(next(iter(mine["said"].values()))) for task, mine in repeated[0]["answers"].items()}
    items = {
        task: {"gold": records.items[task]["gold"][:size], "groups": records.items[task]["groups"][:size]}
        for task, size in sizes.items()
    }
    again = Records(records=repeated, items=items)
    yield "\nThe same verdict in all samples at temperature 1, on pairs, from bases with the shared weakness:\n"
    yield "| arm | % |\n| --- | ---: |"
    for arm in ARMS:
        by_base = level(again, arm.name, "shared", "pairs", "repeatable")
        if by_base:
            yield f"| {arm.name} | {shown(by_base)} |"


def check_whole(records: Records, stated: Mapping[str, Any]) -> None:
    """See that test records are those of every judge of the predicted stages, and that arms had the same bases.

    Raises:
        SystemExit: One is missing, or two judges of a base started from different weights.
    """
    if any("repeated" in record for record in records.records):  # test records alone have it
        there = {
            tuple(record[name] for name in ("arm", "weakness", "base", "repeat", "task")) for record in records.records
        }
        wanted = all_judges([stage for stage in STAGES if stage.name in stated["stages"]])
        missing = [
            judge.label
            for judge in wanted
            if (judge.arm, judge.weakness, judge.base, judge.repeat, judge.task) not in there
        ]
        if missing:
            raise SystemExit(
                f"{len(missing)} of {len(wanted)} judges of the predicted stages were not asked yet, such as "
                f"{missing[0]}; the test answers stay closed until then"
            )
    started: dict[tuple[str, int], set[str]] = {}
    for record in records.records:
        if "base_weights" in record:
            started.setdefault((record["weakness"], record["base"]), set()).add(record["base_weights"])
    for (weakness, base), weights in started.items():
        if len(weights) > 1:
            raise SystemExit(f"base {base}, {weakness}: its judges started from {len(weights)} different weights")


def main() -> None:
    """Print the report on some records."""
    stated = json.loads(PREDICTIONS.read_text(encoding="utf-8"))
    records = read_records(Path(sys.argv[1]), Path(sys.argv[2]))
    check_whole(records, stated)
    for line in report(records, stated):
        print(line)  # noqa: T201


if __name__ == "__main__":
    main()
