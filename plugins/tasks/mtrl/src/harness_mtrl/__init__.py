"""The six binary tasks that MT-RL-Judge learns from. What it offers is in `harness_mtrl.plugin`."""

from __future__ import annotations

__version__ = "0.1.0"
