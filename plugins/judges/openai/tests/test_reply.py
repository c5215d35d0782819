from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness_openai.reply import Answer, Spent, UnusableReplyError, excerpt, read_reply


def whole(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "<answer>yes</answer>", **changes.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **changes.pop("choice", {})}
    return {"object": "chat.completion", "model": "m-1", "choices": [choice], **changes}


def read(data: Any, *, status: int = 200, content_type: str = "application/json", most: int = 1) -> Answer:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return read_reply(status, content_type, body, most=most)


def test_a_complete_answer_is_read() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "cost": 0.5}
    answer = read(whole(usage=usage, system_fingerprint="fp_44709d6fcb"))
    [completion] = answer.completions
    assert completion.content == "<answer>yes</answer>"
    assert completion.finish == "stop"
    assert answer.spent == Spent(7, 3, 0.5)
    assert answer.model == "m-1 (fp_44709d6fcb)"


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "Application/JSON; charset=utf-8", "text/json", "application/x+json"]
)
def test_json_content_types_are_taken_and_a_missing_one_is_forgiven(content_type: str) -> None:
    assert read(whole(), content_type=content_type).completions[0].content


CUT = json.dumps(whole()).encode()[:-1]
TWICE = json.dumps(whole()).replace('"content": ', '"content": "<answer>no</answer>", "content": ').encode()
TWO = json.dumps(whole()).replace('"choices": ', '"choices": [], "choices": ').encode()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (CUT, "broken or cut off"),
        (b"<answer>yes</answer>", "broken"),
        (b'"<answer>yes</answer>"', "no object"),
        ([whole()], "no object"),
        (TWICE, "twice"),
        (TWO, "twice"),
        (b"[" * 100_000, "broken"),
        (b'{"choices": ' + b"9" * 5000 + b"}", "broken"),
        (b"\xff\xfe{}", "broken"),
        ({}, "no choices"),
        (whole(choices=None), "no choices"),
        (whole(choices=[]), "no choices"),
        (whole(choices={"0": 1}), "no choices"),
        (whole(choices=[1]), "no object"),
        (whole(choices=whole()["choices"] * 2), "2 choices where 1"),
        (whole(choice={"index": 1}), "wrong indices"),
        (whole(choice={"index": -1}), "wrong indices"),
        (whole(choice={"index": False}), "wrong indices"),
        (whole(choice={"index": "0"}), "wrong indices"),
        (whole(choice={"message": None}), "without a message"),
        (whole(choice={"message": "<answer>yes</answer>"}), "without a message"),
        (whole(message={"role": "user"}), "role"),
        (whole(message={"content": None}), "null"),
        (whole(message={"content": 1}), "no text"),
        (whole(message={"content": [{"type": "text", "text": "<answer>yes</answer>"}]}), "no text"),
        (whole(object="text_completion"), "text_completion"),
        (whole(object="chat.completion.chunk"), "chat.completion.chunk"),
        (whole(object=7), "int"),
        (whole(error={"message": "overloaded"}), "overloaded"),
    ],
)
def test_whatever_else_is_no_answer(data: Any, fault: str) -> None:
    with pytest.raises(UnusableReplyError, match=fault):
        read(data)


@pytest.mark.parametrize(
    "content_type", ["text/html", "text/plain", "text/event-stream", "application/octet-stream", "json"]
)
def test_another_content_type_is_no_answer(content_type: str) -> None:
    with pytest.raises(UnusableReplyError, match="not JSON"):
        read(whole(), content_type=content_type)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 429, 500])
def test_another_status_is_no_answer(status: int) -> None:
    with pytest.raises(UnusableReplyError, match=str(status)):
        read(whole(), status=status)


def test_null_content_is_no_failure_where_the_server_says_why() -> None:
    assert read(whole(message={"content": None}, choice={"finish_reason": "length"})) is not None
    nothing = {"role": "assistant", "content": None}
    assert read(whole(choice={"message": nothing, "finish_reason": "length"})).completions[0].content is None
    assert read(whole(choice={"message": nothing, "finish_reason": "content_filter"})).completions[0].content is None
    assert read(whole(choice={"message": {**nothing, "refusal": "No."}})).completions[0].refusal == "No."


