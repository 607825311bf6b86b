"""Incidents in the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer, as_serializer_error
from rest_framework.viewsets import ReadOnlyModelViewSet

from webadmin.api.filters import StrictFilterBackend, StrictOrderingFilter
from webadmin.api.pagination import NewestFirst
from webadmin.api.permissions import MayReview, ModelPermissions
from webadmin.api.preconditions import IF_MATCH, Conflict, PreconditionFailed, etag, seen_version
from webadmin.incidents import merging, review, selectors, services
from webadmin.incidents.errors import ReviewRefused, StaleIncident
from webadmin.incidents.filters import IncidentFilter
from webadmin.incidents.models import Incident
from webadmin.incidents.serializers import (
    DispatchSerializer,
    FalseCallSerializer,
    IncidentEditSerializer,
    IncidentSerializer,
    OtherIncidentSerializer,
    ReasonSerializer,
)

_WRITE_ANSWERS = {
    200: IncidentSerializer,
    400: OpenApiResponse(description="A value is not allowed, or a reason is missing"),
    409: OpenApiResponse(description="The state of the incident, or somebody who has it in work, forbids it"),
    412: OpenApiResponse(description="The incident has changed since it was read"),
    428: OpenApiResponse(description="`If-Match` is missing"),
}


def _step(body: type[Serializer] | None, url_path: str | None = None) -> Callable[[Any], Any]:
    """A step of the review, as a POST to an address of its own below the incident's."""

    def decorate(method: Any) -> Any:
        schema = extend_schema(request=body, parameters=[IF_MATCH], responses=_WRITE_ANSWERS, filters=False)
        step = action(detail=True, methods=["post"], url_path=url_path, permission_classes=[IsAuthenticated, MayReview])
        return schema(step(method))

    return decorate


class IncidentViewSet(ReadOnlyModelViewSet):
    """Incidents, newest first; `ordering=urgency_rank` gives the most urgent first."""

    queryset = Incident.objects.none()
    serializer_class = IncidentSerializer
    permission_classes = [ModelPermissions]
    filter_backends = [StrictFilterBackend, StrictOrderingFilter]
    filterset_class = IncidentFilter
    ordering_fields = ("created_at", "updated_at", "urgency_rank")
    ordering_ties = ("-created_at", "-id")
    pagination_class = NewestFirst
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> Any:
        return selectors.incidents_in_full()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One incident. `ETag` is its version: name it in `If-Match` to change it."""
        return self._answer()

    @extend_schema(request=IncidentEditSerializer(partial=True), parameters=[IF_MATCH], responses=_WRITE_ANSWERS)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Correct fields. The change is kept in the history under the user's name."""
        incident = self.get_object()
        seen = seen_version(request)
        edit = IncidentEditSerializer(incident, data=request.data, partial=True)
        edit.is_valid(raise_exception=True)
        changes = dict(edit.validated_data)
        reason = changes.pop("reason", "")
        with _refusals():
            services.edit_incident(incident.pk, changes, person=request.user, reason=reason, seen_version=seen)
        return self._answer()

    @_step(None)
    def claim(self, request: Request, pk: Any = None) -> Response:
        """Take the incident into work. The claim lapses by itself; claiming again makes it last longer."""
        return self._take(review.claim)

    @_step(None)
    def release(self, request: Request, pk: Any = None) -> Response:
        """Give the incident back."""
        return self._take(review.release)

    @_step(None)
    def confirm(self, request: Request, pk: Any = None) -> Response:
        """Say that the assistant was right. Corrections are made by PATCH."""
        return self._take(review.confirm)

    @_step(DispatchSerializer, url_path="dispatch")
    def dispatch_department(self, request: Request, pk: Any = None) -> Response:
        """Say which department was sent."""
        return self._take(review.dispatch, DispatchSerializer)

    @_step(ReasonSerializer)
    def close(self, request: Request, pk: Any = None) -> Response:
        """Say that nothing more is to be done."""
        return self._take(review.close, ReasonSerializer)

    @_step(FalseCallSerializer, url_path="false-call")
    def false_call(self, request: Request, pk: Any = None) -> Response:
        """Say that nothing had happened."""
        return self._take(review.mark_false, FalseCallSerializer)

    @_step(ReasonSerializer)
    def reopen(self, request: Request, pk: Any = None) -> Response:
        """Undo the last step. Corrected values stay as they are."""
        return self._take(review.reopen, ReasonSerializer)

    @_step(OtherIncidentSerializer)
    def merge(self, request: Request, pk: Any = None) -> Response:
        """Make the incident a duplicate of another one, which becomes as urgent as the more urgent of the two."""
        return self._take(merging.merge, OtherIncidentSerializer)

    @_step(None)
    def split(self, request: Request, pk: Any = None) -> Response:
        """Undo a merge."""
        return self._take(merging.split)

    @_step(OtherIncidentSerializer)
    def link(self, request: Request, pk: Any = None) -> Response:
        """Say that the incident has to do with another one."""
        return self._take(merging.link, OtherIncidentSerializer)

    @_step(OtherIncidentSerializer)
    def unlink(self, request: Request, pk: Any = None) -> Response:
        """Take a link back."""
        return self._take(merging.unlink, OtherIncidentSerializer)

    def _take(self, step: Callable[..., Incident], body: type[Serializer] | None = None) -> Response:
        incident = self.get_object()
        seen = seen_version(self.request)
        values = {}
        if body is not None:
            given = body(data=self.request.data)
            given.is_valid(raise_exception=True)
            values = dict(given.validated_data)
        arguments = [values.pop(name) for name in ("department", "incident") if name in values]
        with _refusals():
            step(incident.pk, *arguments, person=self.request.user, seen_version=seen, **values)
        return self._answer()

    def _answer(self) -> Response:
        # The version is read first: where the incident changes in between, the tag is too old for a write to pass.
        version = services.latest_version(int(self.kwargs["pk"]))
        data = self.get_serializer(self.get_object()).data
        return Response(data, headers={"ETag": etag(version)})


@contextmanager
def _refusals() -> Iterator[None]:
    """Answers for what the services refuse: 412 for a stale version, 409 for a state, 400 for a value."""
    try:
        yield
    except StaleIncident as error:
        raise PreconditionFailed({"detail": error.messages[0], "code": error.code}) from error
    except ReviewRefused as error:
        raise Conflict({"detail": error.messages[0], "code": error.code}) from error
    except DjangoValidationError as error:
        raise ValidationError(as_serializer_error(error)) from error
    except Incident.DoesNotExist as error:
        raise ValidationError({"incident": [gettext("There is no such incident.")]}) from error
