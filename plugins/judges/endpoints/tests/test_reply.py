from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness_endpoints.openai.reply import read_reply
from harness_endpoints.reply import ParsedReply, ServerSaysError, Spent, UnusableReplyError


def whole(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "<answer>yes</answer>", **changes.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **changes.pop("choice", {})}
    return {"object": "chat.completion", "model": "m-1", "choices": [choice], **changes}


def read(data: Any, *, content_type: str = "application/json", most: int = 1) -> ParsedReply:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return read_reply(content_type, body, most=most)


def test_a_complete_answer_is_read() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "cost": 0.5}
    answer = read(whole(usage=usage, system_fingerprint="fp_44709d6fcb"))
    [completion] = answer.completions
    assert completion.content == "<answer>yes</answer>"
    assert completion.finish == "stop"
    assert answer.spent == Spent(7, 3, 0.5)
    assert answer.model == "m-1 (fp_44709d6fcb)"


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/plain; charset=utf-8", "application/octet-stream", "text/html", "text/event-stream"],
)
def test_a_complete_answer_is_one_whatever_it_is_labelled(content_type: str) -> None:
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
        (whole(message={"content": {"answer": "<answer>yes</answer>"}}), "no text"),
        (whole(message={"content": [["<answer>yes</answer>"]]}), "no text"),
        (whole(message={"content": [{"type": "image_url"}]}), "no text"),
        (whole(message={"content": None, "reasoning_content": "Hm."}), "reasoning parser"),
        (whole(message={"content": None, "reasoning": "Hm."}), "reasoning parser"),
        (whole(message={"content": [{"type": "thinking", "thinking": "Hm."}]}), "reasoning parser"),
        (whole(message={"content": None, "tool_calls": [{"id": "1"}]}), "tool call"),
        (whole(message={"content": "", "tool_calls": [{"id": "1"}]}, choice={"finish_reason": "tool_calls"}), "tool"),
        (whole(choice={"finish_reason": "error"}), "gave up"),
        (whole(choice={"finish_reason": "abort"}), "gave up"),
        (whole(choice={"finish_reason": "insufficient_system_resource"}), "gave up"),
        ({"object": "text_completion", "choices": [{"text": "<answer>yes</answer>"}]}, "without a message"),
    ],
)
def test_whatever_else_is_no_answer(data: Any, fault: str) -> None:
    with pytest.raises(UnusableReplyError, match=fault):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        whole(error={"message": "overloaded"}),
        {"object": "error", "message": "overloaded"},
        [{"error": {"message": "overloaded"}}],
        whole(choice={"error": {"message": "overloaded"}}),
        whole(choice={"error": {"message": "overloaded"}, "finish_reason": "error"}),
        {"choices": [], "promptFeedback": {"blockReason": "overloaded"}},
        {"choices": None, "base_resp": {"status_msg": "overloaded"}},
        b'data: {"error": {"message": "overloaded"}}\n\n',
    ],
)
def test_an_error_within_a_good_status_is_no_answer(data: Any) -> None:
    with pytest.raises(ServerSaysError) as caught:
        read(data)
    assert "overloaded" in caught.value.complaint.excerpt


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ([{"type": "text", "text": "<answer>yes</answer>"}], "<answer>yes</answer>", ""),
        ([{"type": "text", "text": "<answer>"}, {"type": "text", "text": "yes"}], "<answer>yes", ""),
        (["<answer>", "yes"], "<answer>yes", ""),
        ({"type": "text", "text": "yes"}, "yes", ""),
        ([{"type": "output_text", "text": "yes", "annotations": []}], "yes", ""),
        ([{"type": "thinking", "thinking": "no"}, {"type": "text", "text": "yes"}], "yes", "no"),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "n"}, "o"]}, {"type": "text", "text": "yes"}],
            "yes",
            "no",
        ),
        ([{"type": "text", "text": "yes"}, {"type": "reference", "reference_ids": [1]}], "yes", ""),
        ([], "", ""),
    ],
)
def test_parts_of_text_are_content_and_parts_of_thinking_are_reasoning(content: Any, text: str, reasoning: str) -> None:
    [completion] = read(whole(message={"content": content})).completions
    assert (completion.content, completion.reasoning) == (text, reasoning)


