"""A server that speaks as much of the Hugging Face hub's HTTP as a push needs, with repositories in memory.

    python hub_server.py TOKEN [STATUS PATH_PART]

It prints its port first. With STATUS, requests whose path holds PATH_PART get that answer; `0` is silence, and `drop`
breaks the connection once. `GET /kept` gives what it has. Files of a megabyte or more go the way of large files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

LARGE = 2**20


class Handler(BaseHTTPRequestHandler):
    """Answers from memory."""

    protocol_version = "HTTP/1.1"
    token, status, part = "", "", ""
    repositories: ClassVar[dict[str, dict[str, Any]]] = {}
    large: ClassVar[dict[str, int]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if self.path == "/kept":
            self._json(200, {"repositories": self.repositories, "asked": self.asked, "large": self.large})
        else:
            self._route(b"")

    def do_POST(self) -> None:
        self._route(self._read_body())

    def do_PUT(self) -> None:
        self._route(self._read_body())

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _route(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(f"{self.command} {path}")
        if self.status and self.part in path:
            if self.status == "0":
                time.sleep(30)
            elif self.status == "drop":
                type(self).status = ""
                self.close_connection = True
                self.connection.close()
                return
            self._json(int(self.status), {"error": f"as it was told to, {self.headers.get('Authorization', '')}"})
        elif path.startswith("/large/"):
            self.large[path.removeprefix("/large/")] = len(body)
            self._json(200, {})
        elif self.headers.get("Authorization") != f"Bearer {self.token}":
            self._json(401, {"error": "Invalid username or password."})
        elif path == "/api/validate-yaml":
            self._json(200, {"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        else:
            self._with_repository(path, body)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['type']}s/{asked['organization']}/{asked['name']}"
        if name in self.repositories:
            self._json(409, {"error": "You already created this repo", "url": f"/{name}"})
            return
        private = asked.get("visibility") == "private" or asked.get("private") is True
        self.repositories[name] = {"private": private, "commits": ["0" * 40], "files": {}, "asked": asked}
        self._json(200, {"url": f"http://{self.headers['Host']}/{name}", "name": name, "id": name})

    def _with_repository(self, path: str, body: bytes) -> None:
        plain = path.removeprefix("/api").lstrip("/").replace(".git/info/lfs/objects/batch", "/batch")
        name, action = "/".join(plain.split("/")[:3]), (*plain.split("/")[3:], "")[0]
        repository = self.repositories.get(name)
        if repository is None:
            self._json(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        elif action == "preupload":
            self._json(200, {"files": [self._place(repository, file) for file in json.loads(body)["files"]]})
        elif action == "batch":
            self._json(
                200, {"transfer": "basic", "objects": [self._take(file) for file in json.loads(body)["objects"]]}
            )
        elif action == "commit":
            self._commit(name, repository, [json.loads(line) for line in body.splitlines() if line])
        else:
            head = repository["commits"][-1]
            self._json(200, {"id": name.partition("/")[2], "sha": head, "private": repository["private"], "tags": []})

    def _place(self, repository: dict[str, Any], file: dict[str, Any]) -> dict[str, Any]:
        mode = "lfs" if file["size"] >= LARGE else "regular"
        known = repository["files"].get(file["path"], {}).get("oid")
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": known}

    def _take(self, file: dict[str, Any]) -> dict[str, Any]:
        place = {"upload": {"href": f"http://{self.headers['Host']}/large/{file['oid']}"}}
        return {"oid": file["oid"], "size": file["size"], **({} if file["oid"] in self.large else {"actions": place})}

    def _commit(self, name: str, repository: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        head = lines[0]["value"]
        if head.get("parentCommit") != repository["commits"][-1]:
            self._json(412, {"error": "A commit has happened since. Please refresh and try again."})
            return
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "lfsFile":
                assert value["oid"] in self.large
                repository["files"][value["path"]] = {"oid": value["oid"], "large": True}
                continue
            content = base64.b64decode(value["content"])
            # As git names a file.
            oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            repository["files"][value["path"]] = {"oid": oid, "text": content.decode("utf-8", "replace")}
        repository["commits"].append(hashlib.sha1(str(len(repository["commits"])).encode()).hexdigest())
        oid = repository["commits"][-1]
        self._json(
            200, {"success": True, "commitOid": oid, "commitUrl": f"http://{self.headers['Host']}/{name}/commit/{oid}"}
        )

    def _json(self, code: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        for header, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(header, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    Handler.token = sys.argv[1]
    Handler.status, Handler.part = ([*sys.argv[2:4], "", ""])[:2]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
