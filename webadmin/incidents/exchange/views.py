"""One incident in the API as EIDO JSON and as a CAP alert."""

from __future__ import annotations

import json
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.views import APIView

from webadmin.api.negotiation import OneForm
from webadmin.api.permissions import ModelPermissions
from webadmin.audit import services as audit
from webadmin.audit.models import Action
from webadmin.incidents.exchange.cap import cap_alert
from webadmin.incidents.exchange.eido import eido_document
from webadmin.incidents.exchange.report import Report, incidents_to_send, report
from webadmin.incidents.exchange.serializers import CapQuerySerializer, NothingToAskSerializer
from webadmin.incidents.models import Incident

log = structlog.get_logger(__name__)

EIDO_TYPE, CAP_TYPE = "application/json", "application/cap+xml"

_EIDO_EXAMPLE = {
    "$id": "urn:emergency:uid:incidentid:0b7c…:102.example.kz",
    "eidoVersion": "1.0",
    "issuingElementIdentification": "102.example.kz",
    "incidentComponent": {"incidentTypeCommonRegistryText": "ASSAULT", "incidentCommonPriorityNumber": 7},
}
_CAP_EXAMPLE = """<?xml version='1.0' encoding='utf-8'?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>102.example.kz.0b7c….1764000000000</identifier>…</alert>
"""
_NOT_FOUND = OpenApiResponse(description="No such incident")


class _ExchangeView(APIView):
    queryset = Incident.objects.none()
    permission_classes = [ModelPermissions]
    content_negotiation_class = OneForm

    def wanted(
        self, request: Request, pk: str, query_class: type[Any], **options: Any
    ) -> tuple[Report, dict[str, Any]]:
        query = query_class(data=request.query_params)
        query.is_valid(raise_exception=True)
        return report(get_object_or_404(incidents_to_send(), pk=pk), **options), query.validated_data

    def answer(
        self, request: Request, sent: Report, form: str, content: str | bytes, content_type: str
    ) -> HttpResponse:
        log.info(
            "incident_sent", call_id=str(sent.incident.call_id), stage="office", form=form, user_id=request.user.pk
        )
        audit.record(
            Action.EXPORT,
            actor=request.user.get_username(),
            kind="incident",
            object_id=sent.incident.pk,
            call_id=sent.incident.call_id,
            detail={"form": form},
        )
        headers = {
            "Content-Disposition": f'attachment; filename="incident-{sent.incident.pk}.{form}"',
            "Cache-Control": "private, no-store",
        }
        return HttpResponse(content, content_type=content_type, headers=headers)


class EidoView(_ExchangeView):
    @extend_schema(
        operation_id="incidents_eido",
        tags=["v1"],
        responses={
            (200, EIDO_TYPE): OpenApiResponse(
                OpenApiTypes.OBJECT, "The incident", examples=[OpenApiExample("beginning", _EIDO_EXAMPLE)]
            ),
            404: _NOT_FOUND,
        },
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        """The incident as an Emergency Incident Data Object, NENA-STA-021.1b.

        Telephone numbers are told to who has `calls.view_caller_number`; for others they are taken out.
        """
        sent, _ = self.wanted(request, pk, NothingToAskSerializer, in_full=True)
        with_numbers = request.user.has_perm("calls.view_caller_number")
        document = eido_document(sent, domain=settings.EIDO_DOMAIN, with_numbers=with_numbers)
        content = json.dumps(document, ensure_ascii=False, indent=2)
        return self.answer(request, sent, "eido.json", content, EIDO_TYPE)


class CapView(_ExchangeView):
    @extend_schema(
        operation_id="incidents_cap",
        tags=["v1"],
        parameters=[CapQuerySerializer],
        responses={
            (200, CAP_TYPE): OpenApiResponse(
                OpenApiTypes.STR, "The alert", examples=[OpenApiExample("beginning", _CAP_EXAMPLE)]
            ),
            404: _NOT_FOUND,
        },
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        """The incident as an alert of the Common Alerting Protocol 1.2, for the services that handle it."""
        sent, query = self.wanted(request, pk, CapQuerySerializer, in_full=False)
        content = cap_alert(
            sent, domain=settings.EIDO_DOMAIN, status=settings.CAP_STATUS, with_summary=query["summary"]
        )
        return self.answer(request, sent, "cap.xml", content, CAP_TYPE)
