from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from harness.api import Image, Pricing, Request, TokenEstimate
from harness.testing import FakeContext
from harness_endpoints.judge import EndpointJudge
from harness_endpoints.openai.image_tokens import image_tokens
from harness_endpoints.openai.judge import make, make_responses
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.openai.responses import ResponsesOptions

PHOTO = Image.from_drawing(lambda: Pillow.new("RGB", (1024, 1024)), name="photo")


# The examples of the provider's own guide.
@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o-2024-11-20", (2048, 4096), 1105),
        ("gpt-4.1", (512, 512), 255),
        ("gpt-4o-mini", (1024, 1024), 2833 + 4 * 5667),
        ("o1", (512, 512), 225),
        ("gpt-5-2025-08-07", (512, 512), 210),
        ("gpt-4.1-mini", (1024, 1024), round(1024 * 1.62)),
        ("gpt-4.1-nano", (64, 65), round(6 * 2.46)),
        ("o4-mini", (4000, 4000), round(1536 * 1.72)),
        ("o3-mini", (512, 512), None),
        ("gpt-4.1-mini-x", (10_000, 1), round(313 * 1.62)),
        ("claude-sonnet-4", (512, 512), None),
        ("gpt-5-mini", (1, 1), 2),
    ],
)
def test_tokens_of_an_image(model: str, size: tuple[int, int], tokens: int | None) -> None:
    assert image_tokens(model, *size) == tokens


def judge_of(**options: object) -> EndpointJudge:
    return make(ChatOptions.model_validate({"api_key_env": None, **options}), FakeContext(workspace=Path()))


def test_a_judge_says_what_it_knows_without_a_connection(put: Callable[..., Request]) -> None:
    request = put(parts=("look", PHOTO))
    asked = judge_of(model="gpt-4o", samples=3, temperature=1.0, max_tokens=50)
    assert asked.estimate_tokens(request) == TokenEstimate(image_tokens=765, completion_most=150)
    responses = make_responses(
        ResponsesOptions.model_validate({"api_key_env": None, "model": "gpt-4o", "samples": 3, "temperature": 1.0}),
        FakeContext(workspace=Path()),
    )
    found = responses.estimate_tokens(request)
    assert (found.image_tokens, found.times) == (765, 3), "this API gives one answer at a time"
    assert asked.estimate_tokens(put()) == TokenEstimate(image_tokens=0, completion_most=150)
    # Scaled down, as it is sent.
    assert judge_of(model="gpt-4o", max_image_side=512).estimate_tokens(request).image_tokens == 255
    # A server on this machine gives its own model any name; and a longest answer need not be set.
    local = judge_of(model="gpt-4o", base_url="http://127.0.0.1:1/v1", max_tokens=None)
    assert local.estimate_tokens(request) == TokenEstimate()


def test_a_judge_says_its_prices_and_budgets() -> None:
    assert judge_of(model="m").pricing == Pricing()
    priced = judge_of(model="m", prices={"prompt": 2.5, "completion": 10}, budget_usd=5, budget_tokens=7)
    assert priced.pricing == Pricing(prompt_usd=2.5, completion_usd=10, budget_usd=5, budget_tokens=7)
    assert priced.pricing.cost(prompt=1e6, completion=1e5) == 3.5
    # An answer in a batch costs a share of it.
    batch = judge_of(model="m", prices={"prompt": 2.5, "completion": 10, "batch": 0.4}, batch=True)
    assert batch.pricing == Pricing(prompt_usd=1.0, completion_usd=4.0)
    assert Pricing(prompt_usd=1).cost(prompt=1, completion=1) is None
