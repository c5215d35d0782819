"""The words of the house: plain names, plain prose."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import words

HELD = (
    "plugins/rewards/",
    "plugins/tasks/",
    "tools/",
    "harness/score/",
    "harness/doctor/",
    "harness/report/",
    "harness/pipeline/",
    *(f"harness/cli/{name}.py" for name in ("__init__", "_distribution", "_sheet", "_unread", "list", "merge")),
    *(f"harness/cli/{name}.py" for name in ("plugins", "run", "show", "validate")),
    "harness/builtin.py",
    "harness/candidates.py",
    "harness/console.py",
    "harness/discovery.py",
    "harness/registration.py",
    "harness/verbs.py",
    "docs/explanation/statistics.md",
    "docs/explanation/measured-validity.md",
    "docs/explanation/honest-numbers.md",
    "docs/explanation/calibration.md",
    "docs/explanation/human-ceiling.md",
    "docs/how-to/plan-how-many-items.md",
    "docs/how-to/estimate-a-rate.md",
    "docs/how-to/trust-a-verdict.md",
    "docs/how-to/see-how-far-people-agree.md",
    "docs/how-to/compare-two-judges.md",
    "docs/how-to/check-for-leaks.md",
)
"""Beginnings of the paths that are held to the rules; a part joins them when it has been gone through."""


@pytest.mark.parametrize(
    "path",
    [path for path in words.find_files() if path.relative_to(words.ROOT).as_posix().startswith(HELD)],
    ids=lambda path: path.relative_to(words.ROOT).as_posix(),
)
def test_names_and_prose_are_plain(path: Path) -> None:
    name = path.relative_to(words.ROOT).as_posix()
    assert [f"{name}:{line}: {fault}" for line, fault in words.find_faults(path, name)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("told_apart", True), ("_joined", True), ("join", False), ("need_images", False), ("split_rows", False)],
)
def test_participles_are_told_from_verbs(name: str, expected: bool) -> None:
    assert words.is_participle(name) is expected


def test_names_comments_docstrings_messages_and_pages_are_read(tmp_path: Path) -> None:
    code = tmp_path / "a.py"
    code.write_text(
        '"""Whatever."""\ndef joined(one):\n    # nor this\n    return [one for one in f"anew {one}"]\nnor = 1\n'
    )
    page = tmp_path / "a.md"
    page.write_text("```\nnor\n```\nAsk `nor` anew.\n\nNobody.\n")
    assert [line for line, _ in sorted(words.find_faults(code, "a.py"))] == [1, 2, 2, 3, 4, 4]
    assert [line for line, _ in sorted(words.find_faults(page, "a.md"))] == [4, 6]


def test_a_plainer_word_is_named(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("Ask anew.")
    assert [fault for _, fault in words.find_faults(page, "a.md")] == ["'anew': plainer is again"]
