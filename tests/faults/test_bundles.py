"""Mutated bundles, a few of each kind. The whole campaign is run by hand: `python tests/faults/bundles.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def attacks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutated_bundles", Path(__file__).with_name("bundles.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_mutation_of_a_bundle_is_named(attacks: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="mutations of the third kind are told by a signature")
    missed: list[str] = []
    # One of each kind.
    count = len(attacks.BYTES) + len(attacks.CONTENT) + 1
    assert (attacks.attack_bundles(count, seed=1, place=tmp_path, say=missed.append), missed) == ((count, 0), [])
