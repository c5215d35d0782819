from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, Judgement, Request, Status
from harness.api.data import write_table
from harness.testing import score_task
from harness_preference.benchmarks import rewardbench

Contexts = Callable[[object], Context]
COUNTS = {  # pairs of the published split
    "alpacaeval-easy": 100,
    "alpacaeval-length": 95,
    "alpacaeval-hard": 95,
    "mt-bench-easy": 28,
    "mt-bench-med": 40,
    "mt-bench-hard": 37,
    "math-prm": 447,
    "refusals-dangerous": 100,
    "refusals-offensive": 100,
    "llmbar-natural": 100,
    "llmbar-adver-neighbor": 134,
    "llmbar-adver-GPTInst": 92,
    "llmbar-adver-GPTOut": 47,
    "llmbar-adver-manual": 46,
    "xstest-should-refuse": 154,  # XSTest has 200 prompts to refuse and 250 to answer
    "xstest-should-respond": 250,
    "donotanswer": 136,
    "hep-cpp": 164,
    "hep-go": 164,
    "hep-java": 164,
    "hep-js": 164,
    "hep-python": 164,
    "hep-rust": 164,
}
WEIGHTS = {**COUNTS, "math-prm": 984, "xstest-should-refuse": 250, "xstest-should-respond": 154}
"""`EXAMPLE_COUNTS` of rewardbench/constants.py, by which `calculate_scores_per_section` weighs subsets: math-prm weighs
more than its pairs on purpose, and the counts of XSTest are swapped."""
OFFICIAL = {
    "Chat": ["alpacaeval-easy", "alpacaeval-length", "alpacaeval-hard", "mt-bench-easy", "mt-bench-med"],
    "Chat Hard": [
        "mt-bench-hard",
        "llmbar-natural",
        "llmbar-adver-neighbor",
        "llmbar-adver-GPTInst",
        "llmbar-adver-GPTOut",
        "llmbar-adver-manual",
    ],
    "Safety": [
        "refusals-dangerous",
        "refusals-offensive",
        "xstest-should-refuse",
        "xstest-should-respond",
        "donotanswer",
    ],
    "Reasoning": ["math-prm", "hep-cpp", "hep-go", "hep-java", "hep-js", "hep-python", "hep-rust"],
}


def row(subset: str, number: int = 0, **changes: Any) -> dict[str, Any]:
    fixed = {"chosen": "good", "rejected": "bad", "chosen_model": "x", "rejected_model": "y"}
    return {"prompt": f"{subset} {number}", "subset": subset, "id": number, **fixed, **changes}


def full() -> list[dict[str, Any]]:
    """As many rows of each subset as the published split has."""
    return [row(subset, k) for subset, n in COUNTS.items() for k in range(n)]


def points(item: Item) -> float:
    """Made-up results: of each subset its own share is right, and every seventh answer is unparsed."""
    number, subset = int(item.tags["id"]), item.tags["subset"]
    if number % 7 == 6:
        return 0.5
    return float((number * 31 + len(subset) * 17) % 100 < 40 + 2 * len(subset))


def answer(request: Request, item: Item) -> str | Judgement:
    right = points(item)
    return "no verdict" if right == 0.5 else Judgement.of(item.space.to_shown(0 if right else 1, request.order))


def test_the_final_score_is_that_of_the_official_script(tmp_path: Path, context: Contexts) -> None:
    """`calculate_scores_per_section` of rewardbench/utils.py, then the mean over sections."""
    write_table(tmp_path / "data/filtered-00000-of-00001.parquet", full())
    task = rewardbench.task(None, context(tmp_path))
    results: dict[str, list[float]] = {}
    for item in task.items("test"):
        results.setdefault(item.tags["subset"], []).append(points(item))
    metrics = {subset: sum(values) / len(values) for subset, values in results.items()}
    sections = []
    for tests in OFFICIAL.values():
        weighted = sum(metrics[test] * WEIGHTS[test] for test in tests)
        sections.append(weighted / sum(WEIGHTS[test] for test in tests))
    wanted = sum(sections) / 4

    scores = score_task(task, answer)
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    assert scores.estimates[0].metric == "accuracy@category"
    assert found["accuracy@category"] == pytest.approx(wanted, abs=1e-12)
    plain = [value for values in results.values() for value in values]
    assert found["accuracy"] == pytest.approx(sum(plain) / len(plain), abs=1e-12)
    assert abs(wanted - sum(plain) / len(plain)) > 0.005  # the two are told apart
    swap = metrics["xstest-should-refuse"] - metrics["xstest-should-respond"]
    assert abs(swap) > 0.01  # the swapped weights are told from the true counts


def test_equal_scores_are_wrong_and_an_unread_answer_is_worth_a_half(tmp_path: Path, context: Contexts) -> None:
    """run_rm.py: `score_chosen > score_rejected`. run_generative.py: 0.5 for an answer that cannot be read."""
    write_table(tmp_path / "filtered.jsonl", [row("donotanswer", k) for k in range(10)])
    task = rewardbench.task(None, context(tmp_path))

    def value(status: Status) -> float | None:
        def given(request: Request, item: Item) -> Judgement:
            if int(item.tags["id"]) < 4:
                return Judgement.failure(status, "")
            return Judgement.of(item.space.to_shown(0, request.order))

        return score_task(task, given).estimates[0].value

    assert (value(Status.DRAW), value(Status.UNPARSED), value(Status.OUTSIDE)) == pytest.approx((0.6, 0.8, 0.8))


def test_every_subset_has_its_section(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "filtered.jsonl", full())
    found = list(rewardbench.task(None, context(tmp_path)).items("test"))
    assert len(found) == 2985
    sections = Counter(item.category.partition("/")[0] for item in found)
    assert sections == {"chat": 358, "chat-hard": 456, "safety": 740, "reasoning": 1431}
    assert {item.category for item in found} == set(rewardbench.PROTOCOL.weights)
    for name, tests in OFFICIAL.items():
        for test in tests:
            assert rewardbench.CATEGORIES[test].split("/")[0] == name.lower().replace(" ", "-")


def test_repeated_ids_are_no_trouble_and_prompts_are_clusters(tmp_path: Path, context: Contexts) -> None:
    same = [row("hep-go", 3, prompt="p"), row("hep-go", 3, prompt="p"), row("math-prm", 3)]
    write_table(tmp_path / "filtered.jsonl", same)
    found = list(rewardbench.task(None, context(tmp_path)).items("test"))
    assert [item.id for item in found] == ["filtered/0", "filtered/1", "filtered/2"]
    assert found[0].group == found[1].group != found[2].group
    assert found[0].tags == {"subset": "hep-go", "id": "3", "chosen_model": "x", "rejected_model": "y"}


def test_the_first_answer_shown_is_not_always_the_chosen_one(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "filtered.jsonl", [row("donotanswer", k) for k in range(40)])
    task = rewardbench.task(None, context(tmp_path))
    assert (task.protocol.order, task.protocol.unparsed) == ("shuffled", "half")
    scores = score_task(task, lambda request, item: "[[A]]")
    value = scores.estimates[0].value
    assert value is not None
    assert 0.25 < value < 0.75


def test_raw_data_beside_are_not_read(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "data/raw-00000-of-00001.parquet", [row("donotanswer")])
    with pytest.raises(DataError, match="does not hold"):
        rewardbench.task(None, context(tmp_path))


def test_an_unknown_subset_is_named(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "filtered.jsonl", [row("hep-perl")])
    with pytest.raises(DataError, match="column 'subset': expected one of alpacaeval-easy"):
        list(rewardbench.task(None, context(tmp_path)).items("test"))
