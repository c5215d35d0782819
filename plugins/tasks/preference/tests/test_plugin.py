from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.api import FormatCard, Preference, TaskCard
from harness.discovery import Plugins
from harness.testing import FakeContext, parametrize_with_checks, read
from harness_preference import plugin
from harness_preference.options import Options

CARDS = [*plugin.harness_tasks(), *plugin.harness_formats()]


def test_the_plugin_is_advertised() -> None:
    (entry,) = [entry for entry in entry_points(group="harness") if entry.name == "preference"]
    assert entry.load() is plugin


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    heavy = "{'datasets', 'pyarrow', 'pydantic', 'PIL', 'numpy', 'torch'}"
    code = f"import harness_preference.plugin, sys; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.kind}-{card.name}")
def test_a_card_names_what_exists_and_says_where_it_comes_from(card: TaskCard | FormatCard) -> None:
    for lazy in (card.factory, card.unfold, card.options):
        if lazy is not None:
            module, _, attribute = str(lazy).partition(":")
            assert callable(getattr(importlib.import_module(module), attribute))
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)
    assert card.source
    assert card.summary
    if isinstance(card, TaskCard):
        assert all((card.metric, card.columns, card.deviations, card.pitfalls, card.example, card.protocol))


@parametrize_with_checks(plugin.harness_tasks())
def test_conformance(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(
    plugin.harness_formats(),
    expected_failures={"format_contradiction_is_no_verdict": "the official script takes the first label that it finds"},
)
def test_conformance_of_formats(check: Callable[[], None]) -> None:
    check()


def test_options_are_checked() -> None:
    assert Options().model_dump(exclude_none=True) == {}
    for wrong in ({"subset": "../x"}, {"subset": ""}, {"subsets": "gpt"}, {"hub_split": "a b"}):
        with pytest.raises(ValidationError):
            Options.model_validate(wrong)


@pytest.mark.parametrize("name", ["rewardbench", "rewardbench-2", "multimodal-rewardbench", "judgebench"])
def test_where_officially_any_label_counts_the_last_paragraph_does_and_the_card_says_so(
    tmp_path: Path, name: str
) -> None:
    benchmark = importlib.import_module(f"harness_preference.benchmarks.{name.replace('-', '_')}").BENCHMARK
    reader = Plugins.load().find("format", benchmark.format).create(None, FakeContext(workspace=tmp_path))
    space = Preference(2)
    first, second = (reader.write(verdict, space) for verdict in space.verdicts())
    for text in (f"At first {first}.\n\nIn the end {second}", f"Between {first} and {second}"):
        assert read(reader, text, space).problem == "contradicts itself: A and B"
    (card,) = [card for card in plugin.harness_tasks() if card.name == name]
    assert "label" in card.deviations
