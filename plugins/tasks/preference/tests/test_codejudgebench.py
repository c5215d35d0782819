from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import Context, DataError, Item, Judgement, Request, Status
from harness.testing import FakeContext, score_task
from harness_preference.benchmarks import codejudgebench
from harness_preference.options import Options
from harness_preference.published import codejudgebench as published

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
LEVELS = ("easy", "medium", "hard")


def row(number: int, **changes: Any) -> dict[str, Any]:
    texts = {"question_content": f"q {number}", "pos_response": "right", "neg_response": "wrong"}
    return {**texts, "difficulty": LEVELS[number % 3], "question_id": f"id {number}", **changes}


def official(results: list[dict[str, str]]) -> dict[str, float]:
    """`src/score.py` in plain lines: over the lines of the files of all splits, and those of each difficulty."""
    scores = [(line["pred"] == line["label"], line["difficulty"]) for line in results]
    found = {"all": [right for right, _ in scores]}
    for level in LEVELS:
        found[level] = [right for right, difficulty in scores if difficulty == level]
    return {name: sum(values) / len(values) for name, values in found.items() if values}


PRED = st.sampled_from(["A", "B", ""])
SPLIT = st.lists(st.tuples(PRED, PRED), min_size=1, max_size=6)


@given(SPLIT, SPLIT)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_accuracy_is_the_micro_average_of_the_official_script(
    tmp_path_factory: pytest.TempPathFactory,
    write_rows: Writer,
    first: list[tuple[str, str]],
    second: list[tuple[str, str]],
) -> None:
    folder = tmp_path_factory.mktemp("data")
    splits = {"gemini_2.5_pro": first, "claude_4_opus": second}
    lines = []
    for split, preds in splits.items():
        write_rows(folder / f"codegen/{split}.jsonl", [row(k) for k in range(len(preds))])
        # A batch size of 2: two pairs in the order of the data, then the same two swapped.
        outputs = []
        for start in range(0, len(preds), 2):
            for place, label in enumerate("AB"):
                outputs += [
                    {"pred": preds[k][place], "label": label, "difficulty": LEVELS[k % 3], "response": "r"}
                    for k in range(start, min(start + 2, len(preds)))
                ]
        write_rows(folder / f"outputs/Judge-8B_codegen-{split}.jsonl", outputs)
        lines += outputs
    said = {
        (answer["id"], tuple(answer["order"])): answer["verdict"]
        for file in published.RECORDINGS.find(folder)["Judge-8B"]
        for answer, _ in published.RECORDINGS.read(file, "Judge-8B")
    }

    def answer(request: Request, item: Item) -> Judgement:
        verdict = said[item.id, request.order]
        return Judgement.failure(Status.UNPARSED, "") if verdict is None else Judgement.of("AB".index(verdict))

    task = codejudgebench.task(None, FakeContext(workspace=folder / "w", data=str(folder)))
    scores = score_task(task, answer)
    wanted = official(lines)
    assert scores.estimates[0].value == pytest.approx(wanted["all"], abs=1e-12)
    for level, estimate in scores.categories.items():
        assert estimate.value == pytest.approx(wanted[level], abs=1e-12)


def test_tasks_hold_all_their_splits_or_the_one_that_is_named(
    tmp_path: Path, write_rows: Writer, context: Contexts
) -> None:
    for place in ("codegen/qwen3_235b-00000-of-00002", "codegen/qwen3_235b-00001-of-00002", "codegen/claude_4_opus"):
        write_rows(tmp_path / f"{place}.jsonl", [row(len(place))])
    write_rows(tmp_path / "codegen_pass5/other.jsonl", [row(0)])
    (entry,) = codejudgebench.unfold(None, context(tmp_path))
    assert entry.name == "codejudgebench-codegen"
    found = list(codejudgebench.task(None, context(tmp_path)).items("test"))
    assert [item.id for item in found] == ["codegen/claude_4_opus/0", "codegen/qwen3_235b/0", "codegen/qwen3_235b/1"]
    assert found[1].group == found[2].group != found[0].group
    (alone,) = codejudgebench.task(Options(hub_split="claude_4_opus"), context(tmp_path)).items("test")
    assert alone.id == "codegen/claude_4_opus/0"


def test_the_hub_has_a_configuration_for_each_task_and_a_split_for_each_model(context: Contexts) -> None:
    sources = codejudgebench.BENCHMARK.sources(Options(subset="testgen"), context("hub:org/name"))
    assert str(sources["testgen"]).split(", hub:")[1:] == [
        "org/name, testgen, gemini_2.5_flash",
        "org/name, testgen, gemini_2.5_pro",
    ]


def test_each_task_shows_what_its_model_was_given(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    failures = [
        {"error_code": -1, "error": "SyntaxError"},
        {"error_code": -2, "inputs": "1 2", "output": "0", "expected": "3"},
        {"error_code": -3, "error": "Time Limit Exceeded", "inputs": [1, 2], "expected": "3"},
        {"error_code": -4, "error_message": "IndexError", "inputs": None},
    ]
    write_rows(
        tmp_path / "coderepair/a.jsonl", [row(k, wrong_code="bad", wrong_meta=meta) for k, meta in enumerate(failures)]
    )
    write_rows(tmp_path / "testgen/a.jsonl", [row(0, pos_input="1", neg_input="2")])
    shown = [
        item.question for item in codejudgebench.task(Options(subset="coderepair"), context(tmp_path)).items("test")
    ]
    assert [question[2] for question in shown] == [
        "The code does not compile:\n\nError:\nSyntaxError",
        "The code gives a wrong answer:\n\nInput:\n1 2\n\nOutput of the code:\n0\n\nExpected output:\n3",
        "The code takes too long:\n\nInput:\n[1, 2]\n\nExpected output:\n3\n\nError:\nTime Limit Exceeded",
        "The code fails while it runs:\n\nError:\nIndexError",
    ]
    assert shown[0][1] == "[Code to correct]\nbad"
    (item,) = codejudgebench.task(Options(subset="testgen"), context(tmp_path)).items("test")
    assert item.candidates[1] == ("Test input:\n2\n\nTest output:\nwrong",)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"difficulty": "brutal"}, "column 'difficulty': expected one of easy, medium, hard"),
        ({"wrong_meta": "?"}, "column 'wrong_meta': expected an object"),
        ({"wrong_meta": {"error_code": -9}}, "column 'error_code': expected one of -1, -2, -3, -4"),
        ({"wrong_code": None}, "column 'wrong_code': expected a value"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, write_rows: Writer, context: Contexts, changes: dict[str, Any], says: str
) -> None:
    whole = row(0, wrong_code="bad", wrong_meta={"error_code": -1})
    write_rows(tmp_path / "coderepair/a.jsonl", [{**whole, **changes}])
    with pytest.raises(DataError) as caught:
        list(codejudgebench.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)
    assert "a.jsonl, line 1" in str(caught.value)


def test_data_of_another_layout_are_named(tmp_path: Path, context: Contexts) -> None:
    with pytest.raises(DataError, match="or another table, with TASK one of codegen, coderepair, testgen"):
        codejudgebench.unfold(None, context(tmp_path))
    with pytest.raises(DataError, match="does not hold the subset 'codefix'; found codegen, coderepair, testgen"):
        codejudgebench.unfold(Options(subset="codefix"), context("hub:org/name"))
