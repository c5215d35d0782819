"""A server that speaks as much of the Hugging Face hub's HTTP as `datasets` needs to stream one dataset from a folder.

    python fake_hub.py FOLDER

It serves the folder as the dataset `org/name` at one commit, prints its port first, and then each request on stderr.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

COMMIT = "a" * 40
_INFO = re.compile(r"/api/datasets/org/name(/revision/[^/]+)?")
_TREE = re.compile(r"/api/datasets/org/name/tree/[^/]+(/.*)?")
_FILE = re.compile(r"/datasets/org/name/resolve/[^/]+/(.+)")


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet, or each answer waits for the other side
    root: Path

    def do_GET(self) -> None:
        print(self.command, self.path, file=sys.stderr, flush=True)
        path = unquote(urlparse(self.path).path)
        if _INFO.fullmatch(path):
            names = [str(file.relative_to(self.root)) for file in self.root.rglob("*") if file.is_file()]
            self._json({"id": "org/name", "sha": COMMIT, "siblings": [{"rfilename": name} for name in sorted(names)]})
        elif (found := _TREE.fullmatch(path)) and (folder := self.root / (found[1] or "/").lstrip("/")).is_dir():
            self._json([self._entry(entry) for entry in sorted(folder.iterdir())])
        elif (found := _FILE.fullmatch(path)) and (file := self.root / found[1]).is_file():
            self._part(file.read_bytes())
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound" if _FILE.fullmatch(path) else "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _entry(self, entry: Path) -> dict[str, Any]:
        name = str(entry.relative_to(self.root))
        if entry.is_dir():
            return {"type": "directory", "path": name, "oid": "b" * 40}
        return {"type": "file", "path": name, "oid": "b" * 40, "size": entry.stat().st_size}

    def _part(self, data: bytes) -> None:
        headers = {"ETag": '"x"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self._send(200, data, headers)
            return
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        self._send(206, data[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Said above already."""


if __name__ == "__main__":
    Handler.root = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
