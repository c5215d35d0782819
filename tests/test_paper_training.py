"""The recipes of the paper's experiment: valid, of the numbers that are known, and with configurations that load."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from harness.cli import main

ROOT = Path(__file__).resolve().parents[1]
TRAIN = ROOT / "benchmarks" / "paper" / "train"
PAGE = ROOT / "docs" / "how-to" / "train-on-many-gpus.md"
RECIPES = sorted(TRAIN.glob("*.yaml"))
NATIVE = sorted((TRAIN / "native").glob("*.yaml"))
PUBLISHED = {"2b": 2_127_532_032, "8b": 8_767_123_696, "30b": 31_070_754_032}
"""Weights of each model, as its files on the hub count them."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("harness_trl")
    spec = importlib.util.spec_from_file_location("paper_memory", TRAIN / "memory.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_there_is_a_recipe_for_each_arm_and_size() -> None:
    arms = ("mt_rl", "rl_single", "sft_single", "sft_unified")
    assert [path.stem for path in RECIPES] == sorted(f"{arm}_{size}" for arm in arms for size in PUBLISHED)
    for path in RECIPES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 4, "a few lines each"


@pytest.mark.parametrize("recipe", [*RECIPES, *NATIVE], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recipe_is_valid(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("agin", "imagereward"):
        (tmp_path / name).mkdir()
    sets = ["--set", f"vars.data={tmp_path}/agin"] if "single" in recipe.stem else ["--set", f"vars.root={tmp_path}"]
    with pytest.raises(SystemExit) as caught:
        main(["validate", str(recipe), *sets])
    assert caught.value.code == 0, capsys.readouterr().err


def test_what_the_paper_says_is_in_the_recipes() -> None:
    rl, sft = (yaml.safe_load((TRAIN / "parts" / f"{name}.yaml").read_text()) for name in ("grpo", "sft"))
    assert (rl["trainer"]["with"]["group"], rl["trainer"]["with"]["batch"]) == (20, 256)
    assert (sft["trainer"]["with"]["lr"], sft["trainer"]["with"]["batch"]) == (1e-5, 256)
    weights = [reward["weight"] for reward in rl["rewards"]]
    assert sum(weights) == 1, "(1 - alpha) and alpha"
    assert "alpha = 0.1" in (TRAIN / "parts" / "grpo.yaml").read_text(), "and that alpha is a choice"
    for part in (rl, sft):
        assert "patience" in part["trainer"]["with"]["validation"], "it stops where validation no longer rises"


@pytest.mark.parametrize("part", ["grpo", "sft"])
def test_the_native_variant_is_the_same_experiment(part: str) -> None:
    plain, native = (
        yaml.safe_load((TRAIN / "parts" / f"{name}.yaml").read_text()) for name in (part, f"{part}_native")
    )
    assert native.get("rewards") == plain.get("rewards")
    given, other = plain["trainer"]["with"], native["trainer"]["with"]
    for name in set(given) - {"per_device", "dtype", "trl"}:
        assert other[name] == given[name], name
    assert [path.stem for path in NATIVE] == sorted(
        f"{arm}_{size}" for arm in ("mt_rl", "sft_unified") for size in PUBLISHED
    )


def test_no_recipe_trains_on_what_is_a_test_set() -> None:
    tasks = yaml.safe_load((TRAIN / "parts" / "all_tasks.yaml").read_text())["tasks"]
    assert "mtrl/seetrue" not in {entry["use"] for entry in tasks}


@pytest.mark.parametrize("config", sorted((TRAIN / "accelerate").glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_loads_its_configurations(config: Path) -> None:
    pytest.importorskip("accelerate")
    from accelerate.commands.config.config_args import load_config_from_file

    loaded = load_config_from_file(str(config))
    assert loaded.mixed_precision == "bf16"
    assert loaded.num_processes == {"one": 1, "fsdp_16": 16}.get(config.stem, 8)
    assert loaded.num_machines == (2 if config.stem == "fsdp_16" else 1)
    given: dict[str, Any] = yaml.safe_load(config.read_text())
    if "fsdp_config" in given:
        assert loaded.fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"
        from accelerate.utils import FullyShardedDataParallelPlugin

        known = set(FullyShardedDataParallelPlugin.__dataclass_fields__)
        named = {key.removeprefix("fsdp_") for key in loaded.fsdp_config} - {"version"}
        assert named <= known, "its own plugin knows each of them"
    if "deepspeed_config" in given:
        assert loaded.deepspeed_config["zero_stage"] == 3
        assert loaded.deepspeed_config["zero3_save_16bit_model"] is True


@pytest.mark.parametrize("size", sorted(PUBLISHED))
def test_shapes_have_the_published_numbers_of_weights(size: str) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.from_pretrained(TRAIN / "shapes" / f"{size}.json")
    with torch.device("meta"):
        model = transformers.AutoModelForImageTextToText.from_config(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == PUBLISHED[size]


def test_the_table_of_the_page_is_what_the_script_prints(script: ModuleType) -> None:
    page = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- memory-plan -->\n", "\n<!-- /memory-plan -->"
    assert page.partition(begin)[2].partition(end)[0] == script.table()
