"""Real runs of small manifests, and what their reports say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.testing import FakeContext

Run = Callable[..., Path]

EYES = '''
from harness.api import JudgeCard, hookimpl

class Eyes:
    """Says yes; to a picture with a black band in its corner it says no to every third item. Mumbles about two."""

    def judge(self, requests):
        for request in requests:
            number = int(request.item.split("-")[1])
            banded = request.images[0].load().getpixel((0, 63)) == (0, 0, 0)
            mumbles = number == 1 or (banded and number == 2)
            said = "no" if banded and number % 3 == 0 else "yes"
            yield request, request.read("I cannot tell." if mumbles else f"<answer>{said}</answer>")

    def fingerprint(self):
        return "eyes-1"

@hookimpl
def harness_judges():
    return [JudgeCard(name="eyes", summary="Eyes.", factory=lambda options, context: Eyes())]
'''


def record(folder: Path) -> dict[str, Any]:
    probes = json.loads((folder / "probes.json").read_text())["probes"]
    return {one["task"]: one for one in probes}


def test_a_flip_rate_computed_by_hand_comes_back_from_a_real_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "eyes.py").write_text(EYES)
    folder = run(
        """
name: by-hand
tasks:
  - {use: miniature/technical, with: {items: 12}, protocol: {metrics: [accuracy]}}
  - {use: probes/text-in-image, with: {task: miniature/technical, with: {items: 12}}, protocol: {metrics: [accuracy]}}
judges: [{use: eyes/eyes}]
""",
        "-p",
        "eyes.py",
    )
    [found] = record(folder)["text-in-image-technical"]["comparisons"]
    # Items 0 to 11: item 1 is lost on both sides, item 2 on the probe; of the other ten 0, 3, 6 and 9 flip.
    assert (found["paired"], found["n"], found["flips"]) == (12, 10, 4)
    assert (found["base_lost"], found["probe_lost"]) == (1, 2)
    base = FakeContext(workspace=tmp_path).task("miniature/technical", {"items": 12})
    golds = [item.gold for number, item in enumerate(base.items("test")) if number not in (1, 2)]
    numbers = [number for number in range(12) if number not in (1, 2)]
    before = sum(gold == "yes" for gold in golds) / 10
    said = ["no" if number % 3 == 0 else "yes" for number in numbers]
    after = sum(gold == one for gold, one in zip(golds, said, strict=True)) / 10
    assert found["base_value"] == pytest.approx(before)
    assert found["change"]["value"] == pytest.approx(after - before)
    report = (folder / "leaderboard.md").read_text()
    assert "## Probes" in report
    assert "| eyes | 40 | 1" in report, "ten pairs carry no decimals"
    assert "| 1, 2 |" in report

    without_the_answer_to("text-in-image-technical", "test-000003", folder)
    [one] = record(folder)["text-in-image-technical"]["comparisons"]
    assert (one["paired"], one["n"], one["flips"], one["unpaired"]) == (11, 9, 3, 0), "not answered yet is no answer"
    without_the_answer_to("technical", "test-000006", folder)
    [one] = record(folder)["text-in-image-technical"]["comparisons"]
    assert (one["paired"], one["n"], one["flips"], one["unpaired"]) == (10, 8, 2, 1)
    assert "1 answers to the probe have no partner" in (folder / "leaderboard.md").read_text()


def without_the_answer_to(task: str, item: str, folder: Path) -> None:
    """Take an answer out of a run, and score what is left."""
    with closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
        database.execute(
            "DELETE FROM judgements WHERE request IN (SELECT request FROM asks WHERE task=? AND item=?)", (task, item)
        )
        database.execute("DELETE FROM meta WHERE key='rows'")  # on purpose, and no damage
    with pytest.raises(SystemExit) as ended:
        main(["score", str(folder)])
    assert ended.value.code == 0


MANIFEST = """
name: probed
tasks:
  - {use: miniature/technical, with: {items: 16, train_items: 60}, limit: 12}
  - {use: miniature/pairwise-alignment, with: {items: 10}, protocol: {order: fixed}}
  - {use: probes/blind, with: {task: miniature/technical, with: {items: 16, train_items: 60}, how: shuffle}, limit: 12}
  - {use: probes/negated, with: {task: miniature/technical, with: {items: 16, train_items: 60}}, limit: 12}
  - {use: probes/swap, with: {task: miniature/pairwise-alignment, with: {items: 10}}, protocol: {order: fixed}}
  - {use: probes/noise, with: {task: miniature/safety, with: {items: 8}}}
judges:
  - use: baselines/constant
  - use: baselines/random
  - {use: baselines/prior, with: {train: [miniature/technical]}}
  - {use: baselines/pixels, with: {train: [miniature/technical], limit: 60}}
