"""A run's report: scored, built into a leaderboard, written into the run folder, told to the plugins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.api import PluginError, RendererCard
from harness.console import say
from harness.libraries.sealed import is_writable
from harness.libraries.text import clean
from harness.recorded.journal import RecordedJournal
from harness.recorded.load import RecordedRun, load_run
from harness.report.faithfulness import FILE as EXPLANATIONS
from harness.report.faithfulness import read_faithfulness
from harness.report.leaderboard import build_leaderboard
from harness.report.records import SCHEMA, Leaderboard
from harness.report.render import warn, write_reports
from harness.report.scored import score_run
from harness.report.sources import digest_sources
from harness.report.written import hash_file, is_as_written, keep_written, wants_page
from harness.runner.folder import JOURNAL, LEADERBOARD, REPORT, SCORES, SECTIONS, read_kept, write_atomically
from harness.score.direct import UnitStatistics
from harness.score.find import make_metric

if TYPE_CHECKING:
    from harness.discovery import Plugins


_SECTIONS = "judge-harness/sections/1"
"""Name and version of `sections.json`: the text of the board's sections, for pages that are made later."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """The leaderboard of one run. Implements `harness.api.Report`."""

    board: Leaderboard
    """The leaderboard."""
    folder: Path
    """The run folder."""
    files: tuple[str, ...]
    """Names of the files that were written into it for people."""

    @property
    def leaderboard(self) -> Mapping[str, Any]:
        """The content of `leaderboard.json`."""
        return self.board.to_json()

    def show(self, *, details: bool = False) -> None:
        """Print the leaderboard to the terminal: the summary, and with `details` a table for each task."""
        from harness.report.lines import make_console
        from harness.report.terminal import print_leaderboard

        print_leaderboard(self.board, make_console(), folders=[self.folder], details=details)


def publish_run(folder: Path, plugins: Plugins, *, reuse: bool) -> RunReport | None:
    """The report of a run: read back where nothing has changed since it was written, otherwise made.

    Args:
        folder: The run folder.
        plugins: The installed plugins.
        reuse: Whether a report that was written before will do.

    Returns:
        The report. `None` where nothing was judged.

    Raises:
        UserError: It is no run folder, or a metric is unknown or not defined for a task's answers.
    """
    run = load_run(folder)
    if not run.cells:
        return None
    key, writable = _state_key(folder, plugins), is_writable(folder)
    # A finished run is called again to see its board: then nothing is scored and no plugin is told twice.
    board = _read_back(folder, plugins, key) if reuse else None
    if board is None:
        board = _publish(run, plugins)
        if writable:
            keep_written(folder, key, _list_kept(plugins))
        else:
            warn(f"{folder}: is read-only; the report is shown and not written")
    return RunReport(board=board, folder=folder, files=_files(folder, plugins))


def _read_back(folder: Path, plugins: Plugins, key: str) -> Leaderboard | None:
    """The leaderboard that was written last. `None` where a file of the report is gone, changed or damaged."""
    if not is_as_written(folder, key, _list_kept(plugins)):
        return None
    try:
        return Leaderboard.from_json(json.loads(read_kept(folder / LEADERBOARD)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _publish(run: RecordedRun, plugins: Plugins) -> Leaderboard:
    """Score a run, build its leaderboard, write its reports and tell the plugins."""
    for line in _list_new_owners(run, plugins):
        say(clean(line))
    cells = score_run(run, plugins)
    board = build_leaderboard(
        cells,
        run.report,
        seed=run.seed,
        left_out=run.left_out,
        explained=read_faithfulness(run),
        find_metric=lambda name: make_metric(name, plugins),
    )
    if not is_writable(run.folder):
        return board
    answers = plugins.notify(
        "harness_report_sections",
        leaderboard=board.to_json(),
        folder=run.folder,
        cells=cells,
        find_metric=lambda name: make_metric(name, plugins),
        statistics=UnitStatistics(),
    )
    # The board names the sections but does not hold them: their text is in files of its own.
    sections = [section for plugin, found in answers for section in _check_sections(plugin, found)]
    board = replace(board, sections=tuple(title for title, _ in sections))
    write_reports(board.to_json(), run.folder, plugins, sections=sections)
    parts = [{"title": title, "text": text} for title, text in sections]
    write_atomically(run.folder / SECTIONS, json.dumps({"schema": _SECTIONS, "sections": parts}, indent=1) + "\n")
    # After the files are written, so that a plugin finds them.
    plugins.notify("harness_run_finished", folder=run.folder, leaderboard=board.to_json(), cells=cells, plugins=plugins)
    return board


def _list_new_owners(run: RecordedRun, plugins: Plugins) -> list[str]:
    """Metrics that another distribution gives than when the run was made: a bare name can change its owner."""
    said = []
    for name, owner in run.metrics.items():
        try:
            offer = plugins.find("metric", name)
        except PluginError:  # scoring says so
            continue
        if [offer.id, offer.distribution] != owner:
            before = " of ".join(map(str, owner)) if isinstance(owner, list) else str(owner)
            said.append(
                f"warning: metric {name}: scored by {offer.id} of {offer.distribution}; when this run was made it was "
                f"{before}"
            )
    return said


def _check_sections(plugin: str, found: Any) -> list[tuple[str, str]]:
    """The sections of a plugin. Where they are no pairs of texts, they are left out with a warning."""
    sections = list(found) if isinstance(found, list | tuple) else [found]
    if all(
        isinstance(section, list | tuple) and len(section) == 2 and all(isinstance(text, str) for text in section)
        for section in sections
    ):
        return [(title, text) for title, text in sections]
    # As with a hook that raises: a report without a section is better than none.
    said = f"warning: plugin {plugin}: harness_report_sections returned {found!r}; return a list of (title, text)"
    say(clean(said))
    return []


def _files(folder: Path, plugins: Plugins) -> tuple[str, ...]:
    """Names of the files of the installed renderers that are in a run folder, those to be read by people first."""
    # A renderer that failed has left none.
    names = [name for name in (*_list_files(plugins), REPORT) if (folder / name).is_file()]
    return tuple(sorted(names, key=lambda name: (not name.endswith(".md"), name)))


def _list_kept(plugins: Plugins) -> tuple[str, ...]:
    """All that a report consists of: it is made again where one of them is gone or has changed."""
    return (SCORES, LEADERBOARD, SECTIONS, *((REPORT,) if wants_page() else ()), *_list_files(plugins))


def _list_files(plugins: Plugins) -> set[str]:
    cards = (offer.card for offer in plugins.offers("renderer"))
    return {card.file for card in cards if isinstance(card, RendererCard) and card.file}


def _state_key(folder: Path, plugins: Plugins) -> str:
    """Changes whenever a report may come out otherwise: with the answers, the harness, or any plugin."""
    # Any plugin may bring a metric, a renderer or a section. One that is blocked or broken brings none.
    digests = zip(plugins.rows, digest_sources(plugins.rows), strict=True)
    rows = sorted((row.name, row.distribution, row.version, row.status, digest) for row, digest in digests)
    journal = RecordedJournal(folder / JOURNAL, readonly=True)
    try:
        facts = [__version__, SCHEMA, rows, journal.state()]
    finally:
        journal.close()
    # A board without them has the key that it always had.
    return json.dumps([*facts, explained] if (explained := hash_file(folder / EXPLANATIONS)) else facts)
