"""Sentences of a card follow from its numbers: a judge that prefers a place is told from one that does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from harness.cli import main


def test_a_preference_for_a_place_is_said_of_the_judge_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    judges = [{"use": f"baselines/{name}"} for name in ("constant", "random")]
    manifest = {"name": "places", "tasks": [{"use": "miniature/pairwise-safety", "limit": 40}], "judges": judges}
    Path("m.yaml").write_text(yaml.safe_dump(manifest))

    def card(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main([*arguments])
        return capsys.readouterr().out

    card("run", "m.yaml")
    run = str(next(Path("runs").glob("places-*")))
    said = {name: card("card", run, name) for name in ("constant", "random")}
    assert re.search(r"100 % \\\[.*\\\] \(n \d+\) of its decided .*: it prefers the first place", said["constant"])
    assert "no preference for a place is shown" in said["random"]
    assert "it prefers" not in said["random"]
    assert re.search(r"of the right ones, n 80", said["constant"])