report: {resamples: 100, compare: none}
"""


def test_baselines_under_probes_show_what_they_are(run: Run, tmp_path: Path) -> None:
    folder = run(MANIFEST)
    found = record(folder)
    rates = {
        task: {one["judge"]: (one["n"], one["flip_rate"]["value"]) for one in probe["comparisons"]}
        for task, probe in found.items()
    }
    assert rates["blind-technical"]["constant"] == (12, 0)
    assert rates["blind-technical"]["prior"] == (12, 0)
    assert rates["blind-technical"]["pixels"][1] > 0, "it looks at the pictures"
    assert rates["negated-technical"]["constant"] == (12, 1), "it says yes whatever the question"
    assert rates["negated-technical"]["pixels"] == (12, 1), "it does not read"
    assert rates["swap-pairwise-alignment"]["constant"] == (10, 1), "it names a place and no candidate"
    assert 0 < rates["swap-pairwise-alignment"]["random"][1] < 1
    assert rates["swap-pairwise-alignment"]["pixels"] == (0, None), "refusals are no flips"
    [pixels] = [one for one in found["swap-pairwise-alignment"]["comparisons"] if one["judge"] == "pixels"]
    assert (pixels["base_lost"], pixels["probe_lost"], pixels["n"]) == (10, 10, 0)
    assert found["noise-safety"]["comparisons"] == []
    assert "No task of the manifest has the items" in found["noise-safety"]["problem"]
    [blind] = [one for one in found["blind-technical"]["comparisons"] if one["judge"] == "pixels"]
    assert blind["lift"]["value"] == pytest.approx(blind["base_value"] - blind["probe_value"])
    report = (folder / "leaderboard.md").read_text()
    assert report.count("lift over blind | interval |") == 1, "in the table of `blind` alone"

    written = (folder / "leaderboard.md").read_bytes()
    with pytest.raises(SystemExit):
        main(["score", str(folder)])
    assert (folder / "leaderboard.md").read_bytes() == written, "scored again, the report is the same"


ONE = """
name: one
tasks:
  - {{name: first, use: miniature/technical, with: {{items: {first}}}, format: {form}}}
  - {{name: second, use: miniature/technical, with: {{items: {second}}}, split: {split}}}
  - {{use: probes/jpeg, with: {{task: miniature/technical, with: {{items: 8}}, split: {shown}}}}}
judges: [{{use: baselines/constant}}]
report: {{group_by: {group}}}
"""
PLAIN = {"second": 8, "split": "test", "shown": "test", "form": "harness/tagged", "group": "task"}


@pytest.mark.parametrize(
    ("changes", "base", "said"),
    [
        ({"first": 8}, "first", ""),
        ({"first": 9}, "second", ""),
        ({"first": 9, "second": 9}, "", "No task of the manifest has the items"),
        ({"first": 8, "form": "harness/json"}, "second", ""),
        ({"first": 8, "second": 9, "form": "harness/json"}, "first", "give both entries the same `format:`"),
        ({"first": 8, "split": "validation", "shown": "validation"}, "second", ""),
        ({"first": 8, "group": "suite"}, "first", ""),
    ],
)
def test_a_probe_is_compared_with_the_entry_that_asks_the_same_items(
    run: Run, changes: dict[str, Any], base: str, said: str
) -> None:
    folder = run(ONE.format(**(PLAIN | changes)))
    [found] = record(folder).values()
    assert found["base"] == base
    assert [one["unpaired"] for one in found["comparisons"]] == ([0] if base else [])
    report = (folder / "leaderboard.md").read_text()
    assert said in report
    assert ("give both entries" in report) == ("give both entries" in said)
    assert report.count("## Probes") == 1


def test_answers_without_a_partner_are_said(run: Run) -> None:
    folder = run(ONE.format(**(PLAIN | {"first": 8, "second": 9})).replace("8}, format", "8}, limit: 5, format"))
    [found] = record(folder).values()
    [one] = found["comparisons"]
    assert (one["paired"], one["unpaired"]) == (5, 3)
    assert "3 answers to the probe have no partner" in (folder / "leaderboard.md").read_text()


def test_what_was_not_judged_yet_is_said(run: Run) -> None:
    manifest = ONE.format(**(PLAIN | {"first": 8, "second": 9}))
    folder = run(manifest.replace("constant}]", "constant}, {use: baselines/random}]"))
    for judge, compared in (("random", [("constant", 8, 0), ("random", 0, 8)]), ("constant", [])):
        with closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
            database.execute("DELETE FROM cells WHERE task='first' AND judge=?", (judge,))
            database.execute("DELETE FROM meta WHERE key='rows'")  # on purpose, and no damage
        with pytest.raises(SystemExit):
            main(["score", str(folder)])
        [found] = record(folder).values()
        assert [(one["judge"], one["n"], one["unpaired"]) for one in found["comparisons"]] == compared
    assert "was not judged yet" in found["problem"]


def test_ties_and_data_of_the_entry_are_those_of_the_base(run: Run, tmp_path: Path) -> None:
    rows = [{"prompt": f"Name number {n}.", "left": f"{n}", "right": f"{n} it is", "winner": "tie"} for n in range(4)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = run(
        """
