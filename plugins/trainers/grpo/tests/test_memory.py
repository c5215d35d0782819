"""The memory plan: its counts against what autograd and a cache keep, and its peak against that of a process."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.testing import FakeContext
from harness_grpo.grpo import GrpoTrainer
from harness_grpo.memory.formulas import Precision, block_bytes, cache_bytes, tower_bytes
from harness_grpo.memory.native import plan_memory
from harness_grpo.memory.plan import peak
from harness_grpo.memory.shape import Tower, shape_of
from harness_grpo.options import GrpoOptions, LoraOptions, SftOptions, TrainerOptions, ValidationOptions
from harness_grpo.policy import Policy
from harness_transformers.four_bits import count_numbers
from harness_transformers.testing import TinyShape, make_tiny_llava

from .conftest import Curves, grpo, pairs, points, rewarded, sft, training
from .test_adapters import EXPERTS, paper, wordiness

__all__ = ["paper"]

TOKENS = 256
PLAIN, CASTS = Precision(weights=4, compute=4), Precision(weights=4, compute=2)


def kept_by(model: Any, inputs: dict[str, Any], *, casts: bool) -> int:
    """Bytes that autograd keeps for the backward pass, weights and their copies aside."""
    matrices = [module.weight for module in model.modules() if isinstance(module, torch.nn.Linear)]
    routers = [parameter for name, parameter in model.named_parameters() if name.endswith("gate.weight")]
    shapes = {tuple(parameter.shape) for parameter in (*matrices, *routers)}
    shapes |= {shape[::-1] for shape in shapes}
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    seen: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in own and tuple(tensor.shape) not in shapes:
            seen[place] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=casts),
    ):
        model(**inputs)
    return sum(seen.values())


def language(family: str, layers: int) -> tuple[Any, Tower]:
    import transformers

    sizes: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 160,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
    }
    sizes |= {"num_key_value_heads": 2, "intermediate_size": 336}
    if family == "Qwen3Moe":
        sizes |= {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 112}
    if family != "Llama":
        sizes |= {"head_dim": 40}
    config = getattr(transformers, f"{family}Config")(**sizes)
    tower = Tower(
        layers=layers,
        width=160,
        heads=160,
        keys=80,
        inner=112 if family == "Qwen3Moe" else 336,
        routed=2 if family == "Qwen3Moe" else 0,
        norms_heads=family != "Llama",
    )
    return getattr(transformers, f"{family}ForCausalLM")(config).model, tower


@pytest.mark.parametrize("casts", [False, True], ids=["float32", "autocast"])
@pytest.mark.parametrize("family", ["Llama", "Qwen3", "Qwen3Moe"])
def test_activations_of_a_block_are_what_autograd_keeps(family: str, casts: bool) -> None:
    mask = torch.zeros(1, 1, TOKENS, TOKENS, dtype=torch.bfloat16 if casts else torch.float32)
    inputs = {"input_ids": torch.zeros(1, TOKENS, dtype=torch.long), "attention_mask": mask}
    few, many = (kept_by(language(family, layers)[0], inputs, casts=casts) for layers in (1, 3))
    expected = TOKENS * block_bytes(language(family, 1)[1], CASTS if casts else PLAIN)
    assert (many - few) / 2 == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("casts", [False, True], ids=["float32", "autocast"])
def test_activations_of_a_vision_tower_are_what_autograd_keeps(casts: bool) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    def made(layers: int) -> Any:
        sizes = {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 4, "image_size": 128}
        return CLIPVisionModel(CLIPVisionConfig(**sizes, num_hidden_layers=layers, patch_size=8))

    inputs = {"pixel_values": torch.zeros(1, 3, 128, 128)}
    few, many = (kept_by(made(layers), inputs, casts=casts) for layers in (1, 3))
    tower = Tower(layers=1, width=128, heads=128, keys=128, inner=512, gated=False)
    assert (many - few) / 2 == pytest.approx(257 * block_bytes(tower, CASTS if casts else PLAIN), rel=0.03)


@pytest.mark.parametrize(
    ("family", "casts", "least", "most"),
    [
        ("qwen2_5_vl", False, 0.88, 1),
        ("qwen2_5_vl", True, 1, 1.04),
        ("qwen3_vl", False, 1, 1.06),
        ("qwen3_vl", True, 1, 1.3),
    ],
)
def test_activations_of_qwens_vision_towers_are_planned(family: str, casts: bool, least: float, most: float) -> None:
    """They differ from CLIP's: Qwen2.5-VL has gates and windows, and Qwen3-VL keeps less in half precision."""
    import transformers

    made = {
        "qwen2_5_vl": (transformers.Qwen2_5_VLForConditionalGeneration, transformers.Qwen2_5_VLConfig, {}),
        "qwen3_vl": (
            transformers.Qwen3VLForConditionalGeneration,
            transformers.Qwen3VLConfig,
            {"num_position_embeddings": 256, "deepstack_visual_indexes": []},
        ),
    }
    model, config, own = made[family]
    text = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 2}
    tokens = {"image_token_id": 1, "video_token_id": 2, "vision_start_token_id": 3, "vision_end_token_id": 4}

    def of(layers: int) -> Any:
        vision = {"depth": layers, "hidden_size": 128, "intermediate_size": 512, "num_heads": 4, "out_hidden_size": 32}
        return config(text_config=text, vision_config={**vision, **own}, **tokens)

    patch = of(1).vision_config.patch_size
    inputs = {"hidden_states": torch.randn(256, 6 * patch**2), "grid_thw": torch.tensor([[1, 16, 16]])}
    few, many = (kept_by(model(of(layers)).model.visual, inputs, casts=casts) for layers in (1, 3))
    tower = shape_of(of(1), GrpoOptions(), name="recipe").vision
    assert tower is not None
    planned = 256 * block_bytes(tower, CASTS if casts else PLAIN)
    assert least < planned / ((many - few) / 2) < most


