"""The order over all tasks of a run that was handed over: made again here, and not called wrong for what is lacking."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from harness.bundle.write import write_bundle
from harness.cli import main

Command = Callable[..., tuple[int, str, str]]

OWN_METRIC = """
from harness.api import MetricCard, hookimpl
from harness.score.metrics import make_accuracy


@hookimpl
def harness_metrics():
    return [MetricCard(name="own", summary="As accuracy.", factory=make_accuracy, api_version=1, unit="share")]
"""
MANIFEST = """
name: two
tasks:
  - {use: miniature/safety, limit: 20}
  - {use: miniature/technical, limit: 20, protocol: {metrics: [METRIC]}}
judges: [{use: baselines/random}, {use: baselines/constant}]
"""


def make_bundle(place: Path, metric: str) -> Path:
    """A run of two tasks, handed over."""
    (place / "own.py").write_text(OWN_METRIC)
    (place / "m.yaml").write_text(MANIFEST.replace("METRIC", metric))
    with pytest.raises(SystemExit) as ended:
        main(["-p", str(place / "own.py"), "run", str(place / "m.yaml"), "--runs", str(place / "runs")])
    assert ended.value.code == 0
    [folder] = (place / "runs").glob("two-*")
    write_bundle(folder, place / "two.bundle")
    return place / "two.bundle"


@pytest.mark.parametrize("field", ["value", "ci_low", "rank_low", "judge"])
def test_a_changed_order_over_all_tasks_is_named(
    harness: Command, bundles: ModuleType, tmp_path: Path, field: str
) -> None:
    bundle = make_bundle(tmp_path, "accuracy")
    assert harness("verify", bundle)[0] == 0
    head, members = bundles.read_members(bundle)
    board = json.loads(members["leaderboard.json"])
    assert board["overall"][0]["rank_low"] == 1
    board["overall"][0][field] = "somebody" if field == "judge" else 0.123
    members["leaderboard.json"] = (json.dumps(board, indent=1) + "\n").encode()
    bundles.write_members(bundle, head, members)
    code, out, _ = harness("verify", bundle)
    assert code == 3
    assert f"overall.0.{field} is recorded as" in out


def test_an_order_over_a_task_that_cannot_be_scored_here_is_not_computed_and_not_called_wrong(
    harness: Command, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path, "own")
    code, out, _ = harness("verify", bundle)
    assert code == 4, out
    assert "is recorded as" not in out
    assert "2 of 4 rows hold" in out
    assert "the order over all tasks rests on it, and is not computed here" in out
