"""Finds plugins. Entry points are indexed first and then loaded one by one, and failures are kept as data.

pluggy's own loader stops at the first broken plugin. It silently drops a second distribution of the same name
(pluggy#154, #174). So the entry points are indexed here. Blocked plugins are dropped before any of their code is
imported, and each of the others is loaded by itself. A failure becomes a row with its cause, even a `sys.exit` in a
plugin. It only becomes an error when a manifest uses that plugin, or at once with `HARNESS_STRICT_PLUGINS=1`.
`harness.registration` checks the module of each plugin.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from harness import DISTRIBUTION, first_party
from harness.api import Card, Operational, PluginError, UnfoldedEntry, UserError, hookspecs
from harness.registration import cause_of, check_cards, check_hooks
from harness.text import clean

if TYPE_CHECKING:
    from pydantic import BaseModel

GROUP = "harness"
"""The entry-point group."""

KINDS = ("task", "judge", "reward", "trainer", "format", "metric", "renderer", "manifest", "command")
"""Kinds of plugin objects; `harness_<kind>s` is the hook that returns their cards."""

CORE = "harness"
"""Name of the core's own plugin. No other may have it."""


_OUTCOMES = {"broken": "broken", "conflict": "in conflict", "blocked": "left out", "replaced": "replaced"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRow:
    """An advertised plugin and the outcome of loading it."""

    name: str
    """Name of the entry point, and the first half of every id."""
    distribution: str
    """Name of the distribution, or the path of a file given with `--plugin`."""
    version: str
    """Version of the distribution."""
    status: str
    """`ok`, `broken`, `conflict`, `blocked` or `replaced` (by a file given with `--plugin`)."""
    problem: str = ""
    """Cause, if the status is not ok."""
    cards: tuple[Card, ...] = ()
    """Cards of its objects."""
    hooks: tuple[str, ...] = ()
    """Names of the hooks that it implements."""
    cpu_ms: float = 0.0
    """Milliseconds of CPU to load it. A library that two plugins import counts for the first of them, by name."""
    wall_ms: float = 0.0
    """Milliseconds by the clock to load it."""

    @property
    def outcome(self) -> str:
        """The outcome in words, to follow `plugin NAME is`."""
        return f"{_OUTCOMES.get(self.status, self.status)}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A card with its provenance. A manifest's `use:` resolves to it."""

    id: str
    """Canonical id, `plugin/name`."""
    card: Card
    """The card."""
    distribution: str
    """The distribution that ships it."""
    version: str
    """Version of the distribution."""

    def options_model(self) -> type[BaseModel] | None:
        """Import the pydantic model of its options."""
        if self.card.options is None:
            return None
        model: type[BaseModel] = self.resolve(self.card.options)
        return model

    def create(self, options: object, context: object) -> Any:
        """Call the factory.

        Raises:
            PluginError: It cannot be imported, or it raised. The message names the cause.
            UserError: The factory raised it on purpose.
        """
        return self._call(self.card.factory, options, context)

    def unfold(self, options: object, context: object) -> list[UnfoldedEntry] | None:
        """The entries into which this one unfolds, or `None` if it stands for itself."""
        if self.card.unfold is None:
            return None
        unfolded: list[UnfoldedEntry] = self._call(self.card.unfold, options, context)
        return unfolded

    def check(self, options: object, context: object) -> None:
        """Check the files in the options of a judge, if its card has a check.

        Raises:
            UserError: They cannot be used.
        """
        lazy = getattr(self.card, "check", None)
        if lazy is not None:
            self._call(lazy, options, context)

    def _call(self, lazy: str | Callable[..., Any], options: object, context: object) -> Any:
        try:
            return self.resolve(lazy)(options, context)
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException as error:  # even SystemExit: a plugin must not end the command
            raise PluginError(
                f"{self.card.kind} {self.id} ({self.distribution} {self.version}): could not be made: "
                f"{type(error).__name__}: {error}"
            ) from error

    def resolve(self, lazy: object) -> Any:
        """Import the object of a lazy reference in the card. An object that is not text is returned as it is.

        Raises:
            PluginError: It cannot be imported. The message names the cause.
        """
        if not isinstance(lazy, str):
            return lazy
        module, _, attribute = lazy.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(
                f"{self.card.kind} {self.id} ({self.distribution} {self.version}): cannot load {lazy!r}: "
                f"{type(error).__name__}: {error}; reinstall the plugin, or tell its authors"
            ) from error


@dataclass
class _Found:
    """An entry point, or a file or module given with `--plugin`, before it is loaded."""

    name: str
    distribution: str
    version: str
    load: Callable[[], ModuleType] = field(repr=False)
    given: bool = False
    """Whether it was given with `--plugin`."""


class Plugins:
    """All plugins of this process."""

    def __init__(self) -> None:
        """Start without plugins. Use `load`."""
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._offers: dict[str, dict[str, Offer]] = {kind: {} for kind in KINDS}
        self.rows: list[PluginRow] = []
        """A row for each advertised plugin, by name."""

    @classmethod
    def load(cls, *, blocked: Iterable[str] = (), extra: Sequence[str] = ()) -> Plugins:
        """Find and load every plugin that is not blocked.

        Args:
            blocked: Names of plugins or of distributions. `HARNESS_DISABLE_PLUGINS` (comma-separated) adds to them.
            extra: Python files or importable modules to use as plugins as well, named after their stem.

        Raises:
            PluginError: An `extra` cannot be used, or any plugin is broken in strict mode (`HARNESS_STRICT_PLUGINS=1`).
        """
        plugins = cls()
        stop = {
            _normalise(name) for name in (*blocked, *os.environ.get("HARNESS_DISABLE_PLUGINS", "").split(",")) if name
        }
        found = [_from_entry_point(point) for point in entry_points(group=GROUP)]
        found += [_from_argument(argument) for argument in dict.fromkeys(extra)]
        # By name first, before anything is imported: of two plugins of one name, neither may run its code.
        by_name: dict[str, list[_Found]] = {}
        # Sorted, so that hooks are called in the same order on every machine.
        for candidate in sorted(found, key=lambda each: (each.name, each.distribution)):
            if _normalise(candidate.name) in stop or _normalise(candidate.distribution) in stop:
                problem = "blocked by --no-plugin or HARNESS_DISABLE_PLUGINS"
                plugins._add_row(candidate, status="blocked", problem=problem)
            else:
                by_name.setdefault(candidate.name, []).append(candidate)
        for rivals in by_name.values():
            remaining = plugins._without_losers(rivals)
            if len(remaining) == 1:
                plugins._load_one(remaining[0])
            # Two of one name: neither is loaded, since an id would mean one or the other by chance.
            for rival in remaining if len(remaining) > 1 else ():
                plugins._add_row(rival, status="conflict", problem=_describe_conflict(remaining))
        plugins.rows.sort(key=lambda row: (row.name, row.distribution))
        if os.environ.get("HARNESS_STRICT_PLUGINS", "") not in ("", "0"):
            plugins._refuse_broken()
        return plugins

    def offers(self, kind: str) -> list[Offer]:
        """All offers of one kind, sorted by id."""
        return [offer for _, offer in sorted(self._offers[kind].items())]

    def find(self, kind: str, name: str) -> Offer:
        """Find the offer of a name: a canonical id, or a bare name while it is unique.

        Raises:
            PluginError: The name is unknown, ambiguous, or that of a plugin that did not load. The message has similar
                names, all meanings, or the cause.
        """
        offers = self._offers[kind]
        if name in offers:
            return offers[name]
        same = [offer for offer in offers.values() if offer.card.name == name]
        if len(same) == 1:
            return same[0]
        if same:
            listed = ", ".join(f"{offer.id} ({offer.distribution} {offer.version})" for offer in same)
            raise PluginError(f"the {kind} name {name!r} is ambiguous: {listed}; write the full id")
        # The name may be that of a plugin that is installed and broken: its cause helps more than "there is no".
        ours = first_party.find_plugins(kind, name)
        loaded = {row.name for row in self.rows if row.status == "ok"}
        for row in self.rows:
            missing = row.status == "replaced" or (row.status != "ok" and row.name not in loaded)
            if missing and row.name in (name.partition("/")[0], *ours):
                raise PluginError(f"{kind} {name!r}: plugin {row.name!r} is {row.outcome}")
        raise PluginError(f"there is no {kind} {name!r}{self._hint(kind, name, ours)}")

    def notify(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a life-cycle hook on every plugin. A hook that raises causes a warning and never ends a run.

        Returns:
            Pairs of a plugin's name and its hook's result.
        """
        # Not by pluggy's own call, which would stop at the first hook that raises.
        results: list[tuple[str, Any]] = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                results.append((impl.plugin_name, impl.function(**{name: arguments[name] for name in impl.argnames})))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                warning = f"warning: plugin {impl.plugin_name}: {hook} raised {error!r}"
                print(clean(warning), file=sys.stderr)  # noqa: T201
        return results

    def ask(self, hook: str, **arguments: Any) -> Any:
        """The first answer to a hook that is not `None`, plugins before the core; `None` where there is none.

        Raises:
            UserError: A plugin says that it cannot be done.
            PluginError: A plugin raised something else; it is named.
        """
        impls = getattr(self._manager.hook, hook).get_hookimpls()
        for impl in sorted(impls, key=lambda impl: impl.plugin_name == CORE):
            try:
                answer = impl.function(**{name: arguments[name] for name in impl.argnames})
            except (UserError, KeyboardInterrupt):
                raise
            except Exception as error:
                if impl.plugin_name == CORE:  # a fault of ours, which is reported with its traceback
                    raise
                raise PluginError(f"plugin {impl.plugin_name}: {hook} raised {cause_of(error)}") from error
            if answer is not None:
                return answer
        return None

    def warnings(self) -> list[str]:
        """A line for each plugin that should have loaded and did not."""
        return [
            f"plugin {row.name} ({row.distribution} {row.version}) is {row.outcome}"
            for row in self.rows
            if row.status in ("broken", "conflict", "replaced")
        ]

    def _hint(self, kind: str, name: str, ours: Sequence[str]) -> str:
        installed = {row.name for row in self.rows}
        missing = [first_party.DISTRIBUTIONS[plugin] for plugin in ours if plugin not in installed]
        if missing:
            return "; " + " or ".join(f"pip install {distribution}" for distribution in missing)
        known = [*self._offers[kind], *(offer.card.name for offer in self._offers[kind].values())]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        if close:
            return f". Did you mean {' or '.join(repr(match) for match in dict.fromkeys(close))}?"
        return f"; `harness list {kind}s` shows the installed ones, or install the plugin that offers it"

    def _refuse_broken(self) -> None:
        problems = self.warnings()
        if problems:
            raise PluginError("HARNESS_STRICT_PLUGINS is set, and not every plugin loads:\n  " + "\n  ".join(problems))

    def _add_row(self, found: _Found, **fields: Any) -> None:
        self.rows.append(PluginRow(name=found.name, distribution=found.distribution, version=found.version, **fields))

    def _without_losers(self, rivals: Sequence[_Found]) -> list[_Found]:
        """The plugins of a name without those that cannot have it. Each of those gets a row with the reason."""
        remaining: list[_Found] = []
        given = next((rival for rival in rivals if rival.given), None)
        for rival in rivals:
            if rival.name == CORE and _normalise(rival.distribution) != DISTRIBUTION:
                problem = f"the name {CORE!r} belongs to the core; rename the entry point of {rival.distribution}"
                self._add_row(rival, status="conflict", problem=problem)
            elif given is not None and not rival.given:
                problem = f"--plugin {given.distribution} has the same name and is used in its place"
                self._add_row(rival, status="replaced", problem=problem)
            else:
                remaining.append(rival)
        return remaining

    def _load_one(self, found: _Found) -> None:
        cpu, clock = time.process_time(), time.perf_counter()
        try:
            module = found.load()
            check_hooks(self._manager, module)
            self._manager.register(module, name=found.name)
            try:
                # Unregistered again below if a card is bad: none of its hooks may then be called.
                hooks = tuple(sorted(caller.name for caller in self._manager.get_hookcallers(module) or ()))
                cards = check_cards(self._collect(module))
            except BaseException:
                self._manager.unregister(module)
                raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # even SystemExit: a plugin must not end the command
            self._add_row(found, status="broken", problem=cause_of(error), **_measure_since(cpu, clock))
            return
        for card in cards:
            offer = Offer(f"{found.name}/{card.name}", card, found.distribution, found.version)
            self._offers[card.kind][offer.id] = offer
        self._add_row(found, status="ok", cards=tuple(cards), hooks=hooks, **_measure_since(cpu, clock))

    def _collect(self, module: ModuleType) -> Iterator[tuple[str, Any]]:
        for kind in KINDS:
            for impl in getattr(self._manager.hook, f"harness_{kind}s").get_hookimpls():
                if impl.plugin is module:  # the list holds the plugins that were loaded before as well
                    for card in impl.function():
                        yield kind, card


def _measure_since(cpu: float, clock: float) -> dict[str, float]:
    """The milliseconds since two readings of the clocks."""
    return {"cpu_ms": (time.process_time() - cpu) * 1e3, "wall_ms": (time.perf_counter() - clock) * 1e3}


def _describe_conflict(rivals: Sequence[_Found]) -> str:
    """The reason why all plugins of a name are off."""
    number = "two" if len(rivals) == 2 else str(len(rivals))
    if rivals[0].given:
        each = " and ".join(rival.distribution for rival in rivals)
        return f"{number} files or modules given with --plugin have this name: {each}; rename or leave out one of them"
    each = " and ".join(f"{rival.distribution} {rival.version}" for rival in rivals)
    return f"{number} distributions have a plugin of this name: {each}; uninstall or block one of them"


def _normalise(name: str) -> str:
    """A distribution's name for comparison, by PEP 503."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _from_entry_point(point: EntryPoint) -> _Found:
    distribution = point.dist
    return _Found(
        name=point.name,
        distribution=distribution.name if distribution is not None else "?",
        version=distribution.version if distribution is not None else "?",
        load=point.load,
    )


def _from_argument(argument: str) -> _Found:
    path = Path(argument)
    if path.suffix != ".py":
        name, load = argument.rpartition(".")[2], lambda: importlib.import_module(argument)
    elif not path.is_file():
        raise PluginError(f"--plugin {argument}: no such file")
    else:
        name, load = re.sub(r"[^a-z0-9._-]", "-", path.stem.lower()), lambda: _load_file(path)
    if name == CORE:
        raise PluginError(f"--plugin {argument}: the name {CORE!r} belongs to the core; rename the file or module")
    return _Found(name, argument if path.suffix != ".py" else str(path), "-", load, given=True)


def _load_file(path: Path) -> ModuleType:
    # With a prefix, so that a file called `json.py` does not take the place of a library.
    name = f"harness_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"--plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up by name
    spec.loader.exec_module(module)
    return module


def options_of(model: BaseModel | None) -> Mapping[str, Any]:
    """Options as plain JSON data, for keys and records, without `Operational` ones."""
    if model is None:
        return {}
    return model.model_dump(mode="json", exclude=set(operational(type(model))))


def operational(model: type[BaseModel]) -> list[str]:
    """The fields of an options model that are marked `Operational`: they never change an answer."""
    # The mark counts as a class and as an instance, since `Annotated[int, Operational]` is an easy slip.
    return [
        name
        for name, spec in model.model_fields.items()
        if any(mark is Operational or isinstance(mark, Operational) for mark in spec.metadata)
    ]