def test_several_choices_come_in_the_order_of_their_index() -> None:
    [choice] = whole()["choices"]
    texts = [{**choice, "index": index, "message": {"role": "assistant", "content": str(index)}} for index in (2, 0, 1)]
    assert [one.content for one in read(whole(choices=texts), most=3).completions] == ["0", "1", "2"]
    assert len(read(whole(), most=3).completions) == 1, "a server that ignores n"
    for wrong in (texts[:2], [texts[0], texts[0], texts[1]], texts + texts[:1]):
        with pytest.raises(UnusableReplyError):
            read(whole(choices=wrong), most=3)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        "x",
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": True},
        {"prompt_tokens": 10**12},
        {"cost": -1},
        {"cost": float("nan")},
        {"cost": float("inf")},
        {"cost": "1"},
        {"cost": True},
    ],
)
def test_usage_that_is_no_number_is_not_known(usage: Any) -> None:
    assert read(whole(usage=usage)).spent == Spent()


def test_what_a_failure_cost_is_kept() -> None:
    with pytest.raises(UnusableReplyError) as caught:
        read(whole(message={"content": None}, usage={"prompt_tokens": 5, "completion_tokens": 6}))
    assert caught.value.spent == Spent(5, 6)


def test_half_a_surrogate_pair_is_no_text() -> None:
    content = read(b'{"choices":[{"message":{"content":"a\\ud800b \\ud83d\\ude00"}}]}').completions[0].content
    assert content == "a\ufffdb \U0001f600"
    assert content.encode()


def test_excerpts_are_short_single_lines_without_secrets() -> None:
    scrub = lambda text: text.replace("sk-secret-key", "***")  # noqa: E731
    body = json.dumps({"error": {"message": "Bad key\n sk-secret-key\x1b[31m" + "x" * 5000}}).encode()
    text = excerpt(body, scrub)
    assert text.startswith("Bad key ***?[31mxx")
    assert len(text) < 310
    assert excerpt(b'{"detail": "nope"}') == "nope"
    assert excerpt(b'{"error": "plain"}') == "plain"
    assert excerpt(b"\xff<html>", scrub) == "\ufffd<html>"
    assert excerpt(("x" * 290 + "sk-secret-key").encode(), scrub).endswith("***"), "removed before it is cut"


KEYS = ["choices", "message", "content", "index", "object", "role", "error", "usage", "finish_reason", "refusal"]
TEXTS = ["chat.completion", "assistant", "stop", "length", "<answer>yes</answer>"]
LEAVES = (st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(TEXTS))
JSON = st.recursive(
    st.one_of(*LEAVES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=25,
)


@given(
    st.one_of(st.binary(), JSON.map(lambda data: json.dumps(data).encode())),
    st.integers(100, 599),
    st.text(max_size=20),
)
@example(b"{}", 200, "")
def test_arbitrary_bodies_never_raise_anything_else(body: bytes, status: int, content_type: str) -> None:
    for each in (status, 200):
        for kind in (content_type, "application/json"):
            try:
                answer = read_reply(each, kind, body, most=1)
            except UnusableReplyError:
                continue
            else:
                assert each == 200
                assert_states(body, answer)
    assert len(excerpt(body)) < 310


@given(JSON)
def test_only_what_the_message_says_is_content(data: Any) -> None:
    """Put arbitrary JSON in each place of a real answer: only the text of the content is ever content."""
    for place in ("message", "choices", "object", "error"):
        made = whole()
        if place == "message":
            made["choices"][0]["message"] = data
        else:
            made[place] = data
        body = json.dumps(made).encode()
        try:
            answer = read_reply(200, "", body, most=1)
        except UnusableReplyError:
            continue
        assert_states(body, answer)


def assert_states(body: bytes, answer: Answer) -> None:
    """The content is the string at `choices[0].message.content`, and nothing else."""
    [choice] = json.loads(body)["choices"]
    content = choice["message"].get("content")
    assert answer.completions[0].content == content or "\ufffd" in str(answer.completions[0].content)
    if content is None:
        assert choice.get("finish_reason") in ("length", "content_filter") or choice["message"]["refusal"]


@given(st.data())
def test_a_body_cut_off_anywhere_is_no_answer(data: st.DataObject) -> None:
    body = json.dumps(whole(usage={"prompt_tokens": 1})).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(UnusableReplyError):
        read_reply(200, "application/json", body[:cut], most=1)
