from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Task
from harness_preference import __version__
from harness_preference.benchmarks import judgebench
from harness_preference.formats import GenAIBenchFormat
from harness_preference.options import Options

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
ROW = {
    "pair_id": "p1",
    "source": "livecodebench",
    "question": "q",
    "response_A": "first",
    "response_B": "second",
    "label": "B>A",
}


def test_a_task_keeps_the_contract(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    write_rows(tmp_path / "gpt/items.jsonl.gz", [ROW])
    task = judgebench.task(None, context(tmp_path))
    assert isinstance(task, Task)
    assert [i.id for i in task.items("test")] == [i.id for i in task.items("test")] == ["gpt/p1"]
    with pytest.raises(DataError, match="no split 'train'; it has test"):
        list(task.items("train"))


def test_an_id_that_is_there_twice_names_file_and_row(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    file = write_rows(tmp_path / "gpt.jsonl", [ROW, {**ROW, "pair_id": "p2"}, ROW])
    with pytest.raises(DataError, match=r"line 3: the id 'gpt/p1' is there twice") as caught:
        list(judgebench.task(None, context(tmp_path)).items("test"))
    assert str(file) in str(caught.value)


def test_a_file_without_rows_is_an_error(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    write_rows(tmp_path / "gpt.jsonl", [])
    with pytest.raises(DataError, match=r"gpt.jsonl holds no rows"):
        list(judgebench.task(None, context(tmp_path)).items("test"))


def test_candidates_are_shown_in_the_order_asked_and_the_gold_does_not_leak(
    tmp_path: Path, write_rows: Writer, context: Contexts
) -> None:
    write_rows(tmp_path / "a/gpt.jsonl", [ROW])
    write_rows(tmp_path / "b/gpt.jsonl", [{**ROW, "label": "A>B"}])
    own = GenAIBenchFormat()
    tasks = [judgebench.task(None, context(tmp_path / name)) for name in "ab"]
    items = [next(task.items("test")) for task in tasks]
    assert [item.gold for item in items] == [1, 0]
    for order in ((0, 1), (1, 0)):
        one, other = (task.render(item, order=order, format=own) for task, item in zip(tasks, items, strict=True))
        assert one.key == other.key
        shown = ("first", "second") if order == (0, 1) else ("second", "first")
        assert one.text.index(f"[Assistant A's answer]\n\n{shown[0]}") < one.text.index(f"B's answer]\n\n{shown[1]}")
        assert one.text.endswith(own.instruction(items[0].space))
        assert (one.task, one.item, one.order) == ("mine", "gpt/p1", order)


def test_the_fingerprint_follows_data_and_options(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    def fingerprint(**options: Any) -> str:
        return judgebench.task(Options(**options), context(tmp_path)).fingerprint()

    write_rows(tmp_path / "gpt.jsonl", [ROW])
    first = fingerprint()
    assert fingerprint() == first
    assert fingerprint(hub_split="x") != first
    write_rows(tmp_path / "gpt.jsonl", [{**ROW, "label": "A>B"}])
    assert fingerprint() != first


def test_the_fingerprint_is_that_of_finished_runs(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    file = write_rows(tmp_path / "gpt.jsonl", [ROW])
    content = hashlib.sha256(hashlib.sha256(file.read_bytes()).digest()).hexdigest()
    subset = hashlib.sha256(f"gpt:{content}".encode()).hexdigest()
    facts = f'judgebench:{__version__}:{{"subset":null,"hub_split":null,"media":null}}:{subset}'
    assert judgebench.task(None, context(tmp_path)).fingerprint() == hashlib.sha256(facts.encode()).hexdigest()


def test_a_task_of_several_subsets_must_be_named(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    for name in ("gpt", "claude"):
        write_rows(tmp_path / f"{name}-00000-of-00001.jsonl", [ROW])
    with pytest.raises(DataError, match="the data hold gpt, claude; name one"):
        judgebench.task(None, context(tmp_path))
    (entry,) = judgebench.unfold(Options(subset="claude"), context(tmp_path))
    assert (entry.name, entry.options) == ("judgebench-claude", {"subset": "claude"})
    made = [
        judgebench.task(Options(**e.options), context(tmp_path)) for e in judgebench.unfold(None, context(tmp_path))
    ]
    assert [next(task.items("test")).id for task in made] == ["gpt/p1", "claude/p1"]
