"""The JSON Schema of `leaderboard.json`, made from the records themselves so that the two cannot drift."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.report.records import SCHEMA, Leaderboard, LeaderboardRow


def leaderboard_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of what `Leaderboard.to_json` gives. Each field carries its description."""
    from pydantic import TypeAdapter

    # Serialization and not validation: fields with a default are always written, so readers can count on them.
    schema = TypeAdapter(Leaderboard).json_schema(mode="serialization")
    _describe_inherited(schema["$defs"][LeaderboardRow.__name__]["properties"])
    marker = {"const": SCHEMA, "type": "string", "description": "Name and version of this schema."}
    schema["properties"] = {"schema": marker, **schema["properties"]}
    schema["required"] = ["schema", *schema["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _describe_inherited(fields: dict[str, dict[str, Any]]) -> None:
    """Give the fields of a row that it has from other records the descriptions that they have there."""
    from pydantic import TypeAdapter

    # pydantic reads the docstrings of a class's own fields only.
    for base in LeaderboardRow.__mro__[1:]:
        if dataclasses.is_dataclass(base):
            for name, spec in TypeAdapter(base).json_schema(mode="serialization")["properties"].items():
                fields[name].setdefault("description", spec["description"])
