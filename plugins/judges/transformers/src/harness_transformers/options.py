"""Options of the local judges, as a manifest sets them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.api import AddedLater, IsPath, Operational, RunsCode


class ModelOptions(BaseModel):
    """Common to all: which weights, and how they are opened and run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, IsPath()] = Field(
        min_length=1,
        description="A model folder, or `hub:ORG/NAME@REVISION`; without a revision the newest is taken and recorded.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Of the weights; `auto` is as they were saved."
    )
    attention: str = Field(
        default="sdpa",
        pattern=r"^[a-z0-9_]+$",
        description="Attention implementation of transformers: sdpa, eager, flash_attention_2, ...",
    )
    trust_remote_code: Annotated[bool, RunsCode("model")] = Field(
        default=False,
        description="Run Python code that comes with the model. `--allow-code model:MODEL` has to name it as well.",
    )
    min_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Fewest pixels of an image; smaller ones are enlarged. By default the model's own.",
    )
    max_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Most pixels of an image; larger ones are reduced, which saves tokens. By default the model's own.",
    )
    device: Annotated[str, Operational()] = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?|xpu(:\d+)?)$",
        description="Where to run: auto (a GPU if there is one), cpu, cuda, cuda:1, mps, xpu.",
    )
    device_map: Annotated[str | None, Operational()] = Field(
        default=None, description="Spread one model over several devices by accelerate: auto, balanced, ..."
    )
    batch_size: Annotated[int, Operational()] = Field(
        default=8, ge=1, le=4096, description="Rows computed at once. Halved by itself when memory runs out."
    )
    threads: Annotated[int | None, Operational()] = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads of torch on the CPU. Default: OMP_NUM_THREADS, else half of the logical cores.",
    )


class RoundedOptions(ModelOptions):
    """Options of judges whose weights may be rounded as they are read."""

    load_in_4bit: Annotated[bool, AddedLater()] = Field(
        default=False,
        description="Round the linear layers, all but the head, to four bits as they are read (NF4, double "
        "quantization; arXiv 2305.14314). It is another judge than that of the exact weights. Needs bitsandbytes and "
        "accelerate.",
    )


class GenerativeOptions(RoundedOptions):
    """Options of `transformers`."""

    model: Annotated[str, IsPath()] = Field(
        min_length=1,
        description="A model folder, a GGUF file, or `hub:ORG/NAME@REVISION`; without a revision the newest is taken "
        "and recorded.",
    )
    gguf_file: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the GGUF file to open, where `model` is on the hub or a folder with several. Needs gguf.",
    )
    adapter: Annotated[str, IsPath()] | None = Field(
        default=None, min_length=1, description="A LoRA adapter: a folder, or `hub:ORG/NAME@REVISION`. Needs peft."
    )
    kind: Literal["auto", "vision", "text"] = Field(
        default="auto",
        description="Open it as a vision-language model or as a text model; `auto` goes by its configuration.",
    )
    mode: Literal["generate", "verdict", "reason-then-verdict"] = Field(
        default="generate",
        description="Write reasoning and verdict; weigh every answer without writing; or write, then weigh.",
    )
    max_new_tokens: int = Field(default=1024, ge=1, le=65_536, description="Longest answer in tokens.")
    temperature: float = Field(default=0.0, ge=0, le=10, description="0 takes the likeliest token every time.")
    top_p: float = Field(default=1.0, gt=0, le=1, description="Sample from the likeliest tokens of this mass only.")
    top_k: int = Field(default=0, ge=0, description="Sample from so many likeliest tokens only; 0: from all.")
    samples: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Answers to each request, one vote each (self-consistency). Needs a temperature.",
    )
    system: Literal["message", "prepend"] = Field(
        default="message",
        description="How a system prompt is given: as such, or ahead of the first user message.",
    )
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Variables of the chat template, such as `enable_thinking: false`."
    )

    @model_validator(mode="after")
    def _fits(self) -> GenerativeOptions:
        if self.load_in_4bit and (self.gguf_file is not None or self.model.lower().endswith(".gguf")):
            raise ValueError("load_in_4bit: a GGUF file is rounded already; leave it out, or give the model folder")
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(f"samples: {self.samples} answers at temperature 0 are all the same; set a temperature")
        if self.samples > 1 and self.mode == "verdict":
            raise ValueError("samples: mode `verdict` draws nothing; use `generate` or `reason-then-verdict`")
        return self


class RewardModelOptions(RoundedOptions):
    """Options of `reward-model`."""

    label: str | None = Field(
        default=None, min_length=1, description="Name of the output that is the reward, for models with several."
    )
    temperature: float = Field(
        default=1.0,
        ge=1e-6,
        allow_inf_nan=False,
        description="Divides rewards before they become probabilities (Bradley-Terry).",
    )
    tie_margin: float = Field(
        default=0.0, ge=0, description="Best rewards at most so far apart are a tie, where the question knows ties."
    )
    threshold: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="A question with two answers, and one candidate or none, gets the first answer where the reward of "
        "the candidate, or of the question alone, is above this; without it such a question is refused.",
    )


class ClipScoreOptions(ModelOptions):
    """Options of `clip-score`."""

    prompt: str = Field(default="", description="Text ahead of the caption; that of CLIPScore is 'A photo depicts '.")
    caption: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="A regular expression with one group that takes the caption out of the question's text. Default: "
        "all of it.",
    )
    tie_margin: float = Field(
        default=0.0, ge=0, description="Best cosines at most so far apart are a tie, where the question knows ties."
    )
    threshold: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="A question with two answers about one image gets the first one where 2.5 * max(cos, 0) is above "
        "this; without it such a question is refused.",
    )

    @field_validator("caption")
    @classmethod
    def _takes_one_thing(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"caption: not a regular expression: {error}") from error
            if groups != 1:
                raise ValueError(f"caption: needs one group, (...), around the caption; it has {groups}")
        return value
