"""The card of the endpoint judge. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The one judge: a model at an endpoint."""
    return [
        JudgeCard(
            name="openai",
            api_version=1,
            summary="A model at an OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, Ollama, OpenAI, ...",
            factory="harness_endpoints.openai.judge:make",
            options="harness_endpoints.openai.options:ChatOptions",
            licence="Apache-2.0",
            source="part of judge-harness; the model at the endpoint has a licence of its own",
            description="Sends each question with its images to /chat/completions, many at once, and retries what "
            "fails for a while. What the server says is data: only a complete, well-formed answer is read, an error "
            "never becomes one. Gives probabilities where the server gives log-probabilities, or as the shares of "
            "several samples. Budgets in tokens and in dollars stop it; the same command goes on.",
            capabilities=frozenset({"network", "text", "images", "probabilities"}),
        )
    ]
