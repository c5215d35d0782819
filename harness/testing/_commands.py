"""The contract of commands as checks."""

from __future__ import annotations

from collections.abc import Iterator

import click

from harness.testing._subject import Check, Subject
from harness.verbs import VERBS


def checks(one: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "command_is_one", lambda: _check_command(one)
    yield "command_has_help", lambda: _check_help(one)
    yield "command_name_is_free", lambda: _check_name(one)


def _command(one: Subject) -> click.Command:
    command = one.offer.resolve(one.offer.card.factory)
    assert isinstance(command, click.Command), (
        f"command {one.offer.id}: {one.offer.card.factory!r} is {command!r}; name the function with @click.command()"
    )
    return command


def _check_command(one: Subject) -> None:
    _command(one)


def _check_help(one: Subject) -> None:
    command = _command(one)
    assert (command.help or "").strip(), f"command {one.offer.id}: it has no help; give its function a docstring"


def _check_name(one: Subject) -> None:
    # The core's own verbs are cards too, and have their names by right.
    ours = one.offer.id.partition("/")[0] == "harness"
    assert ours or one.offer.card.name not in VERBS, (
        f"command {one.offer.id}: `harness {one.offer.card.name}` is a verb of the core; choose another name"
    )
