#!/usr/bin/env bash
# A Celery worker with its beat, where a broker is set; without one post-call work runs inside the doors.
set -euo pipefail
export DJANGO_SETTINGS_MODULE=${DJANGO_SETTINGS_MODULE:-webadmin.settings}
broker=$(.venv/bin/python -c 'import django; django.setup(); from django.conf import settings; print(settings.CELERY_BROKER_URL)')
if [ -z "$broker" ]; then
  echo "No CELERY_BROKER_URL: no worker is needed."
  exit 0
fi
exec .venv/bin/celery -A webadmin worker -B -s var/celerybeat-schedule --concurrency 2 --loglevel INFO
