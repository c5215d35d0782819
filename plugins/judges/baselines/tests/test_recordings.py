from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import DataError
from harness_baselines.recordings import ID_FIELDS, MOST_BYTES, RESPONSE_FIELDS, order_name, read_recordings


def read(path: Path, **fields: str) -> list[Any]:
    known: dict[str, Any] = {"id_field": None, "response_field": None, **fields}
    return list(read_recordings(path, **known))


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def to_file(*rows: Any, name: str = "a.jsonl") -> Path:
        path = tmp_path / name
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return to_file


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_long_and_short_answers_come_back_to_the_letter(write: Any, name: str) -> None:
    texts = ["", "[[A]]", "ä" * 150, "long " * 5000]
    rows = [{"id": number, "response": text} for number, text in enumerate(texts)]
    back = read(write(*rows, name=name))
    assert [recorded.response for _, recorded in back] == texts
    assert [place for place, _ in back] == [(str(number), "data", 0) for number in range(4)]


@pytest.mark.parametrize("field", ID_FIELDS)
def test_ids_are_found_under_their_usual_names(write: Any, field: str) -> None:
    assert read(write({field: "x1", "response": "a"}))[0][0][0] == "x1"


@pytest.mark.parametrize("field", RESPONSE_FIELDS)
def test_answers_are_found_under_their_usual_names(write: Any, field: str) -> None:
    assert read(write({"id": 1, field: "text"}))[0][1].response == "text"


def test_other_names_can_be_given(write: Any) -> None:
    path = write({"id": 1, "key": "k", "response": "no", "said": "yes"})
    [(place, recorded)] = read(path, id_field="key", response_field="said")
    assert (place[0], recorded.response) == ("k", "yes")


@pytest.mark.parametrize("names", [("response", "feedback"), ("text", "generated"), ("content", "critique")])
def test_two_columns_that_could_be_the_judges_are_both_named(write: Any, names: tuple[str, str]) -> None:
    with pytest.raises(DataError, match=f"line 1: '{names[0]}' and '{names[1]}' could each be the judge's answer"):
        read(write({"id": 1, names[1]: "b", names[0]: "a"}))


def test_a_named_column_is_taken_whatever_stands_beside_it(write: Any) -> None:
    path = write({"id": 1, "output": "candidate", "judgment": "judge"})
    with pytest.raises(DataError, match="line 1: 'output' and 'judgment' could each be the judge's answer"):
        read(path)
    assert [recorded.response for _, recorded in read(path, response_field="judgment")] == ["judge"]


def test_nan_is_null_as_pandas_writes_it(write: Any) -> None:
    [(_, recorded)] = read(write('{"id": 1, "response": "a", "error": NaN, "latency_s": NaN, "other": NaN}'))
    assert (recorded.response, recorded.rest) == ("a", None)
    [(_, recorded)] = read(write('{"id": 1, "response": NaN, "verdict": "A"}'))
    assert (recorded.response, recorded.get("verdict")) == (None, "A")


def test_judgments_are_the_datas_order_and_its_reverse(write: Any) -> None:
    both = [{"response": "first"}, {"response": "second"}]
    back = read(write({"pair_id": "p", "judgments": both}))
    assert [(place[1], recorded.response) for place, recorded in back] == [("data", "first"), ("reverse", "second")]


def test_orders_are_named_alike_however_they_are_written(write: Any) -> None:
    rows = [{"id": 1, "response": "r", "order": order} for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2])]
    assert [place[1] for place, _ in read(write(*rows))] == ["data", "reverse", "1,0,2"]
    assert [order_name(order) for order in ((), (0, 1), (1, 0), (1, 2, 0))] == ["data", "data", "reverse", "1,2,0"]


def test_blank_lines_and_a_byte_order_mark_are_no_trouble(write: Any) -> None:
    assert len(read(write("\ufeff" + '{"id": 1, "response": "a"}', "", "  ", {"id": 2, "response": "b"}))) == 2


def test_lone_surrogates_can_be_stored(write: Any) -> None:
    [(_, recorded)] = read(write('{"id": 1, "response": "a\\ud800b"}'))
    assert recorded.response == "a?b"


