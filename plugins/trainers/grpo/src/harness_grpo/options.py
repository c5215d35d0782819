"""Options of the trainers, as a recipe sets them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.api import AddedLater, Operational, RunsCode


class LoraOptions(BaseModel):
    """Train a low-rank adapter (arXiv 2106.09685) in place of all weights. Needs peft."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=16, ge=1, le=4096, description="Rank of each update.")
    alpha: float = Field(default=32.0, gt=0, description="The update is scaled by alpha / rank.")
    targets: list[str] | Literal["all-linear"] = Field(
        default="all-linear", description="Names of the modules that get an adapter, or all-linear."
    )
    parameters: list[str] = Field(
        default_factory=list,
        description="Names of parameters that get one although they are no modules: the experts of a mixture, such as "
        "`mlp.experts.gate_up_proj` and `mlp.experts.down_proj`. all-linear finds these in some models only.",
    )
    load_in_4bit: Annotated[bool, AddedLater()] = Field(
        default=False,
        description="Keep the base in four bits (QLoRA, arXiv 2305.14314: NF4, double quantization): its linear layers "
        "but the head, and no fused experts. Needs bitsandbytes.",
    )
    merge: bool = Field(
        default=False,
        description="Write the whole model with the adapter added, in float32, in place of the adapter alone.",
    )


class ValidationOptions(BaseModel):
    """When the model is looked at on the validation splits, and what is kept of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: int = Field(default=50, ge=1, description="Steps between two validations; the last step always has one.")
    limit: int = Field(
        default=100, ge=1, description="Items of each task: a sample of its split with the same shares of golds."
    )
    metric: Literal["accuracy", "macro_f1"] = Field(
        default="macro_f1",
        description="Mean over tasks of this picks the kept weights. A failed parse is not right in either. Where "
        "macro_f1 is not defined (scores, rankings) accuracy stands in.",
    )
    patience: int | None = Field(
        default=None, ge=1, description="Stop after so many validations without a new best; never by default."
    )
    device: Annotated[str | None, Operational()] = Field(
        default=None,
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?|xpu(:\d+)?)$",
        description="Where written weights are opened again to be validated, such as `cpu`; by default on the device "
        "that trains, which needs room for a second model.",
    )


class CommonOptions(BaseModel):
    """Options with the same meaning for every trainer, here and over TRL."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    steps: int = Field(default=200, ge=1, le=10_000_000, description="Batches to learn from.")
    lr: float = Field(gt=0, le=1, description="Greatest learning rate of AdamW.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="How the learning rate falls after the warm-up."
    )
    warmup: int = Field(default=0, ge=0, description="Steps in which the learning rate rises linearly.")
    weight_decay: float = Field(default=0.0, ge=0, description="Of AdamW.")
    optimizer: Annotated[Literal["adamw", "adamw_8bit"], AddedLater()] = Field(
        default="adamw",
        description="`adamw_8bit` keeps both moments of each weight in a byte (arXiv 2110.02861). Needs bitsandbytes.",
    )
    max_grad_norm: float = Field(default=1.0, gt=0, description="Gradients are scaled down to this norm.")
    lora: LoraOptions | None = Field(default=None, description="Train an adapter; by default all weights are trained.")
    freeze: list[str] = Field(
        default_factory=list,
        description="Regular expressions; parameters whose name one of them finds are not trained, such as "
        "`vision_tower`.",
    )
    validation: ValidationOptions = Field(default=ValidationOptions(), description="Validation and selection.")
    save_total_limit: Annotated[int, Operational()] = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Model folders that stay in `steps/` beside the best one: those of the last so many validations.",
    )
    max_new_tokens: int = Field(default=256, ge=1, le=65_536, description="Longest answer in tokens.")
    gradient_checkpointing: bool = Field(
        default=False, description="Compute activations twice instead of keeping them: less memory, more time."
    )
    attention: str = Field(default="sdpa", pattern=r"^[a-z0-9_]+$", description="Attention implementation.")
    trust_remote_code: Annotated[bool, RunsCode("model")] = Field(
        default=False,
        description="Run Python code that comes with the model. `--allow-code model:MODEL` has to name it as well.",
    )
    system: Literal["message", "prepend"] = Field(
        default="message", description="How a system prompt is given: as such, or ahead of the first user message."
    )
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict, description="Variables of the chat template.")
    min_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Fewest pixels of an image; smaller ones are enlarged. By default the model's own.",
    )
    max_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Most pixels of an image; larger ones are reduced. The trained model keeps these bounds.",
    )
    threads: Annotated[int | None, Operational()] = Field(
        default=None, ge=1, le=1024, description="Threads of torch on the CPU; see the transformers judge."
    )

    @model_validator(mode="after")
    def _can_be_opened(self) -> CommonOptions:
        # The code comes with the base, and permission to run it is given by the name of one folder.
        if self.trust_remote_code and self.lora is not None and not self.lora.merge:
            raise ValueError("trust_remote_code: an adapter folder has no code of its model; set lora: {merge: true}")
        return self

    @field_validator("freeze")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        for pattern in value:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"freeze: {pattern!r} is not a regular expression: {error}") from error
        return value


