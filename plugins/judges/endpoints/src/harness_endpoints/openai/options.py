"""Options of `openai/openai`, which asks for chat completions."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, field_validator, model_validator

from harness.api import Operational
from harness_endpoints.options import BatchOptions, LogprobOptions


class ChatOptions(LogprobOptions, BatchOptions):
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
    continues: Annotated[bool, Operational()] = Field(
        default=False,
        description="The server goes on from a last message of the assistant's by `continue_final_message` (vLLM, "
        "SGLang, transformers serve). Otherwise such requests are refused.",
    )
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of the request's JSON, such as chat_template_kwargs."
    )
    api_key_env: Annotated[str | None, Operational()] = Field(
        default="OPENAI_API_KEY",
        description="Environment variable that holds the key. null: send none. Servers on this machine need none.",
    )


class AzureOptions(ChatOptions):
    """Options of `openai/azure`: the classic address of a deployment, written shorter."""

    resource: str = Field(description="Name of the resource: the first part of RESOURCE.openai.azure.com.")
    deployment: str = Field(description="Name of the deployment.")
    api_version: str = Field(default="2024-10-21", description="Version of the API, a part of each URL.")
    base_url: str = Field(
        default="", description="Where the deployment is, for other clouds and proxies. By default made of `resource`."
    )
    api_key_env: Annotated[str | None, Operational()] = Field(
        default="AZURE_OPENAI_API_KEY", description="Environment variable that holds the key. null: send none."
    )

    @field_validator("resource", "deployment", "api_version")
    @classmethod
    def _in_a_url(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            raise ValueError(f"{value!r} cannot be a part of Azure's URL; write letters, digits, dots and dashes")
        return value

    @field_validator("batch")
    @classmethod
    def _takes_none(cls, value: Any) -> Any:
        if value:
            raise ValueError("batch: Azure's batches are deployments of their own, which this judge does not speak to")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        if isinstance(data, dict) and "resource" in data and "deployment" in data:
            host = f"https://{data['resource']}.openai.azure.com/openai/deployments/{data['deployment']}"
            data = {**data, "base_url": data.get("base_url") or host}
        return data

    @property
    def url(self) -> str:
        """The URL that requests go to, with the version."""
        query = urlencode({"api-version": self.api_version, **self.extra_query})
        return f"{self.address}?{query}"

    def key_header(self, key: str) -> tuple[str, str]:
        """The header that carries the key."""
        return "api-key", key
