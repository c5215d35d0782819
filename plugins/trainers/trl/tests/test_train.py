"""Whole trainings of the tiny model by TRL, on the CPU."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.api import Training, TrainingResult, UserError
from harness.testing import FakeContext
from harness_grpo.grpo import GrpoTrainer as NativeGrpoTrainer
from harness_grpo.options import GrpoOptions as NativeGrpoOptions
from harness_grpo.options import LoraOptions, ValidationOptions
from harness_grpo.options import SftOptions as NativeSftOptions
from harness_grpo.policy import Policy, Speaker
from harness_grpo.rollout import PolicyAnswer, PromptedExample
from harness_grpo.sft import SftTrainer as NativeSftTrainer
from harness_transformers.judge import LocalJudge
from harness_transformers.loading import source_of
from harness_transformers.options import GenerativeOptions
from harness_transformers.testing import TinyShape, make_tiny_llava
from harness_trl.keeping import Keeper
from harness_trl.options import TrlGrpoOptions, TrlSftOptions
from harness_trl.rewards import reward_functions
from harness_trl.train import GrpoTrainer, SftTrainer
from harness_trl.watch import Watch, curves

from .conftest import TINY, Curves, accuracy, fine, length, pairs, point, points, question, rewarded, task_of, training

LOOK = ValidationOptions(every=2, limit=2)


def grpo(recipe: Training, **given: Any) -> TrainingResult:
    options = TrlGrpoOptions(**{**TINY, "batch": 4, "group": 3, "per_device": 6, "lr": 1e-2, **given})
    return GrpoTrainer(options, FakeContext(workspace=recipe.folder)).train(recipe)


def sft(recipe: Training, **given: Any) -> TrainingResult:
    options = TrlSftOptions(**{**TINY, "batch": 4, "per_device": 2, "lr": 1e-2, **given})
    return SftTrainer(options, FakeContext(workspace=recipe.folder)).train(recipe)


def recipe_in(folder: Path, model: Path, *, curves: Curves | None = None, **fields: Any) -> Training:
    tasks = fields.pop("tasks", None) or [points("red", 6), pairs("pair", 3)]
    return training(folder, model, tasks=tasks, rewards=rewarded(length, accuracy), curves=curves, **fields)


def moved(start: Path, end: Path) -> dict[str, float]:
    before, after = load_file(start / "model.safetensors"), load_file(end / "model.safetensors")
    assert set(before) == set(after)
    return {name: float((before[name] - after[name]).abs().max()) for name in before}


def gaps(start: Path, end: Path) -> torch.Tensor:
    """How far each weight of one model is from that of another, in one row."""
    before, after = load_file(start / "model.safetensors"), load_file(end / "model.safetensors")
    return torch.cat([(before[name] - after[name]).abs().flatten() for name in before])


def a_judge_opens(folder: Path) -> None:
    judge = LocalJudge(
        GenerativeOptions(model=str(folder), device="cpu", threads=1, max_new_tokens=4), FakeContext(workspace=folder)
    )
    request = point("t", 0).request
    assert [asked.key for asked, _ in judge.judge(iter([request]))] == [request.key]


def test_grpo_trains_on_all_tasks_and_leaves_a_model_that_a_judge_opens(taught: Path, tmp_path: Path) -> None:
    logged = Curves()
    trained = grpo(recipe_in(tmp_path, taught, curves=logged), steps=3, updates=2, kl_weight=0.01, validation=LOOK)
    assert max(moved(taught, tmp_path / "model").values()) > 1e-3
    assert trained.steps == 3
    assert trained.selected in (2, 3)
    assert {"red/accuracy", "pair/macro_f1", "macro_f1"} <= set(trained.scores)
    assert set(logged.of("loss")) == {1, 2, 3}, "a step is a batch of answers, however many updates it gives"
    assert set(logged.of("validation/macro_f1")) == {0, 2, 3}
    assert logged.of("validation/macro_f1")[trained.selected] == trained.scores["macro_f1"]
    for task in ("red", "pair"):
        reward, parts = logged.of(f"{task}/reward"), logged.of(f"{task}/reward/length")
        right = logged.of(f"{task}/reward/accuracy")
        assert reward
        assert all(0 < parts[step] <= 1.2 for step in reward)
        assert all(math.isclose(reward[step], parts[step] + right[step], rel_tol=1e-5) for step in reward)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]
    assert not list((tmp_path / "model").glob("*.bin")), "no pickles"
    a_judge_opens(tmp_path / "model")


def test_weights_in_half_precision_are_looked_at_as_a_judge_opens_them(taught: Path, tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path, taught)
    options = TrlSftOptions(**{**TINY, "dtype": "bfloat16"})
    keeper = Keeper(recipe, options, source_of("model", str(taught), "recipe"))
    keeper.start()
    assert keeper.best.start is not None


def test_an_adapter_is_kept_alone_or_added_to_what_it_adapts(taught: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"steps": 2, "validation": LOOK}
    lora: dict[str, Any] = {"rank": 2, "targets": ["q_proj", "v_proj"]}
    trained = sft(recipe_in(tmp_path / "alone", taught), lora=LoraOptions(**lora), **given)
    assert {path.name for path in (tmp_path / "alone" / "model").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    merged = sft(recipe_in(tmp_path / "merged", taught), lora=LoraOptions(**lora, merge=True), **given)
    changed = {name for name, by in moved(taught, tmp_path / "merged" / "model").items() if by > 0}
    assert changed
    assert all("q_proj" in name or "v_proj" in name for name in changed)
    assert trained.selected == merged.selected == 2
    assert trained.scores == merged.scores
    for name in ("alone", "merged"):
        a_judge_opens(tmp_path / name / "model")
    again = recipe_in(tmp_path / "again", tmp_path / "alone" / "model")
    sft(again, steps=1, lora=LoraOptions(**lora), validation=LOOK)
    a_judge_opens(again.checkpoint)
    assert json.loads((again.checkpoint / "adapter_config.json").read_text())["base_model_name_or_path"] == str(
        again.folder / "base"
    )


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", "bfloat16"), ("no", "float32")])
def test_weights_are_scored_in_the_precision_that_training_computes_in(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, dtype: str
) -> None:
    opened: list[str] = []

    def note(wanted: GenerativeOptions, *, name: str, four_bits: bool) -> Any:
        speaker = Speaker(wanted, name=name, four_bits=four_bits)
        opened.append(str(speaker.model.dtype))
        return speaker

    monkeypatch.setattr("harness_grpo.reopened.Speaker", note)
    more = {} if precision == "no" else {"trl": {"bf16": True}}
    trained = sft(recipe_in(tmp_path, taught), steps=1, validation=LOOK, **more)
    assert set(opened) == {f"torch.{dtype}"}
    assert len(opened) == 2, "before the first step, and after the last"
    assert trained.selected == 1
    kept = load_file(tmp_path / "model" / "model.safetensors")
    assert {value.dtype for value in kept.values()} == {torch.float32}, "what is kept is not rounded"


def test_weights_that_are_not_those_trained_are_refused(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(keeper: Keeper, saved: Path) -> Path:
        weights = load_file(saved / "model.safetensors")
        save_file(
            {name: 1.05 * value for name, value in weights.items()}, saved / "model.safetensors", {"format": "pt"}
        )
        return model_folder(keeper, saved)

    model_folder = Keeper._model_folder
    monkeypatch.setattr(Keeper, "_model_folder", spoil)
    with pytest.raises(UserError, match=r"differ by \d\.\d+ nats a token, and rounding explains 0\.0001"):
        sft(recipe_in(tmp_path, taught), steps=2, validation=LOOK)


def test_the_last_weights_stay_beside_the_best(taught: Path, tmp_path: Path) -> None:
    whole = recipe_in(tmp_path, taught)
    look = ValidationOptions(every=1, limit=2)
    sft(whole, steps=3, validation=look, save_total_limit=2, lora=LoraOptions(rank=2))
    kept = sorted(whole.folder.glob("steps/*"))
    assert [folder.name for folder in kept] == ["step-00000002", "step-00000003"]
    for folder in kept:
        a_judge_opens(folder)
    with pytest.raises(UserError, match=r"trl\.save_total_limit: set save_total_limit beside trl"):
        sft(recipe_in(tmp_path / "other", taught), steps=1, trl={"save_total_limit": 2})


@pytest.mark.parametrize("method", [grpo, sft])
def test_a_base_in_four_bits_is_delivered_as_one(
    taught: Path, tmp_path: Path, method: Callable[..., TrainingResult]
) -> None:
    pytest.importorskip("bitsandbytes")
    curves = Curves()
    whole = recipe_in(tmp_path, taught, curves=curves)
    method(whole, steps=2, validation=LOOK, lora=LoraOptions(rank=2, load_in_4bit=True), optimizer="adamw_8bit")
    assert (whole.checkpoint / "quantization_config.json").is_file()
    assert {value.dtype for value in load_file(whole.checkpoint / "adapter_model.safetensors").values()} == {
        torch.float32
    }
    # On another base, or with the adapter rounded, it would be further away.
    assert max(curves.of("delivered/difference").values()) < 1e-5
    a_judge_opens(whole.checkpoint)


def test_an_adapter_of_experts_is_trained_and_added_to_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixture = make_tiny_llava(tmp_path / "mixture", shape=TinyShape(hidden=32, heads=2, experts=4))
    only = LoraOptions(rank=2, merge=True, targets=[], parameters=["experts.gate_up_proj", "experts.down_proj"])
    sft(recipe_in(tmp_path / "sft", mixture), steps=2, lora=only, validation=LOOK)
    assert "recipe: adapters: 4 modules" in capsys.readouterr().err
    changed = {name for name, by in moved(mixture, tmp_path / "sft" / "model").items() if by > 0}
    assert changed
    assert all(".experts." in name for name in changed)
    wrong = LoraOptions(rank=2, parameters=["experts.up"])
    with pytest.raises(UserError, match=r"lora.parameters: .* 'experts.up'; those of its experts are mlp.experts"):
        sft(recipe_in(tmp_path / "wrong", mixture), steps=1, lora=wrong)


def test_sft_learns_the_same_tokens_as_the_native_trainer(start: Path, tmp_path: Path) -> None:
    """The loss of one batch that holds all examples, and of the second, after a step of each optimizer."""
    pointwise = [points("red", 2, validation=None)]
    common: dict[str, Any] = {"steps": 2, "lr": 1e-3, "rationale": "rationale"}
    ours, native = Curves(), Curves()
    trained = sft(recipe_in(tmp_path / "trl", start, curves=ours, tasks=pointwise), batch=2, **common)
    options = NativeSftOptions(**common, batch=2, device="cpu", dtype="float32")
    recipe = recipe_in(tmp_path / "native", start, curves=native, tasks=pointwise)
    NativeSftTrainer(options, FakeContext(workspace=tmp_path)).train(recipe)
    for step in (1, 2):
        assert ours.of("loss")[step] == pytest.approx(native.of("loss")[step], rel=1e-3)
        assert ours.of("grad_norm")[step] == pytest.approx(native.of("grad_norm")[step], rel=1e-2)
    assert any("no task has a validation split" in note for note in trained.notes)


def test_an_adapter_learns_from_one_picture_and_two_and_none(start: Path, tmp_path: Path) -> None:
    words = task_of("words", lambda which: [question("words", number) for number in range(2)], validation=None)
    pictures = [points("red", 2), pairs("pair", 1)]
    experts = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] if "moe" in start.name else []
    given: dict[str, Any] = {"lora": LoraOptions(rank=2, parameters=experts), "lr": 1e-4, "validation": LOOK}
    runs: dict[str, Callable[[Training], TrainingResult]] = {
        "sft": lambda recipe: sft(recipe, steps=2, batch=6, **given),
        "grpo": lambda recipe: grpo(recipe, steps=1, kl_weight=0.1, mask_truncated=False, **given),
    }
    for name, run in runs.items():
        tasks = [*pictures, words] if name == "sft" else pictures
        logged = Curves()
        recipe = recipe_in(tmp_path / name, start, curves=logged, tasks=tasks)
        run(replace(recipe, rewards=rewarded(fine)))
        assert min(logged.of("grad_norm").values()) > 0
        assert max(logged.of("delivered/difference").values()) < 1e-4
        a_judge_opens(recipe.checkpoint)


def test_sft_of_a_text_model_learns_the_same_tokens_as_the_native_trainer(wordy: Path, tmp_path: Path) -> None:
    tasks = [task_of("words", lambda which: [question("words", number) for number in range(2)], validation=None)]
    ours, native = Curves(), Curves()
    sft(recipe_in(tmp_path / "trl", wordy, curves=ours, tasks=tasks), batch=2, steps=1, lr=1e-3)
    options = NativeSftOptions(steps=1, lr=1e-3, batch=2, device="cpu", dtype="float32")
    recipe = recipe_in(tmp_path / "native", wordy, curves=native, tasks=tasks)
    NativeSftTrainer(options, FakeContext(workspace=tmp_path)).train(recipe)
    assert ours.of("loss")[1] == pytest.approx(native.of("loss")[1], rel=1e-4)
    assert ours.of("grad_norm")[1] == pytest.approx(native.of("grad_norm")[1], rel=1e-3)


def test_grpo_learns_the_same_from_the_same_answers_as_the_native_trainer(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The native trainer is given the answers that TRL's policy wrote, step by step."""
    tasks = [points("red", 3, validation=None)]
    common: dict[str, Any] = {"steps": 3, "batch": 3, "group": 4, "lr": 1e-4, "clip_high": 0.2}
    common["mask_truncated"] = False  # models with random weights find no end
    written: list[list[tuple[int, tuple[int, ...]]]] = []
    made = reward_functions

    def listening(*given: Any, **more: Any) -> list[Any]:
        (function,) = made(*given, **more)

        def reward(**batch: Any) -> Any:
            written.append([(row, tuple(ids)) for row, ids in zip(batch["row"], batch["completion_ids"], strict=True)])
            return function(**batch)

        return [reward]

    monkeypatch.setattr("harness_trl.train.reward_functions", listening)
    theirs, ours = Curves(), Curves()
    earns = rewarded(fine, accuracy)
    grpo(replace(recipe_in(tmp_path / "trl", start, tasks=tasks, curves=theirs), rewards=earns), **common, per_device=6)
    answers = iter(written)

    def write(policy: Policy, asked: Sequence[PromptedExample], **_: Any) -> list[tuple[PolicyAnswer, ...]]:
        step = next(answers)
        return [tuple(given(policy, one, ids) for row, ids in step if str(row) == one.example.item.id) for one in asked]

    def given(policy: Policy, one: PromptedExample, ids: tuple[int, ...]) -> PolicyAnswer:
        finished = ids[-1] in policy.opened.language.stops.tolist()
        text = policy.opened.decode_exactly(ids[:-1] if finished else ids)
        judgement = replace(one.example.request.read(text), completion_tokens=len(ids) - finished)
        return PolicyAnswer(ids, not finished, text, judgement)

    monkeypatch.setattr("harness_grpo.grpo.write", write)
    options = NativeGrpoOptions(**{**TINY, **common}, per_task=False)
    recipe = recipe_in(tmp_path / "native", start, tasks=tasks, curves=ours)
    NativeGrpoTrainer(options, FakeContext(workspace=tmp_path)).train(replace(recipe, rewards=earns))
    for name in ("reward", "loss", "grad_norm"):
        assert list(ours.of(name).values()) == pytest.approx(list(theirs.of(name).values()), rel=1e-3, abs=1e-6)
    step, apart = (gaps(folder, tmp_path / "trl" / "model") for folder in (start, tmp_path / "native" / "model"))
    assert step.max() > 1e-4
    assert apart.norm() < 1e-3 * step.norm()
    # AdamW makes a step of almost full length of a gradient that is hardly more than rounding. On one processor, one
    # weight of 338,912 was 0.023 steps apart, and the next one 0.002.
    assert (apart >= 1e-2 * step.max()).sum() <= 3


