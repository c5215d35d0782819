"""Logs of other tools in small, in the layouts in which they write them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError, Preference
from harness.testing import FakeContext
from harness_baselines.layouts import find_judges
from harness_baselines.options import ReplayOptions
from harness_baselines.replay import Replay, unfold
from harness_baselines.tools import TOOLS


def save(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = file.suffix == ".jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content))


def answers(tool: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    layout = TOOLS[tool]
    return {
        judge: [dict(row) for file in files for row, _ in layout.read(file, judge)]
        for judge, files in layout.find(folder).items()
    }


def test_alpaca_eval_weighs_or_decides(tmp_path: Path) -> None:
    fixed = {"instruction": "Do.", "output_1": "x", "output_2": "y", "generator_1": "base", "annotator": "gpt"}
    told = [1, 2.0, 1.5, 0, 1.2, 1.93, None]
    rows = [{**fixed, "generator_2": "new", "preference": value, "price_per_example": 0.01} for value in told]
    save(tmp_path / "new/gpt/annotations.json", rows)
    found = answers("alpaca-eval", tmp_path)
    assert [row["verdict"] for row in found["gpt"]] == ["A", "B", "tie", "tie", "A", "B", None]
    assert found["gpt"][1] == {"id": "new/1", "order": [0, 1], "verdict": "B", "cost_usd": 0.01}


def test_alpaca_eval_takes_nan_for_nothing(tmp_path: Path) -> None:
    fixed = {"generator_2": "new", "annotator": "gpt", "time_per_example": float("nan")}
    save(tmp_path / "annotations.json", [{**fixed, "preference": value} for value in (1.9, float("nan"))])
    first, second = answers("alpaca-eval", tmp_path)["gpt"]
    assert first == {"id": "new/0", "order": [0, 1], "verdict": "B"}
    assert second == {"id": "new/1", "order": [0, 1], "verdict": None}


def test_fastchat_passes_over_what_lies_beside_the_judgements(tmp_path: Path) -> None:
    save(tmp_path / "mt_bench/question.jsonl", [{"question_id": 81, "turns": ["a", "b"]}])
    save(tmp_path / "mt_bench/model_answer/m1.jsonl", [{"question_id": 81, "model_id": "m1", "choices": []}])
    row = {"question_id": 81, "model": "m1", "judge": ["gpt-4", "single-v1"], "turn": 1, "score": 7}
    save(tmp_path / "mt_bench/model_judgment/gpt-4_single.jsonl", [row])
    assert [said["id"] for said in answers("fastchat", tmp_path)["gpt-4"]] == ["81-1-m1"]


def test_fastchat_names_winners_by_number_and_scores_single_answers(tmp_path: Path) -> None:
    pair = {"question_id": 81, "model_1": "m1", "model_2": "m2", "judge": ["gpt-4", "pair-v2"], "turn": 1}
    games = {"g1_winner": "model_2", "g2_winner": "model_2", "g1_judgment": "[[B]]", "g2_judgment": "[[A]]"}
    save(
        tmp_path / "gpt-4_pair.jsonl",
        [{**pair, **games}, {**pair, "turn": 2, "g1_winner": "tie", "g2_winner": "error"}],
    )
    single = {"question_id": 81, "model": "m1", "judge": ["gpt-4", "single-v1"], "turn": 2, "judgment": "Rating: [[7]]"}
    save(tmp_path / "gpt-4_single.jsonl", [{**single, "score": 7}, {**single, "turn": 1, "score": -1}])
    found = answers("fastchat", tmp_path)["gpt-4"]
    games_told = [(row["id"], row["order"], row["verdict"]) for row in found if "order" in row]
    assert games_told == [
        ("81-1-m1-m2", [0, 1], "B"),
        ("81-1-m1-m2", [1, 0], "A"),
        ("81-2-m1-m2", [0, 1], "tie"),
        ("81-2-m1-m2", [1, 0], None),
    ]
    assert [(row["id"], row.get("scores")) for row in found if "order" not in row] == [
        ("81-2-m1", [7]),
        ("81-1-m1", None),
    ]


def test_prometheus_keeps_feedback_and_scores(tmp_path: Path) -> None:
    entry = {"feedback": "Fine.", "score": [4, 5], "eval_model_name": "prometheus-7b", "response": "not the judge's"}
    save(tmp_path / "evals.json", {"plan_0": entry, "plan_1": {**entry, "score": 3}})
    found = answers("prometheus", tmp_path)["prometheus-7b"]
    assert [(row["id"], row["sample"], row["scores"]) for row in found] == [
        ("plan_0", 0, [4]),
        ("plan_0", 1, [5]),
        ("plan_1", 0, [3]),
    ]
    assert found[0]["rationale"] == "Fine."


SAMPLES: list[dict[str, Any]] = [
    {"id": 1, "epoch": 1, "output": {"choices": [{"message": {"content": "[[A]]"}, "stop_reason": "stop"}]}},
    {"id": "b", "epoch": 2, "output": {"completion": "[[B]", "choices": [{"stop_reason": "max_tokens"}]}},
    {"id": "c", "epoch": 1, "output": {"choices": []}, "error": {"message": "no connection"}},
]


@pytest.mark.parametrize("ending", ["json", "eval"])
def test_inspect_logs_are_read_as_json_and_as_zip(tmp_path: Path, ending: str) -> None:
    head = {"eval": {"model": "openai/gpt-4o", "task": "pairs"}}
    if ending == "json":
        save(tmp_path / "log.json", {"version": 2, "status": "success", **head, "results": None, "samples": SAMPLES})
    else:
        with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
            archive.writestr("_journal/start.json", json.dumps(head))
            for sample in SAMPLES:
                archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
            archive.writestr("header.json", json.dumps(head))
    found = answers("inspect-ai", tmp_path)["openai/gpt-4o"]
    assert found[0] == {"id": "1", "sample": 0, "response": "[[A]]", "stop_reason": "stop"}
    assert found[1] == {"id": "b", "sample": 1, "response": "[[B]", "stop_reason": "max_tokens"}
    assert "no connection" in found[2]["error"]


def test_inspect_texts_may_be_in_parts_and_outputs_may_be_errors(tmp_path: Path) -> None:
    parts = [{"type": "reasoning", "reasoning": "A or B?"}, {"type": "text", "text": "GRADE: A"}]
    samples = [
        {"id": 1, "epoch": 1, "output": {"choices": [{"message": {"content": parts}, "stop_reason": "stop"}]}},
        {"id": 2, "epoch": 1, "output": {"choices": [], "error": "overloaded"}},
    ]
    save(tmp_path / "log.json", {"eval": {"model": "openai/o"}, "samples": samples})
    assert answers("inspect-ai", tmp_path)["openai/o"] == [
        {"id": "1", "sample": 0, "response": "GRADE: A", "stop_reason": "stop"},
        {"id": "2", "sample": 0, "response": "", "error": "overloaded"},
    ]


def test_lm_eval_samples_are_texts_or_likelihoods(tmp_path: Path) -> None:
    save(
        tmp_path / "my__judge/samples_pairs_2025.jsonl", [{"doc_id": 3, "resps": [["[[A]]"], ["[[B]]"]], "target": "A"}]
    )
    likely = {"doc_id": 4, "resps": [[[-1.5, False]], [[-0.5, True]]], "filtered_resps": [[-1.5, False], [-0.5, True]]}
    save(tmp_path / "my__judge/samples_choices_2025.jsonl", [likely])
    found = answers("lm-eval", tmp_path)["my__judge"]
    assert found == [
        {"id": "4", "scores": [-1.5, -0.5]},
        {"id": "3", "sample": 0, "response": "[[A]]"},
        {"id": "3", "sample": 1, "response": "[[B]]"},
    ]


def test_a_folder_of_lm_eval_with_several_tasks_says_which_one_is_answered(tmp_path: Path, one: Any, put: Any) -> None:
    date = "2026-01-31T12-34-56.789012"
    for task, answer in (("is_safe", "A"), ("is_sharp", "B")):
        row = {"doc_id": 0, "resps": [[f"[[{answer}]]"]]}
        save(tmp_path / f"logs/m/samples_{task}_{date}.jsonl", [row])
    options = ReplayOptions(answers=str(tmp_path), layouts={"logs": "lm-eval"})
    context = FakeContext(workspace=tmp_path)
    (entry,) = unfold(options, context)
    judge = Replay(ReplayOptions(**entry.options), context)
    asked = [put(Preference(2), item="0", task=task) for task in ("is_safe", "is_sharp", "other")]
    assert [one(judge, request).verdict for request in asked] == [0, 1, None]
    (tmp_path / f"logs/m/samples_is_sharp_{date}.jsonl").unlink()
    judge = Replay(ReplayOptions(**entry.options), context)
    assert [one(judge, request).verdict for request in asked] == [0, 0, 0], "one task, of any name"


def test_a_tool_is_a_layout_of_replay_and_a_broken_log_is_named(tmp_path: Path, one: Any, put: Any) -> None:
    save(tmp_path / "logs/m/samples_t_1.jsonl", [{"doc_id": 3, "resps": [["I say [[B]]"]]}])
    options = ReplayOptions(answers=str(tmp_path), layouts={"logs": "lm-eval"})
    context = FakeContext(workspace=tmp_path)
    (entry,) = unfold(options, context)
    judge = Replay(ReplayOptions(**entry.options), context)
    assert one(judge, put(Preference(2), item="3")).verdict == 1
    (tmp_path / "logs/m/samples_t_1.jsonl").write_text('{"doc_id": 3}\n')
    with pytest.raises(DataError, match=r"samples_t_1.jsonl, line 1: there is no column 'resps'"):
        find_judges(options, context)
    (tmp_path / "logs/x.eval").write_bytes(b"PK not a zip")
    with pytest.raises(DataError, match=r"x\.eval: not a log of Inspect"):
        find_judges(ReplayOptions(answers=str(tmp_path), layouts={"logs": "inspect-ai"}), context)
