"""The files of a new plugin distribution, put together from the templates in `_templates`.

Each kind of plugin object has a folder there with its card, its module and its test. What all share is in `common`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from harness import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of plugin object that `harness new` can begin."""

    name: str
    """As on the command line; also the name of its folder of templates."""
    object: str
    """Name of the object that the template makes."""
    summary: str
    """What that object is, for the README."""
    modules: tuple[str, ...]
    """Its modules."""
    needs: tuple[str, ...] = ()
    """What its modules import besides the harness."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="task",
            object="brighter",
            summary="a task: which of two pictures is brighter?",
            modules=("task",),
            needs=("pillow>=10.3",),
        ),
        Kind(
            name="judge",
            object="light",
            summary="a judge: it prefers the picture with more light in it",
            modules=("judge",),
            needs=("pillow>=10.3",),
        ),
        Kind(
            name="reward",
            object="reasoned",
            summary="a reward: more for the right verdict with reasons",
            modules=("reward",),
        ),
        Kind(
            name="format",
            object="arrow",
            summary="a verdict format: the verdict stands after an arrow, `=> A`",
            modules=("format",),
        ),
        Kind(
            name="metric",
            object="worst_recall",
            summary="a metric: the recall of the class that is recognised worst",
            modules=("metric",),
            needs=("numpy>=1.26",),
        ),
        Kind(
            name="trainer",
            object="gradient",
            summary="a trainer: it learns which answer earns most; the judge `learned` opens what it leaves",
            modules=("trainer", "learned"),
            needs=("numpy>=1.26", "pydantic>=2.8,<3"),
        ),
        Kind(
            name="executor",
            object="lines",
            summary="an executor: it asks judges in processes that a command starts",
            modules=("executor", "worker"),
            needs=("pydantic>=2.8,<3",),
        ),
    )
}
"""In the order in which they stand in files."""

_EXAMPLE_NEEDS_OTHERS = """\
# It also uses judge-harness-{others}, which the extra `dev` of this distribution installs.
"""


def compose_files(name: str, kinds: Iterable[str]) -> dict[str, str]:
    """The text of every file of a new distribution, by its path.

    Args:
        name: Name of the plugin.
        kinds: Names of the kinds that it offers, at least one.
    """
    # In the order of KINDS, however they were named, so that a distribution does not depend on it.
    chosen = [kind for kind in KINDS.values() if kind.name in set(kinds)]
    names = {kind.name for kind in chosen}
    package = f"harness_{name.replace('-', '_')}"
    fills = {"name": name, "package": package, "description": _describe(chosen)}
    source = f"src/{package}"
    manifests = _manifests(names, fills)
    found = {
        ".gitignore": _fill("common/gitignore", fills),
        ".github/workflows/test.yml": _fill("common/test.yml", fills),
        "CHANGELOG.md": _fill("common/CHANGELOG.md", fills),
        "LICENSE": _fill("common/LICENSE", fills),
        "README.md": _readme(chosen, fills, example="example.yaml" in manifests),
        "pyproject.toml": _project(chosen, fills, manifests),
        f"{source}/__init__.py": _fill("common/init.py", fills),
        f"{source}/plugin.py": _plugin(names, fills, manifests),
        f"{source}/py.typed": "",
        "tests/test_conformance.py": _fill("common/test_conformance.py", fills),
    }
    found |= {f"{source}/manifests/{file}": text for file, text in manifests.items()}
    if "example.yaml" in manifests:
        found["tests/test_example.py"] = _fill("common/test_example.py", fills)
    for kind in chosen:
        found |= {f"{source}/{module}.py": _fill(f"{kind.name}/{module}.py", fills) for module in kind.modules}
        found[f"tests/test_{kind.name}.py"] = _fill(f"{kind.name}/test_{kind.name}.py", fills)
    return dict(sorted(found.items()))


def _fill(template: str, fills: Mapping[str, str]) -> str:
    place = files("harness.authoring") / "_templates" / f"{template}.txt"
    return Template(place.read_text(encoding="utf-8")).substitute(fills)


def _describe(chosen: list[Kind]) -> str:
    *most, last = [f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.name}" for kind in chosen]
    text = f"{', '.join(most)} and {last}" if most else last
    return text[0].upper() + text[1:]


def _plugin(names: set[str], fills: Mapping[str, str], manifests: Mapping[str, str]) -> str:
    """`plugin.py`: one hook for each kind of card, with all cards of that kind."""
    cards: dict[str, list[str]] = {}
    for kind in KINDS:
        if kind in names:
            cards.setdefault(kind, []).append(f"{kind}/card")
    if "trainer" in names:
        # A judge of a kind of its own: without one, what was trained could not be asked.
        cards.setdefault("judge", []).append("trainer/judge_card")
    if "example.yaml" in manifests:
        cards.setdefault("manifest", []).append("common/manifest_cards")
    if "recipe.yaml" in manifests:
        cards.setdefault("manifest", []).append("trainer/manifest_cards")
    hooks = [
        _fill(
            "common/hook",
            {
                "kind": kind,
                "card": f"{kind.capitalize()}Card",
                "entries": "".join(_fill(template, fills) for template in templates).rstrip("\n"),
            },
        )
        for kind, templates in cards.items()
    ]
    standard, folder = "", ""
    if manifests:
        standard = "\nfrom pathlib import Path\n"
        folder = '\nMANIFESTS = Path(__file__).parent / "manifests"\n'
    # In the order in which ruff sorts imports, and one a line where they are too many for one.
    imported = [*sorted(f"{kind.capitalize()}Card" for kind in cards), "hookimpl"]
    listed = ", ".join(imported)
    if len(listed) > 90:
        listed = "(\n" + "".join(f"    {name},\n" for name in imported) + ")"
    return _fill(
        "common/plugin.py", {"imported": listed, "hooks": folder + "".join(hooks).rstrip("\n"), "standard": standard}
    )


def _manifests(names: set[str], fills: Mapping[str, str]) -> dict[str, str]:
    """The manifest that shows the plugin at work, and the recipe of its trainer.

    What the plugin does not offer itself comes from plugins of the harness. A reward alone has no manifest: it is used
    in recipes, and a recipe needs a model to train. An executor is named on the command line, and in no manifest.
    """
    if names <= {"reward", "executor"}:
        return {}
    own, others = "task" in names, set()
    tasks = [_fill("task/tasks.yaml", fills)] if own else []
    judges = [_fill(f"{kind}/judges.yaml", fills) for kind in ("judge", "trainer") if kind in names]
    # The judge of the template compares two pictures; the trainer learns from a task that has a train split.
    if not own and (not judges or "judge" in names):
        tasks.append("  - use: miniature/pairwise-safety\n    limit: 40\n")
    if not own and "trainer" in names:
        tasks.append("  - use: miniature/safety\n    limit: 40\n")
    if not own:
        others.add("miniature")
    if not judges:
        judges = ["  - use: baselines/constant\n", "  - use: baselines/random\n"]
        others.add("baselines")
    settings = f"    format: {fills['name']}/arrow\n" if "format" in names else ""
    settings += f"    protocol: {{metrics: [{fills['name']}/worst_recall, accuracy]}}\n" if "metric" in names else ""
    head = f"# What this plugin offers, at work: harness run {fills['name']}/example\n"
    if others:
        head += _EXAMPLE_NEEDS_OTHERS.format(others=" and judge-harness-".join(sorted(others)))
    text = f"{head}name: {fills['name']}-example\ntasks:\n{''.join(task + settings for task in tasks)}judges:\n"
    found = {"example.yaml": text + "".join(judges)}
    if "trainer" in names:
        task = f"  - use: {fills['name']}/brighter\n" if own else "  - use: miniature/safety\n    limit: 300\n"
        rewards = f"rewards:\n  - use: {fills['name']}/reasoned" if "reward" in names else ""
        found["recipe.yaml"] = _fill("trainer/recipe.yaml", {**fills, "tasks": task, "rewards": rewards})
    return found


def _project(chosen: list[Kind], fills: Mapping[str, str], manifests: Mapping[str, str]) -> str:
    # Limits of this harness: a plugin is tested with no other.
    major, minor, *_ = __version__.split(".")
    limits = f">={major}.{minor},<{major}.{int(minor) + 1}"
    needs = sorted({need for kind in chosen for need in kind.needs})
    text = "\n".join(manifests.values())
    # Only for the example, so not among the dependencies of the plugin itself.
    others = [f"judge-harness-{plugin}{limits}" for plugin in ("baselines", "miniature") if f"use: {plugin}/" in text]
    tools = ["build>=1.2", *others, "mypy>=1.11", "pytest>=8.3", "ruff>=0.9"]
    return _fill(
        "common/pyproject.toml",
        {
            **fills,
            "dependencies": ", ".join(f'"{need}"' for need in [f"judge-harness{limits}", *needs]),
            "dev": ", ".join(f'"{tool}"' for tool in tools),
        },
    )


def _readme(chosen: list[Kind], fills: Mapping[str, str], *, example: bool) -> str:
    rows = [
        f"| `{fills['name']}/{kind.object}` | {kind.summary} | `{'.py`, `'.join(kind.modules)}.py` |" for kind in chosen
    ]
    return _fill(
        "common/README.md",
        {**fills, "rows": "\n".join(rows), "example": _fill("common/example.md", fills) if example else ""},
    )
