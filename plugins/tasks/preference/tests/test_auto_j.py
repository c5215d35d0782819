from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import TIE, Context, DataError, Item, Judgement, Request, Status
from harness.testing import FakeContext, score_task
from harness_preference.benchmarks import auto_j
from harness_preference.published import auto_j as published

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
DATA = "data/test/testdata_pairwise.jsonl"
SCENARIOS = sorted(auto_j.CATEGORIES)


def row(number: int, label: int = 0, **changes: Any) -> dict[str, Any]:
    scenario = SCENARIOS[number % len(SCENARIOS)]
    texts = {"prompt": f"p {number}", "response 1": "a", "response 2": "b"}
    return {"scenario": scenario, "label": label, **texts, **changes}


def official(labels: list[int], outputs: list[int], exchanged: list[int]) -> dict[str, dict[str, float]]:
    """`pairwise_eval.py` with `--type pairwise`, in plain lines: counts by group and over all."""
    counts: dict[str, Counter[str]] = {}
    for number, (label, said, other) in enumerate(zip(labels, outputs, exchanged, strict=True)):
        other = {0: 1, 1: 0, 2: 2}[other]
        for group in (auto_j.CATEGORIES[SCENARIOS[number % len(SCENARIOS)]], "overall"):
            own = counts.setdefault(group, Counter())
            own["total"] += 1
            own["correct_both"] += other == said == label
            own["exchange_dont_agree"] += other != said
    return {
        group: {
            "agreement": own["correct_both"] / own["total"],
            "consistency": 1 - own["exchange_dont_agree"] / own["total"],
        }
        for group, own in counts.items()
    }


VERDICTS = st.sampled_from([0, 1, 2])
ROWS = st.lists(st.tuples(VERDICTS, VERDICTS, VERDICTS), min_size=1, max_size=12)


@given(ROWS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_agreement_and_consistency_are_those_of_the_official_script(
    tmp_path_factory: pytest.TempPathFactory, write_rows: Writer, drawn: list[tuple[int, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("data")
    labels, outputs, exchanged = (list(column) for column in zip(*drawn, strict=True))
    write_rows(folder / DATA, [row(k, label) for k, label in enumerate(labels)])

    def answer(request: Request, item: Item) -> Judgement:
        number = int(item.id.split("/")[1])
        said = (outputs if request.order == (0, 1) else exchanged)[number]
        return Judgement.of(TIE if said == 2 else said)

    scores = score_task(auto_j.task(None, FakeContext(workspace=folder / "w", data=str(folder))), answer)
    wanted = official(labels, outputs, exchanged)
    assert scores.estimates[0].value == pytest.approx(wanted["overall"]["agreement"], abs=1e-12)
    (swap,) = [estimate for estimate in scores.consistency if estimate.metric == "swap_consistency"]
    assert swap.value == pytest.approx(wanted["overall"]["consistency"], abs=1e-12)
    for name, estimate in scores.categories.items():
        assert estimate.value == pytest.approx(wanted[name]["agreement"], abs=1e-12)


def test_a_pair_with_one_unread_answer_is_wrong(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    write_rows(tmp_path / DATA, [row(k) for k in range(4)])

    def answer(request: Request, item: Item) -> Judgement:
        if item.id.endswith("/3") and request.order == (1, 0):
            return Judgement.failure(Status.UNPARSED, "")
        return Judgement.of(request.order.index(0))

    (estimate,) = score_task(auto_j.task(None, context(tmp_path)), answer).estimates
    assert (estimate.value, estimate.n) == (3 / 4, 4)


def test_every_scenario_has_its_group(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    assert (len(auto_j.CATEGORIES), len(auto_j.GROUPS)) == (58, 8)
    write_rows(tmp_path / DATA, [row(k, k % 3) for k in range(58)])
    found = list(auto_j.task(None, context(tmp_path)).items("test"))
    assert {item.category for item in found} == set(auto_j.GROUPS)
    assert [item.gold for item in found][:3] == [0, 1, TIE]
    write_rows(tmp_path / DATA, [row(0, scenario="poker")])
    with pytest.raises(DataError, match="column 'scenario': expected one of post_summarization"):
        list(auto_j.task(None, context(tmp_path)).items("test"))


def test_a_missing_column_is_named(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    whole = row(0)
    for name in whole:
        write_rows(tmp_path / DATA, [{column: value for column, value in whole.items() if column != name}])
        with pytest.raises(DataError, match=f"there is no column '{name}'"):
            list(auto_j.task(None, context(tmp_path)).items("test"))


def test_outputs_of_the_leaderboard_are_read_in_both_orders(tmp_path: Path, write_rows: Writer) -> None:
    def read(judge: str) -> list[dict[str, Any]]:
        files = published.RECORDINGS.find(tmp_path)[judge]
        return [dict(answer) for file in files for answer, _ in published.RECORDINGS.read(file, judge)]

    outputs = tmp_path / "data/outputs"
    write_rows(outputs / "pairwise_example_output.jsonl", [{"output": 0}, {"output": 2}])
    write_rows(outputs / "pairwise_exchange_example_output.jsonl", [{"output": 0}, {"output": -1}])
    write_rows(outputs / "pairwise_reward_output.jsonl", [{"output": 1}])
    write_rows(outputs / "critique_example_output.jsonl", [{"output": "good"}])
    assert set(published.RECORDINGS.find(tmp_path)) == {"example", "reward"}
    found = {(answer["id"], tuple(answer["order"])): answer["verdict"] for answer in read("example")}
    assert found == {
        ("testdata_pairwise/0", (0, 1)): "A",
        ("testdata_pairwise/1", (0, 1)): "tie",
        ("testdata_pairwise/0", (1, 0)): "A",
        ("testdata_pairwise/1", (1, 0)): None,
    }
    # A judge without answers to swapped pairs rates single answers.
    assert [(answer["order"], answer["verdict"]) for answer in read("reward")] == [([0, 1], "B"), ([1, 0], "A")]
    write_rows(outputs / "pairwise_reward_output.jsonl", [{"output": 3}])
    with pytest.raises(DataError, match="column 'output': expected one of 0, 1, 2, -1"):
        read("reward")