class Stop(BaseException):
    """What a test interrupts with."""


def stopping(recipe: Training, at: int) -> Training:
    def log(step: int, metrics: Any) -> None:
        recipe.log(step, metrics)
        if step == at and "loss" in metrics:
            raise Stop

    return replace(recipe, log=log)


def test_a_training_that_was_stopped_goes_on_from_its_newest_state(taught: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"steps": 4, "save_every": 2, "validation": LOOK, "batch": 2}
    whole = sft(recipe_in(tmp_path / "whole", taught), **given)
    logged = Curves()
    with pytest.raises(Stop):
        sft(stopping(recipe_in(tmp_path / "stopped", taught), 3), **given)
    (tmp_path / "stopped" / "trl" / "checkpoint-99").mkdir()
    trained = sft(recipe_in(tmp_path / "stopped", taught, curves=logged), **given)
    assert sorted(logged.of("loss")) == [3, 4]
    assert (trained.steps, trained.selected, trained.scores) == (whole.steps, whole.selected, whole.scores)
    assert any("TRL does so exactly within the first epoch only" in note for note in trained.notes)
    ends = [tmp_path / name / "model" for name in ("whole", "stopped")]
    assert max(moved(*ends).values()) == 0, "within the first epoch it is exact"


def test_what_is_frozen_stays_as_it_is(taught: Path, tmp_path: Path) -> None:
    sft(recipe_in(tmp_path, taught), steps=1, freeze=["vision_tower"])
    changed = moved(taught, tmp_path / "model")
    assert all(by == 0 for name, by in changed.items() if "vision_tower" in name)
    assert max(changed.values()) > 0


