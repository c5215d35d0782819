"""A resolved manifest or recipe with a comment after each value: where it comes from."""

from __future__ import annotations

from pathlib import Path

from harness.libraries.config import Node, join, read_text, render
from harness.manifest.load import Document
from harness.manifest.problems import ManifestProblems


def render_with_origins(loaded: Document) -> str:
    """The resolved document as YAML, each value with its `file:line:column`, `--set path=value` or `default`."""
    text = render(loaded.content)
    lines = text.splitlines()

    def add(node: Node, path: str) -> None:
        children = list(node.children())
        for step, child in children:
            add(child, join(path, step))
        if not children and path in loaded.origins:
            said = "".join(letter if letter.isprintable() else " " for letter in loaded.origins[path])
            lines[node.origin.line - 1] += f"  # {said}"

    # The reader of manifests is the one that knows on which line a value stands.
    add(read_text(text, label="", folder=Path(), problems=ManifestProblems()), "")
    return "\n".join(lines) + "\n"
