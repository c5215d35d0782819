from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import entry_points

from harness.testing._checks import plugin_checks
from harness_probes import plugin
from harness_probes.options import Options

CARDS = {card.name: card for card in plugin.harness_tasks()}


def test_the_plugin_is_advertised_and_light() -> None:
    [entry] = [entry for entry in entry_points(group="harness") if entry.name == "probes"]
    assert entry.load() is plugin
    for _, check in plugin_checks("harness_probes.plugin"):
        check()
    code = (
        "import sys, harness_probes.plugin as p; p.harness_tasks(); "
        "print(sorted({'numpy', 'PIL', 'pydantic', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_card_has_the_options_of_its_name(models: dict[str, type[Options]]) -> None:
    assert set(CARDS) == set(models)
    for name, card in CARDS.items():
        module, _, attribute = str(card.options).partition(":")
        assert getattr(importlib.import_module(module), attribute) is models[name]
        assert card.splits == ("test",)
