from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness.api import TIE, Choice, DataError, Item, Preference, Rubric, Score
from harness.formats.tagged import TaggedFormat
from harness_generic.options import Rubrics
from harness_generic.task import GenericTask

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Make = Callable[..., GenericTask]
Items = Callable[..., list[Item]]

CRITERIA: dict[str, Any] = {
    "sharp": {"low": 1, "high": 5, "description": "how crisp the edges are"},
    "better": {"labels": {"L": "first", "R": "second", "same": "tie"}, "gold": "winner"},
    "safe": {"answers": ["yes", "no"], "labels": {"1": "yes", "0": "no"}},
}
OPTIONS: dict[str, Any] = {"question": "{q}", "candidate_texts": ["a", "b"], "criteria": CRITERIA}
ROW: dict[str, Any] = {"q": "Why?", "a": "so", "b": "not", "sharp": 4, "winner": "R", "safe": 0}


def test_a_row_becomes_an_item(write: Write, make: Make) -> None:
    task = make("rubric", write("r.jsonl", [ROW, {**ROW, "winner": "same", "safe": "1"}]), **OPTIONS)
    first, second = task.items("test")
    assert first.space == Rubric(
        (("sharp", Score(1, 5, 1)), ("better", Preference(2, (TIE,))), ("safe", Choice(("yes", "no"))))
    )
    assert (first.gold, second.gold) == ((4.0, 1, "no"), (4.0, TIE, "yes"))
    assert first.question == ("Why?", "Criteria:\n- sharp: how crisp the edges are")
    request = task.render(first, order=(1, 0), format=TaggedFormat())
    assert request.text.index("not") < request.text.index("so\n")
    assert "sharp is a whole number from 1 to 5" in request.text


def test_each_criterion_has_metrics_of_its_own(write: Write, make: Make) -> None:
    task = make("rubric", write("r.jsonl", [ROW]), **OPTIONS)
    assert task.protocol.order == "both"
    assert task.protocol.metrics == (
        "accuracy", "criteria_accuracy", "spearman[sharp]", "mae[sharp]", "accuracy[better]", "macro_f1[better]",
        "accuracy[safe]", "macro_f1[safe]",
    )  # fmt: skip
    alone = {"question": "{q}", "criteria": {"sharp": CRITERIA["sharp"]}}
    assert make("rubric", write("s.jsonl", [ROW]), **alone).protocol.order == "fixed"


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.parquet"])
def test_people_are_read_from_objects(write: Write, items: Items, name: str) -> None:
    said = '{"ann": {"sharp": 3, "better": "L", "safe": "1"}, "bob": {"sharp": 4, "better": "same", "safe": "0"}}'
    (item,) = items("rubric", write(name, [{**ROW, "people": said}]), **OPTIONS, annotators="people")
    assert item.annotations == {"ann": (3.0, 0, "yes"), "bob": (4.0, TIE, "no")}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sharp": 9}, "column 'sharp'"),
        ({"winner": "B"}, "column 'winner'"),
        ({"safe": "maybe"}, "column 'safe'"),
        ({"safe": None}, "column 'safe'"),
        ({"people": '{"ann": {"sharp": 3, "better": "L"}}'}, "safe"),
        ({"people": '{"ann": {"sharp": 3, "better": "L", "safe": "7"}}'}, "safe"),
    ],
)
def test_a_row_that_does_not_fit_is_named(write: Write, items: Items, change: dict[str, Any], told: str) -> None:
    options = OPTIONS | ({"annotators": "people"} if "people" in change else {})
    with pytest.raises(DataError, match=r"r\.jsonl.*line 2") as caught:
        items("rubric", write("r.jsonl", [ROW | {"people": None}, ROW | change]), **options)
    assert told in str(caught.value)


def test_a_missing_column_is_named(write: Write, items: Items) -> None:
    row = {name: value for name, value in ROW.items() if name != "safe"}
    with pytest.raises(DataError, match="safe"):
        items("rubric", write("r.jsonl", [row]), **OPTIONS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"criteria": {}}, "at least 1 item"),
        ({"criteria": {"x": {}}}, "say what may be answered"),
        ({"criteria": {"x": {"low": 1}}}, "a score needs low and high"),
        ({"criteria": {"x": {"low": 5, "high": 1}}}, "low less than high"),
        ({"criteria": {"x": {"low": 1, "high": 5, "answers": ["a", "b"]}}}, "is a score"),
        ({"criteria": {"x": {"answers": ["a"]}}}, "two or more"),
        ({"criteria": {"x": {"answers": ["a", "b"], "labels": {"1": "c"}}}}, "not one of answers"),
        ({"criteria": {"x": {"labels": {"1": "A"}}}}, "must be first, second or tie"),
        ({"criteria": {"x": {"labels": {"1": "first"}, "n": 3}}}, "Extra inputs"),
        ({"criteria": {"a: b": CRITERIA["better"]}}, "no name of a criterion"),
        ({"criteria": {"a b": CRITERIA["safe"], "a_b": CRITERIA["better"]}}, "reads like"),
        ({"candidate_texts": None}, "'better' asks which of two candidates is better"),
        ({"criteria": {"safe": CRITERIA["safe"]}}, "so there are no candidates"),
        ({"candidate_texts": ["a", "b", "c"]}, "a pair has two candidates"),
        ({"question": "{q} {winner}"}, "the gold column 'winner' is shown"),
        ({"annotators": ["p", "r"]}, "one column: an object by person"),
    ],
)
def test_options_that_make_no_rubric(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Rubrics.model_validate(OPTIONS | change)


def test_the_options_of_a_finished_run_ask_the_very_same(write: Write, make: Make) -> None:
    """A run keeps its options with the defaults filled in. A step of 1 in place of 1.0 would be another question."""
    file = write("r.jsonl", [ROW])
    again = Rubrics.model_validate(json.loads(Rubrics.model_validate(OPTIONS).model_dump_json())).model_dump()
    keys = []
    for options in (OPTIONS, again):
        task = make("rubric", file, **options)
        (item,) = task.items("test")
        keys.append(task.render(item, order=(0, 1), format=TaggedFormat()).key)
    assert keys[0] == keys[1]
