"""What may be set on the rewards that have options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Options(BaseModel):
    """Common to all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LengthOptions(Options):
    """Options of `length`."""

    limit: int = Field(ge=1, description="Tokens from which on the reward is -1: what the trainer lets a judge write.")
    buffer: int = Field(ge=1, description="Tokens before the limit over which the reward falls from 0 to -1.")

    @model_validator(mode="after")
    def _fits(self) -> LengthOptions:
        # A longer buffer would start below zero tokens, and punish even an empty answer.
        if self.buffer > self.limit:
            raise ValueError(f"buffer: {self.buffer} tokens do not fit before a limit of {self.limit}")
        return self


class RepetitionOptions(Options):
    """Options of `repetition`."""

    n: int = Field(default=3, ge=1, description="Words in an n-gram.")
    scale: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="What repetition alone would cost.")


class RationaleOptions(Options):
    """Options of `rationale`."""

    tag: str = Field(default="rationale", min_length=1, description="Tag of items that holds the reference rationale.")


class FidelityOptions(Options):
    """Options of `fidelity`."""

    gamma: float = Field(
        default=1e-6,
        gt=0,
        allow_inf_nan=False,
        description="Added to the variance of two groups of scores, so that equal scores can be compared.",
    )
