"""Requests in real formats, and all rewards as their cards make them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from harness.api import AnswerSpace, Message, Request, Reward, RewardCard, VerdictFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_verdict.plugin import harness_rewards

OPTIONS: dict[str, dict[str, Any]] = {"length": {"limit": 100, "buffer": 20}}


def question(space: AnswerSpace, form: VerdictFormat | None = None, **fields: Any) -> Request:
    form = TaggedFormat() if form is None else form
    known: dict[str, Any] = {"task": "words", "item": "7", **fields}
    messages = (Message("user", (form.instruction(space),)),)
    return Request(messages=messages, space=space, format=form, **known)


def attribute(name: object) -> Any:
    module, _, member = str(name).partition(":")
    return getattr(import_module(module), member)


def made(card: RewardCard) -> Reward:
    options = None if card.options is None else attribute(card.options)(**OPTIONS.get(card.name, {}))
    reward = attribute(card.factory)(options, FakeContext(workspace=Path()))
    assert isinstance(reward, Reward)
    return reward


@pytest.fixture(scope="session")
def put() -> Callable[..., Request]:
    """Makes a request: a space, a format (tagged by default) and any field of it."""
    return question


@pytest.fixture(scope="session")
def rewards() -> dict[str, Reward]:
    """Every reward by name."""
    return {card.name: made(card) for card in harness_rewards()}
