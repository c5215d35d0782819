"""The Python files of a metric module: read once, hashed, and run from what was read, if they are run at all.

A module is one main file, and the files that it imports relatively (`from .helper import x`). They are found in its
syntax tree, so that looking at a module runs nothing of it. `evaluate.load` is not used: it runs what it finds in the
working directory, and fetches further code from addresses in comments.

The hash of one file is its SHA-256, as `sha256sum` prints it. That of several is the SHA-256 of what `sha256sum` prints
for all of them, sorted by name.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from harness.api import UserError

MOST_BYTES = 1 << 20
"""Of one file."""

MOST_FILES = 64
"""Of one module."""

Read = Callable[[str], tuple[bytes, str] | None]
"""Gives the bytes of a file by its name in the module's folder, and the place that it was read from."""


@dataclass(frozen=True, kw_only=True)
class MetricCode:
    """The files of a module, as they were read."""

    main: str
    """Name of the main file."""
    files: Mapping[str, bytes]
    """All files by name, such as `mine.py` and `parts/helper.py`."""
    places: Mapping[str, str]
    """From where each was read."""

    @property
    def hash(self) -> str:
        """SHA-256 of the files, 64 hexadecimal digits; see the top of this module."""
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        if len(digests) == 1:
            return digests[self.main]
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def load(self) -> ModuleType:
        """Run the files, from memory, and give the module of the main one. The same files are run once a process."""
        # Equal files in another folder, or under another name, are another module.
        own = hashlib.sha256(repr((self.hash, self.main, sorted(self.places.items()))).encode()).hexdigest()
        package = f"harness_evaluate_{own}"
        if package not in sys.modules:
            finder = _Finder(package, self)
            # It stays there: a file may import another one when it is called, and not at its top.
            sys.meta_path.append(finder)
            sys.modules[package] = importlib.util.module_from_spec(finder.package())
        return importlib.import_module(f"{package}.{_module_of(self.main)}")


def read_local(path: Path) -> MetricCode:
    """The files of a module on this machine: a `.py` file, or a folder with a file of its name in it.

    Raises:
        UserError: There is none, or a file cannot be read.
    """
    main = path if path.suffix == ".py" else path / f"{path.name}.py"
    folder = main.resolve().parent

    def read(name: str) -> tuple[bytes, str] | None:
        file = main.resolve() if name == main.name else folder / name
        if not file.exists():
            return None
        # A link must not bring in what lies elsewhere: the user has looked at this folder.
        if not file.resolve().is_relative_to(folder):
            raise UserError(f"{file}: leads out of {folder}; put a copy there")
        return _read_file(file), str(file)

    return collect(main.name, read)


def collect(main: str, read: Read) -> MetricCode:
    """The files of a module.

    Args:
        main: Name of the main file.
        read: Gives a file, or `None` where there is none of that name.

    Raises:
        UserError: There is no main file, a file is no Python, or it imports what is outside of its folder.
    """
    files: dict[str, bytes] = {}
    places: dict[str, str] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop()
        found = None if name in files else read(name)
        if found is None:
            continue
        if len(files) >= MOST_FILES:
            raise UserError(f"{main}: imports more than {MOST_FILES} files; make a plugin of it")
        files[name], places[name] = found
        waiting += _find_imports(name, found[0], places[name])
    if main not in files:
        raise UserError(f"there is no file {main}")
    return MetricCode(main=main, files=dict(sorted(files.items())), places=places)


def _read_file(file: Path) -> bytes:
    try:
        # A pipe would be waited for without end, and a device has none.
        if not stat.S_ISREG(file.stat().st_mode):
            raise UserError(f"{file}: is no plain file")
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error})") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{file}: has more than {MOST_BYTES:,} bytes, which no metric needs")
    return content


def _find_imports(name: str, content: bytes, place: str) -> Iterator[str]:
    """Names of the files that a file may import relatively. Not all of them need be there."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{place}: is no Python that this version reads ({type(error).__name__}: {error})") from error
    # `pkg/__init__.py` and `pkg/a.py` both stand in the package `pkg`.
    own = name.split("/")[:-1]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        if node.level - 1 > len(own):
            raise UserError(f"{place}, line {node.lineno}: imports from outside of the folder of the module")
        base = own[: len(own) - node.level + 1] + (node.module.split(".") if node.module else [])
        # Both may be modules: what stands after `from`, and what stands after `import`.
        for parts in (base, *([*base, alias.name] for alias in node.names)):
            for end in range(1, len(parts) + 1):
                yield "/".join(parts[:end]) + ".py"
                yield "/".join([*parts[:end], "__init__.py"])


def _module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the files of one module, and nothing else, below one package name."""

    def __init__(self, package: str, code: MetricCode) -> None:
        self._package = package
        self._code = code
        self._names = {f"{package}.{_module_of(name)}": name for name in code.files}

    def package(self) -> importlib.machinery.ModuleSpec:
        """The package that holds them, which has no code."""
        return importlib.machinery.ModuleSpec(self._package, None, is_package=True)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(f"{self._package}."):
            return None
        if (name := self._names.get(fullname)) is None:
            # A folder of modules without a file of its own.
            below = any(known.startswith(f"{fullname}.") for known in self._names)
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True) if below else None
        return importlib.util.spec_from_loader(fullname, _Loader(name, self._code))


class _Loader(importlib.abc.ExecutionLoader):
    """Runs the bytes that were hashed: a file that is changed in the meantime changes nothing."""

    def __init__(self, name: str, code: MetricCode) -> None:
        self._name = name
        self._code = code

    def get_filename(self, fullname: str) -> str:
        return self._code.places[self._name]

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self._code.files[self._name])

    def is_package(self, fullname: str) -> bool:
        return self._name.endswith("__init__.py")
