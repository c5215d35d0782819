"""Record what the official SDKs send for a question, and what they read from a reply. Run by hand; not a test.

    pip install anthropic openai google-genai
    python plugins/judges/endpoints/tests/oracles/record.py

Writes `requests.json` (bodies, paths and the headers that matter) and `readings.json` (what the SDK's own objects hold,
for each reply of `replies.jsonl`), which the tests compare with what this package sends and reads. So the suite needs
no SDK: the three together are 155 MB and import in three seconds. A server on this machine answers; no provider is
asked, and no key is real.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

HERE = Path(__file__).parent
PICTURE = b"\x89PNG not a real one"
MARK = "@PICTURE"
"""Stands for the picture in base64, so that no file depends on how a picture is encoded."""
SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["yes", "no"]}}}
HEADERS = ("anthropic-version", "authorization", "content-type", "x-api-key", "x-goog-api-key", "api-key")
data = base64.b64encode(PICTURE).decode()


class Server(BaseHTTPRequestHandler):
    """Answers with what stands in `reply`, and notes what was asked."""

    reply: ClassVar[tuple[int, Any]] = (200, {})
    asked: ClassVar[dict[str, Any]] = {}

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() in HEADERS}
        Server.asked = {"path": self.path, "headers": headers, "body": json.loads(body.decode().replace(data, MARK))}
        status, plain = Server.reply
        said = json.dumps(plain).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


def chat_image() -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def clients(url: str) -> dict[str, Callable[..., Any]]:
    """The call of each API, as a user of the SDK would write it."""
    import anthropic
    import google.genai as genai  # `from google` would need `google` itself, which other packages share
    import openai
    from google.genai.types import HttpOptions

    claude = anthropic.Anthropic(api_key="KEY", base_url=url, max_retries=0)
    gpt = openai.OpenAI(api_key="KEY", base_url=f"{url}/v1", max_retries=0)
    azure = openai.AzureOpenAI(api_key="KEY", azure_endpoint=url, api_version="2024-10-21", max_retries=0)
    gemini = genai.Client(api_key="KEY", http_options=HttpOptions(base_url=url, timeout=10_000))
    return {
        "anthropic": claude.messages.create,
        "openai": gpt.chat.completions.create,
        "azure": azure.chat.completions.create,
        "responses": gpt.responses.create,
        # Not the bound method: a client that nothing else holds closes itself.
        "gemini": lambda **arguments: gemini.models.generate_content(**arguments),
    }


def questions() -> dict[str, dict[str, dict[str, Any]]]:
    """The arguments of each call, by question and API. `test_oracles.py` asks the same questions."""
    text = [{"role": "user", "content": "Is it good?"}]
    claude = {"model": "m", "max_tokens": 1024, "stream": False}
    two = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    system = "Be fair.\nBe brief."
    return {
        "text": {
            "anthropic": {**claude, "messages": text},
            "openai": {"model": "m", "messages": text, "temperature": 0.0, "max_tokens": 1024, "stream": False},
            "azure": {"model": "m", "messages": text, "temperature": 0.0, "max_tokens": 1024, "stream": False},
            "responses": {"model": "m", "input": text, "temperature": 0.0, "max_output_tokens": 1024, "store": False,
                          "stream": False},
            "gemini": {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Is it good?"}]}],
                       "config": {"temperature": 0.0, "max_output_tokens": 1024}},
        },
        "pictures": {
            "anthropic": {**claude, "system": system, "messages": [{"role": "user", "content": [
                two, {"type": "text", "text": "Which?"}, two]}]},
            "openai": {"model": "m", "temperature": 0.0, "max_tokens": 1024, "stream": False, "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": [chat_image(), {"type": "text", "text": "Which?"}, chat_image()]}]},
            "responses": {"model": "m", "temperature": 0.0, "max_output_tokens": 1024, "store": False, "stream": False,
                          "input": [{"role": "system", "content": system}, {"role": "user", "content": [
                              {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{data}"},
                              {"type": "input_text", "text": "Which?"},
                              {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{data}"},
                          ]}]},
            "gemini": {"model": "m", "contents": [{"role": "user", "parts": [
                {"inline_data": {"data": PICTURE, "mime_type": "image/png"}}, {"text": "Which?"},
                {"inline_data": {"data": PICTURE, "mime_type": "image/png"}}]}],
                "config": {"temperature": 0.0, "max_output_tokens": 1024, "system_instruction": system}},
        },
        "schema": {
            "anthropic": {**claude, "messages": text, "thinking": {"type": "adaptive", "display": "summarized"},
                          "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}},
            "openai": {"model": "m", "messages": text, "temperature": 0.0, "max_tokens": 1024, "stream": False,
                       "logprobs": True, "top_logprobs": 5, "seed": 7, "response_format": {
                           "type": "json_schema",
                           "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA}}},
            "responses": {"model": "m", "input": text, "temperature": 0.0, "max_output_tokens": 1024, "store": False,
                          "stream": False, "top_logprobs": 5, "include": ["message.output_text.logprobs"],
                          "reasoning": {"effort": "low", "summary": "auto"}, "text": {"format": {
                              "type": "json_schema", "name": "verdict", "strict": True, "schema": SCHEMA}}},
            "gemini": {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Is it good?"}]}],
                       "config": {"temperature": 0.0, "max_output_tokens": 1024, "seed": 7, "top_p": 0.5, "top_k": 3,
                                  "response_logprobs": True, "logprobs": 5, "response_mime_type": "application/json",
                                  "response_json_schema": SCHEMA, "thinking_config": {
                                      "thinking_budget": 64, "include_thoughts": True},
                                  "safety_settings": [
                                      {"category": f"HARM_CATEGORY_{harm}", "threshold": "BLOCK_NONE"}
                                      for harm in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT",
                                                   "DANGEROUS_CONTENT")]}},
        },
        "thinking": {
            "anthropic": {**claude, "max_tokens": 4096, "messages": text,
                          "thinking": {"type": "enabled", "budget_tokens": 2048}},
            "gemini": {"model": "m", "contents": [{"role": "user", "parts": [{"text": "Is it good?"}]}],
                       "config": {"temperature": 0.0, "max_output_tokens": 1024, "thinking_config": {
                           "thinking_level": "low"}}},
        },
        "turns": {
            "anthropic": {**claude, "messages": [*text, {"role": "assistant", "content": "Yes."}, *text]},
            "gemini": {"model": "m", "config": {"temperature": 0.0, "max_output_tokens": 1024}, "contents": [
                {"role": "user", "parts": [{"text": "Is it good?"}]}, {"role": "model", "parts": [{"text": "Yes."}]},
                {"role": "user", "parts": [{"text": "Is it good?"}]}]},
        },
    }  # fmt: skip


def read_anthropic(reply: Any) -> dict[str, Any]:
    usage = reply.usage
    parts = (usage.input_tokens, usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0)
    return {
        "text": "".join(block.text for block in reply.content if block.type == "text"),
        "reasoning": "\n\n".join(block.thinking for block in reply.content if block.type == "thinking"),
        "prompt": sum(parts),
        "completion": usage.output_tokens,
        "model": reply.model,
    }


def read_gemini(reply: Any) -> dict[str, Any]:
    content = reply.candidates[0].content if reply.candidates else None
    parts = [part for part in (content.parts if content else None) or [] if part.text is not None]
    usage = reply.usage_metadata
    chosen = reply.candidates[0].logprobs_result if reply.candidates else None
    return {
        "text": "".join(part.text for part in parts if not part.thought),
        "reasoning": "".join(part.text for part in parts if part.thought),
        "prompt": usage.prompt_token_count,
        "completion": (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        "model": reply.model_version,
        "tokens": [[one.token, one.log_probability] for one in chosen.chosen_candidates] if chosen else None,
    }


def read_responses(reply: Any) -> dict[str, Any]:
    thoughts = [part.text for item in reply.output if item.type == "reasoning" for part in item.summary]
    told = [part for item in reply.output if item.type == "message" for part in item.content]
    refused = [part.refusal for part in told if part.type == "refusal"]
    tokens = [one for part in told if part.type == "output_text" for one in part.logprobs or ()]
    return {
        "text": reply.output_text,
        "reasoning": "\n\n".join(thoughts),
        "refusal": "".join(refused),
        "prompt": reply.usage.input_tokens,
        "completion": reply.usage.output_tokens,
        "model": reply.model,
        "tokens": [[one.token, one.logprob] for one in tokens] or None,
    }


READERS = {"anthropic": read_anthropic, "gemini": read_gemini, "responses": read_responses}


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    calls = clients(f"http://127.0.0.1:{server.server_address[1]}")
    replies = [json.loads(line) for line in (HERE / "replies.jsonl").read_text("utf-8").splitlines()]
    good = {row["api"]: row["body"] for row in replies if row["what"] == "plain"}
    good["openai"] = good["azure"] = {"choices": [{"message": {"role": "assistant", "content": "x"}}]}
    sent: dict[str, Any] = {}
    for name, apis in questions().items():
        for api, arguments in apis.items():
            Server.reply = 200, good[api]
            calls[api](**arguments)
            sent.setdefault(name, {})[api] = Server.asked
    asked = questions()["text"]
    read: dict[str, Any] = {}
    for row in replies:
        if row["status"] == 200 and row.get("sdk", True):
            Server.reply = 200, row["body"]
            read[f"{row['api']} {row['what']}"] = READERS[row["api"]](calls[row["api"]](**asked[row["api"]]))
    server.shutdown()
    versions = {name: version(name) for name in ("anthropic", "openai", "google-genai")}
    for file, plain in (("requests.json", sent), ("readings.json", read)):
        text = json.dumps({"versions": versions, "recorded": plain}, indent=1, ensure_ascii=False, sort_keys=True)
        (HERE / file).write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(f"{sum(map(len, sent.values()))} requests and {len(read)} readings of {versions}\n")


if __name__ == "__main__":
    main()