def test_keys_and_values_are_those_of_a_cache() -> None:
    model, tower = language("Qwen3", 3)
    with torch.no_grad():
        cache = model(input_ids=torch.zeros(2, 30, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert cache_bytes(tower, PLAIN, 60) == held


def test_checkpointing_keeps_the_inputs_of_blocks_and_one_block() -> None:
    _, tower = language("Llama", 3)
    each = block_bytes(tower, PLAIN)
    assert tower_bytes(tower, PLAIN, 10, recomputes=False) == 3 * 10 * each
    assert tower_bytes(tower, PLAIN, 10, recomputes=True) == 10 * (each + 3 * 160 * 4)


# -- the model of the paper --------------------------------------------------------------------------------------------


def test_the_shape_of_the_papers_model(paper: Any) -> None:
    options = GrpoOptions(lora=LoraOptions(parameters=EXPERTS), freeze=["visual"])
    shape = shape_of(paper.config, options, name="recipe")
    assert shape.weights == 31_070_754_032
    assert shape.text == Tower(
        layers=48, width=2048, heads=4096, keys=512, inner=768, routed=8, gated=True, norms_heads=True
    )
    assert shape.vision == Tower(layers=27, width=1152, heads=1152, keys=1152, inner=4304, gated=False)
    assert shape.stack == 128 * 3 * 768 * 2048
    assert not shape.sees
    assert shape.trained < shape.adapter
    assert "experts (93.3 % of the weights): 96, all" in shape.said
    whole = shape_of(paper.config, GrpoOptions(), name="recipe")
    assert whole.trained == whole.weights
    assert whole.sees
    assert whole.largest == 128 * 3 * 768 * 2048 + 2048 * 128 + 2 * 2048 * 4096 + 2 * 2048 * 512 + 2 * 128 + 2 * 2048


# -- whole plans -------------------------------------------------------------------------------------------------------


def planned(tiny: Path, folder: Path, options: TrainerOptions, **fields: Any) -> dict[str, dict[str, int]]:
    tasks = fields.pop("tasks", None) or [points("red", 8, validation=None)]
    return plan_memory(training(folder, tiny, tasks=tasks), options, devices=fields.pop("devices", 1))


def test_devices_share_the_work_and_where_sharded_the_weights_of_the_language_model(tiny: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_new_tokens": 64, "batch": 16, "group": 4}
    alone = planned(tiny, tmp_path, GrpoOptions(**options))
    four = planned(tiny, tmp_path, GrpoOptions(**options), devices=4)
    assert four["always"] == alone["always"]
    assert four["host"] == alone["host"], "each process prepares the pictures of the whole step"
    assert four["writing"]["keys and values"] * 3 < alone["writing"]["keys and values"]
    assert four["learning"]["activations"] < alone["learning"]["activations"]
    assert planned(tiny, tmp_path, GrpoOptions(**options, shard=True)) == alone, "nothing to shard"
    spread = planned(tiny, tmp_path, GrpoOptions(**options, shard=True), devices=4)
    from transformers import AutoConfig

    shape = shape_of(AutoConfig.from_pretrained(tiny), GrpoOptions(), name="recipe")
    assert 0 < shape.apart == shape.apart_trained < shape.weights / 2
    assert spread["always"]["weights"] == 4 * (shape.apart + -(-(shape.weights - shape.apart) // 4))
    assert spread["always"]["optimizer"] == 2 * spread["always"]["weights"]
    assert spread["learning"]["gradients"] == spread["always"]["weights"]
    assert spread["learning"]["weights that are gathered"] == 2 * 4 * shape.largest
    assert spread["validating"]["saved weights, opened again"] == 4 * shape.weights, "one device opens all"
    half = planned(tiny, tmp_path, GrpoOptions(**options, shard=True, dtype="bfloat16"), devices=4)
    assert half["validating"]["saved weights, opened again"] == 2 * shape.weights
    assert "rounded weights" not in half["learning"]


def test_parts_of_a_plan_follow_the_options(tiny: Path, tmp_path: Path) -> None:
    plain = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64))
    always = plain["always"]
    assert always["optimizer"] == 2 * always["weights"]
    assert plain["learning"]["gradients"] == always["weights"]
    assert list(plain) == ["always", "writing", "learning", "validating", "host"]
    assert plain["validating"]["saved weights, opened again"] == always["weights"]
    elsewhere = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64, validation=ValidationOptions(device="cuda")))
    assert "validating" not in elsewhere
    kl = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64, kl_weight=0.1))
    assert kl["always"]["reference model"] == always["weights"]
    half = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64, dtype="bfloat16"))
    assert half["always"] == always, "weights stay in float32"
    assert 2 * half["learning"]["rounded weights"] == always["weights"]
    assert half["learning"]["activations"] < plain["learning"]["activations"]
    lora = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64, kl_weight=0.1, lora=LoraOptions(rank=2)))
    assert "reference model" not in lora["always"], "an adapter is switched off"
    assert lora["always"]["optimizer"] == 2 * lora["always"]["adapter"] == 2 * lora["learning"]["gradients"]
    parts = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64, answers_per_pass=2))
    assert parts["learning"]["activations"] < plain["learning"]["activations"] / 5
    pair = planned(tiny, tmp_path, GrpoOptions(max_new_tokens=64), tasks=[pairs("pair", 3)])
    assert pair["host"]["pictures of a step"] == 2 * plain["host"]["pictures of a step"]


