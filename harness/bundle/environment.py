"""What a bundle says of the place where its run was made, and what it keeps to itself.

No variable of the environment, no command line, no time of day: they say who made a run and not what came out. Folders
of that machine are cut from paths, and values that look like secrets from the manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.api import JournalError
from harness.libraries.config import render
from harness.runner.folder import MANIFEST, RECORD

LEFT_OUT = "(left out)"
"""Stands where a secret stood."""

_KEPT = ("harness", "python", "platform", "state")
"""Facts of `run.json` that stay the same when the same command is given again."""

_PASSWORD = "password|passwd|passphrase|pwd|secret"
_SECRET = re.compile(rf"(?:^|_)(?:api_?key|key|token|auth|bearer|authorization|credential|cookie|{_PASSWORD})s?$", re.I)
_NUMBER_TOO = re.compile(rf"(?:^|_)(?:{_PASSWORD})s?$", re.I)  # `max_tokens: 512` is no secret
_INNER = re.compile(r"-|(?<=[a-z0-9])(?=[A-Z])")  # where a word of a key begins: `x-api-key`, `accessToken`
_REFERENCE = re.compile(r"\$\{env:[^}]*\}")
# The folders of an absolute path. After a letter or `:/` it is a part of an address.
_FOLDERS = re.compile(r"(?<![\w.:/~\\-])(?:~|[A-Za-z]:)?(?:\\\\|[/\\])(?:[^/\\\s,;'\"]+[/\\])*(?=[^/\\\s,;'\"])")
_FILE = re.compile(r"(?<=file:)/+(?:[^/\s,;'\"]+/)*", re.I)
_USER = re.compile(r"(?<=://)[^/\s?#'\"]+@")  # to the last one, as addresses are read
_PARAMETER = re.compile(r"([?&][^=&\s]*(?:key|token|secret|sig|password|auth)[^=&\s]*=)[^&\s#]+", re.I)


def read_environment(folder: Path) -> dict[str, Any]:
    """What `run.json` says that a bundle repeats; empty values where there is none, as for merged shards.

    Raises:
        JournalError: It is damaged.
    """
    record = _read_record(folder / RECORD)
    plugins, data = record.get("plugins", {}), record.get("data", {})
    return {
        **{name: _text(record.get(name)) for name in _KEPT},
        "plugins": {_text(name): _text(version) for name, version in sorted(_mapping(plugins).items())},
        "data": {_text(task): hide_text(_text(source)) for task, source in sorted(_mapping(data).items())},
    }


def _read_record(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise JournalError(f"{path}: cannot be read ({error}); `harness run` with its manifest makes it") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def read_manifest(folder: Path) -> str:
    """The resolved manifest, without secrets and without the folders of the machine; empty where there is none.

    Raises:
        JournalError: It is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return ""
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise JournalError(f"{path}: cannot be read ({error}); `harness run` with its manifest makes it") from error
    return render(hide(plain)) if isinstance(plain, dict) else ""


def hide(value: Any, *, key: str = "") -> Any:
    """Plain data without secrets and without folders of the machine.

    >>> hide({"api_key": "sk-1", "api_key_env": "OPENAI_KEY", "data": "/home/ann/pairs.jsonl"})
    {'api_key': '(left out)', 'api_key_env': 'OPENAI_KEY', 'data': '.../pairs.jsonl'}

    Args:
        value: The data.
        key: Under which key they stand.
    """
    word = _INNER.sub("_", key)
    is_secret = _SECRET.search(word) is not None
    if isinstance(value, dict):
        return {name: hide(child, key=key if is_secret else str(name)) for name, child in value.items()}
    if isinstance(value, list):
        return [hide(child, key=key) for child in value]
    if not isinstance(value, str):
        return LEFT_OUT if type(value) in (int, float) and _NUMBER_TOO.search(word) else value
    # A reference to a variable is what keeps the secret out, and says which one is needed.
    if is_secret and not _REFERENCE.fullmatch(value):
        return LEFT_OUT if value else value
    return hide_text(value)


def hide_text(text: str) -> str:
    """A text without folders of the machine, and without names and keys in addresses."""
    text = _PARAMETER.sub(rf"\1{LEFT_OUT}", _USER.sub("", text))
    return _FOLDERS.sub(".../", _FILE.sub(".../", text))
