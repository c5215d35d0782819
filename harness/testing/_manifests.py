"""The check of a manifest or recipe that a plugin ships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.discovery import Plugins

if TYPE_CHECKING:
    from harness.testing._subject import Check, Subject


def checks(subject: Subject) -> Iterator[Check]:
    """The checks of a manifest: it is there, and it has no mistake where the plugins that it uses are installed."""
    yield "manifest_loads", lambda: _check_loads(subject)


def _check_loads(subject: Subject) -> None:
    from harness.api import ManifestCard
    from harness.manifest.load import load_document

    card = subject.offer.card
    assert isinstance(card, ManifestCard)
    assert card.path.is_file(), f"{subject.id}: there is no file {card.path}; see that the wheel holds it"
    # All that is installed: a manifest may use plugins that its own depends on.
    load_document(card.path, plugins=Plugins.load())
