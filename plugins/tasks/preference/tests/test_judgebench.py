from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, Judgement, Request, Status
from harness.testing import score_task
from harness_preference.benchmarks import judgebench
from harness_preference.cards.judgebench import CARDS

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]


def row(name: str, source: str = "livebench-math", **changes: Any) -> dict[str, Any]:
    fixed = {
        "original_id": None,
        "question": f"q {name}",
        "response_model": "m",
        "response_A": "a",
        "response_B": "b",
    }
    return {"pair_id": name, "source": source, "label": "A>B", **fixed, **changes}


def test_the_protocol_is_the_official_one(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    write_rows(tmp_path / "data/gpt-00000-of-00001.jsonl", [row("p")])
    task = judgebench.task(None, context(tmp_path))
    protocol = task.protocol
    assert (protocol.order, protocol.pooling, protocol.unparsed, protocol.average) == ("both", "sum", "wrong", "micro")
    assert task.format == "harness/arena"


def test_sources_become_categories_and_labels_places(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    sources = ["mmlu-pro-law", "livebench-reasoning", "livebench-math", "livecodebench"]
    write_rows(
        tmp_path / "claude/items.jsonl.gz",
        [row(f"p{k}", source, label="AB"[k % 2] + ">" + "BA"[k % 2]) for k, source in enumerate(sources)],
    )
    found = list(judgebench.task(None, context(tmp_path)).items("test"))
    assert [item.category for item in found] == ["knowledge", "reasoning", "math", "coding"]
    assert [item.gold for item in found] == [0, 1, 0, 1]
    assert [item.id for item in found] == [f"claude/p{k}" for k in range(4)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": "A=B"}, "column 'label': expected one of A>B, B>A, found str 'A=B'"),
        ({"source": "arena hard"}, "column 'source': expected a text that begins with mmlu-pro"),
        ({"response_B": None}, "column 'response_B': expected a value, found nothing"),
        ({"pair_id": " "}, "column 'pair_id': expected a name that is not empty"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, write_rows: Writer, context: Contexts, change: dict[str, Any], says: str
) -> None:
    write_rows(tmp_path / "gpt.jsonl", [{**row("p"), **change}])
    with pytest.raises(DataError) as caught:
        list(judgebench.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)
    assert "gpt.jsonl, line 1" in str(caught.value)


def test_the_recorded_pairs_are_all_there(recorded: Callable[[str], Path], context: Contexts) -> None:
    found = list(judgebench.task(None, context(recorded("judgebench"))).items("test"))
    assert Counter(item.gold for item in found) == {0: 193, 1: 157}
    assert Counter(item.category for item in found) == {"knowledge": 154, "reasoning": 98, "math": 56, "coding": 42}


def test_a_pair_of_which_both_requests_failed_is_left_out_and_the_card_says_so(
    tmp_path: Path, write_rows: Writer, context: Contexts
) -> None:
    """`compute_final_metrics` of utils/metrics.py divides by all pairs, those without a judgement included."""
    write_rows(tmp_path / "gpt.jsonl", [row(f"p{k}") for k in range(4)])
    failures = {"gpt/p2": {(0, 1)}, "gpt/p3": {(0, 1), (1, 0)}}

    def answer(request: Request, item: Item) -> Judgement:
        if request.order in failures.get(item.id, ()):
            return Judgement.failure(Status.ERROR, "no connection")
        return Judgement.of(request.order.index(1 if item.id == "gpt/p0" else 0))

    (estimate,) = score_task(judgebench.task(None, context(tmp_path)), answer).estimates
    assert (estimate.value, estimate.n) == (2 / 3, 3)  # officially 2 / 4
    assert "failed" in CARDS[0].deviations