class TrainerOptions(CommonOptions):
    """Common to SFT and GRPO."""

    mixing: Literal["proportional", "uniform", "temperature", "adaptive"] = Field(
        default="proportional",
        description="Share of tasks in a batch: by size (the plain union), even, by size to the power of 1 / "
        "mixing_temperature, or more for tasks with a low reward that does not improve.",
    )
    mixing_temperature: float = Field(default=2.0, ge=1, description="For mixing: temperature.")
    rows: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Answers that are written at once. Default: all of a step, but at most 128 where answers to one "
        "prompt share its row, and 64 otherwise.",
    )
    groups: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Prompts with their answers in one backward pass. Default: as many as have 8192 tokens.",
    )
    prefix: Literal["auto", "packed", "cache", "repeat"] = Field(
        default="auto", description="How the prompt that several answers share is computed; see the explanation."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16", "float64"] = Field(
        default="auto",
        description="Of the weights. `auto`: float32 where all weights are trained, as saved under an adapter. Where "
        "all are trained, `bfloat16` keeps them in float32 and computes in bfloat16.",
    )
    tf32: bool = Field(
        default=False, description="Multiply float32 matrices in TF32, which has 10 bits of mantissa. On CUDA only."
    )
    device: Annotated[str, Operational()] = Field(
        default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?|xpu(:\d+)?)$", description="Where to run."
    )
    offload_optimizer: Annotated[bool, Operational()] = Field(
        default=False,
        description="Keep the moments of AdamW on the host, and compute its steps on the CPU: 8 bytes less on the "
        "device for each trained weight, and more time.",
    )
    shard: Annotated[bool, Operational()] = Field(
        default=False,
        description="Of several processes: spread weights, gradients and moments over them (FSDP2), where a device "
        "has no room for all of them. More is sent.",
    )
    timeout: Annotated[int, Operational()] = Field(
        default=7200,
        ge=1,
        le=604_800,
        description="Of several processes: seconds that one waits for the others, who may be validating.",
    )
    save_every: Annotated[int, Operational()] = Field(
        default=25, ge=1, description="Steps between two states to go on from. What is lost is done again, exactly."
    )
    log_completions: Annotated[int, Operational()] = Field(
        default=4, ge=0, description="Answers of each step that go into completions.jsonl."
    )

    @model_validator(mode="after")
    def _has_range(self) -> TrainerOptions:
        # float16 overflows and underflows without a scale of the loss, which is not kept here.
        if self.lora is None and self.dtype == "float16":
            raise ValueError(
                "dtype: float16 has too small a range for a full training; use bfloat16, or train an adapter"
            )
        if self.optimizer == "adamw_8bit" and self.offload_optimizer:
            raise ValueError("offload_optimizer: is for adamw in float32; leave it out, or set optimizer: adamw")
        if self.optimizer == "adamw_8bit" and self.dtype == "float64":
            raise ValueError("optimizer: adamw_8bit has no float64; set optimizer: adamw, or another dtype")
        if self.shard and self.prefix == "cache":
            raise ValueError(
                "prefix: cache makes two passes of a batch, and sharded weights need as many in every process; leave "
                "prefix out, or take packed or repeat"
            )
        if self.shard and self.lora is not None and self.lora.parameters:
            raise ValueError(
                "lora.parameters: an adapter of a stack of experts replaces the parameter while it computes, which "
                "sharded weights do not allow; leave it out, or shard: false"
            )
        if self.shard and (self.optimizer != "adamw" or self.offload_optimizer):
            raise ValueError(
                "shard: spreads the moments of adamw in float32 over the devices; leave out optimizer and "
                "offload_optimizer, or shard"
            )
        if self.shard and self.lora is not None and self.lora.load_in_4bit:
            raise ValueError("lora.load_in_4bit: weights in four bits cannot be sharded; leave one of the two out")
        return self


