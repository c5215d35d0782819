"""The command `harness`. A verb is imported only when it is called, so that `--help` is instant."""

from __future__ import annotations

import importlib
import io
import sys
from typing import TYPE_CHECKING, Any

import click

from harness.console import CalledWith, say
from harness.first_party import read_distributions
from harness.libraries.terminal import drop_output, find_output_fault, guard_streams, has_lost_reader
from harness.libraries.text import clean
from harness.verbs import VERBS

if TYPE_CHECKING:
    from harness.discovery import Plugins


class _PluginFaultError(Exception):
    """A verb of a plugin raised. Its cause is the error, and its text the verb."""


class _LazyGroup(click.Group):
    """A group that knows the core's verbs by name, imports one when it is called, and asks plugins for others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *_find_others(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in VERBS:
            module, _, attribute = VERBS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return _load_other(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # The core's verbs need no plugin loaded, not even to say that there is none of such a name.
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            others = _find_others(ctx)
            # A full id, such as `mine/post`, tells two plugins with one verb apart.
            known = {name.rpartition("/")[2] for name in others}
            if args[0] not in known and "/" not in args[0]:
                raise click.UsageError(_unknown_text(ctx, args[0], [*VERBS, *others]), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SystemExit as error:
            # As a program of its own would end. In a verb of the core it would hide a fault.
            if not _is_of_plugin(ctx) or has_lost_reader(error):
                raise
            if error.code is None or isinstance(error.code, int):
                return error.code
            say(str(error.code))
            return 1
        except Exception as error:
            from harness.api import HarnessError

            # What click and the harness raise on purpose is reported by `main`, and so is a reader that went away.
            meant = (HarnessError, click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError)
            if not _is_of_plugin(ctx) or isinstance(error, meant) or find_output_fault(error):
                raise
            raise _PluginFaultError(str(ctx.invoked_subcommand)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # click would import every verb for its line of help.
        lines = [(name, summary) for name, (_, summary) in VERBS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(lines)
        if others := _find_others(ctx):
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(clean(name), clean(summary)) for name, summary in others.items()])


def _find_others(ctx: click.Context) -> dict[str, str]:
    """The verbs of plugins with a line of help. Of the core's plugins there are none, so that these are not loaded.

    A verb that two plugins have stands there by its ids.
    """
    plugins = _load_foreign(ctx)
    if plugins is None:
        return {}
    offers = [offer for offer in plugins.offers("command") if offer.card.name not in VERBS]
    names = [offer.card.name for offer in offers]
    # Two plugins may have one verb: only their ids can then be called.
    return {offer.id if names.count(offer.card.name) > 1 else offer.card.name: offer.card.summary for offer in offers}


def _load_foreign(ctx: click.Context) -> Plugins | None:
    """All plugins. `None` where there are only the core's and those of the project, which add no verbs."""
    from importlib.metadata import entry_points

    called = _invocation(ctx)
    installed = {point.name for point in entry_points(group="harness")}
    # Known by name alone, so that `--help` stays instant in a usual installation.
    return called.load() if called.extra or not installed <= {"harness", *read_distributions()} else None


def _is_of_plugin(ctx: click.Context) -> bool:
    """Whether the verb that was called is a plugin's."""
    verb = ctx.invoked_subcommand
    return verb is not None and verb.removeprefix("harness/") not in VERBS


