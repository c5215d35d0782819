"""Runs of an unusual kind: one item, no reasoning, hostile reasoning, several samples."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.explain.conftest import Explaining, figures_of, reasons_of


def test_one_item_has_no_control_so_that_no_number_is_shown(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=1)
    found = explaining.explain(run)
    assert reasons_of(found, "follows")["facts"] == "too few items for a number and its control"
    # Its control is another of these answers, and there is none. The other number has the same answer for its control.
    keys = set(figures_of(found, "follows"))
    assert "contradiction" not in keys
    assert "right_by_reasoning" in keys
    assert all(figure["controls"][0]["value"] is not None for f in found["findings"] for figure in f["figures"])


def test_a_judge_without_any_reasoning_is_told_so_in_one_line_each(explaining: Explaining) -> None:
    run = explaining.run({"mute": {"writes": ""}}, items=6)
    told = reasons_of(explaining.explain(run), "mute")
    assert set(told) == {"contradiction", "facts", "sister", "mistake", "grey", "places"}
    assert told["contradiction"] == told["sister"] == "the judge wrote no reasoning"
    assert not any("\n" in why for why in told.values())


def test_hostile_reasoning_is_shown_to_the_letter(explaining: Explaining) -> None:
    evil = "<script>alert(1)</script>\x1b[2J | **x** "
    run = explaining.run({"evil": {"writes": evil, "follows": "square"}}, items=8)
    found = explaining.explain(run, "--no-ask")
    assert figures_of(found, "evil")["contradiction"][0] == 0.5
    for name in ("leaderboard.md", "report.html"):
        path = run / name
        text = path.read_text() if path.is_file() else ""
        assert "<script>alert" not in text
        assert "\x1b" not in text
    assert explaining.call("explain", str(run), "--no-ask") == 0
    assert "\x1b" not in explaining.out


def test_recorded_answers_get_what_they_can_and_are_told_what_they_cannot(explaining: Explaining) -> None:
    # Its verdict is always yes, whatever its reasoning says; of half of the items that is another verdict.
    lines = []
    for number in range(20):
        alike = number % 2 == 1
        square, other = ("red", "blue") if number // 2 % 2 == 0 else ("blue", "red")
        bar = square if alike else other
        reasoning = f"The square is {square} and the bar is {bar}: they {'match' if alike else 'differ'}."
        raw = f"<think>{reasoning}</think><answer>yes</answer>"
        lines.append(json.dumps({"item_id": f"p{number:03}", "response": raw}))
    Path("said.jsonl").write_text("\n".join(lines))
    judge = {"use": "baselines/replay", "name": "recorded", "with": {"answers": "said.jsonl"}}
    task = {"use": "simulated_plugin/parts", "name": "parts", "with": {"items": 20}}
    Path("m.yaml").write_text(yaml.safe_dump({"name": "rec", "tasks": [task], "judges": [judge]}))
    assert explaining.call("run", "m.yaml") == 0, explaining.err
    found = explaining.explain(next(Path("runs").glob("rec-*")))
    figures = figures_of(found, "recorded")
    assert figures["contradiction"][0] == 0.5
    assert figures["right_by_reasoning"] == (1.0, 0.5)
    assert figures["false.square"][0] == 0.0
    told = reasons_of(found, "recorded")
    assert set(told) == {"sister", "mistake", "grey", "places", "cutting"}
    assert "recorded answers only" in told["cutting"]
    assert "`continues`" in told["sister"]
    assert not any("\n" in why for why in told.values())
