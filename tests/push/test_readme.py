"""The page of a pushed run says why a judge has no rank, and so does the board."""

from __future__ import annotations

import json
from pathlib import Path

from harness.push.readme import write_readme
from harness.report.notes import blocks, flag_notes
from harness.report.records import Leaderboard
from harness.testing import ManifestRunner


def test_a_metric_without_a_value_is_not_taken_for_too_few_answers(tmp_path: Path) -> None:
    rows = [{"id": f"m{number}", "text": f"Mail {number}", "spam": "yes"} for number in range(20)]
    (tmp_path / "mails.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "down.jsonl").write_text("".join(json.dumps({"id": row["id"], "error": "down"}) + "\n" for row in rows))
    manifest = {
        "name": "undefined",
        "tasks": [
            {
                "use": "generic/pointwise",
                "name": "spam",
                "data": str(tmp_path / "mails.jsonl"),
                "with": {"question": "Spam? {text}", "answers": ["yes", "no"], "gold": "spam", "id": "id"},
                # Where everybody always says one word, kappa is nothing divided by nothing.
                "protocol": {"metrics": ["kappa"]},
            }
        ],
        "judges": [
            {"use": "baselines/constant", "name": "always", "with": {"answer": "yes"}},
            {"use": "baselines/replay", "name": "silent", "with": {"answers": str(tmp_path / "down.jsonl")}},
        ],
    }
    run = ManifestRunner(tmp_path)(manifest).folder
    board = Leaderboard.from_json(json.loads((run / "leaderboard.json").read_text()))
    said = [note for block in blocks(board) for note in flag_notes(board, block)]
    assert "always: kappa is not defined for its answers" in said
    assert not any("silent: kappa" in note for note in said)
    environment = {"data": {}, "harness": "1", "python": "3", "plugins": {}}
    page = write_readme(board, environment, [], kind="dataset", names=[])
    assert "too few" not in page
    assert "- always on spam: kappa is not defined for its answers" in page
    assert "- silent on spam: no-answers" in page
