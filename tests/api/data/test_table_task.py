from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from harness.api import Choice, DataError, Item, Message, Preference, Protocol, Task
from harness.api.data import PromptFrame, Row, Table, TableOptions, TableTask, group_of
from harness.testing import FakeContext

Write = Callable[[str, list[dict[str, Any]]], Path]
ROWS = [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]


class Shown:
    """A verdict format of the least kind."""

    name = "test/shown"

    def instruction(self, space: object) -> str:
        return "Say it."


class Options(TableOptions):
    """Options of a benchmark of one's own."""

    least: int = 0


class Texts(TableTask):
    """An item for each word of a text that is long enough."""

    options: Options
    version = "1"

    def items_of(self, row: Row, split: str) -> Iterator[Item]:
        for word in row["text"].text().split():
            if len(word) >= self.options.least:
                yield Item(
                    id=row["id"].name(),
                    group=group_of(word),
                    space=Choice(("yes", "no")),
                    gold="yes",
                    question=(word,),
                )


def context(data: object) -> FakeContext:
    return FakeContext(workspace=Path("never-used"), name="mine", data=None if data is None else str(data))


def ids(task: TableTask, split: str = "test") -> list[str]:
    return [item.id for item in task.items(split)]


def test_a_subclass_with_a_version_and_its_items_is_a_task(write: Write) -> None:
    task = Texts(Options(), context(write("rows.jsonl", ROWS)))
    assert isinstance(task, Task)
    assert ids(task) == ids(task) == ["a", "b"]
    assert (task.protocol, task.format, task.media) == (Protocol(), "harness/tagged", None)
    assert Texts(Options(media="absent"), context(write("rows.jsonl", ROWS))).media == "absent"


def test_the_class_is_the_factory_of_a_card_without_options(write: Write) -> None:
    class First(TableTask):
        version = "1"

        def items_of(self, row: Row, split: str) -> Iterator[Item]:
            yield Item(id=row["id"].name(), group="g", space=Choice(("yes", "no")), gold="yes", question=("?",))

    assert ids(First(None, context(write("rows.jsonl", ROWS)))) == ["a", "b"]


def test_a_subclass_says_its_version_and_what_a_row_is() -> None:
    class Unversioned(TableTask):
        def items_of(self, row: Row, split: str) -> Iterator[Item]:
            yield from ()

    class Unread(TableTask):
        version = "1"

    unfinished: tuple[tuple[type[TableTask], str], ...] = ((Unversioned, "version"), (Unread, "items_of"))
    for task, lacks in unfinished:
        with pytest.raises(TypeError, match=lacks):
            task(None, context("x"))


def test_options_that_do_not_say_where_the_rows_are_need_sources(write: Write) -> None:
    class Own(BaseModel):
        least: int = 0

    file = write("rows.jsonl", ROWS)
    with pytest.raises(TypeError, match=r"options of Texts must be made from TableOptions, or give `sources`"):
        Texts(Own(), context(file))
    task = Texts(Own(), context(None), sources={"train": Table(files=(file,), root=file.parent)})
    assert ids(task, "train") == ["a", "b"]
    with pytest.raises(DataError, match=r"task mine: there is no split 'test'; it has train$"):
        ids(task)


def test_the_files_of_the_release_are_its_splits(write: Write) -> None:
    class Released(Texts):
        files: ClassVar = {"train": "train-*.jsonl", "test": "test.jsonl"}

    write("train-0.jsonl", ROWS)
    write("train-1.jsonl", [{"id": "c", "text": "three"}])
    folder = write("test.jsonl", ROWS[:1]).parent
    task = Released(Options(), context(folder))
    assert (ids(task, "train"), ids(task, "test")) == (["a", "b", "c"], ["a"])
    assert task.provenance() == "; ".join([f"{folder}/train-0.jsonl, {folder}/train-1.jsonl", f"{folder}/test.jsonl"])
    with pytest.raises(DataError, match=r"no split 'validation' .*or write validation: null in the recipe$"):
        ids(task, "validation")


