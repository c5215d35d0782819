"""Options of `anthropic/anthropic`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.api import Operational
from harness_endpoints.options import BatchOptions


class AnthropicOptions(BatchOptions):
    """Options of `anthropic/anthropic`."""

    path: ClassVar[str] = "/messages"
    taken: ClassVar[frozenset[str]] = frozenset(
        {
            "max_tokens",
            "messages",
            "model",
            "output_config",
            "stream",
            "system",
            "temperature",
            "thinking",
            "top_k",
            "top_p",
        }
    )

    base_url: str = Field(
        default="https://api.anthropic.com/v1", description="Where the API begins, without /messages."
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="null: not sent; answers are sampled. Needs `api_version: 2023-06-01`.",
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Sample from the likeliest tokens of this mass only. As temperature."
    )
    top_k: int | None = Field(default=None, ge=1, description="Sample from so many tokens only. As temperature.")
    max_tokens: int = Field(default=1024, ge=1, description="Longest answer with its thinking.")
    thinking: Literal["adaptive", "disabled"] | Annotated[int, Field(ge=1024)] | None = Field(
        default=None,
        description="adaptive: the model decides how long it thinks. A number: so many tokens at most, less than "
        "max_tokens. disabled: not at all. null: as the model does by itself.",
    )
    thinking_display: Literal["summarized", "omitted"] | None = Field(
        default=None, description="Whether thinking comes back, as the rationale. null: as the model does by itself."
    )
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = Field(
        default=None, description="How thorough the model is. null: not sent."
    )
    continues: Annotated[bool, Operational()] = Field(
        default=False,
        description="The model goes on from a last message of the assistant's (prefill; not with thinking, and not "
        "newer models). Otherwise such requests are refused.",
    )
    max_image_side: int | None = Field(
        default=8000, ge=16, description="Scale larger images down to this many pixels on the longer side."
    )
    max_image_bytes: int = Field(
        default=3_900_000, ge=1024, description="Re-encode images whose file is larger than this."
    )
    api_version: Literal["2026-10-21", "2023-06-01"] = Field(
        default="2026-10-21", description="Version of the API. The older one takes a temperature, for older models."
    )
    api_key_env: Annotated[str | None, Operational()] = Field(
        default="ANTHROPIC_API_KEY", description="Environment variable that holds the key. null: send none."
    )
    cache: Annotated[bool, Operational()] = Field(
        default=False,
        description="Mark the system prompt for the provider's cache. Pays where it is long.",
    )

    @model_validator(mode="after")
    def _samples(self) -> AnthropicOptions:
        # "The temperature, top_p, and top_k request parameters are removed", by the history of versions.
        named = [name for name in ("temperature", "top_p", "top_k") if getattr(self, name) is not None]
        if named and self.api_version != "2023-06-01":
            raise ValueError(
                f"{named[0]}: the API takes none since version 2026-10-21; leave it out, or set `api_version: "
                "2023-06-01` for a model that still takes it"
            )
        return self

    @model_validator(mode="after")
    def _thinks_within(self) -> AnthropicOptions:
        if isinstance(self.thinking, int) and self.thinking >= self.max_tokens:
            raise ValueError(f"thinking: {self.thinking} tokens leave no room; set max_tokens higher")
        return self

    @model_validator(mode="after")
    def _begins_with_text(self) -> AnthropicOptions:
        if self.continues and self.thinking not in (None, "disabled"):
            raise ValueError("continues: a model that thinks takes no beginning of its answer; set thinking: disabled")
        return self

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers without secrets that the API wants."""
        return {"anthropic-version": self.api_version}

    def key_header(self, key: str) -> tuple[str, str]:
        """The header that carries the key."""
        return "x-api-key", key
