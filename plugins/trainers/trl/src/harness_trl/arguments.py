"""From options to the arguments of TRL's configurations, in TRL's own names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.api import HarnessError, Training, UserError, read_launch
from harness_transformers.four_bits import four_bit_arguments, import_bitsandbytes
from harness_transformers.loading import WeightsSource, device_of
from harness_trl.options import TrlGrpoOptions, TrlOptions, TrlSftOptions

# "constant" in transformers ignores the warm-up.
_SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}
_LOSSES = {"gspo": "grpo"}
"""TRL's name of an objective, where it has another: GSPO is its `grpo` over ratios of whole answers."""
_OURS = {
    "output_dir": "TRL's files are kept in the checkpoint folder",
    "seed": "set the recipe's seed",
    "learning_rate": "set lr",
    "lr_scheduler_type": "set schedule",
    "warmup_steps": "set warmup",
    "weight_decay": "set weight_decay beside trl",
    "max_grad_norm": "set max_grad_norm beside trl",
    "temperature": "set temperature beside trl",
    "gradient_checkpointing": "set gradient_checkpointing beside trl",
    "trust_remote_code": "set trust_remote_code beside trl",
    "chat_template_kwargs": "set chat_template_kwargs beside trl",
    "max_steps": "set steps",
    "num_train_epochs": "set steps",
    "num_generations": "set group",
    "max_completion_length": "set max_new_tokens",
    "num_iterations": "set updates",
    "loss_type": "set objective",
    "importance_sampling_level": "set objective: gspo for ratios of whole answers",
    "epsilon": "set clip_low",
    "epsilon_high": "set clip_high",
    "delta": "set dual_clip",
    "beta": "set kl_weight",
    "scale_rewards": "set advantage",
    "mask_truncated_completions": "set mask_truncated",
    "per_device_train_batch_size": "set per_device",
    "gradient_accumulation_steps": "it follows from batch and per_device",
    "generation_batch_size": "it follows from batch",
    "steps_per_generation": "it follows from batch and per_device",
    "save_steps": "set save_every",
    "save_strategy": "set save_every",
    "save_total_limit": "set save_total_limit beside trl",
    "use_cpu": "set device: cpu",
    "remove_unused_columns": "rows hold what is needed and nothing else",
    "reward_weights": "set the weights of the recipe's rewards",
    "multi_objective_aggregation": "TRL sees one sum of rewards for each task",
    "use_vllm": "set vllm",
    "max_length": "examples that are too long are left out, never cut off",
    "auto_find_batch_size": "set per_device",
    "resume_from_checkpoint": "give the same command again",
}
"""Arguments that are set here, and what sets them."""


def grpo_arguments(training: Training, options: TrlGrpoOptions, source: WeightsSource) -> dict[str, Any]:
    """Arguments of `GRPOConfig`.

    Raises:
        UserError: Batches do not split over the devices, or `trl` or `vllm` names what TRL does not know.
    """
    arguments = _common(training, options, source, updates=options.updates, rows=options.batch * options.group)
    arguments |= {
        "num_generations": options.group,
        "max_completion_length": options.max_new_tokens,
        "temperature": options.temperature,
        "num_iterations": options.updates,
        "loss_type": _LOSSES.get(options.objective, options.objective),
        "importance_sampling_level": "sequence" if options.objective == "gspo" else "token",
        "scale_rewards": options.advantage,
        "epsilon": options.clip_low,
        # TRL's cap of CISPO is the ratio itself, and ours is how far it lies above 1.
        "epsilon_high": options.clip_high + (1 if options.objective == "cispo" else 0),
        "delta": options.dual_clip,
        "beta": options.kl_weight,
        "use_bias_correction_kl": False,  # TRL's default is True, and then betas do not compare with papers
        "mask_truncated_completions": options.mask_truncated,
        "chat_template_kwargs": dict(options.chat_template_kwargs),
        "log_multimodal": False,  # it would write all pictures of a batch into the log
        **_vllm(training.name, options),
    }
    return _with_further(arguments, options.trl, "GRPOConfig", training.name)


def sft_arguments(training: Training, options: TrlSftOptions, source: WeightsSource) -> dict[str, Any]:
    """Arguments of `SFTConfig`.

    Raises:
        UserError: Batches do not split over the devices, or `trl` names what TRL does not know.
    """
    arguments = _common(training, options, source, updates=1, rows=options.batch)
    own = {"max_length": None, "completion_only_loss": True}
    return _with_further({**arguments, **own}, options.trl, "SFTConfig", training.name)


