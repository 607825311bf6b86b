"""Calls, turns and recordings in the API: to read only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from webadmin.api.filters import StrictFilterBackend, StrictOrderingFilter
from webadmin.api.negotiation import OneForm
from webadmin.api.pagination import NewestFirst
from webadmin.api.permissions import MayListen, ModelPermissions
from webadmin.calls import selectors, stats
from webadmin.calls.filters import CallFilter, TurnFilter
from webadmin.calls.models import Call, Recording, Turn
from webadmin.calls.playback import recording_response
from webadmin.calls.serializers import (
    CallSerializer,
    HearingQuerySerializer,
    HearingStatsSerializer,
    TurnSerializer,
)


class CallViewSet(ReadOnlyModelViewSet):
    """Calls, newest first."""

    queryset = Call.objects.none()
    serializer_class = CallSerializer
    permission_classes = [ModelPermissions]
    filter_backends = [StrictFilterBackend, StrictOrderingFilter]
    filterset_class = CallFilter
    ordering_fields = ("started_at", "ended_at")
    ordering_ties = ("-started_at", "-id")
    pagination_class = NewestFirst

    def get_queryset(self) -> Any:
        return selectors.calls_in_full()

    @extend_schema(
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="Part of the file, as `bytes=0-1023`")
        ],
        responses={
            (200, "audio/wav"): OpenApiTypes.BINARY,
            (206, "audio/wav"): OpenApiTypes.BINARY,
            404: OpenApiResponse(description="No such call, or it has no recording"),
            416: OpenApiResponse(description="The file has no such part"),
        },
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        permission_classes=[IsAuthenticated, MayListen],
        content_negotiation_class=OneForm,
        filter_backends=[],
        pagination_class=None,
    )
    def recording(self, request: Request, pk: Any = None) -> HttpResponseBase:
        """The sound of the call, or the part that a `Range` header asks for. Needs `calls.view_recording`."""
        found = get_object_or_404(Recording, call_id=pk)
        response = recording_response(request._request, found)
        response.headers["Cache-Control"] = "private, no-store"
        return response


class TurnViewSet(ReadOnlyModelViewSet):
    """Turns of calls; `?call=` gives one conversation in its order."""

    queryset = Turn.objects.all()
    serializer_class = TurnSerializer
    permission_classes = [ModelPermissions]
    filter_backends = [StrictFilterBackend, StrictOrderingFilter]
    filterset_class = TurnFilter
    ordering_fields = ("started_at", "number")
    ordering_ties = ("started_at", "number", "id")
    pagination_class = NewestFirst


class HearingStatsView(APIView):
    """What callers heard, per day and engines: percentiles over every answer of the calls that were measured."""

    queryset = Call.objects.none()
    permission_classes = [ModelPermissions]

    USUAL = timedelta(days=30)
    LONGEST = timedelta(days=366)
    EARLIEST, LATEST = date(1970, 1, 1), date(2200, 1, 1)

    @extend_schema(parameters=[HearingQuerySerializer], responses=HearingStatsSerializer)
    def get(self, request: Request) -> Response:
        """Percentiles per day and engines. A year at most; fillers are no answers."""
        query = HearingQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        if unknown := set(request.query_params) - set(query.fields) - {"format"}:
            known = ", ".join(query.fields)
            raise ValidationError(dict.fromkeys(sorted(unknown), f"No such filter. Known: {known}."))
        wanted = query.validated_data
        last = wanted.get("to") or timezone.localdate()
        first = wanted.get("from") or max(self.EARLIEST, last) - self.USUAL
        if not self.EARLIEST <= first <= last <= self.LATEST:
            raise ValidationError({"from": "From 1970 to 2200, and not after `to`."})
        if last - first > self.LONGEST:
            raise ValidationError({"from": f"{self.LONGEST.days} days at most."})
        found = stats.hearing_per_day(first, last, door=wanted.get("door", ""), scenario=wanted.get("scenario", ""))
        return Response(HearingStatsSerializer({"results": found}).data)
