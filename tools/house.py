"""Figures of the house, and the two rules that its floor plan keeps: layers, and no circle of modules.

    python tools/house.py [--json]

Not for style, which is ruff's, and not for types, which are mypy's. `tests/test_house.py` holds the rules.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from words import find_faults, is_participle

ROOT = Path(__file__).parents[1]

LAYERS = (
    ("libraries",),
    ("api", "verbs"),
    ("allowed", "candidates", "first_party", "registration"),
    ("discovery",),
    ("console", "formats", "manifest", "score"),
    ("progress", "runner"),
    ("readiness", "recipes"),
    ("execution", "pipeline", "recorded"),
    ("report", "reuse"),
    ("bundle", "drift", "fetch", "inspection", "price", "shards", "training"),
    ("explain",),
    ("card", "push"),
    ("doctor", "testing", "view"),
    ("authoring", "library"),
    ("cli", "pytest_plugin"),
)
"""Parts of `harness`, the lowest first. A module imports its own part, and parts of lower layers."""

TOP = ("builtin", "_package", "__main__", "__init__")
"""Modules that name others without using them, and the front door: above and below every layer."""

KERNEL = (
    "api",
    "verbs",
    "registration",
    "allowed",
    "candidates",
    "first_party",
    "discovery",
    "console",
    "manifest",
    "runner",
    "pipeline",
    "cli",
)
"""Parts that a run always needs, without the `TOOLKITS` in them, and with the `LIBRARIES` below them."""

TOOLKITS = tuple(
    f"harness.api.{name}"
    for name in (
        "data",
        "execution",
        "explaining",
        "facts",
        "files",
        "images",
        "optional",
        "pricing",
        "reading",
        "results",
        "running",
        "spaces",
        "training",
    )
)
"""Packages that plugins are made of, and that the kernel hardly uses: not counted as kernel. `find_toolkit_uses` counts
what it uses of each, also by way of `harness.api`."""

LIBRARIES = "harness.libraries"
"""Its modules and packages know nothing of the harness: they import nothing of it, and could be distributions of their
own. The kernel uses them as it uses click and pydantic, through their front doors, so who reads it need not read them.
They are counted apart."""

BATTERIES = (
    "formats",
    "score",
    "readiness",
    "recipes",
    "recorded",
    "report",
    "reuse",
    "bundle",
    "card",
    "drift",
    "explain",
    "fetch",
    "inspection",
    "price",
    "progress",
    "push",
    "shards",
    "training",
    "doctor",
    "testing",
    "authoring",
    "execution",
    "view",
    "library",
)
"""Parts that the kernel never imports: it reaches them through hooks."""


@dataclass(frozen=True)
class Module:
    """One Python file of a distribution, tests and templates left out."""

    name: str
    """Dotted name."""
    path: Path
    """The file."""

    @cached_property
    def text(self) -> str:
        """What it holds."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The same as a syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[tuple[str, str, int]]:
        """Each name that it imports, the module or package before the last dot, and the line."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(alias.name, "", node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [(f"{node.module}.{alias.name}", str(node.module), node.lineno) for alias in node.names]
        return found

    @property
    def part(self) -> str:
        """The part of `harness` that it belongs to; empty for a plugin."""
        words = self.name.split(".")
        return "" if words[0] != "harness" else words[1] if len(words) > 1 else "__init__"

    @property
    def in_kernel(self) -> bool:
        """Whether it belongs to the kernel."""
        return self.part in KERNEL and not self.name.startswith(TOOLKITS)


def find_modules(root: Path = ROOT) -> dict[str, Module]:
    """All modules of the core and of the plugins, by name."""
    found = {}
    for base in (root, *sorted(root.glob("plugins/*/*/src"))):
        for path in sorted((base / "harness" if base == root else base).rglob("*.py")):
            if "_templates" in path.parts:
                continue
            name = ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
            found[name] = Module(name, path)
    return found


def imports_of(module: Module, known: Mapping[str, Module]) -> dict[str, int]:
    """The known modules that a module imports, anywhere in it and for types only as well, with a line each."""
    found: dict[str, int] = {}
    for name, package, line in module.imports:
        target = name if name in known else package
        if target in known and target != module.name:
            found[target] = line
    return found


def find_circles(modules: Mapping[str, Module]) -> list[list[str]]:
    """Groups of modules that import one another in a circle."""
    names = list(modules)
    place = {name: number for number, name in enumerate(names)}
    pairs = [(place[name], place[to]) for name, module in modules.items() for to in imports_of(module, modules)]
    rows, columns = np.array(pairs).T
    graph = csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(names)))
    count, label = connected_components(graph, directed=True, connection="strong")
    groups: list[list[str]] = [[] for _ in range(count)]
    for name, number in zip(names, label.tolist(), strict=True):
        groups[number].append(name)
    return [sorted(group) for group in groups if len(group) > 1]


def find_arrows_up(modules: Mapping[str, Module]) -> list[str]:
    """Imports from a higher layer of the core, and imports of plugins from anything but `harness.api`."""
    level = {part: number for number, parts in enumerate(LAYERS) for part in parts}
    found = []
    for name, module in modules.items():
        for to, line in imports_of(module, modules).items():
            target = modules[to].part
            if module.part in level and target in level and level[target] > level[module.part]:
                found.append(f"{name}:{line} imports {to}, which is above it")
            if module.part in level and module.part != target and level[module.part] == level.get(target):
                found.append(f"{name}:{line} imports {to}, which is beside it")
            if not module.part and target and target not in ("api", "__init__"):
                found.append(f"{name}:{line} imports {to}; a plugin imports harness.api only")
    return found


def find_batteries_imported(modules: Mapping[str, Module]) -> list[str]:
    """Imports of a battery from the kernel."""
    return [
        f"{name}:{line} imports {to}, which the kernel reaches through hooks only"
        for name, module in modules.items()
        for to, line in imports_of(module, modules).items()
        if module.part in KERNEL and modules[to].part in BATTERIES
    ]


def find_toolkit_uses(modules: Mapping[str, Module], *, kernel: bool = True) -> dict[str, dict[str, set[str]]]:
    """What the kernel, or all that is none, uses of each toolkit: names by module. `harness.api` itself is left out."""
    # `from harness.api import X` uses the toolkit that X comes from.
    front = {name.rpartition(".")[2]: package for name, package, _ in modules["harness.api"].imports}
    found: dict[str, dict[str, set[str]]] = {toolkit: {} for toolkit in TOOLKITS}
    for module in modules.values():
        if module.in_kernel != kernel or module.part == "api":
            continue
        for name, package, _ in module.imports:
            leaf = name.rpartition(".")[2]
            source = front.get(leaf, name) if package == "harness.api" else name
            for toolkit in TOOLKITS:
                if f"{source}.".startswith(f"{toolkit}."):
                    found[toolkit].setdefault(module.name, set()).add(leaf)
    return found


def find_side_doors(modules: Mapping[str, Module]) -> list[str]:
    """Imports of what lies within a library, from outside of the libraries."""
    doors = {name for name in modules if name.startswith(f"{LIBRARIES}.") and name.count(".") == 2}
    return [
        f"{name}:{line} imports {to}; its front door is {'.'.join(to.split('.')[:3])}"
        for name, module in modules.items()
        for to, line in imports_of(module, modules).items()
        if to.startswith(f"{LIBRARIES}.") and to not in doors and module.part != "libraries"
    ]


def count_code(module: Module) -> int:
    """Lines of code: no blank lines, no docstrings, no lines that are comments alone."""
    words = {
        line
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = module.text.splitlines()
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in words
        for number, line in enumerate(lines, 1)
    )


def find_records(modules: Iterable[Module]) -> list[str]:
    """Classes that hold data, and contracts: dataclasses, named tuples, models, and protocols."""
    return [*find_data_records(modules), *find_contracts(modules)]


def find_contracts(modules: Iterable[Module]) -> list[str]:
    """Classes that say what an object must do: `typing.Protocol`."""
    return _find_classes(modules, marks=set(), bases={"Protocol"})


def find_data_records(modules: Iterable[Module]) -> list[str]:
    """Classes that hold data: dataclasses, named tuples and models."""
    return _find_classes(modules, marks={"dataclass"}, bases={"NamedTuple", "TypedDict", "BaseModel", "_Section"})


def _find_classes(modules: Iterable[Module], *, marks: set[str], bases: set[str]) -> list[str]:
    found = []
    for module in modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            own = {ast.unparse(base).rpartition(".")[2].partition("[")[0] for base in node.bases}
            decorators = {ast.unparse(mark).partition("(")[0].rpartition(".")[2] for mark in node.decorator_list}
            if own & bases or decorators & marks:
                found.append(f"{module.name}.{node.name}")
    return found


def find_shared_names(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Public classes that share a name, at least one of them in the core, with their modules.

    Plugins may share names among themselves: none imports another.
    """
    places: dict[str, list[Module]] = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    return {
        name: [module.name for module in found]
        for name, found in places.items()
        if len(found) > 1 and any(module.part for module in found)
    }


