"""Judging tasks from people's own data, described in the manifest. What it offers is in `harness_generic.plugin`."""

from __future__ import annotations

__version__ = "0.1.0"
