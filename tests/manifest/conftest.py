"""A folder to write manifests in, and plugins with options of every shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from harness.api import (
    FormatCard,
    IsPath,
    JudgeCard,
    MetricCard,
    Operational,
    PluginError,
    RewardCard,
    TaskCard,
    TrainerCard,
    UnfoldedEntry,
)
from harness.discovery import Offer, Plugins
from harness.libraries.config import Problem
from harness.manifest.load import LoadedManifest, LoadedRecipe, load_manifest, load_recipe
from harness.manifest.problems import InvalidManifestError


class Inner(BaseModel):
    """Forgot to forbid extra keys."""

    depth: int = 1
    weights: Annotated[str, IsPath()] | None = None


class Options(BaseModel):
    """Forgot it as well."""

    model: str = "base"
    temperature: float = Field(default=0.0, ge=0)
    steps: int = 10
    stop: tuple[str, ...] = ()
    mode: Literal["fast", "slow"] = "fast"
    key: str | None = None
    answers: Annotated[str, IsPath()] | None = None
    files: list[Annotated[str, IsPath()]] = []
    inner: Inner = Inner()
    anything: Any = None

    @field_validator("model")
    @classmethod
    def _never_bad(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("bad is no model")
        if value == "crash":
            raise KeyError("crash")
        return value


class NeedyOptions(BaseModel):
    """Without a key it cannot be."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(alias="from")


class Steps(BaseModel):
    """Options of a trainer."""

    model_config = ConfigDict(extra="forbid")

    steps: int = Field(default=10, ge=1)
    batch: Annotated[int, Operational()] = 4
    warm: Annotated[str, IsPath()] | None = None
    key: str | None = None


def _offer(card: Any) -> Offer:
    return Offer(f"toy/{card.name}", card, "toy-distribution", "1.0")


def _broken() -> None:
    raise PluginError("toy is broken: ImportError: no module named 'torch'")


class ToyPlugins(Plugins):
    """The real search and its messages, over offers made here."""

    def __init__(self) -> None:
        super().__init__()
        cards: list[Any] = [
            TaskCard(name="plain", summary="", factory="x:y", splits=("train", "test")),
            TaskCard(name="rich", summary="", factory="x:y", options=Options),
            TaskCard(name="train-only", summary="", factory="x:y", splits=("train",)),
            TaskCard(
                name="many",
                summary="",
                factory="x:y",
                unfold=lambda options, context: [UnfoldedEntry(name="a", options={})],
            ),
            TaskCard(name="unloadable", summary="", factory="x:y", options="no_such_module_anywhere:Options"),
            JudgeCard(name="judge", summary="", factory="x:y", options=Options),
            JudgeCard(name="needy", summary="", factory="x:y", options=NeedyOptions),
            JudgeCard(name="simple", summary="", factory="x:y"),
            JudgeCard(
                name="pair",
                summary="",
                factory="x:y",
                options=Options,
                unfold=lambda options, context: [UnfoldedEntry(name="a", options={})],
            ),
            TaskCard(name="learnt", summary="", factory="x:y", options=Options, splits=("train", "validation", "test")),
            RewardCard(name="right", summary="", factory="x:y"),
            RewardCard(name="form", summary="", factory="x:y", options=Steps),
            TrainerCard(name="trainer", summary="", factory="x:y", options=Steps),
            TrainerCard(name="bare", summary="", factory="x:y"),
            FormatCard(name="tagged", summary="", factory="x:y"),
            MetricCard(name="accuracy", summary="", factory="x:y"),
            MetricCard(name="macro_f1", summary="", factory="x:y"),
        ]
        for card in cards:
            self._offers[card.kind][f"toy/{card.name}"] = _offer(card)


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return ToyPlugins()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]


@pytest.fixture
def load(folder: Path, plugins: Plugins) -> Load:
    """Write `m.yaml` and load it."""

    def _load(text: str | bytes, *sets: str) -> LoadedManifest:
        raw = text if isinstance(text, bytes) else text.encode()
        Path("m.yaml").write_bytes(raw)
        return load_manifest(Path("m.yaml"), sets=sets, plugins=plugins)

    return _load


LoadRecipe = Callable[..., LoadedRecipe]


@pytest.fixture
def load_r(folder: Path, plugins: Plugins) -> LoadRecipe:
    """Write `r.yaml` and load it as a recipe."""

    def _load(text: str, *sets: str) -> LoadedRecipe:
        Path("r.yaml").write_text(text, encoding="utf-8")
        return load_recipe(Path("r.yaml"), sets=sets, plugins=plugins)

    return _load


@pytest.fixture
def refuse(load: Load) -> Refuse:
    """Write `m.yaml`, load it, and return the problems that it must have."""

    def _refuse(text: str | bytes, *sets: str) -> list[Problem]:
        with pytest.raises(InvalidManifestError) as caught:
            load(text, *sets)
        assert caught.value.problems
        for problem in caught.value.problems:
            assert problem.origin.line > 0 or problem.origin.label.startswith("--set "), problem
            assert str(problem) in str(caught.value)
        return list(caught.value.problems)

    return _refuse
