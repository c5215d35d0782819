"""YAML text to plain data that knows where each value was written. Not for what the values mean.

Only data comes in: no tags, no aliases (nothing can multiply), no merge keys, text keys only, bounded depth and size.
The parser's events are read one by one with a stack of our own, because libyaml's composer recurses without a bound.

Plain (unquoted) scalars are read by the rules of YAML 1.2 where 1.1 has traps, and refused where the two disagree in a
way that matters:

- `1e-5`, `1.5e3`: numbers. `012`, `1:30`, `1_000`, `2024-01-01`: text. Where a number is expected the message says so.
- `yes`, `no`, `on`, `off`: truth values, as in YAML 1.1. Where text is expected the message says to quote it.
- `.inf` is a number. `.nan` is refused, for it equals nothing and can be no setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from harness.libraries.config.problems import ConfigError, Origin, Problems, join
from harness.libraries.files import open_regular
from harness.libraries.secrets import hide_keys_in

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 20_000
_MAX_DIGITS = 300
_OF_MANIFESTS = frozenset({"tasks", "judges", "trainer", "extends"})

Scalar: TypeAlias = str | int | float | bool | None

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_WORDS: Mapping[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    ".inf": float("inf"),
    "+.inf": float("inf"),
    "-.inf": float("-inf"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value with its position. Immutable: merging and interpolation make new ones."""

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    """A scalar, a list or a mapping."""
    origin: Origin
    """Where the value is written."""
    key: Origin | None = None
    """Where its key is written, when it sits in a mapping."""
    plain: str | None = None
    """The text as written, for unquoted scalars."""
    stored: str | None = None
    """For text from the environment: what stands for it in a stored manifest, with `${env:...}` kept."""
    folder: Path | None = None
    """What it is relative to as a path, where that is not `origin.folder`."""

    def children(self) -> Iterator[tuple[str | int, Node]]:
        """Pairs of key or index and child; none for scalars."""
        if isinstance(self.value, Mapping):
            yield from self.value.items()
        elif isinstance(self.value, tuple):
            yield from enumerate(self.value)

    def child(self, step: str | int) -> Node | None:
        """The child under a key or index."""
        if isinstance(self.value, Mapping):
            return self.value.get(str(step))
        if isinstance(self.value, tuple) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def data(self, *, stored: bool = False) -> Any:
        """Plain data: as it is used or, with `stored`, as it is written into a stored manifest."""
        if isinstance(self.value, Mapping):
            return {key: node.data(stored=stored) for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.data(stored=stored) for node in self.value]
        if not stored or not isinstance(self.value, str):
            return self.value
        return self.stored if self.stored is not None else escape(self.value)

    def put(self, step: str | int, child: Node) -> Node:
        """A copy with one child replaced or, in a mapping, added."""
        if isinstance(self.value, Mapping):
            return replace(self, value={**self.value, str(step): child})
        assert isinstance(self.value, tuple)
        assert isinstance(step, int)
        return replace(self, value=(*self.value[:step], child, *self.value[step + 1 :]))


def make_node(value: Any, origin: Origin) -> Node:
    """Plain data as a tree, for the same checks."""
    if isinstance(value, Mapping):
        return Node(value={str(key): make_node(child, origin) for key, child in value.items()}, origin=origin)
    if isinstance(value, list | tuple):
        return Node(value=tuple(make_node(child, origin) for child in value), origin=origin)
    return Node(value=value, origin=origin)


def escape(text: str) -> str:
    """`text` written so that interpolation gives it back."""
    return text.replace("${", "$${")


