"""Discovery, against real (if small) distributions on `sys.path`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import PlannedTraining, PluginError, Report
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

HOOK = "from harness.api import hookimpl\n@hookimpl\ndef "

GOOD_TASK = """
from harness.api import TaskCard, hookimpl

@hookimpl
def harness_tasks():
    return [TaskCard(name="x", api_version=1, summary="A task.", factory="{module}:make", splits=SPLITS)]
"""

RENDERER = """
from harness.api import RendererCard, hookimpl

@hookimpl
def harness_renderers():
    return [RendererCard(name="r", summary="s", factory=print, file="FILE", api_version=1)]
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
        ("raise SystemExit('set X_API_KEY first')", "^SystemExit: set X_API_KEY first$"),
        ("import sys\nsys.exit()", "^SystemExit$"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise ValueError('one\\n  two')", "^ValueError: one two$"),
        ("", "^it implements no hook; mark a function.*with @hookimpl"),
        (GOOD.replace("@hookimpl\n", ""), "^harness_judges is not marked as a hook; write @hookimpl"),
        ("def harness_task(): return []", "^there is no hook harness_task; did you mean harness_tasks, marked"),
        (HOOK + "harness_jugdes(): return []", "^there is no hook harness_jugdes; did you mean harness_judges\\?$"),
        (HOOK + "harness_x(): return []", "^there is no hook harness_x; there are harness_tasks, "),
        (HOOK + "harness_tasks(count): return []", "^harness_tasks takes an argument 'count'.*given none$"),
        (
            HOOK + "harness_run_started(folder, manifst): pass",
            "^harness_run_started takes an argument 'manifst'.*given folder, manifest$",
        ),
        (GOOD.replace("summary", "sumary"), "unexpected keyword argument 'sumary'; did you mean 'summary'"),
        (GOOD.replace("factory", "telepathy=1, factory"), "'telepathy'; leave it out, or it is written for a newer"),
        ("from harness.api import Hologram", "cannot import name 'Hologram'.*or it is written for a newer version"),
        ("import harness.api.holograms", "No module named 'harness.api.holograms'; check the spelling, or it is"),
        (HOOK + "harness_judges(): return [1]", "is not a judge card"),
        (HOOK + "harness_judges(): return None", "^harness_judges returned None; return a list of judge cards$"),
        (
            GOOD.replace("return [J", "return (J").replace(")]", "))"),
            "^harness_judges returned JudgeCard.*return a list",
        ),
        (GOOD_TASK.replace("SPLITS", "('test')"), r"task 'x': splits must be a tuple of names, .*, got 'test'"),
        (GOOD_TASK.replace("SPLITS", "None"), r"task 'x': splits must be a tuple of names, .*, got None"),
        (GOOD.replace('summary="A judge."', "summary=None"), "judge 'fine': summary must be a line of text, got None"),
        (HOOK + "harness_judges(): return 1 / 0", "ZeroDivisionError"),
        (HOOK + "harness_judges(): raise SystemExit(3)", "SystemExit: 3"),
        (GOOD.replace('name="{judge}"', 'name="Not OK"'), "names are lower-case"),
        (GOOD.replace("factory", "api_version=99, factory"), "version 99 of the plugin API.*upgrade judge-harness"),
        (GOOD.replace("factory", "api_version=0, factory"), "version 0 of the plugin API.*upgrade the plugin"),
        (GOOD.replace("factory", "api_version='1', factory"), "api_version must be a whole number, got '1'"),
        (GOOD.replace("factory", "api_version=True, factory"), "api_version must be a whole number, got True"),
        (RENDERER.replace("FILE", "../x.txt"), "renderer 'r': file must be the bare name of a file.*'../x.txt'"),
        (RENDERER.replace("FILE", "/x.txt"), "bare name of a file in the run folder.*'/x.txt'"),
        (RENDERER.replace("FILE", "a\\\\b.txt"), "bare name of a file in the run folder"),
        (RENDERER.replace("FILE", ".hidden"), "bare name of a file in the run folder"),
        (RENDERER.replace("FILE", "journal.sqlite"), "'journal.sqlite' is a file of the run itself; choose another"),
        (RENDERER.replace("FILE", "Journal.sqlite-wal"), "is a file of the run itself"),
        (RENDERER.replace("FILE", "scores.json"), "is a file of the run itself"),
    ],
)
def test_every_way_to_be_broken_is_a_row_with_its_cause(install: Install, code: str, cause: str) -> None:
    import re

    install("dist-a", "aaa", code)
    status, problem = row(Plugins.load(), "aaa")
    assert status == "broken"
    assert re.search(cause, problem), problem
    assert not [offer for kind in ("judge", "task") for offer in Plugins.load().offers(kind) if offer.id[:3] == "aaa"]


