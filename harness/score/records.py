"""The records of scoring: what goes in (`Answer`) and what comes out (`Estimate`, `CellScores`, `Comparison`).

journal  --answers-->  build_cell  --CellTable-->  score_cell   --CellScores-->  leaderboard
                                                  compare_all  --Comparison-->  ranks and letters
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar

from harness.api import Unit
from harness.score.cards import usual_unit
from harness.score.trust import Calibration, Noise

_DIGITS = 10  # kept in JSON: far below any interval's width, and the same on every machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One number that can be trusted: never without n, interval and worst case."""

    metric: str
    """Name of the metric."""
    value: float | None
    """By the protocol; `None` where it is not defined (no answer, one class only, ...)."""
    ci_low: float | None
    """Lower end of the interval."""
    ci_high: float | None
    """Upper end of the interval."""
    method: str
    """How the interval was made: `agresti-coull` for a share of independent trials, `cluster-jackknife` for all else;
    or empty where there is none."""
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
    """What the value is: `share` (0 to 1), `correlation` (-1 to 1), `distance` (0 is best) or `score` (as it is)."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to 10 significant digits."""
        return _mapping(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Estimate:
        """The estimate that `to_json` wrote; one from before `unit` has that of the core's metric of its name."""
        # The default stands first, so that a unit in the data wins.
        return cls(**{"unit": usual_unit(data["metric"]), **data})


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCeiling:
    """What a person scores against the other people, by one metric, and what the judge scores against the same."""

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
    """Why there is no ceiling; empty where there is one."""


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
    """How much worse than a person the judge may be: `alt_test_epsilon` of the protocol."""
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
    """Why there was no test; empty where there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How far people agree on the items of a task, and how the judge compares with them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    annotators: int
    """People with a verdict on an item on which another one has a verdict too."""
    items: int
    """Items with the verdicts of two people or more."""
    annotations: int
    """Verdicts of people on these."""
    alpha: float | None
    """Krippendorff's alpha: 1 is perfect agreement, 0 is chance; `null` where every verdict is the same."""
    alpha_low: float | None
    """Lower end of its confidence interval."""
    alpha_high: float | None
    """Upper end of its confidence interval."""
    distance: str
    """How two verdicts differ in alpha: `nominal`, `interval` (squared) or `inversions` (pairs in another order)."""
    metrics: tuple[MetricCeiling, ...]
    """The ceiling of each metric of the protocol."""
    alt_test: AltTest
    """The alternative-annotator test."""

    def of(self, metric: str) -> MetricCeiling | None:
        """The ceiling of a metric, where it has one; a plugin's name may stand before it in either place."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CellScores:
    """All numbers of one cell: one judge on one task."""

    task: str
    """Name of the task in the plan."""
    judge: str
    """Name of the judge in the plan."""
    suite: str = ""
    """Collection of the task."""
    estimates: tuple[Estimate, ...]
    """One for each metric of the protocol, the headline first."""
    consistency: tuple[Estimate, ...] = ()
    """`swap_consistency`, `first_position` (share of decided answers that name the first place shown) and
    `repeat_consistency`, where they apply."""
    categories: Mapping[str, Estimate] = field(default_factory=dict)
    """The headline metric by category."""
    asked: int
    """Requests put to the judge."""
    statuses: Mapping[str, int]
    """How many requests ended in each status."""
    coverage: float
    """Share of requests with a verdict."""
    with_probabilities: float | None = None
    """Share of the requests with a verdict that have probabilities; `None` where none has a verdict."""
    histogram: Mapping[str, int]
    """How often each verdict was given, canonical, by name."""
    shown_histogram: Mapping[str, int]
    """How often each verdict was given, in shown places, by name."""
    gold_histogram: Mapping[str, int]
    """How often each verdict is right, canonical, by name."""
    items: int
    """Items asked about."""
    groups: int
    """Clusters among them."""
    flags: tuple[str, ...] = ()
    """`collapsed`, `constant-gold`, `low-coverage`, ... see `harness.score.flags`."""
    protocol: Mapping[str, Any]
    """`Protocol.to_json`."""
    data_hash: str
    """Hash of the items: cells with different hashes are never compared."""
    calibration: Calibration | None = None
    """Whether the judge is right as often as it is sure; `None` where too few verdicts have probabilities."""
    noise: Noise | None = None
    """The judge's own noise; `None` where no question was put more than once."""
    ceiling: Ceiling | None = None
    """How far people agree, and how the judge compares with them; `null` where no item has annotations of two."""

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
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two judges on the units of one task that both answered."""

    a: str
    """Name of one judge."""
    b: str
    """Name of the other."""
    metric: str
    """Name of the metric."""
    value_a: float | None = None
    """The metric of `a` on the shared units, which need not be its value on all that it answered."""
    value_b: float | None = None
    """The metric of `b` on the shared units."""
    difference: float | None = None
    """`value_a - value_b`."""
    ci_low: float | None = None
    """Lower end of the interval of the difference: all that the test of the family does not reject, so that the
    intervals of a family hold together."""
    ci_high: float | None = None
    """Upper end of it."""
    p: float | None = None
    """Two-sided p-value of this pair alone; `None` where the metric is not defined, or no test is possible."""
    p_adjusted: float | None = None
    """`p` after correction for the family; `None` for a pair outside it, where one judge is not ranked."""
    method: str = ""
    """Where `p` comes from: `score-pivot`; empty where there is none."""
    better: str | None = None
    """The judge that is placed above the other: significantly better within the family, on the answers of both and with
    every missing answer counted wrong. `None`: the data cannot tell the two apart."""
    depends_on_missing: bool = False
    """Whether the difference is significant by the protocol, and not for every way to count missing answers."""
    bound_low: float | None = None
    """The least difference that the missing answers allow (Manski's bounds). `None` where none is missing, or the
    metric is no mean over units."""
    bound_high: float | None = None
    """The greatest one."""
    whatever_missing: bool = False
    """Whether one judge is significantly better however the missing answers are filled in."""
    equivalent: bool | None = None
    """Whether the two are shown to be the same within `Rules.equivalence`, in every way to count missing answers;
    `None` where that is not set, or one of the two is not ranked."""
    detectable: float | None = None
    """The smallest true difference that so many items would show with a power of 80 % at the family's quantile."""
    n: int = 0
    """Shared units."""
    disagreements: int = 0
    """Shared units on which the two verdicts differ."""
    only_a: int = 0
    """Units that get more credit from `a`."""
    only_b: int = 0
    """Units that get more credit from `b`."""
    greater_is_better: bool = True
    """False for errors and distances."""
    basis: str = ""
    """As for `Estimate`: probabilities where both judges have some, on the units where both have them; else the
    verdicts of both."""
    unit: Unit = "score"
    """As for `Estimate`, of both values and of the difference."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to 10 significant digits."""
        return _mapping(self)

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
