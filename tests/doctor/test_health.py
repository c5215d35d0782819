"""What is wrong with an installation, against real (if small) distributions on `sys.path`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import PluginError
from harness.discovery import Plugins
from harness.doctor.health import Health, HealthFinding, examine

Install = Callable[..., None]
Look = Callable[..., Health]

GOOD = """
from harness.api import JudgeCard, hookimpl

@hookimpl
def harness_judges():
    return [JudgeCard(name="fine", summary="A judge.", factory="{module}:make")]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution with one plugin on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HARNESS_STRICT_PLUGINS", raising=False)
    monkeypatch.delenv("HARNESS_DISABLE_PLUGINS", raising=False)

    def put(distribution: str, plugin: str, code: str = GOOD, *, needs: str = "") -> None:
        # A name of its own for each test: Python never imports one name twice.
        module = f"mod_{distribution}_{tmp_path.name}".replace("-", "_").replace(".", "_")
        (tmp_path / f"{module}.py").write_text(code.replace("{module}", module))
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        required = "".join(f"Requires-Dist: {need}\n" for need in needs.split(",") if need)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n{required}")
        (info / "entry_points.txt").write_text(f"[harness]\n{plugin} = {module}\n")

    return put


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Examines the distributions that the test installed, and none of those around it."""
    around = [row.distribution for row in Plugins.load().rows]

    def _look(*folders: Path) -> Health:
        blocked = [name for name in around if name != "judge-harness"]
        return examine(lambda: Plugins.load(blocked=blocked), folders=folders or (tmp_path,))

    return _look


def test_nothing_is_wrong_with_what_works(install: Install, look: Look) -> None:
    install("dist-a", "aaa", needs="click>=8,numpy")
    health = look()
    assert (health.findings, health.is_broken) == ((), False)
    assert health.plugins["ok"] == 2
    assert health.versions["python"].startswith("3.")
    assert {"judge-harness", "click", "numpy"} <= set(health.versions)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import module_that_is_not_there", "ModuleNotFoundError: No module named 'module_that_is_not_there'"),
        (GOOD.replace("factory", "api_version=99, factory"), "version 99 of the plugin API and this harness speaks"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_broken_with_its_cause(
    install: Install, look: Look, code: str, cause: str
) -> None:
    install("dist-a", "aaa", code)
    [finding] = look().findings
    assert finding.subject == "plugin aaa (dist-a 1.0)"
    assert cause in finding.problem
    assert finding.broken


def test_two_distributions_with_one_plugin_name_are_one_finding_that_names_both(install: Install, look: Look) -> None:
    install("dist-a", "same")
    install("dist-b", "same")
    [finding] = look().findings
    assert finding.subject == "plugin same"
    assert "dist-a 1.0 and dist-b 1.0" in finding.problem
    assert finding.broken


def test_a_bare_name_that_means_two_things_is_worth_knowing_and_not_broken(install: Install, look: Look) -> None:
    install("dist-a", "aaa")
    install("dist-b", "bbb")
    health = look()
    assert health.findings == (
        HealthFinding(
            subject="judge name 'fine'", problem="offered by aaa/fine and bbb/fine; write the full id", broken=False
        ),
    )
    assert not health.is_broken


def test_what_a_distribution_requires_and_is_not_installed_is_broken(install: Install, look: Look) -> None:
    install("dist-a", "aaa", needs='click>=8,not-there-1 >=2,not_there.2,extra-only; extra == "docs"')
    health = look()
    assert health.findings == (
        HealthFinding(
            subject="distribution dist-a",
            problem="requires not-there-1, not_there.2, not installed; pip install not-there-1 not_there.2",
        ),
    )


@pytest.mark.parametrize("place", ["nowhere_at_all:make", "{module}.deeper:make"])
def test_a_card_that_points_to_no_module_is_broken(install: Install, look: Look, place: str) -> None:
    install("dist-a", "aaa", GOOD.replace("{module}:make", place))
    [finding] = look().findings
    assert finding.subject == "judge aaa/fine (dist-a 1.0)"
    assert finding.problem.startswith("points to '")
    assert finding.broken


def test_no_package_is_imported_to_see_whether_it_is_there(install: Install, look: Look, tmp_path: Path) -> None:
    package = tmp_path / f"heavy_{tmp_path.name}".replace("-", "_")
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemError('imported')")
    install("dist-a", "aaa", GOOD.replace("{module}:make", f"{package.name}.part:make"))
    assert look().findings == ()
    assert package.name not in sys.modules


def test_a_folder_that_cannot_be_written_to_is_broken_and_none_is_made(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    health = look(tmp_path / "file" / "runs", tmp_path / "new" / "runs")
    assert list(health.folders) == [str(tmp_path / "new" / "runs")]
    assert health.folders[str(tmp_path / "new" / "runs")] > 0
    [finding] = health.findings
    assert finding.subject == f"folder {tmp_path / 'file' / 'runs'}"
    assert "cannot be written to (Not a directory)" in finding.problem
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_secrets_are_never_printed(install: Install, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-12\\34")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "ann")  # neither this
    monkeypatch.setenv("MONKEY", "ann")  # this is no secret either
    code = "import os\nkey = os.environ['SOME_API_KEY']\n"
    code += "raise ValueError(f'ann has {key} and {key!r} at https://ann:pass@host/index')"
    install("dist-a", "aaa", code)
    [finding] = look().findings
    assert "sk-12" not in finding.problem
    assert "pass" not in finding.problem
    assert finding.problem.startswith(
        "ValueError: ann has ${env:SOME_API_KEY} and '${env:SOME_API_KEY}' at https://...@"
    )


def test_what_is_said_about_a_plugin_cannot_play_tricks_on_a_terminal(install: Install, look: Look) -> None:
    install("dist-a", "aaa", r"raise ValueError('\x1b[31m\nred')")
    [finding] = look().findings
    assert finding.problem == "ValueError: �[31m red"


def test_plugins_that_cannot_be_loaded_at_all_are_a_finding_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    def load() -> Plugins:
        raise PluginError("HARNESS_STRICT_PLUGINS is set")

    health = examine(load, folders=(tmp_path,))
    assert health.findings == (HealthFinding(subject="plugins", problem="HARNESS_STRICT_PLUGINS is set"),)
    assert health.is_broken
    assert health.folders
    assert health.versions["numpy"]


def test_what_is_broken_comes_before_what_is_worth_knowing(install: Install, look: Look) -> None:
    install("dist-a", "aaa")
    install("dist-b", "bbb")
    install("dist-c", "zzz", "raise ValueError")
    assert [finding.broken for finding in look().findings] == [True, False]


def test_a_plugin_that_is_slow_to_load_is_noted_and_what_each_takes_is_shown(install: Install, look: Look) -> None:
    install(
        "dist-a", "aaa", "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end: pass\n" + GOOD
    )
    install("dist-b", "bbb", "import time\ntime.sleep(1.1)\n" + GOOD.replace('"fine"', '"other"'))
    health = look()
    assert [(finding.subject, finding.broken) for finding in health.findings] == [
        ("plugin aaa (dist-a 1.0)", False),
        ("plugin bbb (dist-b 1.0)", False),
    ]
    assert "each time; leave it out with --no-plugin" in health.findings[0].problem
    assert next(iter(health.loading)) == "aaa"
    assert set(health.loading) == {"aaa", "bbb", "harness"}
    assert health.loading["aaa"] > 140
    assert set(health.to_json()["loading"]) == {"aaa", "bbb", "harness"}
