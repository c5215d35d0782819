"""A server that speaks as much of MLflow's REST interface as a run and a training use, with its limits.

    python mlflow_server.py [STATUS]

It prints its port first. With STATUS it answers everything with that code. `GET /kept` gives what it was sent.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

_NAME = re.compile(r"[A-Za-z0-9_./: -]{1,250}")


class Handler(BaseHTTPRequestHandler):
    """Answers from memory."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet, or each answer waits for the other side
    status = 0
    experiments: ClassVar[list[str]] = []
    runs: ClassVar[dict[str, dict[str, Any]]] = {}
    files: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        if self.path == "/kept":
            self._send(200, {"experiments": self.experiments, "runs": self.runs, "files": self.files})
        else:
            self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        if self.status:
            self._send(self.status, {"error_code": "INTERNAL_ERROR", "message": "as it was told to"})
        elif "/mlflow-artifacts/artifacts/" in path:
            self.files[path.partition("/mlflow-artifacts/artifacts/")[2]] = body.decode()
            self._send(200, {})
        else:
            asked = json.loads(body) if body else dict(part.split("=", 1) for part in query.split("&") if part)
            name = path.partition("/mlflow/")[2].replace("/", "_").replace("-", "_")
            code, answer = getattr(self, f"_{name}", self._unknown)(asked)
            self._send(code, answer)

    def _unknown(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": self.path}

    def _experiments_get_by_name(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = asked["experiment_name"]
        if name not in self.experiments:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no experiment {name}"}
        number = str(self.experiments.index(name))
        return 200, {"experiment": {"experiment_id": number, "name": name, "lifecycle_stage": "active"}}

    def _experiments_create(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.experiments.append(asked["name"])
        return 200, {"experiment_id": str(len(self.experiments) - 1)}

    def _runs_search(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = re.fullmatch(r"tags\.`(.+)` = '(.*)'", asked["filter"])
        assert found is not None
        runs = [run for run in self.runs.values() if {"key": found[1], "value": found[2]} in run["data"]["tags"]]
        return 200, {"runs": [{**run, "data": {**run["data"], "metrics": []}} for run in runs]}

    def _runs_create(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        number = f"run{len(self.runs)}"
        info = {
            "run_id": number,
            "run_uuid": number,
            "run_name": asked["run_name"],
            "experiment_id": asked["experiment_id"],
            "status": "RUNNING",
            "lifecycle_stage": "active",
            "artifact_uri": f"mlflow-artifacts:/{number}/artifacts",
        }
        data: dict[str, Any] = {"tags": asked.get("tags", []), "params": [], "metrics": []}
        self.runs[number] = {"info": info, "data": data, "sent": asked}
        return 200, {"run": {"info": info, "data": data}}

    def _runs_get(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run = self.runs[asked["run_id"]]
        return 200, {"run": {"info": run["info"], "data": {**run["data"], "metrics": []}}}

    def _runs_update(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        info = self.runs[asked["run_id"]]["info"]
        info["status"] = asked.get("status", info["status"])
        return 200, {"run_info": info}

    def _runs_log_batch(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        data = self.runs[asked["run_id"]]["data"]
        for kind, most in (("metrics", 1000), ("params", 100), ("tags", 100)):
            new = asked.get(kind, [])
            bad = [item["key"] for item in new if not _NAME.fullmatch(item["key"]) or ".." in item["key"].split("/")]
            if len(new) > most or bad:
                return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"{len(new)} {kind}: {bad}"}
            data[kind] += new
        return 200, {}

    def _send(self, code: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    Handler.status = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
