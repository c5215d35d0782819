"""The small wrong changes that `tools/mutate.py` makes, and the tests that it runs for them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import mutate


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("x = ä < 1", {"x = (ä >= 1)", "x = ä < 2"}),
        ("x = a and b", {"x = (a or b)"}),
        ("x = True", {"x = False"}),
        ("if a: b = c", {"if (not (a)): b = c"}),
        ("if a in b: c = d", {"if (a not in b): c = d"}),
        ("x += y", {"pass"}),
        ("f(\n  x)", {"pass"}),
        ("def f(a=1) -> Literal[1]: return a", {"def f(a=1) -> Literal[1]: return None"}),
        ("raise ValueError(1)", set()),
        ("if TYPE_CHECKING: import x", set()),
        ("x: Field(1) = y", set()),
    ],
)
def test_one_thing_is_changed_at_a_time(tmp_path: Path, line: str, changed: set[str]) -> None:
    (tmp_path / "m.py").write_text(line, encoding="utf-8")
    made = [mutation.apply(line) for mutation in mutate.find_mutations(Path("m.py"), tmp_path)]
    assert set(made) == changed
    assert len(made) == len(changed)
    for source in made:
        ast.parse(source)


def test_the_tests_of_a_module_run_before_those_of_its_part() -> None:
    assert mutate.find_tests(Path("harness/runner/plan.py")) == [
        Path("tests/runner/test_plan.py"),
        Path("tests/runner"),
    ]
    assert mutate.find_tests(Path("harness/runner/__init__.py")) == [Path("tests/runner")]
    assert mutate.find_tests(Path("harness/bundle/commands/verify.py")) == [Path("tests/bundle")]


def test_a_change_that_a_test_notices_is_told_from_one_that_none_does(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(a): return a < 3\n", encoding="utf-8")
    (tmp_path / "test_m.py").write_text("from m import f\ndef test_f(): assert f(1)\n", encoding="utf-8")
    survived = {}
    for mutation in list(mutate.find_mutations(Path("m.py"), tmp_path)):
        source = (tmp_path / "m.py").read_text(encoding="utf-8")
        (tmp_path / "m.py").write_text(mutation.apply(source), encoding="utf-8")
        survived[mutation.text] = mutate.run_tests(Path("test_m.py"), tmp_path, timeout=60)
        (tmp_path / "m.py").write_text(source, encoding="utf-8")
    assert survived == {"return None": False, "(a >= 3)": False, "4": True}
