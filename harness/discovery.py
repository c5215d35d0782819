"""Finding plugins: entry points indexed first, then loaded one by one, failures kept as data.

pluggy's own loader stops at the first broken plugin and silently drops a second distribution of the same name
(pluggy#154, #174). So `harness.candidates` lists the entry points. Blocked ones are left alone before anything of
theirs is imported. Each of the others is loaded by itself here. What goes wrong becomes a row with its cause,
`sys.exit` in a plugin included. It turns into an error only when a manifest uses that plugin, or at once with
`HARNESS_STRICT_PLUGINS=1`. `harness.registration` says what a module must register to count.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from harness import DISTRIBUTION, first_party
from harness.allowed import AllowedCode, check_allowed
from harness.api import AddedLater, Card, Operational, PluginError, UnfoldedEntry, UserError, hookspecs
from harness.candidates import CORE, GROUP, PluginRow, find_candidates, normalize_name, why_in_conflict
from harness.libraries.telemetry import turn_off_telemetry
from harness.libraries.text import clean
from harness.registration import cause_of, check_cards, check_hooks

if TYPE_CHECKING:
    from pydantic import BaseModel

KINDS = ("task", "judge", "reward", "trainer", "format", "metric", "renderer", "manifest", "command", "executor")
"""Kinds of plugin objects; `harness_<kind>s` is the hook that returns their cards."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A card with its provenance: what a manifest's `use:` resolves to."""

    id: str
    """Canonical id, `plugin/name`."""
    card: Card
    """The card."""
    distribution: str
    """Who ships it."""
    version: str
    """In which version."""
    allowed: AllowedCode = field(default_factory=AllowedCode)
    """Code that the user has named, which its options may make run."""

    def options_model(self) -> type[BaseModel] | None:
        """The pydantic model of its options, imported now. Another thing in its place is a `PluginError`."""
        model: type[BaseModel] | None = self.resolve(self.card.options)
        if model is not None and not (isinstance(model, type) and hasattr(model, "model_fields")):
            raise PluginError(f"{self.id}: its options are no pydantic model; tell the plugin's authors")
        return model

    def create(self, options: object, context: object, *, model: str | None = None) -> Any:
        """Call the factory. `model` is what its options are about, where they do not say it: see `check_allowed`.

        Raises:
            PluginError: It cannot be imported or it raised. The cause is named.
            UserError: What the factory says on purpose.
        """
        return self._call(self.card.factory, options, context, model)

    def unfold(self, options: object, context: object) -> list[UnfoldedEntry] | None:
        """The entries that this one stands for, or `None` when it stands for itself."""
        if self.card.unfold is None:
            return None
        unfolded: list[UnfoldedEntry] = self._call(self.card.unfold, options, context)
        return unfolded

    def check(self, options: object, context: object) -> None:
        """Check the files that the options of a judge name, where its card says how.

        Raises:
            UserError: They cannot be used.
        """
        # Cards of judges alone have one.
        lazy = getattr(self.card, "check", None)
        if lazy is not None:
            self._call(lazy, options, context)

    def refuse_code(self, options: object, model: str | None = None) -> None:
        """Raise a `UserError` where options run code that the user has not named: see `check_allowed`."""
        who = f"{self.card.kind} {self.id}"
        check_allowed(options, self.allowed, who=who, model=model)

    def _call(self, lazy: str | Callable[..., Any], options: object, context: object, model: str | None = None) -> Any:
        self.refuse_code(options, model)
        try:
            return self.resolve(lazy)(options, context)
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException as error:  # sys.exit in a plugin ends no command
            raise PluginError(
                f"{self.card.kind} {self.id} ({self.distribution} {self.version}): could not be made: "
                f"{type(error).__name__}: {error}"
            ) from error

    def resolve(self, lazy: object) -> Any:
        """What a lazy reference of the card names, imported now. Anything but text is itself.

        Raises:
            PluginError: It cannot be imported. The cause is named.
        """
        if not isinstance(lazy, str):
            return lazy
        module, _, attribute = lazy.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            fix = "reinstall the plugin, or tell its authors"
            if self.version == "-" or not attribute:  # a file or a module of the user's own has no version
                fix = "on the card, give the object itself, or 'MODULE:NAME' of one that can be imported"
            raise PluginError(
                f"{self.card.kind} {self.id} ({self.distribution} {self.version}): cannot load {lazy!r}: "
                f"{type(error).__name__}: {error}; {fix}"
            ) from error


