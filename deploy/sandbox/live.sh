#!/usr/bin/env bash
# A service of the live door; waits until there is a password for it: set, or made by the sandbox PBX.
# Usage: live.sh run_ari|run_watchdog
set -euo pipefail
if [ "$1" = run_ari ]; then given=${ARI_PASSWORD:-}; else given=${AMI_PASSWORD:-}; fi
secrets=${PBX_DIR:-var/pbx}/secrets.json
if [ -z "$given" ] && [ ! -s "$secrets" ] && ! grep -qsE '^(ARI|AMI)_PASSWORD=.' "${ENV_FILE:-.env}"; then
  echo "$1 waits for a PBX: start the sandbox's with 'make pbx', or set ARI_PASSWORD and AMI_PASSWORD."
  until [ -s "$secrets" ]; do sleep 2; done
fi
exec .venv/bin/python manage.py "$1"
