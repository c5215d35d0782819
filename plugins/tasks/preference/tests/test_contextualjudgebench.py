from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import Context, DataError, Item, Judgement, Request, Status
from harness.testing import FakeContext, score_task
from harness_preference.benchmarks import contextualjudgebench
from harness_preference.options import Options
from harness_preference.published import contextualjudgebench as published

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]


def row(number: int, **changes: Any) -> dict[str, Any]:
    texts = {"question": f"q {number}", "context": "c", "positive_response": "good", "negative_response": "bad"}
    return {**texts, "question_id": number, **changes}


def official(votes: list[tuple[int, int]]) -> tuple[float, float]:
    """`compute_acc` of utils/utils.py in plain lines: the consistent accuracy and the consistency."""
    accurate = [int(first == second and first == 1) for first, second in votes]
    consistent = [int(first == second) for first, second in votes]
    return sum(accurate) / len(votes), sum(consistent) / len(votes)


def judge(votes: list[tuple[int, int]]) -> Callable[[Request, Item], Judgement]:
    """A judge with these votes: 1 for the better response, 2 for the other one, -1 for none."""

    def answer(request: Request, item: Item) -> Judgement:
        vote = votes[int(item.id.split("/")[1])][request.order == (1, 0)]
        if vote == -1:
            return Judgement.failure(Status.UNPARSED, "")
        return Judgement.of(request.order.index(vote - 1))

    return answer


VOTES = st.lists(st.tuples(st.sampled_from([1, 2, -1]), st.sampled_from([1, 2, -1])), min_size=1, max_size=12)


@given(VOTES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_score_is_the_consistent_accuracy_of_the_official_script(
    tmp_path_factory: pytest.TempPathFactory, write_rows: Writer, votes: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("data")
    write_rows(folder / "faithfulness_qa.jsonl", [row(k) for k in range(len(votes))])
    task = contextualjudgebench.task(None, FakeContext(workspace=folder / "w", data=str(folder)))
    scores = score_task(task, judge(votes))
    accuracy, _ = official(votes)
    assert scores.estimates[0].value == pytest.approx(accuracy, abs=1e-12)
    assert scores.estimates[0].n == len(votes)
    read = [pair for pair in votes if -1 not in pair]
    swap = [estimate for estimate in scores.consistency if estimate.metric == "swap_consistency"]
    assert [estimate.value for estimate in swap] == ([pytest.approx(official(read)[1])] if read else [])


def test_splits_are_tasks_and_together_one(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    for subset in ("refusal_answerable", "completeness_qa"):
        write_rows(tmp_path / "data" / f"{subset}-00000-of-00001.jsonl", [row(k) for k in range(2)])
    names = [entry.name for entry in contextualjudgebench.unfold(None, context(tmp_path))]
    assert names == ["contextualjudgebench-completeness_qa", "contextualjudgebench-refusal_answerable"]
    task = contextualjudgebench.task(Options(subset="overall"), context(tmp_path))
    found = list(task.items("test"))
    assert [item.id for item in found][1:3] == ["completeness_qa/1", "refusal_answerable/0"]
    scores = score_task(
        task, lambda request, item: "[[A]]" if item.id.startswith("r") else judge([(1, 1)] * 2)(request, item)
    )
    assert scores.estimates[0].value == 0.5
    assert {name: estimate.value for name, estimate in scores.categories.items()} == {
        "completeness_qa": 1.0,
        "refusal_answerable": 0.0,
    }


def test_the_context_is_shown_and_clusters_are_of_one_question(
    tmp_path: Path, write_rows: Writer, context: Contexts
) -> None:
    write_rows(tmp_path / "faithfulness_qa.jsonl", [row(1), row(1, context="other"), row(1, negative_response="x")])
    found = list(contextualjudgebench.task(None, context(tmp_path)).items("test"))
    assert found[0].group == found[2].group != found[1].group
    assert found[1].question == ("[Question]\nq 1", "[Context]\nother")


def test_votes_of_the_authors_script_are_read(tmp_path: Path, write_rows: Writer) -> None:
    votes: list[dict[str, Any]] = [
        {"votes": [[1], [1]], "swap_inference1": ["x"], "swap_inference2": ["y"]},
        {"votes": [2, -1], "swap_inference1": "z", "swap_inference2": ""},
    ]
    write_rows(tmp_path / "judge/vanilla/eval_detailed_faithfulness_qa.jsonl", votes)
    write_rows(tmp_path / "judge/vanilla/eval_detailed_faithfulness_qa.n5.jsonl", [{"votes": [[1] * 5, [2] * 5]}])
    write_rows(tmp_path / "runs/judge/conditional/eval_detailed_conciseness_qa.jsonl", [{"votes": [0, 0]}])
    found = published.RECORDINGS.find(tmp_path)
    assert set(found) == {"judge", "judge-conditional"}
    (file,) = found["judge"]
    assert [dict(answer) for answer, _ in published.RECORDINGS.read(file, "judge")] == [
        {"id": "faithfulness_qa/0", "order": [0, 1], "verdict": "A", "rationale": "x"},
        {"id": "faithfulness_qa/0", "order": [1, 0], "verdict": "B", "rationale": "y"},
        {"id": "faithfulness_qa/1", "order": [0, 1], "verdict": "B", "rationale": "z"},
        {"id": "faithfulness_qa/1", "order": [1, 0], "verdict": None, "rationale": ""},
    ]
    wrongs: list[tuple[list[Any], str]] = [
        ([1], "a list of two votes"),
        ([[1, 1], [1]], "one vote"),
        ([3, 1], "one of 1, 2, 0, -1"),
    ]
    for wrong, says in wrongs:
        write_rows(file, [{"votes": wrong}])
        with pytest.raises(DataError, match=says):
            list(published.RECORDINGS.read(file, "judge"))
