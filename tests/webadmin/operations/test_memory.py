"""A door that serves does not stop to look through what it loaded at its start."""

from __future__ import annotations

import subprocess
import sys

SETTLED = """
import gc
import weakref

import aiohttp, numpy
from webadmin.operations.memory import settle_memory

collections = []
gc.callbacks.append(lambda phase, info: collections.append(info["generation"]) if phase == "stop" else None)
loaded = len(gc.get_objects())
settle_memory()
assert len(gc.get_objects()) < loaded / 100, (len(gc.get_objects()), loaded)
collections.clear()
kept = [[] for _ in range(200_000)]
assert 2 not in collections, collections


class Ring:
    pass


ring = Ring()
ring.itself = ring
left = weakref.ref(ring)
del ring
kept = [[] for _ in range(200_000)]
assert left() is None, "what is garbage still goes"
"""


def test_what_is_loaded_is_never_looked_through_again_and_what_is_new_still_is() -> None:
    # In a process of its own: nobody else's garbage is to be frozen.
    subprocess.run([sys.executable, "-c", SETTLED], check=True, timeout=60)
