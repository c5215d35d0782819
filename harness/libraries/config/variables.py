"""`${vars.NAME}` and `${env:NAME}` in text values. `$${` is a literal `${`. Nothing else is ever interpolated.

A text that is exactly one `${vars.NAME}` becomes that variable's value, of any type. Within longer text it must be a
scalar. Environment variables are always text. They are put in for use but not for storing: `Node.stored` keeps
`${env:NAME}`, so that no secret is written to a run folder. Their values are scrubbed from all that is shown or kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.libraries.config.problems import Origin, Problems, did_you_mean, join
from harness.libraries.config.source import MAX_DEPTH, Node, escape
from harness.libraries.secrets import find_key, hide_variable

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BUDGET = 1_000_000  # characters that all variables together may put in; a value costs 20


def interpolate(root: Node, problems: Problems) -> tuple[Node, list[tuple[str, str]]]:
    """Put variables and environment into a whole manifest. `vars` itself is used up.

    Returns:
        The manifest without `vars`, and the pairs of value and name of all environment variables that were used.
    """
    assert isinstance(root.value, Mapping)
    expander = _Expander(root.value.get("vars"), problems)
    expander.check_vars()
    children = {key: expander.expand(node, key) for key, node in root.value.items() if key != "vars"}
    shown = "\n".join(_list_names(children))
    for value, name in expander.env.items():
        # A name is there to be read: in every report, and of a folder.
        if value not in shown:
            hide_variable(name, value)
    return replace(root, value=children), sorted(expander.env.items(), key=lambda pair: -len(pair[0]))


def refuse_keys(node: Node, path: str, problems: Problems) -> None:
    """Find keys that were pasted. A run folder keeps its manifest, so they would be written there."""
    for step, child in node.children():
        here = join(path, step)
        refuse_keys(child, here, problems)
        # Beside its name, since some keys are told by that alone.
        if isinstance(child.value, str) and child.stored is None and find_key(f"{step}: {child.value}"):
            message = "this looks like a key, and a run folder keeps its manifest; export it, and write ${env:NAME}"
            problems.add(child.origin, here, message)


def _list_names(children: Mapping[str, Node]) -> Iterator[str]:
    for key, node in children.items():
        entries = [node] if key == "name" else [entry.child("name") for _, entry in node.children()]
        yield from (entry.value for entry in entries if entry is not None and isinstance(entry.value, str))


class _Expander:
    def __init__(self, given: Node | None, problems: Problems) -> None:
        self._problems = problems
        self.env: dict[str, str] = {}
        self._vars: Mapping[str, Node] = {}
        self._known: dict[str, Node] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._open: list[str] = []
        self._budget = _BUDGET
        if given is not None and isinstance(given.value, Mapping):
            self._vars = given.value
        elif given is not None:
            problems.add(given.origin, "vars", "must be a mapping of names to values")

    def check_vars(self) -> None:
        """Expand every variable, used or not, so that a mistake in any is found."""
        for name, child in self._vars.items():
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
                self._variable(name)
            else:
                message = "names of variables are letters, digits, _ and -, beginning with a letter or _"
                self._problems.add(child.key or child.origin, join("vars", name), message)

    def expand(self, node: Node, path: str) -> Node:
        """A node with all text in it expanded."""
        if isinstance(node.value, str):
            return self._text(node, path)
        if isinstance(node.value, Mapping):
            pairs = {key: self.expand(child, join(path, key)) for key, child in node.value.items()}
            return replace(node, value=pairs)
        if isinstance(node.value, tuple):
            return replace(node, value=tuple(self.expand(c, join(path, k)) for k, c in enumerate(node.value)))
        return node

    def _text(self, node: Node, path: str) -> Node:
        text = node.value
        assert isinstance(text, str)
        if "${" not in text:
            return node
        whole = _TOKEN.fullmatch(text)
        if whole is not None and whole[1] is not None and whole[1].startswith("vars."):
            found = self._lookup(whole[1], node.origin, path)
            return replace(found, key=node.key) if found is not None else node
        parts: list[tuple[str, str]] = []  # each as it is used, and as it is stored
        folder, end = node.folder, 0
        for token in _TOKEN.finditer(text):
            part = ("${", "$${", None) if token[0] == "$${" else self._part(token[1], node.origin, path)
            if part is None:
                return node  # as written; its problem is noted
            gap = text[end : token.start()]
            parts += [(gap, gap), part[:2]]
            end = token.end()
            # A path that begins with a variable is relative to where the variable is written.
            folder = part[2] if token.start() == 0 and part[2] is not None else folder
        parts.append((text[end:], text[end:]))
        value, written = ("".join(half) for half in zip(*parts, strict=True))
        # Only text that holds something of the environment has a stored form of its own.
        secret = None if written == escape(value) else written
        return replace(node, value=value, stored=secret, folder=folder, plain=None)

    def _part(self, name: str | None, origin: Origin, path: str) -> tuple[str, str, Path | None] | None:
        """Text, stored text and folder of one interpolation within a longer text."""
        if name is not None and name.startswith("env:"):
            value = self._environment(name[4:], origin, path)
            return None if value is None else (value, f"${{{name}}}", None)
        if name is None or not name.startswith("vars."):
            self._problems.add(
                origin, path, "only ${vars.NAME} and ${env:NAME} are interpolated; write $${ for a literal ${"
            )
            return None
        found = self._lookup(name, origin, path)
        if found is None:
            return None
        if isinstance(found.value, Mapping | tuple):
            self._problems.add(origin, path, f"${{{name}}} is a list or a mapping; it cannot stand within text")
            return None
        text = found.value if isinstance(found.value, str) else found.plain or ""
        return text, found.stored if found.stored is not None else escape(text), found.folder or found.origin.folder

    def _environment(self, name: str, origin: Origin, path: str) -> str | None:
        value = os.environ.get(name) if _ENV_NAME.fullmatch(name) else None
        if value is None:
            self._problems.add(origin, path, f"the environment variable {name[:80]!r} is not set; set it and run again")
            return None
        if any("\ud800" <= character <= "\udfff" for character in value):
            self._problems.add(origin, path, f"the environment variable {name!r} is not valid UTF-8")
            return None
        self.env[value] = name  # so that messages can name it and never show its value
        return value

    def _lookup(self, name: str, origin: Origin, path: str) -> Node | None:
        """The value of `vars.a` or, within mappings and lists, `vars.a.b`; counts what it costs."""
        first, *rest = name.removeprefix("vars.").split(".")
        if first not in self._vars:
            self._problems.add(origin, path, f"there is no variable {first[:80]!r}.{did_you_mean(first, self._vars)}")
            return None
        # The length of a chain is limited too, since each step is a recursion.
        if first in self._open or len(self._open) >= MAX_DEPTH:
            chain = " -> ".join([*self._open[self._open.index(first) if first in self._open else 0 :], first])
            what = "variables that refer to each other in a circle" if first in self._open else "too long a chain"
            self._problems.add(origin, path, f"{what}: {chain[:300]}")
            return None
        found = self._variable(first)
        for step in rest:
            number = step.isascii() and step.isdecimal() and len(step) < 7
            inner = found.child(int(step) if number and isinstance(found.value, tuple) else step)
            if inner is None:
                keys = found.value if isinstance(found.value, Mapping) else ()
                self._problems.add(origin, path, f"there is no {name!r}.{did_you_mean(step, keys)}")
                return None
            found = inner
        # Variables that hold others several times grow by multiplication; a short file could fill the memory.
        size, depth = self._sizes[first]
        self._budget -= size
        if self._budget < 0 or depth > MAX_DEPTH:
            self._problems.add(origin, path, "the variables grow too large; write less in them")
            return None
        return found

    def _variable(self, name: str) -> Node:
        """A variable, expanded once."""
        if name not in self._known:
            self._open.append(name)
            expanded = self.expand(self._vars[name], join("vars", name))
            self._open.pop()
            self._sizes[name] = _measure(expanded)
            self._known[name] = expanded
        return self._known[name]


def _measure(node: Node) -> tuple[int, int]:
    """What a tree costs, and its depth."""
    sizes = [_measure(child) for _, child in node.children()]
    own = len(node.value) if isinstance(node.value, str) else 0
    return 20 + own + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
