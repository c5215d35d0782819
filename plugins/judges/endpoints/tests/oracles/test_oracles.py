"""Each provider's official SDK as the oracle: what it sends and reads for a question, and what this package does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image as Pillow

from harness.api import Image, Message, Request
from harness_endpoints.anthropic.judge import MESSAGES
from harness_endpoints.anthropic.options import AnthropicOptions
from harness_endpoints.dialect import Dialect
from harness_endpoints.google.judge import CONTENT
from harness_endpoints.google.options import GeminiOptions
from harness_endpoints.images import ImageLimits, base64_of
from harness_endpoints.keys import load_secrets
from harness_endpoints.openai.judge import CHAT, RESPONSES
from harness_endpoints.openai.options import AzureOptions, ChatOptions
from harness_endpoints.openai.responses import ResponsesOptions
from harness_endpoints.options import EndpointOptions

HERE = Path(__file__).parent
SENT = json.loads((HERE / "requests.json").read_text("utf-8"))["recorded"]
READ = json.loads((HERE / "readings.json").read_text("utf-8"))["recorded"]
REPLIES = {
    f"{row['api']} {row['what']}": row
    for row in map(json.loads, (HERE / "replies.jsonl").read_text("utf-8").splitlines())
}
PICTURE = Image.from_drawing(lambda: Pillow.new("RGB", (2, 2)), name="dot")


class Api(NamedTuple):
    """A judge as its SDK would ask."""

    dialect: Dialect
    options: type[EndpointOptions]
    base: str
    more: Mapping[str, Any] = {}


APIS = {
    "anthropic": Api(MESSAGES, AnthropicOptions, "/v1"),
    "openai": Api(CHAT, ChatOptions, "/v1", {"seed": False, "logprobs": False}),
    "azure": Api(
        CHAT,
        AzureOptions,
        "/openai/deployments/m",
        {"resource": "r", "deployment": "m", "seed": False, "logprobs": False},
    ),
    "responses": Api(RESPONSES, ResponsesOptions, "/v1", {"logprobs": False}),
    # The SDK leaves `v1beta` to its user.
    "gemini": Api(CONTENT, GeminiOptions, "/v1", {"seed": False, "logprobs": False}),
}
WISHES: dict[tuple[str, str], dict[str, Any]] = {
    ("schema", "anthropic"): {"thinking": "adaptive", "thinking_display": "summarized", "effort": "low"},
    ("schema", "openai"): {"seed": True, "logprobs": True},
    ("schema", "responses"): {"logprobs": True, "effort": "low", "summary": "auto"},
    ("schema", "gemini"): {
        "seed": True,
        "logprobs": True,
        "top_p": 0.5,
        "top_k": 3,
        "thinking": 64,
        "thoughts": True,
        "safety": "BLOCK_NONE",
    },
    ("thinking", "anthropic"): {"thinking": 2048, "max_tokens": 4096},
    ("thinking", "gemini"): {"thinking": "low"},
}
QUESTIONS = [(name, api) for name, apis in SENT.items() for api in apis]


def request_of(name: str, form: Any, put: Callable[..., Request]) -> Request:
    """The questions of `record.py`."""
    good = Message("user", ("Is it good?",))
    messages = {
        "pictures": (Message("system", ("Be fair.", "Be brief.")), Message("user", (PICTURE, "Which?", PICTURE))),
        "turns": (good, Message("assistant", ("Yes.",)), good),
    }.get(name, (good,))
    return put(messages=messages, form=form)


@pytest.mark.parametrize(("name", "api"), QUESTIONS)
def test_the_body_is_the_one_that_the_sdk_sends(
    name: str, api: str, put: Callable[..., Request], tags: Any, objects: Any
) -> None:
    spoken = APIS[api]
    wishes = {**spoken.more, **WISHES.get((name, api), {})}
    options = spoken.options(base_url=f"http://127.0.0.1:1{spoken.base}", model="m", **wishes)
    request = request_of(name, objects if name == "schema" else tags, put)
    payloads = spoken.dialect.payloads(options)
    raw = payloads.body(
        payloads.messages(request), request, fields=payloads.fields(request), sample=0, count=1
    ).decode()
    _, data = base64_of(PICTURE, ImageLimits(side=None, bytes=10**6))
    ours, theirs = json.loads(raw.replace(data, "@PICTURE")), SENT[name][api]["body"]
    if wishes.get("seed"):  # ours is the request's own
        settings = ours["generationConfig"] if api == "gemini" else ours
        assert settings["seed"] == request.seed & 0x7FFFFFFF
        settings["seed"] = 7
    if api == "gemini":
        ours, theirs = in_camel_case(ours), in_camel_case(theirs)
        theirs.get("systemInstruction", {}).pop("role", None)  # a system prompt has no role, and theirs is ignored
    assert ours == theirs


@pytest.mark.parametrize("api", APIS)
def test_the_headers_and_the_path_are_those_that_the_sdk_sends(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "KEY")
    spoken = APIS[api]
    options = spoken.options(
        base_url=f"http://127.0.0.1:1{spoken.base}", model="m", api_key_env="THE_KEY", **spoken.more
    )
    ours = {**options.headers, **load_secrets(options).headers()}
    ours = {name.lower(): value for name, value in ours.items()}
    theirs = SENT["text"][api]
    assert options.url == f"http://127.0.0.1:1{theirs['path']}"
    known = {name: value for name, value in theirs["headers"].items() if name != "content-type"}
    if api == "anthropic":  # the SDK has sent a Bearer since 2.0; the API's own examples say x-api-key
        assert known.pop("authorization") == f"Bearer {ours.pop('x-api-key')}"
    assert ours == known


@pytest.mark.parametrize("name", READ)
def test_a_reply_is_read_as_the_sdk_reads_it(name: str) -> None:
    row, theirs = REPLIES[name], READ[name]
    answer = APIS[row["api"]].dialect.read(
        "application/json", json.dumps(row["body"]).encode(), most=1, scrub=lambda text: text
    )
    [completion] = answer.completions
    ours: dict[str, Any] = {
        "text": completion.content or "",
        "reasoning": completion.reasoning,
        "prompt": answer.spent.prompt,
        "completion": answer.spent.completion,
        "model": answer.name,
    }
    if "refusal" in theirs:
        ours["refusal"] = completion.refusal
    if "tokens" in theirs:
        listed = completion.logprobs["content"] if completion.logprobs else None
        # Google's JSON leaves a 0 out, which the SDK does not fill in.
        ours["tokens"] = listed and [[token["token"], token["logprob"] or None] for token in listed]
        theirs = {**theirs, "tokens": theirs["tokens"] and [[text, p or None] for text, p in theirs["tokens"]]}
    assert ours == theirs


def in_camel_case(value: Any) -> Any:
    """As Google's JSON has it: the SDK sends some names as Python spells them, and the API takes both."""
    if isinstance(value, list):
        return [in_camel_case(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("_([a-z])", lambda found: found[1].upper(), name): in_camel_case(each) for name, each in value.items()
    }
