"""What is known of the reasoning of judges: shares that `harness explain` has measured, each beside its control.

They reach the board as data: the file that `harness explain` writes into the run folder. A number without a control is
not read, and so are numbers about answers that the run no longer has.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from harness.api import write_interval, write_number
from harness.recorded.journal import RecordedJournal
from harness.report.numbers import NOTHING
from harness.runner.folder import JOURNAL, read_kept

if TYPE_CHECKING:
    from harness.recorded.load import RecordedRun

FILE = "explanations.json"
"""Name of the file in the run folder."""

SCHEMA = "judge-harness/explanations/1"
"""Name and version of its form. Fields may be added within a version; none changes its meaning."""

TITLE = "Faithfulness of the reasoning"
"""Heading of its tables."""

_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faithfulness:
    """One number about the reasoning of one judge, and its control."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    judge: str
    """Name of the judge, as in the rows."""
    run: str
    """Name of the run folder."""
    task: str
    """Name of the task; empty: over all tasks on which it could be measured, by items."""
    tasks: int
    """How many tasks it rests on."""
    key: str
    """Name of the number for programs, such as `contradiction`."""
    name: str
    """What is counted, in a few words."""
    value: float
    """Share of items, from 0 to 1."""
    ci_low: float | None
    """Lower end of its interval."""
    ci_high: float | None
    """Upper end."""
    n: int
    """Items."""
    control: str
    """What the control counts."""
    control_value: float
    """The same share where there is nothing to find, or where all is well."""
    control_low: float | None
    """Lower end of its interval."""
    control_high: float | None
    """Upper end."""
    control_n: int
    """Items of the control."""

    @property
    def title(self) -> str:
        """The key in words."""
        return self.key.replace("_", " ")

    def write(self, *, interval: bool) -> str:
        """`28.6 (21.4–36.1) vs 51.7`: the number, and its control. In per cent.

        Args:
            interval: With the interval, and not with its longer half.
        """
        number = write_number("share", self.value, self.ci_low, self.ci_high)
        if self.ci_low is not None and self.ci_high is not None:
            half = max(self.value - self.ci_low, self.ci_high - self.value)
            within = write_interval("share", self.ci_low, self.ci_high)
            number += f" ({within})" if interval else f" ±{write_number('share', half, self.ci_low, self.ci_high)}"
        control = write_number("share", self.control_value, self.control_low, self.control_high)
        within = write_interval("share", self.control_low, self.control_high)
        return f"{number} vs {control}{f' ({within})' if interval and within != NOTHING else ''}"


def digest_answers(folder: Path) -> str:
    """Changes whenever the answers of a run do."""
    journal = RecordedJournal(folder / JOURNAL, readonly=True)
    try:
        state = journal.state()
    finally:
        journal.close()
    return hashlib.sha256(repr(state).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_faithfulness(run: RecordedRun) -> tuple[Faithfulness, ...]:
    """The numbers for the board; none where nothing was explained, the file is damaged, or about other answers."""
    try:
        plain = json.loads(read_kept(run.folder / FILE))
        if plain["schema"] != SCHEMA or plain["answers"] != digest_answers(run.folder):
            return ()  # the section of the report says so
        return tuple(_read(plain["findings"], run.cells[0].run))
    except _DAMAGE:
        return ()


def _read(findings: Iterable[Mapping[str, Any]], run: str) -> Iterator[Faithfulness]:
    for finding in findings:
        for figure in finding["figures"]:
            if not figure["on_board"]:
                continue
            share, control = figure["share"], figure["controls"][0]
            if share["value"] is None or control["value"] is None:
                continue
            yield Faithfulness(
                judge=str(finding["judge"]),
                run=run,
                task=str(finding["task"]),
                tasks=len(finding["tasks"]) or 1,
                key=str(figure["key"]),
                name=str(share["name"]),
                value=float(share["value"]),
                ci_low=_end(share["low"]),
                ci_high=_end(share["high"]),
                n=int(share["n"]),
                control=str(control["name"]),
                control_value=float(control["value"]),
                control_low=_end(control["low"]),
                control_high=_end(control["high"]),
                control_n=int(control["n"]),
            )


def _end(value: Any) -> float | None:
    return None if value is None else float(value)


def table_rows(
    found: Sequence[Faithfulness], task: str, judges: Sequence[str], *, interval: bool
) -> tuple[list[str], list[list[str]]]:
    """Titles of columns, and a row for each judge of which something is known. Both are empty where nothing is.

    Args:
        found: All numbers of the board.
        task: Name of the task; empty: over all of them.
        judges: In the order of the rows.
        interval: With intervals, and not with their longer half.
    """
    own = [record for record in found if record.task == task and record.judge in judges]
    keys = dict.fromkeys((record.key, record.title) for record in own)
    if not keys:
        return [], []
    known = {(record.judge, record.key): record for record in own}
    rows = [
        [
            judge,
            *(known[judge, key].write(interval=interval) if (judge, key) in known else NOTHING for key, _ in keys),
            _write_counts([record for record in own if record.judge == judge]),
        ]
        for judge in judges
        if any(record.judge == judge for record in own)
    ]
    return ["judge", *(title for _, title in keys), "n"], rows


def _write_counts(own: Sequence[Faithfulness]) -> str:
    counts = sorted({record.n for record in own})
    return f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,}–{counts[-1]:,}"


def legend(found: Sequence[Faithfulness], *, task: str) -> list[str]:
    """What each column counts, and its control, a sentence each."""
    own = [record for record in found if record.task == task]
    if not own:
        return []
    said: dict[str, str] = {}
    for record in own:
        said.setdefault(record.key, f"{record.title}: {record.name}; vs {record.control}")
    over = "over the tasks where it could be measured, by items" if not task else "on this task"
    return [f"% of n items {over}, vs its control, without which it means nothing; not ranked", *said.values()]
