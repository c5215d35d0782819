"""The README's two commands, its leaderboard, and its promises of length."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

COMMANDS = [
    "pip install -r requirements.txt && harness run benchmarks/ood.yaml",
    "pip install -r requirements.txt && pytest -n 2",
]


def test_the_two_commands_stand_between_their_markers(root: Path) -> None:
    """`.ci/run` reads them from there."""
    lines = (root / "README.md").read_text(encoding="utf-8").splitlines()
    between = lines[lines.index("<!-- two-commands -->") + 1 : lines.index("<!-- /two-commands -->")]
    assert [line for line in between if line.startswith("pip install")] == COMMANDS


def test_the_judge_has_ten_lines_and_the_task_thirty(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    for name, most in (("my_judge.py", 10), ("my_task.py", 30)):
        match = re.search(rf"^\*\*`{name}`\*\*\n\n```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert match is not None
        assert len([line for line in match[1].splitlines() if line.strip()]) <= most, name


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_leaderboard_has_the_shape_of_what_the_command_prints(
    root: Path, readme: ModuleType, ood_runs: Path
) -> None:
    (run,) = ood_runs.glob("ood-*")
    shown = readme.in_readme((root / "README.md").read_text(encoding="utf-8"))
    real = readme.excerpt(readme.printed(run))
    assert _shape(shown) == _shape(real), "make it anew: python docs/_readme.py RUN_FOLDER"


def _shape(text: str) -> list[str]:
    """Digits and spacing may differ by machine, and with them ranks, marks, letters and the order of rows."""
    lines, lettered = [], False
    for line in text.splitlines():
        if line.startswith("rank "):
            lettered = line.split()[1] == "letters"
        rank = re.match(r" *\d+(–\d+)? +", line)
        if rank:
            line = "# " + (line[rank.end() :].partition(" ")[2] if lettered else line[rank.end() :])
        numbers = re.sub(r"[─\d.,]+", "#", line).replace("#–#", "#").replace("#*", "#")
        lines.append(" ".join(numbers.split()))
    return sorted(lines)


def test_the_shape_knows_no_ranks_and_no_letters() -> None:
    assert _shape("rank  letters  judge\n 1–3  ab       one-judge  95.6") == ["# one-judge #", "rank letters judge"]
    assert _shape("rank  judge\n   1  one-judge  95.6") == _shape("rank  judge\n 1–2  one-judge  7")
    assert _shape("one-judge  1–2  95.6 ±3.1*") == _shape("one-judge  1  7 ±12")
    assert _shape("one-judge  1  –") != _shape("one-judge  1  95.6"), "whether there is a value is no detail"
    assert _shape("   –  one-judge  –") != _shape("   1  one-judge  –"), "whether it is ranked is no detail"
