"""What is resolved: complete, runnable again as it is, hashed, and printed with where each value came from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from harness.discovery import operational
from harness.manifest.check import keys_of
from harness.manifest.entries import MODEL, Found, FoundRecipe
from harness.manifest.problems import join
from harness.manifest.source import Node, escape

_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def complete(stored: Any, instance: BaseModel) -> dict[str, Any]:
    """What was written, with the defaults of every field that was not.

    Args:
        stored: The mapping as written, variables put in, secrets not.
        instance: What the model made of it.
    """
    given = dict(stored) if isinstance(stored, Mapping) else {}
    whole: dict[str, Any] = {}
    for name, spec in type(instance).model_fields.items():
        keys = keys_of(name, spec)
        key = next((key for key in keys if key in given), None)
        value = getattr(instance, name)
        if key is not None:
            whole[key] = _inside(given.pop(key), value)
        elif value is not None or type(None) in get_args(spec.annotation) or spec.annotation is Any:
            whole[keys[0]] = _default(instance, name, value)
    return {**whole, **given}


def _inside(stored: Any, value: Any) -> Any:
    """A written value with the defaults of the models within it."""
    if isinstance(value, BaseModel) and isinstance(stored, Mapping):
        return complete(stored, value)
    if isinstance(value, list | tuple) and isinstance(stored, list) and len(value) == len(stored):
        return [_inside(one, made) for one, made in zip(stored, value, strict=True)]
    if isinstance(value, Mapping) and isinstance(stored, Mapping):
        return {key: _inside(one, value[key]) if key in value else one for key, one in stored.items()}
    return stored


def _default(instance: BaseModel, name: str, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return complete({}, value)
    dumped = instance.model_dump(mode="json", include={name}, by_alias=True)
    return _escaped(next(iter(dumped.values()), None))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {str(key): _escaped(one) for key, one in value.items()}
    return [_escaped(one) for one in value] if isinstance(value, list | tuple) else value


def complete_options(entries: Sequence[dict[str, Any]], found: Sequence[Found | None]) -> None:
    """Fill in the defaults of the options of entries, and of those of the recipes that judges name."""
    for plain, one in zip(entries, found, strict=True):
        if one is not None and one.options is not None:
            plain["with"] = complete(plain["with"], one.options)
        if one is not None and one.recipe is not None:
            fields = type(one.options).model_fields if one.options is not None else {}
            made = [name for name, spec in fields.items() if MODEL in keys_of(name, spec)]
            plain["with"] = _without(plain["with"], one.options, made)  # it is the recipe's to make
            complete_recipe(plain["train"], one.recipe)


def complete_recipe(resolved: dict[str, Any], found: FoundRecipe) -> None:
    """Fill in the defaults of all options of a recipe, and of the recipe that it starts from."""
    complete_options(resolved["tasks"], found.tasks)
    complete_options(resolved["rewards"], found.rewards)
    complete_options([resolved["trainer"]], [found.trainer])
    if found.start is not None:
        complete_recipe(resolved["train"], found.start)


def answering(entries: Sequence[Mapping[str, Any]], found: Sequence[Found | None]) -> list[dict[str, Any]]:
    """Entries without what says how they are run and never what comes of it."""
    kept: list[dict[str, Any]] = []
    for plain, one in zip(entries, found, strict=True):
        entry = dict(plain)
        if one is not None and one.options is not None:
            entry["with"] = _without(plain["with"], one.options, operational(type(one.options)))
        if one is not None and one.recipe is not None:
            entry["train"] = answering_recipe(plain["train"], one.recipe)
        kept.append(entry)
    return kept


def answering_recipe(resolved: Mapping[str, Any], found: FoundRecipe) -> dict[str, Any]:
    """A recipe without what says how it is run, and without its description: a model is not trained anew for words."""
    [trainer] = answering([resolved["trainer"]], [found.trainer])
    return {
        **{key: value for key, value in resolved.items() if key != "description"},
        "tasks": answering(resolved["tasks"], found.tasks),
        "rewards": answering(resolved["rewards"], found.rewards),
        "trainer": trainer,
        "train": None if found.start is None else answering_recipe(resolved["train"], found.start),
    }


def _without(given: Mapping[str, Any], options: BaseModel | None, names: Sequence[str]) -> dict[str, Any]:
    """Options as plain data without some fields, whatever key they are given under."""
    fields = type(options).model_fields if options is not None else {}
    dropped = {key for name in names for key in keys_of(name, fields[name])}
    return {key: value for key, value in given.items() if key not in dropped}


def digest(resolved: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, 12 hexadecimal digits."""
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


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


def render(resolved: Mapping[str, Any], origins: Mapping[str, str] | None) -> str:
    """The resolved manifest as YAML that reads back equal, one leaf a line, its origin behind it if given."""
    return "\n".join(_lines(resolved, "", "", origins)) + "\n"


def _lines(value: Any, path: str, indent: str, origins: Mapping[str, str] | None) -> Iterator[str]:
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
    for step, child in items:
        here = join(path, step)
        head = f"{indent}{_text(step)}:" if isinstance(value, Mapping) else f"{indent}-"
        if isinstance(child, dict | list) and child:
            lines = list(_lines(child, here, f"{indent}  ", origins))
            if isinstance(value, Mapping):
                yield head
            else:
                lines[0] = f"{head} {lines[0][len(indent) + 2 :]}"
            yield from lines
        else:
            note = f"  # {_flat(origins[here])}" if origins is not None and here in origins else ""
            yield f"{head} {_scalar(child)}{note}"


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"inf": ".inf", "-inf": "-.inf"}.get(repr(value), repr(value))
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    """Text unquoted where no YAML reader could take it for anything else, else in double quotes."""
    if _SAFE.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _flat(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
