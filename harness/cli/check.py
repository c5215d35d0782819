"""`harness check`: run the conformance checks on a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.discovery import Plugins


@click.command("check")
@click.argument("name", metavar="PLUGIN")
@click.option(
    "--data",
    type=click.Path(exists=True, resolve_path=True),
    help="Data for a task, or the model that a trainer starts from.",
)
@click.option("--with", "options", multiple=True, metavar="OPTION=VALUE", help="An option for the factory (YAML).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, *, name: str, data: str | None, options: tuple[str, ...], as_json: bool) -> int:
    """Run the conformance checks on a plugin or on one of its objects.

    Exit code 2 when a check fails, or where there is nothing to check. A warning is something that may be meant. Of an
    object with options that must be given, only the card is checked until
    `--with` gives them.

    \b
    Example:
      harness check miniature
      harness check miniature/safety
      harness --plugin my_judge.py check my_judge
      harness check baselines/replay --with answers=answers.jsonl
    """
    from harness.testing._checks import observe_check

    plugins = load_plugins(ctx)
    rows: list[dict[str, str]] = []
    for subject, check_name, check in _checks(plugins, name, data=data, options=_parsed(options)):
        fault, warning = observe_check(check)
        rows.append({"object": subject, "check": check_name, "fault": fault, "warning": warning})
        if not as_json:
            _print_row(**rows[-1])
    failed, warned = (sum(1 for row in rows if row[kind]) for kind in ("fault", "warning"))
    if as_json:
        import json

        echo(json.dumps(rows, indent=2))
    elif rows:
        warnings = f", {warned} warning{'s' if warned > 1 else ''}" if warned else ""
        echo(f"{len(rows) - failed} checks passed, {failed} failed{warnings}")
    if not rows:
        say(f"error: {name} offers no object, and nothing of it was checked")
    return 2 if failed or not rows else 0


def _print_row(*, object: str, check: str, fault: str, warning: str) -> None:
    if not fault:
        echo(f"ok    {object}  {check}")
    for word, text in (("FAIL  ", fault), ("warn  ", warning)):
        if text:
            echo(f"{word}{object}  {check}\n      " + text.replace("\n", "\n      "))


def _checks(
    plugins: Plugins, name: str, *, data: str | None, options: dict[str, Any]
) -> Iterator[tuple[str, str, Callable[[], None]]]:
    from harness.testing import checks_for
    from harness.testing._checks import plugin_checks
    from harness.testing._plugins import missing_options, module_of, offers_of, plugin_named

    row = plugin_named(plugins, name)
    if row is not None and (module := module_of(row)) is not None:
        for check_name, check_function in plugin_checks(module):
            yield name, check_name, check_function
    for offer in offers_of(plugins, name):
        missing = missing_options(offer, options, data=data)
        if missing:
            say(f"{offer.id}: only its card is checked; give {', '.join(missing)} with `--with`")
        elif offer.card.kind == "trainer" and not options and data is None:
            say(f"{offer.id}: it is not trained; give options that make it short with `--with`, such as steps=2")
        for check_name, check_function in checks_for(offer, data=data, options=options):
            if not missing or check_name.startswith("card_"):
                yield offer.id, check_name, check_function


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
