"""`harness doctor`: exit codes, and on stdout what a program reads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main

SHADES = Path(__file__).parents[1] / "doctor" / "shades_plugin.py"
MANIFEST = """\
name: m
vars: {leaked: 7}
tasks:
  - {use: shades, with: {train: [[1], [2]], test: [[3], ["${vars.leaked}"]]}}
judges: [{use: baselines/random}]
"""
Harness = Callable[..., int]


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "m.yaml").write_text(MANIFEST)

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["-p", str(SHADES), "doctor", *arguments])
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def test_an_installation_without_faults_is_a_few_lines_and_code_0(
    harness: Harness, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert harness() == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "nothing is broken"
    assert len(said.out.splitlines()) < 10
    assert said.err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["m.yaml"]


def test_what_is_broken_is_named_and_the_code_is_2(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.py").write_text("import module_that_is_not_there")
    with pytest.raises(SystemExit) as caught:
        main(["-p", "broken.py", "doctor", "--runs", "m.yaml/runs"])
    assert caught.value.code == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("BROKEN  plugin broken (broken.py -): ModuleNotFoundError: ")
    assert lines[1].startswith("BROKEN  folder m.yaml/runs: cannot be written to")
    assert lines[-1] == "2 broken"


def test_health_for_programs(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness("--json") == 0
    health = json.loads(capsys.readouterr().out)
    assert health["schema"] == "judge-harness/doctor/1"
    assert [one for one in health["findings"] if one["broken"]] == []
    assert health["plugins"]["ok"] >= 2
    assert set(health["folders"]) == {"runs", "checkpoints"}


def test_a_look_at_the_installation_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, io, contextlib\n"
        "from harness.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['doctor'])\n"
        "heavy = {'torch', 'transformers', 'datasets', 'numpy', 'pandas', 'scipy', 'sklearn', 'PIL', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[]"


def test_the_table_is_on_stdout_and_progress_on_stderr(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness("--overlap", "m.yaml") == 0
    said = capsys.readouterr()
    assert "no two splits share an image" in said.out
    assert said.err.splitlines() == [f"reading shades {split}" for split in ("train", "validation", "test")]


@pytest.mark.parametrize(
    ("leaked", "arguments", "code"), [(1, (), 0), (1, ("--fail-on-leak",), 4), (7, ("--fail-on-leak",), 0)]
)
def test_a_leak_is_an_error_only_where_it_is_asked_to_be(
    harness: Harness, capsys: pytest.CaptureFixture[str], leaked: int, arguments: tuple[str, ...], code: int
) -> None:
    assert harness("--overlap", "m.yaml", "--set", f"vars.leaked={leaked}", *arguments) == code
    assert ("1 leak; " in capsys.readouterr().out) == (leaked == 1)


def test_overlap_for_programs_of_several_files_with_a_limit_and_pixels(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = "name: r\ntasks: [{use: shades, validation: null, with: {train: [[3], [7]]}}]\n"
    Path("r.yaml").write_text(recipe + "trainer: {use: grpo/sft}\n")
    assert harness("--overlap", "m.yaml", "--overlap", "r.yaml", "--json", "--limit", "1", "--pixels") == 0
    plain = json.loads(capsys.readouterr().out)
    assert (plain["compared"], plain["limit"]) == ("pixels", 1)
    assert [(pair["leak"], pair["a"]["task"], pair["b"]["task"], pair["images"]) for pair in plain["pairs"]] == [
        (True, "shades (r)", "shades", 1)
    ]


@pytest.mark.parametrize("option", [["--pixels"], ["--limit", "3"], ["--fail-on-leak"], ["--set", "a=b"]])
def test_an_option_that_would_do_nothing_is_refused(
    harness: Harness, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    assert harness(*option) == 2
    assert "are for --overlap MANIFEST" in capsys.readouterr().err


def test_a_broken_manifest_is_the_users_to_mend(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness("--overlap", "gone.yaml") == 2
    said = capsys.readouterr()
    assert "gone.yaml" in said.err
    assert "Traceback" not in said.err
