"""Judges of every provider on a socket: what each kind of reply becomes, how often it is asked, what it costs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Judge, Judgement, JudgeStoppedError, Request, Status
from harness.discovery import Plugins
from harness.testing import FakeContext, checks_for

REPLIES = Path(__file__).parent / "oracles" / "replies.jsonl"
ROWS = [json.loads(line) for line in REPLIES.read_text("utf-8").splitlines()]
KEY = "sk-never-to-be-seen-0123456789"
JUDGES = {
    "anthropic": ("anthropic/anthropic", "/v1", "ANTHROPIC_API_KEY", {}),
    "gemini": ("google/gemini", "/v1beta", "GEMINI_API_KEY", {}),
    "responses": ("openai/responses", "/v1", "OPENAI_API_KEY", {}),
    "openai": ("openai/openai", "/v1", "OPENAI_API_KEY", {}),
    "azure": ("openai/azure", "/openai/deployments/d", "AZURE_OPENAI_API_KEY", {"resource": "r", "deployment": "d"}),
}


@pytest.fixture
def make(provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Judge]:
    plugins = Plugins.load()

    def build(api: str, **options: Any) -> Judge:
        use, base, variable, more = JUDGES[api]
        monkeypatch.setenv(variable, KEY)
        offer = plugins.find("judge", use)
        model = offer.options_model()
        assert model is not None
        quick = {"backoff_s": 0.0, "max_backoff_s": 0.01, "retries": 2}
        known = {"base_url": f"{provider.url}{base}", "model": "m", **quick, **more, **options}
        judge: Judge = offer.create(model.model_validate(known), FakeContext(workspace=tmp_path, name="me"))
        return judge

    return build


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['api']} {row['what']}")
def test_every_kind_of_reply(
    row: dict[str, Any], make: Callable[..., Judge], provider: Any, put: Callable[..., Request], one: Any
) -> None:
    provider.answer = lambda asked: (row["status"], row["body"])
    judge, request = make(row["api"]), put(None)
    if row.get("stop"):
        with pytest.raises(JudgeStoppedError, match=r"answers") as caught:
            one(judge, request)
        assert row["stop"] in str(caught.value)
        assert KEY not in str(caught.value)
        assert len(provider.asked) == 1
        return
    judgement: Judgement = one(judge, request)
    expected = dict(row["expect"])
    assert judgement.status == Status(expected.pop("status")), judgement.error
    assert judgement.verdict == expected.pop("verdict", None)
    assert len(provider.asked) == row["requests"]
    assert row["told"] in judgement.error
    assert expected.pop("rationale", "") in judgement.rationale
    if "completion" in expected:
        assert judgement.completion_tokens == expected["completion"]
    assert judgement.probabilities == pytest.approx(expected.get("probabilities"))


@pytest.mark.parametrize(
    ("api", "message", "field", "wire"),
    [
        ("gemini", "Logprobs is not enabled for models/gemini-x", "logprobs", "responseLogprobs"),
        ("gemini", "Unknown name \"seed\" at 'generation_config': Cannot find field.", "seed", "seed"),
        ("responses", "Unsupported parameter: 'temperature' is not supported with this model.", "t", "temperature"),
        ("responses", "logprobs are not supported with reasoning models.", "logprobs", "include"),
        ("anthropic", "temperature: Extra inputs are not permitted", "temperature", "temperature"),
        ("anthropic", "output_config.format: this model does not support structured outputs", "", "output_config"),
    ],
)
def test_a_field_that_is_refused_by_name_is_left_out_from_then_on(
    api: str,
    message: str,
    field: str,
    wire: str,
    make: Callable[..., Judge],
    provider: Any,
    put: Callable[..., Request],
    ask: Any,
    objects: Any,
) -> None:
    good = next(row["body"] for row in ROWS if (row["api"], row["what"]) == (api, "plain"))

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        sent = {**asked["body"], **asked["body"].get("generationConfig", {})}
        return (400, {"error": {"message": message, "type": "invalid_request_error"}}) if wire in sent else (200, good)

    provider.answer = answer
    old = {"api_version": "2023-06-01", "temperature": 0.0} if api == "anthropic" else {}
    judge = make(api, max_concurrency=1, **old)
    found = ask(judge, [put(None, item=item, form=objects) for item in range(3)])
    assert [judgement.verdict for judgement in found] == ["yes"] * 3
    assert len(provider.asked) == 4, "one request teaches it"


@pytest.mark.parametrize(
    ("api", "cost"),
    [
        # 100 read of which 80 from the cache and 10 into it, 20 written.
        ("anthropic", (10 * 3 + 80 * 0.3 + 10 * 3.75 + 20 * 15) / 1e6),
        ("gemini", (10 * 3 + 90 * 0.3 + 20 * 15) / 1e6),
        ("responses", (40 * 3 + 60 * 0.3 + 20 * 15) / 1e6),
    ],
)
def test_what_an_answer_costs_with_a_cache(
    api: str, cost: float, make: Callable[..., Judge], provider: Any, put: Callable[..., Request], one: Any
) -> None:
    name = {"anthropic": "cache", "gemini": "cached", "responses": "plain"}[api]
    row = next(row for row in ROWS if (row["api"], row["what"]) == (api, name))
    provider.answer = lambda asked: (200, row["body"])
    prices = {"prompt": 3, "completion": 15, "cached": 0.3, "cache_write": 3.75}
    judgement = one(make(api, prices=prices), put(None))
    assert (judgement.prompt_tokens, judgement.completion_tokens) == (100, 20)
    assert judgement.cost_usd == pytest.approx(cost)
    plain = one(make(api, prices={"prompt": 3, "completion": 15}), put(None))
    assert plain.cost_usd == pytest.approx((100 * 3 + 20 * 15) / 1e6), "without a price of its own, as any token"


def test_samples_are_asked_one_by_one_where_the_api_gives_one_answer(
    make: Callable[..., Judge], provider: Any, put: Callable[..., Request], one: Any
) -> None:
    good = next(row["body"] for row in ROWS if (row["api"], row["what"]) == ("anthropic", "plain"))
    provider.answer = lambda asked: (200, good)
    judgement = one(make("anthropic", samples=3), put(None))
    assert judgement.verdict == "yes"
    assert judgement.probabilities == {"yes": 1.0, "no": 0.0}
    assert len(provider.asked) == 3


def test_a_system_prompt_is_marked_for_the_cache_on_demand(
    make: Callable[..., Judge], provider: Any, put: Callable[..., Request], one: Any
) -> None:
    from harness.api import Message

    good = next(row["body"] for row in ROWS if (row["api"], row["what"]) == ("anthropic", "plain"))
    provider.answer = lambda asked: (200, good)
    request = put(messages=(Message("system", ("Be fair.",)), Message("user", ("Is it?",))))
    one(make("anthropic", cache=True), request)
    assert provider.asked[0]["body"]["system"] == [
        {"type": "text", "text": "Be fair.", "cache_control": {"type": "ephemeral"}}
    ]


def test_azure_is_asked_at_its_classic_address(
    make: Callable[..., Judge], provider: Any, put: Callable[..., Request], one: Any
) -> None:
    filtered = {
        "error": {
            "message": "The response was filtered due to the prompt triggering Azure's content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"hate": {"filtered": True}},
            },
        }
    }
    good = {"choices": [{"message": {"role": "assistant", "content": "<answer>yes</answer>"}, "finish_reason": "stop"}]}
    provider.answer = lambda asked: (400, filtered) if "bad" in json.dumps(asked["body"]) else (200, good)
    judge = make("azure", api_version="2025-01-01-preview")
    assert one(judge, put(None)).verdict == "yes"
    assert one(judge, put(None, item="bad")).status is Status.REFUSED
    assert {asked["path"] for asked in provider.asked} == {
        "/openai/deployments/d/chat/completions?api-version=2025-01-01-preview"
    }
    assert {asked["headers"]["api-key"] for asked in provider.asked} == {KEY}
    assert not any("authorization" in asked["headers"] for asked in provider.asked)


@pytest.mark.parametrize("api", JUDGES)
def test_the_conformance_kit_finds_nothing(api: str, provider: Any) -> None:
    use, base, _, more = JUDGES[api]
    good = {row["api"]: row["body"] for row in ROWS if row["what"] == "plain"}
    choice = {"message": {"role": "assistant", "content": "<answer>yes</answer>"}}
    provider.answer = lambda asked: (200, good.get(api, {"choices": [choice]}))
    card = Plugins.load().find("judge", use).card
    options = {"base_url": f"{provider.url}{base}", "model": "m", "api_key_env": None, **more}
    for _, check in checks_for(card, options=options):
        check()


@pytest.mark.parametrize(
    ("api", "wrong", "said"),
    [
        ("anthropic", {"temperature": 0.5}, "takes none since version 2026-10-21; leave it out, or set `api_version"),
        ("anthropic", {"thinking": 2000}, "thinking: 2000 tokens leave no room; set max_tokens higher"),
        ("anthropic", {"base_url": "https://h/v1/messages"}, "leave /messages out"),
        ("anthropic", {"batch": True, "samples": 3}, "batch: takes one answer to each request"),
        ("anthropic", {"extra_body": {"system": "x"}}, "system: has an option of its own"),
        ("gemini", {"model": "../../v1/files?x"}, "not the name of a Gemini model"),
        ("gemini", {"batch": True}, "Extra inputs are not permitted"),
        ("responses", {"seed": True}, "Extra inputs are not permitted"),
        ("azure", {"deployment": "d/../e"}, "cannot be a part of Azure's URL"),
        ("azure", {"batch": True}, "Azure's batches are deployments of their own"),
    ],
)
def test_options_that_cannot_be_are_refused(api: str, wrong: dict[str, Any], said: str) -> None:
    model = Plugins.load().find("judge", JUDGES[api][0]).options_model()
    assert model is not None
    with pytest.raises(ValueError, match=re.escape(said)):
        model.model_validate({"model": "m", **JUDGES[api][3], **wrong})


def test_addresses_are_the_published_ones() -> None:
    plugins = Plugins.load()

    def url_of(api: str, **options: Any) -> str:
        model: Any = plugins.find("judge", JUDGES[api][0]).options_model()
        return str(model.model_validate({"model": "m", **JUDGES[api][3], **options}).url)

    google = "https://generativelanguage.googleapis.com/v1beta"
    assert url_of("anthropic") == "https://api.anthropic.com/v1/messages"
    assert url_of("responses") == "https://api.openai.com/v1/responses"
    assert url_of("gemini") == f"{google}/models/m:generateContent"
    assert url_of("gemini", model="tunedModels/x") == f"{google}/tunedModels/x:generateContent"
    assert url_of("azure") == (
        "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"
    )
