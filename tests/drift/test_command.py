from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest


def test_the_first_call_freezes_a_share_of_each_class_and_measures_the_noise(drift: Any) -> None:
    told = drift.json("d1")
    assert told["snapshots"] == ["d1"]
    [cell], [judge] = told["cells"], told["judges"]
    assert (cell["n"], cell["changed"], cell["noise"]["value"], cell["alarm"]) == (40, 0, 0.0, None)
    assert cell["noise"]["high"] > 0.01, "no change of forty does not show that there is none"
    assert judge["latency_p95_now"] == 0.5
    anchors = json.loads((drift.kept / "anchors.json").read_text())
    [task] = anchors["tasks"]
    golds = [int(anchor["item"][1:]) % 3 == 0 for anchor in task["items"]]
    assert (len(golds), sum(golds)) == (40, 13), "a third of the items has the other gold"
    # Asked three times: once for the answers, twice more for the noise.
    assert sorted(path.name for path in drift.kept.glob("d1*")) == ["d1", "d1.again-1", "d1.again-2"]
    assert "anchors frozen: 40 items" in drift.err


def test_a_judge_that_stays_is_quiet_and_one_that_changes_is_named(drift: Any) -> None:
    assert drift("d1") == 0
    assert drift("d2", "--fail-on", "drift", "--fail-on", "model", "--fail-on", "score") == 0, drift.err
    assert "none seen" in drift.out
    drift.mood(other=0.3, model="served-2")
    assert drift("d3", "--fail-on", "drift") == 4
    assert "gate: moody on items drifts since d3" in drift.err
    assert "another model answers: served-2, at first served-1" in drift.out
    # It rings until other anchors are frozen, also when nothing is asked.
    drift.mood()
    assert drift("d4", "--fail-on", "drift") == 4
    assert drift("d4", "--no-ask", "--fail-on", "drift") == 4
    assert drift("d4", "--no-ask") == 0
    assert drift("d5", "--fresh", "--fail-on", "drift") == 0
    assert (drift.folder / "drift" / "moods.old-1" / "history.jsonl").is_file()


