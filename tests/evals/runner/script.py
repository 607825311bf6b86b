"""What a scenario file may say. Every time is in milliseconds where the name ends in ``_ms``, else in seconds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from dialogue.events import CallStatus
from dialogue.turns import TransferReason

Level = Annotated[float, Field(ge=-70, le=-3)]
"""Loudness: root mean square in dB of full scale. Speech on a telephone has about -20."""

Keys = Annotated[str, Field(pattern=r"^[0-9*#]+$")]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class Strict(BaseModel):
    """A mapping whose every name is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sound(Strict):
    """One sound of the caller's: words, a file, or something that is no speech.

    Args:
        text: words to speak.
        file: a WAV file, relative to the scenario file.
        cough: a cough.
        voice: a flite voice (``slt``, ``rms``), or ``espeak:<language>``; the file's own where it is left out.
        level_db: its loudness; as it was made where left out.
    """

    text: str = Field(default="", max_length=2000)
    file: str = ""
    cough: bool = False
    voice: str | None = Field(default=None, pattern=r"^([a-z0-9]+|espeak:[a-z]{2})$")
    level_db: Level | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(bool(value) for value in (self.text.strip(), self.file, self.cough)) != 1:
            raise ValueError("needs exactly one of text, file, cough")
        return self


def _sound(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


Say = Annotated[Sound, BeforeValidator(_sound)]


class Interrupt(Strict):
    """Cut into the assistant's speech.

    Args:
        after_ms: from the assistant's first sound.
        say: what is said; or
        dtmf: the keys that are pressed.
        cough: a cough instead.
    """

    after_ms: NonNegativeInt = 800
    say: Say | None = None
    dtmf: Keys | None = None
    cough: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.say is not None) + (self.dtmf is not None) + self.cough != 1:
            raise ValueError("needs exactly one of say, dtmf, cough")
        return self


class Noise(Strict):
    """Noise or music for some seconds. ``room``: it lies under the rest of the call, and the script goes on at once."""

    level_db: Level = -40.0
    seconds: PositiveFloat = Field(default=3.0, le=300)
    room: bool = False


class Expect(Strict):
    """The assistant speaks, or goes on speaking.

    Args:
        speaks: it begins to speak after what the caller did last.
        within_ms: from the caller's last sound (a key: its end; at the start: the answer) to its first.
        continues_ms: it goes on for so long as if nothing had happened.
    """

    speaks: Literal[True] | None = None
    within_ms: PositiveInt = 10_000
    continues_ms: PositiveInt | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.speaks is None) == (self.continues_ms is None):
            raise ValueError("needs speaks: true or continues_ms")
        return self


class Resumes(Strict):
    """The assistant, silenced by a sound of the caller's, goes on. ``within_ms``: after that sound's end."""

    within_ms: PositiveInt = 1500


class Absent(Strict):
    """Something does not happen for so long. ``text`` is looked up in what the assistant is on record to have said."""

    speech: Literal[True] | None = None
    text: str | None = None
    for_ms: PositiveInt = 2000

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.speech is None) == (self.text is None):
            raise ValueError("needs speech: true or text")
        return self


class Transferred(Strict):
    """A person answers.

    Args:
        reason: why, as the call record has it.
        within_ms: from what the caller did last until the operator's phone has answered.
        accept: key the operator presses once the briefing has been spoken, at a door that asks; another than 1 is a no.
    """

    reason: TransferReason | None = None
    within_ms: PositiveInt = 20_000
    accept: Keys | None = None


class OperatorHears(Strict):
    """What the caller says now is heard by the operator within so long."""

    say: Say
    within_ms: PositiveInt = 1500


class Ended(Strict):
    """The call is over. ``by``: who hung up."""

    by: Literal["us", "them"] = "them"
    within_ms: PositiveInt = 20_000


ACTIONS = (
    *("say", "interrupt", "noise", "music", "silence", "dtmf", "hang_up", "expect", "absent"),
    *("stops_within_ms", "resumes", "transferred", "operator_hears", "ended"),
)


