"""`harness new`: start a new plugin distribution from the templates in `_templates`."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from harness.console import echo


@click.command("new")
@click.argument("kind", type=click.Choice(["task", "judge", "reward"]))
@click.argument("name")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Where to put it; judge-harness-NAME by default."
)
def command(kind: str, name: str, folder: Path | None) -> int:
    """Start a new plugin distribution: a working task, judge or reward, with its card and tests, to be changed.

    \b
    Example:
      harness new judge my-judge
      pip install -e judge-harness-my-judge
      harness check my-judge
    """
    from harness.api import PluginError

    package = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(package):
        raise PluginError(f"{name!r} cannot be the name of a plugin; use lower-case words joined by hyphens")
    folder = folder or Path(f"judge-harness-{name}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PluginError(f"{folder} exists already; choose another --dir or remove it")
    package = f"harness_{package}"
    source = f"src/{package}"
    targets = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "init.py": f"{source}/__init__.py",
        "plugin.py": f"{source}/plugin.py",
        f"{kind}.py": f"{source}/{kind}.py",
        "test.py": f"tests/test_{kind}.py",
    }
    templates = files("harness.cli") / "_templates" / kind
    for template, target in targets.items():
        text = Template((templates / f"{template}.txt").read_text(encoding="utf-8"))
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.substitute(name=name, package=package), encoding="utf-8")
    (folder / source / "py.typed").touch()
    echo(f"made {folder}; next: pip install -e {folder} && harness check {name}")
    return 0
