"""The core's own renderers. Each writes the content of `leaderboard.json` in another form. Their cards: `cards`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.api import Renderer
from harness.report.cards import RENDERERS
from harness.report.records import Leaderboard

FORMATS = tuple(card.name for card in RENDERERS)
"""Names of the core's own renderers."""


def render_board(leaderboard: Leaderboard, format: str, *, width: int = 100) -> str:
    """A leaderboard by one of the core's own renderers, for programs that load no plugins.

    Args:
        leaderboard: What to show.
        format: One of `FORMATS`.
        width: Columns of the terminal table. The other formats have none.
    """
    made: Renderer = _FACTORIES[format](None, None)
    return made(leaderboard.to_json(), width=width)


def terminal(options: None, context: None) -> Renderer:
    """The factory of `terminal`."""
    # Imported when called, here and below: rich and tabulate are slow, and one command needs one of them.
    from harness.report.terminal import terminal_text

    return _renderer(lambda board, sections, width: terminal_text(board, width=width))


def md(options: None, context: None) -> Renderer:
    """The factory of `md`."""
    from harness.report.markdown import to_markdown

    return _renderer(lambda board, sections, width: to_markdown(board, sections=sections))


def csv(options: None, context: None) -> Renderer:
    """The factory of `csv`."""
    from harness.report.tables import to_csv_text

    return _renderer(lambda board, sections, width: to_csv_text(board))


def json(options: None, context: None) -> Renderer:
    """The factory of `json`."""
    from harness.report.tables import to_json_text

    return _renderer(lambda board, sections, width: to_json_text(board.to_json()))


def latex(options: None, context: None) -> Renderer:
    """The factory of `latex`."""
    from harness.report.tables import to_latex

    return _renderer(lambda board, sections, width: to_latex(board))


def _renderer(write: Callable[[Leaderboard, Sequence[tuple[str, str]], int], str]) -> Renderer:
    """A renderer of the public form from a function that takes the typed leaderboard."""

    def render(leaderboard: Mapping[str, Any], *, sections: Sequence[tuple[str, str]] = (), width: int = 100) -> str:
        # Plugins get plain JSON data, and so do these: what they can write, any plugin can.
        return write(Leaderboard.from_json(leaderboard), sections, width)

    return render


_FACTORIES: Mapping[str, Callable[[None, None], Renderer]] = {
    factory.__name__: factory for factory in (terminal, md, csv, json, latex)
}
