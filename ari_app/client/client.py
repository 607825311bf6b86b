"""The client: everything that can be asked of one Asterisk."""

from __future__ import annotations

from pydantic import TypeAdapter

from ari_app.client.bridges import Bridges
from ari_app.client.channels import Channels
from ari_app.client.models import Application, AsteriskInfo, AsteriskPing, Variable
from ari_app.client.rest import read

_APPLICATION = TypeAdapter(Application)
_APPLICATIONS = TypeAdapter(list[Application])
_INFO = TypeAdapter(AsteriskInfo)
_PING = TypeAdapter(AsteriskPing)
_VARIABLE = TypeAdapter(Variable)


class AriClient(Channels, Bridges):
    """REST requests to ARI: ``async with AriClient(url, user, password) as client: …``.

    Each method makes one request with a time limit and tries it once; who calls knows whether again makes sense.
    """

    async def list_applications(self) -> list[Application]:
        """Every registered application."""
        return read(_APPLICATIONS, await self._get("/applications"), "GET /applications")

    async def get_application(self, name: str) -> Application:
        """Return a registered application. Raises `NotFound` where nobody has registered the name."""
        return read(_APPLICATION, await self._get("/applications/{}", name), "GET /applications/{}")

    async def asterisk_info(self) -> AsteriskInfo:
        """Return Asterisk's version and when it started."""
        return read(_INFO, await self._get("/asterisk/info", only=("system", "status")), "GET /asterisk/info")

    async def ping(self) -> AsteriskPing:
        """Ask for a sign of life."""
        return read(_PING, await self._get("/asterisk/ping"), "GET /asterisk/ping")

    async def get_global_variable(self, name: str) -> str:
        """Return a global variable or function; empty where it is not set."""
        return read(_VARIABLE, await self._get("/asterisk/variable", variable=name), "GET /asterisk/variable").value

    async def set_global_variable(self, name: str, value: str) -> None:
        """Set a global variable."""
        await self._post("/asterisk/variable", variable=name, value=value)
