"""Options of `google/gemini`."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from harness.api import Operational
from harness_endpoints.options import LogprobOptions

# It becomes a part of the URL. `tunedModels/NAME` has a slash.
_MODEL = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._@-]*")


class GeminiOptions(LogprobOptions):
    """Options of `google/gemini`."""

    taken: ClassVar[frozenset[str]] = frozenset(
        {"contents", "generationConfig", "generation_config", "model", "safetySettings", "systemInstruction"}
    )

    base_url: str = Field(
        default="https://generativelanguage.googleapis.com/v1beta", description="Where the API begins, without /models."
    )
    temperature: float | None = Field(
        default=0.0, ge=0, le=2, description="0 takes the likeliest token. null: not sent."
    )
    top_k: int | None = Field(default=None, ge=1, description="Sample from so many tokens only. null: not sent.")
    seed: bool = Field(default=True, description="Send each request's own seed, so that a resumed run is the same run.")
    thinking: Literal["minimal", "low", "medium", "high"] | Annotated[int, Field(ge=-1)] | None = Field(
        default=None,
        description="How long the model thinks: a level, or a number of tokens for models that take one (0: not at "
        "all, -1: as it likes). null: as the model does by itself. Thoughts count as written, within max_tokens.",
    )
    thoughts: bool = Field(default=False, description="Have summaries of its thoughts sent back, as the rationale.")
    safety: Literal["OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE"] | None = (
        Field(
            default=None,
            description="What the provider's four filters block. null: their own choice. For tasks that ask about "
            "unsafe content.",
        )
    )
    api_key_env: Annotated[str | None, Operational()] = Field(
        default="GEMINI_API_KEY", description="Environment variable that holds the key. null: send none."
    )

    @field_validator("model")
    @classmethod
    def _in_a_url(cls, value: str) -> str:
        if not _MODEL.fullmatch(value):
            raise ValueError("model: not the name of a Gemini model; write it like gemini-2.5-flash")
        return value

    @property
    def address(self) -> str:
        """The URL that requests go to."""
        model = self.model if "/" in self.model else f"models/{self.model}"
        return f"{self.base_url}/{model}:generateContent"

    def key_header(self, key: str) -> tuple[str, str]:
        """The header that carries the key."""
        return "x-goog-api-key", key
