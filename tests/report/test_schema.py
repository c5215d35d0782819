"""The JSON Schema describes what is really written, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import Metric
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.schema import leaderboard_schema
from harness.score.metrics import make_accuracy

TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], place: str = "$") -> list[str]:
    """As much of JSON Schema as the leaderboard's uses; an unknown keyword fails."""
    ignored = {"title", "description", "$schema", "$defs", "additionalProperties", "items", "properties", "required"}
    assert set(schema) <= ignored | {"$ref", "anyOf", "const", "enum", "type", "maxItems", "minItems", "default"}, (
        schema
    )
    if "$ref" in schema:
        return problems(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, place)
    if "anyOf" in schema:
        found = [problems(value, one, root, place) for one in schema["anyOf"]]
        return [] if [] in found else found[0]
    if "const" in schema and value != schema["const"]:
        return [f"{place}: not {schema['const']!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place}: not one of {schema['enum']}"]
    if "type" in schema:
        kind = TYPES[schema["type"]]
        if not isinstance(value, kind) or (isinstance(value, bool) and schema["type"] in ("integer", "number")):
            return [f"{place}: {value!r} is no {schema['type']}"]
    said: list[str] = []
    if isinstance(value, dict) and "properties" in schema:
        said += [f"{place}: {name} is missing" for name in schema["required"] if name not in value]
        said += [f"{place}: {name} is not described" for name in value if name not in schema["properties"]]
        for name, one in schema["properties"].items():
            said += problems(value[name], one, root, f"{place}.{name}") if name in value else []
    elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        for name, entry in value.items():
            said += problems(entry, schema["additionalProperties"], root, f"{place}.{name}")
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            said += problems(entry, schema["items"], root, f"{place}[{number}]")
    return said


@pytest.fixture(scope="module")
def plain(make_cell: Any) -> dict[str, Any]:
    def find(name: str) -> Metric:
        return make_accuracy(None, None)

    cells = [
        make_cell("a", "AB" * 50, "AB" * 50),
        make_cell("b", "A" * 100, "AB" * 50),
        make_cell("none", "-" * 100, "AB" * 50),
    ]
    return build_leaderboard(cells, ReportSettings(resamples=100), find_metric=find).to_json()


def test_a_real_leaderboard_keeps_to_the_schema(plain: dict[str, Any]) -> None:
    schema = leaderboard_schema()
    assert problems(plain, schema, schema) == []


def test_the_check_itself_notices_what_is_wrong(plain: dict[str, Any]) -> None:
    schema = leaderboard_schema()
    broken = {**plain, "rows": [{**plain["rows"][0], "n": "many", "extra": 1}], "schema": "other"}
    assert len(problems(broken, schema, schema)) == 3


def test_every_field_is_described() -> None:
    schema = leaderboard_schema()
    records = {"Leaderboard": schema, **schema["$defs"]}
    bare = [
        f"{name}.{field}"
        for name, one in records.items()
        for field, spec in one["properties"].items()
        if "description" not in spec
    ]
    assert bare == []
