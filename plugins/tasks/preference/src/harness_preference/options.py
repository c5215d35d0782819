"""The options of a preference benchmark: what a manifest may say under `with:`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from harness.api.data import Media


class Options(BaseModel):
    """Which part of the data to use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subset: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="One subset, where the data have several; without it every subset found becomes a task.",
    )
    hub_split: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_]+$",
        description="Split of the hub dataset, or first word of its parquet files; the official one by default.",
    )
    media: Media = None
