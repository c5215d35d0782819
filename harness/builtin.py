"""The core's own plugin, `harness`. Its formats and metrics are registered as those of any other plugin."""

from __future__ import annotations

from harness.api import FormatCard, MetricCard, hookimpl


@hookimpl
def harness_formats() -> list[FormatCard]:
    """The formats of `harness.formats`."""
    from harness.formats.cards import FORMATS  # here, as a plugin's module must be light

    return list(FORMATS)


@hookimpl
def harness_metrics() -> list[MetricCard]:
    """The metrics of `harness.score`."""
    from harness.score.cards import METRICS

    return list(METRICS)
