"""The records of reporting: the leaderboard, its rows and its comparisons.

`Leaderboard.to_json` is the stable, documented schema of `leaderboard.json`; `harness.report.schema` describes it.
Building a leaderboard is `harness.report.leaderboard`; showing one is `harness.report.render`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from harness.api import Unit
from harness.report.unread import UnreadAnswers, UnreadExample
from harness.report.usage import JudgeUsage
from harness.run.rows import LeftOut
from harness.score.records import Ceiling
from harness.score.trust import Calibration, Noise

MEAN_RANK = "mean_rank"
"""Name of the metric of a suite whose tasks have different metrics."""

SCHEMA = "judge-harness/leaderboard/2"
"""Name and version of the JSON schema. Fields may be added within a version; none changes its meaning."""

_DECIMALS = 6
_DIGITS = 3
_ROUNDING = 1e-12
_P_VALUES = frozenset({"p", "p_value", "p_adjusted"})

GroupBy = Literal["task", "category", "suite"]
"""What a block of rows stands for."""

Compare = Literal["all-pairs", "none"]
"""Whether judges are compared pairwise."""

Block: TypeAlias = tuple[str, str, str]
"""Task, category and suite that name a block of rows; the suite only where there is no task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One judge in one block of the leaderboard."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str
    """Name of the task in the plan; empty on the rows of a suite."""
    category: str
    """The benchmark's sub-division; empty unless grouped by category."""
    suite: str
    """The collection that the task belongs to."""
    tasks: tuple[str, ...]
    """The tasks that the value rests on: one, or those that a suite's mean averages."""
    judge: str
    """Name of the judge in the plan, followed by its run in brackets where two runs share the name."""
    run: str
    """Names of the run folders that the numbers come from, joined by commas."""
    task_id: str
    """Canonical id of the task's plugin; empty on the rows of a suite."""
    judge_id: str
    """Canonical id of the judge's plugin."""
    metric: str
    """Name of the metric shown."""
    greater_is_better: bool
    """False for errors and distances."""
    value: float | None
    """The metric by the protocol, as a fraction; `null` where it is not defined."""
    ci_low: float | None
    """Lower end of the confidence interval."""
    ci_high: float | None
    """Upper end of the confidence interval."""
    method: str
    """How the interval was made: `agresti-coull` for a share of independent trials, `cluster-jackknife` for all else,
    `rank-sets` for a mean rank; or empty."""
    n: int
    """Units that the value rests on."""
    asked: int
    """Requests put to the judge."""
    coverage: float
    """Share of requests with a verdict."""
    excluded: float | None
    """The value when answers without a verdict are left out."""
    worst_case: float | None
    """The value when every answer without a verdict, errors included, counts as wrong as can be."""
    rank_low: int | None
    """The best rank that the judge may have: lower end of the confidence set of its rank. The sets of a block hold all
    true ranks at once with confidence 1 - alpha; `null`: shown, not ranked."""
    rank_high: int | None
    """The worst rank that it may have."""
    letters: str
    """Compact letter display: two judges of a block cannot be told apart exactly where they share a letter."""
    flags: tuple[str, ...]
    """Warnings in one word each, such as `collapsed`, `constant-gold`, `low-coverage`, `partial`."""
    swap_consistency: float | None
    """Share of items with the same verdict in every order shown; `null` where each was shown in one order only."""
    first_position: float | None
    """Share of decided answers that name the first place shown; one half is unbiased between two candidates."""
    repeat_consistency: float | None
    """Share of repeats that agree; `null` without repeats."""
    histogram: Mapping[str, int]
    """How often each verdict was given, canonical, by name."""
    shown_histogram: Mapping[str, int]
    """How often each verdict was given, in the places shown, by name."""
    gold_histogram: Mapping[str, int]
    """How often each verdict is right, canonical, by name."""
    statuses: Mapping[str, int]
    """How many requests ended in each status: `ok`, `unparsed`, `outside`, `draw`, `refused`, `truncated`, `error`."""
    items: int
    """Items asked about."""
    groups: int
    """Clusters among them: what intervals and tests leave out one by one."""
    protocol: Mapping[str, Any]
    """The scoring protocol, field by field; empty on the rows of a suite."""
    data_hash: str
    """Hash of the items; on the rows of a suite a hash over those of its tasks."""
    others: Mapping[str, Mapping[str, float | str | None]] = dataclasses.field(default_factory=dict)
    """The other metrics of the task's protocol, each by name with `value`, `ci_low`, `ci_high`, `n`, `unit`, and where
    it has one its `basis`; they are not ranked. Empty on the rows of categories and suites."""
    unread: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """How many requests have no verdict, by reason; reasons that do not occur are left out."""
    with_probabilities: float | None = None
    """Share of the requests with a verdict that have probabilities; `null` where none has a verdict."""
    basis: str = ""
    """Of a metric that reads probabilities: `probabilities`, of the answers that have them and no others; or
    `verdicts`, where no answer has them. Empty for every other metric."""
    unit: Unit = "score"
    """What the metric's values are: `share` (0 to 1, printed as a percentage), `correlation` (-1 to 1), `distance`
    (0 is best) or `score` (printed as it is)."""
    consistency: Mapping[str, Mapping[str, float | str | None]] = dataclasses.field(default_factory=dict)
    """`swap_consistency`, `first_position` and `repeat_consistency`, where they apply, each with `value`, `ci_low`,
    `ci_high` and `n`. Empty on the rows of suites."""
    calibration: Calibration | None = None
    """Whether the judge is right as often as it is sure, and the thresholds above which its verdicts can be trusted;
    `null` where too few verdicts have probabilities, and on the rows of a suite."""
    noise: Noise | None = None
    """How much of the score is chance in the judge itself; `null` where no question was put more than once, and on the
    rows of a suite."""
    ceiling: Ceiling | None = None
    """How far people agree, and how the judge compares with them; `null` where no item has annotations of two people,
    and on the rows of suites."""

    @property
    def block(self) -> Block:
        """What the row competes in: rows of one block are ranked together."""
        return (self.task, self.category, self.suite if not self.task else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two judges on the same units, compared by the metric of their block."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str
    """Name of the task; empty when a suite is compared."""
    category: str
    """The category compared; empty unless grouped by category."""
    suite: str
    """The collection that the task belongs to."""
    metric: str
    """Name of the metric compared."""
    greater_is_better: bool
    """False for errors and distances."""
    judge_a: str
    """The first judge, as in the rows."""
    judge_b: str
    """The second judge, as in the rows."""
    value_a: float | None
    """The metric of a on the shared units, which need not be its value on all that it answered."""
    value_b: float | None
    """The metric of b on the shared units."""
    difference: float | None
    """`value_a - value_b`; `null` where it is not defined."""
    ci_low: float | None
    """Lower end of the difference's interval. All intervals of a block hold at once with confidence 1 - alpha, and one
    leaves 0 out exactly where the corrected test is significant."""
    ci_high: float | None
    """Upper end of it."""
    p_value: float | None
    """Two-sided, of this pair alone; `null` where too few clusters allow no test."""
    p_adjusted: float | None
    """Corrected for all pairs of ranked judges of the block; `null` where one of the two is not ranked."""
    better: str | None
    """The judge that is placed above the other: significantly better on the answers of both, by the protocol, and with
    every missing answer counted wrong. `null`: the data cannot tell the two apart."""
    depends_on_missing: bool
    """Whether the difference is significant by the protocol, but not for each way to count missing answers."""
    bound_low: float | None
    """The least difference that is possible whatever the missing answers were; `null` where none is missing, or the
    metric is no mean over units."""
    bound_high: float | None
    """The greatest such difference."""
    whatever_missing: bool
    """Whether one of the two is significantly better whatever the missing answers were."""
    detectable: float | None
    """The smallest true difference that these items would show with a power of 80 %."""
    equivalent: bool | None
    """Whether the two are shown to be the same within `Leaderboard.equivalence`, in every way to count missing answers;
    `null` where that is not set, or one of the two is not ranked."""
    method: str
    """The test: `score-pivot`, or `rank-sets` for a mean rank; empty where none is possible."""
    n: int
    """Shared units."""
    disagreements: int
    """Shared units on which the two verdicts differ."""
    only_a: int
    """Units that get more credit from a."""
    only_b: int
    """Units that get more credit from b."""
    basis: str = ""
    """As in the rows: the probabilities of the units where both have them, or the verdicts of both."""
    unit: Unit = "score"
    """As in the rows, of both values and of the difference."""

    @property
    def block(self) -> Block:
        """The block of rows that it is about."""
        return (self.task, self.category, self.suite if not self.task else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """All rows, sorted by block, then rank, then value, with the paired comparisons behind the ranks."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    title: str
    """Names of the runs, joined by commas."""
    group_by: GroupBy
    """What a block of rows stands for."""
    metric: str | None
    """The metric that was asked for; `null`: each task's own headline."""
    alpha: float
    """Level of the tests behind the ranks; intervals have confidence 1 - alpha."""
    min_coverage: float | None
    """Below this coverage nothing is ranked; `null`: as each task's protocol says."""
    compare: Compare
    """Whether judges were compared pairwise; without comparisons nothing is ranked."""
    missing: str
    """`counts`: a judge must be better with missing answers counted wrong too; or `at-random`: they are declared so."""
    equivalence: float | None
    """Judges whose difference is shown to be smaller than this are called equivalent; `null`: nothing is said."""
    rows: tuple[Row, ...]
    """One for each judge in each block."""
    comparisons: tuple[Pair, ...]
    """All pairs of judges within each block."""
    usage: tuple[JudgeUsage, ...] = ()
    """What each judge of each run has cost; sorted by judge."""
    left_out: tuple[LeftOut, ...] = ()
    """What judges were not asked; sorted by judge and task."""
    unread: tuple[UnreadAnswers, ...] = ()
    """The answers without a verdict of each judge on each task, where there are any; sorted by task and judge."""
    sections: tuple[str, ...] = ()
    """Titles of the sections that plugins have added to `leaderboard.md`."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Leaderboard:
        """The leaderboard that `to_json` wrote."""
        fields = {name: value for name, value in data.items() if name != "schema"}
        fields["rows"] = tuple(_row(row) for row in data["rows"])
        fields["comparisons"] = tuple(Pair(**pair) for pair in data["comparisons"])
        fields["usage"] = tuple(JudgeUsage(**{**one, "models": tuple(one["models"])}) for one in data.get("usage", ()))
        fields["left_out"] = tuple(LeftOut(**one) for one in data.get("left_out", ()))
        fields["unread"] = tuple(_unread(one) for one in data.get("unread", ()))
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


def _row(plain: Mapping[str, Any]) -> Row:
    values = {**plain, "tasks": tuple(plain["tasks"]), "flags": tuple(plain["flags"])}
    for name, record in (("calibration", Calibration), ("noise", Noise), ("ceiling", Ceiling)):
        if values.get(name) is not None:
            values[name] = record.from_json(values[name])
    return Row(**values)


def _unread(plain: Mapping[str, Any]) -> UnreadAnswers:
    examples = tuple(UnreadExample(**{**one, "order": tuple(one["order"])}) for one in plain["examples"])
    return UnreadAnswers(**{**plain, "examples": examples})


def as_plain(value: Any, *, name: str = "") -> Any:
    """Dataclasses, mappings and tuples as plain JSON data, floats rounded, NaN and infinity as `None`.

    Args:
        value: What to write.
        name: Of the field: a p-value is never nothing, however small, and other numbers as small are rounding.
    """
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
