"""`harness new`: start a new plugin distribution."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path

import click

from harness.console import echo


@click.command("new")
@click.argument("kinds")
@click.argument("name")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Where to put it; judge-harness-NAME by default."
)
def command(kinds: str, name: str, folder: Path | None) -> int:
    """Start a new plugin distribution: code that works, with cards, tests and an example, to be changed.

    KINDS is what it offers: task, judge, reward, format, metric, trainer or executor, several with commas, or all.

    \b
    Examples:
      harness new judge my-judge
      pip install -e "judge-harness-my-judge[dev]"
      harness check my-judge
      harness new task,judge,metric my-benchmark
    """
    from harness.api import PluginError
    from harness.authoring._distribution import compose_files

    chosen = _read_kinds(kinds)
    package = name.replace("-", "_")
    # The name becomes an entry point, a distribution and a package.
    if keyword.iskeyword(package):
        raise PluginError(
            f"{name!r} is a word of the language Python, and no package can be called so; add a word to it"
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise PluginError(f"{name!r} cannot be the name of a plugin; use lower-case words joined by hyphens")
    _check_free(name)
    folder = folder or Path(f"judge-harness-{name}")
    try:
        _write_files(folder, compose_files(name, chosen))
    except OSError as error:
        raise PluginError(
            f"{folder}: cannot be written ({error.strerror or error}); free space, fix the permissions or choose "
            "another --dir"
        ) from error
    echo(f'made {folder}; next: pip install -e "{folder}[dev]" && harness check {name}')
    return 0


def _read_kinds(text: str) -> list[str]:
    from harness.authoring._distribution import KINDS

    if text == "all":
        return list(KINDS)
    chosen = [word.strip() for word in text.split(",")]
    unknown = [word for word in chosen if word not in KINDS]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is no kind; there are {', '.join(KINDS)}, and all", param_hint="KINDS"
        )
    return chosen


def _check_free(name: str) -> None:
    """Refuse the name of another plugin: of two with one name, one would not load."""
    from importlib.metadata import entry_points

    from harness.api import PluginError
    from harness.candidates import CORE, GROUP

    if name == CORE:
        raise PluginError(f"the name {name!r} belongs to the core; choose another name")
    for point in entry_points(group=GROUP, name=name):
        owner = point.dist.name if point.dist else point.value
        raise PluginError(f"the plugin {name!r} of {owner} is installed already; choose another name or uninstall it")


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    from harness.api import PluginError

    # Nothing of a person is ever overwritten.
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PluginError(
            f"{folder} exists already; choose another --dir or remove it. For several kinds in one distribution, name "
            "them together, such as task,judge"
        )
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
