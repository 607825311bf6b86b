"""Incidents in the API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.viewsets import ReadOnlyModelViewSet

from webadmin.api.filters import StrictFilterBackend, StrictOrderingFilter
from webadmin.api.pagination import NewestFirst
from webadmin.api.permissions import ModelPermissions
from webadmin.incidents import selectors, services
from webadmin.incidents.filters import IncidentFilter
from webadmin.incidents.models import Incident
from webadmin.incidents.serializers import IncidentEditSerializer, IncidentSerializer


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

    def get_queryset(self) -> Any:
        return selectors.incidents_in_full()

    @extend_schema(request=IncidentEditSerializer(partial=True), responses=IncidentSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Correct fields. The change is kept in the history under the user's name."""
        incident = self.get_object()
        edit = IncidentEditSerializer(incident, data=request.data, partial=True)
        edit.is_valid(raise_exception=True)
        changes = dict(edit.validated_data)
        reason = changes.pop("reason", "")
        try:
            services.edit_incident(incident.pk, changes, author=request.user.get_username(), reason=reason)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(IncidentSerializer(self.get_object(), context=self.get_serializer_context()).data)
