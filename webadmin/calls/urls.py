"""Pages about calls that are not the admin's own."""

from django.urls import path

from webadmin.calls import playback

app_name = "calls"
urlpatterns = [path("recordings/<uuid:call_id>/", playback.recording, name="recording")]
