"""The sheet of a judge: its sentences are made from the numbers of the run, and say what is not known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from harness.cli import main

PLUGIN = Path(__file__).parents[1] / "explain" / "simulated_plugin.py"
SECTIONS = [
    "The judge",
    "What it was asked",
    "How right it is",
    "Where it fails",
    "Biases",
    "Calibration",
    "Faithfulness of its reasoning",
    "Drift",
    "What it cost",
    "Licence and provenance",
]


class Cards:
    """Runs a manifest with a judge that knows half of what it should, and writes cards."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.out = self.err = ""
        judge = {"use": "simulated_plugin/simulated", "name": "by <square>", "with": {"follows": "square"}}
        manifest = {
            "name": "cards",
            "tasks": [{"use": "simulated_plugin/parts", "name": "parts", "with": {"items": 24}}],
            "judges": [judge],
        }
        (folder / "m.yaml").write_text(yaml.safe_dump(manifest))

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["-p", str(PLUGIN), *arguments])
        self.out, self.err = self.capsys.readouterr()
        return int(ended.value.code or 0)

    def run(self) -> Path:
        assert self("run", "m.yaml") == 0, self.err
        return next((self.folder / "runs").glob("cards-*"))


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cards:
    monkeypatch.chdir(tmp_path)
    return Cards(tmp_path, capsys)


def section(card: str, title: str) -> str:
    return card.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_card_tells_the_numbers_of_the_run_each_with_its_interval(cards: Cards) -> None:
    run = cards.run()
    assert cards("card", str(run), "by <square>") == 0
    card = cards.out
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == SECTIONS
    [row] = json.loads((run / "leaderboard.json").read_text())["rows"]
    assert row["value"] == 0.5
    assert re.search(r"accuracy 50 % \\\[\d+–\d+\\\], n 24", section(card, "How right it is"))
    assert "24 items, 12 clusters, 24 requests, 24 verdicts" in section(card, "What it was asked")
    assert re.search(r"no is 50 % \\\[.*\\\] of its verdicts, and 50 % \\\[", section(card, "Biases"))
    assert "too few of its verdicts" in section(card, "Calibration")
    assert "follows: square" in section(card, "The judge")
    assert "licence: not stated" in section(card, "Licence and provenance")
    assert "harness explain" in section(card, "Faithfulness of its reasoning")
    # Names are data: what looks like a tag is shown to the letter.
    assert "<square>" not in card


def test_what_was_explained_is_on_the_card_with_its_control(cards: Cards) -> None:
    run = cards.run()
    assert cards("explain", str(run), "--measure", "contradiction", "--measure", "places", "--no-ask") == 0
    assert cards("card", str(run), "by <square>", "-o", "CARD.md") == 0
    assert cards.out == ""
    told = section((cards.folder / "CARD.md").read_text(), "Faithfulness of its reasoning")
    assert re.search(r"not what the reasoning implies: 50 % .*; control, reasoning dealt out at random.*: 5\d", told)
    assert "places is not known: the judge was not asked" in told


def test_drift_is_on_the_card_where_its_folder_is_given(cards: Cards) -> None:
    run = cards.run()
    assert cards("drift", "m.yaml", "--anchors", "8", "--again", "1", "--snapshot", "d1") == 0, cards.err
    assert cards("card", str(run), "by <square>", "--drift", "drift/cards") == 0
    told = section(cards.out, "Drift")
    assert re.search(r"parts: 0\.?0? % .* of its answers changed until d1; its own noise is 0", told), told
    assert "drift is not measurable: there is one date, and nothing to compare it with" in told
    assert cards("drift", "m.yaml", "--snapshot", "d2") == 0, cards.err
    assert cards("card", str(run), "by <square>", "--drift", "drift/cards") == 0
    told = section(cards.out, "Drift")
    assert "no drift is shown" in told
    assert "not measurable" not in told
    assert cards("card", str(run), "by <square>", "--drift", "nowhere") == 2
    assert "there is no snapshot of a drift" in re.sub(r"\s+", " ", cards.err)


def test_drift_that_could_not_be_seen_is_not_said_to_be_absent(cards: Cards) -> None:
    run = cards.run()
    for label in ("d1", "d2"):
        assert cards("drift", "m.yaml", "--anchors", "8", "--again", "0", "--snapshot", label) == 0, cards.err
    assert cards("card", str(run), "by <square>", "--drift", "drift/cards") == 0
    told = section(cards.out, "Drift")
    assert "drift is not measurable: its noise was not measured" in told
    assert "no drift is shown" not in told
    # Lines of the history are data: numbers of another date stand for answers that are gone, and for an alarm.
    history = cards.folder / "drift" / "cards" / "history.jsonl"
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    for change, sentence in (
        ({"anchors_first": 3}, "drift is not measurable: cannot be watched: 3 of 8 anchors have a first answer"),
        ({"anchors_first": 3, "alarm": "d2"}, "it drifts since d2"),
    ):
        lines[-1]["cells"][0].update(change)
        history.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert cards("card", str(run), "by <square>", "--drift", "drift/cards") == 0
        assert sentence in section(cards.out, "Drift")


def test_a_judge_that_is_not_there_is_named_with_those_that_are(cards: Cards) -> None:
    run = cards.run()
    assert cards("card", str(run), "other") == 2
    assert "there is no judge 'other' in this run; it has by <square>" in re.sub(r"\s+", " ", cards.err)
