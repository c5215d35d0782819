"""Bases in four bits, under an adapter that was trained so (QLoRA, arXiv 2305.14314). bitsandbytes keeps them.

An adapter folder says of its base that it was in four bits, and a judge opens it in the same way: an adapter corrects
the rounding of its base as well, and on the exact weights it is another model.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness.api.files import read_whole, write_whole

CONFIG = "quantization_config.json"
"""Beside an adapter: how its base is rounded, in the words of transformers."""
_NF4 = {
    "quant_method": "bitsandbytes",
    "load_in_4bit": True,
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": True,
}
_MOST_BYTES = 1 << 16


def write_four_bits(folder: Path) -> None:
    """Have an adapter folder say that its base is in four bits."""
    write_whole(folder / CONFIG, json.dumps(_NF4, indent=2, sort_keys=True) + "\n")


def read_four_bits(path: Path | None, who: str) -> bool:
    """Whether an adapter folder says that its base is in four bits.

    Args:
        path: Of its file, where there may be one.
        who: For messages, such as `judge NAME`.

    Raises:
        UserError: It says something else.
    """
    if path is None or not path.is_file():
        return False
    try:
        known = json.loads(read_whole(path, most=_MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{who}: adapter: {path}: cannot be read ({error}); save it again") from error
    if known != _NF4:
        raise UserError(
            f"{who}: adapter: {path}: asks for a base that is rounded in another way than {json.dumps(_NF4)}; merge it "
            "where it was trained, and give the whole model"
        )
    return True


def four_bit_arguments(device: str, device_map: str | None, who: str) -> dict[str, Any]:
    """Arguments of `from_pretrained` for a base in four bits: NF4, its scales rounded as well.

    Args:
        device: Where it is to be.
        device_map: Of accelerate, where one is asked for.
        who: For messages.

    Raises:
        UserError: bitsandbytes or accelerate is not installed, or does not run on the device.
    """
    import_bitsandbytes(f"{who}: a base in four bits", device)
    import transformers

    chosen = {name: value for name, value in _NF4.items() if name != "quant_method"}
    # It is rounded as it is read and cannot be moved afterwards in all versions.
    return {
        "quantization_config": transformers.BitsAndBytesConfig(**chosen),
        "device_map": device_map or {"": device},
    }


def import_bitsandbytes(what: str, device: str) -> Any:
    """The module bitsandbytes, without code from the hub.

    Args:
        what: Needs it, for messages.
        device: What it is to run on.

    Raises:
        UserError: It, or accelerate, is not installed, or it does not run on the device.
    """
    for name in ("bitsandbytes", "accelerate"):
        if find_spec(name) is None:
            raise UserError(f"{what} needs {name}; pip install 'judge-harness-transformers[bitsandbytes]'")
    if device == "mps":  # there it fetches compiled code from the hub when it is first used
        raise UserError(f"{what}: bitsandbytes is not used on mps; take device: cpu, or a GPU")
    with _without_kernels():
        try:
            return importlib.import_module("bitsandbytes")
        except Exception as error:  # a library of another CUDA fails in many ways
            raise UserError(f"{what}: bitsandbytes cannot be imported ({error}); install it for your torch") from error


def compute_in_own_type(model: Any) -> None:
    """Have the layers in four bits compute in the type of the other weights, and answer as they learn."""
    bitsandbytes: Any = importlib.import_module("bitsandbytes")
    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.compute_dtype = model.dtype
            # On some CPUs it would pack weights in another way to answer, and round their scales to bfloat16.
            module.support_avx512bf16_for_cpu = False


def count_numbers(parameter: Any) -> int:
    """Numbers of a parameter. Two numbers in four bits share a byte."""
    import math

    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel() if state is None else math.prod(state.shape))


def make_exact(model: Any) -> Any:
    """The model with what its four bits mean, as plain weights."""
    plain = model.dequantize()
    # peft and `save_pretrained` go by these.
    for name in ("is_loaded_in_4bit", "is_quantized", "quantization_method"):
        if hasattr(plain, name):
            delattr(plain, name)
    if hasattr(plain.config, "quantization_config"):
        del plain.config.quantization_config
    return plain


@contextmanager
def _without_kernels() -> Iterator[None]:
    """While the block runs the package `kernels` is not found: on some CPUs bitsandbytes takes compiled code by it."""
    known = "kernels" in sys.modules
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    level = log.level
    if "bitsandbytes" not in sys.modules and not known:
        sys.modules["kernels"] = None  # type: ignore[assignment]
        log.setLevel(logging.ERROR)  # it would warn that there are none
    try:
        yield
    finally:
        log.setLevel(level)
        if not known:
            sys.modules.pop("kernels", None)
