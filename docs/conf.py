"""Sphinx settings. The reference pages are generated from the code before anything is read; see `_generate.py`."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

from pygments.lexers import JsonLexer
from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import _generate  # noqa: E402  # found through the line above

project = "judge-harness"
author = "The judge-harness authors"
release = version = _generate.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "_file_names"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"judge-harness {version}"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["catalogue.js"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
default_role = "code"  # docstrings are written with single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
python_maximum_signature_line_length = 100
copybutton_prompt_text = "$ "  # what is copied from a console block is its commands, without prompts and output
suppress_warnings: list[str] = []

# Documents are many objects that live to the end. Python would look through all of them for garbage again and again.
gc.set_threshold(50_000, 20, 100)

_generate.write_all(HERE / "reference" / "generated")


def setup(app: Sphinx) -> None:
    """Make docstrings and snippets known to Sphinx as they are written."""
    app.add_lexer("jsonl", JsonLexer)
    app.connect("autodoc-process-docstring", _as_rest)


FIELDS = {"Args": "param", "Raises": "raises", "Attributes": "ivar"}


def _as_rest(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Google sections and single backticks as reStructuredText.

    Not napoleon: it takes whatever stands before a colon in an attribute's docstring for a type.
    """
    section, rest = "", []
    for line in lines:
        heading = re.fullmatch(r"(Args|Raises|Attributes|Returns):", line)
        entry = re.match(r" {4}(\S[^:]*): (.*)", line)
        if heading:
            section = heading[1]
            rest += [":returns:"] if section == "Returns" else []
        elif section == "Returns" or not entry or section not in FIELDS:
            rest.append(line)
        else:
            rest.append(f":{FIELDS[section]} {entry[1].replace('*', '')}: {entry[2]}")
    lines[:] = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line) for line in rest]
