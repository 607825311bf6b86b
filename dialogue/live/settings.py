"""How a live call takes turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from dialogue.live.ear import Pace


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a live call takes turns. All times in seconds.

    Args:
        pace: when a pause is one, and when it ends a turn.
        initial_silence: without voice after which the caller is asked whether they are there.
        soft_timeout: from the end of the caller's turn until a short honest phrase bridges the wait.
        bridge_every: of silence until the next such phrase; with the time a voice has to begin it stays below 5 s.
        hard_timeout: from the end of the caller's turn until a person takes over, whatever engines still try.
        voice_timeout: until the first sound of a reply must be there.
        guesses: pauses of one utterance that are worked on before it is over.
        noise: voice shorter than this in which no words were found counts as noise, not as something not understood.
    """

    pace: Pace = field(default_factory=Pace)
    initial_silence: float = 4.5
    soft_timeout: float = 1.8
    bridge_every: float = 3.4
    hard_timeout: float = 15.0
    voice_timeout: float = 4.0
    guesses: int = 3
    noise: float = 0.25
