"""LoRA adapters: what a folder of one is added to, and how it is put on a model without rounding it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness.api.files import read_whole
from harness_transformers import four_bits
from harness_transformers.loading import HUB, WeightsSource, explain_errors, find_file, pin, quietly, source_of

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_MOST_BYTES = 4 << 20
"""Of a configuration: it may name the rank of every module."""


def is_adapter(source: WeightsSource) -> bool:
    """Whether a folder holds an adapter alone, as peft saves one, and no whole model."""
    folder = Path(source.location)
    return source.local and (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_of(source: WeightsSource, who: str) -> WeightsSource:
    """The model that an adapter folder belongs to, pinned.

    Args:
        source: The adapter.
        who: For messages, such as `judge NAME`.

    Raises:
        UserError: The folder names no base, or one that is not there.
    """
    known = read_config(Path(source.location), who)
    base, revision = known.get("base_model_name_or_path"), known.get("revision")
    fix = "give the base as model and this folder as adapter"
    if not isinstance(base, str) or not base:
        raise UserError(f"{who}: model {source}: its {CONFIG} names no base_model_name_or_path; {fix}")
    if not Path(base).is_absolute():
        return pin(source_of("model", f"{HUB}{base}@{revision}" if revision else f"{HUB}{base}", who), who)
    if not Path(base, "config.json").is_file():
        raise UserError(f"{who}: model {source}: is an adapter for {base}, which is no model folder here; {fix}")
    return source_of("model", base, who)


def has_base_in_four_bits(source: WeightsSource, who: str) -> bool:
    """Whether an adapter was trained on a base in four bits, as its folder says.

    Raises:
        UserError: It says that the base is rounded in another way.
    """
    return four_bits.read_four_bits(find_file(source, four_bits.CONFIG), who)


def read_config(folder: Path, who: str) -> dict[str, Any]:
    """The configuration of an adapter.

    Raises:
        UserError: It cannot be read, or would run code.
    """
    try:
        known = json.loads(read_whole(folder / CONFIG, most=_MOST_BYTES))
        if not isinstance(known, dict):
            raise ValueError("no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{who}: adapter: {folder / CONFIG}: cannot be read ({error}); save it again") from error
    # peft imports the module that this names.
    if known.get("megatron_config"):
        raise UserError(f"{who}: adapter: {folder}: has a megatron_config, which names code to import")
    return known


def add_adapter(model: Any, source: WeightsSource, who: str) -> None:
    """Put an adapter on a model, in the precision that it was trained in.

    Raises:
        UserError: peft is missing, or the adapter is not in safetensors or does not fit.
    """
    _put_on(model, source, who).eval().requires_grad_(False)


def merge_adapter(model: Any, source: WeightsSource, who: str) -> Any:
    """The model with an adapter added to its weights, which should be float32: half precision rounds most of it away.

    Raises:
        UserError: As `add_adapter`.
    """
    with quietly():
        return _put_on(model, source, who).merge_and_unload()


def _put_on(model: Any, source: WeightsSource, who: str) -> Any:
    try:
        import peft
        from peft.tuners.tuners_utils import BaseTunerLayer
    except ImportError as error:
        raise UserError(f"{who}: adapter: needs peft; pip install 'judge-harness-transformers[peft]'") from error
    with explain_errors(f"{who}: adapter {source}"), quietly():
        folder = Path(source.location) if source.local else _download(source)
        if not (folder / WEIGHTS).is_file():
            raise UserError(
                f"{who}: adapter: {source.location} holds no {WEIGHTS}; pickled adapters are "
                "not opened: save it again with safe_serialization=True"
            )
        read_config(folder, who)
        with warnings.catch_warnings():
            # peft would go on with random numbers in their place.
            warnings.filterwarnings("error", message=".*missing adapter keys")
            # transformers' own load_adapter rounds an adapter to the type of the model; peft keeps float32.
            adapted = peft.PeftModel.from_pretrained(model, str(folder))
        if not any(isinstance(module, BaseTunerLayer) for module in model.modules()):
            raise UserError(
                f"{who}: adapter: {source}: changes no layer of the model; only LoRA and its kin are opened"
            )
    return adapted


def _download(source: WeightsSource) -> Path:
    """A folder with what is data in a repository of the hub. Pickles and code are not even fetched."""
    import huggingface_hub

    return Path(
        huggingface_hub.snapshot_download(
            source.location, revision=source.revision, allow_patterns=["*.json", "*.safetensors"]
        )
    )
