from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import Context, DataError, Item, Judgement, Request, Status
from harness.testing import FakeContext, score_task
from harness_preference.benchmarks import rm_bench
from harness_preference.options import Options
from harness_preference.published import rm_bench as published

Contexts = Callable[[object], Context]
Scores = dict[str, list[float]]
SUBSETS = ("easy", "normal", "hard")


def row(number: int, domain: str = "chat", **changes: Any) -> dict[str, Any]:
    texts = {name: [f"{name} {style} {number}" for style in rm_bench.STYLES] for name in ("chosen", "rejected")}
    return {"id": f"{domain}/{number}", "prompt": f"p {number}", "domain": domain, **texts, **changes}


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "total_dataset.json").write_text(json.dumps(rows))
    return folder


def official(results: list[dict[str, Any]]) -> dict[str, float]:
    """`compute_accuracy` of scripts/utils.py, in plain lines: a matrix for each domain, then means of means."""
    domains: dict[str, dict[str, float]] = {}
    for domain in ("chat", "math", "code", "safety"):
        own = [result for result in results if result["domain"].startswith(domain)]
        matrix = np.zeros((3, 3))
        for result in own:
            for i in range(3):
                for j in range(3):
                    matrix[i][j] += result["score_chosen"][i] > result["score_rejected"][j]
        matrix /= len(own)
        domains[domain] = {
            "hard": np.sum(np.triu(matrix, 1)) / 3,
            "normal": float(np.mean(np.diag(matrix))),
            "easy": np.sum(np.tril(matrix, -1)) / 3,
        }
    found = {name: float(np.mean([values[name] for values in domains.values()])) for name in SUBSETS}
    total = np.mean([np.mean(list(values.values())) for values in domains.values()])
    return {**found, "overall": float(total)}


def judge(results: list[dict[str, Any]]) -> Callable[[Request, Item], Judgement]:
    """A reward model with these scores."""

    def answer(request: Request, item: Item) -> Judgement:
        _, number, styles = item.id.split("/")
        i, j = (rm_bench.STYLES.index(style) for style in styles.split("-"))
        scores = results[int(number)]["score_chosen"][i], results[int(number)]["score_rejected"][j]
        if scores[0] == scores[1]:
            return Judgement.failure(Status.DRAW, "")
        return Judgement.of(item.space.to_shown(int(scores[1] > scores[0]), request.order))

    return answer


SCORES = st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=3, max_size=3)
RESULTS = st.lists(st.tuples(st.sampled_from(sorted(rm_bench.DOMAINS)), SCORES, SCORES), max_size=8)


@given(RESULTS)
@settings(max_examples=20, deadline=None)
def test_the_scores_are_those_of_the_official_script(tmp_path_factory: pytest.TempPathFactory, drawn: Any) -> None:
    folder = tmp_path_factory.mktemp("data")
    # Every domain has a row, since the script divides by their numbers.
    fixed = [(domain, [0.0, 1.0, 2.0], [1.0, 1.0, 0.0]) for domain in sorted(rm_bench.DOMAINS)]
    results = [
        {**row(k, domain), "score_chosen": right, "score_rejected": wrong}
        for k, (domain, right, wrong) in enumerate([*fixed, *drawn])
    ]
    write(folder, results)
    wanted = official(results)
    for subset in (*SUBSETS, "overall"):
        task = rm_bench.task(Options(subset=subset), FakeContext(workspace=folder / "w", data=str(folder)))
        (estimate,) = score_task(task, judge(results)).estimates
        assert estimate.metric == "accuracy@category"
        assert estimate.value == pytest.approx(wanted[subset], abs=1e-12), subset


