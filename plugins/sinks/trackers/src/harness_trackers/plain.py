"""What is set in a manifest or a recipe, as plain names and texts that may leave the machine.

Secrets never come here: a manifest keeps `${env:NAME}` as it is written. What looks like one is left out all the same,
and so are the folders of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.api import scrub
from harness.api.files import read_whole
from harness_trackers.names import join_name

LEFT_OUT = "(left out)"

_MOST, _MOST_BYTES, _LONGEST = 400, 2**24, 500
_SECRET = re.compile(r"(?i)key|token|secret|passw|credential|auth|cookie|bearer")
_REFERENCE = re.compile(r"\$\{env:[^}]*\}")
_FOLDERS = re.compile(r"(?<![\w.:/])(?:~|[A-Za-z]:)?(?:[/\\][^/\\\s\"']+)+[/\\](?=[^/\\\s])")
_USER = re.compile(r"//[^/@\s]*@")


def clean_line(text: str) -> str:
    """One line without secrets and without what a terminal obeys."""
    line = " ".join(scrub(text).split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def clean_text(text: str) -> str:
    """The same, short, without folders of this machine and without names in addresses: it may leave the machine.

    >>> clean_text("data at /home/ann/pairs.jsonl")
    'data at .../pairs.jsonl'
    """
    return _FOLDERS.sub(".../", _USER.sub("//", clean_line(text)))[:_LONGEST]


def read_params(path: Path, parts: tuple[str, ...]) -> dict[str, str]:
    """The settings of a resolved manifest or recipe, by their place: `judges/served/with/model`.

    Args:
        path: The file.
        parts: Its fields that are wanted.

    Returns:
        At most a few hundred. Of a file that cannot be read none: the numbers are sent all the same.
    """
    try:
        content = yaml.safe_load(read_whole(path, most=_MOST_BYTES))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    wanted = {name: content[name] for name in parts if name in content} if isinstance(content, dict) else {}
    params: dict[str, str] = {}
    for place, value in _flatten(wanted):
        if len(params) == _MOST:
            break
        params[join_name(*place)] = _hide(place[-1], value)
    return params


def _flatten(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _flatten(child, (*place, clean_text(str(name))))
    elif isinstance(value, list) and any(isinstance(child, Mapping | list) for child in value):
        for number, child in enumerate(value):
            name = child.get("name") if isinstance(child, Mapping) else None
            yield from _flatten(child, (*place, clean_text(str(name)) if name else str(number)))
    elif value not in (None, "", []):
        yield place, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _hide(name: str, value: str) -> str:
    # A name such as `api_key_env` says which variable is needed, and is no secret.
    if _SECRET.search(name) and not name.endswith("_env") and not _REFERENCE.fullmatch(value):
        number = value.replace(".", "", 1).isdigit()  # `max_new_tokens: 2048`
        return value if number or value in ("True", "False") else LEFT_OUT
    return clean_text(value)
