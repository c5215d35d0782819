"""Writes what was resolved: as YAML that every reader takes alike, and where each of its values came from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from harness.libraries.config.source import Node

_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def origins_of(resolved: Mapping[str, Any], root: Node) -> dict[str, str]:
    """Where each leaf of the resolved manifest came from: `file:line:column`, `--set path=value` or `default`."""
    return {".".join(map(str, steps)): _origin(steps, root) for steps in _leaves(resolved, ())}


def _origin(steps: tuple[str | int, ...], root: Node) -> str:
    node: Node | None = root
    for step in steps:
        node = node.child(step) if node is not None else None
    return str(node.origin) if node is not None else "default"


def _leaves(value: Any, steps: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if not isinstance(value, dict | list) or not value:
        yield steps
        return
    for step, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(child, (*steps, step))


def render(resolved: Mapping[str, Any]) -> str:
    """The resolved document as YAML that every reader takes alike, with each leaf on a line of its own."""
    return yaml.dump(dict(resolved), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=math.inf)


class _Writer(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Text without quotes where no reader of YAML, of 1.1 or of 1.2, could take it for anything else."""
        is_safe = _SAFE.fullmatch(text) is not None and text.lower() not in _RESERVED
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_safe else '"')


_Writer.add_representer(str, _Writer.represent_text)
