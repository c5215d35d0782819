"""The records of `explanations.json`: figures with their controls, by judge, task and measure.

A figure without a control cannot be made: most of these numbers look like something without one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from harness.api import Measurement
from harness.report.faithfulness import FILE, SCHEMA
from harness.report.records import as_plain
from harness.runner.folder import read_kept

_DOCUMENTED: dict[str, Any] = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of items with its interval, or the difference of two shares of the same items."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _DOCUMENTED

    name: str
    """What is counted, in a few words."""
    value: float | None
    """From 0 to 1, a difference from -1 to 1; `null` where there is no item."""
    low: float | None
    """Lower end of its interval; `null` where the data define none."""
    high: float | None
    """Upper end."""
    n: int
    """Items. Several answers to an item, or several windows over its picture, are one."""

    @classmethod
    def of(cls, name: str, measured: Measurement, n: int) -> Share:
        """A share that was measured."""
        return cls(name=name, value=measured.value, low=measured.low, high=measured.high, n=n)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedShare(Share):
    """A share that still has what it counts, so that those of several tasks can be put together. No file has it."""

    units: tuple[tuple[str, float], ...] = field(repr=False, compare=False)
    """For each item its group, and the mean of what was found about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """A number that says something of a judge, beside those that say what it is worth."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _DOCUMENTED

    key: str
    """Name for programs, the same in every run, such as `contradiction` or `mistake.digit`."""
    share: Share
    """The number."""
    controls: tuple[Share, ...]
    """What comes out where there is nothing to find, or where all is well. At least one."""
    meaning: str
    """What a high and a low value mean, in a sentence."""
    on_board: bool = False
    """Whether it stands in the table of all judges and tasks."""

    def __post_init__(self) -> None:
        if not self.controls:
            raise ValueError(f"figure {self.key}: has no control; a number without one is not shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingExample:
    """One case that the figures count, to be looked at."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _DOCUMENTED

    item: str
    """Id of the item."""
    order: tuple[int, ...]
    """The permutation shown."""
    text: str
    """The reasoning, or what was cut out."""
    note: str
    """What was found in it."""
    verdict: str = ""
    """The verdict in the journal of the run, by name, in shown places."""
    then: str = ""
    """The verdict afterwards, where the judge was asked again."""
    picture: str = ""
    """A PNG file in the run folder, with the map drawn over the picture; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One measure of one judge on one task."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _DOCUMENTED

    measure: str
    """Name of the measure."""
    task: str
    """Name of the task in the plan; empty: over all `tasks` by items."""
    judge: str
    """Name of the judge in the plan."""
    tasks: tuple[str, ...] = ()
    """The tasks that a finding over several rests on; empty for that of one task."""
    figures: tuple[KeyFigure, ...] = ()
    """What was measured. Empty where it could not be."""
    lacks: str = ""
    """Why it could not be measured. Empty where it was."""
    examples: tuple[FindingExample, ...] = ()
    """A few of the cases that they count."""
    failed: int = 0
    """Questions of the measure that have no answer; they are in no figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """All that was found out about the judges of a run."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _DOCUMENTED

    run: str
    """Name of the run folder."""
    answers: str
    """Digest of the answers that were explained. Where the run's are others by now, the report says so."""
    limit: int
    """Items of each task about which judges were asked again."""
    seed: int
    """Of the choice of items."""
    confidence: float
    """Of the intervals."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the measures, such as the size of a window."""
    findings: tuple[Finding, ...] = ()
    """By task, judge and measure, in the order of the manifest."""

    def to_json(self) -> dict[str, Any]:
        """The content of `explanations.json`."""
        return {"schema": SCHEMA, **as_plain(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Explanations:
        """The record that `to_json` wrote.

        Raises:
            ValueError: It is another version's, or damaged; and so do `KeyError` and `TypeError`.
        """
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r} in place of {SCHEMA!r}")
        plain = {name: value for name, value in data.items() if name != "schema"}
        return cls(**{**plain, "findings": tuple(_finding(record) for record in data["findings"])})


def read_explanations(folder: Path) -> Explanations | None:
    """What was found out about a run; `None` where nothing was, or where the file is damaged or another version's."""
    try:
        return Explanations.from_json(json.loads(read_kept(folder / FILE)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _finding(plain: Mapping[str, Any]) -> Finding:
    figures = tuple(
        KeyFigure(
            **{
                **figure,
                "share": Share(**figure["share"]),
                "controls": tuple(Share(**control) for control in figure["controls"]),
            }
        )
        for figure in plain["figures"]
    )
    examples = tuple(FindingExample(**{**example, "order": tuple(example["order"])}) for example in plain["examples"])
    # Files of earlier versions have no finding over several tasks.
    tasks = tuple(plain.get("tasks", ()))
    return Finding(**{**plain, "tasks": tasks, "figures": figures, "examples": examples})
