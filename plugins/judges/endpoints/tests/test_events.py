from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints.openai.events import StreamError, is_stream, join_events
from harness_endpoints.openai.reply import read_reply
from harness_endpoints.reply import ParsedReply, UnusableReplyError


def chunk(delta: dict[str, Any], *, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more.pop("choice", {})}
    return b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": [choice], **more}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def read(body: bytes, content_type: str = "text/event-stream", most: int = 1) -> ParsedReply:
    return read_reply(content_type, body, most=most)


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json", ""])
def test_a_stream_is_the_answer_that_it_spells(content_type: str) -> None:
    token = {"token": "<answer>", "logprob": -0.5}
    body = b"".join(
        (
            b": keep-alive\n\n",
            chunk({"role": "assistant", "content": ""}, model="m-1"),
            chunk({"reasoning_content": "Hm"}),
            chunk({"reasoning_content": "."}),
            chunk({"content": "<answer>"}, choice={"logprobs": {"content": [token]}}),
            chunk({"content": "yes</answer>"}),
            chunk({}, finish="stop"),
            b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n',
            DONE,
        )
    )
    answer = read(body, content_type)
    [completion] = answer.completions
    assert (completion.content, completion.reasoning, completion.finish) == ("<answer>yes</answer>", "Hm.", "stop")
    assert completion.logprobs == {"content": [token]}
    assert (answer.spent.prompt, answer.spent.completion, answer.name) == (7, 3, "m-1")


def test_lists_of_parts_and_whole_messages_are_joined_as_well() -> None:
    thinking = {"content": [{"type": "thinking", "thinking": "no"}]}
    [completion] = read(chunk(thinking) + chunk({"content": "yes"}, finish="stop")).completions
    assert (completion.content, completion.reasoning) == ("yes", "no")
    whole = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
    assert read(b"data: " + json.dumps(whole).encode()).completions[0].content == "yes"


def test_several_choices_are_kept_apart() -> None:
    body = chunk({"content": "a"}) + chunk({"content": "c"}, index=1) + chunk({"content": "b"}, finish="stop") + DONE
    assert [one.content for one in read(body, most=2).completions] == ["ab", "c"]


@pytest.mark.parametrize(
    "body",
    [
        chunk({"content": "<answer>yes</answer>"}),
        chunk({"content": "<answer>yes</answer>"}, finish="stop")[:-20],
        b"data: 7\n\n",
        b"data: <answer>yes</answer>\n\n",
        b": nothing\n\n",
        DONE,
    ],
)
def test_a_stream_that_ends_too_soon_is_no_answer(body: bytes) -> None:
    with pytest.raises(UnusableReplyError):
        read(body)


def test_json_is_no_stream_whatever_its_label() -> None:
    assert not is_stream("text/event-stream", b' \n{"choices": []}')
    assert is_stream("", b"\xef\xbb\xbfdata: {}")


@given(st.binary())
def test_arbitrary_streams_raise_nothing_else(body: bytes) -> None:
    for each in (body, b"data: " + body):
        try:
            join_events(each)
        except (StreamError, ValueError, RecursionError):
            continue
