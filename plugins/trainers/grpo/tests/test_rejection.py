"""Rejection sampling: what is drawn, what of it is learnt, and what is said about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import Judgement, Request, UserError, Verdict
from harness_grpo import rejection
from harness_grpo.data import Unit
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy
from harness_grpo.processes import Processes
from harness_grpo.rejection import SampledUnit, sample_units
from harness_grpo.rollout import PolicyAnswer, PromptedExample
from harness_grpo.sft import Sft
from harness_grpo.training_setup import TrainingSetup, make_setup

from .conftest import Curves, fixed, pair, pairs, point, points, rewarded, said, sft, training, weights_of

SAMPLED: dict[str, Any] = {"rejection_sampling": {"samples": 4}, "max_new_tokens": 24, "batch": 4}
QUICK: dict[str, Any] = {"lr": 1e-3, "freeze": ["vision"], "validation": {"every": 9, "limit": 2}}


def setup_of(folder: Path, model: Path, tasks: Sequence[Any], **more: Any) -> tuple[TrainingSetup, SftOptions]:
    rewards, curves = more.pop("rewards", ()), more.pop("curves", None)
    options = SftOptions(**{**SAMPLED, **more})
    policy = Policy(str(model), options, name="recipe", seed=0)
    whole = training(folder, model, tasks=tasks, rewards=rewards, curves=curves)
    return make_setup(whole, options, policy), options


def scripted(monkeypatch: pytest.MonkeyPatch, texts: Mapping[tuple[str, tuple[int, ...]], Sequence[str]]) -> None:
    """Have the policy give these answers, by item and order. `!` ahead of one cuts it off."""

    def write(_: Any, asked: Sequence[PromptedExample], **more: Any) -> list[tuple[PolicyAnswer, ...]]:
        return [
            tuple(
                said(prompted.example, text.removeprefix("!"), truncated=text.startswith("!"))
                for text in texts[prompted.example.request.item, tuple(prompted.example.request.order)]
            )
            for prompted in asked
        ]

    monkeypatch.setattr(rejection, "write", write)


def verdict(answer: str, words: str = "") -> str:
    return f"<think>{words}</think><answer>{answer}</answer>"


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "sampled.jsonl").read_text().splitlines()]


def learnt(units: Mapping[str, Sequence[Unit]]) -> list[tuple[str, tuple[tuple[int, ...], ...]]]:
    found = [unit for mine in units.values() for unit in mine]
    assert all(isinstance(unit, SampledUnit) for unit in found)
    return [(unit.examples[0].item.id, unit.answers) for unit in found if isinstance(unit, SampledUnit)]


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_the_first_right_and_complete_answers_are_kept(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, options = setup_of(
        tmp_path, taught, [points("red", 3)], rejection_sampling={"samples": 4, "keep": 2}, max_new_tokens=24
    )
    script: dict[tuple[str, tuple[int, ...]], list[str]] = {
        ("0", ()): [verdict("no"), "!" + verdict("yes", "cut"), verdict("yes", "first"), verdict("yes", "second")],
        ("1", ()): ["no verdict", verdict("no", "b"), verdict("no", "c"), verdict("no", "d")],
        ("2", ()): [verdict("no")] * 4,
    }
    scripted(monkeypatch, script)
    units = sample_units(setup, options)
    assert [item for item, _ in learnt(units)] == ["0", "0", "1", "1"]
    assert [[kept["text"] for kept in line["kept"]] for line in lines_of(tmp_path)] == [
        [[verdict("yes", "first")], [verdict("yes", "second")]],
        [[verdict("no", "b")], [verdict("no", "c")]],
        [],
    ]
    assert [line["right"] for line in lines_of(tmp_path)] == [2, 3, 0]


def test_of_a_pair_a_sample_must_be_right_in_both_orders(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, options = setup_of(tmp_path, taught, [fixed("pair", [*pair("pair", 0), *pair("pair", 1)])])
    # The gold is A as it is shown first, and B in the other order.
    always_a, consistent = verdict("A"), verdict("B", "really")
    scripted(
        monkeypatch,
        {
            ("0", (0, 1)): [always_a] * 4,
            ("0", (1, 0)): [always_a, always_a, consistent, always_a],
            ("1", (0, 1)): [always_a] * 4,
            ("1", (1, 0)): [always_a] * 4,
        },
    )
    assert [item for item, _ in learnt(sample_units(setup, options))] == ["0"]
    assert lines_of(tmp_path)[0]["kept"][0]["text"] == [always_a, consistent]


def wordy(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Rewards reasoning, and is added to 0.9 and 0.1 as a recipe's would be."""
    return 0.9 + 0.1 if "because" in (judgement.raw or "") else 0.9


