"""`--set path.to.key=value`: one value from the command line. The value is YAML. Indexes of lists are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.libraries.config.problems import ConfigError, Origin, Problems, did_you_mean, display, join
from harness.libraries.config.source import MAX_DEPTH, Node, read_text
from harness.libraries.secrets import hide_keys_in


def apply_sets(root: Node, sets: Sequence[str], problems: Problems) -> Node:
    """Apply each `path=value` in turn. Later ones win. A relative path in a value is relative to the working directory.

    A key that a mapping does not have yet is added, so that defaults can be overridden. Whether it may exist at all is
    checked with the rest of the manifest. Only `vars.NAME` must exist, for a new variable could have no effect.
    """
    for argument in sets:
        path, equals, text = argument.partition("=")
        hide_keys_in(argument)
        origin = Origin(label=f"--set {argument}", folder=Path.cwd())
        if not equals or not path.strip():
            problems.add(origin, "", "write it as path.to.key=value, such as tasks.0.limit=10")
            continue
        try:
            value = read_text(text, label=origin.label, folder=origin.folder, problems=problems, lines=False)
        except ConfigError as error:
            for problem in error.problems:
                problems.add(origin, path, f"{problem.message}; the value after = is read as YAML")
            continue
        steps = path.strip().split(".")
        if len(steps) > MAX_DEPTH or "" in steps:
            problems.add(origin, "", f"{path[:80]!r} is not a path of keys such as tasks.0.limit")
            continue
        root = _put(root, steps, "", replace(value, key=origin), problems)
    return root


def _put(node: Node, steps: list[str], path: str, value: Node, problems: Problems) -> Node:
    """A copy of `node` with `value` at the end of `steps`; unchanged where there is no way to go."""
    assert value.key is not None
    head, rest = steps[0], steps[1:]
    here = display(path) or "the manifest"
    step: str | int = head
    if isinstance(node.value, tuple):
        size = len(node.value)
        # `int` would also take "-1" and digits of other scripts.
        if not (head.isascii() and head.isdecimal() and len(head) < 7 and int(head) < size):
            known = f"0 to {size - 1}" if size else "none, it is empty"
            problems.add(value.key, join(path, head), f"{here} is a list; its indexes are {known}")
            return node
        step = int(head)
    elif isinstance(node.value, Mapping):
        if path == "vars" and head not in node.value:
            problems.add(value.key, join(path, head), f"there is no such variable.{did_you_mean(head, node.value)}")
            return node
    elif node.value is not None or not path:
        problems.add(value.key, join(path, head), f"{here} is a single value; it has no {head!r}")
        return node
    else:  # `null` stands for a mapping that is not there
        node = replace(node, value={}, origin=value.origin)
    child = node.child(step)
    # A value keeps the place of the key that it replaces, where later mistakes in the key itself are shown.
    if not rest:
        return node.put(step, replace(value, key=value.key if child is None else child.key or value.key))
    if child is None:
        if join(path, step) == "vars":
            problems.add(value.key, ".".join([path, *steps]).strip("."), "the manifest has no vars:")
            return node
        child = Node(value={}, origin=value.origin, key=value.key)
    return node.put(step, _put(child, rest, join(path, step), value, problems))
