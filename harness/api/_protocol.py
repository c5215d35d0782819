"""How a benchmark is officially scored, as data.

Each task states its official protocol. A manifest may override any field. The leaderboard prints the one that was used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from harness.api._errors import DataError

_OF_CRITERION = re.compile(r"([^\[\]]+)\[([A-Za-z][\w -]*)\]", re.ASCII)
_hints_of = lru_cache(get_type_hints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The official way to score a benchmark.

    >>> protocol = Protocol(order="both", pooling="agree", metrics=("accuracy", "accuracy@category"))
    >>> protocol.average_of("accuracy"), protocol.average_of("accuracy@category")
    ('micro', 'category')
    >>> protocol.summary()
    'both orders; both must agree; unparsed: exclude; ties: class; average: micro except accuracy@category'
    >>> Protocol(pooling="agree")
    Traceback (most recent call last):
    harness.api._errors.DataError: protocol: pooling 'agree' needs order: both, got order: fixed

    Raises:
        DataError: A field has a value that it does not know, or two fields contradict each other.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}  # for the schema of manifests

    order: Literal["fixed", "shuffled", "both", "reshuffled"] = "fixed"
    """Order of the candidates. `fixed`: as in the data (GenAI-Bench). `shuffled`: one seeded random order for each item
    (RewardBench). `both`: the order of the data and its reverse (JudgeBench, MMRB2). `reshuffled`: a seeded random
    order for each sample of an item (VL-RewardBench). A task without candidates ignores it."""
    order_seed: int = 0
    """Seed of `order: shuffled` and `order: reshuffled`."""
    samples: int = 1
    """Number of times that each question is asked in each order. With `order: reshuffled` it is the number in all."""
    vote: Literal["majority", "absolute", "mean", "each"] = "majority"
    """How samples of one order become one verdict. `majority`: the most frequent one, where a draw gives none.
    `absolute`: the one of more than half of all samples, those without a verdict included, else none (VL-RewardBench).
    `mean`: the mean of scores. `each`: each sample counts on its own. With `order: reshuffled` all samples of the item
    vote together, for candidates and not for places (VL-RewardBench)."""
    pooling: Literal["each", "sum", "agree"] = "each"
    """How two orders become verdicts. `each`: each order counts on its own (MMRB2). `sum`: the net sum of votes
    decides, where ties and missing answers count nothing (JudgeBench). `agree`: both must agree, else the answer is
    inconsistent and wrong."""
    unparsed: Literal["exclude", "wrong", "chance", "half"] = "exclude"
    """What an answer without a verdict counts as (unparsed, refused, truncated). `exclude`: it is left out (MMRB2).
    `wrong`: it is wrong (GenAI-Bench). `chance`: it is worth the chance of a blind guess (RewardBench 2: 0.25). Metrics
    that do not average credit take a seeded blind guess instead (the coins of UnsafeBench and Multimodal RewardBench).
    `half`: it is worth half a point (RewardBench). Failures of the machinery (`error`) are always left out. Coverage
    and the worst case stand beside the score in every case."""
    outside: Literal["unparsed", "exclude", "wrong", "chance", "half"] = "unparsed"
    """What an answer outside the space counts as (status `outside`: a tie where there is none). By default the same as
    `unparsed`, else one of its choices (MMRB2: wrong, while a missing answer is left out)."""
    draws: Literal["unparsed", "exclude", "wrong", "chance", "half", "share"] = "unparsed"
    """What equal scores count as where the question knows no tie (status `draw`). By default the same as `unparsed`,
    else one of its choices (RewardBench: wrong). `share` is 1/k where the right answer is one of k that draw, else
    nothing (RewardBench 2). Equal numbers of votes are not scores, and follow `unparsed`."""
    ties: Literal["class", "skip", "half", "right"] = "class"
    """Ties in a preference. `class`: they are a class of their own (GenAI-Bench). `skip`: items with a tied gold are
    left out, and a predicted tie is wrong (ImageReward). `half`: a tied gold is worth a half for every prediction
    (Pick-a-Pic). `right`: a tie, in the gold or in the answer, is never an error (HPDv2 counts inversions, and a tie is
    none)."""
    average: Literal["micro", "category", "group", "group_size"] = "micro"
    """`micro`: over all units (JudgeBench). `category`: the plain mean over categories (RewardBench 2), where
    `reasoning/math` and `reasoning/code` are first averaged to `reasoning` (RewardBench). `group`: the plain mean over
    groups (HPDv2: over prompts). `group_size`: the mean over groups, where each counts as often as it has units
    (MJ-Bench, bias)."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weight of a category among its neighbours where categories are averaged. One that is not named has 1.
    `safety/donotanswer: 136` is the weight of a part of `safety`, and `safety: 2` that of all of it (RewardBench weighs
    the subsets of a section by a table of counts)."""
    metrics: tuple[str, ...] = ("accuracy",)
    """Names of metrics. The first is the task's headline. A name may end in an average of its own, in place of
    `average`: `accuracy` and `accuracy@category` (VL-RewardBench), `all_right@group` (MM-RLHF-RewardBench). Of
    a rubric, `kappa[clarity]` or `accuracy[clarity]@category` is of the answers to one criterion alone."""
    min_coverage: float = 0.9
    """Below this share of parsed answers a cell is shown but not ranked."""
    alt_test_epsilon: float = 0.2
    """How much worse than a person a judge may be and still replace one, where items have annotations. It is the
    epsilon of the alternative-annotator test (Calderon, Reichart and Dror 2025). The authors' rule of thumb is 0.2 for
    experts, 0.15 for skilled annotators and 0.1 for crowds."""

    def __post_init__(self) -> None:
        # The allowed words are read from the annotations, so that each list stands in the code once.
        kind: Any = type(self)  # mypy takes no class for hashable whose instances are
        hints = _hints_of(kind)
        for spec in fields(self):
            allowed, value = hints[spec.name], getattr(self, spec.name)
            if get_origin(allowed) is Literal and value not in get_args(allowed):
                raise DataError(f"protocol: {spec.name} must be one of {', '.join(get_args(allowed))}, got {value!r}")
        if self.samples < 1:
            raise DataError(f"protocol: samples must be 1 or more, got {self.samples}")
        if not 0 <= self.min_coverage <= 1:
            raise DataError(f"protocol: min_coverage must be from 0 to 1, got {self.min_coverage}")
        if not 0 <= self.alt_test_epsilon < 1:
            raise DataError(f"protocol: alt_test_epsilon must be 0 or more and below 1, got {self.alt_test_epsilon}")
        # A weight of 0 would hide a category. A manifest that wants to leave one out should say so.
        for name, weight in self.weights.items():
            if not (isinstance(weight, int | float) and 0 < weight < math.inf):
                raise DataError(f"protocol: weights must be numbers above 0, got {weight!r} for {name!r}")
        if not self.metrics or isinstance(self.metrics, str):  # a text is no row of letters
            raise DataError(f"protocol: metrics must name at least one metric, in a tuple, got {self.metrics!r}")
        for place, metric in enumerate(self.metrics):
            self.parse_metric(metric)
            if metric in self.metrics[:place]:
                raise DataError(f"protocol: metrics names {metric!r} twice; take one of them out")
        if self.pooling != "each" and self.order != "both":
            raise DataError(f"protocol: pooling {self.pooling!r} needs order: both, got order: {self.order}")

    @staticmethod
    def parse_metric(metric: str) -> tuple[str, str]:
        """Split an entry of `metrics` into the metric's own name and its average, which may be an empty text.

        The criterion, if it names one, is left out: `criterion_of` gives it.

        >>> Protocol.parse_metric("accuracy@category"), Protocol.parse_metric("kappa[clarity]")
        (('accuracy', 'category'), ('kappa', ''))

        Raises:
            DataError: The text after the `@` is no average, or there is no text before it.
        """
        # The last @ counts, and none before a slash: `evaluate:./my@home/metric.py` is a path.
        name, at, average = metric.rpartition("@")
        if not at or "/" in average:
            return _split_criterion(metric)[0], ""
        averages = get_args(_hints_of(Protocol)["average"])
        if not name or average not in averages:
            raise DataError(
                "protocol: metrics must be names, each with or without @ and one of "
                f"{', '.join(averages)} after it, got {metric!r}"
            )
        return _split_criterion(name)[0], average

    @staticmethod
    def criterion_of(metric: str) -> str:
        """The criterion of a rubric that an entry of `metrics` is of. Empty where it is of the whole answer.

        >>> Protocol.criterion_of("accuracy[clarity]@category"), Protocol.criterion_of("accuracy")
        ('clarity', '')
        """
        name, at, average = metric.rpartition("@")
        return _split_criterion(name if at and "/" not in average else metric)[1]

    def average_of(self, metric: str) -> str:
        """The average of an entry of `metrics`: its own, or else `average`."""
        return self.parse_metric(metric)[1] or self.average

    @property
    def policies(self) -> dict[str, str]:
        """The rule for each kind of answer without a verdict, by field. The value `unparsed` is resolved."""
        named = {"unparsed": self.unparsed, "outside": self.outside, "draws": self.draws}
        return {name: self.unparsed if policy == "unparsed" else policy for name, policy in named.items()}

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data."""
        return {**asdict(self), "metrics": list(self.metrics)}

    def summary(self) -> str:
        """One line for people: how the questions are asked, then how the answers are counted."""
        asked = {
            "fixed": "fixed order",
            "shuffled": f"shuffled order (seed {self.order_seed})",
            "both": "both orders",
            "reshuffled": f"each sample shuffled (seed {self.order_seed})",
        }
        parts = [asked[self.order]]
        if self.samples > 1:
            parts.append(f"{self.samples} samples, {self.vote}")
        if self.order == "both":
            parts.append({"each": "each order counts", "sum": "net votes", "agree": "both must agree"}[self.pooling])
        apart = [f"{name}: {policy}" for name, policy in self.policies.items() if policy != self.unparsed]
        parts += [f"unparsed: {self.unparsed}", *apart, f"ties: {self.ties}", f"average: {self.average}"]
        others = [metric for metric in self.metrics if self.average_of(metric) != self.average]
        if others:
            parts[-1] += f" except {', '.join(others)}"
        parts += ["weighted categories"] if self.weights else []
        return "; ".join(parts)


def _split_criterion(name: str) -> tuple[str, str]:
    """`kappa[clarity]` as `kappa` and `clarity`."""
    match = _OF_CRITERION.fullmatch(name)
    return (name, "") if match is None else (match[1], match[2])
