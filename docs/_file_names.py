"""Sphinx extension: the bold file name above a block of code becomes the caption of that block.

The sources say the name once, in a form that any Markdown viewer shows: a paragraph with nothing but a bold name in
backticks, then the block. `tests/docs/test_snippets.py` writes the blocks to the files of these names.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class FileNames(SphinxTransform):
    """Folds each file name into the block below it."""

    default_priority = 500

    def apply(self, **kwargs: object) -> None:
        """Wrap every named block of the document, as Sphinx wraps a block that has a `:caption:`."""
        for block in list(self.document.findall(nodes.literal_block)):
            above = block.previous_sibling()
            name = _file_name(above) if isinstance(above, nodes.paragraph) else None
            if name is not None:
                wrapper = nodes.container(literal_block=True, classes=["literal-block-wrapper"])
                above.parent.remove(above)
                block.replace_self(wrapper)
                wrapper += [nodes.caption("", "", name), block]
                self.document.set_id(wrapper)


def _file_name(paragraph: nodes.paragraph) -> nodes.Element | None:
    """The bold name in backticks of a paragraph that holds nothing else."""
    bold = _only_child(paragraph, nodes.strong)
    return None if bold is None else _only_child(bold, nodes.literal)


def _only_child(parent: nodes.Element, kind: type[nodes.Element]) -> nodes.Element | None:
    """The child of a kind, where there is no other; MyST puts empty texts around it."""
    children = [child for child in parent if child.astext()]
    return children[0] if len(children) == 1 and isinstance(children[0], kind) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(FileNames)
    return {"parallel_read_safe": True}
