"""Addresses of the REST API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from webadmin.calls.views import CallViewSet, HearingStatsView, TurnViewSet
from webadmin.incidents.exchange.views import CapView, EidoView
from webadmin.incidents.views import IncidentViewSet

router = SimpleRouter()
router.register("calls", CallViewSet)
router.register("turns", TurnViewSet)
router.register("incidents", IncidentViewSet)

urlpatterns = [
    path("v1/stats/hearing/", HearingStatsView.as_view(), name="stats-hearing"),
    path("v1/incidents/<str:pk>/eido/", EidoView.as_view(), name="incident-eido"),
    path("v1/incidents/<str:pk>/cap/", CapView.as_view(), name="incident-cap"),
    path("v1/", include((router.urls, "api"))),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
