"""Options of the baseline judges, as a manifest sets them."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.api import AddedLater, IsPath


class Options(BaseModel):
    """Common to all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConstantOptions(Options):
    """Options of `constant`."""

    answer: str | None = Field(
        default=None,
        min_length=1,
        description="The verdict, as it is written in an answer: A, yes, 3, 'B > A > C'. Default: the first verdict.",
    )

    @field_validator("answer", mode="before")
    @classmethod
    def _as_written(cls, value: object) -> object:
        """YAML reads a bare yes, no or 3 as truth or number. Here they are words."""
        # bool first: it is a subclass of int.
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:g}" if isinstance(value, int | float) else value


class RandomOptions(Options):
    """Options of `random`."""

    seed: int | None = Field(default=None, ge=0, description="Another seed, another die. Default: the run's seed.")


class PriorOptions(Options):
    """Options of `prior`."""

    train: list[str] | None = Field(
        default=None, min_length=1, description="Tasks to learn from. Default: the train split of the task judged."
    )


class PixelsOptions(Options):
    """Options of `pixels`."""

    train: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Tasks to learn from, all in one classifier. Default: one classifier for each task, from its own "
        "train split.",
    )
    limit: int = Field(default=1200, ge=2, le=100_000, description="At most so many training examples of a task.")
    unseen: Literal["refuse", "guess"] = Field(
        default="refuse", description="What to do with a form of question that it was not trained on."
    )
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1, description="Default: the run's seed.")


class ReplayOptions(Options):
    """Options of `replay`."""

    answers: Annotated[str, IsPath()] = Field(
        description="A file of recorded answers (.jsonl, .jsonl.gz), or a folder with one such file for each judge."
    )
    files: list[str] | None = Field(
        default=None, min_length=1, description="Only these files, relative to the folder `answers`, as one judge."
    )
    layouts: dict[str, str | list[str]] | None = Field(
        default=None,
        min_length=1,
        description="Answers as the authors of benchmarks publish them: the task of each folder within `answers`, or "
        "several tasks, such as {judgebench: preference/judgebench}. Or the tool that wrote them: alpaca-eval, "
        "fastchat, inspect-ai, lm-eval or prometheus. Every judge that was recorded there is one.",
    )
    judge: str | None = Field(default=None, min_length=1, description="Only this judge of those that `layouts` finds.")
    id_field: str | None = Field(default=None, min_length=1, description="Name of the id's field. Default: found.")
    response_field: str | None = Field(
        default=None, min_length=1, description="Name of the raw answer's field. Default: found."
    )
    task_field: Annotated[str | None, AddedLater()] = Field(
        default=None,
        min_length=1,
        description="Name of the field that says which task of the manifest a row answers, for files with answers to "
        "several tasks whose items have the same ids. Default: a row answers the item of its id in any task.",
    )

    @model_validator(mode="after")
    def _fits(self) -> ReplayOptions:
        if self.layouts is None and self.judge is not None:
            raise ValueError("judge: names one of the judges that `layouts` finds, and there is no `layouts`")
        if self.layouts is not None and (self.files or self.id_field or self.response_field or self.task_field):
            raise ValueError("layouts: says where answers are and how they are written; leave out files and fields")
        return self


class JuryOptions(Options):
    """Options of `jury`."""

    judges: list[str] = Field(min_length=1, description="Names of judges in the plan.")
    weights: list[float] | None = Field(default=None, description="One positive weight for each judge. Default: 1.")
    quorum: int | None = Field(
        default=None, ge=1, description="Fewest valid votes for a verdict. Default: more than half of the judges."
    )
    vote: Literal["majority", "mean"] = Field(
        default="majority", description="The verdict with the most weight, or the mean (of scores)."
    )

    @model_validator(mode="after")
    def _fits(self) -> JuryOptions:
        if len(set(self.judges)) != len(self.judges):
            raise ValueError("judges: each may sit on the jury once; give it a weight instead")
        if self.weights is not None:
            if len(self.weights) != len(self.judges):
                raise ValueError(f"weights: {len(self.judges)} judges need as many weights, got {len(self.weights)}")
            if not all(math.isfinite(weight) and weight > 0 for weight in self.weights):
                raise ValueError("weights: must be positive numbers; leave a judge out instead of giving it 0")
        if self.quorum is not None and self.quorum > len(self.judges):
            raise ValueError(f"quorum: {self.quorum} votes can never come from {len(self.judges)} judges")
        return self
