"""Code that the user has named on the command line, by `--allow-code`, and options that may not be used without.

Installed plugins and files given with `--plugin` are the user's own choice. Everything else that runs code by what a
manifest, a recipe, a recorded run or a model says needs that choice first. Not for running anything.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.api import RunsCode, UserError

_PINNED = re.compile(r"(?P<what>.+)@sha256:(?P<hash>[0-9a-f]{64})", re.DOTALL)
_FILE = re.compile(r"[.~/\\]|[A-Za-z]:[\\/]")
_COMMIT = re.compile(r"hub:[^@]+@[0-9a-f]{40}")


# Frozen, since what the user allowed is fixed once the command line is read.
@dataclass(frozen=True, slots=True)
class AllowedCode:
    """What stands after `--allow-code`, as it was given: `KIND:WHAT`, or `KIND:WHAT@sha256:HASH`."""

    given: tuple[str, ...] = ()
    read: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Code that was read in this process, by its name. It runs as it was read first, however long the run takes."""

    def hash_of(self, kind: str, what: str) -> str | None:
        """The hash that code must have to run. Empty where any will do, `None` where it may not run.

        Args:
            kind: `evaluate` or `model`.
            what: A name, or the absolute path of a file or folder. One on the command line is relative to the working
                directory.
        """
        pins = []
        for text in self.given:
            before, _, rest = text.partition(":")
            match = _PINNED.fullmatch(rest)
            name, pin = (match["what"], match["hash"]) if match else (rest, "")
            if before == kind and _is_same(name, what):
                pins.append(pin)
        # A pin counts more than the same thing without one.
        return max(pins, default=None)

    def absolute(self) -> tuple[str, ...]:
        """The same, as it is given to a process in another working directory."""
        found = []
        for text in self.given:
            kind, _, what = text.partition(":")
            name, at, pin = what.partition("@sha256:")
            is_file = is_file_name(name) if kind == "evaluate" else not name.startswith("hub:")
            found.append(f"{kind}:{os.path.abspath(os.path.expanduser(name))}{at}{pin}" if is_file else text)
        return tuple(found)


def option_for(kind: str, what: str, pin: str = "") -> str:
    """The option that allows something, as it is typed into a shell."""
    return f"--allow-code {shlex.quote(f'{kind}:{what}' + (f'@sha256:{pin}' if pin else ''))}"


def is_file_name(text: str) -> bool:
    """Whether a text means a file or folder, and not a name: `./x`, `/x`, `~/x`, a path with a drive, `x.py`."""
    return bool(_FILE.match(text)) or text.endswith(".py")


def check_allowed(options: object, allowed: AllowedCode, *, who: str, model: str | None = None) -> None:
    """Refuse options that run code which comes with a model, where the user has not named that model.

    Args:
        options: Checked options of a plugin object.
        allowed: What the user has named.
        who: For the message, such as `judge transformers/transformers`.
        model: What the code comes with, where an option does not say it itself.

    Raises:
        UserError: An option marked with `RunsCode` is true, and what it is about is not allowed, or is not pinned.
    """
    for name, source in _find_marked(options):
        what = model or source
        if what.startswith("hub:") and not _COMMIT.fullmatch(what):
            raise UserError(
                f"{who}: {name}: a branch or tag can change what runs; write the commit that you have looked at, as "
                f"in hub:ORG/NAME@COMMIT with its 40 digits (got {what!r})"
            )
        if not what or allowed.hash_of("model", what) is None:
            raise UserError(
                f"{who}: {name}: this runs the Python code that comes with {what or 'the model'}, which no file can "
                f"allow; read that code, and if it may run as you do, say so yourself: harness "
                f"{option_for('model', what)} ..., before the verb"
            )


def _find_marked(options: object) -> Iterator[tuple[str, str]]:
    """Name of each option that runs code, at any depth, and what that code comes with (empty: it is not said)."""
    # Not by `isinstance`: pydantic is slow to import, and `harness list` does without.
    if (fields := getattr(type(options), "model_fields", None)) is not None:
        for name, spec in fields.items():
            value = getattr(options, name)
            for mark in spec.metadata:
                if isinstance(mark, RunsCode) and value:
                    yield name, str(getattr(options, mark.of, None) or "")
            yield from _find_marked(value)
    elif isinstance(options, list | tuple):
        for part in options:
            yield from _find_marked(part)
    elif isinstance(options, Mapping):
        for part in options.values():
            yield from _find_marked(part)


def _is_same(given: str, what: str) -> bool:
    # Real paths, so that links and `..` make no second name of a file. A name is the same to the letter or is not.
    if os.path.isabs(what) and not given.startswith("hub:"):
        return os.path.realpath(os.path.expanduser(given)) == os.path.realpath(what)
    return given == what
