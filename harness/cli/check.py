"""`harness check`: run the conformance checks on a plugin."""

from __future__ import annotations

from typing import Any

import click

from harness.console import echo, load_plugins, say


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
    object with options that must be given, only the card is checked until `--with` gives them, or an example on its
    card. With a plugin, each object is given the options that it knows.

    \b
    Example:
      harness check miniature
      harness check miniature/safety
      harness --plugin my_judge.py check my_judge
      harness check baselines/replay --with answers=answers.jsonl
    """
    from harness.testing._checks import observe_check
    from harness.testing._planned import plan_checks

    rows: list[dict[str, str]] = []
    planned = plan_checks(
        [name], give="with `--with`", plugins=load_plugins(ctx), options=_parse_options(options), data=data
    )
    for test in planned:
        if test.skip:
            say(test.skip)  # beside the rows: it is no result, and a script counts rows
            continue
        fault, warning = observe_check(test.check)
        rows.append({"object": test.about, "check": test.name, "fault": fault, "warning": warning})
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


def _parse_options(options: tuple[str, ...]) -> dict[str, Any]:
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
