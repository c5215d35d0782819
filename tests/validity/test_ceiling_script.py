"""The script that simulates people runs, and its last line is what it says: a smoke test."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest


def test_the_last_line_says_what_was_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("simulated_people", Path(__file__).parent / "ceiling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "simulated_people", module)  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    module.main(["--quick", "--reps", "25", "--jobs", "1", "--seed", "2"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["reps"] == 25
    assert set(found["coverage"]["mean"]) >= {"alpha", "accuracy ceiling", "accuracy judge", "accuracy difference"}
    assert all(value > 0.85 for value in found["coverage"]["mean"].values())
    assert found["coverage"]["narrowest"] > 0
    assert found["alt_test"]["mean"]["passed"] < 0.15
    assert len(found["coverage"]["cells"]) + len(found["alt_test"]["cells"]) == 5
