"""The script that simulates corrected rates and planned items runs, and its last line is what it says: a smoke test."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_estimates", Path(__file__).parent / "estimate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    small = {
        "CLUSTERS": (("of 2", 2, 0.5),),
        "LABELS": (50,),
        "VERDICTS": (200,),
        "PREVALENCE": (0.5,),
        "JUDGES": ((0.8, 0.9),),
        "STARS": {"middling": (0.1, 0.2, 0.4, 0.2, 0.1)},
        "ERRORS": {"much": (1.5, 0.0)},
        "PILOT": 2000,
    }
    for name, value in small.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_the_last_line_says_what_was_found(
    script: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{script.BEGIN}\nold\n{script.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(script, "PAGE", page)
    script.main(["--sets", "30", "--data", str(tmp_path), "--write"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    for method in ("rogan_gladen", "ppi", "labels_alone", "label_worth", "ppi_of_scores"):
        assert found[method]["worst"] > 0.9, method
        assert found[method]["cells"] == 1
    assert found["flagged"] == 0
    for design, one in found["power"].items():
        assert 0.5 < one["reached"] <= 1, design
    written = page.read_text(encoding="utf-8")
    assert "| Rogan-Gladen | 1 |" in written
    assert "old" not in written
    assert written.startswith("before")
    assert written.endswith("after\n")