class Plugins:
    """All plugins of this process."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """Empty. Use `load`."""
        self.allowed = AllowedCode(tuple(allowed))
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._offers: dict[str, dict[str, Offer]] = {kind: {} for kind in KINDS}
        self.rows: list[PluginRow] = []
        """One row for each advertised plugin, by name."""

    @classmethod
    def load(cls, *, blocked: Iterable[str] = (), extra: Sequence[str] = (), allowed: Sequence[str] = ()) -> Plugins:
        """Find and load every plugin that is not blocked.

        Args:
            blocked: Names of plugins or of distributions; `HARNESS_DISABLE_PLUGINS` (comma-separated) adds to them.
            extra: Python files or importable modules to use as plugins as well, named after their stem.
            allowed: Other code that may run, as after `--allow-code`.

        Raises:
            PluginError: In strict mode (`HARNESS_STRICT_PLUGINS=1`), when any plugin is broken; or an `extra` is.
        """
        plugins = cls(allowed)
        turn_off_telemetry()  # before any plugin is imported, and with it what it uses
        names = (*blocked, *os.environ.get("HARNESS_DISABLE_PLUGINS", "").split(","))
        stop = {normalize_name(name) for name in names if name}
        by_name: dict[str, list[PluginRow]] = {}
        for plugin in find_candidates(extra):
            # Before it is loaded: a plugin that hangs on import can be blocked too.
            if normalize_name(plugin.name) in stop or normalize_name(plugin.distribution) in stop:
                plugins._add_row(plugin, status="blocked", problem="blocked by --no-plugin or HARNESS_DISABLE_PLUGINS")
            else:
                by_name.setdefault(plugin.name, []).append(plugin)
        # Plugins of one name are decided on together: which of two is meant is not for the harness to guess.
        for rivals in by_name.values():
            remaining = plugins._without_losers(rivals)
            if len(remaining) == 1:
                plugins._load_plugin(remaining[0])
            for rival in remaining if len(remaining) > 1 else ():
                plugins._add_row(rival, status="conflict", problem=why_in_conflict(remaining))
        plugins.rows.sort(key=lambda row: (row.name, row.distribution))
        if os.environ.get("HARNESS_STRICT_PLUGINS", "") not in ("", "0"):
            plugins._refuse_broken()
        return plugins

    def offers(self, kind: str) -> list[Offer]:
        """All offers of one kind, sorted by id."""
        return [offer for _, offer in sorted(self._offers[kind].items())]

    def find(self, kind: str, name: str) -> Offer:
        """The offer that `name` means: a canonical id, or a bare name while it is unique.

        Raises:
            PluginError: Unknown (with near misses), ambiguous (naming all), or of a plugin that did not load (with its
                cause).
        """
        offers = self._offers[kind]
        # A full id is looked up first, so that a new plugin with the same bare name changes no manifest that has it.
        if name in offers:
            return offers[name]
        same = [offer for offer in offers.values() if offer.card.name == name]
        if len(same) == 1:
            return same[0]
        if same:
            listed = ", ".join(f"{offer.id} ({offer.distribution} {offer.version})" for offer in same)
            raise PluginError(f"the {kind} name {name!r} is ambiguous: {listed}; write the full id")
        # A plugin that did not load has no offers. What it would have offered is known of the core's own only.
        ours = first_party.find_plugins(kind, name)
        loaded = {row.name for row in self.rows if row.status == "ok"}
        for row in self.rows:
            missing = row.status == "replaced" or (row.status != "ok" and row.name not in loaded)
            if missing and row.name in (name.partition("/")[0], *ours):
                raise PluginError(f"{kind} {name!r}: plugin {row.name!r} is {row.outcome}")
        raise PluginError(f"there is no {kind} {name!r}{self._hint(kind, name, ours)}")

    def notify(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a life-cycle hook on every plugin. One that raises is warned about and never ends a run.

        Returns:
            Pairs of plugin name and what it returned.
        """
        results: list[tuple[str, Any]] = []
        # One by one: pluggy's own call of a hook ends at the first plugin that raises.
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                results.append((impl.plugin_name, impl.function(**{name: arguments[name] for name in impl.argnames})))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                said = f"warning: plugin {impl.plugin_name}: {hook} raised {error!r}"
                print(clean(said), file=sys.stderr)  # noqa: T201
        return results

    def ask(self, hook: str, wanted: type, **arguments: Any) -> Any:
        """The first answer to a hook that is not `None`, plugins before the core. `None` where no one answers.

        Args:
            hook: Name of the hook.
            wanted: The protocol of `harness.api` that an answer must have the members of.
            arguments: Of the hook, by name.

        Raises:
            UserError: A plugin says that it cannot be done.
            PluginError: A plugin raised something else, or answered something else. It is named.
        """
        for plugin, answer in self._answers(hook, arguments):
            if lacks := [] if answer is None else [name for name in _members(wanted) if not hasattr(answer, name)]:
                raise PluginError(
                    f"plugin {plugin}: {hook} returned {type(answer).__name__}, which is no "
                    f"{wanted.__name__} of harness.api: it lacks {', '.join(lacks)}"
                )
            if answer is not None:
                return answer
        return None

    def check(self, hook: str, **arguments: Any) -> None:
        """Call a hook that checks something on every plugin. What one returns stops no other.

        Raises:
            UserError: A plugin refuses.
            PluginError: A plugin raised something else. It is named.
        """
        for _ in self._answers(hook, arguments):
            pass

    def _answers(self, hook: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        impls = getattr(self._manager.hook, hook).get_hookimpls()
        # So a plugin can take over what the core does, and the core answers when none does. Among plugins the marks
        # of pluggy count, which it keeps in the order of a stack.
        for impl in sorted(impls, key=lambda impl: (impl.plugin_name == CORE, impl.trylast, not impl.tryfirst)):
            try:
                answer = impl.function(**{name: arguments[name] for name in impl.argnames})
            except (UserError, KeyboardInterrupt):
                raise
            except BaseException as error:  # sys.exit in a plugin ends no command
                if impl.plugin_name == CORE:  # a fault of ours, which is reported with its traceback
                    raise
                raise PluginError(f"plugin {impl.plugin_name}: {hook} raised {cause_of(error)}") from error
            yield impl.plugin_name, answer

    def warnings(self) -> list[str]:
        """One line for each plugin that should have loaded and did not."""
        return [
            f"plugin {row.name} ({row.distribution} {row.version}) is {row.outcome}"
            for row in self.rows
            if row.status in ("broken", "conflict", "replaced")
        ]

    def _hint(self, kind: str, name: str, ours: Sequence[str]) -> str:
        installed = {row.name for row in self.rows}
        # What can be installed is a better answer than a name that looks alike.
        missing = [first_party.read_distributions()[plugin] for plugin in ours if plugin not in installed]
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

    def _add_row(self, plugin: PluginRow, **fields: Any) -> None:
        self.rows.append(replace(plugin, **fields))

    def _without_losers(self, rivals: Sequence[PluginRow]) -> list[PluginRow]:
        """Plugins of one name without those that cannot have it: a row says why each one lost."""
        remaining: list[PluginRow] = []
        given = next((rival for rival in rivals if rival.given), None)
        for rival in rivals:
            if rival.name == CORE and normalize_name(rival.distribution) != DISTRIBUTION:
                problem = f"the name {CORE!r} belongs to the core; rename the entry point of {rival.distribution}"
                self._add_row(rival, status="conflict", problem=problem)
            elif given is not None and not rival.given:
                problem = f"--plugin {given.distribution} has the same name and is used in its place"
                self._add_row(rival, status="replaced", problem=problem)
            else:
                remaining.append(rival)
        return remaining

    def _load_plugin(self, plugin: PluginRow) -> None:
        cpu, clock = time.process_time(), time.perf_counter()
        try:
            assert plugin.load is not None
            module = plugin.load()
            check_hooks(self._manager, module)
            # Registered before its cards are asked for, since pluggy knows its hooks only then. A fault takes it back.
            self._manager.register(module, name=plugin.name)
            try:
                hooks = tuple(sorted(caller.name for caller in self._manager.get_hookcallers(module) or ()))
                cards = check_cards(self._collect(module))
            except BaseException:
                self._manager.unregister(module)
                raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit in a plugin is its own fault, and ends nothing but itself
            self._add_row(plugin, status="broken", problem=cause_of(error), **_measure_time(cpu, clock))
            return
        for card in cards:
            offer = Offer(f"{plugin.name}/{card.name}", card, plugin.distribution, plugin.version, self.allowed)
            self._offers[card.kind][offer.id] = offer
        self._add_row(plugin, status="ok", cards=tuple(cards), hooks=hooks, **_measure_time(cpu, clock))

    def _collect(self, module: ModuleType) -> Iterator[tuple[str, Any]]:
        for kind in KINDS:
            for impl in getattr(self._manager.hook, f"harness_{kind}s").get_hookimpls():
                # Only what this module offers: the faults of others must not be blamed on it.
                if impl.plugin is module:
                    found = impl.function()
                    if not isinstance(found, Iterable):
                        raise PluginError(f"harness_{kind}s returned {found!r}; return a list of {kind} cards")
                    for card in found:
                        yield kind, card


def _members(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


def _measure_time(cpu: float, clock: float) -> dict[str, float]:
    """The milliseconds since two readings of the clocks."""
    return {"cpu_ms": (time.process_time() - cpu) * 1e3, "wall_ms": (time.perf_counter() - clock) * 1e3}


def options_of(model: BaseModel | None) -> Mapping[str, Any]:
    """Options as plain JSON data, for keys and records, without those that are `Operational` or not yet set."""
    if model is None:
        return {}
    from pydantic import BaseModel

    nested = {
        name: set(unset)
        for name in type(model).model_fields
        if isinstance(value := getattr(model, name), BaseModel) and (unset := not_yet_set(value))
    }
    left_out: dict[str, Any] = dict.fromkeys([*operational(type(model)), *not_yet_set(model)], True)
    return model.model_dump(mode="json", exclude={**nested, **left_out})


def operational(model: type[BaseModel]) -> list[str]:
    """The fields of an options model that say how it is run and never what it answers."""
    return _names_with(model, Operational)


def not_yet_set(options: BaseModel) -> list[str]:
    """The fields that were added to an options model later and have their default."""
    fields = type(options).model_fields
    return [
        name
        for name in _names_with(type(options), AddedLater)
        if getattr(options, name) == fields[name].get_default(call_default_factory=True, validated_data={})
    ]


def _names_with(model: type[BaseModel], kind: type) -> list[str]:
    return [
        name
        for name, spec in model.model_fields.items()
        if any(mark is kind or isinstance(mark, kind) for mark in spec.metadata)
    ]
