"""Options that all judges at endpoints share, as a manifest sets them. Each provider adds its own."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.api import IsPath, Operational

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# RFC 9110, 5.6.2: the characters of a token.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
# Names of query parameters that usually carry a key: `sig` is Azure's shared access signature.
_SECRET = re.compile(r"key|token|secret|passw|\bsig|signature|auth|credential|\bcode\b", re.IGNORECASE)
_KEY = re.compile(r"(?:sk|gsk|hf|ghp|xai|pplx|Bearer)[-_ ]|AIza")
# Set by the client. A second Content-Length or Transfer-Encoding would let a request be read in two ways.
_OURS = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding", "accept-encoding"})


class Prices(BaseModel):
    """Prices of the provider, in US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(ge=0, allow_inf_nan=False, description="Of tokens read.")
    completion: float = Field(ge=0, allow_inf_nan=False, description="Of tokens written, reasoning included.")
    cached: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Of tokens read from the provider's cache; as `prompt`."
    )
    cache_write: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Of tokens written into that cache; as `prompt`."
    )
    batch: float = Field(default=0.5, ge=0, le=1, description="Share of these prices that an answer in a batch costs.")

    def cost(self, *, prompt: int, completion: int, cached: int = 0, cache_write: int = 0) -> float:
        """US dollars.

        Args:
            prompt: All tokens read.
            completion: Tokens written.
            cached: Those of `prompt` that came from the cache.
            cache_write: Those of `prompt` that went into it.
        """
        cheap = min(cached, prompt)
        kept = min(cache_write, prompt - cheap)
        return (
            (prompt - cheap - kept) * self.prompt
            + cheap * (self.prompt if self.cached is None else self.cached)
            + kept * (self.prompt if self.cache_write is None else self.cache_write)
            + completion * self.completion
        ) / 1e6