def _unknown_text(ctx: click.Context, name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    lines = [f"No such command '{name}'.{hint}"]
    # It may be the verb of a plugin that did not load.
    if (plugins := _load_foreign(ctx)) is not None:
        lines += plugins.warnings()
    return "\n".join(lines)


def _load_other(ctx: click.Context, name: str) -> click.Command:
    from harness.api import PluginError

    offer = _invocation(ctx).load().find("command", name)
    command = offer.resolve(offer.card.factory)
    if not isinstance(command, click.Command):
        raise PluginError(f"command {offer.id} ({offer.distribution} {offer.version}): {command!r} is no click.Command")
    return command


def _invocation(ctx: click.Context) -> CalledWith:
    """What stands before the verb. Click parses it into the context before it looks for the verb."""
    # `ctx.obj` is set when `cli` runs, which is later than the look-up of the verb.
    params = ctx.find_root().params
    return CalledWith(**{name: tuple(params.get(name) or ()) for name in ("extra", "blocked", "allowed")})


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
# Eager, so that `--help`, which is eager too, shows the verbs of a plugin that stands before it.
@click.option(
    "-p",
    "--plugin",
    "extra",
    multiple=True,
    is_eager=True,
    metavar="FILE",
    help="Use a Python file or module as a plugin.",
)
@click.option(
    "--no-plugin", "blocked", multiple=True, is_eager=True, metavar="NAME", help="Leave a plugin or distribution alone."
)
@click.option(
    "--allow-code",
    "allowed",
    multiple=True,
    is_eager=True,
    metavar="KIND:WHAT",
    help="Let code run that a manifest or run names: evaluate:FILE, evaluate:NAME@sha256:HASH, model:MODEL.",
)
@click.version_option(package_name="judge-harness", prog_name="harness")
@click.pass_context
def cli(ctx: click.Context, extra: tuple[str, ...], blocked: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    """Benchmark LLM-as-a-judge models honestly.

    \b
    Example:
      harness run benchmarks/ood.yaml
      harness leaderboard runs/ood-*
    """
    ctx.obj = CalledWith(extra=extra, blocked=blocked, allowed=allowed)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code.

    0 complete; 1 internal fault; 2 the user's manifest, options or data are wrong; 3 some judgements
    failed, or a judge stopped (no key, no credit, a spent budget, ...), or `harness verify` found a number that
    is not what was computed; 4 a gate is not passed (a cell's coverage, `--fail-on-leak`, or `harness drift
    --fail-on`), or a row needs a plugin to be verified; 5 a bundle is not signed as `harness verify` was told;
    130 interrupted (the same command goes on), 143 by SIGTERM, 129 by SIGHUP; 141 its output is read no
    further, as by `head`.
    """
    try:
        code = _run_stoppable(argv)
    except KeyboardInterrupt:  # before the first line that hears signals, or after the last one
        code = 130
    sys.exit(code)


def _run_stoppable(argv: list[str] | None) -> int:
    """Run the command line, and have signals end it in order."""
    from harness.libraries.stopping import exit_code, hear_signals, leave_soon

    with hear_signals(leaves=argv is None):
        try:
            with guard_streams():
                code = _run(argv)
        except KeyboardInterrupt:  # while the streams were put back
            code = 130
        if code == 130:
            code = exit_code()
            if argv is None:  # not within another program, such as a test
                leave_soon()
    return code


def _run(argv: list[str] | None) -> int:
    """Run the command line, say what went wrong, and give its code."""
    try:
        # Not standalone: click would print errors unescaped, and end with its own codes.
        code = cli.main(args=argv, prog_name="harness", standalone_mode=False)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue().rstrip())
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("interrupted")
        code = 130
    except BrokenPipeError:
        code = _end_unread(alone=argv is None)
    except SystemExit as error:  # the harness itself never calls sys.exit before this point
        code = _end_unread(alone=argv is None) if has_lost_reader(error) else _report(error)
    except Exception as error:
        code = _end_unread(alone=argv is None, why=why) if (why := find_output_fault(error)) else _report(error)
    # A verb of a plugin may return anything.
    return code if isinstance(code, int) else 0


def _end_unread(*, alone: bool, why: str = "") -> int:
    """End where stdout takes no more: as a program that is ended by SIGPIPE, or with an error. Gives its code.

    Args:
        alone: Whether this is a process of its own, and not a call within another program.
        why: What is wrong with stdout where it has a reader.
    """
    if why:
        say(f"error: the output cannot be written ({why}); free space, or write it to another place")
    if alone:
        drop_output()
    return 2 if why else 141


def _report(error: Exception | SystemExit) -> int:
    """Print an error the way it deserves: the user's own without a traceback, ours with one."""
    from harness.api import UserError

    if isinstance(error, UserError):
        say(f"error: {error}")
        return error.exit_code
    import traceback

    if isinstance(error, _PluginFaultError):
        say("".join(traceback.format_exception(error.__cause__)).rstrip())
        say(f"the command `harness {error}` is a plugin's, and it failed; tell its authors, with the lines above")
        return 1
    say("".join(traceback.format_exception(error)).rstrip())
    # Its traceback is shown, though it is no fault of ours: the lines name the plugin.
    if isinstance(error, SystemExit):
        say("a plugin ended the command with sys.exit, at the last of the lines above; tell its authors")
        return 1
    if plugin := _find_plugin(error):
        say(f"this is a fault of the plugin {plugin}; tell its authors, with the lines above")
        return 1
    say("internal fault: this is a bug in the harness; please report it with the lines above")
    return 1


def _find_plugin(error: Exception) -> str:
    """The plugin whose code raised an error, or code that it called. Empty where it is the harness's own."""
    import traceback
    from importlib.metadata import entry_points

    names = {point.value.partition(".")[0].partition(":")[0]: point.name for point in entry_points(group="harness")}
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):  # the innermost first
        module = str(frame.f_globals.get("__name__"))
        top = module.partition(".")[0]
        if top == "harness":
            return ""
        # A file that is given with `--plugin` has a module of its own name.
        if top in names or module.startswith("harness_plugin_"):
            return names.get(top) or module.removeprefix("harness_plugin_")
    return ""
