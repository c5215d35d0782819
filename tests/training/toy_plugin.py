"""A plugin file for the tests of training: text tasks, rewards, a trainer that counts, and a judge of what it leaves.

Not a test itself. `TOY_LOG` names a file in which the trainer notes each step it does, and the hook what it hears.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import (
    Choice,
    Context,
    DataError,
    Image,
    IsPath,
    Item,
    JudgeCard,
    Judgement,
    Message,
    Operational,
    Preference,
    Protocol,
    Request,
    RewardCard,
    TaskCard,
    TrainerCard,
    Training,
    TrainingResult,
    UnfoldedEntry,
    UserError,
    Verdict,
    VerdictFormat,
    hookimpl,
)


def note(line: str) -> None:
    if "TOY_LOG" in os.environ:
        with open(os.environ["TOY_LOG"], "a", encoding="utf-8") as log:
            log.write(line + "\n")


class TaskOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = 12
    unreadable: int = 0
    version: str = "1"


class Sums:
    """Is a number even? Three of four are. The first `unreadable` items have a picture that is none."""

    protocol = Protocol(samples=3)
    format = "harness/label"
    space: Choice | Preference = Choice(("yes", "no"))

    def __init__(self, options: TaskOptions) -> None:
        self.options = options

    def items(self, split: str) -> Iterator[Item]:
        for index in range(self.options.count if split != "validation" else 4):
            broken = (Image.from_bytes(b"no picture", name="none.png"),) if index < self.options.unreadable else ()
            yield self.item(f"{split}-{index}", index, broken)

    def item(self, name: str, index: int, broken: tuple[Image, ...]) -> Item:
        gold = "no" if index % 4 == 3 else "yes"
        return Item(id=name, group=name, space=self.space, gold=gold, question=(f"{name}?", *broken))

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = [*item.question, *(part for place in order for part in item.candidates[place])]
        message = Message("user", (*parts, format.instruction(item.space)))
        return Request(task="", item=item.id, messages=(message,), space=item.space, format=format, order=order)

    def fingerprint(self) -> str:
        return self.options.version


class Pairs(Sums):
    """Which is the larger number? In both orders."""

    protocol = Protocol(order="both")
    space = Preference(2)

    def item(self, name: str, index: int, broken: tuple[Image, ...]) -> Item:
        candidates = ((f"{index}",), (f"{index + 1}",))
        return Item(id=name, group=name, space=self.space, gold=1, question=("?", *broken), candidates=candidates)


class RewardOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: float = 1.0


def right(options: RewardOptions, context: Context) -> object:
    def reward(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return options.scale * float(judgement.verdict == gold)

    return reward


class TrainerOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=5, ge=1)
    pause: Annotated[float, Operational()] = 0.0
    trouble: Literal["none", "raises", "refuses", "leaves nothing", "returns nothing", "logs text"] = "none"
    result: dict[str, Any] = Field(default_factory=dict)
    """Fields of what it returns, in place of the right ones."""
    key: str | None = None


class Counting:
    """Learns the most frequent answer of each task. It saves its state after each step and goes on from there."""

    def __init__(self, options: TrainerOptions) -> None:
        self.options = options

    def fingerprint(self, training: Training) -> str:
        start = Path(training.model, "answers.json") if training.model else None
        return f"counter 1 {start.read_text() if start is not None and start.is_file() else training.model}"

    def train(self, training: Training) -> TrainingResult:
        state = training.folder / "state.json"
        step = json.loads(state.read_text()) if state.is_file() else 0
        if self.options.trouble == "raises":
            raise ZeroDivisionError("by zero")
        if self.options.trouble == "refuses":
            raise UserError("the group does not fit; choose a smaller one")
        golds = {task.name: [example.gold for example in task.examples(task.train)] for task in training.tasks}
        while step < self.options.steps:
            step += 1
            note(f"step {training.name} {step}")
            score = float("nan") if step == 1 else step / self.options.steps
            training.log(step, {"loss": 1 / step, **{f"{name}/score": score for name in golds}})
            state.with_suffix(".new").write_text(json.dumps(step))
            state.with_suffix(".new").replace(state)
            time.sleep(self.options.pause)
        if self.options.trouble == "logs text":
            training.log(step, {"loss": "low"})  # type: ignore[dict-item]
        if self.options.trouble == "returns nothing":
            return None  # type: ignore[return-value]
        if self.options.trouble != "leaves nothing":
            self.save(training, golds)
        result = {"steps": step, "selected": step - 1, "scores": {"sums/accuracy": 0.75}, "notes": ("one note",)}
        return TrainingResult(**{**result, **self.options.result})

    def save(self, training: Training, golds: dict[str, list[Verdict]]) -> None:
        common = {name: Counter(map(str, found)).most_common(1)[0][0] for name, found in golds.items()}
        start = None if training.model is None else json.loads(Path(training.model, "answers.json").read_text())
        training.checkpoint.mkdir(exist_ok=True)
        (training.checkpoint / "answers.json").write_text(json.dumps({"common": common, "start": start}))


class JudgeOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, IsPath()]
    extra: bool = False


class Learnt:
    """Gives the most frequent answer that was learnt."""

    def __init__(self, options: JudgeOptions) -> None:
        path = Path(options.model, "answers.json")
        if not path.is_file():
            raise DataError(f"there is no model at {options.model}")
        self.learnt = json.loads(path.read_text())["common"]

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            yield request, request.read(self.learnt.get(request.task, "no"))

    def fingerprint(self) -> str:
        return json.dumps(self.learnt)


def several(options: JudgeOptions, context: Context) -> list[UnfoldedEntry]:
    return [UnfoldedEntry(name=name, options={"model": options.model}) for name in ("a", "b")]


@hookimpl
def harness_tasks() -> list[TaskCard]:
    every = ("train", "validation", "test")
    return [
        TaskCard(
            name="sums",
            summary="Even or not.",
            factory=lambda options, context: Sums(options),
            options=TaskOptions,
            splits=every,
            licence="CC0",
            source="made up | here",
        ),
        TaskCard(
            name="pairs",
            summary="The larger one.",
            factory=lambda options, context: Pairs(options),
            options=TaskOptions,
            splits=("train", "test"),
        ),
    ]


@hookimpl
def harness_rewards() -> list[RewardCard]:
    return [
        RewardCard(name="right", summary="Right or not.", factory=right, options=RewardOptions),
        RewardCard(name="broken", summary="Cannot be called.", factory=lambda options, context: "no reward"),
    ]


@hookimpl
def harness_trainers() -> list[TrainerCard]:
    return [
        TrainerCard(
            name="counter",
            summary="Counts the golds.",
            factory=lambda options, context: Counting(options),
            options=TrainerOptions,
        ),
        TrainerCard(
            name="counters",
            summary="The same, in several processes.",
            factory=lambda options, context: Counting(options),
            options=TrainerOptions,
            capabilities=frozenset({"processes"}),
        ),
        TrainerCard(name="half", summary="Lacks a method.", factory=lambda options, context: Sums(TaskOptions())),
    ]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [
        JudgeCard(
            name="learnt",
            summary="What was learnt.",
            factory=lambda options, context: Learnt(options),
            options=JudgeOptions,
        )
    ]


@hookimpl
def harness_training_logged(recipe: str, folder: Path, step: int, metrics: dict[str, float]) -> None:
    note(f"heard {recipe} {folder.name} {step} {sorted(metrics)}")


@hookimpl
def harness_training_ended(recipe: str, folder: Path, record: dict[str, Any] | None) -> None:
    note(f"ended {recipe} {folder.name} {None if record is None else record['steps']}")