def _common(
    training: Training, options: TrlOptions, source: WeightsSource, *, updates: int, rows: int
) -> dict[str, Any]:
    per_device, accumulated = _split(training.name, options, rows)
    opened: dict[str, Any] = {"dtype": options.dtype, "attn_implementation": options.attention, "use_safetensors": True}
    if options.lora is not None and options.lora.load_in_4bit:
        device = device_of(options.device)
        opened["quantization_config"] = four_bit_arguments(device, None, f"recipe {training.name}")[
            "quantization_config"
        ]
    return {
        "output_dir": str(state_folder(training)),
        "seed": training.seed % 2**32,  # NumPy takes no larger seed
        # A step of ours is a batch of answers; TRL counts optimizer steps.
        "max_steps": options.steps * updates,
        "learning_rate": options.lr,
        "lr_scheduler_type": _SCHEDULES[options.schedule],
        "warmup_steps": options.warmup * updates,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        **_optimizer(training.name, options),
        "per_device_train_batch_size": per_device,
        "gradient_accumulation_steps": accumulated,
        "gradient_checkpointing": options.gradient_checkpointing,
        "router_aux_loss_coef": 0.0,  # TRL would add a loss of its own for experts; `trl` can switch it on
        "bf16": False,  # TRL's default is mixed precision; here `dtype` decides
        "use_cpu": options.device == "cpu",
        "trust_remote_code": options.trust_remote_code,
        "model_init_kwargs": {**opened, **source.keywords, "device_map": None},
        "logging_steps": updates,
        "logging_nan_inf_filter": False,  # `watch` must see a loss that is not finite
        "save_strategy": "steps",
        "save_steps": options.save_every * updates,
        "save_total_limit": 1,
        "remove_unused_columns": False,  # reward functions need `task` and `row`
        "report_to": "none",
        "disable_tqdm": True,
    }


def _optimizer(name: str, options: TrlOptions) -> dict[str, str]:
    """What transformers calls the optimizer, where it is not the one that it takes by itself."""
    if options.optimizer == "adamw":
        return {}
    if "optim" in options.trl:
        raise UserError(f"recipe {name}: trl.optim: optimizer is set as well; remove one of them")
    import_bitsandbytes(f"recipe {name}: optimizer: {options.optimizer}", device_of(options.device))
    return {"optim": options.optimizer}


def state_folder(training: Training) -> Path:
    """The folder of TRL's files during training."""
    return training.folder / "trl"


def devices() -> int:
    """Processes that train together, one for each device, as the launcher says."""
    return read_launch().processes


def _split(name: str, options: TrlOptions, rows: int) -> tuple[int, int]:
    """Rows of a pass on each device, and passes in a step."""
    world = devices()
    per_device = min(options.per_device, max(1, rows // world))
    if rows % (per_device * world):
        factors = f"batch {options.batch}"
        if isinstance(options, TrlGrpoOptions):
            factors += f" x group {options.group}"
        raise UserError(
            f"recipe {name}: the {rows} rows of a step ({factors}) do not split over {world} device(s) with "
            f"{per_device} rows in a pass each; change batch or per_device"
        )
    return per_device, rows // (per_device * world)


def _vllm(name: str, options: TrlGrpoOptions) -> dict[str, Any]:
    if options.vllm is None:
        return {}
    if find_spec("vllm") is None:
        raise UserError(
            f"recipe {name}: vllm: is not installed; see the how-to about training on many GPUs for versions that go "
            "together, or remove vllm"
        )
    known = {
        argument.removeprefix("vllm_") for argument in argument_names("GRPOConfig") if argument.startswith("vllm_")
    }
    for key in options.vllm:
        if key not in known:
            raise UserError(f"recipe {name}: vllm.{key}: TRL has no such argument{_nearest(key, known)}")
    return {"use_vllm": True, **{f"vllm_{key}": value for key, value in options.vllm.items()}}


def argument_names(config: str) -> frozenset[str]:
    """Names of the arguments of a configuration of TRL."""
    import trl

    return frozenset(entry.name for entry in fields(getattr(trl, config)) if entry.init)


def _with_further(arguments: dict[str, Any], further: Mapping[str, Any], config: str, name: str) -> dict[str, Any]:
    """The arguments with those that a recipe gives by TRL's names."""
    known = argument_names(config)
    for key in further:
        if key not in known:
            raise UserError(f"recipe {name}: trl.{key}: {config} has no such argument{_nearest(key, known)}")
        if key in _OURS and not (config == "SFTConfig" and key == "loss_type"):
            raise UserError(f"recipe {name}: trl.{key}: {_OURS[key]}; remove it from trl")
    # Merged one level deeper: a recipe that adds one argument must not lose ours.
    opened = {**arguments["model_init_kwargs"], **(further.get("model_init_kwargs") or {})}
    return {**arguments, **further, "model_init_kwargs": opened}


def _nearest(key: str, known: frozenset[str] | set[str]) -> str:
    close = get_close_matches(key, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else "; see TRL's documentation for what there is"


@contextmanager
def explain_errors(name: str) -> Iterator[None]:
    """Turn what TRL raises about its arguments into an error that names the recipe.

    Raises:
        UserError: TRL refused something.
    """
    try:
        yield
    except HarnessError:
        raise
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise UserError(f"recipe {name}: TRL refuses it ({error}); change the option that it names") from error
