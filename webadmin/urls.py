"""Addresses of the office."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from webadmin.api.views import healthz

admin.site.site_header = "Hotline"
admin.site.site_title = "Hotline"
admin.site.site_url = None

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("webadmin.api.urls")),
    path("healthz", healthz, name="healthz"),
    path("", include("webadmin.calls.urls")),
]
