from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from harness.api import Context, Item, Protocol, RecordedAnswer, RecordedCell, Status, UnreadAnswer, Usage
from harness_preference import llmbar_kappas, plugin
from harness_preference.benchmarks import llmbar
from harness_preference.options import Options
from harness_preference.published import llmbar as published

Contexts = Callable[[object], Context]
SPACE = llmbar.SPACE


def answer(
    item: str, gold: int, order: tuple[int, ...], winner: int | None, status: Status | None = None
) -> RecordedAnswer:
    """An answer that names an output of the data, wherever it was shown."""
    verdict = None if winner is None else order.index(winner)
    usual = Status.UNPARSED if winner is None else Status.OK
    return RecordedAnswer(
        item=item,
        group=item,
        category="",
        space=SPACE,
        gold=gold,
        order=order,
        sample=0,
        status=status or usual,
        verdict=verdict,
    )


def answers(pairs: list[tuple[int, int | None, int | None]]) -> Iterator[RecordedAnswer]:
    for number, (gold, straight, swapped) in enumerate(pairs):
        yield answer(str(number), gold, (0, 1), straight)
        yield answer(str(number), gold, (1, 0), swapped)


def official(pairs: list[tuple[int, int | None, int | None]]) -> list[float]:
    """The end of `LLMEvaluator/evaluate.py`, with its own function."""
    labels, straight, swapped = [], [], []
    for gold, first, second in pairs:
        named = [None if winner is None else str(winner + 1) for winner in (first, second)]
        labels.append(gold + 1)
        straight.append(int(str(named[0])) if named[0] in ("0", "1") else 0)
        swapped.append(int(str(named[1])) if named[1] in ("0", "1") else 0)
    false, true = cohen_kappa_score(straight, labels), cohen_kappa_score(swapped, labels)
    return [false, true, (false + true) / 2, cohen_kappa_score(straight, swapped)]


WINNER = st.sampled_from([0, 1, None])


@pytest.mark.filterwarnings("ignore")  # scikit-learn divides by 0 where both sides always say one and the same
@given(st.lists(st.tuples(st.sampled_from([0, 1]), WINNER, WINNER), min_size=1, max_size=12))
@settings(deadline=None)
def test_the_kappas_are_those_of_the_official_script(pairs: list[tuple[int, int | None, int | None]]) -> None:
    found = [np.nan if value is None else value for value in llmbar_kappas.find_kappas(answers(pairs)).values()]
    np.testing.assert_allclose(found, official(pairs), atol=1e-12)


def test_an_evaluator_that_is_always_right_does_not_reach_1() -> None:
    found = llmbar_kappas.find_kappas(answers([(k % 2, k % 2, k % 2) for k in range(20)]))
    assert found["kappa_average"] == pytest.approx(1 / 3)
    assert found["kappa_agreement"] == 1


def test_a_pair_that_lacks_an_order_or_failed_is_left_out() -> None:
    whole = list(answers([(0, 0, 0), (1, 1, 0), (1, 0, 1)]))
    lost = [answer("x", 0, (0, 1), 1), answer("y", 0, (0, 1), 1), answer("y", 0, (1, 0), None, Status.ERROR)]
    assert llmbar_kappas.find_kappas([*whole, *lost]) == llmbar_kappas.find_kappas(whole)
    assert set(llmbar_kappas.find_kappas(lost).values()) == {None}


class Kept:
    """Answers that are kept in memory, as the journal of a run keeps them on disk."""

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        return answers([(0, 0, 0), (1, 1, 0), (0, 1, 1)])

    def unread(self) -> Iterator[UnreadAnswer]:
        return iter(())

    def usage(self) -> Usage:
        return Usage()


def cell(task_id: str, protocol: Protocol, judge: str = "gpt|4") -> RecordedCell:
    return RecordedCell(
        run="r",
        task="llmbar-Natural",
        judge=judge,
        task_id=task_id,
        judge_id="baselines/replay",
        suite="llmbar",
        protocol=protocol,
        format="harness/brackets",
        metric="accuracy",
        data_hash="",
        state="complete",
        source=Kept(),
    )


def test_a_report_has_the_kappas_where_llmbar_was_asked_in_both_orders() -> None:
    ((title, text),) = plugin.harness_report_sections([cell("preference/llmbar", llmbar.PROTOCOL)])
    assert title == llmbar_kappas.TITLE
    wanted = llmbar_kappas.find_kappas(Kept().answers()).values()
    numbers = " | ".join("–" if value is None else f"{value:.4f}" for value in wanted)
    assert f"| llmbar-Natural | gpt\\|4 | {numbers} |" in text
    others = [cell("preference/pandalm", llmbar.PROTOCOL), cell("preference/llmbar", Protocol(order="fixed"))]
    assert plugin.harness_report_sections(others) == []


def test_the_statistics_of_the_authors_come_back(recorded: Callable[[str], Path], context: Contexts) -> None:
    folder = recorded("authors/llmbar")
    items: dict[str, dict[str, Item]] = {}
    seen = 0
    for judge, files in published.RECORDINGS.find(folder).items():
        for file in files:
            subset, statistics = file.parts[-5], file.parent / "statistics.json.gz"
            if subset not in items:
                task = llmbar.task(Options(subset=subset), context(folder))
                items[subset] = {item.id: item for item in task.items("test")}
            rows = []
            for row, _ in published.RECORDINGS.read(file, judge):
                gold, order = items[subset][row["id"]].gold, row["order"]
                winner = None if row["verdict"] is None else order["AB".index(row["verdict"])]
                assert isinstance(gold, int)
                rows.append(answer(row["id"], gold, tuple(order), winner))
            wanted = json.loads(gzip.decompress(statistics.read_bytes()))
            found = llmbar_kappas.find_kappas(rows)
            assert found == pytest.approx({name: wanted[name] for name in llmbar_kappas.NAMES}, abs=1e-12), file
            seen += 1
    assert seen >= 16
