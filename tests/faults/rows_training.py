"""Attacks on trainings that are at work: kills, at any moment, of small real ones."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from registry import ROOT, Bench, CannotError, Process, row

TOY = ROOT / "tests" / "training" / "toy_plugin.py"
TOY_RECIPE = "name: tiny\ntasks: [{use: sums}]\ntrainer: {use: counter, with: {steps: 20, pause: 0.01}}\n"
MODEL_RECIPE = """
name: tiny
model: MODEL
tasks: [{use: miniature/technical, limit: 12, validation: null}]
REWARDS
trainer: {use: TRAINER, with: {steps: 4, batch: 2, save_every: 2, OPTIONS}}
"""


def _folder(place: Path) -> Path:
    return next(path for path in (place / "checkpoints").iterdir() if path.name.startswith("tiny-"))


def _model(place: Path) -> dict[str, bytes]:
    """The files of the trained model. Its card and records say when it was made, and by how many attempts."""
    model = _folder(place) / "model"
    return {
        str(path.relative_to(model)): path.read_bytes() for path in sorted(model.rglob("*.*")) if path.suffix != ".md"
    }


def _torn(place: Path) -> list[str]:
    found = [path.name for path in _folder(place).rglob("*") if path.name.startswith(".") or path.suffix == ".part"]
    return sorted(found)


def attack_training(bench: Bench, recipe: str, count: int, *, toy: bool) -> Iterator[str]:
    """Kill trainings of a recipe; the model must be the same, bit for bit."""

    def start(place: Path) -> Process:
        (place / "r.yaml").write_text(recipe)
        before = ("-p", str(TOY)) if toy else ()
        return bench.start(place, *before, "train", "r.yaml", environment={"TOY_LOG": str(place / "log")})

    whole, began = bench.new(), time.monotonic()
    done = start(whole).finish()
    if done.code:
        raise CannotError(done.err.strip()[-300:])
    seconds, hits = time.monotonic() - began, 0
    while hits < count:
        place, mine = bench.new(), 0
        for _ in range(bench.rng.randint(1, 4)):
            process = start(place)
            time.sleep(bench.rng.random() * seconds)
            if not process.kill():
                break
            mine += 1
        done = start(place).finish()
        hits += mine
        problem = done.fault or (f"exit {done.code}: {done.err[-300:]}" if done.code else "")
        if not problem and _model(place) != _model(whole):
            problem = "another model"
        if not problem and (torn := _torn(place)):
            problem = f"torn files: {torn}"
        if not problem and json.loads((_folder(place) / "trained.json").read_text())["attempts"] < 1:
            problem = "no attempts"
        yield from ([""] * (mine - 1) + [problem]) if mine else ([problem] if problem else [])
        shutil.rmtree(place)


@row("SIGKILL of harness train, a toy trainer", smoke=1, full=50)
def kill_toys(bench: Bench, count: int) -> Iterator[str]:
    """A trainer that counts, and is killed in and between its steps."""
    yield from attack_training(bench, TOY_RECIPE, count, toy=True)


@row("SIGKILL of harness train, grpo and sft of a local model", smoke=0, full=12)
def kill_models(bench: Bench, count: int) -> Iterator[str]:
    """Real trainers of a small vision-language model."""
    place = bench.new()
    (place / "m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/technical, limit: 1}]\njudges: [{use: miniature-judges/off-the-shelf}]\n"
    )
    done = bench.command(place, "run", "m.yaml")
    found = [path.parent for path in place.rglob("config.json")]
    if done.code or not found:
        raise CannotError(done.err.strip()[-300:])
    for trainer, rewards, options in (
        ("grpo", "rewards: [{use: accuracy}]", "group: 2, max_new_tokens: 8"),
        ("sft", "", "lr: 0.001"),
    ):
        recipe = MODEL_RECIPE.replace("MODEL", str(found[0])).replace("REWARDS", rewards)
        recipe = recipe.replace("TRAINER", trainer).replace("OPTIONS", options)
        yield from attack_training(bench, recipe, count // 2, toy=False)
