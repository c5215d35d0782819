"""A server that speaks as much of the Hugging Face hub's HTTP as a download needs, for one data set from a folder.

    python hub_server.py FOLDER SETTINGS

SETTINGS is JSON, and all of it may be left out: `gated`, `token` (who else asks for a file is refused), `cut` (bytes of
the first answer with a file, after which the connection breaks), `slow_s` (seconds before each further piece), `swap`
(names of files of which another byte is sent than is listed), `longer` (zeros sent after a file), `whole` (no ranges),
`redirect` (the address of another server, which files are sent from), `more` (entries of the listing that are no
files), `many` (a number of such entries, each of 49 GB), `status` (the answer to everything). The port is printed
first, and then each request on stderr.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

COMMIT = "c" * 40
PIECE = 2**20
NAME = "allenai/reward-bench"
_INFO = re.compile(rf"/api/datasets/{NAME}(/revision/([^/]+))?")
_TREE = re.compile(rf"/api/datasets/{NAME}/tree/[^/]+/?")
_FILE = re.compile(rf"/datasets/{NAME}/resolve/[^/]+/(.+)")


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    protocol_version = "HTTP/1.1"
    root: Path
    settings: dict[str, Any]

    def do_GET(self) -> None:
        path = unquote(urlparse(self.path).path)
        token = "with a token" if self.headers.get("Authorization") else ""
        print(self.command, path, self.headers.get("Range", ""), token, file=sys.stderr, flush=True)
        if status := self.settings.get("status"):
            self._send(status, b"{}", {})
        elif found := _INFO.fullmatch(path):
            self._info(found[2])
        elif _TREE.fullmatch(path):
            self._json([*map(self._entry, self._files()), *self.settings.get("more", []), *self._many()])
        elif (found := _FILE.fullmatch(path)) and (file := self.root / found[1]).is_file():
            self._file(file, found[1])
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound" if _FILE.fullmatch(path) else "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _files(self) -> list[Path]:
        return sorted(file for file in self.root.rglob("*") if file.is_file())

    def _many(self) -> list[dict[str, Any]]:
        size = 49 * 10**9
        lfs = {"oid": "b" * 64, "size": size, "pointerSize": 130}
        return [
            {"type": "file", "path": f"data/filtered-{k}.parquet", "oid": "b" * 40, "size": size, "lfs": lfs}
            for k in range(self.settings.get("many", 0))
        ]

    def _info(self, revision: str | None) -> None:
        if revision not in (None, "main", COMMIT):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return
        self._json({"id": NAME, "sha": COMMIT, "gated": self.settings.get("gated", False), "siblings": []})

    def _entry(self, file: Path) -> dict[str, Any]:
        data, name = file.read_bytes(), str(file.relative_to(self.root))
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry: dict[str, Any] = {"type": "file", "path": name, "oid": blob, "size": len(data)}
        if name.endswith(".parquet"):  # as the hub keeps large files
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return entry

    def _file(self, file: Path, name: str) -> None:
        if self.settings.get("token") and self.headers.get("Authorization") != f"Bearer {self.settings['token']}":
            body = b'{"error": "Access is restricted"}'
            self._send(403, body, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
            return
        if place := self.settings.get("redirect"):
            self._send(302, b"", {"Location": f"{place}{self.path}"})
            return
        data = file.read_bytes()
        etag = hashlib.sha256(data).hexdigest()
        if name in self.settings.get("swap", []):
            data = data[:-1] + bytes([data[-1] ^ 1])
        data += bytes(self.settings.get("longer", 0))
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or self.settings.get("whole"):
            self._send(200, data, headers, piecewise=True)
            return
        first = int(wanted[1])
        headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self._send(206, data[first:], headers, piecewise=True)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, code: int, body: bytes, headers: dict[str, str], *, piecewise: bool = False) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if piecewise and len(body) > PIECE and (cut := self.settings.pop("cut", 0)):
            self.wfile.write(body[:cut])
            self.close_connection = True
            return
        for start in range(0, len(body), PIECE):
            if piecewise and start and (pause := self.settings.get("slow_s")):
                time.sleep(pause)
            self.wfile.write(body[start : start + PIECE])

    def log_message(self, format: str, *args: object) -> None:
        """Said above already."""


if __name__ == "__main__":
    Handler.root = Path(sys.argv[1])
    Handler.settings = json.loads(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
