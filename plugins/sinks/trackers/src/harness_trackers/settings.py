"""What the user asks for, from the environment. Where a service is, and its keys, are that service's own variables."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from harness.api import UserError

VARIABLE = "HARNESS_TRACKERS"
"""The environment variable that names the services."""

SERVICES = ("mlflow", "tensorboard", "wandb")
"""The services that there are."""

TEXTS = f"{VARIABLE}_TEXTS"
"""Set to `1`, files that hold what judges wrote are sent as well."""

WAIT = f"{VARIABLE}_WAIT"
"""The most seconds that the end of a run or a training waits for a service."""

_WAIT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is sent, and where to."""

    services: tuple[str, ...]
    """Names of the services."""
    texts: bool
    """Whether files that hold what judges wrote are sent too."""
    wait_s: float
    """The most seconds that the end of a run or a training waits for a service."""


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the variables.

    >>> read_settings({"HARNESS_TRACKERS": "wandb, mlflow"}).services
    ('wandb', 'mlflow')

    Raises:
        UserError: A service is not known, this is Windows, or the wait is no number of seconds.
    """
    if sys.platform == "win32":
        raise UserError(f"{VARIABLE}: trackers work on Linux and macOS; unset it, or run in WSL")
    names = tuple(dict.fromkeys(re.findall(r"[^\s,]+", environment.get(VARIABLE, ""))))
    if unknown := [name for name in names if name not in SERVICES]:
        raise UserError(f"{VARIABLE}: there is no tracker {unknown[0]!r}; name some of {', '.join(SERVICES)}")
    said = environment.get(WAIT, "")
    try:
        wait = float(said) if said else _WAIT_S
    except ValueError:
        wait = math.nan
    if not 0 < wait < math.inf:
        raise UserError(f"{WAIT}: {said!r} is no number of seconds above 0; set it to such a number, or not at all")
    return Settings(services=names, texts=environment.get(TEXTS, "") not in ("", "0", "no"), wait_s=wait)