def test_an_id_that_is_there_twice_names_file_row_and_column(write: Write) -> None:
    file = write("rows.jsonl", [*ROWS, ROWS[0]])
    task = Texts(Options(), context(file))
    with pytest.raises(DataError, match=r"rows\.jsonl, line 3: the id 'a' is there twice; ids must be unique"):
        ids(task)
    task.id_column = "id"
    with pytest.raises(DataError, match=r"line 3, column 'id': expected an id that is there once, found 'a' again"):
        ids(task)
    several = Texts(Options(), context(write("rows.jsonl", [{"id": "a", "text": "one two"}])))
    with pytest.raises(DataError, match=r"line 1: the id 'a' is there twice"):
        ids(several)


def test_a_row_may_be_left_out_but_not_all_of_them(write: Write) -> None:
    file = write("rows.jsonl", [*ROWS, {"id": "c", "text": "three"}])
    assert ids(Texts(Options(least=4), context(file))) == ["c"]
    with pytest.raises(DataError, match=r"task mine: .*rows\.jsonl holds no rows that can be judged"):
        ids(Texts(Options(least=9), context(file)))
    with pytest.raises(DataError, match=r"task mine: .*empty\.jsonl holds no rows; expected at least one"):
        ids(Texts(Options(), context(write("empty.jsonl", []))))


def test_a_row_that_cannot_be_used_names_file_row_and_column(write: Write) -> None:
    task = Texts(Options(), context(write("rows.jsonl", [ROWS[0], {"id": "b", "text": 7}])))
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2, column 'text': expected text, found int 7"):
        ids(task)


def test_words_stand_around_the_candidates_in_the_order_shown(write: Write) -> None:
    task = Texts(Options(), context(write("rows.jsonl", ROWS)))
    pair = Item(
        id="p", group="p", space=Preference(2), gold=0, question=("Which?",), candidates=(("first",), ("{letter}",))
    )
    task.frame = PromptFrame(
        system="Be fair.",
        opening="Two texts {follow}.",
        heading="[{letter}]",
        ending="[end of {letter}]",
        closing="So?",
    )
    request = task.render(pair, order=(1, 0), format=Shown())  # type: ignore[arg-type]
    candidates = ["[A]", "{letter}", "[end of A]", "[B]", "first", "[end of B]"]
    shown = ["Two texts {follow}.", "Which?", *candidates, "So?", "Say it."]
    assert request.messages == (
        Message("system", ("Be fair.",)),
        Message("user", ("\n\n".join(shown),)),
    )
    assert (request.task, request.item, request.order) == ("mine", "p", (1, 0))


def test_without_words_there_are_the_question_the_candidates_and_the_instruction(write: Write) -> None:
    task = Texts(Options(), context(write("rows.jsonl", ROWS)))
    pair = Item(id="p", group="p", space=Preference(2), gold=0, question=("?",), candidates=(("",), ("x",)))
    request = task.render(pair, order=(0, 1), format=Shown())  # type: ignore[arg-type]
    assert request.messages == (Message("user", ("?\n\n\n\nx\n\nSay it.",)),)  # an empty answer is an answer


def test_the_fingerprint_is_of_the_class_its_version_the_options_and_the_data(write: Write) -> None:
    class Later(Texts):
        version = "2"

    file = write("rows.jsonl", ROWS)
    first = Texts(Options(), context(file)).fingerprint()
    content = hashlib.sha256(hashlib.sha256(file.read_bytes()).digest()).hexdigest()
    facts = '{"splits":null,"hub_config":null,"media":null,"least":0}'
    assert first == hashlib.sha256(f"Texts:1:{facts}:test:{content}".encode()).hexdigest()
    assert Texts(Options(), context(file)).fingerprint() == first
    others = {Later(Options(), context(file)).fingerprint(), Texts(Options(least=1), context(file)).fingerprint()}
    write("rows.jsonl", ROWS[:1])
    others.add(Texts(Options(), context(file)).fingerprint())
    assert len(others - {first}) == 3


def test_ids_that_are_row_numbers_are_not_kept(write: Write) -> None:
    task = Texts(Options(), context(write("rows.jsonl", [ROWS[0], ROWS[0]])))
    task.ids_are_row_numbers = True
    assert ids(task) == ["a", "a"]


def test_groups_tell_texts_apart() -> None:
    assert group_of("a", "b") == group_of("a", "b") != group_of("ab")
