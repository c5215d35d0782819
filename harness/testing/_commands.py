"""The contract of commands as checks."""

from __future__ import annotations

from collections.abc import Iterator

import click

from harness.testing._subject import Check, Subject
from harness.verbs import VERBS


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "command_is_one", lambda: _check_command(subject)
    yield "command_has_help", lambda: _check_help(subject)
    yield "command_name_is_free", lambda: _check_name(subject)


def _command(subject: Subject) -> click.Command:
    command = subject.offer.resolve(subject.offer.card.factory)
    assert isinstance(command, click.Command), (
        f"command {subject.id}: {subject.offer.card.factory!r} is {command!r}; name the function with @click.command()"
    )
    return command


def _check_command(subject: Subject) -> None:
    _command(subject)


def _check_help(subject: Subject) -> None:
    command = _command(subject)
    assert (command.help or "").strip(), f"command {subject.id}: it has no help; give its function a docstring"


def _check_name(subject: Subject) -> None:
    # The core's own verbs are cards too, and have their names by right.
    ours = subject.id.partition("/")[0] == "harness"
    assert ours or subject.offer.card.name not in VERBS, (
        f"command {subject.id}: `harness {subject.offer.card.name}` is a verb of the core; choose another name"
    )