def test_the_verdict_stands_in_a_narrow_terminal_and_what_does_not_is_named(
    drift: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert drift("d1") == 0
    assert drift("d2") == 0
    header = next(line for line in drift.out.splitlines() if line.startswith("judge"))
    assert header.split()[:4] == ["judge", "task", "drift", "n"]
    assert "none seen" in drift.out
    assert "left out for want of width: evidence (COLUMNS=" in " ".join(drift.out.split())


def test_verdicts_that_became_others_are_counted_and_kept_for_people_and_programs(drift: Any) -> None:
    assert drift("d1") == 0
    drift.mood(other=0.2)
    told = drift.json("d2")
    [cell] = told["cells"]
    assert cell["flips"] == [{"before": "yes", "after": "no", "count": cell["changed"]}]
    assert cell["changed"] > 3
    assert cell["since_first"]["low"] < cell["changed"] / 40 < cell["since_first"]["high"]
    change = cell["score_change"]
    assert change["low"] < change["value"] < change["high"]
    page = (drift.kept / "drift.md").read_text()
    assert f"| moody   | items  | yes        | no    | {cell['changed']:>9} |" in page
    lines = [json.loads(line) for line in (drift.kept / "history.jsonl").read_text().splitlines()]
    assert [line["snapshot"] for line in lines] == ["d1", "d2"]
    assert lines[1]["cells"][0]["flips"] == cell["flips"]


def test_a_noisy_judge_does_not_ring_and_its_noise_is_told(drift: Any) -> None:
    drift.mood(noisy=0.4)
    told = drift.json("d1")
    assert told["cells"][0]["noise"]["value"] > 0.05
    for label in ("d2", "d3", "d4"):
        assert drift(label, "--fail-on", "drift") == 0, drift.err
    # More than its noise is a drift all the same.
    drift.mood(other=0.6, noisy=0.4)
    drift("d5")
    assert drift("d6", "--fail-on", "drift") == 4


def test_the_same_command_asks_nothing_twice_and_goes_on(drift: Any) -> None:
    assert drift("d1") == 0
    turn = json.loads((drift.folder / "mood.json").read_text())["turn"]
    assert drift("d1") == 0
    assert json.loads((drift.folder / "mood.json").read_text())["turn"] == turn
    # A failure is asked again, and the snapshot then has the new answer.
    drift.mood(fails=1)
    assert drift("d2") == 3
    assert "1 judgement failed" in drift.err
    drift.mood()
    assert drift("d2") == 0
    assert len((drift.kept / "history.jsonl").read_text().splitlines()) == 2


def test_answers_without_a_verdict_are_a_habit_and_failures_are_none(drift: Any) -> None:
    assert drift("d1") == 0
    drift.mood(fails=1)
    assert drift("d2", "--json") == 3
    [cell] = json.loads(drift.out)["cells"]
    known = {anchor["item"] for anchor in json.loads((drift.kept / "anchors.json").read_text())["tasks"][0]["items"]}
    failed, unread = int("i1" in known), int("i2" in known)
    assert cell["failed"] == failed
    assert cell["n"] == 40 - failed
    assert cell["unread_now"] == pytest.approx(unread / (40 - failed), abs=1e-5)
    assert [flip["after"] for flip in cell["flips"]] == ["(unparsed)"] * unread


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        ({"with": {"items": 30}}, "items: the data changed: "),
        ({"with": {"corrected": 60}}, "the data changed: 40 (such as 'i"),
        ({"with": {"words": "Really?"}}, "the prompt changed: moody_plugin/items or its options ask in other words"),
        ({"format": "harness/tagged"}, "the format changed from harness/label to harness/tagged"),
        ({"protocol": {"samples": 2}}, "the protocol changed from order"),
        ({"name": "others"}, "task items: the manifest has it no longer"),
    ],
)
def test_what_is_no_change_of_the_judge_is_refused_before_it_is_asked(
    drift: Any, entry: dict[str, Any], cause: str
) -> None:
    assert drift("d1", "--again", "0") == 0
    turn = json.loads((drift.folder / "mood.json").read_text())["turn"]
    drift.write(tasks=[{"use": "moody_plugin/items", "name": "items", **entry}])
    assert drift("d2") == 2
    assert cause in drift.error
    assert "freeze new anchors with --fresh" in drift.error
    assert json.loads((drift.folder / "mood.json").read_text())["turn"] == turn


def test_a_judge_that_is_set_up_otherwise_is_said_to_be_and_a_new_one_is_refused(drift: Any) -> None:
    assert drift("d1", "--again", "0") == 0
    options = {"file": str(drift.folder / "mood.json")}
    drift.write(judges=[{"use": "moody_plugin/moody", "name": "moody", "with": {**options, "seed": 1}}])
    assert drift("d2") == 0
    assert "its options, or the version of its plugin, are not those of d1" in " ".join(drift.out.split())
    assert "its own noise is not known" in " ".join(drift.out.split())
    drift.write(judges=[{"use": "moody_plugin/moody", "name": "new", "with": options}])
    assert drift("d3") == 2
    assert "judge new was not asked when the anchors were frozen (those were moody)" in drift.error


def test_a_threshold_of_ones_own(drift: Any) -> None:
    assert drift("d1", "--again", "0") == 0
    drift.mood(other=0.3)
    assert drift("d2", "--max-changed", "0.9") == 0
    assert drift("d2", "--max-changed", "0.1") == 4
    assert "more than 10 %" in drift.err
    # As it was given, and not 0.1 %.
    assert drift("d2", "--max-changed", "0.0005") == 4
    assert "more than 0.05 %" in drift.err


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def spoil_journal(folder: Path) -> None:
    [journal] = folder.glob("d1/*/journal.sqlite")
    journal.write_bytes(journal.read_bytes()[:4096] + b"\xff" * 8192)


