"""FastAGI server: takes connections from known peers and gives each call its own task."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from panoramisk.fast_agi import Application

from agi.commands import parse_headers
from agi.session import AgiSession
from dialogue.errors import CallerHungUp, CallError, ConfigurationError, LineError, Stage

log = structlog.get_logger(__name__)

SessionHandler = Callable[[AgiSession], Awaitable[None]]

LOOPBACK = ("127.0.0.0/8", "::1/128")
_CLOSE_SECONDS = 2.0
_CANCEL_SECONDS = 10.0


class _Application(Application):  # type: ignore[misc]  # panoramisk has no types
    """panoramisk's routes with a handler that survives any peer and never swallows an error unseen."""

    def __init__(self, routes: Mapping[str, SessionHandler], header_seconds: float) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._header_seconds = header_seconds
        for script, endpoint in routes.items():
            self.add_route(script, endpoint)

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the headers, run the route, close the connection."""
        try:
            session = await self._open(reader, writer)
            if session is not None:
                await self._lead(session)
        finally:
            await _close(writer)

    async def _open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AgiSession | None:
        try:
            async with asyncio.timeout(self._header_seconds):
                block = await reader.readuntil(b"\n\n")
            return AgiSession(self, parse_headers(block.decode("utf-8", "replace")), reader, writer)
        except TimeoutError:
            code = "header_timeout"
        except asyncio.IncompleteReadError:
            code = "header_incomplete"
        except asyncio.LimitOverrunError:
            code = "header_too_long"
        except LineError as error:
            code = error.code
        except OSError:
            code = "connection_lost"
        log.warning("call_refused", code=code, stage=Stage.LINE.value)
        return None

    async def _lead(self, session: AgiSession) -> None:
        route: SessionHandler | None = self._route.get(session.script)
        if route is None:
            log.error("call_refused", code="no_such_script", stage=Stage.LINE.value)
            return
        try:
            await route(session)
        except CallerHungUp:
            log.info("caller_hung_up", call_id=session.call_id)
        except CallError as error:
            log.error(
                "call_failed",
                call_id=session.call_id,
                stage=error.stage.value,
                code=error.code,
                detail=error.detail,
            )
        except Exception:
            log.exception("call_failed", call_id=session.call_id, stage=Stage.LINE.value, code="unexpected")
        finally:
            session.close()


class FastAgiServer:
    """Serves scripts that Asterisk asks for with ``AGI(agi://host/script,…)``.

    Whatever is refused or fails is closed without the marker variable, so the dialplan takes the caller to a person.

    Args:
        bind_host: address to listen on. There is no authentication in FastAGI: loopback or a private one.
        port: TCP port; 0 for any free one.
        routes: handler of each script name.
        allowed_peers: networks in CIDR notation from which connections are taken.
        max_calls: calls at once; those above it are closed at once.
        header_seconds: time within which a peer must have sent its headers.
        header_limit: bytes of headers, and of any one reply.
        drain_seconds: how long calls may go on after the stop.

    Raises:
        ConfigurationError: a network is not written as one.
    """

    def __init__(
        self,
        bind_host: str,
        port: int,
        routes: Mapping[str, SessionHandler],
        allowed_peers: Sequence[str] = LOOPBACK,
        max_calls: int = 500,
        *,
        header_seconds: float = 5.0,
        header_limit: int = 16_384,
        drain_seconds: float = 60.0,
    ) -> None:
        self._host = bind_host
        self._requested_port = port
        self._routes = routes
        try:
            self._peers = [ipaddress.ip_network(network) for network in allowed_peers]
        except ValueError as error:
            raise ConfigurationError(f"allowed AGI peers: {error}; write e.g. 10.0.0.0/24") from error
        self._max_calls = max_calls
        self._header_seconds = header_seconds
        self._header_limit = header_limit
        self._drain_seconds = drain_seconds
        self._calls: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._application: _Application | None = None
        self.started = asyncio.Event()
        """Set once connections are taken."""

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        if self._server is None or not self._server.sockets:
            return self._requested_port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    async def serve(self, stop: asyncio.Event) -> None:
        """Take calls until ``stop`` is set; then let those in progress end, and cancel what goes on too long.

        Raises:
            OSError: the address cannot be bound.
        """
        self._application = _Application(self._routes, self._header_seconds)
        self._server = await asyncio.start_server(
            self._accept, self._host, self._requested_port, limit=self._header_limit, backlog=1024
        )
        log.info("agi_listening", host=self._host, port=self.port)
        self.started.set()
        try:
            await stop.wait()
            self._server.close()
            await self._drain()
        finally:
            self._server.close()
            await self._cancel()
            log.info("agi_stopped")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if not self._is_allowed(peer):
            log.warning("peer_refused", code="peer_not_allowed", stage=Stage.LINE.value)
            writer.transport.abort()
            return
        if len(self._calls) >= self._max_calls:
            log.error("call_refused", code="too_many_calls", stage=Stage.LINE.value, calls=len(self._calls))
            writer.transport.abort()
            return
        assert self._application is not None
        task = asyncio.get_running_loop().create_task(self._application.handler(reader, writer))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def _is_allowed(self, peer: object) -> bool:
        if not isinstance(peer, tuple):
            return False
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._peers)

    async def _drain(self) -> None:
        if self._calls:
            log.info("agi_draining", calls=len(self._calls), seconds=self._drain_seconds)
            await asyncio.wait(self._calls, timeout=self._drain_seconds)

    async def _cancel(self) -> None:
        left = list(self._calls)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CANCEL_SECONDS)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close after what was written has gone out; a peer that does not read is cut off."""
    writer.close()
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await writer.wait_closed()
    except OSError:
        pass
    finally:
        writer.transport.abort()
