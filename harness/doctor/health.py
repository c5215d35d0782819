"""The health of an installation: what is broken in it, and in which versions. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.metadata import distribution as distribution_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import DISTRIBUTION, __version__
from harness.api import UserError
from harness.candidates import PluginRow
from harness.discovery import KINDS, Offer, Plugins
from harness.doctor.neighbours import find_changed_files, find_neighbours
from harness.libraries.text import clean

# Names of variables as services and CI systems use them. Whole words only: MONKEY is no KEY.
_SECRET = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASS|PASSWD|PASSWORD|PASSPHRASE|CREDENTIALS?|AUTH|PAT)(?:_|$)", re.IGNORECASE
)
# User and password in an address, such as that of a private package index.
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

SLOW_MS = 100.0
"""Milliseconds of CPU from which on a plugin is slow to load. The light ones take 1 to 30."""

WAIT_MS = 1000.0
"""Milliseconds without CPU from which on a plugin waits for something when it is loaded."""


@dataclass(frozen=True, kw_only=True)
class HealthFinding:
    """Something that is not as it should be."""

    subject: str
    """The thing that is not right, such as a plugin."""
    problem: str
    """The problem and its fix, without secrets."""
    broken: bool = True
    """Whether something does not work. Else it is only worth knowing."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """The state of an installation."""

    versions: dict[str, str]
    """Python, and each distribution that the harness and the plugins require, as installed."""
    plugins: dict[str, int]
    """Number of plugins by status."""
    folders: dict[str, int]
    """Folders that can be written to, with the bytes that are free there."""
    loading: dict[str, float]
    """Milliseconds of CPU that loading each plugin took, the most expensive first. What two share counts for the
    first, by name."""
    findings: tuple[HealthFinding, ...]
    """All findings, broken things first."""

    @property
    def is_broken(self) -> bool:
        """Whether something does not work."""
        return any(finding.broken for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain data for programs."""
        return {
            "schema": "judge-harness/doctor/1",
            "versions": self.versions,
            "plugins": self.plugins,
            "folders": self.folders,
            "loading": {name: round(taken, 1) for name, taken in self.loading.items()},
            "findings": [
                {"subject": finding.subject, "problem": finding.problem, "broken": finding.broken}
                for finding in self.findings
            ],
        }


def examine(load: Callable[[], Plugins], *, folders: Sequence[Path]) -> Health:
    """Look at the plugins, what they require, and the folders that runs and checkpoints are written to.

    Args:
        load: Loads the plugins.
        folders: Folders that are there, or would be made.
    """
    findings: list[HealthFinding] = []
    try:
        plugins = load()
    except UserError as error:  # HARNESS_STRICT_PLUGINS, or a `--plugin` that is not there
        plugins = Plugins()
        findings.append(HealthFinding(subject="plugins", problem=str(error)))
    needs = {row.distribution: _requirements_of(row.distribution) for row in plugins.rows if row.status != "blocked"}
    needs["judge-harness"] = _requirements_of("judge-harness")
    findings += [*_of_rows(plugins.rows), *_check_requirements(needs), *_check_offers(plugins), *_of_neighbours()]
    free: dict[str, int] = {}
    for folder in folders:
        try:
            free[str(folder)] = _free_in(folder)
        except OSError as error:
            problem = f"cannot be written to ({error.strerror or error}); fix its permissions or name another folder"
            findings.append(HealthFinding(subject=f"folder {folder}", problem=problem))
    return Health(
        versions=_versions(needs),
        plugins=dict(sorted(Counter(row.status for row in plugins.rows).items())),
        folders=free,
        loading={row.name: row.cpu_ms for row in sorted(plugins.rows, key=lambda row: -row.cpu_ms) if row.cpu_ms},
        # Two checks may find the same. A dict keeps the order in which they were found.
        findings=tuple(sorted(map(_clean, dict.fromkeys(findings)), key=lambda finding: not finding.broken)),
    )


def _of_rows(rows: Iterable[PluginRow]) -> Iterator[HealthFinding]:
    """Plugins that did not load, or load slowly. Of two that share a name, one finding that names both."""
    for row in rows:
        if row.status == "broken":
            yield HealthFinding(subject=f"plugin {row.name} ({row.distribution} {row.version})", problem=row.problem)
        elif row.status == "conflict":
            yield HealthFinding(subject=f"plugin {row.name}", problem=row.problem)
        elif row.status == "replaced":
            subject = f"plugin {row.name} ({row.distribution} {row.version})"
            yield HealthFinding(subject=subject, problem=row.problem, broken=False)
        if row.cpu_ms > SLOW_MS or row.wall_ms - row.cpu_ms > WAIT_MS:
            subject = f"plugin {row.name} ({row.distribution} {row.version})"
            problem = f"loading it takes {row.cpu_ms:,.0f} ms of CPU, {row.wall_ms:,.0f} ms by the clock, each time; "
            problem += "leave it out with --no-plugin, or tell its authors (`harness check` says where the time goes)"
            yield HealthFinding(subject=subject, problem=problem, broken=False)


