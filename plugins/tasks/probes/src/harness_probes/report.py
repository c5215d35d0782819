"""The section "Probes" of a run's report, and `probes.json` beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from harness.api import (
    Metric,
    RecordedAnswer,
    RecordedCell,
    Rubric,
    Statistics,
    write_interval,
    write_number,
    write_share,
)
from harness.api.files import write_whole
from harness_probes.compare import ProbeComparison, compare

TITLE = "Probes"
CONFIDENCE = 0.95
PREFIX = "probes/"
"""What the id of every probe begins with."""
RECORD = "probes.json"

Cells: TypeAlias = Mapping[str, Mapping[str, RecordedCell]]
"""Cells by task and judge, in the order of the manifest."""

_MISSING = (
    "No task of the manifest has the items that this probe changes, so there is nothing to compare with. Name the "
    "wrapped task under `tasks:` as well, with the options, `data:` and split that the probe gives it, and run again."
)
_UNJUDGED = "The task that this probe changes was not judged yet; let the run end."
_LEGEND = """\
- Each answer to a probe is paired with the same judge's answer to the same item of the base, in the same order and
  sample. `n`: pairs with a verdict on both sides, which all numbers rest on; coverage: their share of all pairs.
- flips: % of these pairs whose verdicts say different things: for `swap` about the candidates and not about places; for
  `negated`, where the right answer is the other one, a verdict that does not change is a flip. An answer without a
  verdict is never a flip; "lost" counts those on the base and on the probe.
- change: the metric on the probe minus that on the base, on the same pairs, each order and sample by itself. lift over
  blind: how much better the metric is with the images than without, by the same pairs.
- intervals: 95 % confidence, made as those of the leaderboard: of flips as of a share, of a change as of two judges on
  the same groups of items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """One probe of a run: a comparison for each judge, or why there is none."""

    task: str
    """Name of the probe in the plan."""
    probe: str
    """Name of the probe's card."""
    base: str = ""
    """Name of the base in the plan; empty where it is not there."""
    problem: str = ""
    """Why nothing is compared, and what to do about it."""
    notes: tuple[str, ...] = ()
    """What to know about the numbers."""
    comparisons: tuple[ProbeComparison, ...] = ()
    """One for each judge."""