def test_tasks_of_unequal_weight_are_refused(taught: Path, tmp_path: Path) -> None:
    tasks = [points("red", 2, weight=2.0), points("blue", 2)]
    with pytest.raises(UserError, match="tasks have different weights"):
        sft(recipe_in(tmp_path, taught, tasks=tasks))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"freeze": ["visiontower"]}, "freeze: 'visiontower' finds no parameter"),
        ({"freeze": ["."]}, "freeze: nothing is left to train"),
        ({"batch": 64}, "batch 64: TRL drops what does not fill a batch, and there are 12 prompts"),
        ({"trl": {"vllm_importance_sampling_mode": 3, "fp16": True, "bf16": True}}, "TRL refuses it"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(
    taught: Path, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        grpo(recipe_in(tmp_path, taught), steps=1, **given)


def test_a_recipe_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no model to start from"):
        sft(training(tmp_path, None, tasks=[points("red", 2)]))


# -- parts -----------------------------------------------------------------------------------------------------------


def watch(recipe: Training, *, keeper: Any = None) -> Watch:
    return Watch(recipe, TrlSftOptions(**TINY, lr=0.5), keeper=keeper, bar=None, updates=1)


@pytest.mark.parametrize("logs", [{"loss": math.nan}, {"loss": 1.0, "grad_norm": math.inf}])
def test_a_loss_that_is_not_finite_ends_the_training(tmp_path: Path, logs: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"of step 3 is (nan|inf); the best weights .* are kept in .* Lower lr \(0.5\)"):
        watch(training(tmp_path, None, tasks=[])).on_log(None, SimpleNamespace(global_step=3), None, logs)


def test_curves_have_our_names() -> None:
    logs = {"rewards/a/b/mean": 0.5, "rewards/a/b/std": 0.1, "a/b/accuracy": 1, "loss": 2.0, "kl": None}
    assert curves(logs) == {"a/b/reward": 0.5, "a/b/reward_std": 0.1, "a/b/accuracy": 1.0, "loss": 2.0}


def keeper_of(recipe: Training, found: Sequence[float], monkeypatch: pytest.MonkeyPatch, **look: Any) -> Keeper:
    """A keeper whose validations say what is given."""
    from harness_transformers.loading import source_of

    options = TrlSftOptions(**TINY, validation=ValidationOptions(every=1, limit=1, **look))
    source = source_of("model", str(recipe.model), "recipe")
    keeper = Keeper(recipe, options, source)
    answers = iter(found)
    monkeypatch.setattr(keeper, "_scores", lambda model, **_: {"macro_f1": next(answers)})
    return keeper


@pytest.fixture
def saved(taught: Path, tmp_path: Path) -> Callable[[float], Path]:
    """Writes weights that can be told apart."""
    from safetensors.torch import save_file

    def write(value: float) -> Path:
        folder = tmp_path / "candidate"
        folder.mkdir()
        (folder / "config.json").write_bytes((taught / "config.json").read_bytes())
        (folder / "training_args.bin").write_bytes(b"pickle")
        save_file({"weight": torch.tensor([value])}, folder / "model.safetensors")
        return folder

    return write


def test_the_best_weights_are_kept_over_stops_and_no_sooner_given_up(
    taught: Path, tmp_path: Path, saved: Callable[[float], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = training(tmp_path, taught, tasks=[points("red", 2)])
    keeper = keeper_of(recipe, [0.2, 0.5, 0.4], monkeypatch, patience=2)
    keeper.start()
    keeper.look(saved(1.0), step=1)
    keeper.look(saved(2.0), step=2)
    again = keeper_of(recipe, [0.4, 0.3], monkeypatch, patience=2)
    again.look(saved(2.0), step=2)
    assert not again.best.stopped, "a step that is done again is not counted again"
    again.look(saved(3.0), step=3)
    assert again.best.stopped
    trained = again.finish(steps=3, notes=["a note"], skipped={"red": 2})
    assert load_file(recipe.checkpoint / "model.safetensors")["weight"].item() == 1.0
    assert (trained.steps, trained.selected, trained.scores) == (3, 1, {"macro_f1": 0.5})
    assert [note.split(":")[0] for note in trained.notes] == ["a note", "stopped early", "task red"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_a_model_that_was_better_before_is_said_so(
    taught: Path, tmp_path: Path, saved: Callable[[float], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = training(tmp_path, taught, tasks=[points("red", 2)])
    keeper = keeper_of(recipe, [0.7, 0.5], monkeypatch)
    keeper.start()
    keeper.look(saved(1.0), step=1)
    assert any("started from scored 0.7000" in note for note in keeper.finish(steps=1, notes=[], skipped={}).notes)


def test_a_folder_without_weights_says_what_to_configure(taught: Path, tmp_path: Path) -> None:
    recipe = training(tmp_path, taught, tasks=[points("red", 2)])
    keeper = Keeper(recipe, TrlSftOptions(**TINY), SimpleNamespace())  # type: ignore[arg-type]
    (tmp_path / "candidate").mkdir()
    with pytest.raises(UserError, match="fsdp_state_dict_type: FULL_STATE_DICT"):
        keeper.look(tmp_path / "candidate", step=1)


_TWO = """
import importlib.util, os, sys, types
from pathlib import Path
package = types.ModuleType("kit"); package.__path__ = [sys.argv[1]]; sys.modules["kit"] = package
from kit.conftest import Curves, points
from kit.test_train import recipe_in, sft
curves = Curves()
trained = sft(recipe_in(Path(sys.argv[2]), Path(sys.argv[3]), curves=curves), steps=2, per_device=1, batch=4)
Path(sys.argv[4], os.environ["RANK"]).write_text(f"{len(curves.of('loss'))} {trained.selected}")
"""


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_and_the_first_alone_writes(taught: Path, tmp_path: Path) -> None:
    sft(recipe_in(tmp_path / "one", taught), steps=2, per_device=2, batch=4)
    (script := tmp_path / "two.py").write_text(_TWO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script)]
    (said := tmp_path / "said").mkdir()  # a file each: what two processes print may land in one line
    given = [str(Path(__file__).parent), str(tmp_path / "two"), str(taught), str(said)]
    done = subprocess.run(
        [*command, *given], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in said.iterdir()} == {"0": "2 2", "1": "0 0"}
    assert max(moved(tmp_path / "one" / "model", tmp_path / "two" / "model").values()) < 1e-4
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["model"]