def forge_answers(folder: Path) -> None:
    [journal] = folder.glob("d1/*/journal.sqlite")
    with sqlite3.connect(journal) as database:
        database.execute("UPDATE judgements SET verdict='\"no\"' WHERE rowid % 2")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (
            lambda folder: rewrite(folder / "anchors.json", '"hash"', '"hush"'),
            "anchors.json: the anchors cannot be read",
        ),
        (lambda folder: (folder / "anchors.json").write_text("{"), "anchors.json: the anchors cannot be read"),
        (lambda folder: (folder / "anchors.json").unlink(), "anchors.json: is gone, and there are snapshots"),
        (lambda folder: (folder / "history.jsonl").write_text("{}\n"), "history.jsonl: line 1 is damaged"),
        (lambda folder: (folder / "history.jsonl").write_bytes(b"\xff\n"), "history.jsonl: cannot be read"),
        (
            lambda folder: rewrite(folder / "history.jsonl", '"folder": "d1/', '"folder": "../'),
            "history.jsonl: line 1 is damaged",
        ),
        (
            lambda folder: (folder / "history.jsonl").write_text((folder / "history.jsonl").read_text() * 2),
            "history.jsonl: line 2: d1 is there twice",
        ),
        (lambda folder: shutil.rmtree(folder / "d1"), "d1"),
        (spoil_journal, "snapshot d1"),
        (forge_answers, "are not those that were given at that date"),
    ],
)
def test_damage_is_named_and_never_believed(drift: Any, damage: Any, named: str) -> None:
    assert drift("d1", "--again", "0") == 0
    damage(drift.kept)
    for arguments in (("d2", "--no-ask"), ("d2",)):
        assert drift(*arguments) == 2, drift.out
        # Without anchors there is no drift to tell of.
        gone = not (drift.kept / "anchors.json").exists() and "--no-ask" in arguments
        assert ("there is no snapshot yet" if gone else named) in drift.error
        assert "Traceback" not in drift.err


@pytest.mark.parametrize("label", ["../x", "a/b", "", ".hidden", "x.again-1", "a b", "x" * 65])
def test_a_snapshot_is_not_called_what_no_folder_may_be(drift: Any, label: str) -> None:
    if label:
        assert drift(label) == 2
        assert "use letters, digits" in drift.error
        assert not drift.kept.exists()


def test_nothing_is_told_where_nothing_was_asked(drift: Any) -> None:
    assert drift("d1", "--no-ask") == 2
    assert "there is no snapshot yet" in drift.error


def test_samples_of_one_date_tell_the_noise_where_nothing_was_asked_again(drift: Any) -> None:
    drift.write(tasks=[{"use": "moody_plugin/items", "name": "items", "protocol": {"samples": 3}}])
    drift.mood(noisy=0.3)
    [cell] = drift.json("d1", "--again", "0")["cells"]
    assert (cell["n"], cell["noise"]["value"]) == (120, 0.0), "one call gives all samples of an item alike"
    drift.mood(other=0.6)
    assert drift("d2", "--fail-on", "drift") == 4


def test_a_snapshot_that_is_called_again_keeps_its_line(drift: Any) -> None:
    drift.mood(fails=1)
    assert drift("d1") == 3
    drift.mood()
    assert drift("d2") == 0

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in (drift.kept / "history.jsonl").read_text().splitlines()]

    first = read()
    assert [(line["snapshot"], len(line["again"])) for line in first] == [("d1", 2), ("d2", 0)]
    # What failed is asked again, in the repeats too; its numbers of that date stay.
    assert drift("d1") == 0
    second = read()
    assert second[0]["digests"] != first[0]["digests"]
    assert (second[0]["cells"], second[1]["snapshot"]) == (first[0]["cells"], "d2")
    assert drift("d1") == 0
    assert read() == second


def test_a_gate_without_a_baseline_fails_and_says_what_helps(drift: Any) -> None:
    drift.mood(down=1.0)
    assert drift("d1") == 3
    drift.mood()
    assert drift("d2") == 0, "without a gate the command only tells"
    assert "none seen" not in drift.out
    assert "moody on items: 40 of 40 anchors have no first answer" in " ".join(drift.out.split())
    for gate in (("--fail-on", "drift"), ("--fail-on", "score"), ("--max-changed", "0.1")):
        assert drift("d2", *gate) == 4, gate
        assert (
            "gate: moody on items cannot be watched: 0 of 40 anchors have a first answer; freeze again" in drift.error
        )
    assert drift("d2", "--fail-on", "model") == 4
    assert "no answer of d1 names its model" in drift.error
    assert drift("d2", "--no-ask", "--fail-on", "drift") == 4


