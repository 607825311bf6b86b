"""Optimistic locking over HTTP: `ETag` is the version of what was read, and a write names it in `If-Match`."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The `ETag` of the incident as it was read"
)
_TAG = re.compile(r'"(\d{1,19})"', re.ASCII)
_NO_VERSION = -1


class PreconditionRequired(APIException):
    """A write that does not say which version was seen (RFC 6585, section 3)."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = _("Send the ETag of what you read as If-Match.")
    default_code = "precondition_required"


class PreconditionFailed(APIException):
    """It has changed since it was read (RFC 9110, section 13.1.1)."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "stale"


class Conflict(APIException):
    """What is asked for cannot be done as things stand."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def etag(version: int) -> str:
    """The version as a strong entity tag."""
    return f'"{version}"'


def seen_version(request: Request) -> int:
    """The version that the client says it saw. A tag that is none of ours matches no version.

    Raises:
        PreconditionRequired: there is no ``If-Match``, or it is ``*``, which names no version.
    """
    text = request.headers.get("If-Match", "").strip()
    if text in ("", "*"):
        raise PreconditionRequired
    found = _TAG.fullmatch(text)
    return int(found[1]) if found else _NO_VERSION
