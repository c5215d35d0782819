"""Metrics by their names in a protocol: those of plugins, and those of the `evaluate` library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.api import Metric, PluginError, Protocol, UserError
from harness.libraries.calls import find_call_fault

if TYPE_CHECKING:
    from harness.discovery import Plugins


def metrics_of(protocol: Protocol, plugins: Plugins) -> dict[str, Metric]:
    """The metrics that a protocol names, ready to call, the headline first."""
    return {name: make_metric(name, plugins) for name in protocol.metrics}


def check_metric(name: str, answers: str, plugins: Plugins) -> None:
    """Make a metric, so that what is wrong with it is known before a judge is asked.

    Args:
        name: As in a protocol.
        answers: Kind of answer space that it will be used on; empty where that is not known.
        plugins: The installed plugins.

    Raises:
        UserError: It is unknown, cannot be made, runs code that is not allowed, or is not defined for such answers.
    """
    made = make_metric(name, plugins)
    base, _ = Protocol.parse_metric(name)
    if Protocol.criterion_of(name):
        if answers and answers != "rubric":
            raise UserError(f"the metric {name!r} is of a criterion, and its answers ({answers}) have none")
        return  # which criteria there are, and of which kind, is known when the items are read
    # A card is the promise of a plugin, which its metric need not repeat.
    stated: object = made if ":" in base else plugins.find("metric", base).card
    served: frozenset[str] = getattr(stated, "answers", frozenset())
    if answers and served and answers not in served:
        raise UserError(
            f"the metric {name!r} is not defined for its answers ({answers}); it serves {', '.join(sorted(served))}"
        )


def make_metric(name: str, plugins: Plugins) -> Metric:
    """A metric by id, by bare name, or `evaluate:NAME` from the `evaluate` library.

    A criterion and an average after it are left out: they say what the metric is of.
    """
    from harness.score.metrics import card_conflict, unit_of  # brings numpy

    name, _ = Protocol.parse_metric(name)
    # Not a plugin: the part after the colon is the library's own name or a path, so it is looked up there.
    if name.startswith("evaluate:"):
        from harness.score.evaluate_bridge import evaluate_metric

        return evaluate_metric(name.removeprefix("evaluate:"), plugins.allowed)
    offer = plugins.find("metric", name)
    metric: Metric = offer.create(None, None)
    if not callable(metric):
        raise PluginError(f"metric {offer.id}: its factory returned {metric!r}, which cannot be called")
    if fault := find_call_fault(metric, Metric.__call__):
        raise PluginError(f"metric {offer.id}: it takes {fault}")
    # The card sorts leaderboards and the metric makes intervals. If they differ, one of the two is wrong without
    # notice.
    if problem := card_conflict(offer.card, metric):
        raise PluginError(f"metric {offer.id}: {problem}")
    unit_of(metric, name=offer.id)
    return metric
