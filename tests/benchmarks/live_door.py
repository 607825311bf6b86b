"""`manage.py run_ari` with the instant engines, as a process: ``python -m tests.benchmarks.live_door``.

``BENCH_PROFILE`` names a file for what `cProfile` finds, written at the end.
"""

from __future__ import annotations

import cProfile
import os

import django
from django.core.management import call_command

from dialogue.providers import registry
from dialogue.scenarios import registry as scenarios

PROFILE_SETTING = "BENCH_PROFILE"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webadmin.settings")
    django.setup()
    registry.STT_ENGINES["whose"] = "tests.benchmarks.live_engines:WhoseVoice"
    registry.TTS_ENGINES["prepared"] = "tests.benchmarks.live_engines:PreparedSound"
    # Extension 112 asks for this scenario.
    scenarios.SCENARIOS["intake_102"] = "tests.benchmarks.live_engines:Numbers"
    target = os.environ.get(PROFILE_SETTING)
    if not target:
        call_command("run_ari")
        return
    profile = cProfile.Profile()
    try:
        profile.runcall(call_command, "run_ari")
    finally:
        profile.dump_stats(target)


if __name__ == "__main__":
    main()