def test_answers_must_earn_what_is_asked_for(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, more = [fixed("red", [point("red", 0)])], {"samples": 2, "min_reward": 1.0}
    setup, options = setup_of(tmp_path, taught, tasks, rewards=rewarded(wordy), rejection_sampling=more)
    scripted(monkeypatch, {("0", ()): [verdict("yes"), verdict("yes", "because")]})
    sample_units(setup, options)
    assert [kept["text"] for kept in lines_of(tmp_path)[0]["kept"]] == [[verdict("yes", "because")]]
    setup, options = setup_of(tmp_path / "none", taught, tasks, rejection_sampling=more)
    with pytest.raises(UserError, match="the recipe has no rewards; add some, or remove it"):
        sample_units(setup, options)
    steps = rewarded(wordy, capabilities=frozenset({"steps"}))
    setup, options = setup_of(tmp_path / "steps", taught, tasks, rewards=steps, rejection_sampling=more)
    with pytest.raises(UserError, match="reward wordy: compares the answers of a step"):
        sample_units(setup, options)


def test_a_gold_that_is_never_answered_right_is_said_so(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    curves = Curves()
    setup, options = setup_of(tmp_path, taught, [points("red", 4)], curves=curves)
    scripted(monkeypatch, {(str(number), ()): [verdict("yes")] * 4 for number in range(4)})
    sample_units(setup, options)
    (note,) = setup.notes
    assert note.startswith("task red: of items with the gold no no sampled answer is right")
    assert f"recipe: warning: {note}; raise rejection_sampling.samples" in capsys.readouterr().err
    assert dict(curves)[0] == {
        "sampled/red/items": 0.5,
        "sampled/red/kept": 2.0,
        "sampled/red/kept/yes": 2.0,
        "sampled/red/kept/no": 0.0,
    }
    scripted(monkeypatch, {(str(number), ()): ["nothing"] * 4 for number in range(4)})
    (tmp_path / "sampled.jsonl").unlink()
    setup, options = setup_of(tmp_path, taught, [points("red", 4)])
    with pytest.raises(UserError, match="task red: not one sampled answer is right"):
        sample_units(setup, options)


# -- whole trainings ---------------------------------------------------------------------------------------------------


def test_what_was_sampled_is_what_is_learnt(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model is right in some of its answers; these are the targets, tokens and end."""
    seen: list[Any] = []
    targets = Sft._targets

    def look(self: Sft, unit: Unit, asked: Sequence[PromptedExample]) -> Sequence[tuple[int, ...]]:
        found = targets(self, unit, asked)
        seen.append((unit.task, unit.examples[0].item.id, found))
        return found

    monkeypatch.setattr(Sft, "_targets", look)
    curves = Curves()
    whole = training(tmp_path, taught, tasks=[points("red", 8), pairs("pair", 6)], curves=curves)
    sft(whole, **QUICK, **SAMPLED, steps=4)
    lines = lines_of(tmp_path)
    assert [line["item"] for line in lines] == [*map(str, range(8)), *map(str, range(6))]
    known = {
        (line["task"], line["item"]): [tuple(map(tuple, kept["tokens"])) for kept in line["kept"]] for line in lines
    }
    assert len(seen) == 16
    assert all(tuple(found) in known[task, item] for task, item, found in seen)
    assert {task for task, _, _ in seen} == {"red", "pair"}
    assert 0 < curves.of("sampled/red/items")[0] <= 1


def test_sampling_that_was_stopped_goes_on_and_comes_to_the_same(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sampled(folder: Path) -> Any:
        setup, options = setup_of(folder, taught, [points("red", 10)])
        return learnt(sample_units(setup, options))

    expected = sampled(tmp_path / "alone")
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    text = (tmp_path / "alone" / "sampled.jsonl").read_text()
    # Killed within the fourth line.
    (stopped / "sampled.jsonl").write_text("".join(text.splitlines(keepends=True)[:3]) + '{"task": "red", "it')
    assert sampled(stopped) == expected
    assert (stopped / "sampled.jsonl").read_text() == text

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is left to sample")

    monkeypatch.setattr(rejection, "write", refuse)
    assert sampled(stopped) == expected
    (stopped / "sampled.jsonl").write_text(text.replace('"item": "0"', '"item": "7"'))
    with pytest.raises(UserError, match=r"sampled\.jsonl, line 1: is of other data; run with --fresh"):
        sampled(stopped)
    (stopped / "sampled.jsonl").write_text("[1]\n")
    with pytest.raises(UserError, match=r"line 1: cannot be read"):
        sampled(stopped)


def test_another_seed_draws_other_answers(taught: Path, tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        setup, options = setup_of(tmp_path / str(seed), taught, [points("red", 8)])
        setup.training = replace(setup.training, seed=seed)
        found.append(learnt(sample_units(setup, options)))
    assert found[0] != found[1]


def test_a_stop_is_not_seen_in_the_weights(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {**QUICK, **SAMPLED, "steps": 4, "save_every": 1}
    alone, stopped = (training(tmp_path / name, taught, tasks=[points("red", 8)]) for name in ("alone", "stopped"))
    sft(alone, **more)
    step = Sft.step

    def stop(self: Sft, number: int) -> dict[str, float]:
        if number == 2:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(Sft, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        sft(stopped, **more)
    monkeypatch.undo()
    sft(stopped, **more)
    ours, theirs = weights_of(alone.checkpoint), weights_of(stopped.checkpoint)
    assert all(bool((ours[name] == theirs[name]).all()) for name in ours)


def test_several_processes_do_not_sample(taught: Path, tmp_path: Path) -> None:
    class Two(Processes):
        size = 2

    setup, options = setup_of(tmp_path, taught, [points("red", 4)])
    setup.policy.processes = Two()
    with pytest.raises(UserError, match="recipe recipe: rejection_sampling: works in one process; start it without"):
        Sft(setup, options)
    assert not (tmp_path / "sampled.jsonl").exists()


def test_reasoning_comes_from_the_model_or_from_a_tag() -> None:
    with pytest.raises(ValueError, match="rationale: with rejection_sampling the model writes the reasoning itself"):
        SftOptions(rationale="rationale", rejection_sampling={})  # type: ignore[arg-type]
