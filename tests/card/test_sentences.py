"""Sentences of a card follow from its numbers: a judge that prefers a place is told from one that does not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main

RIGHT = "How right it is"
PLUGIN = Path(__file__).with_name("places_plugin.py")


class Writer:
    """Runs manifests and writes cards in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> str:
        with pytest.raises(SystemExit):
            main(["-p", str(PLUGIN), *arguments])
        return self.capsys.readouterr().out

    def run(self, *judges: dict[str, Any], **task: Any) -> Path:
        name = "places"
        Path("m.yaml").write_text(yaml.safe_dump({"name": name, "tasks": [task], "judges": list(judges)}))
        self("run", "m.yaml")
        return next(Path("runs").glob(f"{name}-*"))

    def place(self, run: Path, judge: str) -> str:
        [line] = [line for line in self("card", str(run), judge).splitlines() if "the first place shown" in line]
        return line.partition("the first place shown: ")[2]


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Writer:
    monkeypatch.chdir(tmp_path)
    return Writer(capsys)


def test_a_preference_for_a_place_is_said_of_the_judge_that_has_it(card: Writer) -> None:
    judges = [{"use": f"baselines/{name}"} for name in ("constant", "random")]
    run = card.run(*judges, use="miniature/pairwise-safety", limit=40)
    said = {name: card("card", str(run), name) for name in ("constant", "random")}
    assert re.search(r"100 % \\\[.*\\\] \(n \d+\) of its decided .*: it prefers the first place", said["constant"])
    assert "no preference for a place is shown" in said["random"]
    assert "it prefers" not in said["random"]
    assert re.search(r"of the right ones, n 80", said["constant"])


def has_line(run: Path) -> bool:
    """Whether the chart of first positions in the report has a line of no preference."""
    text = (run / "report.html").read_text()
    chart = text.partition("First position, %")[2].partition("</svg>")[0]
    assert chart
    return 'class="zero"' in chart


def test_a_perfect_judge_in_a_fixed_order_prefers_no_place(card: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_REPORT", "yes")
    golds = {f"p{number}": "B" if number % 10 else "A" for number in range(60)}
    rows = [
        {"id": name, "left": f"a {name}", "right": f"b {name}", "winner": {"A": "L", "B": "R"}[gold]}
        for name, gold in golds.items()
    ]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = [{"id": name, "verdict": gold} for name, gold in golds.items()]
    Path("said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
    options = {
        "question": "Better?",
        "candidate_texts": ["left", "right"],
        "gold": "winner",
        "labels": {"L": "first", "R": "second"},
        "id": "id",
    }
    judge = {"name": "perfect", "use": "baselines/replay", "with": {"answers": "said.jsonl"}}
    task = {"use": "generic/pairwise", "data": "pairs.jsonl", "with": options}
    Path("down.jsonl").write_text("".join(json.dumps({"id": name, "error": "down"}) + "\n" for name in golds))
    silent = {"name": "silent", "use": "baselines/replay", "with": {"answers": "down.jsonl"}}
    run = card.run(judge, silent, **task, protocol={"order": "fixed"})
    assert re.match(r"the right one is there in 10.*? % ", card.place(run, "perfect"))
    assert not has_line(run)
    told = {name: card("card", str(run), name) for name in ("perfect", "silent")}
    # A judge without a rank is no rival.
    assert "rank 1 of 1, 1 not ranked" in told["perfect"]
    for name, flag in (("perfect", "no-errors"), ("silent", "no-answers")):
        right, biases = (told[name].partition(f"## {title}")[2].partition("##")[0] for title in (RIGHT, "Biases"))
        assert f"flagged {flag}" in right
        assert "flagged" not in biases


@pytest.mark.parametrize(
    ("protocol", "like", "sentence"),
    [
        ({"order": "reshuffled", "samples": 3}, "b", "no preference for a place is shown (one in 4 is none)"),
        ({"order": "shuffled"}, "b", "no preference for a place is shown (one in 4 is none)"),
        ({"order": "reshuffled", "samples": 3}, "first", "it prefers the first place"),
        ({"order": "shuffled"}, "first", "it prefers the first place"),
        # In the reverse order those in the middle stand in the middle again.
        ({"order": "both"}, "b", "the right one is there in 25"),
        ({"order": "both"}, "a", "the right one is there in 25"),
        ({"order": "fixed"}, "first", "the right one is there in 25"),
    ],
)
def test_among_four_candidates_one_in_four_is_no_preference(
    card: Writer, monkeypatch: pytest.MonkeyPatch, protocol: dict[str, Any], like: str, sentence: str
) -> None:
    monkeypatch.setenv("HARNESS_REPORT", "yes")
    run = card.run(
        {"name": "judge", "use": "places_plugin/liker", "with": {"like": like}},
        use="places_plugin/fours",
        protocol=protocol,
    )
    assert card.place(run, "judge").startswith(sentence)
    assert has_line(run) == ("the right one" not in sentence)