def read_file(path: Path, *, label: str, problems: Problems, foreign: bool = False) -> Node:
    """Read a manifest file.

    Args:
        path: The file.
        label: Its name in messages.
        problems: Gets the mistakes that do not stop the reading.
        foreign: Whether it lies outside the project, so that messages do not quote it.

    Raises:
        ConfigError: It cannot be read, or it is not YAML.
    """
    folder = path.absolute().parent
    start = Origin(label=label, line=1, column=1, folder=folder)
    try:
        if not path.exists():
            raise problems.make_fatal(start, "there is no such file; give the path of a YAML manifest")
        with open_regular(path) as stream:
            raw = stream.read(MAX_BYTES + 1)  # one more than may be, so that a larger file is known to be one
    except (OSError, ValueError) as error:
        raise problems.make_fatal(start, f"cannot be read: {error}") from error
    if len(raw) > MAX_BYTES:
        raise problems.make_fatal(start, f"is larger than {MAX_BYTES} bytes; data does not belong into a manifest")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _BREAK.split(raw[: error.start].decode("utf-8-sig", "replace"))
        here = Origin(
            label=label, line=len(before), column=len(before[-1]) + 1, text=before[-1], folder=folder, foreign=foreign
        )
        raise problems.make_fatal(here, "is not UTF-8 from here on; save it as UTF-8") from error
    # Before anything of it is quoted: a line with a mistake may hold a key that was pasted.
    hide_keys_in(text)
    if foreign:
        node = read_text(text, label=label, folder=folder, problems=type(problems)(), foreign=True)
        # Where it is a manifest, what is wrong in it may be shown, and helps.
        foreign = not (isinstance(node.value, Mapping) and node.value.keys() & _OF_MANIFESTS)
    node = read_text(text, label=label, folder=folder, problems=problems, foreign=foreign)
    if not isinstance(node.value, Mapping):
        raise problems.make_fatal(node.origin, "a manifest is a mapping of keys such as name:, tasks: and judges:")
    return node


def read_text(
    text: str, *, label: str, folder: Path, problems: Problems, lines: bool = True, foreign: bool = False
) -> Node:
    """Read YAML text.

    Args:
        text: One YAML document.
        label: Name in messages.
        folder: What relative paths in it are relative to.
        problems: Gets the mistakes that do not stop the reading: duplicate keys, aliases, tags, keys that are no text.
        lines: Whether positions have lines and columns; without, they are just the label.
        foreign: Whether messages must not quote it.

    Raises:
        ConfigError: It is not YAML, or it is too deep or too large.
    """
    origin = Origin(label=label, folder=folder, foreign=foreign)
    return _Reader(text, origin=origin, problems=problems, lines=lines).read()


@dataclass(slots=True)
class _Open:
    """A list or mapping that is still being read."""

    origin: Origin
    items: list[Node] | None
    entries: dict[str, Node]
    key: Node | None = None