def _of_neighbours() -> Iterator[HealthFinding]:
    """Distributions that install into our package, and what of it they have overwritten."""
    for distribution, problem in find_neighbours():
        yield HealthFinding(subject=f"distribution {distribution}", problem=problem)
    try:
        changed = find_changed_files(distribution_of(DISTRIBUTION))
    except PackageNotFoundError:
        return
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        problem = f"changed since it was installed: {', '.join(changed[:5])}{more}; pip install --force-reinstall it"
        yield HealthFinding(subject=f"distribution {DISTRIBUTION}", problem=problem)


def _check_requirements(needs: dict[str, list[str]]) -> Iterator[HealthFinding]:
    for distribution, names in needs.items():
        missing = [name for name in names if _find_version(name) is None]
        if missing:
            problem = f"requires {', '.join(missing)}, not installed; pip install {' '.join(missing)}"
            yield HealthFinding(subject=f"distribution {distribution}", problem=problem)


def _check_offers(plugins: Plugins) -> Iterator[HealthFinding]:
    """Cards that point to code that is not there, and bare names that mean two things."""
    for kind in KINDS:
        offers = plugins.offers(kind)
        for offer in offers:
            card = offer.card
            for reference in (card.factory, card.options, card.unfold, getattr(card, "recordings", None)):
                if reference and isinstance(reference, str) and (problem := _explain_missing(reference)):
                    subject = f"{kind} {offer.id} ({offer.distribution} {offer.version})"
                    yield HealthFinding(
                        subject=subject, problem=f"points to {reference!r}: {problem}; reinstall its distribution"
                    )
        yield from _find_ambiguous_names(kind, offers)


def _find_ambiguous_names(kind: str, offers: Sequence[Offer]) -> Iterator[HealthFinding]:
    # Not broken, since each still has its full id: only the short name no longer says which is meant.
    for name, number in Counter(offer.card.name for offer in offers).items():
        if number > 1:
            ids = " and ".join(offer.id for offer in offers if offer.card.name == name)
            yield HealthFinding(
                subject=f"{kind} name {name!r}", problem=f"offered by {ids}; write the full id", broken=False
            )


def _explain_missing(reference: str) -> str:
    """The reason why a lazy reference cannot be found. Nothing is imported that is not imported yet."""
    module = reference.partition(":")[0]
    top = module.partition(".")[0]
    try:
        # `find_spec` of a submodule imports its package. Only the top is looked for where that has not happened yet.
        found = find_spec(module if top in sys.modules else top)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a package on the way there may raise anything, or call sys.exit
        return f"{type(error).__name__}: {error}"
    return "" if found is not None else f"there is no module {module!r}"


def _requirements_of(distribution: str) -> list[str]:
    """Distributions that one requires on every platform and without extras."""
    try:
        needed = requires(distribution) or []
    except (PackageNotFoundError, ValueError):
        return []  # a file given with `--plugin`
    # After a semicolon stand markers: extras, or platforms that need not be this one.
    return [match[0] for line in needed if ";" not in line and (match := _REQUIREMENT.match(line))]


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _versions(needs: dict[str, list[str]]) -> dict[str, str]:
    found = {
        name: _find_version(name) for names in needs.values() for name in names if not name.startswith("judge-harness")
    }
    others = {name: known for name, known in sorted(found.items()) if known is not None}
    return {"python": platform.python_version(), "judge-harness": __version__, **others}


def _free_in(folder: Path) -> int:
    """Bytes that are free where a folder is or would be made, which is tried out.

    Raises:
        OSError: It cannot be written to.
    """
    place = folder.absolute()
    # The folder of runs is made by the first run. Until then the space is that of the nearest folder above.
    while not place.exists():
        place = place.parent
    # Permissions do not tell: read-only mounts and full quotas show in an attempt alone.
    with tempfile.TemporaryFile(dir=place):
        return shutil.disk_usage(place).free


def _clean(finding: HealthFinding) -> HealthFinding:
    return replace(finding, subject=_without_secrets(finding.subject), problem=_without_secrets(finding.problem))


def _without_secrets(text: str) -> str:
    """One line in which values of environment variables that are called like secrets are replaced by their names."""
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) > 2:  # shorter ones hide nothing
            # Messages of errors often hold the repr of a value, in which some characters are escaped.
            for form in (value, repr(value)[1:-1]):
                text = text.replace(form, f"${{env:{name}}}")
    return _IN_ADDRESS.sub("...", clean(text))
