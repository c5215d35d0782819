"""What the tests of the miniature suite share: its cards, its tasks, and a plain verdict format."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import AnswerSpace, Reading, Request, TaskCard, Verdict, VerdictFormat
from harness_miniature.plugin import harness_tasks
from harness_miniature.task import MiniatureTask

MakeTask = Callable[..., MiniatureTask]


class Plain:
    """The bare answer, nothing else."""

    name = "plain"

    def instruction(self, space: AnswerSpace) -> str:
        return "Answer in the usual way."

    def parse(self, text: str, request: Request) -> Reading:
        return Reading(verdict=request.space.read(text))

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        return space.name(verdict)


class Given:
    """The context of a task, by hand."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.data = None
        self.workspace = Path()
        self.seed = 0


def _attribute(place: object) -> Any:
    assert isinstance(place, str)
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(scope="session")
def plain() -> VerdictFormat:
    return Plain()


@pytest.fixture(scope="session")
def cards() -> dict[str, TaskCard]:
    return {card.name: card for card in harness_tasks()}


@pytest.fixture(scope="session")
def make(cards: dict[str, TaskCard]) -> MakeTask:
    """`make("safety", items=60)`: the task as the harness would make it."""

    def build(name: str, **options: Any) -> MiniatureTask:
        card = cards[name]
        task = _attribute(card.factory)(_attribute(card.options)(**options), Given(name))
        assert isinstance(task, MiniatureTask)
        return task

    return build


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`name` runs over all tasks, `trained` over those with a train split."""
    everything = harness_tasks()
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", [card.name for card in everything])
    if "trained" in metafunc.fixturenames:
        metafunc.parametrize("trained", [card.name for card in everything if "train" in card.splits])
