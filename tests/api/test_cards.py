"""Options that say how a judge is run and never what it answers: no part of its key, nor of the run folder's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from harness.api import AddedLater, Context, IsPath, JudgeCard, Judgement, Operational, Request
from harness.discovery import Offer, Plugins, operational, options_of
from harness.manifest.load import LoadedManifest, load_manifest
from harness.runner.plan import build_plan


class Inner(BaseModel):
    depth: int = 1
    width: Annotated[int | None, AddedLater()] = None


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    model: str = "m"
    batch: Annotated[int, Operational()] = Field(default=8, ge=1)
    budget: Annotated[float | None, Operational] = None
    certificate: Annotated[str | None, IsPath(), Operational()] = None
    workers: Annotated[int, Operational()] = Field(default=1, alias="threads")
    optimizer: Annotated[str, AddedLater()] = Field(default="adamw", alias="optim")
    inner: Inner = Inner()


class Judge:
    def __init__(self, options: Options) -> None:
        self.options = options

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            yield request, Judgement.of(request.space.verdicts()[0])

    def fingerprint(self) -> str:
        return "1"


def make(options: Options, context: Context) -> Judge:
    return Judge(options)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LoadedManifest]:
    """A manifest with one judge of the options above."""
    plugins = Plugins.load()
    card = JudgeCard(name="fast", summary="Fast.", factory=make, options=Options)
    plugins._offers["judge"]["toy/fast"] = Offer("toy/fast", card, "toy", "1.0")

    def loaded(options: str = "{}") -> LoadedManifest:
        path = tmp_path / "m.yaml"
        path.write_text(
            "name: ops\ntasks: [{use: miniature/technical, limit: 2}]\n"
            f"judges: [{{use: toy/fast, with: {options}}}]\n"
        )
        return load_manifest(path, plugins=plugins)

    return loaded


def key(loaded: LoadedManifest, folder: Path) -> str:
    return build_plan(loaded, Plugins.load(), workspace=folder).judges[0].key


def test_the_mark_works_as_a_class_and_as_an_instance_beside_other_marks() -> None:
    assert operational(Options) == ["batch", "budget", "certificate", "workers"]
    assert options_of(Options(batch=3, budget=1.0)) == {"model": "m", "inner": {"depth": 1}}
    assert options_of(None) == {}


@pytest.mark.parametrize("option", ["batch: 64", "budget: 0.5", "certificate: ca.pem", "threads: 4", "workers: 4"])
def test_an_operational_option_changes_neither_key_nor_run_folder(
    load: Callable[..., LoadedManifest], tmp_path: Path, option: str
) -> None:
    plain, changed = load(), load(f"{{{option}}}")
    assert changed.hash == plain.hash
    assert key(changed, tmp_path) == key(plain, tmp_path)


def test_any_other_option_changes_both(load: Callable[..., LoadedManifest], tmp_path: Path) -> None:
    plain, changed = load(), load("{model: other}")
    assert changed.hash != plain.hash
    assert key(changed, tmp_path) != key(plain, tmp_path)


@pytest.mark.parametrize("option", ["optim: adamw", "optimizer: adamw", "inner: {}", "inner: {width: null}"])
def test_an_option_that_was_added_later_changes_nothing_at_its_default(
    load: Callable[..., LoadedManifest], tmp_path: Path, option: str
) -> None:
    plain, written = load(), load(f"{{{option}}}")
    assert written.hash == plain.hash
    assert key(written, tmp_path) == key(plain, tmp_path)


@pytest.mark.parametrize("option", ["optim: adamw_8bit", "inner: {width: 3}"])
def test_an_option_that_was_added_later_counts_once_it_is_set(
    load: Callable[..., LoadedManifest], tmp_path: Path, option: str
) -> None:
    plain, changed = load(), load(f"{{{option}}}")
    assert changed.hash != plain.hash
    assert key(changed, tmp_path) != key(plain, tmp_path)


def test_the_names_are_those_from_before_there_was_such_an_option() -> None:
    class Before(BaseModel):
        model: str = "m"

    class After(Before):
        optimizer: Annotated[str, AddedLater] = "adamw"

    assert options_of(After()) == options_of(Before())
    assert options_of(After(optimizer="sgd")) == {"model": "m", "optimizer": "sgd"}


def test_the_judge_and_the_resolved_manifest_still_have_it(load: Callable[..., LoadedManifest], tmp_path: Path) -> None:
    loaded = load("{batch: 64, certificate: ca.pem}")
    [judge] = build_plan(loaded, Plugins.load(), workspace=tmp_path).judges
    assert isinstance(judge.judge, Judge)
    assert judge.judge.options.batch == 64
    assert judge.judge.options.certificate == str(tmp_path / "ca.pem")
    assert json.loads(json.dumps(loaded.content))["judges"][0]["with"]["batch"] == 64


def test_its_mistakes_are_found_like_those_of_any_other(load: Callable[..., LoadedManifest]) -> None:
    with pytest.raises(Exception, match=r"m\.yaml:3:.*batch"):
        load("{batch: 0}")
