"""Recordings, served to those who may hear them; parts of a file on request, so that a player can seek."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import IO
from uuid import UUID

import structlog
from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from webadmin.audit.services import record_playback
from webadmin.calls.models import Recording
from webadmin.streaming import streamed

log = structlog.get_logger(__name__)

_CHUNK_BYTES = 64 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@require_safe
@login_required(login_url="admin:login")
@permission_required("calls.view_recording", raise_exception=True)
@cache_control(private=True, no_store=True)
def recording(request: HttpRequest, call_id: UUID) -> HttpResponseBase:
    """The recording of a call for the player of the office's pages."""
    found = get_object_or_404(Recording, call_id=call_id)
    return recording_response(request, found)


def recording_response(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    """Answer with the sound, or with the part that a ``Range`` header asks for (RFC 9110, section 14).

    Several ranges at once are answered with the whole file, which the RFC allows.

    Raises:
        Http404: the file is no longer in the storage.
    """
    try:
        size = recording.file.size
        file = recording.file.open("rb")
    except (OSError, ValueError) as error:
        log.warning("recording_missing", call_id=str(recording.call_id), stage="storage")
        raise Http404 from error
    etag = '"' + hashlib.sha256(f"{recording.file.name}:{size}".encode()).hexdigest()[:32] + '"'
    wanted = _wanted(request, size, etag)
    if wanted is None:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    first, last, partial = wanted
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'inline; filename="{recording.call_id}.wav"',
        "Content-Length": str(last - first + 1),
        "ETag": etag,
    }
    if partial:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 206 if partial else 200
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers, content_type="audio/wav")
    record_playback(actor=request.user.get_username(), call_id=recording.call_id, from_start=first == 0)
    if first == 0:
        log.info("recording_opened", call_id=str(recording.call_id), stage="office", user_id=request.user.pk)
    body = streamed(request, _slice(file, first, last - first + 1))
    return StreamingHttpResponse(body, status=status, headers=headers, content_type="audio/wav")


def _wanted(request: HttpRequest, size: int, etag: str) -> tuple[int, int, bool] | None:
    """First and last byte and whether that is a part; None where no such bytes exist."""
    whole = (0, size - 1, False)
    asked = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if asked is None or asked.groups() == ("", ""):
        return whole
    if request.headers.get("If-Range", etag) != etag:
        return whole
    begin, end = asked.groups()
    if not begin:
        return (max(0, size - int(end)), size - 1, True) if size and int(end) else None
    if end and int(end) < int(begin):
        return whole
    if int(begin) >= size:
        return None
    return int(begin), min(int(end), size - 1) if end else size - 1, True


def _slice(file: IO[bytes], first: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while length > 0 and (chunk := file.read(min(_CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
