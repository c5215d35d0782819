from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints.complaint import Complaint, read_complaint

KEY = "sk-secret-key"


def read(body: Any) -> Complaint:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_complaint(raw, lambda text: text.replace(KEY, "***"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"message": "no"}}, "no"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"errors": [{"message": "no"}]}, "no"),
        ({"errors": ["no"]}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        ({"object": "error", "message": {"detail": [{"loc": ["body", "seed"], "msg": "no"}]}}, "body.seed: no"),
        ({"error": {"message": "up", "metadata": {"raw": '{"error": {"message": "no"}}'}}}, "up: no"),
        ({"error": {"message": '{"error": {"message": "no"}}'}}, "no"),
        ({"base_resp": {"status_msg": "no"}}, "no"),
        ({"status": 402, "title": "Pay", "detail": "no"}, "no: Pay"),
        (b'data: {"error": {"message": "no"}}\n\n', "no"),
        (b"<html><head><title>502 no</title></head><body>long</body></html>", "502 no"),
        (b"no", "no"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_the_words_are_found_in_every_shape(body: Any, text: str) -> None:
    assert read(body).text == text
    assert read(body).excerpt == text


def test_codes_are_letters_and_digits_wherever_they_stand() -> None:
    inner = {"code": "ResponsibleAIPolicyViolation"}
    body = {"error": {"message": "m", "type": None, "code": "content_filter", "status": 400, "innererror": inner}}
    assert read(body).codes == {"contentfilter", "400", "responsibleaipolicyviolation"}
    assert read(body).status == 400
    assert read({"error": {"message": "m", "code": "502"}}).status == 502
    assert read({"error": {"message": "m", "code": 1004}}).status is None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"error": {"message": "m", "param": "seed"}}, ("seed",)),
        ({"error": {"message": "m", "param": None}}, ()),
        ({"error": {"message": "m", "param": "None"}}, ()),
        ({"error": {"message": "m", "param": "a whole sentence"}}, ()),
        (
            {"detail": [{"loc": ["body", "seed"], "msg": "m"}, {"loc": ["body", "n"], "msg": "m"}]},
            ("body", "seed", "n"),
        ),
    ],
)
def test_the_fields_that_it_names(body: Any, fields: tuple[str, ...]) -> None:
    assert read(body).fields == fields


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"error": {"message": "Please try again in 20s."}}, 20),
        ({"error": {"message": "Please try again in 1.5s"}}, 1.5),
        ({"error": {"message": "Please try again in 120ms."}}, 0.12),
        ({"error": {"message": "Please retry after 30 milliseconds."}}, 0.03),
        ({"error": {"message": "Please retry after 2 minutes."}}, 120),
        ({"error": {"message": "Please try again in 1m59s."}}, 119),
        ({"error": {"message": "Please try again in 6m0.5s."}}, 360.5),
        ({"error": {"message": "Please retry in 6m0s."}}, 360),
        ({"error": {"message": "m", "details": [{"@type": "RetryInfo", "retryDelay": "33s"}]}}, 33),
        ({"error": {"message": "Please try again later."}}, None),
        ({"error": {"message": "We tried 5 models in 3 places"}}, None),
    ],
)
def test_the_wait_that_it_asks_for(body: Any, wait: float | None) -> None:
    assert read(body).wait == (None if wait is None else pytest.approx(wait))


def test_excerpts_are_short_single_lines_without_secrets() -> None:
    text = read({"error": {"message": f"Bad key\n {KEY}\x1b[31m" + "x" * 5000}}).excerpt
    assert text.startswith("Bad key ***?[31mxx")
    assert len(text) < 310
    assert read(b"\xff<html>").excerpt == "\ufffd<html>"
    for before in (290, 1_995, 3_995, 39_990, 79_990):
        for filler in ("x", " "):
            body = (filler * before + KEY).encode()
            assert "sk-s" not in read(body).excerpt + read(body).text, "removed before it is cut"
            assert "sk-s" not in read({"error": {"message": body.decode()}}).excerpt


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["error", "message", "code", "detail", "loc", "param", "raw", "details", "retryDelay"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=25,
)


@given(st.one_of(st.binary(), JSON.map(lambda data: json.dumps(data).encode())))
def test_arbitrary_bodies_are_bounded_and_never_raise(body: bytes) -> None:
    complaint = read_complaint(body)
    assert len(complaint.excerpt) < 310
    assert len(complaint.text) < 2010
    assert complaint.excerpt.isprintable()


def test_hostile_bodies_cost_little() -> None:
    deep = b'{"error":' * 50_000
    nested = json.dumps({"error": {"message": "x"}})
    for _ in range(12):
        nested = json.dumps({"error": {"message": nested}})
    for body in (deep, nested.encode(), b"[" * 900_000, json.dumps({"detail": [{"msg": "x"}] * 20_000}).encode()):
        assert len(read(body).excerpt) < 310
