"""The leaderboard in the format asked for, by the renderers of plugins: as text, or as files in the run folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.api import PluginError, Renderer, RendererCard, UserError
from harness.registration import cause_of
from harness.run.folder import write_atomically
from harness.text import clean

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
        plugins: The installed plugins. One whose renderer fails is warned about, and its file is left out.
        sections: Pairs of a title and Markdown text from plugins.

    Raises:
        JournalError: A file cannot be written. What was there before is still there.
    """
    for offer in plugins.offers("renderer"):
        card = cast("RendererCard", offer.card)
        if not card.file:
            continue
        try:
            text = _render(offer, leaderboard, sections=sections)
        except PluginError as error:
            # One report that fails must not cost the others, or the run that they are about.
            print(clean(f"warning: {card.file} is not written: {error}"), file=sys.stderr)  # noqa: T201
            continue
        write_atomically(folder / card.file, text)


def _render(offer: Offer, leaderboard: Mapping[str, Any], **options: Any) -> str:
    renderer: Renderer = offer.create(None, None)
    try:
        text = renderer(leaderboard, **options)
    # A renderer may refuse on purpose, and that message is the user's. All else is a fault of the plugin.
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise PluginError(f"renderer {offer.id}: {cause_of(error)}") from error
    # Caught here and not in `write`, where the message would name no plugin.
    if not isinstance(text, str):
        raise PluginError(f"renderer {offer.id}: it returned {type(text).__name__}, and text is wanted")
    return text
