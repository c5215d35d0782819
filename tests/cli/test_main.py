"""The command line as a program: exit codes, help, and what it must not import."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.discovery import KINDS
from harness.verbs import VERBS


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def code_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return caught.value.code


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_has_a_worked_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(verb, "--help") == 0
    assert f"harness {verb}" in capsys.readouterr().out.partition("Example")[2]


def test_a_misspelt_verb_gets_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("leaderbord") == 2
    assert "Did you mean 'leaderboard'?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["list", "tasks"], ["list", "judges"], ["plugins"]])
def test_what_must_be_instant_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys, io, contextlib\n"
        "from harness.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({arguments!r})\n"
        "heavy = {'torch', 'transformers', 'datasets', 'numpy', 'pandas', 'scipy', 'sklearn', 'PIL', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_help_does_not_even_look_for_plugins() -> None:
    script = "import sys\nfrom harness.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    done = subprocess.run(
        [sys.executable, "-c", script + "print('pydantic' in sys.modules, 'pluggy' in sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize("kind", [f"{kind}s" for kind in KINDS])
def test_every_kind_can_be_listed_for_programs(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("list", kind, "--json") == 0
    for row in json.loads(capsys.readouterr().out):
        assert row["id"].partition("/")[2]
        assert row["summary"]


def test_the_plugin_list_names_distribution_version_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("plugins", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["miniature"]["distribution"] == "judge-harness-miniature"
    assert rows["miniature"]["status"] == "ok"
    assert "miniature/safety" in rows["miniature"]["offers"]["task"]


def test_a_user_error_has_no_traceback_and_exit_code_2(tmp_path: Path) -> None:
    done = run("run", "missing.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "missing.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_internal_fault_has_a_traceback_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness import discovery

    def broken(**_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(discovery.Plugins, "load", broken)
    assert code_of("plugins") == 1
    assert "RuntimeError: a bug" in capsys.readouterr().err


def test_what_a_plugin_prints_as_it_loads_is_no_part_of_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = "from harness.api import hookimpl\n@hookimpl\ndef harness_tasks():\n    print('asked')\n    return []\n"
    (tmp_path / "loud.py").write_text(hook + "print('welcome')\n")
    assert code_of("-p", str(tmp_path / "loud.py"), "list", "tasks", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert said.err == "welcome\nasked\n"


def test_a_reader_that_goes_away_is_no_fault_of_ours_or_of_a_plugin(tmp_path: Path) -> None:
    manifest = "name: m\ntasks: [{use: miniature/safety, limit: 6}]\njudges: [{use: random}, {use: constant}]\n"
    (tmp_path / "m.yaml").write_text(manifest)
    assert run("run", "m.yaml", cwd=tmp_path).returncode == 0
    [folder] = (tmp_path / "runs").glob("m-*")
    compare = ["compare", "random", "constant", "--run", str(folder)]
    for arguments in (["leaderboard", str(folder)], compare, ["list", "tasks"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as `head` does once it has seen enough
        assert process.stderr.read() == "", arguments
        assert process.wait(timeout=60) == 141, arguments
        process.stderr.close()


FAILING = """
import click
from harness.api import CommandCard, hookimpl

@click.command()
def fail():
    for number in range(10_000):
        print(number)

