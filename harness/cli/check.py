"""`harness check`: run the conformance checks on a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from harness.cli._common import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins
    from harness.testing import Check


@click.command("check")
@click.argument("name", metavar="PLUGIN")
@click.option("--data", type=click.Path(exists=True, resolve_path=True), help="Data for tasks that need some.")
@click.option("--with", "options", multiple=True, metavar="OPTION=VALUE", help="An option for the factory (YAML).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, *, name: str, data: str | None, options: tuple[str, ...], as_json: bool) -> int:
    """Run the conformance checks on a plugin or on one of its objects.

    Exit code 2 when a check fails. Of an object with options that must be given, only the card is checked until
    `--with` gives them.

    \b
    Example:
      harness check miniature
      harness check miniature/safety
      harness --plugin my_judge.py check my_judge
      harness check baselines/replay --with answers=answers.jsonl
    """
    from harness.testing._checks import run_check

    plugins = load_plugins(ctx)
    rows = []
    for subject, check_name, check in _checks(plugins, name, data=data, options=_parsed(options)):
        rows.append((subject, check_name, run_check(check)))
        if not as_json and not rows[-1][2]:
            echo(f"ok    {subject}  {check_name}")
        elif not as_json:
            echo(f"FAIL  {subject}  {check_name}\n      {rows[-1][2].replace(chr(10), chr(10) + '      ')}")
    failed = sum(1 for _, _, fault in rows if fault)
    if as_json:
        import json

        fields = ("object", "check", "fault")
        echo(json.dumps([dict(zip(fields, row, strict=True)) for row in rows], indent=2))
    else:
        echo(f"{len(rows) - failed} checks passed, {failed} failed")
    return 2 if failed else 0


def _checks(
    plugins: Plugins, name: str, *, data: str | None, options: dict[str, Any]
) -> Iterator[tuple[str, str, Callable[[], None]]]:
    from harness.testing import checks_for

    for where, check in _of_module(plugins, name):
        yield where, check[0], check[1]
    for offer in _offers(plugins, name):
        missing = _missing(offer, options)
        if missing:
            say(f"{offer.id}: only its card is checked; give {', '.join(missing)} with `--with`")
        for check_name, check_function in checks_for(offer, data=data, options=options):
            if not missing or check_name.startswith("card_"):
                yield offer.id, check_name, check_function


def _missing(offer: Offer, options: dict[str, Any]) -> list[str]:
    """The options that the object must have and was not given."""
    from harness.api import PluginError

    try:
        model = offer.options_model()
    except PluginError:  # the check of the card reports it
        return []
    fields = {} if model is None else model.model_fields
    return [name for name, field in fields.items() if field.is_required() and name not in options]


def _parsed(options: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    from harness.api import UserError

    parsed = {}
    for option in options:
        key, equals, value = option.partition("=")
        try:
            parsed[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--with {option}: the value is not YAML ({error})") from error
        if not key or not equals:
            raise UserError(f"--with {option}: write OPTION=VALUE")
    return parsed


def _of_module(plugins: Plugins, name: str) -> Iterator[tuple[str, Check]]:
    """The checks of the plugin's own module, where it is an installed one."""
    from importlib.metadata import entry_points

    from harness.testing._checks import plugin_checks

    for point in entry_points(group="harness"):
        if point.name == name:
            for check in plugin_checks(point.module):
                yield name, check


def _offers(plugins: Plugins, name: str) -> list[Offer]:
    from harness.api import PluginError
    from harness.discovery import KINDS

    every = [offer for kind in KINDS for offer in plugins.offers(kind)]
    named = [offer for offer in every if name in (offer.id, offer.id.partition("/")[0])]
    named = named or [offer for offer in every if offer.card.name == name]
    if named:
        return named
    for row in plugins.rows:
        if row.name == name and row.status == "ok":
            return []
        if row.name == name:
            raise PluginError(f"plugin {name!r} is {row.status}: {row.problem}")
    known = ", ".join(row.name for row in plugins.rows)
    raise PluginError(f"there is no plugin or plugin object {name!r}; plugins are {known}")
