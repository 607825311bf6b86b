"""What can go wrong with a request to ARI."""

from __future__ import annotations

from dialogue.errors import HotlineError


class AriError(HotlineError):
    """Asterisk refused a request, or its answer makes no sense.

    Args:
        status: HTTP status; 0 where there was no answer.
        message: Asterisk's own words where it gave any. They can name what was asked for: not for a log message.
        request: method and path with placeholders, e.g. ``POST /channels/{}/answer``.
    """

    def __init__(self, status: int, message: str, request: str = "") -> None:
        super().__init__(f"ARI: {request or 'request'}: {status or 'no answer'}: {message}")
        self.status = status
        self.message = message
        self.request = request


class NotFound(AriError):
    """The channel, bridge, playback or recording is not there (any more): 404."""


class Conflict(AriError):
    """What was asked for does not fit the present state: 409 (e.g. the channel is in no application), 412."""


class Refused(AriError):
    """User or password is wrong, or the user may only read: 401, 403. Trying again does not help."""


class Unavailable(AriError):
    """No answer: no connection, time over, the client is closed, or Asterisk is starting or stopping (503)."""


_BY_STATUS: dict[int, type[AriError]] = {
    0: Unavailable,
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    503: Unavailable,
}


def error_for(status: int, message: str, request: str) -> AriError:
    """Return the error that a status means."""
    return _BY_STATUS.get(status, AriError)(status, message, request)
