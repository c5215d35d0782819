"""Metrics by their names in a protocol: those of plugins, and those of the `evaluate` library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.api import Metric, PluginError, Protocol

if TYPE_CHECKING:
    from harness.discovery import Plugins


def metrics_of(protocol: Protocol, plugins: Plugins) -> dict[str, Metric]:
    """The metrics that a protocol names, ready to call, the headline first."""
    return {name: make_metric(name, plugins) for name in protocol.metrics}


def make_metric(name: str, plugins: Plugins) -> Metric:
    """A metric by id, by bare name, or `evaluate:NAME` from the `evaluate` library. An average after it is left out."""
    from harness.score.metrics import card_conflict, unit_of  # brings numpy

    name, _ = Protocol.parse_metric(name)
    # Not a plugin: the part after the colon is the library's own name or a path, so it is looked up there.
    if name.startswith("evaluate:"):
        from harness.score.evaluate_bridge import evaluate_metric

        return evaluate_metric(name.removeprefix("evaluate:"))
    offer = plugins.find("metric", name)
    metric: Metric = offer.create(None, None)
    # The card sorts leaderboards and the metric makes intervals. If they differ, one of the two is wrong without
    # notice.
    if problem := card_conflict(offer.card, metric):
        raise PluginError(f"metric {offer.id}: {problem}")
    unit_of(metric, name=offer.id)
    return metric
