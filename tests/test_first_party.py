"""The table of this repository's plugins is what they offer; a name of one that is missing is told what to install."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.api import PluginError
from harness.candidates import PluginRow
from harness.discovery import KINDS, Plugins
from harness.first_party import find_plugins, read_distributions, read_offers

ROOT = Path(__file__).resolve().parents[1]


def test_every_plugin_is_in_the_table_with_its_distribution() -> None:
    files = ROOT.glob("plugins/*/*/pyproject.toml")
    projects = [tomllib.loads(file.read_text(encoding="utf-8"))["project"] for file in files]
    real = {plugin: project["name"] for project in projects for plugin in project["entry-points"]["harness"]}
    assert real == read_distributions()


def test_every_name_that_they_offer_is_in_the_table() -> None:
    plugins = Plugins.load()
    real = {
        kind: {offer.id for offer in plugins.offers(kind) if offer.distribution in read_distributions().values()}
        for kind in KINDS
    }
    # Ray is no part of the README's install.
    apart = set() if any(row.name == "ray" for row in plugins.rows) else {"ray"}
    listed = {
        kind: {
            f"{plugin}/{name}"
            for plugin, names in read_offers().get(kind, {}).items()
            for name in names
            if plugin not in apart
        }
        for kind in KINDS
    }
    assert listed == real


@pytest.mark.parametrize(
    ("kind", "name", "distribution"),
    [
        ("judge", "openai", "judge-harness-endpoints"),
        ("judge", "openai/openai", "judge-harness-endpoints"),
        ("judge", "pixels", "judge-harness-baselines"),
        ("task", "miniature/safety", "judge-harness-miniature"),
        ("trainer", "sft", "judge-harness-grpo"),
        ("reward", "accuracy", "judge-harness-rewards"),
        ("manifest", "ood", "judge-harness-miniature"),
    ],
)
def test_a_missing_plugin_of_ours_is_named_with_what_installs_it(kind: str, name: str, distribution: str) -> None:
    with pytest.raises(PluginError) as caught:
        Plugins().find(kind, name)
    assert str(caught.value) == f"there is no {kind} {name!r}; pip install {distribution}"


def test_a_name_of_another_kind_or_of_nobody_is_no_hint() -> None:
    assert find_plugins("task", "openai") == find_plugins("judge", "somebody/openai") == []
    with pytest.raises(PluginError, match="install the plugin that offers it"):
        Plugins().find("judge", "nobody")


def test_what_is_installed_and_blocked_is_not_to_be_installed() -> None:
    with pytest.raises(PluginError, match="judge 'pixels': plugin 'baselines' is left out"):
        Plugins.load(blocked=["baselines"]).find("judge", "pixels")


def test_an_installed_plugin_that_no_longer_offers_a_name_is_not_to_be_installed_again() -> None:
    plugins = Plugins()
    plugins.rows = [PluginRow(name="openai", distribution="judge-harness-endpoints", version="9", status="ok")]
    with pytest.raises(PluginError) as caught:
        plugins.find("judge", "openai")
    assert "pip install" not in str(caught.value)
