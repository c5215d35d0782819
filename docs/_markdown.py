"""Code as Markdown: docstrings, tables of fields and of options, values. Not for deciding what is on a page."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from harness.manifest.model import Recipe


def attribute_docs(cls: type) -> dict[str, str]:
    """The docstrings beneath the fields of a class and of its bases, or beneath the members of an enumeration."""
    found: dict[str, str] = {}
    for owner in reversed([one for one in cls.__mro__ if one is not object]):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        except (OSError, TypeError):
            continue  # a base from C, such as Exception
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, after in itertools.pairwise(statements):
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            if (
                isinstance(statement, ast.Assign | ast.AnnAssign)
                and isinstance(targets[0], ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                found[targets[0].id] = " ".join(after.value.value.split())
    return found


def model_table(model: type[BaseModel], more: Sequence[Sequence[str]] = ()) -> list[str]:
    rows = [
        (
            f"`{spec.alias or name}`",
            type_name(spec.annotation),
            "required" if spec.is_required() else model_default(spec.get_default(call_default_factory=True)),
            spec.description or "",
        )
        for name, spec in model.model_fields.items()
    ]
    return table(("field", "type", "default", "meaning"), [*rows, *more])


def model_default(value: Any) -> str:
    return "see below" if isinstance(value, BaseModel) else code(value)


def field_table(cls: Any) -> list[str]:
    hints, docs = get_type_hints(cls), attribute_docs(cls)
    rows = [
        (f"`{spec.name}`", type_name(hints[spec.name]), field_default(spec), docs.get(spec.name, ""))
        for spec in fields(cls)
    ]
    return table(("field", "type", "default", "meaning"), rows)


def field_default(spec: Field[Any]) -> str:
    if spec.default is not MISSING:
        return code(spec.default)
    return "" if spec.default_factory is MISSING else code(spec.default_factory())


def type_name(hint: Any) -> str:
    """A type as people read it, the constraints of pydantic left out."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return type_name(inside[0])
    if origin is Literal:
        return " or ".join(code(value) for value in inside)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys("`null`" if one is type(None) else type_name(one) for one in inside))
    if origin in (list, tuple, frozenset):
        return f"list of {type_name(inside[0])}"
    if origin is not None:
        return "mapping"
    names = {
        Recipe: "path or mapping",
        str: "text",
        int: "whole number",
        float: "number",
        bool: "`true` or `false`",
        Any: "anything",
    }
    return names.get(hint, f"`{getattr(hint, '__name__', hint)}`")


def code(value: Any) -> str:
    shown = list(value) if isinstance(value, tuple | frozenset) else value
    return f"`{json.dumps(shown, ensure_ascii=False)}`" if shown is not None else "`null`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; columns without any text are left out."""
    listed = [[" ".join(str(cell).split()).replace("|", "\\|") for cell in row] for row in rows]
    if not listed:
        return []
    kept = [k for k in range(len(header)) if any(row[k] for row in listed)]
    lines = ["| " + " | ".join(header[k] for k in kept) + " |", "|" + " --- |" * len(kept)]
    return [*lines, *("| " + " | ".join(row[k] for k in kept) + " |" for row in listed)]


def prose(text: str) -> str:
    """Words that are written for the terminal as well, as Markdown.

    Single backticks stay code and addresses become links. Stars and angle brackets stand for themselves: `test-*` twice
    in a line would be emphasis, and `<image>` a picture.
    """
    parts = re.split(r"(`[^`]*`|https?://[^\s()<>]*[^\s()<>.,;:])", text)
    for k, part in enumerate(parts):
        if k % 2 == 0:
            parts[k] = re.sub(r"[*<]", r"\\\g<0>", part)
        elif not part.startswith("`"):
            parts[k] = f"<{part}>"
    return "".join(parts)


def docstring(doc: str | None) -> str:
    """A Google-style docstring as Markdown: its sections become lists, indented blocks become code."""
    lines: list[str] = []
    section = fenced = False
    for line in inspect.cleandoc(doc or "").split("\n"):
        heading = re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields):", line)
        if heading:
            section = True
            lines += [f"**{heading[1]}**", ""]
            continue
        if section:
            entry = re.match(r"    (\*{0,2}\w+): (.*)", line)
            lines.append(f"- `{entry[1]}`: {entry[2]}" if entry else f"  {line.strip()}" if line.strip() else "")
            continue
        code = line.startswith("    ")
        if code != fenced and line.strip():
            if not code:
                lines[-1:] = ["```", ""]  # the blank line that ended the block
            else:
                lines.append("```text")
            fenced = code
        lines.append(line[4:] if fenced and code else line)
    if fenced:
        lines.append("```")
    return "\n".join(lines).strip()


def with_block(doc: str | None) -> list[str]:
    """A module docstring in which lines that start a listing (`name  meaning`) are shown as text."""
    text = inspect.cleandoc(doc or "")
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if re.search(r"^\s*\S+ {2,}\S", paragraph, re.MULTILINE):
            lines += ["```text", textwrap.dedent(paragraph), "```", ""]
        else:
            lines += [paragraph, ""]
    return lines


def cleaned(text: str | None) -> str:
    r"""Help text as Markdown: click's `\b` blocks become code."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        if paragraph.startswith(("\b", r"\b")):
            first, *rest = paragraph.removeprefix("\b").removeprefix(r"\b").strip("\n").split("\n")
            lines += [first, "", "```text", *(line.strip() for line in rest), "```", ""]
        else:
            lines += [" ".join(paragraph.split()), ""]
    return "\n".join(lines).strip()
