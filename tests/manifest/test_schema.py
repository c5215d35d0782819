"""The JSON Schema is draft-07, closed, and knows every plugin's options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.discovery import Plugins
from harness.inspection.schema import manifest_schema, recipe_schema
from harness.manifest.model import (
    JudgeEntry,
    Manifest,
    Recipe,
    RecipeTask,
    ReportSettings,
    RewardEntry,
    RunSettings,
    TaskEntry,
    TrainerEntry,
    protocol_model,
)


def schemas(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from schemas(one)
    elif isinstance(value, list):
        for one in value:
            yield from schemas(one)


def test_every_reference_leads_somewhere(plugins: Plugins) -> None:
    schema = manifest_schema(_loadable(plugins))
    targets = [one["$ref"] for one in schemas(schema) if isinstance(one.get("$ref"), str)]
    assert targets
    for target in targets:
        assert target.removeprefix("#/definitions/") in schema["definitions"]


def test_it_has_no_keyword_that_draft_07_lacks(plugins: Plugins) -> None:
    text = json.dumps(manifest_schema(_loadable(plugins)))
    for keyword in ("$defs", "prefixItems", "unevaluated", "dependentRequired", "discriminator", "$dynamicRef"):
        assert f'"{keyword}' not in text
    for one in schemas(manifest_schema(_loadable(plugins))):
        assert "$ref" not in one or len(one) == 1, one


def test_options_of_a_plugin_are_chosen_by_its_id_or_bare_name(plugins: Plugins) -> None:
    schema = manifest_schema(_loadable(plugins))
    rules = {rule["if"]["properties"]["use"]["enum"][0]: rule for rule in schema["definitions"]["TaskEntry"]["allOf"]}
    assert rules["toy/rich"]["if"]["properties"]["use"]["enum"] == ["toy/rich", "rich"]
    name = rules["toy/rich"]["then"]["properties"]["with"]["$ref"].removeprefix("#/definitions/")
    options = schema["definitions"][name]
    assert {"model", "steps", "inner"} <= set(options["properties"])
    assert options["additionalProperties"] is False
    none = rules["toy/plain"]["then"]["properties"]["with"]["$ref"].removeprefix("#/definitions/")
    assert schema["definitions"][none]["maxProperties"] == 0


def test_a_recipe_is_a_path_or_a_mapping_whose_options_are_known_as_well(plugins: Plugins) -> None:
    definitions = manifest_schema(_loadable(plugins))["definitions"]
    for entry in ("JudgeEntry", "Recipe"):
        assert {"type": "string"} in definitions[entry]["properties"]["train"]["anyOf"]
        assert {"$ref": "#/definitions/Recipe"} in definitions[entry]["properties"]["train"]["anyOf"]
    assert definitions["Recipe"]["additionalProperties"] is False
    for entry, use in (("RecipeTask", "toy/learnt"), ("RewardEntry", "toy/form"), ("TrainerEntry", "toy/trainer")):
        rules = {rule["if"]["properties"]["use"]["enum"][0]: rule for rule in definitions[entry]["allOf"]}
        name = rules[use]["then"]["properties"]["with"]["$ref"].removeprefix("#/definitions/")
        assert "steps" in definitions[name]["properties"]


def test_extends_makes_the_rest_optional(plugins: Plugins) -> None:
    schema = manifest_schema(_loadable(plugins))
    assert schema["anyOf"] == [{"required": ["extends"]}, {"required": ["name", "tasks", "judges"]}]
    assert "extends" in schema["properties"]


def test_a_recipe_of_its_own_has_a_schema_as_good_as_that_within_a_manifest(plugins: Plugins) -> None:
    schema, within = recipe_schema(_loadable(plugins)), manifest_schema(_loadable(plugins))["definitions"]
    assert schema["title"] == "Recipe of judge-harness"
    assert schema["additionalProperties"] is False
    assert schema["anyOf"] == [{"required": ["extends"]}, {"required": ["name", "tasks", "trainer"]}]
    assert {key: value for key, value in schema["properties"].items() if key != "extends"} == within["Recipe"][
        "properties"
    ]
    assert "extends" not in schema["definitions"]["Recipe"]["properties"]
    assert schema["definitions"] == {key: within[key] for key in schema["definitions"]}
    assert {"RecipeTask", "RewardEntry", "TrainerEntry", "trainer:toy.trainer"} <= set(schema["definitions"])
    assert not {"JudgeEntry", "TaskEntry"} & set(schema["definitions"])
    targets = {one["$ref"].removeprefix("#/definitions/") for one in schemas(schema) if "$ref" in one}
    assert targets <= set(schema["definitions"])


def test_every_field_is_described() -> None:
    recipe = (Recipe, RecipeTask, RewardEntry, TrainerEntry)
    for model in (Manifest, TaskEntry, JudgeEntry, RunSettings, ReportSettings, *recipe, protocol_model()):
        for name, spec in model.model_fields.items():
            assert spec.description, (model.__name__, name)


def test_the_installed_plugins_have_a_schema() -> None:
    schema = manifest_schema(Plugins.load())
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def _loadable(plugins: Plugins) -> Plugins:
    """Without the task whose options cannot be imported."""
    found = Plugins()
    for kind in ("task", "judge", "reward", "trainer", "format"):
        found._offers[kind] = {offer.id: offer for offer in plugins.offers(kind) if offer.card.name != "unloadable"}
    return found
