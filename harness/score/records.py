"""The records that scoring makes: `Estimate`, `CellScores`, `Comparison` and what belongs to them.

journal  --answers-->  build_cell  --CellTable-->  score_cell   --CellScores-->  leaderboard
                                                  compare_all  --Comparison-->  ranks and letters
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, TypeAlias

from harness.api import Unit
from harness.score.cards import usual_unit
from harness.score.trust import Calibration, Noise

Block: TypeAlias = tuple[str, str, str]
"""Task, category and suite that name a block of rows of a leaderboard; the suite only where there is no task."""

_DIGITS = 10  # kept in JSON: far below any interval's width, and the same on every machine


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number that can be trusted: never without n, interval and worst case. A row of the leaderboard is one too."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    metric: str
    """Name of the metric."""
    value: float | None
    """By the protocol. `None` if it is not defined (no answer, one class only, ...)."""
    ci_low: float | None
    """Lower end of the interval."""
    ci_high: float | None
    """Upper end of the interval."""
    method: str
    """How the interval was made: `agresti-coull` for a share of independent trials, `cluster-jackknife` for all else,
    `rank-sets` for a mean rank. Empty where there is none."""
    n: int
    """Units that the value rests on."""
    excluded: float | None
    """The value when answers without a verdict are left out."""
    worst_case: float | None
    """The value when every answer without a verdict, errors included, counts as wrong as can be."""
    greater_is_better: bool = True
    """False for errors and distances."""
    basis: str = ""
    """Of a metric that reads probabilities: `probabilities`, of the answers that have them and no others; or
    `verdicts`, where no answer has them. Empty for every other metric."""
    unit: Unit = "score"
    """What the value is: `share` (0 to 1, printed as a percentage), `correlation` (-1 to 1), `distance` (0 is best) or
    `score` (printed as it is)."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to 10 significant digits."""
        return _mapping(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Estimate:
        """The estimate that `to_json` wrote. One from before `unit` has that of the core's metric of its name."""
        # The default stands first, so that a unit in the data wins.
        return cls(**{"unit": usual_unit(data["metric"]), **data})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCeiling:
    """Score of a person against the other people, by one metric, and score of the judge against the same."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    metric: str
    """Name of the metric."""
    n: int
    """Units that were compared: each with every annotator in turn."""
    value: float | None = None
    """The ceiling: the metric of an annotator against the consensus of the others, as a mean over annotators."""
    ci_low: float | None = None
    """Lower end of its confidence interval."""
    ci_high: float | None = None
    """Upper end of its confidence interval."""
    judge: float | None = None
    """The judge's own value against the very same golds, which need not be its value against the task's gold."""
    judge_low: float | None = None
    """Lower end of its confidence interval."""
    judge_high: float | None = None
    """Upper end of its confidence interval."""
    difference: float | None = None
    """`judge` less the people's value on the units that count for the judge."""
    difference_low: float | None = None
    """Lower end of its confidence interval."""
    difference_high: float | None = None
    """Upper end of its confidence interval."""
    reason: str = ""
    """Reason why there is no ceiling. Empty if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorTest:
    """The judge against one annotator: who agrees more with the other annotators."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    annotator: str
    """Name of the annotator, as in the data."""
    items: int
    """Items that the annotator and another one annotated."""
    advantage: float
    """Share of them on which the judge agrees with the others at least as much as the annotator does."""
    advantage_low: float | None
    """Lower end of its confidence interval."""
    advantage_high: float | None
    """Upper end of its confidence interval."""
    p_value: float
    """One-sided: that the judge is worse by epsilon or more."""
    p_adjusted: float
    """Corrected over annotators by Benjamini and Yekutieli's method."""
    beaten: bool
    """Whether the judge is significantly no worse than the annotator by epsilon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AltTest:
    """The alternative-annotator test (Calderon, Reichart and Dror 2025): may the judge stand in for a person?"""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    epsilon: float
    """Tolerance: the judge may be worse than a person by so much. `alt_test_epsilon` of the protocol."""
    annotators: int
    """Annotators with items enough to be tested."""
    winning_rate: float | None = None
    """Share of them that the judge beats: the outcome of so many tests, and so without an interval."""
    passed: bool | None = None
    """Whether the winning rate is a half or more."""
    advantage: float | None = None
    """Average advantage probability: the mean over annotators of the share of items on which the judge is no worse."""
    advantage_low: float | None = None
    """Lower end of its confidence interval."""
    advantage_high: float | None = None
    """Upper end of its confidence interval."""
    tests: tuple[AnnotatorTest, ...] = ()
    """One for each annotator tested."""
    reason: str = ""
    """Reason why there was no test. Empty if there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Agreement of people on the items of a task, and the judge beside them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    annotators: int
    """People with a verdict on an item on which another one has a verdict too."""
    items: int
    """Items with the verdicts of two people or more."""
    annotations: int
    """Verdicts of people on these."""
    alpha: float | None
    """Krippendorff's alpha: 1 is perfect agreement, 0 is chance. `null` if every verdict is the same."""
    alpha_low: float | None
    """Lower end of its confidence interval."""
    alpha_high: float | None
    """Upper end of its confidence interval."""
    distance: str
    """Difference of two verdicts in alpha: `nominal`, `interval` (squared) or `inversions` (pairs in another order)."""
    metrics: tuple[MetricCeiling, ...]
    """The ceiling of each metric of the protocol."""
    alt_test: AltTest
    """The alternative-annotator test."""

    def of(self, metric: str) -> MetricCeiling | None:
        """The ceiling of a metric, if it has one. A plugin's name may stand before it in either place."""
        # A manifest may say `accuracy` or `harness/accuracy`, and another one may have made the record.
        bare = metric.removeprefix("harness/")
        known = (ceiling for ceiling in self.metrics if ceiling.value is not None)
        return next((ceiling for ceiling in known if ceiling.metric.removeprefix("harness/") == bare), None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ceiling:
        """The ceiling that JSON was made of."""
        test = dict(data["alt_test"])
        test["tests"] = tuple(AnnotatorTest(**own) for own in test["tests"])
        metrics = tuple(MetricCeiling(**own) for own in data["metrics"])
        return cls(**{**data, "metrics": metrics, "alt_test": AltTest(**test)})


@dataclass(frozen=True, kw_only=True)
class CellFacts:
    """What is known of one judge on one task beside its metrics.

    A field that is added here is in `scores.json`, and in the rows of the leaderboard in each of its forms.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str
    """Name of the task in the plan; empty on the rows of a suite."""
    judge: str
    """Name of the judge in the plan."""
    suite: str = ""
    """The collection that the task belongs to."""
    asked: int
    """Requests put to the judge."""
    statuses: Mapping[str, int]
    """How many requests ended in each status: `ok`, `unparsed`, `outside`, `draw`, `refused`, `truncated`, `error`."""
    coverage: float
    """Share of requests with a verdict."""
    with_probabilities: float | None = None
    """Share of the requests with a verdict that have probabilities; `null` where none has a verdict."""
    histogram: Mapping[str, int]
    """How often each verdict was given, canonical, by name."""
    shown_histogram: Mapping[str, int]
    """How often each verdict was given, in the places shown, by name."""
    gold_histogram: Mapping[str, int]
    """How often each verdict is right, canonical, by name."""
    items: int
    """Items asked about."""
    groups: int
    """Clusters among them: what intervals and tests leave out one by one."""
    flags: tuple[str, ...] = ()
    """Warnings in one word each, such as `collapsed`, `constant-gold`, `low-coverage`, `partial`."""
    protocol: Mapping[str, Any]
    """The scoring protocol, field by field; empty on the rows of a suite."""
    data_hash: str
    """Hash of the items. Cells with different hashes are never compared. On the rows of a suite a hash over those of
    its tasks."""
    calibration: Calibration | None = None
    """Whether the judge is right as often as it is sure, and the thresholds above which its verdicts can be trusted.
    `null` where too few verdicts have probabilities, and on the rows of a suite."""
    criteria_calibration: Mapping[str, Calibration] = field(default_factory=dict)
    """The same of each criterion of a rubric that has probabilities of its own."""
    noise: Noise | None = None
    """How much of the score is chance in the judge itself. `null` where no question was put more than once, and on the
    rows of a suite."""
    ceiling: Ceiling | None = None
    """How far people agree, and how the judge compares with them. `null` where no item has annotations of two people,
    and on the rows of suites."""


@dataclass(frozen=True, kw_only=True)
class CellScores(CellFacts):
    """All numbers of one cell: one judge on one task."""

    estimates: tuple[Estimate, ...]
    """One for each metric of the protocol, the headline first."""
    consistency: tuple[Estimate, ...] = ()
    """`swap_consistency`, `first_position` (share of decided answers that name the first place shown) and
    `repeat_consistency`, where they apply."""
    categories: Mapping[str, Estimate] = field(default_factory=dict)
    """The headline metric by category."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to 10 significant digits: equal input gives equal bytes."""
        return _mapping(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CellScores:
        """The scores that `to_json` wrote."""
        values = dict(data)
        values["estimates"] = tuple(Estimate.from_json(estimate) for estimate in values["estimates"])
        # Every consistency is a share. Records from before units did not say so.
        values["consistency"] = tuple(Estimate.from_json({"unit": "share", **own}) for own in values["consistency"])
        values["categories"] = {name: Estimate.from_json(own) for name, own in values["categories"].items()}
        values["flags"] = tuple(values["flags"])
        for name, record in (("calibration", Calibration), ("noise", Noise), ("ceiling", Ceiling)):
            if values.get(name) is not None:
                values[name] = record.from_json(values[name])
        # Not there in scores from before criteria had one.
        own = values.get("criteria_calibration", {})
        values["criteria_calibration"] = {name: Calibration.from_json(found) for name, found in own.items()}
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two judges on the units of one task that both answered, or over the tasks of a suite."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str = ""
    """Name of the task, on a leaderboard; empty when a suite is compared."""
    category: str = ""
    """The category compared; empty unless grouped by category."""
    suite: str = ""
    """The collection that the task belongs to."""
    judge_a: str
    """The first judge, as in the rows."""
    judge_b: str
    """The second judge, as in the rows."""
    metric: str
    """Name of the metric."""
    value_a: float | None = None
    """The metric of a on the shared units, which need not be its value on all that it answered."""
    value_b: float | None = None
    """The metric of b on the shared units."""
    difference: float | None = None
    """`value_a - value_b`; `null` where it is not defined."""
    ci_low: float | None = None
    """Lower end of the difference's interval. All intervals of a block hold at once with confidence 1 - alpha, and one
    leaves 0 out exactly where the corrected test is significant."""
    ci_high: float | None = None
    """Upper end of it."""
    p_value: float | None = None
    """Two-sided, of this pair alone. `null` where the metric is not defined, or too few clusters allow no test."""
    p_adjusted: float | None = None
    """Corrected for all pairs of ranked judges of the block; `null` where one of the two is not ranked."""
    method: str = ""
    """The test: `score-pivot`, or `rank-sets` for a mean rank; empty where none is possible."""
    better: str | None = None
    """The judge that is placed above the other: significantly better on the answers of both, by the protocol, and with
    every missing answer counted wrong. `null`: the data cannot tell the two apart."""
    depends_on_missing: bool = False
    """Whether the difference is significant by the protocol, but not for each way to count missing answers."""
    bound_low: float | None = None
    """The least difference that the missing answers allow (Manski's bounds). `null` where none is missing, or the
    metric is no mean over units."""
    bound_high: float | None = None
    """The greatest such difference."""
    whatever_missing: bool = False
    """Whether one of the two is significantly better however the missing answers are filled in."""
    equivalent: bool | None = None
    """Whether the two are shown to be the same within `Leaderboard.equivalence`, in every way to count missing
    answers. `null` where that is not set, or one of the two is not ranked."""
    detectable: float | None = None
    """The smallest true difference that these items would show with a power of 80 %."""
    n: int = 0
    """Shared units."""
    disagreements: int = 0
    """Shared units on which the two verdicts differ."""
    only_a: int = 0
    """Units that get more credit from a."""
    only_b: int = 0
    """Units that get more credit from b."""
    greater_is_better: bool = True
    """False for errors and distances."""
    basis: str = ""
    """As for `Estimate`: probabilities where both judges have some, on the units where both have them. Else the
    verdicts of both."""
    unit: Unit = "score"
    """As for `Estimate`, of both values and of the difference."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to 10 significant digits."""
        return _mapping(self)

    @property
    def worse(self) -> str | None:
        """The judge that is placed below the other."""
        if self.better is None:
            return None
        return self.judge_b if self.better == self.judge_a else self.judge_a

    @property
    def block(self) -> Block:
        """The block of rows that it is about."""
        return (self.task, self.category, self.suite if not self.task else "")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        """The comparison that `to_json` wrote."""
        return cls(**data)


def _plain(value: Any) -> Any:
    """Plain data: records become mappings, tuples lists, floats rounded."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return _mapping(value) if is_dataclass(value) else value


def _mapping(record: Any) -> dict[str, Any]:
    return {spec.name: _plain(getattr(record, spec.name)) for spec in fields(record)}
