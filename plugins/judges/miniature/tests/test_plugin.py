"""The plugin keeps the contract of its cards, its recipes among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.manifest.load import load_recipe
from harness.testing import parametrize_with_checks
from harness_miniature_judges import plugin

ROOT = Path(__file__).parents[4]


@parametrize_with_checks("miniature-judges")
def test_conformance(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("card", plugin.harness_manifests(), ids=lambda card: card.name)
def test_a_recipe_of_the_repository_is_the_shipped_one(card: object) -> None:
    name = str(getattr(card, "name", ""))
    plugins = Plugins.load()
    own = load_recipe(ROOT / "benchmarks" / "train" / f"{name.replace('-', '_')}.yaml", plugins=plugins)
    shipped = load_recipe(Path("miniature-judges", name), plugins=plugins)
    assert own.recipe.name == name
    assert own.hash == shipped.hash