class Batching(BaseModel):
    """How questions are handed over in batches, which providers answer within a day for less."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_requests: int = Field(default=5000, ge=1, le=50_000, description="Most questions in a batch.")
    max_bytes: int = Field(default=64 * 2**20, ge=1024, le=200 * 10**6, description="Largest batch.")
    most_open: int = Field(default=4, ge=1, le=100, description="Most batches at the provider at once.")
    poll_s: float = Field(default=60.0, gt=0, description="Longest wait between two looks at a batch.")
    deadline_s: float = Field(
        default=26 * 3600.0, gt=0, description="Stop the judge where a batch takes longer; it goes on later."
    )
    settle_s: float = Field(
        default=60.0,
        ge=0,
        description="Where it is not known whether a batch was submitted: how long to look for it before it is again.",
    )


class EndpointOptions(BaseModel):
    """Options of every judge at an endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    path: ClassVar[str] = ""
    """Where questions go below `base_url`."""
    taken: ClassVar[frozenset[str]] = frozenset()
    """Fields of a request's JSON that `extra_body` cannot have."""

    base_url: str = Field(description="Where the API begins.")
    model: str = Field(min_length=1, description="The model's name at that endpoint.")
    temperature: float | None = Field(
        default=0.0, ge=0, le=10, description="0 takes the likeliest token. null: not sent (some models refuse it)."
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Sample from the likeliest tokens of this mass only. null: not sent."
    )
    max_tokens: int | None = Field(default=1024, ge=1, description="Longest answer with its reasoning. null: not sent.")
    samples: int = Field(
        default=1,
        ge=1,
        le=128,
        description="Answers to each request, one vote each (self-consistency). Needs a temperature.",
    )
    structured: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="Have the server enforce the format's JSON Schema, where the format has one. auto: until the "
        "server refuses.",
    )
    extra_body: dict[str, Any] = Field(default_factory=dict, description="Further fields of the request's JSON.")
    extra_query: dict[str, str] = Field(
        default_factory=dict, description="The URL's query, such as {api-version: 2024-10-21}. No secrets."
    )
    headers_env: dict[str, str] = Field(
        default_factory=dict, description="Further headers: name of the header -> environment variable that holds it."
    )
    max_image_side: int | None = Field(
        default=None, ge=16, description="Scale larger images down to this many pixels on the longer side."
    )
    max_image_bytes: int = Field(
        default=10 * 2**20, ge=1024, description="Re-encode images whose file is larger than this."
    )

    api_key_env: Annotated[str | None, Operational()] = Field(
        default=None,
        description="Environment variable that holds the key. null: send none. Servers on this machine need none.",
    )
    ca_file: Annotated[str | None, IsPath(), Operational()] = Field(
        default=None, min_length=1, description="Certificates (PEM) to trust instead of the system's."
    )
    allow_plain_http: Annotated[bool, Operational()] = Field(
        default=False, description="Send a key over http:// to another machine, unencrypted."
    )
    prices: Annotated[Prices | None, Operational()] = Field(
        default=None, description="US dollars for a million tokens: {prompt: 2.5, completion: 10}."
    )
    max_concurrency: Annotated[int, Operational()] = Field(
        default=128, ge=1, le=1024, description="Most requests in flight; fewer while the server is overloaded."
    )
    connect_timeout_s: Annotated[float, Operational()] = Field(default=10.0, gt=0, description="To connect.")
    read_timeout_s: Annotated[float, Operational()] = Field(
        default=300.0, gt=0, description="Longest silence of the server; a long answer comes after a long silence."
    )
    total_timeout_s: Annotated[float, Operational()] = Field(
        default=600.0, gt=0, description="One attempt from beginning to end. Keep it within `run.timeout`."
    )
    max_failures: Annotated[int | None, Operational()] = Field(
        default=20,
        ge=1,
        description="Stop this judge when so many requests failed in the same way and none was answered in between. "
        "null: never.",
    )
    retries: Annotated[int, Operational()] = Field(default=6, ge=0, le=100, description="Further attempts.")
    backoff_s: Annotated[float, Operational()] = Field(
        default=0.5, ge=0, description="The first wait is up to this long; each further one up to twice as long."
    )
    max_backoff_s: Annotated[float, Operational()] = Field(
        default=60.0, ge=0, description="Longest wait between attempts, also where Retry-After asks for more."
    )
    max_response_bytes: Annotated[int, Operational()] = Field(
        default=16 * 2**20, ge=1024, description="A longer response is cut off and counts as a failure."
    )
    budget_tokens: Annotated[int | None, Operational()] = Field(
        default=None, ge=1, description="Stop asking when this run has used so many tokens, read and written."
    )
    budget_usd: Annotated[float | None, Operational()] = Field(
        default=None, gt=0, allow_inf_nan=False, description="Stop asking when this run has cost so many US dollars."
    )

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        # The value is left out of every message: it may hold a secret.
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("base_url: not a URL; write it like http://127.0.0.1:8000/v1") from None
        if parts.scheme not in ("http", "https") or not host or port == 0:
            raise ValueError("base_url: must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise ValueError("base_url: holds credentials, and URLs get logged; use api_key_env or headers_env")
        if parts.query or parts.fragment or "?" in value or "#" in value:
            raise ValueError("base_url: must not have a query or a fragment; use extra_query, or headers_env for a key")
        if not value.isascii() or any(letter.isspace() or not letter.isprintable() for letter in value):
            raise ValueError("base_url: must be plain ASCII without spaces; encode other characters")
        if cls.path and parts.path.rstrip("/").endswith(cls.path):
            raise ValueError(f"base_url: leave {cls.path} out; it is added")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("api_key_env: not the name of an environment variable; the key itself must not be here")
        return value

    @field_validator("headers_env")
    @classmethod
    def _headers(cls, value: dict[str, str]) -> dict[str, str]:
        for header, variable in value.items():
            if not _HEADER.fullmatch(header):
                raise ValueError(f"headers_env: {header!r} is no name of a header")
            if header.lower() in _OURS:
                raise ValueError(f"headers_env: {header} is set by the client")
            if not _NAME.fullmatch(variable):
                raise ValueError(f"headers_env: {header}: name an environment variable; its value must not be here")
        return value

    @field_validator("extra_query")
    @classmethod
    def _query(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():  # the values are left out of the messages: one may be a secret by mistake
            if not _PARAMETER.fullmatch(name):
                raise ValueError(f"extra_query: {name!r} is no name of a parameter")
            if _SECRET.search(name):
                raise ValueError(f"extra_query: {name}: looks like a key, and URLs get logged; use headers_env")
            if _KEY.match(text):
                raise ValueError(
                    f"extra_query: {name}: its value looks like a key, and URLs get logged; use headers_env"
                )
            if not re.fullmatch(r"[!-~]{1,100}", text):
                raise ValueError(f"extra_query: {name}: must be 1 to 100 characters of plain ASCII without spaces")
        return value

    @field_validator("extra_body")
    @classmethod
    def _extra(cls, value: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(cls.taken & set(value))
        if taken:
            raise ValueError(f"extra_body: {', '.join(taken)}: has an option of its own, or must not be changed")
        return value

    @model_validator(mode="after")
    def _fits(self) -> EndpointOptions:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(f"samples: {self.samples} answers at temperature 0 are all the same; set a temperature")
        return self

    @property
    def address(self) -> str:
        """The URL that requests go to, for people: without the query."""
        return f"{self.base_url}{self.path}"

    @property
    def url(self) -> str:
        """The URL that requests go to."""
        return self.with_query(self.address)

    def with_query(self, address: str) -> str:
        """An address of this API with `extra_query`."""
        return address + (f"?{urlencode(self.extra_query)}" if self.extra_query else "")

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers without secrets that the API wants."""
        return {}

    def key_header(self, key: str) -> tuple[str, str]:
        """The header that carries the key: its name and its value."""
        return "Authorization", f"Bearer {key}"

    @property
    def user_fields(self) -> frozenset[str]:
        """Fields that are never left out: the user asked for them, and the answers would differ without them."""
        return frozenset(self.extra_body) | ({"response_format"} if self.structured == "always" else set())

    @property
    def asks_logprobs(self) -> bool:
        """Whether log-probabilities are asked for."""
        return False

    @property
    def batching(self) -> Batching | None:
        """How questions go in batches; `None` where each goes by itself."""
        return None

    @property
    def host(self) -> str:
        """Name or address of the server."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


class LogprobOptions(EndpointOptions):
    """Options of a judge whose provider can say how likely each token was."""

    logprobs: Literal["auto"] | bool = Field(
        default="auto",
        description="Ask for log-probabilities, which become probabilities. auto: until the server refuses.",
    )
    top_logprobs: int = Field(default=5, ge=1, le=20, description="Alternatives to each token.")

    @property
    def user_fields(self) -> frozenset[str]:
        """Fields that are never left out."""
        return super().user_fields | ({"logprobs", "top_logprobs"} if self.logprobs is True else set())

    @property
    def asks_logprobs(self) -> bool:
        """Whether log-probabilities are asked for."""
        return self.logprobs is not False


class BatchOptions(EndpointOptions):
    """Options of a judge whose provider takes batches."""

    batch: Annotated[bool | Batching, Operational()] = Field(
        default=False,
        description="Ask in batches: within a day, for about half the price. true, or {max_requests: 1000, ...}.",
    )

    @model_validator(mode="after")
    def _asks_once(self) -> BatchOptions:
        if self.batch and self.samples > 1:
            raise ValueError(
                "batch: takes one answer to each request; set the task's `protocol: {samples: ...}` instead"
            )
        return self

    @property
    def batching(self) -> Batching | None:
        """How questions go in batches."""
        return Batching() if self.batch is True else self.batch or None
