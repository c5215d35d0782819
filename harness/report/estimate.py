"""The record of `harness estimate`: a rate or mean, corrected by labels, and what a label is worth with the judge.

The statistics are `harness.score.worth`. Where the numbers come from is `harness.report.verdicts`. What people read is
`harness.report.estimate_text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.api import Choice, DataError, Measurement, Preference, write_number, write_share
from harness.report.records import as_plain
from harness.report.verdicts import VerdictItems, VerdictTarget, as_arrays
from harness.score import padded, worth

if TYPE_CHECKING:
    from harness.score.worth import Verdicts

SCHEMA = "judge-harness/estimate/1"
"""Name and version of the JSON schema. Fields may be added within a version; none changes its meaning."""

# Stricter than 0.05, since the check is made every time: one sound estimate in twenty would get a warning.
_ALIKE = 0.01
"""Below this p-value the judge's verdicts say that labelled and unlabelled items are not alike."""
_CLUSTERS = 5
"""Fewer clusters than this, counted as of equal size, are too few for an interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalEstimate:
    """A number with its interval."""

    value: float | None
    """`null` where it is not defined."""
    ci_low: float | None
    """Lower end of the interval; `null` where there is none."""
    ci_high: float | None
    """Upper end of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction(IntervalEstimate):
    """The rate or mean by one method."""

    method: str
    """`judge-alone`: what the judge says of the unlabelled items, its errors and all. `labels-alone`: the mean of the
    labels. `rogan-gladen`: the judge's rate, corrected for its errors. `ppi++`: labels and verdicts together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """A rate or mean of unlabelled items, from labels and a judge's verdicts."""

    target: str
    """What is estimated, in words."""
    label: str
    """Name of the class whose share it is; empty for a mean."""
    judge: str
    """Name of the judge."""
    task: str
    """Name of the labelled task."""
    labelled_run: str
    """Name of the labelled run's folder."""
    unlabelled_from: str
    """Name of the file of verdicts; or of the run folder, with the task after a colon."""
    confidence: float
    """Of the intervals."""
    labelled: int
    """Labelled items, n."""
    labelled_clusters: int
    """Clusters among them."""
    unlabelled: int
    """Unlabelled items, N."""
    unlabelled_clusters: int
    """Clusters among them."""
    labelled_without_verdict: float
    """Share of the judge's answers on labelled items that have no verdict. They count as "not the class", as half a
    win where ties do, and as the judge's mean score; the same among the unlabelled, so that no estimate suffers."""
    unlabelled_without_verdict: float
    """The same of unlabelled items."""
    failed: int
    """Items left out since the machinery failed on them, in both."""
    already_labelled: int
    """Unlabelled items left out since they are among the labelled ones."""
    estimates: tuple[Correction, ...]
    """The rate or mean by each method."""
    specificity: IntervalEstimate
    """Share of items not of the class of which the judge does not say it (q0); for a class only."""
    sensitivity: IntervalEstimate
    """Share of items of the class of which the judge says it (q1); for a class only."""
    skill: IntervalEstimate
    """Specificity plus sensitivity less 1: 0 is chance; for a class only."""
    correlation: IntervalEstimate
    """Pearson's correlation of verdicts and labels."""
    weight: float
    """How much the judge counts in PPI++, from 0 to 1 (lambda)."""
    label_worth: IntervalEstimate
    """One label with this judge and this many verdicts is worth so many labels without it."""
    label_worth_limit: IntervalEstimate
    """The same with verdicts without end; `null` where it has no end either."""
    shift_p: float
    """p-value of "the judge says the same of labelled and unlabelled items"."""
    warnings: tuple[str, ...]
    """What speaks against the numbers."""
    assumptions: tuple[str, ...]
    """What the numbers rest on."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to six decimals."""
        return {"schema": SCHEMA, **as_plain(self)}


