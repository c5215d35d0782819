"""Verbs of plugins: found, listed, run, and what goes wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

PLUGIN = '''
import click
from harness.api import CommandCard, Invocation, hookimpl

@click.command("count")
@click.pass_context
def count(ctx):
    """Count the installed plugins."""
    invocation: Invocation = ctx.find_root().obj
    found = invocation.plugins().notify("harness_tasks")
    click.echo(f"{len(found)} plugins offer tasks")
    return 4

def card(name, factory):
    return CommandCard(name=name, summary=f"To {name} things.", factory=factory, api_version=1)

@hookimpl
def harness_commands():
    return [card("count", count), card("run", count), card("no-command", lambda *_: None)]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "counting.py"
    path.write_text(PLUGIN)
    return str(path)


def code_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return caught.value.code


def test_a_plugin_adds_a_verb_with_the_plugins_of_the_command_line(
    plugin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("--plugin", plugin, "--no-plugin", "miniature", "count") == 4
    counted = int(capsys.readouterr().out.split()[0])
    assert code_of("--plugin", plugin, "count") == 4
    assert int(capsys.readouterr().out.split()[0]) == counted + 1


def test_help_has_the_verbs_of_plugins_in_a_part_of_their_own(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--plugin", plugin, "--help") == 0
    ours, _, theirs = capsys.readouterr().out.partition("Commands of plugins:")
    assert "To count things." in theirs
    assert "To run things." not in ours + theirs, "the core's verbs cannot be replaced"


def test_a_verb_that_no_plugin_has_is_named_with_a_hint(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--plugin", plugin, "coumt") == 2
    assert "No such command 'coumt'. Did you mean 'count'?" in capsys.readouterr().err


def test_what_is_no_command_is_refused_by_name(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--plugin", plugin, "no-command") == 2
    assert "command counting/no-command" in capsys.readouterr().err


def test_the_conformance_kit_finds_all_three_faults(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--plugin", plugin, "check", "counting") == 2
    said = capsys.readouterr().out
    assert "ok    counting/count  command_has_help" in said
    assert "`harness run` is a verb of the core" in said
    assert "command counting/no-command: " in said


def test_a_full_id_tells_two_plugins_with_one_verb_apart(
    plugin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.py").write_text(Path(plugin).read_text().replace("return 4", "return 3"))
    both = ("--plugin", plugin, "--plugin", str(tmp_path / "other.py"))
    assert code_of(*both, "count") == 2
    assert "the command name 'count' is ambiguous" in capsys.readouterr().err
    assert code_of(*both, "other/count") == 3
    assert code_of(*both, "--help") == 0
    shown = capsys.readouterr().out.partition("Commands of plugins:")[2]
    assert "counting/count" in shown, "the name alone cannot be called"
    assert "other/count" in shown
    assert code_of(*both, "other/cont") == 2
    assert "there is no command 'other/cont'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("raise ValueError('oops')", 1, "the command `harness count` is a plugin's, and it failed; tell its authors"),
        ("raise SystemExit(5)", 5, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('no channel')", 1, "no channel"),
        ("ctx.exit(6)", 6, ""),
        ("raise click.ClickException('no token')", 1, "Error: no token"),
        ("from harness.api import UserError; raise UserError('no run')", 2, "error: no run"),
    ],
)
def test_a_verb_of_a_plugin_ends_as_it_likes_and_its_faults_are_its_own(
    plugin: str, capsys: pytest.CaptureFixture[str], body: str, code: int, said: str
) -> None:
    Path(plugin).write_text(PLUGIN.replace("return 4", body))
    assert code_of("--plugin", plugin, "count") == code
    err = capsys.readouterr().err
    assert said in err
    assert "bug in the harness" not in err
    assert ("Traceback" in err) is ("oops" in body)


def test_a_verb_of_a_plugin_that_did_not_load_is_unknown_and_the_cause_is_said(
    plugin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A command in place of its card.
    Path(plugin).write_text(PLUGIN.replace('return [card("count", count)', "return [count"))
    assert code_of("--plugin", plugin, "count") == 2
    err = capsys.readouterr().err
    assert "No such command 'count'." in err
    assert "is broken: harness_commands returned <Command count>, which is not a command card" in err


def test_a_verb_of_the_core_by_its_full_id_is_the_cores_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("harness/list", "tasks") == 0
    monkeypatch.setattr("harness.inspection.list.load_plugins", lambda ctx: 1 / 0)
    assert code_of("harness/list", "tasks") == 1
    assert "bug in the harness" in capsys.readouterr().err
