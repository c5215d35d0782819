"""The manifest of the README runs as it stands, and the README's numbers are those of its report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness_probes import plugin
from harness_probes.options import Options

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(info: str) -> str:
    match = re.search(rf"^```{info}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert match is not None, info
    return match[1]


def numbers(cells: list[str]) -> list[float]:
    """All numbers of a row, those of intervals too."""
    return [float(number) for cell in cells for number in re.findall(r"[+-]?\d+(?:\.\d+)?", cell)]


@pytest.mark.slow
def test_the_manifest_runs_and_gives_the_numbers_that_the_readme_shows(run: Callable[..., Path]) -> None:
    report = (run(block("yaml")) / "leaderboard.md").read_text(encoding="utf-8")
    section = report[report.index("## Probes") :]
    lines = [re.split(r" {2,}", line.strip()) for line in block("text").splitlines() if line]
    assert sum(len(line) == 8 for line in lines) == 8
    for line in lines:
        if len(line) == 1:
            _, found, section = section.partition(f"### {line[0]}\n")
            assert found, line
        else:
            tables = [re.split(r" *\| *", row.strip("| ")) for row in section.splitlines() if row.startswith("|")]
            kept = next(row for row in tables if row[0] == line[0])
            real = [kept[k] for k in (0, 1, 2, 3, 6, 7, 8, 9)]
            if line[0] == "pixels":  # fitted here: a few of its answers are the machine's
                assert numbers(real) == pytest.approx(numbers(line), abs=2.5)
            else:
                assert real == line


def test_the_table_names_every_probe_and_every_option(models: dict[str, type[Options]]) -> None:
    for card in plugin.harness_tasks():
        [row] = [line for line in README.splitlines() if line.startswith(f"| `probes/{card.name}` |")]
        own = set(models[card.name].model_fields) - set(Options.model_fields)
        assert [name for name in own if f"`{name}`" not in row] == []
    for name, spec in Options.model_fields.items():
        assert f"`{spec.alias or name}:" in README
