"""Checks a tree of nodes against pydantic models and says what is wrong, where, in plain words.

Values are checked strictly, as JSON: `"7"` is no number and `yes` is no text, but a list may become a tuple. Keys are
checked here and not by pydantic, so that a model that forgot `extra="forbid"` still refuses unknown ones.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from harness.libraries.config.problems import Problems, did_you_mean, join
from harness.libraries.config.source import Node, escape

M = TypeVar("M", bound=BaseModel)

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.ASCII)  # two letters or more: `C:` is a drive

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validate(model: type[M], node: Node, path: str, problems: Problems) -> M | None:
    """An instance of `model` made from `node`, or `None` with every mistake added to `problems`.

    Args:
        model: The core's own or a plugin's.
        node: The mapping to check.
        path: Its dotted path in the manifest.
        problems: Gets one problem for each mistake.
    """
    # Pydantic would refuse unknown keys too, but says no near misses, and only where a model asks for it.
    known = _walk(model, node, path, problems, None)
    try:
        # JSON, because strict checks of Python objects would refuse a list where the model has a tuple.
        return model.model_validate_json(json.dumps(known.data()), strict=True)
    except ValidationError as error:
        _report(error, model, node, path, problems)
    except Exception as error:  # a plugin's validator may raise anything
        cause = f"{type(error).__name__}: {error}"
        problems.add(
            node.key or node.origin,
            path,
            f"these options make {model.__name__} fail ({cause}); tell the plugin's authors",
        )
    return None


def check_defaults(made: M, given: Mapping[str, Any]) -> M:
    """`made` with its defaults checked as if they had been written.

    Pydantic takes a default as it is: that of `step: float = 1` stays a whole number. A run keeps its manifest with
    all defaults written out, and reads them as what the field is. Both must make the same options, since a task may
    ask "in steps of 1.0" with one and "in steps of 1" with the other.

    Args:
        made: An instance that was made from `given`.
        given: What was written, as plain data.
    """
    try:
        return type(made).model_validate_json(json.dumps(_write_out(made, given)), strict=True)
    except Exception:  # a default that its own model refuses is no mistake of who writes the manifest
        return made


def _write_out(made: BaseModel, given: Mapping[str, Any]) -> dict[str, Any]:
    whole = dict(given)
    for name, spec in type(made).model_fields.items():
        keys, value = keys_of(name, spec), getattr(made, name)
        key = next((key for key in keys if key in given), None)
        if key is not None:
            whole[key] = _write_inner(value, given[key])
        elif value is not None:  # `null` is not allowed everywhere, and has one type only
            whole[keys[0]] = next(iter(made.model_dump(mode="json", include={name}, warnings=False).values()), None)
    return whole


def _write_inner(value: Any, given: Any) -> Any:
    """A written value with the defaults of the models within it."""
    if isinstance(value, BaseModel) and isinstance(given, Mapping):
        return _write_out(value, given)
    if isinstance(value, list | tuple) and isinstance(given, list) and len(value) == len(given):
        return [_write_inner(part, written) for part, written in zip(value, given, strict=True)]
    if isinstance(value, Mapping) and isinstance(given, Mapping):
        return {key: _write_inner(value[key], part) if key in value else part for key, part in given.items()}
    return given


def absolute_paths(annotation: Any, node: Node, *, mark: type) -> Node:
    """`node` with every text made absolute that `annotation` marks as a path, at any depth.

    Args:
        annotation: A model.
        node: What was written for it.
        mark: The class that marks a path, or whose instances do, in an `Annotated`.
    """
    return _walk(annotation, node, "", None, mark)


def make_absolute(node: Node) -> Node:
    """A text node, or a list of them, as absolute paths; anything else, and `hub:...` and its like, as it is."""
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(make_absolute(child) for child in node.value))
    text = node.value
    if not isinstance(text, str) or not text or "\0" in text or _SCHEME.match(text):
        return node
    base = node.folder or node.origin.folder
    # What is stored keeps `${env:...}`, so the folder is put before it and not before its value. Where the variable
    # holds an absolute path, there is nothing to put before it.
    stored = node.stored
    if stored is not None and not Path(_expand_home(text)).is_absolute():
        stored = f"{escape(str(base))}/{stored}"
    return replace(node, value=_normal(base / _expand_home(text)), stored=stored)


def keys_of(name: str, spec: FieldInfo) -> list[str]:
    """The keys that a field may be given under, the preferred one first."""
    # An `AliasPath` leads into a value that stands under another key, so it is no key itself.
    alias = spec.validation_alias or spec.alias
    if isinstance(alias, AliasChoices):
        return [*(choice for choice in alias.choices if isinstance(choice, str)), name]
    return [alias, name] if isinstance(alias, str) else [name]


def _expand_home(text: str) -> str:
    return os.path.expanduser(text) if text == "~" or text.startswith("~/") else text


def _normal(path: Path) -> str:
    return os.path.normpath(path.absolute())


def _walk(annotation: Any, node: Node, path: str, problems: Problems | None, mark: type | None) -> Node:
    """A copy of `node`, walked along with the annotation that it is for.

    Args:
        annotation: A model, or the annotation of one of its fields.
        node: The value.
        path: Its dotted path.
        problems: Gets keys that a model does not know, which are left out of the copy. With `None` they stay.
        mark: What marks a path, which is made absolute.
    """
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        marked = mark is not None and any(found is mark or isinstance(found, mark) for found in arguments[1:])
        return make_absolute(node) if marked else _walk(arguments[0], node, path, problems, mark)
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in arguments if part is not type(None)]
        models = [part for part in parts if _is_model(part)]
        for part in parts:
            # Of several members, only pydantic knows which one a value is for. So keys are not refused here, except
            # where a mapping can be for one model alone.
            sure = len(parts) == 1 or (models == [part] and isinstance(node.value, Mapping))
            node = _walk(part, node, path, problems if sure else None, mark)
        return node
    if _is_model(annotation):
        return _walk_model(annotation, node, path, problems, mark)
    if isinstance(node.value, tuple) and arguments:
        value = (_walk(arguments[0], child, join(path, k), problems, mark) for k, child in node.children())
        return replace(node, value=tuple(value))
    if isinstance(node.value, Mapping) and len(arguments) == 2:
        pairs = {k: _walk(arguments[1], child, join(path, k), problems, mark) for k, child in node.value.items()}
        return replace(node, value=pairs)
    return node


def _walk_model(model: type[BaseModel], node: Node, path: str, problems: Problems | None, mark: type | None) -> Node:
    if not isinstance(node.value, Mapping):
        return node
    by_name = bool(model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name"))
    known: dict[str, Any] = {}
    for name, spec in model.model_fields.items():
        keys = keys_of(name, spec)
        for key in keys if by_name or keys == [name] else keys[:-1]:
            # Pydantic takes the marks of a field off its annotation.
            known[key] = Annotated[spec.annotation, *spec.metadata] if spec.metadata else spec.annotation
    kept: dict[str, Node] = {}
    for key, child in node.value.items():
        if key in known:
            kept[key] = _walk(known[key], child, join(path, key), problems, mark)
        elif problems is None or model.model_config.get("extra") == "allow":
            kept[key] = child
        else:
            hint = did_you_mean(key, known) or " It takes none."
            problems.add(child.key or child.origin, join(path, key[:80]), f"unknown key.{hint}")
    return replace(node, value=kept)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _report(error: ValidationError, model: type[BaseModel], node: Node, path: str, problems: Problems) -> None:
    """Turn pydantic's errors into problems. Several at one place (a union) become one sentence."""
    found: dict[tuple[str, bool], tuple[Node, list[str]]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        where, trail, lost = _locate(node, path, detail["loc"])
        missing = detail["type"] == "missing" and bool(lost)
        if missing:
            trail, message = join(trail, lost[-1]), "required key is missing; add it"
        elif detail["type"] == "extra_forbidden":
            message = "unknown key"
        else:
            context = detail.get("ctx", {})
            message = _words(detail["type"], detail["msg"], context, where)
            if detail["type"] == "model_type" and isinstance(where.value, str):
                message += _spell_out(where, _models_in(model).get(context["class_name"]))
        # Each member of a union says in its own words why it does not fit, all at one place.
        messages = found.setdefault((trail, missing), (where, []))[1]
        if message not in messages:
            messages.append(message)
    for (trail, missing), (where, messages) in found.items():
        origin = (where.key or where.origin) if missing else where.origin
        problems.add(origin, trail, "; or ".join(messages), missing=missing)


def _locate(node: Node, path: str, loc: Sequence[int | str]) -> tuple[Node, str, list[str]]:
    """The node that `loc` leads to, its path, and the steps that lead nowhere (missing keys, members of unions)."""
    lost: list[str] = []
    for step in loc:
        child = node.child(step)
        if child is None:  # pydantic also names members of unions, which are no keys
            lost.append(str(step))
        else:
            node, path, lost = child, join(path, step), []
    return node, path, lost


def _words(kind: str, message: str, context: Mapping[str, Any], node: Node) -> str:
    """What pydantic says, in plain words and with the fix."""
    if kind in ("literal_error", "enum"):
        choices = str(context.get("expected", ""))
        options = re.findall(r"'([^']*)'", choices)
        hint = f".{did_you_mean(node.value, options)}" if isinstance(node.value, str) else _fix("text", node)
        return f"must be {choices}, got {_describe(node)}{hint}"
    if kind == "string_pattern_mismatch":
        return f"must match {context.get('pattern')}, got {_describe(node)}"
    if kind == "too_short" and context.get("actual_length") == 0:
        return "is empty; it needs at least one entry"
    expected = _EXPECTED.get(kind)
    if expected is not None:
        return f"must be {expected}, got {_describe(node)}{_fix(expected, node)}"
    message = re.sub(r"^(Value error|Assertion failed), ", "", message)
    if message.startswith("Input should"):
        message = message.replace("Input should be", "must be", 1).replace("Input should", "must", 1)
        return f"{message}, got {_describe(node)}"
    return message


def _describe(node: Node) -> str:
    """A value in a message: short, and never more than was written in the file."""
    if isinstance(node.value, Mapping):
        return "a mapping"
    if isinstance(node.value, tuple):
        return "a list"
    if node.plain == "" or (node.value is None and node.plain in (None, "~", "null")):
        return "nothing" if node.plain == "" else "null"
    if node.stored is not None:  # its value comes from the environment, and may be a secret
        return f"the text {node.stored[:80]!r}"
    if isinstance(node.value, str):
        return f"the text {node.value[:80]!r}"
    kind = "the truth value" if isinstance(node.value, bool) else "the number" if node.value is not None else ""
    return f"{kind} {node.plain[:80] if node.plain is not None else node.value}".strip()


def _models_in(annotation: Any) -> dict[str, type[BaseModel]]:
    """The model that an annotation is, and those of its fields at any depth, by name."""
    found: dict[str, type[BaseModel]] = {}
    waiting = [annotation]
    while waiting:
        part = waiting.pop()
        waiting += get_args(part)
        if _is_model(part) and part.__name__ not in found:
            found[part.__name__] = part
            waiting += (spec.annotation for spec in part.model_fields.values())
    return found


def _spell_out(node: Node, model: type[BaseModel] | None) -> str:
    """The mapping that a single word was mostly meant as, of a model with one required key: `use:` of a task."""
    fields = model.model_fields.items() if model is not None else ()
    required = [keys_of(name, spec)[0] for name, spec in fields if spec.is_required()]
    if len(required) != 1 or not re.fullmatch(r"[A-Za-z][\w./@-]{0,79}", node.stored or str(node.value)):
        return ""
    return f"; write {{{required[0]}: {node.value}}}"


def _fix(expected: str, node: Node) -> str:
    plain = node.plain
    if expected == "text" and plain and node.value is not None:
        return f"; quote it: {plain[:80]!r}"
    if expected == "true or false" or plain is None or not isinstance(node.value, str):
        if expected in ("a whole number", "a number") and isinstance(node.value, str) and node.stored is None:
            return "; remove the quotes"
        return ""
    if "number" in expected:
        if re.fullmatch(r"[-+]?0[0-7]+", plain):
            return f"; YAML 1.1 reads {plain} in base 8 and YAML 1.2 in base 10: write the number without leading zeros"
        if re.fullmatch(r"[-+]?\d+(:[0-5]?\d)+(\.\d*)?", plain):
            return f"; YAML 1.1 reads {plain} in base 60: write the number in full"
        if re.fullmatch(r"[-+]?[\d_]+(\.[\d_]*)?", plain):
            return "; write it without leading zeros and without _"
    return ""