@pytest.mark.parametrize("role", [None, "", "assistant", "Assistant", "model"])
@pytest.mark.parametrize("kind", [None, "", "chat.completion", "text_completion", "chat.completion.chunk", 7])
def test_a_whole_answer_is_one_whatever_it_calls_itself(role: Any, kind: Any) -> None:
    assert read(whole(object=kind, message={"role": role})).completions[0].content == "<answer>yes</answer>"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        *((reason, "stop") for reason in (None, "stop", "STOP", "eos", "end_turn", "COMPLETE", "tool_calls", 7, ["x"])),
        *((reason, "length") for reason in ("length", "MAX_TOKENS", "model_length", "max_output_tokens")),
        *((reason, "content_filter") for reason in ("content_filter", "SAFETY", "content_filter: RECITATION")),
        *((reason, "content_filter") for reason in ("sensitive", "refusal", "PROHIBITED_CONTENT", "SPII")),
    ],
)
def test_finish_reasons_of_all_providers_mean_one_of_three_things(reason: Any, finish: str) -> None:
    assert read(whole(choice={"finish_reason": reason})).completions[0].finish == finish


def test_a_router_passes_on_what_the_provider_itself_said() -> None:
    def finish(**choice: Any) -> str:
        return read(whole(choice=choice)).completions[0].finish

    assert finish(finish_reason="stop", native_finish_reason="MAX_TOKENS") == "length"
    assert finish(finish_reason="stop", native_finish_reason="STOP") == "stop"
    assert finish(finish_reason="length", native_finish_reason="stop") == "length"


def test_a_choice_without_a_message_is_filtered_where_it_says_so() -> None:
    data = {"choices": [{"index": 0, "finish_reason": "content_filter", "content_filter_results": {}}]}
    assert read(data).completions[0].finish == "content_filter"


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


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        # xAI leaves the tokens of the reasoning out of completion_tokens; other servers count them in.
        (
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            103,
        ),
        ({"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135}, 103),
        ({"prompt_tokens": 32, "completion_tokens": None, "total_tokens": 135}, 103),
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 10}, 9),
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": "many"}, 9),
    ],
)
def test_tokens_that_only_the_total_has_are_written_ones(usage: dict[str, Any], written: int) -> None:
    assert read(whole(usage=usage)).spent == Spent(32, written)


def test_what_a_failure_cost_is_kept() -> None:
    with pytest.raises(UnusableReplyError) as caught:
        read(whole(message={"content": None}, usage={"prompt_tokens": 5, "completion_tokens": 6}))
    assert caught.value.spent == Spent(5, 6)


def test_half_a_surrogate_pair_is_no_text() -> None:
    content = read(b'{"choices":[{"message":{"content":"a\\ud800b \\ud83d\\ude00"}}]}').completions[0].content
    assert content == "a\ufffdb \U0001f600"
    assert content.encode()


KEYS = [
    "choices",
    "message",
    "content",
    "index",
    "object",
    "role",
    "error",
    "usage",
    "finish_reason",
    "refusal",
    "type",
    "text",
]
TEXTS = ["chat.completion", "assistant", "stop", "length", "text", "<answer>yes</answer>"]
LEAVES = (st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(TEXTS))
JSON = st.recursive(
    st.one_of(*LEAVES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=25,
)


@given(
    st.one_of(st.binary(), JSON.map(lambda data: json.dumps(data).encode())),
    st.sampled_from(["", "application/json", "text/event-stream"]),
)
@example(b"{}", "")
def test_arbitrary_bodies_never_raise_anything_else(body: bytes, content_type: str) -> None:
    for start in (b"", b"data: "):
        try:
            answer = read_reply(content_type, start + body, most=1)
        except (UnusableReplyError, ServerSaysError):
            continue
        assert start or assert_states(body, answer)


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
            answer = read_reply("", body, most=1)
        except (UnusableReplyError, ServerSaysError):
            continue
        assert assert_states(body, answer)


def assert_states(body: bytes, answer: ParsedReply) -> bool:
    """The content is the text at `choices[0].message.content`, or what its parts hold, and nothing else."""
    [choice] = json.loads(body)["choices"]
    content = (choice.get("message") or {}).get("content")
    found = answer.completions[0].content
    if isinstance(content, str):
        assert found == content or "\ufffd" in str(found)
    elif content is None:
        assert found is None
        assert answer.completions[0].finish != "stop" or choice["message"]["refusal"]
    else:
        assert str(found).replace("\ufffd", "") in "".join(texts_in(content)) or "\ufffd" in str(found)
    return True


def texts_in(data: Any) -> list[str]:
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else []
    return [data] if isinstance(data, str) else [text for each in inside for text in texts_in(each)]


@given(st.data())
def test_a_body_cut_off_anywhere_is_no_answer(data: st.DataObject) -> None:
    body = json.dumps(whole(usage={"prompt_tokens": 1})).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(UnusableReplyError):
        read_reply("application/json", body[:cut], most=1)
