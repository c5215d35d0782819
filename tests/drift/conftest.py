"""A manifest with a moody judge, and the command in this process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main

PLUGIN = Path(__file__).with_name("moody_plugin.py")


class Drifting:
    """Calls `harness drift` in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.out, self.err = "", ""
        self.write()
        self.mood()

    @property
    def kept(self) -> Path:
        return self.folder / "drift" / "moods"

    def write(self, **changes: Any) -> None:
        manifest = {
            "name": "moods",
            "tasks": [{"use": "moody_plugin/items", "name": "items", "with": {}}],
            "judges": [
                {"use": "moody_plugin/moody", "name": "moody", "with": {"file": str(self.folder / "mood.json")}}
            ],
            "report": {"resamples": 200},
        }
        (self.folder / "m.yaml").write_text(yaml.safe_dump({**manifest, **changes}))

    def mood(self, **mood: Any) -> None:
        path = self.folder / "mood.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({"turn": before.get("turn", 0), **mood}))

    def __call__(self, label: str, *arguments: str) -> int:
        command = ["-p", str(PLUGIN), "drift", "m.yaml", "--anchors", "40", "--snapshot", label, *arguments]
        with pytest.raises(SystemExit) as ended:
            main(command)
        self.out, self.err = self.capsys.readouterr()
        return int(ended.value.code or 0)

    def json(self, label: str, *arguments: str) -> dict[str, Any]:
        assert self(label, "--json", *arguments) == 0, self.err
        told: dict[str, Any] = json.loads(self.out)
        return told

    @property
    def error(self) -> str:
        return re.sub(r"\s+", " ", self.err)


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)
    return Drifting(tmp_path, capsys)
