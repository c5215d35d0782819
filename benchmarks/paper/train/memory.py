"""The memory plan of the recipes of this folder on 1, 8 and 16 GPUs, as a table for the documentation.

    python benchmarks/paper/train/memory.py

It needs no weights and no network: `shapes/` has what the configurations of the models say of their sizes. A prompt is
taken to have one picture of 1,048,576 pixels (1,024 tokens) and 256 tokens of text, and a label 8 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness_grpo.memory.native import plan_for as plan_native
from harness_grpo.memory.plan import peak
from harness_grpo.memory.prompts import Lengths
from harness_grpo.memory.shape import Shape, shape_of
from harness_grpo.options import GrpoOptions, SftOptions, TrainerOptions
from harness_trl.memory import plan_for
from harness_trl.options import TrlGrpoOptions, TrlOptions, TrlSftOptions

HERE = Path(__file__).parent
RECIPES = ("sft_unified", "mt_rl")  # those of one task need the same
SIZES = ("2b", "8b", "30b")
DEVICES = (1, 8, 16)
# A patch of Qwen3-VL is 3 x 2 x 16 x 16 numbers of float32.
LENGTHS = Lengths(prompt=1280, target=8, patches=4096, picture_bytes=4096 * 1536 * 4, looked_at=0)


def options_of(recipe: str) -> TrlOptions:
    """The options of a recipe's trainer: those of the part that it extends. They do not depend on the size."""
    import yaml

    part, kind = ("sft", TrlSftOptions) if recipe.startswith("sft") else ("grpo", TrlGrpoOptions)
    given = yaml.safe_load((HERE / "parts" / f"{part}.yaml").read_text(encoding="utf-8"))
    options: TrlOptions = kind.model_validate(given["trainer"]["with"])
    return options


def native_options_of(recipe: str) -> TrainerOptions:
    """The same of the recipes in `native/`."""
    import yaml

    part, kind = ("sft", SftOptions) if recipe.startswith("sft") else ("grpo", GrpoOptions)
    given = yaml.safe_load((HERE / "parts" / f"{part}_native.yaml").read_text(encoding="utf-8"))
    options: TrainerOptions = kind.model_validate(given["trainer"]["with"])
    return options


def rows() -> list[Sequence[str]]:
    """Recipe, and GB of the fullest device for each number of devices."""
    import transformers

    found: list[Sequence[str]] = []
    for size in SIZES:
        config = transformers.AutoConfig.from_pretrained(HERE / "shapes" / f"{size}.json")
        for recipe in RECIPES:
            options = options_of(recipe)
            shape = shape_of(config, options, name=recipe)
            name = f"`{recipe}_{size}`"
            found.append((name, *_sizes(shape, options)))
            if isinstance(options, TrlGrpoOptions):
                by_server = options.model_copy(update={"vllm": {"mode": "server"}})
                found.append((f"{name}, answers by a vLLM server", *_sizes(shape, by_server)))
            native = native_options_of(recipe)
            plans = [
                plan_native(shape, native, LENGTHS, devices=devices, validated=5 * native.validation.limit)
                for devices in DEVICES
            ]
            found.append((f"`native/{recipe}_{size}`", *(f"{peak(plan) / 1e9:,.0f}" for plan in plans)))
    return found


def _sizes(shape: Shape, options: TrlOptions) -> list[str]:
    plans = [plan_for(shape, options, LENGTHS, devices=devices, validates=True) for devices in DEVICES]
    return [f"{peak(plan) / 1e9:,.0f}" for plan in plans]


def table() -> str:
    """The table in Markdown."""
    head = ("GB on the fullest device", *(f"{devices} GPU{'s' * (devices > 1)}" for devices in DEVICES))
    lines = [head, ("---", *["---:"] * len(DEVICES)), *rows()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    print(table())  # noqa: T201