@pytest.mark.parametrize(
    ("oldest", "newest", "written", "problem"),
    [
        (1, 2, "1", ""),
        (1, 2, "2", ""),
        (1, 2, "None", ""),
        (1, 2, "3", "version 3 of the plugin API and this harness speaks versions 1 to 2; upgrade judge-harness"),
        (2, 3, "1", "version 1 of the plugin API and this harness speaks versions 2 to 3; upgrade the plugin"),
        (2, 3, "None", "version 1 (it states none) of the plugin API and this harness speaks versions 2 to 3; upgrade"),
        (2, 2, "1", "version 1 of the plugin API and this harness speaks version 2; upgrade the plugin"),
    ],
)
def test_a_card_works_in_a_range_of_versions_and_one_that_states_none_is_of_version_1(
    install: Install, monkeypatch: pytest.MonkeyPatch, oldest: int, newest: int, written: str, problem: str
) -> None:
    from harness import registration

    monkeypatch.setattr(registration, "OLDEST_API_VERSION", oldest)
    monkeypatch.setattr(registration, "API_VERSION", newest)
    install("dist-a", "aaa", GOOD.replace("factory", f"api_version={written}, factory"))
    status, said = row(Plugins.load(blocked=["judge-harness"]), "aaa")
    assert (status, problem in said) == ("broken" if problem else "ok", True)


def test_every_card_that_the_project_ships_states_its_version() -> None:
    silent = [card for row in Plugins.load().rows for card in row.cards if card.api_version is None]
    assert silent == []


def test_an_exit_in_a_factory_is_named_and_ends_nothing(install: Install) -> None:
    install("dist-a", "aaa", GOOD.replace('return "made"', "raise SystemExit('set X_API_KEY first')"))
    with pytest.raises(PluginError, match=r"judge aaa/fine \(dist-a 1.0\): could not be made: SystemExit: set X_API"):
        Plugins.load().find("judge", "fine").create(None, None)


def test_an_exit_in_the_module_of_a_factory_is_named_and_ends_nothing(install: Install, tmp_path: Path) -> None:
    (tmp_path / f"exits_{tmp_path.name.replace('-', '_')}.py").write_text("raise SystemExit('no')")
    install("dist-a", "aaa", GOOD.replace("{module}:make", f"exits_{tmp_path.name.replace('-', '_')}:make"))
    with pytest.raises(PluginError, match=r"cannot load 'exits_.*SystemExit: no"):
        Plugins.load().find("judge", "fine").create(None, None)


def test_an_interrupt_while_plugins_load_is_the_users_and_not_the_plugins(install: Install) -> None:
    install("dist-a", "aaa", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Plugins.load()


def test_the_name_of_the_core_is_its_own(install: Install, tmp_path: Path) -> None:
    install("dist-evil", "harness", judge="thief")
    plugins = Plugins.load()
    assert [(r.distribution, r.status) for r in plugins.rows if r.name == "harness"] == [
        ("dist-evil", "conflict"),
        ("judge-harness", "ok"),
    ]
    assert plugins.find("format", "harness/tagged").id == "harness/tagged"
    said = "the name 'harness' belongs to the core; rename the entry point of dist-evil"
    assert plugins.warnings() == [f"plugin harness (dist-evil 1.0) is in conflict: {said}"]
    with pytest.raises(PluginError, match=r"there is no format 'harness/tagd'\. Did you mean 'harness/tagged'"):
        plugins.find("format", "harness/tagd")
    (tmp_path / "harness.py").write_text(GOOD)
    with pytest.raises(PluginError, match="the name 'harness' belongs to the core; rename the file"):
        Plugins.load(extra=[str(tmp_path / "harness.py")])


def test_a_given_file_wins_over_an_installed_plugin_of_its_name_with_a_warning(
    install: Install, tmp_path: Path
) -> None:
    install("dist-a", "same", judge="old")
    file = tmp_path / "same.py"
    file.write_text(GOOD.replace("{judge}", "new"))
    plugins = Plugins.load(extra=[str(file)])
    assert plugins.find("judge", "same/new").distribution == str(file)
    said = f"is replaced: --plugin {file} has the same name and is used in its place"
    assert plugins.warnings() == [f"plugin same (dist-a 1.0) {said}"]
    with pytest.raises(PluginError, match="judge 'same/old': plugin 'same' is replaced: --plugin"):
        plugins.find("judge", "same/old")


def test_two_given_files_of_one_name_are_in_conflict_and_the_same_file_twice_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / folder / "twin.py" for folder in "ab"]
    for file in files:
        file.parent.mkdir()
        file.write_text(GOOD.replace("{judge}", "own"))
    with pytest.raises(PluginError, match="is in conflict: two files or modules given with --plugin have this name"):
        Plugins.load(extra=[str(file) for file in files]).find("judge", "twin/own")
    assert Plugins.load(extra=[str(files[0])] * 2).find("judge", "twin/own").id == "twin/own"
    monkeypatch.chdir(tmp_path)
    plugins = Plugins.load(extra=["a/twin.py", "./a/twin.py", "b/../a/twin.py", str(files[0])])
    assert plugins.find("judge", "twin/own").id == "twin/own"


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


