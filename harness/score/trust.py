"""The records of how far a judge's verdicts can be trusted: its calibration, and its own noise.

Light on purpose: scores are read back without the statistics. These are made by `harness.score.calibration`,
`harness.score.selective` and `harness.score.noise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Verdicts of like confidence: how sure the judge was of them, and how often they are right."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    low: float
    """The least confidence in the bin."""
    high: float
    """The greatest confidence in the bin."""
    n: int
    """Verdicts in it."""
    confidence: float
    """Their mean confidence."""
    right: float
    """Share of them that are right."""
    ci_low: float
    """Lower end of the interval of `right`."""
    ci_high: float
    """Upper end of the interval of `right`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveragePoint:
    """The verdicts above a threshold, when those below it are left to people."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    threshold: float
    """Verdicts of at least this confidence are kept."""
    coverage: float
    """Share of the verdicts that are kept."""
    n: int
    """Verdicts kept."""
    risk: float
    """Share of the kept verdicts that are wrong."""
    ci_low: float
    """Lower end of the interval of `risk`, of this point alone."""
    ci_high: float
    """Upper end of the interval of `risk`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """The threshold above which verdicts agree with the gold at least as often as was asked."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    agreement: float
    """The agreement asked for, such as 0.9."""
    threshold: float | None
    """Verdicts of at least this confidence agree with the gold that often, with the confidence of the intervals.
    `null` if these data can guarantee it nowhere."""
    coverage: float | None
    """Share of the verdicts that are kept."""
    n: int
    """Verdicts kept."""
    right: float | None
    """Share of the kept verdicts that are right in these data."""
    ci_low: float | None
    """One-sided lower bound of that share. At least `agreement`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Whether a judge is right as often as it is sure. Of the verdicts that have a probability."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    n: int
    """Verdicts with a confidence: the probability that the judge gave to its verdict."""
    groups: int
    """Clusters among them."""
    confidence: float
    """Mean confidence."""
    right: float
    """Share of them that are right."""
    ece: float
    """Calibration error: root of the mean squared gap between confidence and share right over the bins, debiased."""
    ece_low: float
    """Lower end of its interval."""
    ece_high: float
    """Upper end of its interval."""
    ece_plain: float
    """The usual plain ECE, for comparison with papers: mean absolute gap over the same bins. Too large by its nature:
    a perfectly calibrated judge has one too."""
    brier: float
    """Brier score of the verdict: mean of (confidence - right)²."""
    brier_low: float
    """Lower end of its interval."""
    brier_high: float
    """Upper end of its interval."""
    reliability: float
    """Part of `brier` that calibration would remove: the square of `ece`."""
    resolution: float
    """Part that confidence takes away, by telling right from wrong: `brier` = reliability - resolution +
    uncertainty."""
    uncertainty: float
    """Part that nothing removes: right · (1 - right)."""
    aurc: float
    """Area under the risk-coverage curve: the mean risk over all coverages, most confident verdicts first. Equal to
    1 - `right` where confidence tells nothing."""
    aurc_low: float
    """Lower end of its interval."""
    aurc_high: float
    """Upper end of its interval."""
    bins: tuple[ReliabilityBin, ...]
    """Bins of about as many verdicts each, the least confident first."""
    curve: tuple[CoveragePoint, ...]
    """The risk-coverage curve, the most confident first."""
    guarantees: tuple[Guarantee, ...]
    """Thresholds for agreements of 0.8, 0.9 and 0.95."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """The record that was written as plain data."""
        lists = {
            "bins": tuple(ReliabilityBin(**entry) for entry in data["bins"]),
            "curve": tuple(CoveragePoint(**entry) for entry in data["curve"]),
            "guarantees": tuple(Guarantee(**entry) for entry in data["guarantees"]),
        }
        return cls(**{**data, **lists})

    def guarantee(self, agreement: float) -> Guarantee | None:
        """The guarantee of that agreement. `None` if it was not asked for."""
        return next((entry for entry in self.guarantees if entry.agreement == agreement), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The part of a score that is chance in the judge itself. Of questions that were put more than once.

    A question is an item in one order. If each sample is shuffled again it is the item. Its value is the mean over
    its answers: whether they are right, or for scores how far they are from the gold.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    measure: str
    """Worth of a single answer: `accuracy`, its credit, or `mae`, the distance of its score from the gold."""
    questions: int
    """Questions with at least one answer that counts."""
    groups: int
    """Clusters among them."""
    samples: float
    """Mean number of answers to a question."""
    value: float
    """Mean over questions of the mean over answers: the score of single answers, before any vote."""
    between: float
    """Variance of what questions are worth, were each asked for ever."""
    within: float
    """Variance of the answers to one question, the mean over questions."""
    share: float | None
    """Share of the variance of `value` that comes from asking again, and not from the choice of items. `null` if
    nothing varies."""
    share_low: float | None
    """Lower end of its interval."""
    share_high: float | None
    """Upper end of its interval."""
    se_one: float
    """Standard error of `value` with one answer to each question."""
    se: float
    """Standard error of `value` as it is."""
    se_endless: float
    """Standard error of `value` that is left with any number of answers to each question: that of the items."""
    se_again: float
    """Standard error of `value` among repetitions of the run with the same items: from asking alone."""
    se_vote: float | None
    """The same of the voted score. `null` if samples are not voted into one right or wrong answer to each
    question."""
    vote_changes: float | None
    """Share of voted answers that would turn from right to wrong, or back, in a repetition of the run. `null` as
    `se_vote` is."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Noise:
        """The record that was written as plain data."""
        return cls(**data)
