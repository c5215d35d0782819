"""The leaderboard in the format asked for, as text or as files in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.api import UserError
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard
from harness.report.tables import to_csv_text, to_json_text, to_latex
from harness.run.folder import write_atomically

FORMATS = ("terminal", "md", "csv", "json", "latex")
"""What `--format` knows."""


def render(leaderboard: Leaderboard, format: str, *, width: int = 100) -> str:
    """The leaderboard as text.

    Args:
        leaderboard: What to show.
        format: One of `FORMATS`.
        width: Columns of the terminal table; the other formats have none.

    Raises:
        UserError: There is no such format.
    """
    if format == "terminal":
        from harness.report.terminal import terminal_text

        return terminal_text(leaderboard, width=width)
    if format == "md":
        return to_markdown(leaderboard)
    if format == "csv":
        return to_csv_text(leaderboard)
    if format == "json":
        return to_json_text(leaderboard.to_json())
    if format == "latex":
        return to_latex(leaderboard)
    raise UserError(f"there is no leaderboard format {format!r}; known are {', '.join(FORMATS)}")


def write_reports(leaderboard: Leaderboard, folder: Path, *, sections: Sequence[tuple[str, str]] = ()) -> list[Path]:
    """Write `leaderboard.md`, `leaderboard.csv` and `leaderboard.json`, each whole or not at all.

    Args:
        leaderboard: What to write.
        folder: The run folder; it must exist.
        sections: Pairs of a title and Markdown text from plugins, for the Markdown report.

    Returns:
        The files written.

    Raises:
        JournalError: A file cannot be written; what was there before is still there.
    """
    texts = {
        "leaderboard.md": to_markdown(leaderboard, sections=sections),
        "leaderboard.csv": to_csv_text(leaderboard),
        "leaderboard.json": to_json_text(leaderboard.to_json()),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text)
    return [folder / name for name in texts]