def estimate(
    labelled: VerdictItems,
    unlabelled: VerdictItems,
    target: VerdictTarget,
    *,
    judge: str,
    task: str,
    labelled_run: str,
    unlabelled_from: str,
    confidence: float = 0.95,
    warnings: Sequence[str] = (),
) -> Estimates:
    """Estimate a rate or mean from labelled items and from verdicts on others.

    Args:
        labelled: Items with gold.
        unlabelled: Items without, of the same judge.
        target: What is estimated.
        judge: Name of the judge.
        task: Name of the labelled task.
        labelled_run: Name of the labelled run.
        unlabelled_from: Where the unlabelled items come from.
        confidence: Of the intervals.
        warnings: More of them, to stand first.

    Raises:
        DataError: One of the two holds too few items.
    """
    _check_enough(labelled, "labelled", labelled_run)
    _check_enough(unlabelled, "unlabelled", unlabelled_from)
    own, other = as_arrays(labelled, unlabelled)
    # A mean of scores has no two kinds of errors, so Rogan-Gladen is for classes only.
    rates = worth.rates(own, confidence=confidence) if target.is_class else None
    found = _estimate_by_method(own, other, target, confidence)
    shift = worth.shift(own, other)
    return Estimates(
        target=target.name,
        label=target.label,
        judge=judge,
        task=task,
        labelled_run=labelled_run,
        unlabelled_from=unlabelled_from,
        confidence=confidence,
        **_count_items(labelled, unlabelled, own, other),
        estimates=_list_corrections(found),
        **_describe_judge(own, other, target, rates, confidence),
        shift_p=shift,
        warnings=(*warnings, *_warnings(target, own, other, rates, found, shift)),
        assumptions=tuple(_assumptions(target)),
    )


def _count_items(labelled: VerdictItems, unlabelled: VerdictItems, own: Verdicts, other: Verdicts) -> dict[str, Any]:
    """The fields of the record that count items, clusters and answers."""
    return {
        "labelled": len(own),
        "labelled_clusters": len(np.unique(own.cluster)),
        "unlabelled": len(other),
        "unlabelled_clusters": len(np.unique(other.cluster)),
        "labelled_without_verdict": labelled.share_without_verdict,
        "unlabelled_without_verdict": unlabelled.share_without_verdict,
        "failed": labelled.failed + unlabelled.failed,
        "already_labelled": unlabelled.known,
    }


def _describe_judge(
    own: Verdicts, other: Verdicts, target: VerdictTarget, rates: worth.Rates | None, confidence: float
) -> dict[str, Any]:
    """The fields of the record that say how good the judge is, and what it saves in labels."""
    rho = worth.correlation(own, low=target.low, high=target.high, confidence=confidence)
    nothing = Measurement(None)
    return {
        "specificity": _to_estimate(rates.specificity if rates else nothing),
        "sensitivity": _to_estimate(rates.sensitivity if rates else nothing),
        "skill": _to_estimate(rates.skill if rates else nothing),
        "correlation": _to_estimate(rho),
        "weight": worth.power_tuning(own, other),
        "label_worth": _to_estimate(worth.labels_worth(rho, labels=len(own), verdicts=len(other))),
        "label_worth_limit": _to_estimate(worth.labels_worth(rho, labels=len(own), verdicts=None)),
    }


def _check_enough(judged: VerdictItems, what: str, where: str) -> None:
    """Two items are the least.

    Raises:
        DataError: There are fewer.
    """
    # One item has no variance, and so no interval.
    if len(judged.items) >= 2:
        return
    left = [
        f"{count:,} {why}"
        for count, why in ((judged.failed, "failed"), (judged.known, "are labelled already"))
        if count
    ]
    why = f" ({', '.join(left)})" if left else ""
    raise DataError(f"{where}: {len(judged.items)} {what} items with an answer{why}; two are the least")


def _estimate_by_method(
    own: Verdicts, other: Verdicts, target: VerdictTarget, confidence: float
) -> dict[str, Measurement]:
    """The rate or mean by each method that there is for it."""
    # Labelled items have gold by construction. The check is for the type, in which it may be absent.
    gold = np.empty(0) if own.gold is None else own.gold
    low, high = target.low, target.high
    found = {
        "judge-alone": padded.mean_of(other.judged, other.cluster, low=low, high=high, confidence=confidence),
        "labels-alone": padded.mean_of(gold, own.cluster, low=low, high=high, confidence=confidence),
    }
    if target.is_class:
        found["rogan-gladen"] = worth.rogan_gladen(own, other, confidence=confidence)
    # The order is that of the table: the judge with its errors first, and the method for most cases last.
    return {**found, "ppi++": worth.ppi(own, other, low=low, high=high, confidence=confidence)}


