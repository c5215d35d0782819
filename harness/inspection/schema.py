"""The JSON Schemas of manifests and of recipes, for editors.

Write one to a file with `harness show --schema > manifest.schema.json`, or `--schema recipe`, and name that file in the
first line of a manifest or recipe: `# yaml-language-server: $schema=manifest.schema.json`. It is draft-07, which is
what the YAML language server reads. The options of each installed plugin appear under `with:` according to `use:`.

Not what files are checked with: that is `harness.libraries.config.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from harness.api import Protocol
from harness.manifest.model import JudgeEntry, Manifest, Recipe, protocol_model

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins

_DEFINITIONS = "#/definitions/"

_VARIABLE = {
    "type": "string",
    "pattern": r"^\$\{vars\.[^{}]+\}$",
    "description": "The value of a variable, of any type.",
}


def manifest_schema(plugins: Plugins) -> dict[str, Any]:
    """The schema of manifests, with the options of every installed task, judge, reward and trainer.

    Args:
        plugins: The installed plugins. Their options models are imported.

    Raises:
        PluginError: An options model cannot be imported.
    """
    return _schema_of_files(Manifest, plugins)


def recipe_schema(plugins: Plugins) -> dict[str, Any]:
    """The schema of recipes, with the options of every installed task, reward and trainer.

    Args:
        plugins: The installed plugins. Their options models are imported.

    Raises:
        PluginError: An options model cannot be imported.
    """
    return _schema_of_files(Recipe, plugins)


def _schema_of_files(model: type[Manifest | Recipe], plugins: Plugins) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    root = _of_model(model, "", definitions)
    definitions["variable"] = _VARIABLE
    # A manifest holds recipes as well, under the `train:` of its judges.
    for entry in (*Manifest.sections.values(), *Recipe.sections.values()):
        if entry.__name__ in definitions:
            _describe_entry(definitions[entry.__name__], entry.kind, plugins, definitions)
    for trained in (JudgeEntry, Recipe):
        if trained.__name__ in definitions:
            definitions[trained.__name__]["properties"]["train"] = {
                "description": trained.model_fields["train"].description,
                "anyOf": [{"type": "string"}, {"$ref": f"{_DEFINITIONS}Recipe"}, {"type": "null"}],
            }
    # Pydantic gives a model that refers to itself as a reference to its definition.
    root = dict(definitions.get(model.__name__, root))
    extends = {
        "description": f"{model.__name__}s to start from, relative to this one; mappings merge, lists are replaced.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    # With `extends`, what is required may stand in the other file.
    required = root.pop("required")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **root,
        "title": f"{model.__name__} of judge-harness",
        "properties": {**root["properties"], "extends": extends},
        "anyOf": [{"required": ["extends"]}, {"required": required}],
        "definitions": definitions,
    }


def _describe_entry(entry: dict[str, Any], kind: str, plugins: Plugins, definitions: dict[str, Any]) -> None:
    """Add what the installed plugins know about an entry."""
    _add_offers(entry, kind, plugins, definitions)
    properties = entry["properties"]
    if kind == "task":
        protocol = _of_model(protocol_model(), "", definitions)
        for name, told in TypeAdapter(Protocol).json_schema()["properties"].items():
            protocol["properties"][name]["description"] = " ".join(told["description"].split())
        properties["protocol"] = {**protocol, "description": properties["protocol"]["description"]}
        properties["format"]["examples"] = [offer.id for offer in plugins.offers("format")]


def _of_model(model: type[BaseModel], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A model's schema. What it refers to goes into `definitions`, under names that begin with `prefix`."""
    raw = model.model_json_schema(by_alias=True, ref_template=f"{_DEFINITIONS}{prefix}{{model}}")
    for name, definition in raw.pop("$defs", {}).items():
        definitions[f"{prefix}{name}"] = _draft_07(definition)
    schema = _draft_07(raw)
    if model.model_config.get("extra") != "allow":
        schema["additionalProperties"] = False
    assert isinstance(schema, dict)
    return schema


def _add_offers(entry: dict[str, Any], kind: str, plugins: Plugins, definitions: dict[str, Any]) -> None:
    """Names to complete `use:` with, and for each the schema of its `with:`."""
    offers = plugins.offers(kind)
    names = {offer.id: _names(offer, offers) for offer in offers}
    entry["properties"]["use"] = {
        "description": entry["properties"]["use"].get("description", ""),
        "anyOf": [
            {"enum": [offer.id for offer in offers]} if offers else {"type": "string"},
            {"type": "string", "minLength": 1},
        ],
    }
    entry["allOf"] = [
        {
            "if": {"required": ["use"], "properties": {"use": {"enum": names[offer.id]}}},
            "then": {"properties": {"with": _options(offer, kind, definitions)}},
        }
        for offer in offers
    ]


def _options(offer: Offer, kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    model = offer.options_model()  # imports the plugin's module, unlike everything before
    name = f"{kind}:{offer.id}".replace("/", ".")  # a slash would divide the reference
    if model is None:
        definitions[name] = {"type": "object", "maxProperties": 0, "description": offer.card.summary}
    else:
        definitions[name] = {**_of_model(model, f"{name}:", definitions), "description": offer.card.summary}
    return {"$ref": f"{_DEFINITIONS}{name}"}


def _names(offer: Offer, offers: list[Offer]) -> list[str]:
    """The canonical id and, while it is unique, the bare name."""
    bare = offer.card.name
    return [offer.id, bare] if [other.card.name for other in offers].count(bare) == 1 else [offer.id]


def _draft_07(value: Any, *, is_property: bool = False) -> Any:
    """From the draft 2020-12 that pydantic writes: rename what differs, and let any property be a variable."""
    if isinstance(value, list):
        return [_draft_07(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    schema: dict[str, Any] = {}
    for key, inner in value.items():
        if key == "properties":
            schema[key] = {name: _draft_07(child, is_property=True) for name, child in inner.items()}
        # Within these stand values and no schemas.
        elif key in ("default", "const", "enum", "examples"):
            schema[key] = inner
        elif key == "prefixItems":
            schema["items"] = _draft_07(inner)
        elif key != "discriminator" and not (key == "title" and isinstance(inner, str)):
            schema[key] = _draft_07(inner)
    if "$ref" in schema and len(schema) > 1:  # draft-07 ignores what stands beside a reference
        schema = {**{key: inner for key, inner in schema.items() if key != "$ref"}, "allOf": [{"$ref": schema["$ref"]}]}
    return _or_variable(schema) if is_property and schema.get("type") != "string" else schema


def _or_variable(schema: dict[str, Any]) -> dict[str, Any]:
    """`if` and `else` in place of `anyOf`, so that an editor still says which key is wrong, and where."""
    about: dict[str, Any] = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {**about, "if": {"$ref": f"{_DEFINITIONS}variable"}, "then": True, "else": schema} if schema else about