GOOD = {"id": 1, "response": "fine"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "JSON"),
        ("[1]", "JSON object"),
        ("[" * 200_000, "JSON"),
        ('{"id": 2, "scores": [NaN, 1]}', "finite"),
        ('{"id": NaN, "response": "a"}', "'id'"),
        ('{"id": 2, "scores": [1e999, 1]}', "finite"),
        ('{"id": 2, "scores": [1' + "0" * 400 + "]}", "finite"),
        ('{"id": ' + "1" * 5000 + "}", "JSON"),
        ({"id": 2, "scores": []}, "finite"),
        ({"id": 2, "scores": "high"}, "finite"),
        ({"id": 2, "scores": [True, False]}, "finite"),
        ({"id": None, "response": ""}, "'id'"),
        ({"id": True, "response": ""}, "'id'"),
        ({"id": 1.5, "response": ""}, "'id'"),
        ({"idx": 2, "response": ""}, "'id'"),
        ({"id": 2}, "response_field"),
        ({"id": 2, "output": "a"}, "'response' and 'output' could each be the judge's answer; say which one is with"),
        ({"id": 2, "output": "a"}, "`response_field: response` or `response_field: output`"),
        ({"id": 2, "response": "a", "feedback": None}, "'response' and 'feedback' could each"),
        ({"id": 2, "judgments": [{"output": "a", "judgment": "b"}]}, "'response' and 'output' could each"),
        ({"id": 2, "response": "a", "finish_reason": 3}, "'finish_reason'"),
        ({"id": 2, "response": "a", "reasoning": ["a"]}, "'reasoning'"),
        ({"id": 2, "response": 7}, "raw text"),
        ({"id": 2, "response": {"a": 1}}, "raw text"),
        ({"id": 2, "verdict": {"a": 1}}, "'verdict'"),
        ({"id": 2, "verdict": [1, 0]}, "'verdict'"),
        ({"id": 2, "verdict": True}, "'verdict'"),
        ({"id": 2, "response": "", "order": [0, 2]}, "permutation"),
        ({"id": 2, "response": "", "order": "AB"}, "permutation"),
        ({"id": 2, "response": "", "order": [False, True]}, "permutation"),
        ({"id": 2, "response": "", "sample": -1}, "'sample'"),
        ({"id": 2, "response": "", "sample": "one"}, "'sample'"),
        ({"id": 2, "response": "", "latency_s": -1}, "'latency_s'"),
        ({"id": 2, "response": "", "cost_usd": "free"}, "'cost_usd'"),
        ({"id": 2, "response": "", "prompt_tokens": 1.5}, "'prompt_tokens'"),
        ({"id": 2, "response": "", "prompt_tokens": 2**70}, "'prompt_tokens'"),
        ({"id": 2, "response": "", "rationale": 1}, "'rationale'"),
        ({"id": 2, "response": "", "probabilities": [1]}, "'probabilities'"),
        ({"id": 2, "judgments": "A"}, "'judgments'"),
        ({"id": 2, "judgments": ["A"]}, "'judgments'"),
        ({"id": 2, "judgments": [{"response": ""}] * 3}, "more than two"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_row_is_named_by_file_and_line(write: Any, row: Any, says: str) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: ") as caught:
        read(write(GOOD, row))
    assert says in str(caught.value)


def test_a_file_without_ids_says_what_it_looked_for(write: Any) -> None:
    with pytest.raises(DataError, match=r"line 1: no id; .*id_field.*pair_id"):
        read(write({"name": 1, "response": ""}))


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": 1, "response": "\xff"}\n')
    with pytest.raises(DataError, match=r"line 1: not a JSON object"):
        read(tmp_path / "a.jsonl")


def test_a_huge_line_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb.jsonl.gz", "wb", compresslevel=1) as stream:
        stream.write(b'{"id": 1, "response": "a"}\n')
        for _ in range(MOST_BYTES // 2**20 + 2):
            stream.write(b" " * 2**20)
    with pytest.raises(DataError, match="line 2: longer than"):
        read(tmp_path / "bomb.jsonl.gz")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "no gzip", "empty folder"])
def test_a_broken_archive_is_named(write: Any, tmp_path: Path, damage: str) -> None:
    path = write(*[{"id": number, "response": f"{number * 7919} text"} for number in range(500)], name="a.jsonl.gz")
    raw = path.read_bytes()
    if damage == "empty folder":
        path.unlink()
        path.mkdir()
    else:
        broken = {"truncated": raw[: len(raw) // 2], "no gzip": b"plain text\n"}
        path.write_bytes(broken.get(damage, raw[:600] + bytes([raw[600] ^ 255]) + raw[601:]))
    with pytest.raises(DataError, match=r"a\.jsonl\.gz"):
        read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["id", "response", "scores", "verdict", "order", "sample", "judgments", "probabilities", "latency_s"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON), max_size=4) | st.binary(max_size=60))
def test_any_file_is_read_or_refused_in_words(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "fuzz.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(map(json.dumps, content)).encode())
    problem = ""
    try:
        for place, recorded in read(path):
            assert isinstance(place[0], str)
            assert recorded.response is None or isinstance(recorded.response, str)
    except DataError as error:
        problem = str(error)
    assert problem == "" or "fuzz.jsonl" in problem
