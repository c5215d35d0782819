"""The script that simulates calibration and noise runs, and its last line is what it says: a smoke test."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_calibration", Path(__file__).parent / "calibration.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    small = {"SURE": ("even",), "JUDGES": ("calibrated",), "SIZES": (150,), "REPEATED": ("even",)}
    for name, value in small.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_the_last_line_says_what_was_found(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.main(["--replications", "30", "--seed", "3"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["cells"], found["without_report"], found["zero_width"], found["replications"]) == (5, 0, 0, 30)
    for name in ("ece", "brier", "aurc", "bins"):
        assert found[name]["mean"] > 0.9, name
        assert found[name]["worst"] > 0.8, name
    assert found["broken"]["mean"] < 0.05
    assert found["of_calibrated_judges"]["ece"] < found["of_calibrated_judges"]["ece_plain"]
    assert 0.9 < found["noise_se"]["least"] <= found["noise_se"]["greatest"] < 1.1
