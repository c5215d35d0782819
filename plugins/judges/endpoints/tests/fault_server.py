"""A chat-completions server that misbehaves to order, in a process of its own. Not a test itself.

The text of a request says what to do at each attempt: `item=7 plan=429,cut,ok:yes`; the last step stays. Without a
plan, a die that depends on `--seed`, the item and the attempt decides. Whatever is no real answer holds the tempting
text `<answer>WRONG</answer>`, the opposite of the real one, so that a judge that reads it is found out.

    GET /log      everything that was asked and what was done about it, as JSON
    POST /reset   forget it
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import email.utils
import hashlib
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

FAULTS = (
    *("500", "502", "503", "529", "429", "429:0", "429d", "408", "cut", "cutchunk", "half", "html200", "text200"),
    *("reset", "eof", "dup", "nochoices", "null", "wrongobject", "twice", "error200", "list", "notext", "index"),
    "empty200",
)  # fmt: skip
WORDS = ("yes", "no")


def tempting(truth: str) -> str:
    return f"<answer>{'no' if truth == 'yes' else 'yes'}</answer>"


def truth_of(item: str) -> str:
    return WORDS[hashlib.sha256(item.encode()).digest()[0] % 2]


def completion(
    content: Any, *, finish: str = "stop", body: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    fields = {"role": "assistant", "content": content, **more.pop("message", {})}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "served-1.0",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": fields, "finish_reason": finish, "logprobs": more.pop("logprobs", None)}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        **more,
    }


class Server:
    def __init__(
        self, *, seed: int, share: float, echo: bool, delay: float, journal: Path | None, key: str = ""
    ) -> None:
        self.seed, self.share, self.echo, self.delay, self.journal = seed, share, echo, delay, journal
        self.key = key
        self.reset()

    def reset(self) -> None:
        self.attempts: dict[str, int] = {}
        self.log: list[dict[str, Any]] = []
        self.in_flight = self.most_in_flight = 0

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._chat(request)
        finally:
            self.in_flight -= 1

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        texts = [
            part if isinstance(part, str) else part.get("text", "")
            for message in body["messages"]
            for part in ([message["content"]] if isinstance(message["content"], str) else message["content"])
        ]
        text = "\n".join(texts)
        found = re.search(r"item=(\S+)(?: plan=(\S+))?", text)
        item, plan = (found[1], found[2]) if found else (hashlib.sha256(text.encode()).hexdigest()[:12], None)
        attempt = self.attempts[item] = self.attempts.get(item, -1) + 1
        step = self._step(item, plan, attempt)
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            step = "401"
        entry = {"item": item, "step": step, "body": body, "headers": dict(request.headers), "verdict": None}
        entry["query"] = request.query_string
        self.log.append(entry)
        if self.journal is not None:
            with self.journal.open("a") as file:
                file.write(f"{item} {step}\n")
        if self.delay:
            await asyncio.sleep(self.delay)
        return await self._act(request, body, item, step, entry)

    def _step(self, item: str, plan: str | None, attempt: int) -> str:
        if plan is not None:
            steps = plan.split(",")
            return steps[min(attempt, len(steps) - 1)]
        dice = hashlib.sha256(f"{self.seed}:{item}:{attempt}".encode()).digest()
        if int.from_bytes(dice[:4]) / 2**32 < self.share:
            return FAULTS[dice[5] % len(FAULTS)]
        return "ok"

    async def _act(
        self, request: web.Request, body: dict[str, Any], item: str, step: str, entry: dict[str, Any]
    ) -> web.StreamResponse:
        name, _, argument = step.partition(":")
        truth = truth_of(item)
        lie = tempting(truth)
        if name.removesuffix("ms").rstrip("d").isdigit():
            return self._failed(request, name, argument, lie)
        if name == "says":
            return self._says(body, argument)
        if name in ("ok", "slow", "json"):
            if name == "slow":
                await asyncio.sleep(float(argument))
                argument = ""
            verdict = argument or truth
            entry["verdict"] = verdict
            text = (
                json.dumps({"reasoning": "r", "verdict": verdict}) if name == "json" else self._text(verdict, request)
            )
            whole = completion(text)
            if body.get("n", 1) > 1:
                choice = whole["choices"][0]
                whole["choices"] = [{**choice, "index": index} for index in range(body["n"])]
            return web.json_response(whole)
        if name in ("words", "nouns", "picky"):
            return self._partial(name, argument, body, entry, truth)
        response: web.StreamResponse = await getattr(self, f"_{name}")(request, lie, entry)
        return response

    def _text(self, verdict: str, request: web.Request) -> str:
        secret = f" {request.headers.get('Authorization', '')}" if self.echo else ""
        return f"Because{secret}. <answer>{verdict}</answer>"

    def _failed(self, request: web.Request, name: str, argument: str, lie: str) -> web.Response:
        headers = {}
        if argument.isdigit():
            headers["retry-after-ms" if name.endswith("ms") else "Retry-After"] = argument
        if name.endswith("d"):
            headers["Retry-After"] = email.utils.formatdate(time.time() + 1, usegmt=True)
        message = f"failed {lie} {argument.replace('_', ' ')}"
        if self.echo:
            message += f" your header was {request.headers.get('Authorization')}"
            headers["X-Echo"] = request.headers.get("Authorization", "")
        return web.json_response(
            {"error": {"message": message}}, status=int(name.removesuffix("ms").rstrip("d")), headers=headers
        )

    def _says(self, body: dict[str, Any], argument: str) -> web.Response:
        """`says:REPLY` answers as REPLY says, in base64 of JSON: status, type, body, the field it complains about."""
        reply = json.loads(base64.urlsafe_b64decode(argument))
        if reply.get("unless") and reply["unless"] not in body:
            return web.json_response(completion("<answer>yes</answer>"))
        data = reply["body"]
        text = data if isinstance(data, str) else json.dumps(data)
        return web.Response(body=text.encode(), status=reply["status"], headers={"Content-Type": reply["type"]})

    def _partial(
        self, name: str, argument: str, body: dict[str, Any], entry: dict[str, Any], truth: str
    ) -> web.Response:
        """A server that knows not every field; `picky:FIELD` refuses it by name, `nouns:FIELD` without a word."""
        if argument in body:
            message = f"Unrecognized request argument supplied: {argument}" if name == "picky" else "Bad request."
            return web.json_response({"error": {"message": message}}, status=400)
        if name == "words" and body.get("n", 1) > 1:  # ignores n, and answers by seed
            pass
        verdict = WORDS[body["seed"] % 3 % 2] if name == "words" else truth
        entry["verdict"] = verdict
        return web.json_response(completion(f"<answer>{verdict}</answer>"))

    async def _hang(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    async def _cut(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        whole = json.dumps(completion(lie)).encode()
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": str(len(whole) + 9)}
        )
        await response.prepare(request)
        await response.write(whole)
        return self._gone(request, response)

    async def _cutchunk(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(json.dumps(completion(lie)).encode())
        return self._gone(request, response)

    def _gone(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return response

    async def _reset(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _eof(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return self._gone(request, web.Response())

    async def _half(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        text = json.dumps(completion(lie))
        return web.Response(text=text[: len(text) // 2], content_type="application/json")

    async def _html200(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=f"<html>{lie}</html>", content_type="text/html")

    async def _text200(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=lie, content_type="text/plain")

    async def _empty200(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=b"", content_type="application/json")

    async def _flood(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(4096):
            await response.write(lie.encode() * 2048)
        return response

    async def _bomb(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        import gzip

        data = gzip.compress(json.dumps(completion(lie * 100_000)).encode())
        return web.Response(body=data, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})

    async def _drip(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        whole = json.dumps(completion(lie)).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(whole))})
        await response.prepare(request)
        for byte in whole:
            await response.write(bytes([byte]))
            await asyncio.sleep(0.05)
        return response

    async def _dup(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        whole = completion(lie)
        return web.json_response({**whole, "choices": whole["choices"] * 2})

    async def _index(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        whole = completion(lie)
        whole["choices"][0]["index"] = 3
        return web.json_response(whole)

    async def _nochoices(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({**completion(lie), "choices": []})

    async def _null(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(None, message={"reasoning_content": lie}))

    async def _notext(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion({"answer": lie}))

    async def _wrongobject(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"object": "text_completion", "choices": [{"index": 0, "text": lie}]})

    async def _twice(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        text = json.dumps(completion("Because."))
        text = text.replace('"content": ', f'"content": {json.dumps(lie)}, "content": ')
        return web.Response(text=text, content_type="application/json")

    async def _error200(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({**completion(lie), "error": {"message": f"overloaded {lie}"}})

    async def _list(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response([completion(lie)])

    async def _redirect(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/v1/stolen")

    async def _refusal(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(None, message={"refusal": f"I cannot judge this. {lie}"}))

    async def _filter(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(lie, finish="content_filter"))

    async def _length(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion("<answer>ye", finish="length"))

    async def _lengthnull(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(None, finish="length", message={"reasoning_content": f"Hm. {lie}"}))

    async def _lengthok(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion("<answer>yes</answer> and then", finish="length"))

    async def _blank(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(""))

    async def _reasoning(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion("<answer>yes</answer>", message={"reasoning_content": f"Hm. {lie}"}))

    async def _unusual(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({**completion("<answer>yes</answer>"), "usage": None})

    async def _costly(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        whole = completion("<answer>yes</answer>")
        return web.json_response({**whole, "usage": {**whole["usage"], "cost": 0.25}})

    async def _logprobs(self, request: web.Request, lie: str, entry: dict[str, Any]) -> web.StreamResponse:
        def entry_of(token: str, chance: float) -> dict[str, Any]:
            return {"token": token, "logprob": chance, "bytes": list(token.encode())}

        content = [{**entry_of(token, 0.0), "top_logprobs": []} for token in ("<answer>", "yes", "</answer>")]
        content[1] = {**entry_of("yes", -0.2231435), "top_logprobs": [entry_of("no", -1.7147984)]}
        return web.json_response(completion("<answer>yes</answer>", logprobs={"content": content}))

    async def stolen(self, request: web.Request) -> web.StreamResponse:
        self.log.append({"item": "stolen", "step": "stolen", "headers": dict(request.headers), "verdict": None})
        return web.json_response(completion("<answer>yes</answer>"))

    async def tell(self, request: web.Request) -> web.Response:
        return web.json_response({"log": self.log, "most_in_flight": self.most_in_flight})

    async def forget(self, request: web.Request) -> web.Response:
        self.reset()
        return web.Response()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.0, help="of attempts without a plan that fail")
    parser.add_argument("--echo", action="store_true", help="repeat the key in everything")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before anything happens")
    parser.add_argument("--journal", type=Path, help="write down what was asked, at once")
    parser.add_argument("--key", default="", help="the only key that is let in")
    parser.add_argument("--tls", nargs=2, help="certificate and key")
    arguments = parser.parse_args()
    server = Server(
        seed=arguments.seed,
        share=arguments.share,
        echo=arguments.echo,
        delay=arguments.delay,
        journal=arguments.journal,
        key=arguments.key,
    )
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_post("/v1/stolen", server.stolen)
    app.router.add_get("/log", server.tell)
    app.router.add_post("/reset", server.forget)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = None
    if arguments.tls:
        import ssl

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*arguments.tls)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[union-attr]
    sys.stdout.close()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
