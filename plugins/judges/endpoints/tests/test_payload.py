from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from harness.api import Choice, Image, Message, Request, Status, UserError
from harness_endpoints.anthropic.options import AnthropicOptions
from harness_endpoints.asking import Outcome
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.openai.payload import ChatPayloads
from harness_endpoints.payload import seed_of
from harness_endpoints.reply import Completion, Spent
from harness_endpoints.verdicts import Speller, judgement_of

PICTURE = Image.from_drawing(lambda: Pillow.new("RGB", (2, 2)), name="dot")


def body(request: Request, sample: int = 0, **fields: Any) -> dict[str, Any]:
    payloads = ChatPayloads(ChatOptions(**{"model": "m", "base_url": "http://localhost/v1", **fields}))
    chosen = payloads.fields(request)
    made = payloads.body(
        payloads.messages(request), request, fields=chosen, sample=sample, count=fields.get("samples", 1)
    )
    plain: dict[str, Any] = json.loads(made)
    return plain


def test_the_defaults(put: Callable[..., Request]) -> None:
    request = put()
    assert body(request) == {
        "model": "m",
        "stream": False,
        "messages": [{"role": "user", "content": "item=0 plan=ok\nAnswer between tags."}],
        "temperature": 0.0,
        "max_tokens": 1024,
        "seed": request.seed & 0x7FFFFFFF,
        "logprobs": True,
        "top_logprobs": 5,
    }


def test_what_is_null_or_off_is_not_sent(put: Callable[..., Request]) -> None:
    plain = body(put(), temperature=None, max_tokens=None, seed=False, logprobs=False)
    assert set(plain) == {"model", "messages", "stream"}
    named = body(
        put(), max_tokens_name="max_completion_tokens", top_p=0.5, extra_body={"chat_template_kwargs": {"a": 1}}
    )
    assert named["max_completion_tokens"] == 1024
    assert named["top_p"] == 0.5
    assert named["chat_template_kwargs"] == {"a": 1}
    assert "max_tokens" not in named


def test_images_and_texts_keep_their_order(put: Callable[..., Request]) -> None:
    [message] = body(put(parts=("one", "two", PICTURE, "three", PICTURE)))["messages"]
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["text", "image_url", "text", "image_url"]
    assert message["content"][0]["text"] == "one\ntwo"
    assert message["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_system_prompt_goes_where_the_model_takes_it(put: Callable[..., Request]) -> None:
    messages = (Message("system", ("Be fair.",)), Message("user", (PICTURE, "Which?")))
    assert [one["role"] for one in body(put(messages=messages))["messages"]] == ["system", "user"]
    [only] = body(put(messages=messages), system="prepend")["messages"]
    assert only["role"] == "user"
    assert only["content"][0] == {"type": "text", "text": "Be fair."}


HOSTILE = "{} {0} {model} {{ x }} {% if %} ${HOME} $PATH %s <image> <|im_end|> \\u0041 \" ' \n \x00 \ud800"


@given(st.text())
def test_texts_arrive_to_the_letter(text: str) -> None:
    request = Request(task="t", item="1", messages=(Message("user", (text,)),), space=YES, format=FORM)
    payloads = ChatPayloads(ChatOptions(model="m"))
    made = payloads.body(payloads.messages(request), request, fields=frozenset(), sample=0, count=1)
    assert json.loads(made)["messages"][0]["content"] == text


def test_template_marks_are_text(put: Callable[..., Request]) -> None:
    [message] = body(put(parts=(HOSTILE,)))["messages"]
    assert message["content"] == HOSTILE
    [message] = body(put(parts=(HOSTILE, PICTURE)))["messages"]
    assert message["content"][0]["text"] == HOSTILE


def test_seeds_have_31_bits_and_differ_by_sample_and_by_request(put: Callable[..., Request]) -> None:
    first, second = put(item=1), put(item=2)
    seeds = [seed_of(request, sample) for request in (first, second) for sample in range(50)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert body(first, sample=3)["seed"] == seed_of(first, 3) == seed_of(put(item=1), 3)


def test_a_schema_is_sent_where_the_format_has_one(put: Callable[..., Request], objects: Any) -> None:
    made = body(put(form=objects))["response_format"]
    assert made["type"] == "json_schema"
    assert made["json_schema"]["strict"] is True
    assert made["json_schema"]["schema"]["properties"]["verdict"]["enum"] == ["yes", "no"]
    assert "response_format" not in body(put(form=objects), structured="never")
    assert "response_format" not in body(put())
    with pytest.raises(UserError, match=r"test/tags.*harness/json"):
        body(put(), structured="always")


def test_samples_are_asked_for_at_once_and_without_log_probabilities(put: Callable[..., Request]) -> None:
    made = body(put(), samples=5, temperature=0.7)
    assert made["n"] == 5
    assert "logprobs" not in made


class _Form:
    name = "f"


FORM: Any = _Form()
YES = Choice(("yes", "no"))


def test_a_beginning_is_gone_on_from_and_not_answered(put: Callable[..., Request]) -> None:
    asked = put()
    begun = replace(asked, messages=(*asked.messages, Message("assistant", ("<answer>",))))
    sent = body(begun)
    assert sent["messages"][-1] == {"role": "assistant", "content": "<answer>"}
    assert (sent["add_generation_prompt"], sent["continue_final_message"]) == (False, True)
    # A schema, and the place of a verdict in log-probabilities, are those of a whole answer.
    assert {"response_format", "logprobs", "top_logprobs"}.isdisjoint(sent)
    assert "continue_final_message" not in body(asked)
    outcome = Outcome(request=begun, spent=Spent(), completions=(Completion("yes</answer>"),))
    given = judgement_of(outcome, cost=None, speller=Speller())
    assert (given.raw, given.status) == ("<answer>yes</answer>", Status.OK)


def test_a_model_that_thinks_takes_no_beginning() -> None:
    with pytest.raises(ValueError, match="set thinking: disabled"):
        AnthropicOptions(model="m", continues=True, thinking="adaptive")
    assert AnthropicOptions(model="m", continues=True, thinking="disabled").continues
