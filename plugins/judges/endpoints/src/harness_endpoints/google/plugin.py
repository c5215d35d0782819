"""The card of the judge at Google. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The one judge: a Gemini model."""
    return [
        JudgeCard(
            name="gemini",
            api_version=1,
            summary="A Gemini model at Google's Gemini API",
            factory="harness_endpoints.google.judge:make",
            options="harness_endpoints.google.options:GeminiOptions",
            licence="Apache-2.0",
            source="part of judge-harness; the model is a service of Google's",
            description="Sends each question with its images to models/MODEL:generateContent, many at once, with the "
            "limits, retries and budgets of openai/openai. Thoughts are kept apart from the answer, and are counted "
            "and paid as tokens written. Gives probabilities where the model gives log-probabilities, which many do "
            "not. A prompt or an answer that a filter blocks is `refused`; `safety` sets the filters. Checked against "
            "the published shapes and the official SDK, not with a real account.",
            capabilities=frozenset({"network", "text", "images", "probabilities"}),
        )
    ]
