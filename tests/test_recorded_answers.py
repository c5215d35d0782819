"""Recorded answers, from files to the leaderboard: what is asked, what is left out and what ends the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

Harness = Callable[..., tuple[int, str, str]]
Save = Callable[..., Path]


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Harness:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        said = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        assert "Traceback" not in said.err
        return caught.value.code, said.out, said.err

    return run


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def to(name: str, *rows: dict[str, Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return to


def pairs(*golds: str, prefix: str = "") -> list[dict[str, Any]]:
    return [
        {"id": f"{prefix}{k}", "q": f"Which, {prefix}{k}?", "a": "x", "b": "y", "label": gold}
        for k, gold in enumerate(golds)
    ]


def manifest(tmp_path: Path, tasks: list[str], judges: str, *, more: str = "") -> None:
    options = '{question: "{q}", candidate_texts: [a, b], labels: {A: first, B: second}, id: id}'
    entries = "".join(
        f"  - {{use: generic/pairwise, name: {name}, suite: all, data: {name}.jsonl, format: harness/brackets,\n"
        f"     protocol: {{order: fixed, pooling: each, metrics: [accuracy]}}, with: {options}}}\n"
        for name in tasks
    )
    (tmp_path / "m.yaml").write_text(f"name: m\ntasks:\n{entries}judges:\n{judges}{more}")


REPLAY = "  - {use: baselines/replay, with: {answers: answers}}\n"


def board(tmp_path: Path) -> dict[str, Any]:
    [path] = tmp_path.glob("runs/m-*/leaderboard.json")
    plain: dict[str, Any] = json.loads(path.read_text())
    return plain


def values(plain: dict[str, Any]) -> dict[tuple[str, str], float]:
    return {(row["task"], row["judge"]): row["value"] for row in plain["rows"]}


def test_items_of_equal_content_have_answers_of_their_own(tmp_path: Path, harness: Harness, save: Save) -> None:
    same = {"q": "Which?", "a": "x", "b": "y", "label": "A"}
    save("one.jsonl", {"id": "1", **same}, {"id": "2", **same})
    save("answers/rec.jsonl", {"id": "1", "response": "[[A]]"}, {"id": "2", "response": "[[B]]"})
    manifest(tmp_path, ["one"], REPLAY + "  - {use: baselines/jury, with: {judges: [rec]}}\n")
    assert harness("run", "m.yaml")[0] == 0
    assert values(board(tmp_path)) == {("one", "rec"): 0.5, ("one", "jury"): 0.5}
    assert board(tmp_path)["rows"][0]["n"] == 2


def test_a_judge_is_asked_the_tasks_that_it_has_answers_to_and_no_others(
    tmp_path: Path, harness: Harness, save: Save
) -> None:
    for name in ("one", "two"):
        save(f"{name}.jsonl", *pairs("A", "B", "A", prefix=name))
    rows = {name: [{"id": f"{name}{k}", "response": "[[A]]"} for k in range(3)] for name in ("one", "two")}
    save("answers/both.jsonl", *rows["one"], *rows["two"])
    save("answers/only-one.jsonl", *rows["one"])
    manifest(tmp_path, ["one", "two"], REPLAY)
    code, out, _ = harness("run", "m.yaml", "--dry-run")
    assert "  two · only-one: not asked, since the judge has an answer to no item there" in out
    assert "3 cells, 9 requests" in out
    code, out, err = harness("run", "m.yaml")
    assert (code, "failed" in err) == (0, False)
    assert "only-one was not asked two: it has an answer to no item there" in out
    plain = board(tmp_path)
    assert set(values(plain)) == {("one", "both"), ("two", "both"), ("one", "only-one")}
    assert [(one["task"], one["judge"]) for one in plain["left_out"]] == [("two", "only-one")]
    [run] = tmp_path.glob("runs/m-*")
    assert "only-one was not asked two" in (run / "leaderboard.md").read_text()
    assert "only-one was not asked two" in harness("leaderboard", str(run))[1]
    assert harness("run", "m.yaml")[0] == 0
    assert harness("score", str(run))[0] == 0
    assert board(tmp_path) == plain


def test_a_mean_over_fewer_tasks_is_no_ranked_mean(tmp_path: Path, harness: Harness, save: Save) -> None:
    for name in ("one", "two"):
        save(f"{name}.jsonl", *pairs("A", "B", "A", prefix=name))
    save("answers/only-one.jsonl", *({"id": f"one{k}", "response": "[[A]]"} for k in range(3)))
    manifest(tmp_path, ["one", "two"], REPLAY, more="report: {group_by: suite}\n")
    assert harness("run", "m.yaml")[0] == 0
    [row] = board(tmp_path)["rows"]
    assert ("incomplete" in row["flags"], row["rank_low"], row["tasks"]) == (True, None, ["one"])


def test_items_missing_from_a_task_that_is_covered_are_errors(tmp_path: Path, harness: Harness, save: Save) -> None:
    save("one.jsonl", *pairs("A", "B", "A"))
    save("answers/rec.jsonl", {"id": "1", "response": "[[A]]"})
    manifest(tmp_path, ["one"], REPLAY)
    code, _, err = harness("run", "m.yaml")
    assert code == 3
    assert "rec on one: 2 judgements failed" in err


def test_an_error_that_several_samples_of_an_item_meet_is_told_once(
    tmp_path: Path, harness: Harness, save: Save
) -> None:
    save("one.jsonl", *pairs("A", "B", "A"))
    save("answers/rec.jsonl", *({"id": "1", "response": "[[A]]", "sample": sample} for sample in range(3)))
    manifest(tmp_path, ["one"], REPLAY)
    (tmp_path / "m.yaml").write_text(
        (tmp_path / "m.yaml").read_text().replace("order: fixed", "order: fixed, samples: 3")
    )
    code, _, err = harness("run", "m.yaml")
    assert code == 3
    assert "rec on one: 6 judgements failed" in err
    assert (err.count("no recorded answer for item '0'"), err.count("no recorded answer for item '2'")) == (1, 1)


def test_answers_to_none_of_the_items_are_a_mistake_and_not_left_out(
    tmp_path: Path, harness: Harness, save: Save
) -> None:
    save("one.jsonl", *pairs("A", "B"))
    save("answers/rec.jsonl", {"id": " 0", "response": "[[A]]"})
    manifest(tmp_path, ["one"], REPLAY)
    code, _, err = harness("run", "m.yaml")
    assert code == 2
    assert "judge rec: has an answer to no item of any task ('0' of one, ...); give the answers the ids" in err
    assert not (tmp_path / "runs").exists() or not list(tmp_path.glob("runs/m-*"))


@pytest.mark.parametrize("verb", ["validate", "run"])
def test_one_answer_never_counts_for_two_questions(tmp_path: Path, harness: Harness, save: Save, verb: str) -> None:
    save("one.jsonl", *pairs(*"AABB"))
    save("two.jsonl", *({**pair, "q": "Which is safer?"} for pair in pairs(*"AABB")))
    save("answers/rec.jsonl", *({"id": str(k), "response": "[[A]]"} for k in range(4)))
    manifest(tmp_path, ["one", "two"], REPLAY)
    code, _, err = harness(verb, "m.yaml")
    assert code == 2
    assert "judge rec: its answer to item '0' would count for the tasks one and two, which ask different things" in err
    assert "`task_field:`" in err
    assert not list(tmp_path.glob("runs/m-*"))
    # The same data twice, as under two protocols, are the same questions.
    save("two.jsonl", *pairs(*"AABB"))
    assert harness(verb, "m.yaml")[0] == 0
    # A later version of the data, in which one row was edited.
    rows = pairs(*"AABBAABBAABB")
    save("one.jsonl", *rows)
    save("two.jsonl", *rows[:-1], {**rows[-1], "q": "Which is safer?"})
    save("answers/rec.jsonl", *({"id": str(k), "response": "[[A]]"} for k in range(12)))
    code, _, err = harness(verb, "m.yaml")
    assert code == 2
    assert "its answer to item '11' would count for the tasks one and two" in err


def test_rows_of_one_file_answer_two_tasks_with_equal_ids(tmp_path: Path, harness: Harness, save: Save) -> None:
    save("one.jsonl", *pairs(*"AABB"))
    save("two.jsonl", *({**pair, "q": "Which is safer?"} for pair in pairs(*"AABB")))
    said = {"one": "[[A]]", "two": "[[B]]"}
    save("rec.jsonl", *({"id": str(k), "to": task, "response": said[task]} for k in range(3) for task in said))
    manifest(tmp_path, ["one", "two"], "  - {use: baselines/replay, with: {answers: rec.jsonl, task_field: to}}\n")
    assert harness("run", "m.yaml")[0] == 3, "one item of each task has no answer"
    rows = {row["task"]: row for row in board(tmp_path)["rows"]}
    assert rows["one"]["value"] == pytest.approx(2 / 3)
    assert rows["two"]["value"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("verb", ["validate", "run"])
def test_a_fault_in_one_file_ends_the_command_before_the_run(
    tmp_path: Path, harness: Harness, save: Save, verb: str
) -> None:
    save("one.jsonl", *pairs("A", "B"))
    save("answers/good.jsonl", {"id": "0", "response": "[[A]]"}, {"id": "1", "response": "[[A]]"})
    save("answers/bad.jsonl", {"id": "0", "response": "[[A]]"}, {"id": "1", "response": 7})
    manifest(tmp_path, ["one"], REPLAY)
    code, _, err = harness(verb, "m.yaml")
    assert code == 2
    assert "judges[0]: " in err
    assert "bad.jsonl, line 2: 'response' must be the raw text" in err
    assert not list(tmp_path.glob("runs/m-*"))


def test_validate_finds_answers_that_fit_no_item(tmp_path: Path, harness: Harness, save: Save) -> None:
    save("one.jsonl", *pairs("A", "B"))
    save("answers/rec.jsonl", {"id": "elsewhere", "response": "[[A]]"})
    manifest(tmp_path, ["one"], REPLAY)
    code, _, err = harness("validate", "m.yaml")
    assert code == 2
    assert "judge rec: has an answer to no item of any task ('0' of one, ...)" in err


def test_validate_says_how_many_items_have_no_answer(tmp_path: Path, harness: Harness, save: Save) -> None:
    save("one.jsonl", *pairs(*"ABABA"))
    save("answers/rec.jsonl", *({"id": str(k), "response": "[[A]]"} for k in (0, 1, 4)))
    manifest(tmp_path, ["one"], REPLAY)
    code, out, err = harness("validate", "m.yaml")
    assert (code, out.startswith("m.yaml: ok")) == (0, True)
    assert "m.yaml: judge rec: has no answer to 2 of the 5 items of one, as '2'" in err


@pytest.mark.parametrize("judge", [REPLAY, "  - {use: baselines/random}\n"])
def test_validate_finds_a_broken_row(tmp_path: Path, harness: Harness, save: Save, judge: str) -> None:
    rows = pairs("A", "B")
    del rows[1]["b"]
    save("one.jsonl", *rows)
    save("answers/rec.jsonl", {"id": "0", "response": "[[A]]"})
    manifest(tmp_path, ["one"], judge)
    code, _, err = harness("validate", "m.yaml")
    assert code == 2
    assert "tasks[0]: " in err
    assert "one.jsonl, line 2: there is no column 'b'" in err


def test_validate_says_that_a_folder_is_still_empty(tmp_path: Path, harness: Harness) -> None:
    (tmp_path / "data").mkdir()
    task = "{use: preference/rewardbench, data: data}"
    (tmp_path / "m.yaml").write_text(f"name: m\ntasks: [{task}]\njudges: [{{use: baselines/random}}]\n")
    code, out, err = harness("validate", "m.yaml")
    assert (code, out.startswith("m.yaml: ok")) == (0, True)
    assert "data is empty, so no items were read; a run needs them" in err


def test_shards_leave_out_the_same(tmp_path: Path, harness: Harness, save: Save) -> None:
    for name in ("one", "two"):
        save(f"{name}.jsonl", *pairs(*"ABABAB", prefix=name))
    save("answers/only-one.jsonl", *({"id": f"one{k}", "response": "[[A]]"} for k in range(6)))
    manifest(tmp_path, ["one", "two"], REPLAY + "  - {use: baselines/random}\n")
    for part in ("1/2", "2/2"):
        assert harness("run", "m.yaml", "--shard", part)[0] == 0
    parts = sorted(map(str, tmp_path.glob("runs/m-*-shard-*")))
    code, out, _ = harness("merge", *parts)
    assert code == 0
    assert "only-one was not asked two" in out
    [whole] = [path for path in tmp_path.glob("runs/m-*") if "shard" not in path.name]
    plain = json.loads((whole / "leaderboard.json").read_text())
    assert [(one["task"], one["judge"]) for one in plain["left_out"]] == [("two", "only-one")]
    assert len(plain["rows"]) == 3


# -- as their authors publish them ---------------------------------------------------------------------------------


def rewardbench(tmp_path: Path, save: Save, chosen: list[Any], rejected: list[Any]) -> None:
    """Two pairs of a subset that weighs 984 and one of a subset that weighs 164, and the scores of a model."""
    rows = zip(("math-prm", "math-prm", "hep-go"), ("2 + 2?", "3 + 3?", "Print 1."), strict=True)
    answers = {"chosen": "right", "rejected": "wrong"}
    save("data/filtered.jsonl", *({"subset": subset, "prompt": prompt, **answers} for subset, prompt in rows))
    columns = {"results": [1, 0, 1], "scores_chosen": chosen, "scores_rejected": rejected, "model": "m"}
    save("published/scores/eval-set-scores/lab/m.json", columns)
    (tmp_path / "m.yaml").write_text(
        "name: m\n"
        "tasks: [{use: preference/rewardbench, data: data}]\n"
        "judges:\n"
        "  - {use: baselines/replay, with: {answers: published, layouts: {scores: preference/rewardbench}}}\n"
    )


def test_results_that_authors_publish_are_scored_by_their_rule(tmp_path: Path, harness: Harness, save: Save) -> None:
    # The draw is wrong, so the section of two subsets is (984 x 0.5 + 164 x 1) / 1148.
    rewardbench(tmp_path, save, [2.5, 1, 0.25], [-1, 1, -7])
    assert harness("validate", "m.yaml")[0] == 0
    assert harness("run", "m.yaml")[0] == 0
    assert values(board(tmp_path)) == {("rewardbench", "lab/m"): pytest.approx((984 * 0.5 + 164) / 1148)}


def test_validate_names_the_file_of_the_authors_and_the_row(tmp_path: Path, harness: Harness, save: Save) -> None:
    rewardbench(tmp_path, save, [2.5, "high", 0.25], [-1, 1, -7])
    code, out, err = harness("validate", "m.yaml")
    assert code == 2
    assert "eval-set-scores/lab/m.json, row 1, column 'scores_chosen'" in out + err


def test_validate_finds_a_folder_without_answers(tmp_path: Path, harness: Harness, save: Save) -> None:
    rewardbench(tmp_path, save, [1, 1, 1], [0, 0, 0])
    (tmp_path / "published/scores/eval-set-scores/lab/m.json").unlink()
    code, out, err = harness("validate", "m.yaml")
    assert code == 2
    assert "holds no recorded answers in the layout of preference/rewardbench" in out + err
