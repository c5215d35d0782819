"""The records of reporting: the leaderboard, its rows and its comparisons.

`Leaderboard.to_json` is the stable, documented schema of `leaderboard.json`; `harness.report.schema` describes it.
Building a leaderboard is `harness.report.leaderboard`; showing one is `harness.report.render`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from harness.recorded.load import LeftOut
from harness.report.faithfulness import Faithfulness
from harness.report.unread import UnreadAnswers, UnreadExample
from harness.report.usage import JudgeUsage
from harness.score.records import Block, Ceiling, CellFacts, Comparison, Estimate
from harness.score.trust import Calibration, Noise

MEAN_RANK = "mean_rank"
"""Name of the metric of a suite whose tasks have different metrics."""

SCHEMA = "judge-harness/leaderboard/2"
"""Name and version of the JSON schema. Fields may be added within a version; none changes its meaning."""

# Six decimals are more than any interval supports, and fewer than the last bits in which machines differ.
_DECIMALS = 6
# A small number keeps so many digits, where six decimals would leave it none.
_DIGITS = 3
# Below this a number is what is left of 0 after sums in floating point, and is written as 0.
_ROUNDING = 1e-12
_P_VALUES = frozenset({"p", "p_value", "p_adjusted"})

GroupBy = Literal["task", "category", "suite"]
"""What a block of rows stands for."""

Compare = Literal["all-pairs", "none"]
"""Whether judges are compared pairwise."""


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow(CellFacts, Estimate):
    """One judge in one block of the leaderboard: the facts of its cell, the metric on show, and its place."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    category: str
    """The benchmark's sub-division; empty unless grouped by category."""
    tasks: tuple[str, ...]
    """The tasks that the value rests on: one, or those that a suite's mean averages."""
    run: str
    """Names of the run folders that the numbers come from, joined by commas."""
    task_id: str
    """Canonical id of the task's plugin; empty on the rows of a suite."""
    judge_id: str
    """Canonical id of the judge's plugin."""
    rank_low: int | None = None
    """The best rank that the judge may have: lower end of the confidence set of its rank. The sets of a block hold all
    true ranks at once with confidence 1 - alpha; `null`: shown, not ranked."""
    rank_high: int | None = None
    """The worst rank that it may have."""
    letters: str = ""
    """Compact letter display: two judges of a block cannot be told apart exactly where they share a letter."""
    swap_consistency: float | None
    """Share of items with the same verdict in every order shown; `null` where each was shown in one order only."""
    first_position: float | None
    """Share of decided answers that name the first place shown; one in n is unbiased between n candidates whose order
    is balanced."""
    repeat_consistency: float | None
    """Share of repeats that agree; `null` without repeats."""
    others: Mapping[str, Mapping[str, float | str | None]] = dataclasses.field(default_factory=dict)
    """The other metrics of the task's protocol, each by name with `value`, `ci_low`, `ci_high`, `n`, `unit`, and where
    it has one its `basis`; they are not ranked. Empty on the rows of categories and suites."""
    categories: Mapping[str, Mapping[str, float | str | None]] = dataclasses.field(default_factory=dict)
    """The headline metric in each category of the task, as in `others`, where there are several categories and the
    headline is on show. `group_by: category` ranks them. Empty on the rows of categories and suites."""
    unread: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """How many requests have no verdict, by reason; reasons that do not occur are left out."""
    consistency: Mapping[str, Mapping[str, float | str | None]] = dataclasses.field(default_factory=dict)
    """`swap_consistency`, `first_position` and `repeat_consistency`, where they apply, each with `value`, `ci_low`,
    `ci_high` and `n`. Empty on the rows of suites."""
    verified: bool | None = None
    """Whether the numbers of a bundle were computed here again and are equal; `null` for a run folder."""
    signed_by: str = ""
    """Who has signed the bundle; empty where it has no signature of a key that is trusted."""

    @property
    def block(self) -> Block:
        """What the row competes in: rows of one block are ranked together."""
        return (self.task, self.category, self.suite if not self.task else "")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LeaderboardRow:
        """The row of a leaderboard's JSON."""
        # JSON has lists only. The records are frozen, and hold tuples.
        values = {**data, "tasks": tuple(data["tasks"]), "flags": tuple(data["flags"])}
        for name, record in (("calibration", Calibration), ("noise", Noise), ("ceiling", Ceiling)):
            # A board of an older version may lack the field: its default then stands.
            if values.get(name) is not None:
                values[name] = record.from_json(values[name])
        own = values.get("criteria_calibration", {})
        values["criteria_calibration"] = {name: Calibration.from_json(found) for name, found in own.items()}
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """All rows, sorted by block, then rank, then value, with the paired comparisons that the ranks rest on."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    title: str
    """Names of the runs, joined by commas."""
    group_by: GroupBy
    """What a block of rows stands for."""
    metric: str | None
    """The metric that was asked for; `null`: each task's own headline."""
    alpha: float
    """Level of the tests that the ranks rest on; intervals have confidence 1 - alpha."""
    min_coverage: float | None
    """Below this coverage nothing is ranked; `null`: as each task's protocol says."""
    compare: Compare
    """Whether judges were compared pairwise; without comparisons nothing is ranked."""
    missing: str
    """`counts`: a judge must be better with missing answers counted wrong too; or `at-random`: they are declared so."""
    equivalence: float | None
    """Judges whose difference is shown to be smaller than this are called equivalent; `null`: nothing is said."""
    rows: tuple[LeaderboardRow, ...]
    """One for each judge in each block."""
    comparisons: tuple[Comparison, ...]
    """All pairs of judges within each block."""
    usage: tuple[JudgeUsage, ...] = ()
    """What each judge of each run has cost; sorted by judge."""
    left_out: tuple[LeftOut, ...] = ()
    """What judges were not asked; sorted by judge and task."""
    unread: tuple[UnreadAnswers, ...] = ()
    """The answers without a verdict of each judge on each task, where there are any; sorted by task and judge."""
    overall: tuple[LeaderboardRow, ...] = ()
    """The judges over all tasks of the board by their mean value or mean rank, each with its rank set: rows as those of
    a suite, without its name. Empty where the board has one task or one judge, or is of suites or categories."""
    faithfulness: tuple[Faithfulness, ...] = ()
    """What `harness explain` has measured of the reasoning of judges, each number with its control; sorted by task,
    judge and the order of the measures. Empty where it was not called since the answers came in."""
    sections: tuple[str, ...] = ()
    """Titles of the sections that plugins have added to `leaderboard.md`."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Leaderboard:
        """The leaderboard that `to_json` wrote."""
        fields = {name: value for name, value in data.items() if name != "schema"}
        fields["rows"] = tuple(LeaderboardRow.from_json(row) for row in data["rows"])
        fields["comparisons"] = tuple(Comparison(**pair) for pair in data["comparisons"])
        # Fields that are younger than the first boards have a default, so that these are still read.
        fields["usage"] = tuple(
            JudgeUsage(**{**record, "models": tuple(record["models"])}) for record in data.get("usage", ())
        )
        fields["left_out"] = tuple(LeftOut(**cell) for cell in data.get("left_out", ()))
        fields["unread"] = tuple(_unread(record) for record in data.get("unread", ()))
        fields["overall"] = tuple(LeaderboardRow.from_json(row) for row in data.get("overall", ()))
        fields["faithfulness"] = tuple(Faithfulness(**record) for record in data.get("faithfulness", ()))
        fields["sections"] = tuple(data.get("sections", ()))
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        """The leaderboard as plain data: the content of `leaderboard.json`.

        Floats are rounded to six decimals and not-a-number is `null`, so that equal input gives equal bytes.
        """
        plain: dict[str, Any] = {"schema": SCHEMA}
        for spec in dataclasses.fields(self):
            plain[spec.name] = as_plain(getattr(self, spec.name))
        return plain


def _unread(plain: Mapping[str, Any]) -> UnreadAnswers:
    examples = tuple(UnreadExample(**{**example, "order": tuple(example["order"])}) for example in plain["examples"])
    return UnreadAnswers(**{**plain, "examples": examples})


def as_plain(value: Any, *, name: str = "") -> Any:
    """Dataclasses, mappings and tuples as plain JSON data, floats rounded, NaN and infinity as `None`.

    Args:
        value: What to write.
        name: Of the field: a p-value is never nothing, however small, and other numbers as small are rounding.
    """
    # Before numbers: a `bool` is an `int`, and a whole number must not become a fraction.
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): as_plain(entry, name=str(key)) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {spec.name: as_plain(getattr(value, spec.name), name=spec.name) for spec in dataclasses.fields(value)}
    number = float(value)  # a NumPy scalar as well
    if not math.isfinite(number):
        return None
    small = (0 if name in _P_VALUES else _ROUNDING) < abs(number) < 10**-_DIGITS
    return float(f"{number:.{_DIGITS}g}") if small else round(number, _DECIMALS) + 0.0
