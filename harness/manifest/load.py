"""From the path of a manifest to everything that the plan needs: `load_manifest`.

    read + extends  ->  --set  ->  ${...}  ->  plugins and options  ->  typed  ->  resolved

Problems are collected through all steps and raised together, sorted by position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from harness.discovery import operational
from harness.manifest.check import keys_of, validate
from harness.manifest.entries import Found, resolve_entries
from harness.manifest.interpolate import interpolate
from harness.manifest.merge import load_merged
from harness.manifest.model import JudgeEntry, Manifest, TaskEntry
from harness.manifest.overrides import apply_sets
from harness.manifest.problems import Problems
from harness.manifest.resolved import complete, digest, origins_of, render

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins

E = TypeVar("E", TaskEntry, JudgeEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEntry(Generic[E]):
    """One entry of a manifest with what it refers to."""

    entry: E
    """As written, with canonical id, absolute paths and its name put in. The name is `None` only where nobody gave one
    and the plan unfolds the entry into several, which have names of their own."""
    offer: Offer
    """The plugin object that `use:` names."""
    options: BaseModel | None
    """Its options, checked; secrets are in their values. `None` where it takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedManifest:
    """A manifest without a mistake."""

    path: Path
    """The file, as given."""
    manifest: Manifest
    """Typed."""
    tasks: tuple[ResolvedEntry[TaskEntry], ...]
    """The tasks in order."""
    judges: tuple[ResolvedEntry[JudgeEntry], ...]
    """The judges in order."""
    resolved: dict[str, Any]
    """Plain data, complete and runnable again: variables put in, paths absolute, `${env:...}` kept."""
    hash: str
    """Of `resolved` without options that are `Operational`: 12 hexadecimal digits."""
    origins: Mapping[str, str]
    """Dotted path of each leaf of `resolved` to `file:line:column`, `--set path=value` or `default`."""


def load_manifest(path: Path, *, sets: Sequence[str] = (), plugins: Plugins | None) -> LoadedManifest:
    """Read, merge, override, interpolate and check a manifest.

    Args:
        path: A YAML file; messages call it by this name. Relative paths in it are relative to its folder.
        sets: `--set` arguments, `path.to.key=value`; relative paths in them are relative to the working directory.
        plugins: The installed plugins; `None` loads them.

    Raises:
        ManifestError: With every problem and its position, as `InvalidManifestError`.
    """
    if plugins is None:
        from harness.discovery import Plugins

        plugins = Plugins.load()
    problems = Problems()
    root = load_merged(path, problems)
    root = apply_sets(root, sets, problems)
    root, secrets = interpolate(root, problems)
    root, found = resolve_entries(root, plugins, problems)
    manifest = validate(Manifest, root, "", problems)
    problems.scrub(secrets)
    problems.raise_if_any()
    assert manifest is not None
    tasks = tuple(_joined(entry, one) for entry, one in zip(manifest.tasks, found["tasks"], strict=True))
    judges = tuple(_joined(entry, one) for entry, one in zip(manifest.judges, found["judges"], strict=True))
    resolved = complete(root.data(stored=True), manifest)
    every = [one for section in ("tasks", "judges") for one in found[section]]
    for one, plain in zip(every, [*resolved["tasks"], *resolved["judges"]], strict=True):
        if one is not None and one.options is not None:
            plain["with"] = complete(plain["with"], one.options)
    return LoadedManifest(
        path=path,
        manifest=manifest,
        tasks=tasks,
        judges=judges,
        resolved=resolved,
        hash=digest(_answering(resolved, every)),
        origins=origins_of(resolved, root),
    )


def render_resolved(loaded: LoadedManifest, *, origins: bool) -> str:
    """The resolved manifest as YAML, with `origins` where each value came from as a comment behind it."""
    return render(loaded.resolved, loaded.origins if origins else None)


def _answering(resolved: Mapping[str, Any], found: Sequence[Found | None]) -> dict[str, Any]:
    """`resolved` without what says how judges are run and never what they answer; entries in the order of `found`."""
    entries = iter(found)
    sections: dict[str, Any] = {}
    for section in ("tasks", "judges"):
        sections[section] = [_without_operational(plain, next(entries)) for plain in resolved[section]]
    return {**resolved, **sections}


def _without_operational(plain: Mapping[str, Any], found: Found | None) -> Mapping[str, Any]:
    if found is None or found.options is None:
        return plain
    model = type(found.options)
    dropped = {key for name in operational(model) for key in keys_of(name, model.model_fields[name])}
    return {**plain, "with": {key: value for key, value in plain["with"].items() if key not in dropped}}


def _joined(entry: E, found: Found | None) -> ResolvedEntry[E]:
    assert found is not None
    return ResolvedEntry(entry=entry, offer=found.offer, options=found.options)
