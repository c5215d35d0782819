"""Bias and robustness probes that wrap any installed task. What it offers is in `harness_probes.plugin`."""

from __future__ import annotations

__version__ = "0.1.0"
"""Part of every probe's fingerprint."""
