"""The card of the endpoint judge. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """Chat completions at any endpoint, those of Azure, and OpenAI's responses."""
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
        ),
        JudgeCard(
            name="azure",
            api_version=1,
            summary="A model of OpenAI's at Azure, at the classic address of its deployment",
            factory="harness_endpoints.openai.judge:make",
            options="harness_endpoints.openai.options:AzureOptions",
            licence="Apache-2.0",
            source="part of judge-harness; the model is a service of Microsoft's",
            description="openai/openai with Azure's URL, /openai/deployments/NAME/chat/completions?api-version=..., "
            "and its header api-key. What Azure's content filter stops is `refused`. Checked against the published "
            "shapes, not with a real account.",
            capabilities=frozenset({"network", "text", "images", "probabilities"}),
        ),
        JudgeCard(
            name="responses",
            api_version=1,
            summary="A model at OpenAI's Responses API",
            factory="harness_endpoints.openai.judge:make_responses",
            options="harness_endpoints.openai.responses:ResponsesOptions",
            licence="Apache-2.0",
            source="part of judge-harness; the model is a service of OpenAI's",
            description="Sends each question with its images to /responses, with the limits, retries and budgets of "
            "openai/openai. For reasoning models: their effort is an option, and a summary of their reasoning can come "
            "back as the rationale. Nothing is stored at the provider. There is no seed. Checked against the published "
            "shapes and the official SDK, not with a real account.",
            capabilities=frozenset({"network", "text", "images", "probabilities"}),
        ),
    ]