class Step(Strict):
    """One thing that the caller does or that must be so: exactly one of its names but ``after``.

    Args:
        after: when a caller's action begins: ``quiet``, once the assistant has spoken and fallen quiet; or
            milliseconds after the step before. ``say`` alone waits for quiet by itself, the others do not.
    """

    after: Literal["quiet"] | NonNegativeInt | None = None
    say: Say | None = None
    interrupt: Interrupt | None = None
    noise: Noise | None = None
    music: Noise | None = None
    silence: PositiveFloat | None = Field(default=None, le=300)
    dtmf: Keys | None = None
    hang_up: Literal[True] | None = None
    expect: Expect | None = None
    absent: Absent | None = None
    stops_within_ms: PositiveInt | None = None
    resumes: Resumes | None = None
    transferred: Transferred | None = None
    operator_hears: OperatorHears | None = None
    ended: Ended | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        found = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(found) != 1:
            named = ", ".join(found) or "none"
            raise ValueError(f"a step does exactly one thing, not {named}; it may be: {', '.join(ACTIONS)}")
        return self

    @property
    def action(self) -> str:
        """Name of the one thing it does."""
        return next(name for name in ACTIONS if getattr(self, name) is not None)


class Record(Strict):
    """What the office has of the call once it is over; what is left out is not judged.

    Args:
        status: final status.
        end_reason: why, e.g. a transfer reason.
        incident: fields of the incident and their values; a text counts where it is part of the value, whatever case.
        transcript_contains: words that were understood.
        transcript_lacks: words that must not be there.
        said_contains: words of the assistant's, as far as they were heard.
        said_lacks: words it must not have said.
        interruptions: outcome of each time the assistant was interrupted.
        not_heard_whole: at least one reply is on record as cut short.
        filler_said: a phrase that only bridges a wait was said.
    """

    status: CallStatus | None = None
    end_reason: str | None = None
    incident: dict[str, str | int | bool | None] = Field(default_factory=dict)
    transcript_contains: Texts = ()
    transcript_lacks: Texts = ()
    said_contains: Texts = ()
    said_lacks: Texts = ()
    interruptions: tuple[Literal["resumed", "dropped"], ...] | None = None
    not_heard_whole: bool | None = None
    filler_said: bool | None = None


class Script(Strict):
    """A scenario file.

    Args:
        about: what it shows, in a sentence.
        language: ISO 639-1 code the caller speaks; espeak-ng speaks what is not English.
        extension: that is dialled.
        codec: of the caller's phone.
        voice: of the caller, as in `Sound`.
        operators: whether operators' phones are there and answer.
        room: noise under the whole call.
        quiet_ms: silence after which the assistant has fallen quiet.
        repeats: how often the call is placed.
        pass_rate: share of the calls in which every step must pass.
        longest_seconds: after which a call is given up.
        needs: what the door must have: ``slow_model``, a model that takes seconds, and never answers of music;
            ``warm_transfer``, operator1 is told what the call is about and asked.
    """

    about: str = Field(min_length=1)
    language: str = Field(default="en", pattern="^[a-z]{2}$")
    extension: str = Field(default="112", pattern=r"^\d+$")
    codec: Literal["G722", "L16", "PCMU", "PCMA"] = "G722"
    voice: str | None = Field(default=None, pattern=r"^([a-z0-9]+|espeak:[a-z]{2})$")
    operators: bool = False
    room: Noise | None = None
    quiet_ms: PositiveInt = 900
    repeats: PositiveInt = 1
    pass_rate: float = Field(default=1.0, gt=0, le=1)
    longest_seconds: PositiveFloat = Field(default=120.0, le=900)
    needs: Literal["slow_model", "warm_transfer"] | None = None
    steps: tuple[Step, ...] = Field(min_length=1)
    record: Record = Field(default_factory=Record)

    @model_validator(mode="after")
    def _operators(self) -> Self:
        needing = any(step.transferred or step.operator_hears for step in self.steps)
        if needing and not self.operators:
            raise ValueError("a transfer needs operators: true")
        return self

    @property
    def speaker(self) -> str:
        """Voice of words that name none."""
        return self.voice or ("slt" if self.language == "en" else f"espeak:{self.language}")