class _Reader:
    def __init__(self, text: str, *, origin: Origin, problems: Problems, lines: bool) -> None:
        self._text = text
        self._lines = _BREAK.split(text) if lines else None
        self._file, self._problems = origin, problems
        self._stack: list[_Open] = []
        self._count = 0

    def read(self) -> Node:
        # libyaml refuses these too, but says no line.
        bad = _UNPRINTABLE.search(self._text)
        if bad:
            before = _BREAK.split(self._text[: bad.start()])
            code = f"U+{ord(bad[0]):04X}"
            raise self._fatal(
                self._origin(len(before) - 1, len(before[-1])), f"the character {code} is not allowed; remove it"
            )
        root: Node | None = None
        documents = 0
        try:
            for event in yaml.parse(self._text, Loader=_LOADER):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._fatal(
                            self._at(event.start_mark), "a second document begins here; keep one in a file"
                        )
                done = self._event(event)
                if done is not None:
                    root = done
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            origin = self._at(mark) if mark is not None else self._origin(0, 0)
            raise self._fatal(
                origin, f"not valid YAML: {error.problem or error.context}{_quote_hint(error)}"
            ) from error
        except (yaml.YAMLError, ValueError) as error:
            raise self._fatal(self._origin(0, 0), f"not valid YAML: {error}") from error
        return root if root is not None else Node(value=None, origin=self._origin(0, 0), plain="")

    def _event(self, event: Any) -> Node | None:
        """Take one event. Returns the root when it is complete."""
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            origin = self._at(event.start_mark)
            self._refuse_tag(event, origin)
            if len(self._stack) >= MAX_DEPTH:  # later steps walk the tree by recursion
                raise self._fatal(origin, f"nested more than {MAX_DEPTH} deep; write it flatter")
            is_list = isinstance(event, yaml.SequenceStartEvent)
            self._stack.append(_Open(origin=origin, items=[] if is_list else None, entries={}))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            closed = self._stack.pop()
            value = closed.entries if closed.items is None else tuple(closed.items)
            return self._add(Node(value=value, origin=closed.origin))
        elif isinstance(event, yaml.ScalarEvent):
            return self._add(self._scalar(event))
        elif isinstance(event, yaml.AliasEvent):
            origin = self._at(event.start_mark)
            self._problem(origin, f"aliases (*{event.anchor}) are not allowed; write it out or use ${{vars.NAME}}")
            return self._add(Node(value=None, origin=origin))  # goes on, to find further mistakes
        return None

    def _scalar(self, event: Any) -> Node:
        origin = self._at(event.start_mark)
        self._refuse_tag(event, origin)
        if not event.implicit[0]:  # quoted, or a block: always text
            if _UNPRINTABLE.search(event.value) and _unencodable(event.value):
                self._problem(origin, "half of a surrogate pair is no character; write the whole one")
                return Node(value="", origin=origin)
            return Node(value=event.value, origin=origin)
        return Node(value=self._resolve(event.value, origin), origin=origin, plain=event.value)

    def _resolve(self, text: str, origin: Origin) -> Scalar:
        folded = text.lower()
        # `True` and `TRUE` are words of YAML, `tRUE` is text.
        if folded in _WORDS and text in (folded, text.upper(), text.capitalize()):
            return _WORDS[folded]
        if folded == ".nan":
            self._problem(origin, "NaN is not a value that a manifest may have; give a number or quote it as text")
            return None
        if _INTEGER.fullmatch(text) or (_FLOAT.fullmatch(text) and not _LEADING_ZERO.fullmatch(text)):
            if len(text) > _MAX_DIGITS:  # no setting has so many, and from 4,300 on Python refuses to read them
                self._problem(origin, f"a number of {len(text)} digits; quote it if it is text")
                return None
            return _number(text)
        return text

    def _add(self, node: Node) -> Node | None:
        """Put a finished node into what is open. Returns it when nothing is."""
        self._count += 1
        if self._count > MAX_NODES:
            raise self._fatal(node.origin, f"has more than {MAX_NODES} values; data does not belong into a manifest")
        if not self._stack:
            return node
        top = self._stack[-1]
        if top.items is not None:
            top.items.append(node)
        elif top.key is None:
            top.key = node
        else:
            self._add_entry(top, top.key, node)
            top.key = None
        return None

    def _add_entry(self, top: _Open, key: Node, node: Node) -> None:
        if key.plain == "<<":
            self._problem(key.origin, "merge keys (<<) are not allowed; write it out or use extends:")
        elif not isinstance(key.value, str):
            hint = f"; quote it: {key.plain!r}" if key.plain else ""
            self._problem(key.origin, f"keys must be text{hint}")
            # As text it is as it was meant. Without it, a second message would say that something is missing.
            if key.plain:
                top.entries.setdefault(key.plain, replace(node, key=key.origin))
        elif key.value in top.entries:
            first = top.entries[key.value].key
            self._problem(key.origin, f"duplicate key {key.value!r}; it is already set at {first}")
        else:
            # The place of the key is kept too: an unknown key is wrong there, and not at its value.
            top.entries[key.value] = replace(node, key=key.origin)

    def _refuse_tag(self, event: Any, origin: Origin) -> None:
        if event.tag is not None:
            name = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._problem(origin, f"tags ({name[:80]}) are not allowed; manifests are plain data")

    def _fatal(self, origin: Origin, message: str) -> ConfigError:
        return self._problems.make_fatal(origin, message)

    def _problem(self, origin: Origin, message: str) -> None:
        path = ""
        for level in self._stack:
            if level.items is not None:
                path = join(path, len(level.items))
            elif level.key is not None and isinstance(level.key.value, str):
                path = join(path, level.key.value)
        self._problems.add(origin, path, message)

    def _at(self, mark: Any) -> Origin:
        return self._origin(mark.line, mark.column)

    def _origin(self, line: int, column: int) -> Origin:
        if self._lines is None:  # a value of `--set`, which stands in no file
            return self._file
        text = self._lines[line] if line < len(self._lines) else ""
        return replace(self._file, line=line + 1, column=column + 1, text=text)


def _number(text: str) -> int | float:
    digits = text.lstrip("+-")
    if digits.startswith(("0x", "0o")):
        return int(digits, 0)
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def _unencodable(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _quote_hint(error: yaml.MarkedYAMLError) -> str:
    """The commonest causes of a syntax error, said plainly."""
    problem = str(error.problem)
    if "cannot start any token" in problem:
        return "; quote the value"
    if "tab" in problem:
        return "; indent with spaces"
    if "mapping values are not allowed" in problem:
        return "; quote a value that has ': ' in it, or fix the indentation"
    return ""