def test_a_base_in_four_bits_takes_a_quarter_where_it_is_rounded(paper: Any, tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    whole = training(tmp_path, tiny, tasks=[points("red", 4)])
    plans = {
        few: plan_memory(whole, SftOptions(lora=LoraOptions(rank=2, load_in_4bit=few)), devices=1)
        for few in (False, True)
    }
    options = SftOptions(lora=LoraOptions(rank=2, load_in_4bit=True))
    model = Policy(str(tiny), options, name="recipe", seed=0).model
    packed: list[Any] = [weight for weight in model.parameters() if hasattr(weight, "quant_state")]
    numbers = sum(count_numbers(weight) for weight in packed)
    held = sum(
        weight.numel() + weight.quant_state.absmax.nbytes + weight.quant_state.state2.absmax.nbytes for weight in packed
    )
    saved = plans[False]["always"]["weights"] - plans[True]["always"]["weights"]
    # Of so small layers the scales are a little more than of large ones.
    assert saved == pytest.approx(4 * numbers - held, rel=0.01)
    assert (
        plans[True]["validating"]["saved weights, opened again"]
        < plans[False]["validating"]["saved weights, opened again"]
    )
    # Of the paper's model the experts are no linear layers: only a few percent of it are in four bits.
    shape = shape_of(paper.config, options, name="recipe")
    assert 0.04 < shape.rounded / shape.weights < 0.08


def test_sft_writes_in_validation_alone(tiny: Path, tmp_path: Path) -> None:
    bare = planned(tiny, tmp_path, SftOptions())
    assert list(bare) == ["always", "learning", "validating", "host"]
    assert list(bare["validating"]) == ["saved weights, opened again"], "what was saved is compared in any case"
    validated = planned(tiny, tmp_path, SftOptions(), tasks=[points("red", 8)])
    assert validated["validating"]["keys and values"] > 0


def test_no_weights_are_needed(tiny: Path, tmp_path: Path) -> None:
    import shutil

    bare = shutil.copytree(tiny, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    trainer = GrpoTrainer(GrpoOptions(max_new_tokens=64), FakeContext(workspace=tmp_path))
    recipe = training(tmp_path / "t", bare, tasks=[points("red", 8, validation=None)])
    assert trainer.plan_memory(recipe, devices=1) == planned(tiny, tmp_path / "u", GrpoOptions(max_new_tokens=64))


CASES: dict[str, tuple[type[TrainerOptions], dict[str, Any]]] = {
    "sft": (SftOptions, {"steps": 2, "batch": 4, "groups": 2, "max_new_tokens": 24}),
    "grpo": (GrpoOptions, {"steps": 2, "batch": 4, "group": 4, "groups": 2, "max_new_tokens": 24}),
    "adapter": (
        GrpoOptions,
        {"steps": 1, "batch": 4, "group": 4, "max_new_tokens": 24, "lora": LoraOptions(rank=4)},
    ),
}
LARGE = TinyShape(hidden=512, heads=8, layers=8, vision_layers=4, image_size=64)


def status(key: str) -> int:
    """Bytes of this process, as Linux counts them."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def measure(case: str, folder: Path) -> None:
    """Write bytes by which a training raises the peak of this process, and those planned."""
    kind, options = CASES[case]
    train = sft if kind is SftOptions else grpo

    def recipe(name: str, model: str) -> Any:
        tasks = [points("red", 8, validation=None)]
        own = folder / case / name
        return training(own, folder / model, tasks=tasks, rewards=rewarded(wordiness), curves=Curves())

    more = {} if kind is SftOptions else {"mask_truncated": False}
    train(recipe("first", "small"), **options, **more)  # loads libraries
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins again from here
    before = status("VmRSS")
    train(recipe("second", "large"), **options, **more)
    grown = status("VmHWM") - before
    plan = peak(plan_memory(recipe("third", "large"), kind(**options), devices=1))
    (folder / case / "measured").write_text(f"{grown} {plan}", encoding="utf-8")


def measure_all(folder: Path) -> None:
    """Measure each case in a process of its own, forked from this one. Libraries take seconds to load: once is enough.

    Nothing is trained here, so that each begins with the same memory.
    """
    make_tiny_llava(folder / "small", shape=TinyShape(hidden=32, heads=2))
    make_tiny_llava(folder / "large", shape=LARGE)
    for case in CASES:
        forked = multiprocessing.get_context("fork").Process(target=measure, args=(case, folder))
        forked.start()
        forked.join()
        if forked.exitcode:
            sys.exit(f"{case}: exit code {forked.exitcode}")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `measure` wrote of each case."""
    script = (
        "import sys, types; from pathlib import Path\n"
        "here = Path(sys.argv[1]); package = types.ModuleType('kit'); package.__path__ = [str(here)]\n"
        "sys.modules['kit'] = package\n"
        "from kit.test_memory import measure_all\n"
        "measure_all(Path(sys.argv[2]))\n"
    )
    # The allocator is told to give back what is freed: what it would keep is in no plan.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    arguments = [sys.executable, "-c", script, str(Path(__file__).parent), str(folder := tmp_path_factory.mktemp("m"))]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak can be reset on Linux alone")
@pytest.mark.parametrize("case", CASES)
def test_the_peak_of_a_process_is_as_planned(case: str, measured: Path) -> None:
    """Within 15 %."""
    grown, expected = map(int, (measured / case / "measured").read_text(encoding="utf-8").split())
    assert grown > 300e6, "most of it is the training"
    assert expected == pytest.approx(grown, rel=0.15)
