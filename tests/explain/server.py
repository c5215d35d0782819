"""A server of chat completions that plays the simulated judge, and takes given beginnings in its own way. Not a test.

goes-on     writes what follows the beginning
echoes      likewise, and sends the beginning with it: one that answers again may send the same
again       answers again, in the form of the format
again-plain answers again, without the tags of reasoning
refuses     says 400 to a last message of the assistant's
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import PIL.Image

from tests.explain.simulated_plugin import _SAYS, BAR, SQUARE, colour_at


def answer_from(picture: PIL.Image.Image, begun: str) -> str:
    square, bar = colour_at(picture, SQUARE), colour_at(picture, BAR)
    said = _SAYS.search(begun)
    if said is not None:
        square, bar = said[1], said[2] or bar
    alike = square == bar
    if begun.endswith("<answer>"):
        return f"{begun}{'yes' if alike else 'no'}</answer>"
    reasoning = f"The square is {square} and the bar is {bar}: they {'match' if alike else 'differ'}."
    return f"<think>{reasoning}</think><answer>{'yes' if alike else 'no'}</answer>"


def read_picture(messages: list[dict[str, Any]]) -> PIL.Image.Image:
    for message in messages:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                return PIL.Image.open(io.BytesIO(data)).convert("RGB")
    raise AssertionError("no picture")


def complete(nature: str, body: dict[str, Any]) -> str | None:
    messages = body["messages"]
    begun = str(messages[-1]["content"]) if messages[-1]["role"] == "assistant" else ""
    picture = read_picture(messages)
    if not begun:
        return answer_from(picture, "")
    assert body["continue_final_message"] is True
    match nature:
        case "refuses":
            return None
        case "again":
            return answer_from(picture, "")
        case "again-plain":
            return answer_from(picture, "").replace("<think>", "").replace("</think>", " ")
    whole = answer_from(picture, begun)
    assert whole.startswith(begun), (whole, begun)
    return whole if nature == "echoes" else whole[len(begun) :]


@contextmanager
def serve(nature: str) -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and the beginnings that it was given."""
    begun: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if body["messages"][-1]["role"] == "assistant":
                begun.append(body["messages"][-1]["content"])
            text = complete(nature, body)
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
            reply: dict[str, Any] = {"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
            if text is None:
                reply = {"error": {"message": "the last message must be from the user", "code": 400}}
            data = json.dumps(reply).encode()
            self.send_response(400 if text is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # of 5, a burst of connections loses some, and each is made again after a second

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", begun
    finally:
        server.shutdown()
        server.server_close()
