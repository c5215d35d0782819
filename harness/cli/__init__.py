"""The command `harness`. Verbs live one to a file and are imported only when called, so that `--help` is instant."""

from __future__ import annotations

import importlib
import io
import sys

import click

from harness.cli._common import say

VERBS = {
    "run": "Judge, score and print the leaderboard of a manifest.",
    "train": "Train a judge by a recipe.",
    "score": "Score a run again from its journal, without asking any judge.",
    "leaderboard": "Print the leaderboard of one or many runs.",
    "compare": "Compare two judges on the same items.",
    "estimate": "Estimate a rate of unlabelled items from labels and a judge's verdicts.",
    "plan": "Say how many items show a difference, or which difference they show.",
    "list": "List tasks, judges, rewards, trainers, formats, metrics or manifests.",
    "show": "Show a plugin object, sample a task, or print a resolved manifest.",
    "validate": "Check manifests without running them.",
    "plugins": "List the installed plugins and what became of them.",
    "merge": "Merge the shards of a run.",
    "doctor": "Say what is wrong with this installation, or which splits share images.",
    "check": "Run the conformance checks on a plugin.",
    "new": "Start a new plugin distribution.",
}


class _LazyGroup(click.Group):
    """A group that knows its verbs by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"harness.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-p", "--plugin", "extra", multiple=True, metavar="FILE", help="Use a Python file or module as a plugin.")
@click.option("--no-plugin", "blocked", multiple=True, metavar="NAME", help="Leave a plugin or distribution alone.")
@click.version_option(package_name="judge-harness", prog_name="harness")
@click.pass_context
def cli(ctx: click.Context, extra: tuple[str, ...], blocked: tuple[str, ...]) -> None:
    """Benchmark LLM-as-a-judge models honestly.

    \b
    Example:
      harness run benchmarks/ood.yaml
      harness leaderboard runs/ood-*
    """
    ctx.obj = {"extra": extra, "blocked": blocked}


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code.

    0 complete; 1 internal fault; 2 the user's manifest, options or data are wrong; 3 some judgements
    failed, or a judge stopped (no key, no credit, a spent budget, ...); 4 a gate is not passed (a cell's
    coverage, or `--fail-on-leak`); 130 interrupted (the same command goes on).
    """
    try:
        code = cli.main(args=argv, prog_name="harness", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue().rstrip())
        code = error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 141
    except SystemExit as error:  # the harness itself never calls sys.exit before this point
        code = 141 if _has_lost_reader(error) else _report(error)
    except Exception as error:
        code = _report(error)
    sys.exit(code if isinstance(code, int) else 0)


def _has_lost_reader(error: SystemExit) -> bool:
    """Whether it is how click and rich end a program whose output is read no further, as by `head`."""
    import traceback

    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("click", "rich")


def _report(error: Exception | SystemExit) -> int:
    """Print an error the way it deserves: the user's own without a traceback, ours with one."""
    from harness.api import UserError

    if isinstance(error, UserError):
        say(f"error: {error}")
        return error.exit_code
    import traceback

    say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, SystemExit):
        say("a plugin ended the command with sys.exit, at the last of the lines above; tell its authors")
        return 1
    say("internal fault: this is a bug in the harness; please report it with the lines above")
    return 1