@pytest.mark.parametrize("factory", ["make", "json:make", "no.such.module:make"])
def test_a_name_that_leads_nowhere_in_a_file_is_no_matter_of_installation(tmp_path: Path, factory: str) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("{judge}", "own").replace("{module}:make", factory))
    with pytest.raises(PluginError, match=f"cannot load '{factory}': .*; on the card, give the object itself, or 'MOD"):
        Plugins.load(extra=[str(tmp_path / "mine.py")]).find("judge", "mine/own").create(None, None)


def test_options_are_a_model_or_are_refused_by_the_name_of_their_object(tmp_path: Path) -> None:
    own = GOOD.replace("{judge}", "own").replace("factory=", 'options={"steps": 1}, factory=')
    (tmp_path / "mine.py").write_text(own)
    with pytest.raises(PluginError, match="mine/own: its options are no pydantic model; tell the plugin's authors"):
        Plugins.load(extra=[str(tmp_path / "mine.py")]).find("judge", "mine/own").options_model()


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


def test_an_observer_that_exits_is_warned_about_too(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("dist-a", "aaa", HOOK + "harness_report_sections(leaderboard): raise SystemExit('bye')")
    Plugins.load().notify("harness_report_sections", leaderboard={})
    assert "plugin aaa: harness_report_sections raised SystemExit('bye')" in capsys.readouterr().err


RECORDED = "from harness.api import hookimpl\n@hookimpl\ndef harness_run_recorded(): "


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return {'rows': []}", "returned dict, which is no Report of harness.api: it lacks leaderboard, files, show"),
        ("return 0", "returned int, which is no Report"),
        ("raise SystemExit(4)", "raised SystemExit: 4"),
        ("yield", "returned generator, which is no Report"),
    ],
)
def test_a_wrong_answer_to_a_question_names_the_plugin(install: Install, body: str, said: str) -> None:
    install("dist-a", "aaa", RECORDED + body)
    with pytest.raises(PluginError, match=f"plugin aaa: harness_run_recorded {said}"):
        Plugins.load().ask("harness_run_recorded", Report)


def test_a_plan_of_training_has_all_that_a_plan_has(install: Install) -> None:
    code = (
        "from types import SimpleNamespace as S\n" + HOOK + "harness_training_planned(): return S(name='x', model='y')"
    )
    install("dist-a", "aaa", code)
    with pytest.raises(PluginError, match=r"is no PlannedTraining of harness.api: it lacks folder, is_trained, train$"):
        Plugins.load().ask("harness_training_planned", PlannedTraining)


def test_plugins_answer_by_name_and_by_the_marks_of_pluggy(install: Install) -> None:
    code = (
        "from types import SimpleNamespace as S\nfrom harness.api import hookimpl\n"
        "@hookimpl(MARK)\ndef harness_run_recorded(): return S(leaderboard='WHO', files=(), show=print)"
    )

    def answer() -> object:
        return Plugins.load().ask("harness_run_recorded", Report).leaderboard

    install("dist-a", "aaa", code.replace("MARK", "trylast=True").replace("WHO", "last"))
    assert answer() == "last"
    install("dist-c", "ccc", code.replace("MARK", "").replace("WHO", "second"))
    install("dist-b", "bbb", code.replace("MARK", "").replace("WHO", "usual"))
    assert answer() == "usual"
    install("dist-z", "zzz", code.replace("MARK", "tryfirst=True").replace("WHO", "first"))
    assert answer() == "first"
