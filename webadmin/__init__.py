"""The office: what people see and integrators use, and the only place that knows Django."""

from webadmin.celery import app as celery_app

__all__ = ["celery_app"]
