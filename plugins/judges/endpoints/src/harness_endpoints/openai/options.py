"""Options of `openai/openai`, which asks for chat completions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from harness.api import Operational
from harness_endpoints.options import EndpointOptions


class ChatOptions(EndpointOptions):
    """Options of `openai/openai`."""

    path: ClassVar[str] = "/chat/completions"
    taken: ClassVar[frozenset[str]] = frozenset(
        {
            "logprobs",
            "max_completion_tokens",
            "max_tokens",
            "messages",
            "model",
            "n",
            "response_format",
            "seed",
            "stream",
            "temperature",
            "top_logprobs",
            "top_p",
        }
    )

    base_url: str = Field(
        default="https://api.openai.com/v1",
        description="Where the API begins, without /chat/completions: http://127.0.0.1:8000/v1.",
    )
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="What the endpoint calls it; newer OpenAI models: max_completion_tokens."
    )
    seed: bool = Field(default=True, description="Send each request's own seed, so that a resumed run is the same run.")
    system: Literal["message", "prepend"] = Field(
        default="message", description="How a system prompt is given: as such, or ahead of the first user message."
    )
    logprobs: Literal["auto"] | bool = Field(
        default="auto",
        description="Ask for log-probabilities, which become probabilities. auto: until the server refuses.",
    )
    top_logprobs: int = Field(default=5, ge=1, le=20, description="Alternatives to each token.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of the request's JSON, such as chat_template_kwargs."
    )
    api_key_env: Annotated[str | None, Operational()] = Field(
        default="OPENAI_API_KEY",
        description="Environment variable that holds the key. null: send none. Servers on this machine need none.",
    )

    @property
    def user_fields(self) -> frozenset[str]:
        """Fields that are never left out."""
        return super().user_fields | ({"logprobs", "top_logprobs"} if self.logprobs is True else set())

    @property
    def asks_logprobs(self) -> bool:
        """Whether log-probabilities are asked for."""
        return self.logprobs is not False
