"""The card of the judge at Anthropic. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The one judge: a model of Anthropic's."""
    return [
        JudgeCard(
            name="anthropic",
            api_version=1,
            summary="A Claude model at Anthropic's Messages API",
            factory="harness_endpoints.anthropic.judge:make",
            options="harness_endpoints.anthropic.options:AnthropicOptions",
            licence="Apache-2.0",
            source="part of judge-harness; the model is a service of Anthropic's",
            description="Sends each question with its images to /v1/messages, many at once, with the limits, retries "
            "and budgets of openai/openai. Thinking is kept apart from the answer. There are no log-probabilities and "
            "no seeds; `samples` gives probabilities as shares of votes. Answers are sampled: the API has taken no "
            "temperature since its version 2026-10-21, so greedy ones cannot be promised. Checked against the "
            "published shapes and the official SDK, not with a real account.",
            capabilities=frozenset({"network", "text", "images", "sampled"}),
        )
    ]
