"""Telemetry of libraries: off, before any of them is loaded, unless the user has said otherwise.

The harness itself sends nothing anywhere. Libraries that plugins use may report on their use. One who runs a benchmark
on private data should not have to know which.
"""

from __future__ import annotations

import os

SWITCHES = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "WANDB_ERROR_REPORTING": "false",
}
"""Environment variables that turn it off, and their values: Hugging Face, Gradio, Ray, vLLM, Weights & Biases."""


def turn_off_telemetry() -> None:
    """Set the variables that are not set. Processes that are started later have them as well."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
