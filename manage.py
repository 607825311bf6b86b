#!/usr/bin/env python3
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webadmin.settings")
    # Read once, when numpy is imported. Its threads would spin on the cores that calls need, and win nothing for the
    # short pieces of sound that are worked on here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here: run `make venv`, then .venv/bin/python manage.py …")
    execute_from_command_line(sys.argv)
