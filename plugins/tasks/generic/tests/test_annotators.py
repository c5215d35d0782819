"""What several people said, in columns, objects and lists: the same rows however they are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.api import TIE, DataError, Item
from harness.api.data import Row
from harness_generic.answers import annotator_cells
from harness_generic.options import Pairwise, Pointwise
from harness_generic.task import GenericTask

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Make = Callable[..., GenericTask]
Items = Callable[..., list[Item]]

PAIR: dict[str, Any] = {"question": "{q}", "candidate_texts": ["a", "b"]}
LABELS = {"L": "first", "R": "second", "=": "tie"}


def test_columns_are_people_and_an_empty_cell_said_nothing(write: Write, items: Items) -> None:
    rows = [
        {"q": "?", "a": "x", "b": "y", "label": "L", "ann": "L", "bob": "R", "cy": "="},
        {"q": "?", "a": "x", "b": "y", "label": "L", "ann": "", "bob": "R", "cy": "L"},
    ]
    for name in ("r.csv", "r.parquet", "r.jsonl"):
        found = items("pairwise", write(name, rows), **PAIR, labels=LABELS, annotators=["ann", "bob", "cy"])
        assert [item.annotations for item in found] == [{"ann": 0, "bob": 1, "cy": TIE}, {"bob": 1, "cy": 0}]
        assert [item.gold for item in found] == [0, 0]


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=5), st.sampled_from(["yes", "no", None, ""]), max_size=5))
def test_an_object_names_its_people_and_a_list_numbers_them(said: dict[str, str | None]) -> None:
    given_ = {name: value for name, value in said.items() if value}
    for cell in (said, json.dumps(said)):
        found = dict(annotator_cells("who", Row({"who": cell}, "f, line 1", 0)))
        assert {name: value.value for name, value in found.items()} == given_
    values = list(said.values())
    for listed in (values, json.dumps(values)):
        found = dict(annotator_cells("who", Row({"who": listed}, "f, line 1", 0)))
        assert {name: value.value for name, value in found.items()} == {
            str(place): value for place, value in enumerate(values, start=1) if value
        }


def test_scores_and_rankings_are_read_as_the_gold_is(write: Write, items: Items) -> None:
    score = {"q": "?", "score": 2.5, "raters": [2, 3, None]}
    (item,) = items("score", write("s.jsonl", [score]), question="{q}", low=1, high=5, step=0, annotators="raters")
    assert item.annotations == {"1": 2.0, "2": 3.0}
    order = {"q": "?", "texts": ["x", "y", "z"], "ranking": "B > A > C", "who": {"ann": "C A B", "bob": [2, 1, 0]}}
    options = {"question": "{q}", "candidate_texts": "texts", "annotators": "who"}
    (item,) = items("ranking", write("r.jsonl", [order]), **options)
    assert item.annotations == {"ann": (2, 0, 1), "bob": (2, 1, 0)}
    ranks = {**order, "ranking": [3, 1, 2], "who": {"ann": [1, 2, 3], "bob": [3, 2, 1]}}
    (item,) = items("ranking", write("k.jsonl", [ranks]), **options, gold_is="ranks")
    assert (item.gold, item.annotations) == ((1, 2, 0), {"ann": (0, 1, 2), "bob": (2, 1, 0)})


def test_labels_serve_annotators_where_the_first_is_always_better(write: Write, items: Items) -> None:
    row = {"q": "?", "a": "x", "b": "y", "who": {"ann": "L", "bob": "R"}}
    (item,) = items("pairwise", write("r.jsonl", [row]), **PAIR, gold=None, labels=LABELS, annotators="who")
    assert (item.gold, item.annotations) == (0, {"ann": 0, "bob": 1})


@pytest.mark.parametrize(
    ("row", "annotators", "says"),
    [
        ({"who": {"ann": "X"}}, "who", r"column 'who', annotator 'ann': expected one of 'L', 'R', '=', found str 'X'"),
        ({"who": ["L", "X"]}, "who", r"column 'who', element 1: expected one of"),
        ({"who": "L"}, "who", r"expected an object with what each annotator said, or a list, .* annotators: \[COLUMN"),
        ({"who": {"ann": "L"}}, "whom", r"there is no column 'whom'\. Did you mean 'who'"),
        ({"ann": "L", "bob": "R"}, ["ann", "bop"], r"there is no column 'bop'\. Did you mean 'bob'"),
        ({"ann": "L", "bob": "X"}, ["ann", "bob"], r"column 'bob': expected one of"),
        ({"who": {" ": "L"}}, "who", r"item '0': ' ' is no name of an annotator"),
        ({"who": '{"ann": '}, "who", r"expected an object, or a JSON object as text"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(
    write: Write, items: Items, row: dict[str, Any], annotators: Any, says: str
) -> None:
    file = write("r.jsonl", [{"q": "?", "a": "x", "b": "y", "label": "L", **row}])
    with pytest.raises(DataError, match=says):
        items("pairwise", file, **PAIR, labels=LABELS, annotators=annotators)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"annotators": ["ann"]}, "two or more different columns"),
        ({"annotators": ["ann", "ann"]}, "two or more different columns"),
        ({"annotators": ["ann", "q"]}, "annotators' column 'q' is shown to the judge"),
        ({"annotators": "a"}, "annotators' column 'a' is shown to the judge"),
        ({"gold": None, "labels": {}, "annotators": "who"}, "values of the annotators' columns mean"),
    ],
)
def test_mistakes_are_seen_without_the_data(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Pairwise.model_validate({**PAIR, "labels": LABELS, **options})


def test_a_task_without_annotators_has_the_fingerprint_that_it_had(write: Write, make: Make) -> None:
    file = write("r.jsonl", [{"q": "?", "label": "yes", "who": ["yes", "no"]}])
    options = {"question": "{q}", "answers": ["yes", "no"]}
    assert "annotators" not in Pointwise.model_validate(options).model_dump_json(exclude={"annotators"})
    plain, said = (make("pointwise", file, **options, **more).fingerprint() for more in ({}, {"annotators": "who"}))
    assert plain == "3f726158e2681ff8b755a7daa2c3fd8a7b94a7b5636313b6088bbeac3ac0b9ac"
    assert said != plain