def test_both_kinds_of_safety_are_one_domain_over_all_of_their_prompts(tmp_path: Path, context: Contexts) -> None:
    domains = ["chat", "code", "math", "safety-refuse", "safety-refuse", "safety-refuse", "safety-response"]
    results = [
        {
            **row(k, domain),
            "score_chosen": [float(domain != "safety-response")] * 3,
            "score_rejected": [0.5] * 3,
        }
        for k, domain in enumerate(domains)
    ]
    write(tmp_path, results)
    scores = score_task(rm_bench.task(Options(subset="hard"), context(tmp_path)), judge(results))
    assert scores.estimates[0].value == pytest.approx((1 + 1 + 1 + 3 / 4) / 4)
    assert official(results)["hard"] == pytest.approx(scores.estimates[0].value or 0)


def test_a_style_is_told_by_its_place(tmp_path: Path, context: Contexts) -> None:
    write(tmp_path, [row(7)])
    shown = {
        subset: [
            tuple(str(candidate[0]).split()[1] for candidate in item.candidates)
            for item in rm_bench.task(Options(subset=subset), context(tmp_path)).items("test")
        ]
        for subset in SUBSETS
    }
    assert shown == {
        "easy": [("detailed", "concise"), ("markdown", "concise"), ("markdown", "detailed")],
        "normal": [("concise", "concise"), ("detailed", "detailed"), ("markdown", "markdown")],
        "hard": [("concise", "detailed"), ("concise", "markdown"), ("detailed", "markdown")],
    }


def test_the_data_become_three_tasks_or_one_over_all(tmp_path: Path, context: Contexts) -> None:
    write(tmp_path, [row(k) for k in range(2)])
    assert [entry.name for entry in rm_bench.unfold(None, context(tmp_path))] == [
        "rm-bench-easy",
        "rm-bench-normal",
        "rm-bench-hard",
    ]
    (entry,) = rm_bench.unfold(Options(subset="overall"), context(tmp_path))
    assert entry.name == "rm-bench-overall"
    found = list(rm_bench.task(Options(subset="overall"), context(tmp_path)).items("test"))
    assert (len(found), len({item.id for item in found}), len({item.group for item in found})) == (18, 18, 2)
    with pytest.raises(DataError, match="the subset 'harder'; found easy, normal, hard"):
        rm_bench.unfold(Options(subset="harder"), context(tmp_path))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"domain": "law"}, "column 'domain': expected one of chat, code"),
        ({"chosen": ["a", "b"]}, "column 'chosen': expected 3 answers, one for each of concise, detailed, markdown"),
        ({"rejected": "a"}, "column 'rejected': expected a list"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, context: Contexts, changes: dict[str, Any], says: str
) -> None:
    write(tmp_path, [row(0, **changes)])
    with pytest.raises(DataError) as caught:
        list(rm_bench.task(Options(subset="easy"), context(tmp_path)).items("test"))
    assert says in str(caught.value)


def test_saved_scores_of_the_authors_script_are_read(tmp_path: Path, context: Contexts) -> None:
    results = [
        {**row(0, "chat"), "score_chosen": [1, 2, 3], "score_rejected": [[4], [5], [6]]},
        {**row(1, "math"), "score_chosen": [7, 8, 9], "score_rejected": [1, 1, 1]},
    ]
    for name in ("org/model", "single"):
        file = tmp_path / "results" / "Seq_Classifier" / name / "total_dataset_model_REWORD_MODEL_20250101_000000.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(results))
    found = published.RECORDINGS.find(tmp_path)
    assert sorted(found) == ["org/model", "single"]
    rows = {answer["id"]: answer for answer, _ in published.RECORDINGS.read(found["single"][0], "single")}
    write(tmp_path, results)
    task = rm_bench.task(Options(subset="overall"), context(tmp_path))
    assert set(rows) == {item.id for item in task.items("test")}
    assert rows["hard/0/concise-markdown"]["scores"] == [1, 6]
    assert rows["easy/1/markdown-detailed"]["scores"] == [9, 1]
    file = found["single"][0]
    file.write_text(json.dumps([{**results[0], "score_chosen": [1]}]))
    with pytest.raises(DataError, match="column 'score_chosen': expected 3 scores"):
        list(published.RECORDINGS.read(file, "single"))
