"""What is resolved: complete, runnable again as it is, and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel

from harness.discovery import not_yet_set, operational
from harness.libraries.config import escape, join, keys_of
from harness.manifest.entries import MODEL, Reference
from harness.manifest.model import JudgeEntry


def fill_defaults(
    stored: Any, instance: BaseModel, references: Mapping[str, Reference] = MappingProxyType({}), path: str = ""
) -> dict[str, Any]:
    """What was written, with the defaults of every field that was not.

    Args:
        stored: The mapping as written, variables put in, secrets not.
        instance: What the model made of it.
        references: What entries within it refer to, by dotted path. The defaults of their options are filled in too.
        path: Dotted path of `instance`.
    """
    given = dict(stored) if isinstance(stored, Mapping) else {}
    whole: dict[str, Any] = {}
    for name, spec in type(instance).model_fields.items():
        keys = keys_of(name, spec)
        key = next((key for key in keys if key in given), None)
        value = getattr(instance, name)
        if key is not None:
            whole[key] = _fill_value(given.pop(key), value, references, join(path, key))
        # A field that may not be null and is null was left out: to write `null` would make the file invalid.
        elif value is not None or type(None) in get_args(spec.annotation) or spec.annotation is Any:
            whole[keys[0]] = _default(instance, name, value)
    reference = references.get(path)
    if reference is not None and reference.options is not None:
        whole["with"] = fill_defaults(whole["with"], reference.options)
        if isinstance(instance, JudgeEntry) and instance.train is not None:
            # The model is the recipe's to make: with a path here, the resolved manifest would not run again.
            fields = type(reference.options).model_fields
            made = [name for name, spec in fields.items() if MODEL in keys_of(name, spec)]
            whole["with"] = _drop(whole["with"], reference.options, made)
    return {**whole, **given}


def _fill_value(stored: Any, value: Any, references: Mapping[str, Reference], path: str) -> Any:
    """A written value with the defaults of the models within it."""
    if isinstance(value, BaseModel) and isinstance(stored, Mapping):
        return fill_defaults(stored, value, references, path)
    # A validator may have made another list of it: then the parts do not belong together, and what was written stays.
    if isinstance(value, list | tuple) and isinstance(stored, list) and len(value) == len(stored):
        pairs = enumerate(zip(stored, value, strict=True))
        return [_fill_value(given, made, references, join(path, number)) for number, (given, made) in pairs]
    if isinstance(value, Mapping) and isinstance(stored, Mapping):
        return {
            key: _fill_value(given, value[key], references, join(path, key)) if key in value else given
            for key, given in stored.items()
        }
    return stored


def _default(instance: BaseModel, name: str, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return fill_defaults({}, value)
    dumped = instance.model_dump(mode="json", include={name}, by_alias=True)
    return _escape_texts(next(iter(dumped.values()), None))


def _escape_texts(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {str(key): _escape_texts(child) for key, child in value.items()}
    return [_escape_texts(child) for child in value] if isinstance(value, list | tuple) else value


def drop_operational(resolved: Any, references: Mapping[str, Reference], path: str = "") -> Any:
    """A resolved document without the options that say how it is run and never what comes of it.

    A recipe also loses its description, so that no model is trained again for words.

    Args:
        resolved: The document, or a value in it.
        references: What each entry refers to, by dotted path.
        path: Dotted path of `resolved`.
    """
    if isinstance(resolved, list):
        return [drop_operational(child, references, join(path, number)) for number, child in enumerate(resolved)]
    if not isinstance(resolved, dict):
        return resolved
    reference, is_recipe = references.get(path), join(path, "trainer") in references
    kept: dict[str, Any] = {}
    for key, child in resolved.items():
        if key == "with" and reference is not None:
            options = reference.options
            kept[key] = child if options is None else _identity(child, options)
        # What a judge needs to run says nothing about its answers. Runs from before there were samples keep their name.
        elif not (
            (key == "description" and is_recipe)
            or (key == "resources" and reference is not None)
            or (key == "sample" and reference is not None and child is None)
        ):
            kept[key] = drop_operational(child, references, join(path, key))
    return kept


def _identity(given: Mapping[str, Any], options: BaseModel) -> dict[str, Any]:
    """Options as plain data without those that are `Operational`, or were added later and have their default."""
    kept = _drop(given, options, [*operational(type(options)), *not_yet_set(options)])
    for name, spec in type(options).model_fields.items():
        inner = getattr(options, name)
        key = next((key for key in keys_of(name, spec) if isinstance(kept.get(key), dict)), None)
        if isinstance(inner, BaseModel) and key is not None:
            kept[key] = _drop(kept[key], inner, not_yet_set(inner))
    return kept


def _drop(given: Mapping[str, Any], options: BaseModel, names: Sequence[str]) -> dict[str, Any]:
    """Options as plain data without some fields, under any key that they can be given."""
    dropped = {key for name in names for key in keys_of(name, type(options).model_fields[name])}
    return {key: value for key, value in given.items() if key not in dropped}


def digest(resolved: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, 12 hexadecimal digits."""
    # Sorted, since the order of keys in the file decides nothing.
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
