"""Public benchmarks of human or verified preferences. What it offers is in `harness_preference.plugin`."""

from __future__ import annotations

__version__ = "0.1.0"
