"""The core's own plugin, `harness`: its formats and metrics arrive the way everybody else's do."""

from __future__ import annotations

from harness.api import FormatCard, MetricCard, hookimpl


@hookimpl
def harness_formats() -> list[FormatCard]:
    """The formats of `harness.formats`."""
    from harness.formats.cards import FORMATS

    return list(FORMATS)


@hookimpl
def harness_metrics() -> list[MetricCard]:
    """The metrics of `harness.score`."""
    from harness.score.cards import METRICS

    return list(METRICS)
