"""What the user allows on the command line, and options that are refused without."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel

from harness.allowed import AllowedCode, check_allowed, is_file_name, option_for
from harness.api import RunsCode, UserError

PIN = "0f" * 32


class Inner(BaseModel):
    weights: str = ""
    trust: Annotated[bool, RunsCode("weights")] = False


class Outer(BaseModel):
    trust: Annotated[bool, RunsCode("model")] = False
    parts: list[Inner] = []
    named: dict[str, Inner] = {}


def test_a_name_is_allowed_to_the_letter() -> None:
    allowed = AllowedCode(
        ("evaluate:user/space", f"evaluate:accuracy@sha256:{PIN}", "accuracy", "evaluate:f1@sha256:0")
    )
    assert allowed.hash_of("evaluate", "user/space") == ""
    assert allowed.hash_of("evaluate", "accuracy") == PIN
    for kind, what in [("evaluate", "User/space"), ("model", "accuracy"), ("evaluate", "user"), ("evaluate", "f1")]:
        assert allowed.hash_of(kind, what) is None, (kind, what)
    assert AllowedCode().hash_of("evaluate", "") is None


def test_a_file_is_allowed_by_any_of_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path / "a")
    what = str(tmp_path / "a/m.py")
    for given in ("m.py", "./m.py", "../a/m.py", what, str(tmp_path / "link/m.py")):
        assert AllowedCode((f"evaluate:{given}",)).hash_of("evaluate", what) == "", given
    for given in ("../m.py", "/m.py", "", "M.py", "hub:m.py"):
        assert AllowedCode((f"evaluate:{given}",)).hash_of("evaluate", what) is None, given
    # As it is given to a worker, which has another working directory.
    several = ("evaluate:../a/m.py", f"evaluate:m.py@sha256:{PIN}", "evaluate:user/space", "model:x", "model:hub:o/n")
    there = AllowedCode(AllowedCode(several).absolute())
    monkeypatch.chdir("/")
    assert there.given[2:] == ("evaluate:user/space", f"model:{tmp_path / 'a/x'}", "model:hub:o/n")
    assert there.hash_of("evaluate", what) == PIN
    monkeypatch.chdir(tmp_path / "a")
    pinned = AllowedCode((f"evaluate:m.py@sha256:{PIN}", "evaluate:m.py"))
    assert pinned.hash_of("evaluate", what) == PIN, "the pin counts"


@pytest.mark.parametrize("text", ["./m", "../m", "/m", "~/m", r"C:\m", r"\\host\m", "m.py", "a/m.py"])
def test_a_file_is_told_from_a_name(text: str) -> None:
    assert is_file_name(text)


@pytest.mark.parametrize("text", ["accuracy", "user/space", "", "evaluate-metric/f1", "hub:user/space"])
def test_a_name_is_no_file(text: str) -> None:
    assert not is_file_name(text)


def test_the_option_survives_a_shell() -> None:
    assert option_for("model", "/a b/$(c)") == "--allow-code 'model:/a b/$(c)'"


def test_options_that_run_code_need_the_user(tmp_path: Path) -> None:
    check_allowed(Outer(), AllowedCode(), who="judge a/b")
    check_allowed(None, AllowedCode(), who="judge a/b")
    with pytest.raises(
        UserError, match=r"judge a/b: trust: this runs .* that comes with /m, .* --allow-code model:/m "
    ):
        check_allowed(Outer(trust=True), AllowedCode(), who="judge a/b", model="/m")
    check_allowed(Outer(trust=True), AllowedCode(("model:/m",)), who="judge a/b", model="/m")
    with pytest.raises(UserError, match="comes with the model, which no file can allow"):
        check_allowed(Outer(trust=True), AllowedCode(("model:",)), who="judge a/b")


@pytest.mark.parametrize("options", [Outer(parts=[Inner(trust=True)]), Outer(named={"x": Inner(trust=True)})])
def test_options_within_options_are_found(options: Outer) -> None:
    with pytest.raises(UserError, match="trust: this runs"):
        check_allowed(options, AllowedCode(), who="judge a/b")


def test_a_model_of_the_hub_is_pinned_by_its_commit() -> None:
    commit = "hub:org/name@" + "a" * 40
    for loose in ("hub:org/name", "hub:org/name@main", "hub:org/name@" + "a" * 7):
        with pytest.raises(UserError, match="write the commit"):
            check_allowed(Inner(weights=loose, trust=True), AllowedCode((f"model:{loose}",)), who="judge a/b")
    with pytest.raises(UserError, match=f"--allow-code model:{commit} "):
        check_allowed(Inner(weights=commit, trust=True), AllowedCode(), who="judge a/b")
    check_allowed(Inner(weights=commit, trust=True), AllowedCode((f"model:{commit}",)), who="judge a/b")
