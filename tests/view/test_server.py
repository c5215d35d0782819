"""`harness view`: whom it answers, with what, and what it leaves alone."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.view.server import Viewer

PLUGIN = Path(__file__).with_name("drawn_plugin.py")


@pytest.fixture(scope="module")
def viewer(run: Path) -> Viewer:
    return Viewer(run, Plugins.load(extra=[str(PLUGIN)]))


def text_of(viewer: Viewer, path: str, **query: str) -> str:
    found = viewer.answer(path, query)
    assert found.status == 200, path
    return found.body.decode()


def test_every_page_leads_to_pages_that_are_there(viewer: Viewer) -> None:
    import html
    import re
    from urllib.parse import parse_qsl

    seen: set[str] = set()
    left = ["/"]
    while left and len(seen) < 120:
        address = left.pop()
        kind = address.split("/")[1]
        # One of a kind of list will do, and all others.
        if address in seen or (kind in ("items", "item") and sum(f"/{kind}/" in own for own in seen) > 20):
            continue
        seen.add(address)
        path, _, query = address.partition("?")
        body = text_of(viewer, path, **dict(parse_qsl(query)))
        left += [
            html.unescape(found)
            for found in re.findall(r'href="(/[^"#]*)"', body)
            if not found.startswith(("/static/", "/picture/"))
        ]
    assert {address.split("/")[1].partition("?")[0] for address in seen} >= {
        "task",
        "judge",
        "pair",
        "items",
        "item",
        "about",
    }


def test_lists_are_cut_by_the_last_item_and_go_on_from_there(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    import html
    import re
    from urllib.parse import parse_qsl

    monkeypatch.setattr("harness.view.listing.ROWS", 10)
    found, query = [], {"judge": "dull", "outcome": "differs"}
    for _ in range(9):
        body = text_of(viewer, "/items/drawn", **query)
        found += re.findall(r'<th scope="row"><a[^>]*>([^<]*)</a>', body)
        more = re.search(r'rel="next" href="[^"?]*\?([^"]*)"', body)
        if more is None:
            break
        query = dict(parse_qsl(html.unescape(more[1])))
    assert found
    assert len(found) == len(set(found))
    monkeypatch.setattr("harness.view.listing.ROWS", 100)
    assert (
        re.findall(
            r'<th scope="row"><a[^>]*>([^<]*)</a>', text_of(viewer, "/items/drawn", judge="dull", outcome="differs")
        )
        == found
    )


def test_a_rare_thing_is_looked_for_so_far_and_no_further(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.view.listing._MOST_ANSWERS", 5)
    monkeypatch.setattr("harness.view.listing.ROWS", 4)
    body = text_of(viewer, "/items/drawn", judge="keen", reason="refused")
    assert "No item is like this among the first 5 that were looked at" in body
    assert "Look at more" in body


def test_pictures_are_given_by_item_and_key_and_in_no_other_way(viewer: Viewer) -> None:
    import re

    address = re.search(r'src="(/picture/[^"]*)"', text_of(viewer, "/item/drawn/item%20003%2Fx%3Fy%23z"))
    assert address is not None
    found = viewer.answer(address[1], {})
    assert (found.status, found.kind) == (200, "image/png")
    assert found.body.startswith(b"\x89PNG")
    head, _, key = address[1].rpartition("/")
    for wrong in (f"{head}/{key[::-1]}", head.replace("003", "004") + f"/{key}", "/picture/x/y/z", "/picture"):
        assert viewer.answer(wrong, {}).status == 404, wrong


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/x.css",
        "/journal.sqlite",
        "/task/nobody",
        "/pair/keen/keen",
        "/item/drawn/nobody",
        "/section/9",
        "/item/drawn",
        "/%00",
        "/training",
    ],
)
def test_other_paths_lead_nowhere(viewer: Viewer, path: str) -> None:
    assert viewer.answer(path, {}).status == 404


@pytest.fixture(scope="module")
def port(run: Path) -> Iterator[int]:
    """The real command in a process of its own."""
    command = [sys.executable, "-m", "harness", "-p", str(PLUGIN), "view", str(run), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        yield int(line.partition("127.0.0.1:")[2].partition("/")[0])
        process.terminate()


def ask(
    port: int, method: str = "GET", path: str = "/", host: str = "127.0.0.1"
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and content of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_only_this_machine_is_answered_and_only_what_is_asked(port: int, run: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.iterdir()}
    status, headers, body = ask(port)
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert b"keen" in body
    # A page of somebody else's, under a name that its owner lets lead to this machine.
    for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", "169.254.169.254"):
        assert ask(port, host=host)[0] == 400, host
    assert ask(port, host=f"localhost:{port}")[0] == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert ask(port, method)[0] == 405, method
    assert ask(port, path="/static/..%2f..%2fserver.py")[0] == 404
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.iterdir()} == before


def test_a_run_that_goes_on_is_shown_without_numbers(run: Path, tmp_path: Path) -> None:
    going = tmp_path / run.name
    going.mkdir()
    for name in ("journal.sqlite", "manifest.yaml"):
        shutil.copy(run / name, going / name)
    viewer = Viewer(going, Plugins.load())
    body = text_of(viewer, "/")
    assert "Under way" in body
    assert "data-live=" in body
    assert "48 answers" in body
    assert "item 003/x?y#z" in text_of(viewer, "/items/drawn")
    text_of(viewer, "/task/drawn")
    text_of(viewer, "/judge/dull")
    # And when it has ended, the next look has its numbers.
    for name in ("leaderboard.json", "scores.json", "run.json"):
        shutil.copy(run / name, going / name)
    viewer._took = 0.0
    assert "Under way" not in text_of(viewer, "/")
