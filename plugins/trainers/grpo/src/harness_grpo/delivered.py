"""What a training delivers: a model folder, or an adapter folder beside its base. It is opened again in `reopened`.

Half precision is why an adapter is not simply added to its base. bfloat16 keeps 8 bits of a weight, so that adding an
update below about 1/256 of the weight changes nothing: of an adapter trained with lr 1e-5 for 200 steps most would be
lost. An adapter is therefore kept in float32 beside its base, or added to it in float32.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness_grpo.folders import replace_folder
from harness_grpo.options import CommonOptions
from harness_transformers.adapters import CONFIG, WEIGHTS, base_of, has_base_in_four_bits, is_adapter, merge_adapter
from harness_transformers.four_bits import make_exact, write_four_bits
from harness_transformers.loading import WeightsSource, open_model, open_processor, pin, quietly, source_of
from harness_transformers.options import GenerativeOptions

log = logging.getLogger(__name__)

_BASE = "base"
"""Folder in the checkpoint folder for a start that is an adapter, added to its base."""


def opening_options(model: str, options: CommonOptions, *, device: str, **more: Any) -> GenerativeOptions:
    """Options with which a judge opens a model of a recipe, in the type that it was saved in unless `more` says so."""
    return GenerativeOptions(
        **{
            "model": model,
            "attention": options.attention,
            "trust_remote_code": options.trust_remote_code,
            "device": device,
            "threads": options.threads,
            "max_new_tokens": options.max_new_tokens,
            "system": options.system,
            "chat_template_kwargs": options.chat_template_kwargs,
            "min_pixels": options.min_pixels,
            "max_pixels": options.max_pixels,
            **more,
        }
    )


# -- writing -----------------------------------------------------------------------------------------------------------


def save_adapter(
    model: Any, folder: Path, base: WeightsSource, state: Mapping[str, Any] | None = None, *, four_bits: bool = False
) -> None:
    """Write the adapter that peft injected into a model, as peft saves one.

    Args:
        model: With an adapter `default`.
        folder: Where to.
        base: What the adapter belongs to.
        state: Its weights by the names that the model has for them, where the model does not hold them itself.
        four_bits: Whether that is in four bits.
    """
    import peft
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = peft.get_peft_model_state_dict(model, state_dict=state, adapter_name="default")
    found = {f"base_model.model.{name}": value.detach().cpu().contiguous() for name, value in weights.items()}
    save_file(found, folder / WEIGHTS, metadata={"format": "pt"})
    model.peft_config["default"].save_pretrained(str(folder))
    name_base(folder, base, four_bits=four_bits)


def name_base(folder: Path, base: WeightsSource, *, four_bits: bool = False) -> None:
    """Have the configuration of an adapter say what it belongs to, and write it in one order: peft writes sets."""
    if four_bits:
        write_four_bits(folder)
    path = folder / CONFIG
    known = json.loads(path.read_text(encoding="utf-8"))
    known |= {"base_model_name_or_path": base.location, "revision": base.revision, "inference_mode": True}
    known = {name: sorted(value) if name == "target_modules" else value for name, value in known.items()}
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_merged(adapter: Path, folder: Path, base: WeightsSource, options: CommonOptions, *, who: str) -> None:
    """Write the whole model with an adapter added to it, in float32: in half precision most of it would be lost.

    Of a base in four bits it is what these mean, since the adapter was trained on that.
    """
    import transformers

    wanted = opening_options(base.location, options, device="cpu", dtype="float32")
    # Only a vision-language model has an image processor; the tokenizer of another comes out of the same class.
    processor = open_processor(transformers.AutoProcessor, base, wanted, who)
    sees = hasattr(processor, "image_processor")
    auto = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    with quietly():
        few = has_base_in_four_bits(WeightsSource(str(adapter), None), who)
        model = open_model(auto, base, wanted, who, four_bits=few)
        merged = merge_adapter(make_exact(model) if few else model, WeightsSource(str(adapter), None), who)
        merged.save_pretrained(folder, safe_serialization=True)
    processor.save_pretrained(folder)


# -- what training starts from -----------------------------------------------------------------------------------------


def start_of(model: str, folder: Path, options: CommonOptions, *, who: str) -> WeightsSource:
    """Where the weights come from that a training starts from, pinned.

    An adapter is added to its base first, in float32, and the whole is kept in the checkpoint folder: an adapter that
    is trained on it belongs to that whole model.

    Raises:
        UserError: It cannot be opened.
    """
    source = pin(source_of("model", model, who), who)
    if not is_adapter(source):
        return source
    place = folder / _BASE
    if not place.is_dir():
        log.info("%s starts from an adapter: it is added to its base, in %s", who, place)
        replace_folder(
            place, lambda whole: write_merged(Path(source.location), whole, base_of(source, who), options, who=who)
        )
    return WeightsSource(str(place.absolute()), None)


def forget_start(folder: Path, checkpoint: Path) -> None:
    """Remove the start that `start_of` made, where the trained model is whole and needs it no more."""
    if not (checkpoint / CONFIG).is_file():
        shutil.rmtree(folder / _BASE, ignore_errors=True)