@pytest.mark.parametrize(("down", "code"), [(0.9, 4), (0.2, 0)])
def test_a_baseline_of_few_anchors_is_none_and_what_it_lacks_is_named(drift: Any, down: float, code: int) -> None:
    drift.mood(down=down)
    assert drift("d1") == 3
    drift.mood()
    assert drift("d2", "--fail-on", "drift") == code, drift.err
    said = " ".join(drift.out.split())
    assert "anchors have no first answer and cannot be watched" in said
    assert ("none seen" in drift.out) == (code == 0)
    # The first date is asked again for what failed, and no longer lacks it.
    assert drift("d1") == 0
    assert drift("d2", "--fail-on", "drift") == 0, drift.err
    assert "no first answer" not in drift.out


def test_answers_that_are_gone_today_fail_a_gate_too(drift: Any) -> None:
    assert drift("d1") == 0
    drift.mood(down=1.0)
    assert drift("d2") == 3
    assert "none seen" not in drift.out
    assert drift("d2", "--no-ask", "--max-changed", "0.1") == 4
    assert "0 of 40 anchors have an answer of both dates" in drift.error


def test_a_gate_on_drift_needs_noise(drift: Any) -> None:
    assert drift("d1", "--again", "0", "--fail-on", "drift") == 4, "it is said before a date is lost"
    drift.mood(other=0.6)
    assert drift("d2", "--fail-on", "drift") == 4
    assert "--fail-on drift cannot be evaluated: its noise was not measured; freeze again with --fresh" in drift.error
    assert drift("d2") == 0


def test_a_gate_on_models_needs_names(drift: Any) -> None:
    drift.mood(model="")
    assert drift("d1", "--fail-on", "drift") == 0
    assert drift("d2", "--fail-on", "model") == 4
    assert "no answer of d1 or d2 names its model" in drift.error


def test_a_judge_that_never_names_a_model_leaves_the_gate_to_the_others(drift: Any) -> None:
    judge = {"use": "moody_plugin/moody", "name": "moody", "with": {"file": str(drift.folder / "mood.json")}}
    drift.write(judges=[judge, {"use": "baselines/constant"}])
    assert drift("d1") == 0
    assert drift("d2", "--fail-on", "model") == 0, drift.err
    drift.mood(model="served-2")
    assert drift("d3", "--fail-on", "model") == 4
    assert "moody: another model answers" in drift.error
    assert "gate: constant" not in drift.error


def test_a_task_that_a_judge_was_not_asked_at_first_is_named(drift: Any) -> None:
    tasks, said = [], {}
    for name in ("one", "two"):
        rows = [{"id": f"{name}{n}", "text": f"{name} {n}", "right": "yes" if n % 2 else "no"} for n in range(20)]
        data = drift.folder / f"{name}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        options = {"question": "So? {text}", "answers": ["yes", "no"], "gold": "right", "id": "id"}
        tasks.append({"use": "generic/pointwise", "name": name, "data": str(data), "with": options})
        said[name] = [{"id": row["id"], "verdict": row["right"]} for row in rows]
    answers = drift.folder / "said.jsonl"
    drift.write(tasks=tasks, judges=[{"use": "baselines/replay", "name": "r", "with": {"answers": str(answers)}}])

    def answer(*names: str) -> None:
        answers.write_text("".join(json.dumps(row) + "\n" for name in names for row in said[name]))

    answer("one")
    assert drift("d1") == 0, drift.err
    answer("one", "two")
    assert drift("d2") == 0, drift.err
    assert "r on two cannot be watched: it was not asked on d1" in " ".join(drift.out.split())
    assert drift("d2", "--max-changed", "0.5") == 4
    assert "gate: r on two cannot be watched" in drift.error
    answer("two")
    assert drift("d3", "--max-changed", "0.5") == 4
    assert "r on one cannot be watched: it has no answers of d3" in drift.error
