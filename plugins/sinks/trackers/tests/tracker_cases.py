"""A manifest with hostile names, and a wait for what the process of a service notes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.testing import ManifestRun

PLANTED = "sk-planted-0123456789abcdefghij"
"""A key in the environment that a judge's options refer to."""

HOSTILE = "../../a/b\x1b[31m é " + "x" * 150
MANIFEST = {
    "name": "tracked",
    "tasks": [{"use": "generic/pointwise", "name": "fruit", "data": "data.jsonl", "with": {
        "question": "{q}", "answers": ["yes", "no"], "id": "id"}}],
    "judges": [
        {"use": "baselines/constant", "name": HOSTILE, "with": {"answer": "yes"}},
        {"use": "baselines/constant", "name": "wild", "with": {"answer": "${env:PLANTED}"}},
    ],
}  # fmt: skip

Run = Callable[[], ManifestRun]
Train = Callable[..., str]


def wait_for(folder: Path, service: str, name: str, step: int) -> None:
    """Wait until the process of a service has noted that it sent a step; its training is dead."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        path = folder / f"tracker-{service}.json"
        if path.exists():
            places: dict[str, Any] = json.loads(path.read_text())["places"]
            if any(place["steps"].get(name) == step for place in places.values()):
                return
        time.sleep(0.1)
    raise AssertionError(f"{service} never sent step {step}")
