"""Changes a part of the core in small wrong ways, one at a time, and counts the changes that its tests notice.

    python tools/mutate.py harness/runner --number 25 --seed 1

Each change is made in a temporary copy of the tree: a comparison or a condition is turned round, `and` becomes `or`, a
number is one more, a truth value is the other one, a result is `None`, or a statement is gone. The tests of the module
run first (`tests/runner/test_plan.py` for `harness/runner/plan.py`), and those of the whole part where they notice
nothing. A change that survives is printed. It is either a hole in the tests, or a change that makes no difference.

Not mutmut, which runs the whole suite before it begins. Not cosmic-ray, which draws no sample. Some tens of changes say
enough for a release.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_OPPOSITES: tuple[tuple[type[ast.cmpop], type[ast.cmpop]], ...] = (
    (ast.Eq, ast.NotEq),
    (ast.Lt, ast.GtE),
    (ast.Gt, ast.LtE),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
)
_TURNED = dict(_OPPOSITES) | {other: first for first, other in _OPPOSITES}


@dataclass(frozen=True)
class Mutation:
    """One small wrong change."""

    path: Path
    """The file, from the root."""
    node: ast.expr | ast.stmt
    """What is replaced."""
    text: str
    """What it is replaced with."""

    def apply(self, source: str) -> str:
        """The source with the change in it. Columns of the syntax tree count bytes."""
        lines = source.encode().splitlines(keepends=True)
        first, last = self.node.lineno - 1, (self.node.end_lineno or 0) - 1
        before = b"".join(lines[:first]) + lines[first][: self.node.col_offset]
        after = lines[last][self.node.end_col_offset :] + b"".join(lines[last + 1 :])
        return (before + self.text.encode() + after).decode()

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{self.node.lineno}: {ast.unparse(self.node)[:70]}  ->  {self.text[:70]}"


def find_mutations(path: Path, root: Path = ROOT) -> Iterator[Mutation]:
    """All changes of a file. Annotations, decorators, messages and imports stay as they are."""
    todo: list[ast.AST] = [ast.parse((root / path).read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.arguments):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield from _change(path, node)
        skipped = [getattr(node, "returns", None), getattr(node, "annotation", None)]
        skipped += getattr(node, "decorator_list", [])
        todo += [child for child in ast.iter_child_nodes(node) if child not in skipped]


def _change(path: Path, node: ast.AST) -> Iterator[Mutation]:
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare):
        yield Mutation(path, node.test, f"(not ({ast.unparse(node.test)}))")
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = ast.Compare(node.left, [_TURNED[type(node.ops[0])]()], node.comparators)
        yield Mutation(path, node, f"({ast.unparse(turned)})")
    elif isinstance(node, ast.BoolOp):
        operator = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield Mutation(path, node, f"({ast.unparse(ast.BoolOp(operator, node.values))})")
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
        yield Mutation(path, node, str(not node.value if isinstance(node.value, bool) else node.value + 1))
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield Mutation(path, node, "return None")
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield Mutation(path, node, "pass")


def find_tests(path: Path, root: Path = ROOT) -> list[Path]:
    """The test file of a module, where there is one, and the folder of its part."""
    mirrored = Path("tests").joinpath(*path.parent.parts[1:])
    file = mirrored / f"test_{path.stem.strip('_')}.py"
    # A package within a part may have no folder of tests: `harness/bundle/commands` is tested in `tests/bundle`.
    folder = next(place for place in (mirrored, *mirrored.parents) if (root / place).is_dir())
    return [file, folder] if (root / file).exists() else [folder]


def run_tests(tests: Path, root: Path, *, timeout: float) -> bool:
    """Whether tests pass; those that do not end in time do not."""
    sources = os.pathsep.join(map(str, [root, *sorted(root.glob("plugins/*/*/src"))]))
    environment = {**os.environ, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", str(tests)]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """Try mutations and print those that no test notices."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("part", type=Path, help="such as harness/runner")
    arguments.add_argument("--number", type=int, default=25)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--timeout", type=float, default=300, help="seconds for one test file or folder")
    given = arguments.parse_args()
    files = sorted(ROOT.joinpath(given.part).rglob("*.py"))
    mutations = [mutation for path in files for mutation in find_mutations(path.relative_to(ROOT))]
    drawn = random.Random(given.seed).sample(mutations, min(given.number, len(mutations)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "__pycache__", ".*cache", "runs", "dist"))
        for tests in sorted({found for mutation in drawn for found in find_tests(mutation.path)[-1:]}):
            if not run_tests(tests, copy, timeout=given.timeout * 4):
                raise SystemExit(f"{tests} fails as it is; fix that first")
        survivors = 0
        for number, mutation in enumerate(drawn, 1):
            began, target = time.monotonic(), copy / mutation.path
            source = target.read_text(encoding="utf-8")
            target.write_text(mutation.apply(source), encoding="utf-8")
            survived = all(run_tests(tests, copy, timeout=given.timeout) for tests in find_tests(mutation.path, copy))
            target.write_text(source, encoding="utf-8")
            survivors += survived
            print(
                f"{number:3} {'SURVIVED' if survived else 'caught':8} {time.monotonic() - began:4.0f} s  {mutation}",
                flush=True,
            )
    print(f"{len(drawn) - survivors} of {len(drawn)} noticed ({len(mutations)} possible changes, seed {given.seed})")


if __name__ == "__main__":
    main()
