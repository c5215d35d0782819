"""The JSON Schema of `leaderboard.json`, made from the records themselves so that the two cannot drift."""

from __future__ import annotations

from typing import Any

from harness.report.records import SCHEMA, Leaderboard


def leaderboard_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of what `Leaderboard.to_json` gives; each field carries its description."""
    from pydantic import TypeAdapter

    # Serialization and not validation: fields with a default are always written, so readers can count on them.
    schema = TypeAdapter(Leaderboard).json_schema(mode="serialization")
    marker = {"const": SCHEMA, "type": "string", "description": "Name and version of this schema."}
    schema["properties"] = {"schema": marker, **schema["properties"]}
    schema["required"] = ["schema", *schema["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