class RejectionSamplingOptions(BaseModel):
    """Learn from answers of the model itself that are right (rejection sampling, arXiv 2308.01825)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    samples: int = Field(default=8, ge=1, le=4096, description="Answers to each item that are drawn.")
    temperature: float = Field(default=1.0, gt=0, le=10, description="They are drawn at this temperature.")
    keep: int = Field(default=1, ge=1, le=4096, description="Most answers to an item that are learnt, the first ones.")
    min_reward: float | None = Field(
        default=None, description="What they must earn by the recipe's rewards, besides being right and complete."
    )


class SftOptions(TrainerOptions):
    """Options of `sft`."""

    lr: float = Field(default=1e-5, gt=0, le=1, description="Greatest learning rate of AdamW.")
    batch: int = Field(default=32, ge=1, le=65_536, description="Prompts in a step.")
    rationale: str | None = Field(
        default=None,
        min_length=1,
        description="Tag of items that holds the reasoning to write ahead of the verdict. Default: the verdict alone, "
        "as in MT-RL-Judge.",
    )
    rejection_sampling: Annotated[RejectionSamplingOptions | None, AddedLater()] = Field(
        default=None,
        description="Learn, in place of the gold, answers that the model itself draws before the first step: those "
        "that are right, for pairs in both orders.",
    )

    @model_validator(mode="after")
    def _fits(self) -> SftOptions:
        if self.rejection_sampling is not None and self.rationale is not None:
            raise ValueError("rationale: with rejection_sampling the model writes the reasoning itself; remove one")
        if self.mixing == "adaptive":
            raise ValueError("mixing: adaptive goes by rewards, which SFT does not use; take another")
        return self


class GrpoOptions(TrainerOptions):
    """Options of `grpo`. Defaults follow what TRL and verl converged to, with DAPO's upper clip."""

    lr: float = Field(default=1e-6, gt=0, le=1, description="Greatest learning rate of AdamW.")
    batch: int = Field(default=16, ge=1, le=65_536, description="Items in a step; one with candidates counts once.")
    group: int = Field(default=8, ge=2, le=4096, description="Answers to each prompt (G).")
    temperature: float = Field(default=1.0, gt=0, le=10, description="Of sampling, and of the log-probabilities.")
    reasoning: bool = Field(
        default=True,
        description="Let the policy reason first. Otherwise what the format writes ahead of a bare verdict is put into "
        "its mouth, and it writes the verdict alone; such a judge is asked in mode: verdict.",
    )
    objective: Literal["grpo", "dr_grpo", "dapo", "bnpo", "gspo", "cispo"] = Field(
        default="dapo", description="Policy term and aggregation; see the explanation."
    )
    advantage: Literal["group", "none", "batch", "task", "gdpo"] = Field(
        default="group", description="What rewards are divided by after the mean of their group is taken away."
    )
    std_floor: float = Field(
        default=0.0, ge=0, description="A standard deviation of rewards is at least this, in units of reward."
    )
    per_task: bool = Field(
        default=True,
        description="Each task has its own denominator in the loss and weighs as its share of prompts; otherwise a "
        "task weighs by its tokens.",
    )
    clip_low: float = Field(default=0.2, gt=0, lt=1, description="How far below 1 the ratio of policies may count.")
    clip_high: float = Field(default=0.28, gt=0, description="How far above 1.")
    dual_clip: float | None = Field(default=None, gt=1, description="Bound of the loss of bad answers; off by default.")
    kl_weight: float = Field(default=0.0, ge=0, description="Weight of the divergence from the start (beta).")
    kl: Literal["k1", "k2", "k3"] = Field(
        default="k3", description="Its estimator (Schulman): k1, times the ratio; k2; or k3, as in GRPO."
    )
    answers_per_pass: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Most answers in one backward pass. A larger group is split, and its prompt is computed for each "
        "part: less memory, more time. By default whole groups, `groups` of them.",
    )
    updates: int = Field(default=1, ge=1, le=64, description="Optimizer steps on each batch of answers (mu).")
    mask_truncated: bool = Field(
        default=True,
        description="Answers that ran into max_new_tokens give no gradient. Without a verdict they are wrong.",
    )
    refill: int = Field(
        default=0,
        ge=0,
        le=16,
        description="How often prompts whose answers all earned the same are replaced by others of the same task.",
    )
    entropy: bool = Field(default=False, description="Log the entropy of the policy; costs time.")

    @model_validator(mode="after")
    def _fits(self) -> GrpoOptions:
        if self.dual_clip is not None and self.objective == "cispo":
            raise ValueError("dual_clip: cispo has none; remove it")
        if self.shard and self.kl_weight and self.lora is None:
            raise ValueError(
                "kl_weight: the divergence of a full training needs a second model, which is not sharded; train an "
                "adapter (lora), which is switched off for it, or set kl_weight to 0"
            )
        return self
