"""Discovery, against real (if small) distributions on `sys.path`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import PluginError
from harness.discovery import Plugins

Install = Callable[..., str]

GOOD = """
from harness.api import JudgeCard, TaskCard, hookimpl

@hookimpl
def harness_judges():
    return [JudgeCard(name="{judge}", summary="A judge.", factory="{module}:make")]

def make(options, context):
    return "made"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution with one plugin on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HARNESS_STRICT_PLUGINS", raising=False)
    monkeypatch.delenv("HARNESS_DISABLE_PLUGINS", raising=False)

    def put(distribution: str, plugin: str, code: str = GOOD, *, judge: str = "fine", version: str = "1.0") -> str:
        # A name of its own for each test: Python never imports one name twice.
        module = f"mod_{distribution}_{tmp_path.name}".replace("-", "_").replace(".", "_")
        (tmp_path / f"{module}.py").write_text(code.replace("{judge}", judge).replace("{module}", module))
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[harness]\n{plugin} = {module}\n")
        return module

    return put


def row(plugins: Plugins, name: str) -> tuple[str, str]:
    found = next(row for row in plugins.rows if row.name == name)
    return found.status, found.problem


def test_an_installed_plugin_is_found_by_id_and_by_bare_name(install: Install) -> None:
    install("dist-one", "one")
    plugins = Plugins.load()
    assert plugins.find("judge", "one/fine").id == "one/fine"
    offer = plugins.find("judge", "fine")
    assert (offer.id, offer.distribution, offer.version) == ("one/fine", "dist-one", "1.0")
    assert offer.create(None, None) == "made"


def test_the_cores_own_formats_and_metrics_are_a_plugin_like_any_other() -> None:
    plugins = Plugins.load()
    assert row(plugins, "harness") == ("ok", "")
    assert "harness/tagged" in [offer.id for offer in plugins.offers("format")]
    assert "harness/macro_f1" in [offer.id for offer in plugins.offers("metric")]


def test_a_plugin_that_does_not_import_is_a_row_and_does_not_hide_the_others(install: Install) -> None:
    install("dist-a", "aaa", "import module_that_is_not_there")
    install("dist-b", "bbb")
    plugins = Plugins.load()
    assert row(plugins, "aaa") == ("broken", "ModuleNotFoundError: No module named 'module_that_is_not_there'")
    assert row(plugins, "bbb") == ("ok", "")
    with pytest.raises(PluginError, match="judge 'aaa/x': plugin 'aaa' is broken: ModuleNotFoundError"):
        plugins.find("judge", "aaa/x")
    assert plugins.warnings() == [f"plugin aaa (dist-a 1.0) is broken: {row(plugins, 'aaa')[1]}"]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise SystemError('no')", "SystemError: no"),
        ("def broken(:", "SyntaxError"),
        ("from harness.api import hookimpl\n@hookimpl\ndef harness_jugdes(): return []", "harness_jugdes"),
        ("from harness.api import hookimpl\n@hookimpl\ndef harness_judges(): return [1]", "is no judge card"),
        ("from harness.api import hookimpl\n@hookimpl\ndef harness_judges(): return 1 / 0", "ZeroDivisionError"),
        (GOOD.replace('name="{judge}"', 'name="Not OK"'), "names are lower-case"),
        (GOOD.replace("factory", "api_version=99, factory"), "version 99 of the plugin API.*upgrade judge-harness"),
        (GOOD.replace("factory", "api_version=0, factory"), "version 0 of the plugin API.*upgrade the plugin"),
    ],
)
def test_every_way_to_be_broken_is_a_row_with_its_cause(install: Install, code: str, cause: str) -> None:
    import re

    install("dist-a", "aaa", code)
    status, problem = row(Plugins.load(), "aaa")
    assert status == "broken"
    assert re.search(cause, problem), problem
    assert not [offer for kind in ("judge", "task") for offer in Plugins.load().offers(kind) if offer.id[:3] == "aaa"]


def test_strict_mode_makes_a_broken_plugin_fatal(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("dist-a", "aaa", "raise ImportError('old numpy')")
    monkeypatch.setenv("HARNESS_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"aaa.*old numpy"):
        Plugins.load()


def test_two_distributions_of_one_name_are_an_error_that_names_both(install: Install) -> None:
    install("dist-a", "same")
    install("dist-b", "same", version="2.0")
    plugins = Plugins.load()
    with pytest.raises(PluginError, match=r"dist-a 1\.0 and dist-b 2\.0; uninstall or block one"):
        plugins.find("judge", "same/fine")
    assert [r.status for r in plugins.rows if r.name == "same"] == ["conflict", "conflict"]
    assert Plugins.load(blocked=["dist-b"]).find("judge", "same/fine").distribution == "dist-a"


def test_an_ambiguous_bare_name_names_both_ids(install: Install) -> None:
    install("dist-a", "aaa")
    install("dist-b", "bbb")
    with pytest.raises(PluginError, match=r"aaa/fine \(dist-a 1\.0\), bbb/fine \(dist-b 1\.0\)"):
        Plugins.load().find("judge", "fine")


@pytest.mark.parametrize("name", ["blocked", "dist-x", "Dist_X"])
def test_a_blocked_plugin_is_never_imported(install: Install, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = install("dist-x", "blocked", "raise SystemExit('imported')")
    assert row(Plugins.load(blocked=[name]), "blocked")[0] == "blocked"
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", f"other,{name}")
    assert row(Plugins.load(), "blocked")[0] == "blocked"
    assert module not in sys.modules


def test_a_misspelt_name_gets_a_hint(install: Install) -> None:
    install("dist-a", "aaa", judge="brilliant")
    with pytest.raises(PluginError, match="Did you mean 'aaa/brilliant' or 'brilliant'"):
        Plugins.load().find("judge", "aaa/briliant")


def test_a_file_can_be_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("{judge}", "own").replace('"{module}:make"', "lambda o, c: 'own'"))
    plugins = Plugins.load(extra=[str(tmp_path / "mine.py")])
    assert plugins.find("judge", "mine/own").create(None, None) == "own"
    with pytest.raises(PluginError, match="no such file"):
        Plugins.load(extra=[str(tmp_path / "other.py")])


def test_a_factory_that_raises_is_named_with_its_cause(install: Install) -> None:
    install("dist-a", "aaa", GOOD.replace('return "made"', "raise KeyError('weights')"))
    with pytest.raises(PluginError, match=r"judge aaa/fine \(dist-a 1.0\): could not be made: KeyError: 'weights'"):
        Plugins.load().find("judge", "fine").create(None, None)


def test_an_observer_that_raises_is_warned_about_and_does_not_stop_the_next(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = "from harness.api import hookimpl\n@hookimpl\ndef harness_report_sections(leaderboard): "
    install("dist-a", "aaa", hook + "return [('A', 'text')]")
    install("dist-b", "bbb", hook + "raise ValueError('oops')")
    plugins = Plugins.load()
    assert ("aaa", [("A", "text")]) in plugins.notify("harness_report_sections", leaderboard={})
    assert "plugin bbb: harness_report_sections raised ValueError('oops')" in capsys.readouterr().err
