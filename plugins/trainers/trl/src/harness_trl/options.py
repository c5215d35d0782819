"""Options of the trainers, named as in `harness_grpo.options`. What TRL cannot do is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from harness.api import Operational
from harness_grpo.options import CommonOptions

_NATIVE = "or train with grpo or sft of judge-harness-grpo"

_REFUSED: dict[str, tuple[Any, str]] = {
    "mixing": ("proportional", f"TRL draws from the plain union of the tasks; leave it out, {_NATIVE}"),
    "mixing_temperature": (None, f"TRL draws from the plain union of the tasks; leave it out, {_NATIVE}"),
    "refill": (0, f"TRL replaces no group whose answers all earned the same; leave it out, {_NATIVE}"),
    "per_task": (
        False,
        f"TRL has one denominator for all tasks, so that a task weighs by its tokens; leave it out, {_NATIVE}",
    ),
    "std_floor": (0, f"TRL has no floor for the deviation in a group; set advantage: none, {_NATIVE}"),
    "kl": ("k3", f"TRL has this estimator only; leave it out, {_NATIVE}"),
    "reasoning": (True, f"TRL puts no words into the mouth of the policy; leave it out, {_NATIVE}"),
    "prefix": ("repeat", f"TRL computes the prompt again for every answer; leave it out, {_NATIVE}"),
    "rows": (None, "TRL writes the answers of a batch at once; leave it out, and set per_device for its passes"),
    "groups": (None, "a pass of TRL is counted in answers; set per_device in its place"),
    "answers_per_pass": (None, "a pass of TRL is counted in answers; set per_device in its place"),
    "offload_optimizer": (
        False,
        "TRL's optimizer is accelerate's to place; set deepspeed_config: {offload_optimizer_device: cpu} there",
    ),
    "shard": (False, "accelerate shards for TRL; leave it out, and give accelerate an fsdp_config"),
    "timeout": (None, "TRL has its own; set trl: {ddp_timeout: 7200} in its place"),
    "rejection_sampling": (
        None,
        "TRL samples no answers for SFT; train that step with sft of judge-harness-grpo, and start from it by train:",
    ),
    "tf32": (False, "transformers has its own switch; set trl: {tf32: true} in its place"),
    "entropy": (True, "TRL logs the entropy always; leave it out"),
    "log_completions": (0, "TRL logs completions in its own way; set trl: {log_completions: true} in its place"),
}
"""Options of the native trainers that mean nothing to TRL: the value that it has anyway, and what to do."""


class TrlOptions(CommonOptions):
    """Common to SFT and GRPO."""

    weight_decay: float = Field(default=0.0, ge=0, description="Of AdamW; not of biases and norms.")
    batch: int = Field(ge=1, le=1_048_576, description="Prompts in a step, over all devices.")
    per_device: Annotated[int, Operational()] = Field(
        default=8, ge=1, le=65_536, description="Rows, prompt and answer, in one backward pass of each device."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Of the weights; `auto` is as they were saved."
    )
    device: Annotated[Literal["auto", "cpu"], Operational()] = Field(
        default="auto", description="`auto` leaves it to accelerate; `cpu` keeps it on the processor."
    )
    save_every: Annotated[int, Operational()] = Field(
        default=25, ge=1, description="Steps between two states to go on from."
    )
    trl: dict[str, Any] = Field(
        default_factory=dict, description="Further arguments of TRL's configuration, by its own names."
    )

    # Before pydantic's own checks, which would call these unknown options and not say what to do.
    @model_validator(mode="before")
    @classmethod
    def _can_be_done(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        kept = dict(given)
        for name, (accepted, why) in _REFUSED.items():
            if name in kept and name not in cls.model_fields:
                value = kept.pop(name)
                # 0 == False in Python, and `refill: false` is a mistake.
                if value != accepted or isinstance(value, bool) != isinstance(accepted, bool):
                    raise ValueError(f"{name}: {why}")
        return kept


class TrlSftOptions(TrlOptions):
    """Options of `trl-sft`."""

    lr: float = Field(default=1e-5, gt=0, le=1, description="Greatest learning rate of AdamW.")
    batch: int = Field(default=32, ge=1, le=1_048_576, description="Prompts in a step, over all devices.")
    rationale: str | None = Field(
        default=None,
        min_length=1,
        description="Tag of items that holds the reasoning to write ahead of the verdict. Default: the verdict alone, "
        "as in MT-RL-Judge.",
    )


class TrlGrpoOptions(TrlOptions):
    """Options of `trl-grpo`."""

    lr: float = Field(default=1e-6, gt=0, le=1, description="Greatest learning rate of AdamW.")
    batch: int = Field(
        default=16, ge=1, le=1_048_576, description="Prompts in a step, over all devices; a pair counts for each order."
    )
    group: int = Field(default=8, ge=2, le=4096, description="Answers to each prompt (G).")
    temperature: float = Field(default=1.0, gt=0, le=10, description="Of sampling, and of the log-probabilities.")
    objective: Literal["grpo", "dr_grpo", "dapo", "bnpo", "gspo", "cispo"] = Field(
        default="dapo", description="Policy term and aggregation. `gspo` is aggregated by answers, as in its paper."
    )
    advantage: Literal["group", "none", "batch"] = Field(
        default="group", description="What rewards are divided by after the mean of their group is taken away."
    )
    clip_low: float = Field(default=0.2, gt=0, lt=1, description="How far below 1 the ratio of policies may count.")
    clip_high: float = Field(default=0.28, gt=0, description="How far above 1.")
    dual_clip: float | None = Field(
        default=None, gt=1, description="Bound of the loss of bad answers (TRL's delta); off by default."
    )
    kl_weight: float = Field(
        default=0.0, ge=0, description="Weight of the divergence from the start (beta), by k3 and without correction."
    )
    updates: int = Field(default=1, ge=1, le=64, description="Optimizer steps on each batch of answers (mu).")
    mask_truncated: bool = Field(
        default=True, description="Answers that ran into max_new_tokens give no gradient, and count as wrong."
    )
    vllm: dict[str, Any] | None = Field(
        default=None,
        description="Write answers by vLLM: arguments of TRL's configuration without their `vllm_`, such as "
        "`{mode: colocate, gpu_memory_utilization: 0.3}`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _advantage_can_be_done(cls, given: Any) -> Any:
        advantage = given.get("advantage") if isinstance(given, Mapping) else None
        if advantage in ("task", "gdpo"):
            raise ValueError(
                f"advantage: {advantage}: TRL knows one sum of rewards for each task and no deviation by task; set "
                f"group, none or batch, {_NATIVE}"
            )
        return given

    @model_validator(mode="after")
    def _fits(self) -> TrlGrpoOptions:
        if self.vllm is not None and (self.min_pixels or self.max_pixels):
            raise ValueError(
                "vllm: opens the model's own image processor, which knows nothing of min_pixels and max_pixels; write "
                "them into preprocessor_config.json of the model folder, and remove them here"
            )
        self._check_adapter_by_vllm()
        if self.dual_clip is None:
            return self
        if self.objective == "cispo":
            raise ValueError("dual_clip: cispo has none; remove it")
        if self.dual_clip < 1 + self.clip_high:
            raise ValueError(
                f"dual_clip: TRL bounds no ratio below 1 + clip_high ({1 + self.clip_high:g}); set it higher, {_NATIVE}"
            )
        return self

    def _check_adapter_by_vllm(self) -> None:
        # TRL adds the adapter to the weights, gives the sum to vLLM, and takes the adapter off again, at each step.
        if self.vllm is None or self.lora is None:
            return
        if self.lora.load_in_4bit:
            raise ValueError(
                "vllm: TRL would add the adapter to a base in four bits for it, and round it away; remove vllm, or "
                "lora.load_in_4bit"
            )
        if self.dtype != "float32":
            raise ValueError(
                "vllm: TRL adds the adapter to the weights for it and takes it off again at each step, and half "
                "precision would round both; set dtype: float32, and mixed_precision: bf16 in accelerate's "
                "configuration"
            )
