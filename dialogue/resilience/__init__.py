"""The stages of a call behind time limits, retries, fail-over and circuit breakers, as `dialogue.failover` has them."""

from dialogue.failover import Attempt, CircuitBreaker, Policy
from dialogue.resilience.recogniser import Recogniser
from dialogue.resilience.recognition import Recognition
from dialogue.resilience.speaker import Speaker
from dialogue.resilience.speech import PreparedSpeech, StreamedSpeech
from dialogue.resilience.thinker import Thinker, Thought, ThoughtStream
from dialogue.speech_cache import SpeechCache

__all__ = [
    "Attempt",
    "CircuitBreaker",
    "Policy",
    "PreparedSpeech",
    "Recogniser",
    "Recognition",
    "Speaker",
    "SpeechCache",
    "StreamedSpeech",
    "Thinker",
    "Thought",
    "ThoughtStream",
]
