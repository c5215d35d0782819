"""The resolved manifest is complete, runs again as it is, and says where every value came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.discovery import Plugins
from harness.inspection.origins import render_with_origins
from harness.libraries.config import read_text, render
from harness.manifest.load import LoadedManifest, load_manifest
from harness.manifest.problems import ManifestProblems
from harness.manifest.resolved import digest, fill_defaults

Load = Callable[..., LoadedManifest]

TEXT = """\
name: whole
vars: {n: 3, home: data}
tasks:
  - use: plain
    data: ${vars.home}
    protocol: {order: both}
  - {use: many}
judges:
  - use: judge
    name: "1e5"
    with: {steps: "${vars.n}", answers: a.jsonl, files: [b], inner: {weights: w}, anything: "no $${x} \\u2028"}
"""


def test_running_the_stored_manifest_again_gives_the_same(
    folder: Path, load: Load, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "data").mkdir()
    loaded = load(TEXT, "run.seed=5")
    elsewhere = folder / "runs" / "x"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    for origins in (False, True):
        Path("manifest.yaml").write_text(
            render_with_origins(loaded) if origins else render(loaded.content), encoding="utf-8"
        )
        again = load_manifest(Path("manifest.yaml"), plugins=plugins)
        assert again.content == loaded.content
        assert again.hash == loaded.hash
        assert [one.entry.name for one in again.tasks] == [one.entry.name for one in loaded.tasks]
        assert [one.options for one in again.judges] == [one.options for one in loaded.judges]


def test_defaults_of_everything_are_filled_in_and_paths_are_absolute(folder: Path, load: Load) -> None:
    (folder / "data").mkdir()
    resolved = load(TEXT).content
    assert resolved["tasks"][0] == {
        "use": "toy/plain",
        "name": "plain",
        "split": "test",
        "limit": None,
        "sample": None,
        "data": str(folder / "data"),
        "with": {},
        "format": None,
        "protocol": {"order": "both"},
        "suite": None,
    }
    assert resolved["judges"][0]["with"] == {
        "model": "base",
        "temperature": 0.0,
        "steps": 3,
        "stop": [],
        "mode": "fast",
        "key": None,
        "answers": str(folder / "a.jsonl"),
        "files": [str(folder / "b")],
        "inner": {"depth": 1, "weights": str(folder / "w")},
        "anything": "no $${x} \u2028",
    }
    assert resolved["vars"] == {}
    assert resolved["report"]["confidence"] == 0.95


def test_each_leaf_says_where_it_came_from(folder: Path, load: Load) -> None:
    (folder / "data").mkdir()
    loaded = load(TEXT, "run.seed=5")
    expected = {
        "name": "m.yaml:1:7",
        "tasks.0.data": "m.yaml:2:20",
        "tasks.0.protocol.order": "m.yaml:6:23",
        "tasks.0.split": "default",
        "judges.0.with.steps": "m.yaml:2:11",
        "judges.0.with.inner.depth": "default",
        "run.seed": "--set run.seed=5",
    }
    assert expected.items() <= loaded.origins.items()
    shown = render_with_origins(loaded).splitlines()
    assert "  seed: 5  # --set run.seed=5" in shown
    assert f'    data: "{folder}/data"  # m.yaml:2:20' in shown


def test_a_manifest_without_a_sample_has_the_hash_that_it_had_before_there_were_samples(
    folder: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "data").mkdir()
    hashed: list[str] = []

    def look(document: Any) -> str:
        hashed.append(repr(document))
        return digest(document)

    monkeypatch.setattr("harness.manifest.load.digest", look)
    first = load(TEXT)
    assert first.content["tasks"][0]["sample"] is None
    assert hashed
    assert not any("'sample'" in text for text in hashed)
    assert load(TEXT, "tasks.0.sample=5").hash != first.hash


def test_the_hash_follows_what_is_run_and_not_how_it_is_written(folder: Path, load: Load) -> None:
    (folder / "data").mkdir()
    first = load(TEXT)
    same = (
        TEXT.replace('"${vars.n}"', "3")
        .replace("{order: both}", "\n      order: 'both'\n")
        .replace("plain", "toy/plain")
    )
    assert load(same).hash == first.hash
    assert load(TEXT, "vars.n=4").hash != first.hash
    assert len(first.hash) == 12
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})


def test_secrets_are_not_in_the_stored_manifest_even_inside_paths(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_KEY", "s3cret")
    text = TEXT.replace("${vars.home}", "hub:a/b").replace("a.jsonl", "'${env:TOY_KEY}/a'")
    loaded = load(text)
    assert "s3cret" in str(getattr(loaded.judges[0].options, "answers", ""))
    assert "s3cret" not in render_with_origins(loaded)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_PLAIN = st.recursive(
    _SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3), max_leaves=10
)


@given(st.dictionaries(st.text(), _PLAIN, min_size=1, max_size=4))
def test_what_is_rendered_reads_back_equal(data: dict[str, Any]) -> None:
    problems = ManifestProblems()
    text = render(data)
    node = read_text(text, label="x", folder=Path(), problems=problems)
    problems.raise_if_any()
    assert node.data() == data
    assert repr(node.data()) == repr(data)  # 1 is not 1.0, and not true


def test_other_yaml_readers_agree_where_numbers_are_written_alike(folder: Path, load: Load) -> None:
    (folder / "data").mkdir()
    loaded = load(TEXT)
    assert yaml.safe_load(render(loaded.content)) == loaded.content


def test_an_empty_default_that_the_model_would_refuse_is_left_out() -> None:
    from pydantic import BaseModel

    class Sloppy(BaseModel):
        a: str = None  # type: ignore[assignment]  # what sloppy authors write
        b: str | None = None

    assert fill_defaults({}, Sloppy()) == {"b": None}


def test_a_default_that_looks_like_interpolation_is_written_so_that_it_reads_back() -> None:
    from pydantic import BaseModel

    class Prompted(BaseModel):
        prompt: str = "${question}"
        more: list[str] = ["${x}"]

    assert fill_defaults({}, Prompted()) == {"prompt": "$${question}", "more": ["$${x}"]}
