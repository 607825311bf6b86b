"""Whether an instance lives, told from the signs of life it leaves in Asterisk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LONGEST_LOOK_GAP = 1.5


class Life(StrEnum):
    """What is known of an instance."""

    ALIVE = "alive"
    SILENT = "silent"
    STOPPED = "stopped"


@dataclass(slots=True)
class Pulse:
    """The signs of life of one instance.

    Silent is whoever has given no new sign for ``patience`` seconds by two clocks: Asterisk's, in which signs are
    written, and our own. So neither a step of Asterisk's clock nor a look that was late takes calls away from an
    instance that serves them. Until a sign has been seen to change, Asterisk's clock is trusted alone, less the second
    that whole seconds may exaggerate by: a watchdog that has just been started does not wait once more.

    Args:
        patience: seconds without a new sign.
    """

    patience: float
    _value: str | None = None
    _changed: float = float("-inf")
    _looked: float | None = None

    def look(self, value: str, asterisk_now: int, now: float) -> Life:
        """Take what the global variable holds now and judge.

        Args:
            value: seconds since the epoch, negative where no further call is taken; ``0``: stopped; else nothing yet.
            asterisk_now: seconds since the epoch by Asterisk's clock, asked together with ``value``.
            now: our own monotonic clock, seconds.
        """
        first = self._looked is None
        if self._looked is not None and now - self._looked > LONGEST_LOOK_GAP:
            # We did not look for so long: this machine may have stood still, and the instance with it.
            self._changed = now
        self._looked = now
        if value != self._value:
            self._value = value
            # A variable that a reload has emptied is no sign of life, and no proof of the contrary either.
            if not first or not _beat(value):
                self._changed = now
        if value == "0":
            return Life.STOPPED
        ours = now - self._changed
        theirs = abs(asterisk_now - _beat(value)) if _beat(value) else self.patience
        if ours == float("inf"):
            theirs -= 1
        return Life.SILENT if min(theirs, ours) >= self.patience else Life.ALIVE


def _beat(value: str) -> int:
    """Seconds since the epoch; 0 where the value is none."""
    digits = value.removeprefix("-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else 0
