"""`extends:`: a manifest that starts from others. Mappings merge deeply. Lists and scalars are replaced.

Later bases win over earlier ones, and the file itself wins over all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path

from harness.libraries.config.problems import ConfigError, Origin, Problems
from harness.libraries.config.source import Node, read_file

MAX_FILES = 64
_ENDINGS = (".yaml", ".yml")


def is_name(text: str) -> bool:
    """Whether a text may be the name of a shipped manifest: one that ends as a YAML file does is a path."""
    return not text.endswith(_ENDINGS)


def find_project(path: Path) -> Path:
    """The project of a manifest: the git repository that it lies in, else its folder."""
    folder = Path(os.path.realpath(path)).parent
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def load_merged(
    path: Path,
    problems: Problems,
    *,
    find_shipped: Callable[[str], Path],
    unknown: type[Exception],
    project: Path | None = None,
) -> Node:
    """Read a manifest and everything that it extends.

    Args:
        path: The manifest. Its name in messages is this path as given.
        problems: Gets what is wrong without stopping the reading.
        find_shipped: Gives the file of a manifest that `extends:` calls by its name.
        unknown: What it raises where there is none.
        project: What messages may quote files of. By default the manifest's own project.

    Raises:
        ConfigError: A file cannot be read or is not YAML, so that to check the rest would mislead.
    """
    loader = _Loader(problems, find_shipped, unknown, project or find_project(path))
    # Problems of all files are said together, also where one of them cannot be read at all.
    try:
        node = loader.load(path, str(path), ())
    except ConfigError as error:
        loader.take(error)
        problems.raise_if_any()
        raise
    if loader.incomplete:  # without a base, keys would be called missing that it has
        problems.raise_if_any()
    return node


class _Loader:
    def __init__(
        self, problems: Problems, find_shipped: Callable[[str], Path], unknown: type[Exception], project: Path
    ) -> None:
        self._problems, self._find_shipped, self._unknown, self._project = problems, find_shipped, unknown, project
        self._done: dict[str, Node] = {}
        self.incomplete = False

    def take(self, error: ConfigError) -> None:
        """Add the problems of a file that cannot be read to the rest."""
        for problem in error.problems:
            self._problems.add(problem.origin, problem.path, problem.message)

    def load(self, path: Path, label: str, chain: tuple[tuple[str, str], ...]) -> Node:
        """One file merged over its bases. Each file is read once, however many extend it."""
        real = os.path.realpath(path)
        if real not in self._done:  # two bases may share one of their own
            foreign = _is_outside(Path(real), self._project)
            node = read_file(path, label=label, problems=self._problems, foreign=foreign)
            self._done[real] = self._over_bases(node, path, label, (*chain, (real, label)))
        return self._done[real]

    def _over_bases(self, node: Node, path: Path, label: str, chain: tuple[tuple[str, str], ...]) -> Node:
        assert isinstance(node.value, Mapping)
        own = replace(node, value={key: child for key, child in node.value.items() if key != "extends"})
        names = self._names(node.value.get("extends"))
        bases = [self._base(name, origin, path, label, chain) for name, origin in names]
        self.incomplete |= None in bases
        return reduce(merge, [*(base for base in bases if base is not None), own])

    def _base(
        self, name: str, origin: Origin, path: Path, label: str, chain: tuple[tuple[str, str], ...]
    ) -> Node | None:
        base = path.absolute().parent / name
        base_label = os.path.normpath(os.path.join(os.path.dirname(label), name))
        unknown = ""
        if is_name(name) and not os.path.isfile(base):  # a file wins over a name
            try:
                base = self._find_shipped(name)
                base_label = str(base)
            except self._unknown as error:
                unknown = f"; and {error}"
        # Files are told apart by their real path, so that a link makes no endless circle.
        real = os.path.realpath(base)
        if any(real == seen for seen, _ in chain):
            names = " -> ".join([*(name for _, name in chain), base_label])
            message = f"files that extend each other in a circle: {names}"
        elif len(chain) + len(self._done) >= MAX_FILES:
            message = f"more than {MAX_FILES} files; merge some of them"
        elif not os.path.isfile(base):
            message = f"there is no file {base_label}; the path is relative to {label}{unknown}"
        else:
            try:
                return self.load(base, base_label, chain)
            except ConfigError as error:
                self.take(error)
                return None
        self._problems.add(origin, "extends", message)
        return None

    def _names(self, given: Node | None) -> list[tuple[str, Origin]]:
        if given is None:
            return []
        nodes = given.value if isinstance(given.value, tuple) else (given,)
        names: list[tuple[str, Origin]] = []
        for node in nodes:
            if isinstance(node.value, str) and node.value and "\0" not in node.value:
                names.append((node.value, node.origin))
            else:
                self.incomplete = True
                self._problems.add(node.origin, "extends", "must be a path or a list of paths, as text")
        return names


def _is_outside(real: Path, project: Path) -> bool:
    """Whether a file is none of the project. Hidden files are none: a project may be a home, with the keys in it."""
    if not real.is_relative_to(project):
        return True
    return any(part.startswith(".") for part in real.relative_to(project).parts)


def merge(base: Node, over: Node) -> Node:
    """`over` merged onto `base`. Every value keeps the position where it was written."""
    # A list is replaced and never extended: which of its entries belong together is not known.
    if not (isinstance(base.value, Mapping) and isinstance(over.value, Mapping)):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        merged[key] = merge(merged[key], child) if key in merged else child
    return replace(over, value=merged)