name: ties
vars:
  options: {question: "{prompt}", candidate_texts: [left, right], gold: winner, labels: {L: first, tie: tie}}
tasks:
  - {use: generic/pairwise, data: pairs.jsonl, with: "${vars.options}", protocol: {ties: half, order: fixed}}
  - use: probes/length
    data: pairs.jsonl
    with: {task: generic/pairwise, with: "${vars.options}", candidate: 0}
    protocol: {ties: half, order: fixed}
judges: [{use: baselines/constant}]
report: {metric: accuracy}
"""
    )
    [found] = record(folder)["length-pairwise"]["comparisons"]
    assert (found["n"], found["base_value"], found["probe_value"]) == (4, 0.5, 0.5)


def test_where_the_leaderboard_scores_otherwise_the_report_says_so(run: Run) -> None:
    folder = run(
        """
name: otherwise
tasks:
  - use: miniature/pairwise-alignment
    with: {items: 6}
    protocol: {order: both, pooling: sum, unparsed: wrong, average: category, metrics: [accuracy]}
  - use: probes/swap
    with: {task: miniature/pairwise-alignment, with: {items: 6}}
    protocol: {order: both, pooling: sum, unparsed: wrong, average: category, metrics: [accuracy]}
judges: [{use: baselines/constant}]
"""
    )
    [found] = record(folder).values()
    [one] = found["comparisons"]
    assert (one["metric"], one["n"], one["items"], one["flips"]) == ("accuracy", 12, 6, 12)
    [note] = found["notes"]
    assert "by the protocol (pooling: sum, average: category, unparsed: wrong); here each answer stands" in note


def test_names_of_judges_cannot_break_the_table(run: Run) -> None:
    manifest = ONE.format(**(PLAIN | {"first": 8})).replace("baselines/constant", "baselines/constant, name: 'a|b<i>'")
    report = (run(manifest) / "leaderboard.md").read_text()
    assert "| a\\|b\\<i\\> |" in report[report.index("## Probes") :]


SKY = """
from PIL import Image as Picture

from harness.api import Choice, Image, Item, Message, Protocol, Request, TaskCard, hookimpl

class Sky:
    format = "harness/tagged"
    protocol = Protocol()

    def items(self, split):
        for n in range(6):
            picture = Image.from_drawing(lambda n=n: Picture.new("RGB", (64, 64), (n, 90, 200)), name=f"sky {n}")
            question = (picture, f"A blue sky, number {n}?")
            yield Item(id=f"{n}", group=f"{n}", space=Choice(("yes", "no")), gold="yes", question=question)

    def render(self, item, *, order, format):
        message = Message("user", (*item.question, format.instruction(item.space)))
        return Request(task="sky", item=item.id, messages=(message,), space=item.space, format=format, order=order)

    def fingerprint(self):
        return "sky-1"

@hookimpl
def harness_tasks():
    return [TaskCard(name="sky", summary="Is the sky blue?", factory=lambda options, context: Sky())]
"""


def test_a_task_of_a_file_can_be_probed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SKY)
    tasks = "[{use: mine/sky}, {use: probes/negated, with: {task: mine/sky}}]"
    manifest = f"name: m\ntasks: {tasks}\njudges: [{{use: baselines/constant}}]\n"
    found = record(run(manifest, "-p", "mine.py"))["negated-sky"]
    assert found["base"] == "sky"
    assert [(one["n"], one["flips"]) for one in found["comparisons"]] == [(6, 6)]


def test_a_probe_that_does_not_apply_ends_the_run_before_anybody_is_asked(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = "{use: probes/negated, with: {task: miniature/quality-score}}"
    manifest = f"name: m\ntasks: [{task}]\njudges: [{{use: baselines/random}}]\n"
    (tmp_path / "runs" / "x").mkdir(parents=True)
    run(manifest, code=2)
    error = capsys.readouterr().err
    assert "probes/negated does not apply to miniature/quality-score" in error
    assert [folder.name for folder in (tmp_path / "runs").iterdir() if (folder / "journal.sqlite").exists()] == []


def test_a_run_without_probes_is_left_alone(run: Run) -> None:
    folder = run("name: m\ntasks: [{use: miniature/technical, limit: 4}]\njudges: [{use: baselines/random}]\n")
    assert not (folder / "probes.json").exists()
    assert "Probes" not in (folder / "leaderboard.md").read_text()