@hookimpl
def harness_commands():
    return [CommandCard(name="fail", summary="Fail.", factory=fail)]
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_said_in_one_line(
    unbuffered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    (tmp_path / "mine.py").write_text(FAILING)
    for arguments in (["list", "tasks"], ["-p", "mine.py", "fail"]):
        with (tmp_path / "mine.py").open() as only_read:
            done = subprocess.run(
                [sys.executable, "-m", "harness", *arguments],
                cwd=tmp_path,
                stdout=only_read,  # it fails like a full disk, and on every system
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.stderr == (
            "error: the output cannot be written (Bad file descriptor); free space, or write it to another place\n"
        )
        assert done.returncode == 2


def test_a_full_disk_that_is_not_that_of_the_output_is_an_internal_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness import discovery

    def fill(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(discovery.Plugins, "load", fill)
    assert code_of("plugins") == 1
    assert "internal fault" in capsys.readouterr().err


def test_show_prints_a_card_with_licence_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", "miniature/safety") == 0
    out = capsys.readouterr().out
    assert "controlled testbed" in out
    assert "licence" in out
    assert "seed" in out


def test_a_metric_is_listed_and_shown_with_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("list", "metrics") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "share        Mean credit under the protocol: the share of right answers" in lines[0]
    assert code_of("list", "metrics", "--json") == 0
    listed = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert (listed["harness/mae"]["unit"], listed["harness/mae"]["greater_is_better"]) == ("distance", False)
    assert listed["harness/kappa"]["answers"] == ["choice", "preference"]
    assert code_of("show", "harness/mae") == 0
    assert "  unit: distance\n  better is: smaller\n" in capsys.readouterr().out
    assert code_of("show", "miniature/safety") == 0
    assert "better is" not in capsys.readouterr().out


def test_show_tells_of_a_benchmark_how_it_is_scored_and_what_its_data_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", "preference/judgebench") == 0
    said = capsys.readouterr().out
    assert "official protocol: both orders; net votes; unparsed: wrong" in said
    assert "    label (label): A>B or B>A: which answer is right\n" in said
    assert "    response_model (word, optional): who answered\n" in said
    for title in ("official metric", "deviations", "traps"):
        assert f"  {title}:\n    " in said


@pytest.mark.parametrize(
    ("arguments", "title"), [((), "Manifest"), (("manifest",), "Manifest"), (("recipe",), "Recipe")]
)
def test_show_prints_the_schema_of_manifests_and_of_recipes(
    arguments: tuple[str, ...], title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("show", "--schema", *arguments) == 0
    assert json.loads(capsys.readouterr().out)["title"] == f"{title} of judge-harness"


def test_show_of_an_unknown_name_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("show", "miniature/saftey") == 2
    assert "miniature/safety" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--output", "x.png"), ("--split", "train"), ("--data", "folder")])
def test_an_option_of_a_sample_without_one_is_refused(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("show", "miniature/technical", *option) == 2
    assert "are for --sample" in capsys.readouterr().err


def test_show_draws_a_contact_sheet(tmp_path: Path) -> None:
    import PIL.Image

    target = tmp_path / "sheet.png"
    assert code_of("show", "miniature/pairwise-alignment", "--sample", "3", "--output", str(target)) == 0
    with PIL.Image.open(target) as sheet:
        assert min(sheet.size) > 200


def test_a_dry_run_finds_a_metric_that_the_run_could_not_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/safety}]\njudges: [{use: prior}]\nreport: {metric: kendall}\n"
    )
    assert code_of("run", "m.yaml", "--dry-run") == 2
    assert "the metric 'kendall' is not defined for its answers" in capsys.readouterr().err


def test_a_plugin_can_refuse_a_plan_and_nothing_is_asked_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text("name: m\ntasks: [{use: miniature/safety}]\njudges: [{use: random}]\n")
    Path("policy.py").write_text(
        "from harness.api import UserError, hookimpl\n\n"
        "@hookimpl\n"
        "def harness_plan_made(plan):\n"
        "    raise UserError(f'{len(plan.judges)} judge and no budget; ask who pays')\n"
    )
    for more in ([], ["--dry-run"]):
        assert code_of("-p", "policy.py", "run", "m.yaml", *more) == 2
        assert "1 judge and no budget; ask who pays" in capsys.readouterr().err
    assert not list(Path("runs").glob("m-*"))


def test_a_plugin_may_warn_of_a_plan_beside_the_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/safety, limit: 1}]\njudges: [{use: random}]\nreport: {resamples: 100}\n"
    )
    Path("policy.py").write_text(
        "from harness.api import hookimpl\n\n"
        "@hookimpl\ndef harness_plan_made(plan):\n    plan.warnings.append('it is late')\n"
    )
    assert code_of("-p", "policy.py", "run", "m.yaml") == 0
    assert capsys.readouterr().err.count("warning: it is late") == 1


def test_what_a_check_of_a_plugin_returns_stops_no_other_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/safety}]\njudges: [{use: prior}]\nreport: {metric: kendall}\n"
    )
    Path("content.py").write_text(
        "from harness.api import hookimpl\n\n"
        "@hookimpl\ndef harness_plan_made():\n    return True\n\n"
        "@hookimpl\ndef harness_metric_wanted():\n    return True\n"
    )
    for more in ([], ["--dry-run"]):
        assert code_of("-p", "content.py", "run", "m.yaml", *more) == 2
        assert "the metric 'kendall' is not defined for its answers" in capsys.readouterr().err
