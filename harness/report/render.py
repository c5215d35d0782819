"""The leaderboard in the format asked for, by the renderers of plugins: as text, or as files in the run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.api import PluginError, Renderer, RendererCard, UserError
from harness.candidates import CORE
from harness.console import say
from harness.libraries.text import clean
from harness.registration import cause_of
from harness.runner.folder import write_atomically

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins


def render(leaderboard: Mapping[str, Any], format: str, plugins: Plugins, *, width: int = 100) -> str:
    """The leaderboard as text.

    Args:
        leaderboard: The content of `leaderboard.json`.
        format: Name of a renderer, such as `md`.
        plugins: The installed plugins.
        width: Columns of the terminal.

    Raises:
        PluginError: There is no such renderer, or it fails.
    """
    return _render(plugins.find("renderer", format), leaderboard, width=width)


def write_reports(
    leaderboard: Mapping[str, Any],
    folder: Path,
    plugins: Plugins,
    *,
    sections: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the file of every renderer that names one, each whole or not at all.

    Args:
        leaderboard: The content of `leaderboard.json`.
        folder: The run folder. It must exist.
        plugins: The installed plugins. One whose renderer fails is warned about, and its file is left out. So is one
            whose file another renderer writes. The core's own have their files first.
        sections: Pairs of a title and Markdown text from plugins.

    Raises:
        JournalError: A file cannot be written. What was there before is still there.
    """
    written: dict[str, str] = {}
    for offer in sorted(plugins.offers("renderer"), key=lambda offer: offer.id.partition("/")[0] != CORE):
        file = cast("RendererCard", offer.card).file
        if not file:
            continue
        # Of two names that differ in case alone, some disks make one file.
        owner = written.setdefault(file.lower(), offer.id)
        if owner != offer.id:
            warn(f"{offer.id} is not written: {file} is the file of {owner}")
            continue
        try:
            text = _render(offer, leaderboard, sections=sections)
        except UserError as error:
            # One report that fails must not cost the others, or the run that they are about.
            warn(f"{file} is not written: {error}")
            # What an earlier report left there has other numbers than the files beside it.
            if (folder / file).is_file():
                (folder / file).unlink()
            continue
        write_atomically(folder / file, text)


def warn(problem: str) -> None:
    """Tell the user of something that is not as wanted and keeps nothing from going on."""
    say(clean(f"warning: {problem}"))


def _render(offer: Offer, leaderboard: Mapping[str, Any], **options: Any) -> str:
    renderer: Renderer = offer.create(None, None)
    try:
        text = renderer(leaderboard, **options)
    # A renderer may refuse on purpose, and that message is the user's. All else is a fault of the plugin.
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit in a plugin ends no command
        raise PluginError(f"renderer {offer.id}: {cause_of(error)}") from error
    # Caught here and not in `write`, where the message would name no plugin.
    if not isinstance(text, str):
        raise PluginError(f"renderer {offer.id}: it returned {type(text).__name__}, and text is wanted")
    return text
