"""Runs of simulated judges, and `harness explain` in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main

PLUGIN = Path(__file__).with_name("simulated_plugin.py")


class Explaining:
    """Runs a manifest with simulated judges in a folder, and explains it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.out = self.err = ""

    def call(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["-p", str(PLUGIN), *arguments])
        self.out, self.err = self.capsys.readouterr()
        return int(ended.value.code or 0)

    def run(
        self,
        judges: Mapping[str, Mapping[str, Any]],
        *,
        others: Mapping[str, Mapping[str, Any]] | None = None,
        name: str = "why",
        **task: Any,
    ) -> Path:
        """Run judges on the task `parts` with these options, and on `others` by name."""
        tasks = {"parts": task, **(others or {})}
        manifest = {
            "name": name,
            "tasks": [
                {"use": "simulated_plugin/parts", "name": name, "with": dict(options)}
                for name, options in tasks.items()
            ],
            "judges": [
                {"use": "simulated_plugin/simulated", "name": name, "with": dict(nature)}
                for name, nature in judges.items()
            ],
        }
        (self.folder / "m.yaml").write_text(yaml.safe_dump(manifest))
        assert self.call("run", "m.yaml") == 0, self.err
        return next((self.folder / "runs").glob(f"{name}-*"))

    def explain(self, run: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
        assert self.call("explain", str(run), "--json", *arguments) == code, self.err
        found: dict[str, Any] = json.loads(self.out)
        assert found == json.loads((run / "explanations.json").read_text())
        return found

    @property
    def error(self) -> str:
        return re.sub(r"\s+", " ", self.err)


def figures_of(found: Mapping[str, Any], judge: str) -> dict[str, tuple[float, float]]:
    """Value and first control of each figure of a judge, by key."""
    return {
        figure["key"]: (figure["share"]["value"], figure["controls"][0]["value"])
        for finding in found["findings"]
        if finding["judge"] == judge
        for figure in finding["figures"]
    }


def reasons_of(found: Mapping[str, Any], judge: str) -> dict[str, str]:
    """Why a measure was not made, by its name."""
    return {
        finding["measure"]: finding["lacks"]
        for finding in found["findings"]
        if finding["judge"] == judge and finding["lacks"]
    }


@pytest.fixture
def explaining(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explaining:
    monkeypatch.chdir(tmp_path)
    return Explaining(tmp_path, capsys)
