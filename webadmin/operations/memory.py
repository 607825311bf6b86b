"""How a door's process keeps its memory, so that no call waits for the tidying of it."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 10_000
"""New objects after which the youngest are looked through; Python's own 700 come together many times a second."""


def settle_memory() -> None:
    """Leave what is loaded so far out of garbage collection, and collect what comes later more rarely.

    To be called once, right before calls are taken; it takes some tenths of a second. A full collection stops every
    call while it looks through all there is (measured: 50 to 250 ms): mostly objects of the libraries, which are never
    garbage. What remains are those of calls, which hold sound and go in cycles, so they must not wait for long.
    """
    gc.collect()
    gc.freeze()
    # Full collections come when a quarter more has come to what the latest one found: without what is frozen.
    gc.collect()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
