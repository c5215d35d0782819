"""`harness show RUN --unread` on a real run of recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main

ANSWERS = {
    "careful": ["<answer>yes</answer>", "I cannot say.", "<answer>perhaps</answer>", "", "a" * 5000 + "\n\nzz"],
    "loud": ["<answer>no</answer>", "\x1b]0;PWN\x07\x1b[2J\nerror: fake\u202e\u2028", "<answer>no</answer>"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five questions; `loud` has recorded three answers, so that two are errors."""
    place = tmp_path_factory.mktemp("unread")
    judges = []
    for name, texts in ANSWERS.items():
        path = place / f"{name}.jsonl"
        rows = [{"id": f"test-{number:06}", "response": text} for number, text in enumerate(texts)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        judges.append({"name": name, "use": "baselines/replay", "with": {"answers": str(path)}})
    manifest = place / "m.yaml"
    tasks = [{"name": "sharp", "use": "miniature/technical", "limit": 5}]
    manifest.write_text(yaml.safe_dump({"name": "m", "tasks": tasks, "judges": judges}), encoding="utf-8")
    code_of("run", manifest, "--runs", place / "runs")
    [folder] = (place / "runs").glob("m-*")
    return folder


def code_of(*arguments: object) -> object:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return caught.value.code


def listed(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert code_of("show", *arguments, "--unread", "--json") == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_every_answer_without_a_verdict_is_shown_whole_to_programs(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = listed(capsys, run)
    assert [(row["judge"], row["item"], row["status"], row["reason"]) for row in rows] == [
        ("careful", "test-000001", "unparsed", "no verdict"),
        ("careful", "test-000002", "outside", "outside"),
        ("careful", "test-000003", "unparsed", "no verdict"),
        ("careful", "test-000004", "unparsed", "no verdict"),
        ("loud", "test-000001", "unparsed", "no verdict"),
        ("loud", "test-000003", "error", "error"),
        ("loud", "test-000004", "error", "error"),
    ]
    assert [row["raw"] for row in rows[:5]] == [*ANSWERS["careful"][1:], ANSWERS["loud"][1]]
    assert rows[5]["problem"].startswith("no recorded answer for item 'test-000003'")


def test_judge_task_reason_and_limit_choose(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(listed(capsys, run, "--judge", "loud", "--task", "sharp")) == 3
    assert [row["item"] for row in listed(capsys, run, "--reason", "outside")] == ["test-000002"]
    assert [row["item"] for row in listed(capsys, run, "--reason", "No-Verdict", "--limit", "2")] == [
        *("test-000001", "test-000002")[:1],
        "test-000003",
    ]
    assert listed(capsys, run, "--reason", "only quoted") == []


def test_people_see_place_status_reason_and_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", run, "--unread") == 0
    said = capsys.readouterr().out
    assert said.startswith("sharp · careful\n\n  item test-000001\n  unparsed; no verdict: ")
    assert "\n    | I cannot say.\n" in said
    assert "  item test-000002\n  outside; outside: 'perhaps' is not an answer of" in said
    assert "\n    (no text)\n" in said
    assert "\nsharp · loud\n" in said


def test_a_long_answer_is_cut_in_the_middle_and_its_end_is_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", run, "--unread", "--judge", "careful") == 0
    said = capsys.readouterr().out
    assert "    | [... 3,004 characters left out; --json prints all ...]\n" in said
    assert said.rstrip().endswith("    | zz")


def test_what_a_model_wrote_is_not_obeyed_and_not_taken_for_a_line_of_the_harness(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("show", run, "--unread", "--judge", "loud") == 0
    said = capsys.readouterr().out
    assert "    | �]0;PWN��[2J\n    | error: fake��\n" in said


def test_it_says_how_many_are_left(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", run, "--unread", "--limit", "3") == 0
    assert "4 more; --limit N shows more" in capsys.readouterr().err


def test_nothing_unread_is_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", run, "--unread", "--reason", "drawn") == 0
    assert "no answer without a verdict for reason drawn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--unread", "--judge", "carefull"], "has no judge 'carefull'. Did you mean 'careful'?"),
        (["--unread", "--task", "x"], "has no task 'x'. It has sharp."),
        (["--unread", "--reason", "bored"], "there is no such reason; there are no verdict, ambiguous, contradicts"),
        ([], "is a run folder; `harness show"),
        (["--judge", "careful"], "are for --unread"),
    ],
)
def test_mistakes_are_named(run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert code_of("show", run, *arguments) == 2
    assert says in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", tmp_path, "--unread") == 2
    assert "not a run folder" in capsys.readouterr().err
    assert code_of("show", "--unread") == 2
    assert "harness show RUN --unread" in capsys.readouterr().err


def test_the_run_itself_tells_of_them_in_one_line_each(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("leaderboard", run) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "4 of 5 requests without a verdict (80.0 %): 3 no verdict, 1 outside" in said
    assert "3 of 5 requests without a verdict (60.0 %): 2 error, 1 no verdict" in said
    assert f"harness show {run} --unread" in said.replace(" ", "").replace("harnessshow", "harness show ").replace(
        "--unread", " --unread"
    )
