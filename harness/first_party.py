"""The offers of this repository's distributions, for messages about one that is not installed."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def read_distributions() -> dict[str, str]:
    """The distribution of each plugin, by the plugin's name."""
    distributions: dict[str, str] = _read()["distributions"]
    return distributions


@cache
def read_offers() -> dict[str, dict[str, list[str]]]:
    """The names of a plugin's offers, by kind and by the plugin's name."""
    offers: dict[str, dict[str, list[str]]] = _read()["offers"]
    return offers


def find_plugins(kind: str, name: str) -> list[str]:
    """The plugins of this repository with an offer of this name: a full id, or a bare name that several may have.

    >>> find_plugins("judge", "transformers"), find_plugins("task", "mtrl/seetrue"), find_plugins("task", "no-such")
    (['transformers'], ['mtrl'], [])
    """
    # Both forms that a manifest may use are compared, since the user may have written either.
    ids = [(plugin, offered) for plugin, names in read_offers().get(kind, {}).items() for offered in names]
    return [plugin for plugin, offered in ids if name in (f"{plugin}/{offered}", offered)]


@cache
def _read() -> dict[str, dict]:  # type: ignore[type-arg]
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
