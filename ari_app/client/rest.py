"""Requests to ARI: authorization, time limits, errors. The methods themselves are in `channels`, `bridges`, `pbx`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from yarl import URL

from ari_app.client.errors import AriError, Unavailable, error_for
from dialogue.errors import ConfigurationError

T = TypeVar("T")
Value = str | int | bool | Sequence[str] | None

# Asterisk closes an idle connection after 15 s (http.conf, session_keep_alive): ours close before, so that no request
# goes out on a connection that is being closed.
KEEP_ALIVE_SECONDS = 10.0
# Each takes a thread of Asterisk and counts against its sessionlimit (http.conf, 100 unless set).
CONNECTIONS = 16
CLOSE_SECONDS = 1.0
_MESSAGE_LENGTH = 200


class Rest:
    """A connection pool to one Asterisk. Use it as ``async with``.

    Args:
        url: where ARI is, e.g. ``http://127.0.0.1:8088/ari``; ``/ari`` may be left out.
        user: of ``ari.conf``.
        password: its password. It travels in the Authorization header only.
        timeout: seconds for a whole request, connecting included.

    Raises:
        ConfigurationError: the URL is none, or carries a password.
    """

    def __init__(self, url: str, user: str, password: str, *, timeout: float = 5.0) -> None:
        self._root = _root(url)
        # ARI parses a user name up to the first colon.
        if ":" in user:
            raise ConfigurationError("the user of ARI has a colon in it: no user of ari.conf can.")
        self._user, self._password = user, password
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(self._user, self._password, encoding="utf-8")},
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Later requests raise `Unavailable`."""
        if self._session is not None:
            await self._session.close()

    @property
    def timeout(self) -> float:
        """Seconds a request may take."""
        return self._timeout

    def media_url(self, connection_id: str) -> str:
        """URL of the WebSocket for a media channel: its variable ``MEDIA_WEBSOCKET_CONNECTION_ID``.

        Raises:
            ValueError: the id is empty or a path.
        """
        root = self._root.removesuffix("/ari")
        return f"ws{root.removeprefix('http')}/media/{_segment(connection_id)}"

    async def open_events(self, app: str, heartbeat: float) -> aiohttp.ClientWebSocketResponse:
        """Register an application and return the socket its events come on. `EventStream` is made of it.

        Args:
            app: its name.
            heartbeat: seconds of silence after which a ping is sent; half as long again without an answer is an error.

        Raises:
            AriError: as for requests.
        """
        request = "GET /events"
        try:
            async with asyncio.timeout(self._timeout):
                return await self._open(request).ws_connect(
                    URL(f"{self._root}/events", encoded=True).with_query(app=app),
                    heartbeat=heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise error_for(error.status, _explain(error.status, ""), request) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(0, self._why(error), request) from None

    async def _get(self, path: str, /, *ids: str, **query: Value) -> Any:
        return await self._send("GET", path, ids, query=query)

    async def _delete(self, path: str, /, *ids: str, **query: Value) -> None:
        await self._send("DELETE", path, ids, query=query)

    async def _post(self, path: str, /, *ids: str, **body: Value | Mapping[str, str]) -> Any:
        """Make a POST; its parameters travel in the body, where ARI takes them as well, so that no URL has them."""
        return await self._send("POST", path, ids, body=body)

    async def _send(
        self,
        method: str,
        path: str,
        ids: Sequence[str],
        query: Mapping[str, Value] | None = None,
        body: Mapping[str, Value | Mapping[str, str]] | None = None,
    ) -> Any:
        """Make a request and return the decoded answer, None where it has none.

        Args:
            path: with ``{}`` for each of ``ids``, which are encoded.
            query: parameters in the URL; None leaves one out.
            body: the same in a JSON body.
        """
        request = f"{method} {path}"
        url = URL(self._root + path.format(*map(_segment, ids)), encoded=True)
        if words := {name: _word(value) for name, value in (query or {}).items() if value is not None}:
            url = url.with_query(words)
        content, headers = None, None
        if given := {name: value for name, value in (body or {}).items() if value is not None}:
            # A lone surrogate, which a language model can produce, has no UTF-8.
            content = json.dumps(given, ensure_ascii=False).encode(errors="replace")
            headers = {"Content-Type": "application/json"}
        try:
            async with self._open(request).request(
                method, url, data=content, headers=headers, allow_redirects=False
            ) as answer:
                status, raw = answer.status, await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(0, self._why(error), request) from None
        if not 200 <= status < 300:
            raise error_for(status, _explain(status, _message(raw)), request)
        if not raw:
            return None
        try:
            return from_json(raw)
        except ValueError:
            raise AriError(status, "the answer is not JSON", request) from None

    def _open(self, request: str) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            raise Unavailable(0, "the client is not open", request)
        return self._session

    def _why(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        return f"no connection with {urlsplit(self._root).netloc} ({type(error).__name__})"


def read(adapter: TypeAdapter[T], answer: Any, request: str) -> T:
    """Return an answer as its model.

    Raises:
        AriError: it lacks what makes it one.
    """
    try:
        return adapter.validate_python(answer)
    except ValidationError:
        raise AriError(200, "the answer is not what ARI describes", request) from None


def _root(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError("the URL of ARI looks like http://127.0.0.1:8088/ari.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError("the URL of ARI has no user, password or query: they are settings of their own.")
    path = parts.path if parts.path.endswith("/ari") else f"{parts.path}/ari"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _segment(text: str) -> str:
    if text in ("", ".", ".."):
        raise ValueError("an id is empty or a path")
    return quote(text, safe="")


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int)) else ",".join(value or ())


def _message(raw: bytes) -> str:
    try:
        answer = from_json(raw)
    except ValueError:
        return ""
    message = answer.get("message") or answer.get("error") if isinstance(answer, dict) else ""
    return message[:_MESSAGE_LENGTH] if isinstance(message, str) else ""


def _explain(status: int, message: str) -> str:
    if status == 401:
        return "Asterisk does not know this user and password: compare ARI_USER and ARI_PASSWORD with ari.conf."
    if status == 403:
        return "this user may only read: set read_only = no in its section of ari.conf."
    if status == 404 and not message:
        return "not there (is ARI enabled in ari.conf, and res_ari loaded?)"
    return message or "no reason given"
