from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.api import Example, Status, UserError
from harness.discovery import Plugins
from harness.testing import FakeContext
from harness_miniature_judges import shipped
from harness_miniature_judges.reading import train_reading
from harness_miniature_judges.shipped import ShippedOptions, SingleOptions, assemble, read_record, write_weights
from harness_miniature_judges.trainer import ShippedOptions as TrainerOptions

JUDGES = {
    "off-the-shelf": (shipped.OFF_THE_SHELF, ShippedOptions()),
    "sft-single-alignment-digit": (shipped.SFT_SINGLE, SingleOptions(task="alignment-digit")),
    "sft-single-safety": (shipped.SFT_SINGLE, SingleOptions(task="safety")),
    "sft-unified": (shipped.SFT_UNIFIED, ShippedOptions()),
    "sft-rationale": (shipped.SFT_RATIONALE, ShippedOptions()),
    "rl-single-alignment-digit": (shipped.RL_SINGLE, SingleOptions(task="alignment-digit")),
    "rl-single-safety": (shipped.RL_SINGLE, SingleOptions(task="safety")),
    "mt-rl-judge": (shipped.MT_RL_JUDGE, ShippedOptions()),
}
"""The factory and the options of each judge, by the name of its weights."""


def checkpoint(folder: Path, model: Path, recipe: str, program: str = "/home/somebody/bin/harness") -> Path:
    shutil.copytree(model, folder / "model")
    command = [program, "train", f"{recipe}.yaml", "--set", "vars.task=x y"]
    record = {"recipe": recipe, "hash": "0123456789ab", "start": None, "selected": 4, "command": command}
    (folder / "trained.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def two(trained: Path, tmp_path: Path) -> dict[str, Path]:
    """Two checkpoints with one vision tower."""
    train_reading(trained, tmp_path / "read", seed=0, steps=1, batch=2)
    return {
        "first": checkpoint(tmp_path / "a", trained, "a"),
        "second": checkpoint(tmp_path / "b", tmp_path / "read", "b", "scripts/grid.py"),
    }


def test_a_judge_is_put_together_as_it_was_trained(two: dict[str, Path], tmp_path: Path) -> None:
    write_weights(tmp_path / "weights", two)
    for name, source in two.items():
        folder = assemble(name, tmp_path / "work", weights=tmp_path / "weights")
        assert folder == assemble(name, tmp_path / "work", weights=tmp_path / "weights"), "once"
        before, after = (load_file(one / "model.safetensors") for one in (source / "model", folder))
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key].half(), after[key]) for key in before)
        assert (folder / "tokenizer.json").read_bytes() == (source / "model" / "tokenizer.json").read_bytes()
    first, second = (read_record(tmp_path / "weights")[name] for name in ("first", "second"))
    assert second["recipe"] == "b"
    assert first["command"] == "harness train a.yaml --set 'vars.task=x y'", "no folder of the machine"
    assert second["command"] == "python scripts/grid.py train b.yaml --set 'vars.task=x y'"
    assert not list((tmp_path / "work").glob(".*")), "nothing half done stays"


def test_judges_of_different_eyes_are_not_shipped_together(two: dict[str, Path], tmp_path: Path) -> None:
    weights = load_file(two["second"] / "model" / "model.safetensors")
    name = next(name for name in weights if "vision_tower" in name)
    weights[name] = weights[name] + 1
    save_file(weights, two["second"] / "model" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"second: .* has another vision tower"):
        write_weights(tmp_path / "weights", two)


def test_judges_of_different_words_are_not_shipped_together(two: dict[str, Path], tmp_path: Path) -> None:
    (two["second"] / "model" / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"second: .* has another tokenizer"):
        write_weights(tmp_path / "weights", two)


def test_weights_that_are_not_those_recorded_are_refused(two: dict[str, Path], tmp_path: Path) -> None:
    write_weights(tmp_path / "weights", two)
    with pytest.raises(UserError, match=r"third: not among the weights of this distribution \(first, second\)"):
        assemble("third", tmp_path / "work", weights=tmp_path / "weights")
    (tmp_path / "weights" / "first.safetensors").write_bytes(b"other")
    with pytest.raises(UserError, match="is not what was shipped"):
        assemble("first", tmp_path / "work", weights=tmp_path / "weights")


def test_every_card_has_its_weights_and_every_weight_its_card() -> None:
    plugins = Plugins.load()
    assert set(read_record()) == set(JUDGES)
    recipes = Path(__file__).parents[4] / "benchmarks" / "train"
    for name, record in read_record().items():
        program, script, *_ = record["command"].split()
        assert program == "python"
        assert (recipes / Path(script).name).is_file(), "whoever has the repository can train it again"
        factory, options = JUDGES[name]
        card = plugins.find("judge", name.removesuffix(f"-{getattr(options, 'task', '')}"))
        assert card.id.startswith("miniature-judges/")
        assert getattr(shipped, str(card.card.factory).partition(":")[2]) is factory


def test_shipped_judges_start_from_one_base_and_that_one_is_the_base_of_the_others() -> None:
    record = read_record()
    base = f"{record['off-the-shelf']['recipe']}-{record['off-the-shelf']['hash']}"
    assert {entry["start"] for name, entry in record.items() if name != "off-the-shelf"} == {base}


def test_a_trainer_hands_over_every_judge_that_is_shipped() -> None:
    schema = TrainerOptions.model_json_schema()["properties"]["judge"]
    assert set(schema["enum"]) == set(read_record())


@pytest.mark.parametrize("judge", JUDGES)
def test_a_shipped_judge_answers_in_the_form_it_was_trained_for(
    judge: str, suite: dict[str, list[Example]], tmp_path: Path
) -> None:
    factory, options = JUDGES[judge]
    made = factory(options, FakeContext(name=judge, workspace=tmp_path))
    task = getattr(options, "task", None)
    examples = suite[task] if task else suite["safety"] + suite["technical"]
    golds = {example.request.key: example.gold for example in examples}
    answers = list(made.judge([example.request for example in examples]))
    assert {judgement.status for _, judgement in answers} == {Status.OK}
    right = sum(judgement.verdict == golds[request.key] for request, judgement in answers)
    # The base says yes to nearly everything, and 50 steps on the labels of one hard task changed nothing.
    if judge not in ("off-the-shelf", "sft-single-alignment-digit"):
        assert right / len(answers) > 0.6, "better than the half that a guess gets"