def find_functions(modules: Iterable[Module]) -> list[str]:
    """Names of all functions and methods but the special ones."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for module in modules for node in ast.walk(module.tree) if isinstance(node, kinds)]
    return [name for name in names if not name.startswith("__")]


def count_comments(module: Module) -> int:
    """Comments of a module, those at the end of a line too; instructions to tools left out."""
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    said = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return sum(not re.match(r"#\s*(type:|noqa|pragma|!)", comment) for comment in said)


def count_copies(modules: Iterable[Module]) -> int:
    """Keyword arguments of the form `x=other.x`: a record that is copied field by field."""
    return sum(
        isinstance(word.value, ast.Attribute) and word.value.attr == word.arg
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
    )


def measure(modules: Mapping[str, Module]) -> dict[str, object]:
    """All figures."""
    core = [module for module in modules.values() if module.part]
    plugins = [module for module in modules.values() if not module.part]
    lines = {module.name: module.text.count("\n") for module in modules.values()}
    faults = [
        fault for module in core for _, fault in find_faults(module.path, module.path.relative_to(ROOT).as_posix())
    ]
    functions = find_functions(core)
    parts, comments = Counter[str](), Counter[str]()
    for module in core:
        parts[module.part] += lines[module.name]
        comments[module.part] += count_comments(module)
    return {
        "lines_core": sum(parts.values()),
        "lines_kernel": sum(lines[module.name] for module in core if module.in_kernel),
        "lines_toolkits": sum(lines[module.name] for module in core if module.name.startswith(TOOLKITS)),
        "lines_libraries": parts["libraries"],
        "code_kernel": sum(count_code(module) for module in core if module.in_kernel),
        "code_core": sum(map(count_code, core)),
        "lines_plugins": sum(lines[module.name] for module in plugins),
        "lines_by_part": dict(parts.most_common()),
        "longest_module": max(lines.items(), key=lambda pair: pair[1]),
        "circles": find_circles(modules),
        "arrows_up": find_arrows_up(modules),
        "batteries_imported": find_batteries_imported(modules),
        "records_core": len(find_records(core)),
        "data_records_core": len(find_data_records(core)),
        "contracts_core": len(find_contracts(core)),
        "shared_names": find_shared_names(modules.values()),
        "functions_core": len(functions),
        "participles_core": round(sum(map(is_participle, functions)) / len(functions), 4),
        "faults_of_words_core": len(faults),
        "comments_per_100_lines": round(100 * comments.total() / parts.total(), 2),
        "comments_by_part": {part: round(100 * comments[part] / lines, 1) for part, lines in parts.most_common()},
        "copies_core": count_copies(core),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    figures = measure(find_modules())
    if asked.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:24} {value}\n")


if __name__ == "__main__":
    main()
