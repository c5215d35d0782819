"""What is wrong with a file, where, and how to fix it: collected first, then raised all at once.

Not for finding problems: the other modules of this package do that and add them to a `Problems`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.libraries.secrets import scrub

_WIDEST = 160  # characters of a source line that are shown
_FOREIGN = (
    "something is wrong from here on; what this file holds is not shown, since it lies outside the project (the git "
    "repository or the folder of the manifest that names it). If it is a manifest, look at it alone: `harness validate`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value was written."""

    label: str
    """The file as the user named it, or the whole `--set path=value`."""
    line: int = 0
    """From 1; 0 for a `--set`."""
    column: int = 0
    """From 1, in characters; 0 for a `--set`."""
    text: str = ""
    """The source line."""
    folder: Path
    """What a relative path written here is relative to."""
    foreign: bool = False
    """Whether the file lies outside the project. What it holds is never shown then."""

    def __str__(self) -> str:
        return f"{self.label}:{self.line}:{self.column}" if self.line else self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake."""

    origin: Origin
    """Where it is."""
    path: str
    """Dotted path of the value, such as `tasks.0.limit`; empty where there is none."""
    message: str
    """What is wrong and how to fix it."""

    def __str__(self) -> str:
        if self.origin.foreign:
            return f"{self.origin}: {_FOREIGN}"
        path = f"{display(self.path)}: " if self.path else ""
        head = scrub(f"{self.origin}: {path}{self.message}")
        return f"{head}\n{self._excerpt()}" if self.origin.line and self.origin.text.strip() else head

    def _excerpt(self) -> str:
        """The source line with a caret under the place. Long lines are cut around it."""
        # Before it is cut. The caret may stand beside its place then.
        text = scrub(self.origin.text)
        at = min(self.origin.column - 1, len(text))
        # One long line (a prompt, say) must not push the caret out of the terminal.
        start = max(0, at - _WIDEST // 2) if len(text) > _WIDEST else 0
        shown = "".join(c if c.isprintable() else " " for c in text[start : start + _WIDEST]).rstrip()
        return f"    {shown}\n    {' ' * (at - start)}^"


class ConfigError(Exception):
    """A file with problems. `str()` lists them all, sorted by position.

    Attributes:
        problems: All of them, sorted.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_sort_key))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """Collects problems while a file is read; at most one for each place, as later ones follow from the first."""

    error: ClassVar[type[ConfigError]] = ConfigError
    """What is raised. A program with an error of its own for this makes a subclass."""

    def __init__(self) -> None:
        """Empty."""
        self._found: dict[tuple[str, int, int, str], Problem] = {}

    def add(self, origin: Origin, path: str, message: str, *, missing: bool = False) -> None:
        """Note a problem. The first one at a place counts. Of keys that are `missing` a place may have several."""
        # A `--set` has no line, so there the path tells one place from another.
        place = (origin.label, origin.line, origin.column, path if missing or not origin.line else "")
        self._found.setdefault(place, Problem(origin=origin, path=path, message=message))

    def scrub(self, secrets: Iterable[tuple[str, str]]) -> None:
        """Replace the values of environment variables by their names wherever a message repeats them."""
        for place, problem in self._found.items():
            message = problem.message
            for value, name in secrets:
                # Messages quote values by `repr`, which writes some characters in another way.
                for form in (value, repr(value)[1:-1]) if len(value) > 2 else ():  # shorter ones hide nothing
                    message = message.replace(form, f"${{env:{name}}}")
            self._found[place] = Problem(origin=problem.origin, path=problem.path, message=message)

    def raise_if_any(self) -> None:
        """Raise what was found.

        Raises:
            ConfigError: Something was.
        """
        if self._found:
            raise self.error(self._found.values())

    def make_fatal(self, origin: Origin, message: str) -> ConfigError:
        """The error for a problem after which nothing more can be read."""
        return self.error([Problem(origin=origin, path="", message=message)])


def display(path: str) -> str:
    """`tasks.0.with.model` as people write it: `tasks[0].with.model`."""
    words = path.split(".")
    return "".join(f"[{w}]" if w.isdecimal() else f".{w}" if k else w for k, w in enumerate(words))


def join(path: str, step: str | int) -> str:
    """The dotted path of a child."""
    return f"{path}.{step}" if path else str(step)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Near misses as a sentence, else the list of what there is."""
    names = sorted(set(known))
    # A long word is no slip of the finger, and comparing it with every name takes long.
    close = difflib.get_close_matches(word[:100], names, n=3, cutoff=0.6)
    if close:
        return f" Did you mean {' or '.join(repr(name) for name in close)}?"
    return f" Known: {', '.join(names)}." if names else ""


def _sort_key(problem: Problem) -> tuple[bool, str, int, int, str]:
    origin = problem.origin  # files come before what is said on the command line
    return (not origin.line, origin.label, origin.line, origin.column, problem.path)
