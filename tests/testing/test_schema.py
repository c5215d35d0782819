"""A task that is lax about its data must fail the checks of its schema, and a strict one pass them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import Choice, Column, Context, DataError, Item, Message, Protocol, Request, TaskCard, VerdictFormat
from harness.api.data import Row, Table, make_picture, write_table
from harness.testing import checks_for
from harness.testing._checks import run_check

PROTOCOL = Protocol(metrics=("macro_f1",))
SPACE = Choice(("yes", "no"))


class FromRows:
    """One table of labelled pictures."""

    format = "harness/tagged"

    def __init__(self, context: Context, read: Callable[[Row], Any], protocol: Protocol) -> None:
        assert context.data is not None
        folder = Path(context.data)
        self.table = Table(files=tuple(sorted(folder.glob("rows.*"))), root=folder)
        self.protocol, self._read = protocol, read

    def items(self, split: str) -> Iterator[Item]:
        if split != "test":
            raise DataError(f"no split {split!r}")
        for row in self.table.rows():
            self._read(row)
            gold = row["label"].label({"1": "yes", "0": "no"})
            yield Item(id=str(row.number), group="g", space=SPACE, gold=gold, question=("?", row["picture"].image()))

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = (*item.question, format.instruction(item.space))
        return Request(
            task="t", item=item.id, messages=(Message("user", parts),), space=item.space, format=format, order=order
        )

    def fingerprint(self) -> str:
        return self.table.digest()


def card(read: Callable[[Row], Any], *, name: str = "rows.parquet", protocol: Protocol = PROTOCOL) -> TaskCard:
    def example(folder: Path) -> None:
        cell: Any = {"bytes": make_picture(1), "path": "1.png"} if name.endswith("parquet") else "1.png"
        (folder / "1.png").write_bytes(make_picture(1))
        rows = [{"text": "a", "label": label, "picture": cell, "note": "x", "rank": 1.5} for label in (0, 1)]
        write_table(folder / name, rows)

    return TaskCard(
        name="mine",
        api_version=1,
        summary="Mine.",
        factory=lambda options, context: FromRows(context, read, protocol),
        licence="MIT",
        source="here",
        answers="choice",
        protocol=PROTOCOL,
        columns=(
            Column(name="text", kind="text", meaning="what"),
            Column(name="label", kind="label", meaning="1 yes, 0 no"),
            Column(name="picture", kind="image", meaning="the picture"),
            Column(name="note", kind="word", meaning="a note", optional=True),
            Column(name="rank", kind="number", meaning="a rank"),
        ),
        example=example,
    )


def strict(row: Row) -> None:
    row["text"].text()
    row["rank"].number()
    row.words("note")


def faults(one: TaskCard) -> dict[str, str]:
    wanted = ("task_schema", "task_protocol_as")
    checks = [(name, run_check(check)) for name, check in checks_for(one) if name.startswith(wanted)]
    return {name: fault for name, fault in checks if fault}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl", "rows.json.gz", "rows.csv"])
def test_a_strict_task_passes(name: str) -> None:
    assert faults(card(strict, name=name)) == {}


@pytest.mark.parametrize(
    ("lax", "fails"),
    [
        (lambda row: row["rank"].number(), {"text_missing", "text_wrong", "note_wrong"}),
        (lambda row: (row["text"].word(), row["rank"].number(), row.words("note")), {"text_wrong"}),
        (lambda row: (row["text"].text(), row["note"].word(), row["rank"].number()), {"note_missing"}),
        (lambda row: (row["text"].text(), row.words("note", "rank")), {"rank_missing", "rank_wrong"}),
    ],
)
def test_a_lax_task_fails_the_check_of_its_column(lax: Callable[[Row], Any], fails: set[str]) -> None:
    assert set(faults(card(lax, name="rows.jsonl"))) == {f"task_schema_{name}" for name in fails}


@pytest.mark.parametrize("left_out", ["rows.jsonl", "line 2", "'text'"])
def test_an_error_must_name_file_row_and_column(left_out: str) -> None:
    def vague(row: Row) -> None:
        try:
            strict(row)
        except DataError as error:
            raise DataError(str(error).replace(left_out, "somewhere")) from error

    said = faults(card(vague, name="rows.jsonl"))["task_schema_text_wrong"]
    assert f"the error must name {left_out}" in said or left_out == "rows.jsonl"
    assert "the error must name " in said
    assert "somewhere" in said


def test_a_column_that_the_example_never_fills_is_a_fault() -> None:
    one = card(strict)
    more = replace(one, columns=(*one.columns, Column(name="gone", kind="text", meaning="?")))
    assert "no row of its example fills the column 'gone'" in faults(more)["task_schema_gone_missing"]


def test_the_example_stands_in_for_data_in_all_other_checks() -> None:
    named = {name: run_check(check) for name, check in checks_for(card(strict))}
    assert {fault for name, fault in named.items() if not name.startswith("card_")} == {""}
    assert "task_images_readable" in named


def test_the_card_must_tell_the_protocol_that_the_task_keeps() -> None:
    said = faults(card(strict, protocol=Protocol(metrics=("accuracy",))))
    assert "and its card says" in said["task_protocol_as_on_the_card"]