def _list_corrections(found: dict[str, Measurement]) -> tuple[Correction, ...]:
    return tuple(
        Correction(method=method, value=number.value, ci_low=number.low, ci_high=number.high)
        for method, number in found.items()
    )


def _to_estimate(number: Measurement) -> IntervalEstimate:
    return IntervalEstimate(value=number.value, ci_low=number.low, ci_high=number.high)


def _warnings(
    target: VerdictTarget,
    own: Verdicts,
    other: Verdicts,
    rates: worth.Rates | None,
    found: dict[str, Measurement],
    shift: float,
) -> Iterator[str]:
    """What speaks against the numbers, the worst first."""
    # What makes the numbers wrong comes before what makes them uncertain.
    if rates is not None:
        yield from _warnings_of_rates(target, float(other.judged.mean()), rates, found["rogan-gladen"])
    # Kish's number and not the plain count: nine clusters of one item beside one of a thousand are about one.
    if padded.kish(own.cluster) < _CLUSTERS:
        yield (
            f"the labelled items lie in {len(np.unique(own.cluster))} clusters of unequal size or fewer than "
            f"{_CLUSTERS}: too few for the intervals to hold; label items of more clusters"
        )
    if shift < _ALIKE:
        before, after = (_mean_text(target, verdicts) for verdicts in (own, other))
        yield (
            f"the judge's verdicts come to {before} on the labelled items and to {after} on the others "
            f"(p {_p_text(shift)}): the two are not samples of one population, so PPI++ and the labels alone do not "
            "hold for the unlabelled items"
        )


def _warnings_of_rates(target: VerdictTarget, rate: float, rates: worth.Rates, corrected: Measurement) -> Iterator[str]:
    q0, q1, skill = rates.specificity.value, rates.sensitivity.value, rates.skill
    # Without both kinds of items among the labels there are no error rates, and no more to warn of.
    if q0 is None or q1 is None or skill.value is None or skill.low is None:
        kind = f"is '{target.label}'" if q1 is None else f"is anything but '{target.label}'"
        yield f"none of the labelled items {kind}, so the judge's errors on such are not known: no Rogan-Gladen"
        return
    # Rogan-Gladen divides by the skill. At 0 or below it the corrected share has no meaning.
    if skill.value <= 0:
        yield (
            f"the judge is not better than chance (sensitivity {write_share(q1)} %, specificity {write_share(q0)} %): "
            "its verdicts tell nothing about the unlabelled items"
        )
        return
    if skill.low <= 0:
        yield "these labels do not show that the judge is better than chance; label more items"
    # With these errors the judge says the class of a share 1 - q0 of the items if none is of it, and of q1 if all are.
    # Outside of these limits the corrected share would be below 0 or above 1.
    if not 1 - q0 <= rate <= q1:
        yield (
            f"the judge says '{target.label}' of {write_share(rate)} % of the unlabelled items, outside of the "
            f"{write_share(1 - q0)} to {write_share(q1)} % that its errors allow, and the corrected share is cut off "
            "there"
        )
    if corrected.low is None:
        yield "Rogan-Gladen has no interval: no share explains the verdicts, so the judge errs otherwise on these items"


def _assumptions(target: VerdictTarget) -> Iterator[str]:
    yield "PPI++: the labelled items are a random sample of the population that the unlabelled ones come from"
    if not target.is_class:
        yield "it does not hold where they are not: label a random sample of the new items"
        return
    yield (
        "Rogan-Gladen: the mix of classes may differ between the two, but on items of one class the judge errs as often"
    )
    # All other classes are counted as one, and that is an assumption where there are several of them.
    spread = isinstance(target.space, Choice) and len(target.space.labels) > 2
    if spread or (isinstance(target.space, Preference) and len(target.space.verdicts()) > 2):
        yield f"and the classes other than '{target.label}' are mixed alike in both, since they count as one"
    yield "neither holds where the items themselves differ (harder, longer, from elsewhere): label some of the new ones"


def _mean_text(target: VerdictTarget, verdicts: Verdicts) -> str:
    return f"{write_number(target.unit, float(verdicts.judged.mean()))}{' %' if target.label else ''}"


def _p_text(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