def write(
    folder: Path,
    cells: Sequence[RecordedCell],
    *,
    find_metric: Callable[[str], Metric],
    statistics: Statistics,
) -> str:
    """Write `probes.json` and give the section of the report; without a probe there is no file and no text.

    Args:
        folder: The run folder.
        cells: What was answered.
        find_metric: Gives a metric by name.
        statistics: Measures shares and changes.

    Raises:
        JournalError: The run folder cannot be read.
        OSError: It cannot be written.
    """
    found = findings(cells, find_metric=find_metric, statistics=statistics)
    if not found:
        return ""
    record = {
        "schema": "judge-harness/probes/1",
        "confidence": CONFIDENCE,
        "probes": [asdict(finding) for finding in found],
    }
    write_whole(folder / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return section(found)


def findings(
    cells: Sequence[RecordedCell], *, find_metric: Callable[[str], Metric], statistics: Statistics
) -> list[ProbeFinding]:
    """What the probes of a run did.

    Args:
        cells: What was answered.
        find_metric: Gives a metric by name.
        statistics: Measures shares and changes.

    Raises:
        JournalError: The run folder cannot be read.
        UserError: A metric cannot be had.
    """
    # Cells come judge by judge. A probe and its base are found task by task.
    by_task: dict[str, dict[str, RecordedCell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task, {})[cell.judge] = cell
    return [
        _finding(by_task, task, find_metric=find_metric, statistics=statistics)
        for task, judged in by_task.items()
        # By the card's id: an entry may have any name.
        if next(iter(judged.values())).task_id.startswith(PREFIX)
    ]


def section(found: Sequence[ProbeFinding]) -> str:
    """Markdown: for each probe a table of judges, or what is missing; then how to read it."""
    pieces: list[str] = []
    for finding in found:
        title = [finding.task, f"{finding.probe} of {finding.base}" if finding.base else finding.probe]
        pieces.append(f"### {' · '.join(map(_plain, title))}")
        pieces += [finding.problem] if finding.problem else [_table(finding.comparisons)]
        pieces += ["\n".join(f"- {note}" for note in finding.notes)] if finding.notes else []
    return "\n\n".join([*pieces, _LEGEND])


def _finding(cells: Cells, task: str, *, find_metric: Callable[[str], Metric], statistics: Statistics) -> ProbeFinding:
    probed = cells[task]
    first = next(iter(probed.values()))
    probe = first.task_id.removeprefix(PREFIX)
    bases = [cells[name] for name in first.wraps if name in cells]
    if not bases:
        return ProbeFinding(task=task, probe=probe, problem=_UNJUDGED if first.wraps else _MISSING)
    # Several entries may have the same items. One with the probe's format comes first: another format changes more.
    base = min(bases, key=lambda judged: next(iter(judged.values())).format != first.format)
    metric = find_metric(first.metric)
    comparisons = tuple(
        compare(
            probe,
            judge,
            base=_answers_of(base[judge], first.metric) if judge in base else (),
            probed=_answers_of(cell, first.metric),
            metric_name=first.metric,
            metric=metric,
            statistics=statistics,
            ties=first.protocol.ties,
        )
        for judge, cell in probed.items()
    )
    beginning = next(iter(base.values()))
    bare = [
        comparison.judge
        for comparison in comparisons
        if comparison.counted < comparison.n and first.protocol.ties != "skip"
    ]
    notes = tuple(_notes(first, beginning, unpaired=max(comparison.unpaired for comparison in comparisons), bare=bare))
    return ProbeFinding(task=task, probe=probe, base=beginning.task, notes=notes, comparisons=comparisons)


def _answers_of(cell: RecordedCell, metric: str) -> Iterator[RecordedAnswer]:
    """The answers that a metric is of: those to one criterion of a rubric where its name holds one."""
    criterion = cell.protocol.criterion_of(metric)
    for answer in cell.answers():
        if not criterion:
            yield answer
        elif isinstance(answer.space, Rubric) and criterion in answer.space.names:
            yield answer.of_criterion(criterion)


def _notes(task: RecordedCell, base: RecordedCell, *, unpaired: int, bare: Sequence[str]) -> Iterator[str]:
    if task.format != base.format:
        yield (
            f"the probe asks for answers in {task.format} and the base in {base.format}: a change may come of that; "
            "give both entries the same `format:`"
        )
    protocol = task.protocol
    average = protocol.average_of(task.metric)
    # The leaderboard may pool and average in other ways. Without this note its values would seem to contradict these.
    otherwise = [
        f"{name}: {value}"
        for name, value, plain in (
            ("pooling", protocol.pooling, "each"),
            ("average", average, "micro"),
            ("unparsed", protocol.unparsed, "exclude"),
            ("outside", protocol.policies["outside"], protocol.unparsed),
            ("draws", protocol.policies["draws"], protocol.unparsed),
        )
        if value != plain
    ]
    otherwise += [f"samples: {protocol.samples}"] if protocol.samples > 1 else []
    if otherwise:
        yield (
            f"the leaderboard scores by the protocol ({', '.join(otherwise)}); here each answer stands for itself, and "
            "answers without a verdict are left out"
        )
    if bare:
        yield f"{task.metric} of {', '.join(bare)} rests on the pairs with probabilities on both sides alone"
    if unpaired:
        yield (
            f"{unpaired:,} answers to the probe have no partner: give both entries the same `limit:` and `protocol:`, "
            "and let the run end"
        )


def _table(comparisons: Sequence[ProbeComparison]) -> str:
    first, blind = comparisons[0], comparisons[0].lift is not None
    metric = f"{first.metric}, %" if first.unit == "share" else first.metric
    header = [
        "judge", "flips, %", "interval", "n", "coverage, %", "lost (base, probe)",
        f"base: {metric}", f"probe: {metric}", "lift over blind" if blind else "change", "interval",
    ]  # fmt: skip
    lines = [
        [
            comparison.judge,
            write_number("share", comparison.flip_rate.value, comparison.flip_rate.low, comparison.flip_rate.high),
            write_interval("share", comparison.flip_rate.low, comparison.flip_rate.high),
            f"{comparison.n:,}",
            write_share(comparison.coverage),
            f"{comparison.base_lost:,}, {comparison.probe_lost:,}",
            write_number(comparison.unit, comparison.base_value, comparison.change.low, comparison.change.high),
            write_number(comparison.unit, comparison.probe_value, comparison.change.low, comparison.change.high),
            write_number(comparison.unit, change.value, change.low, change.high, signed=True),
            write_interval(comparison.unit, change.low, change.high, signed=True),
        ]
        for comparison in comparisons
        for change in [comparison.lift or comparison.change]
    ]
    rows = [header, [":--", *["--:"] * (len(header) - 1)], *[[_plain(cell) for cell in line] for line in lines]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plain(text: str) -> str:
    """Text that Markdown shows to the letter, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))
