"""Options of the executor `ray`, as `--executor-option KEY=VALUE` gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RayOptions(BaseModel):
    """Options of the executor `ray`. None of them changes an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    address: str = ""
    """The cluster, such as `auto` on one of its machines, or `HOST:6379`. Empty: as `RAY_ADDRESS` says, and without
    that a cluster of this machine alone, which ends with the run."""
    workers: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Copies of each judge. Default: as many as the cluster has room for."""
    env: list[str] = Field(default_factory=list)
    """Names of environment variables of this process that workers get too, such as `[HF_TOKEN]`. Their values go from
    process to process, and are written nowhere. Others come from each machine's own environment."""
    here: list[str] = Field(default_factory=list)
    """Names of judges that are asked in the process of the run."""
