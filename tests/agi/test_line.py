"""What a caller hears and says comes through the line; what goes wrong on it is a hang-up or an error with a code."""

from __future__ import annotations

import errno
import hashlib
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest

from agi import spool as spool_module
from agi.routes import AgiCall
from agi.spool import Spool
from dialogue.errors import CallerHungUp, ConfigurationError, LineError
from dialogue.ports import Briefing, ListenLimits, Spoken
from dialogue.turns import Key, Silence, TransferReason, Utterance
from tests.agi.conftest import Door, asks
from tests.fakes.agi_peer import CLOSE, DEAD
from tests.fakes.loudness import quiet, tone

LIMITS = ListenLimits(initial_silence=1.0, end_silence=0.6, longest=5.0)


class Words:
    """A `dialogue.ports.Speech` of given sound."""

    text = "Слушаю вас"

    def __init__(self, pcm: bytes, rate: int = 16_000) -> None:
        self.pcm, self.rate, self.made = pcm, rate, 0
        self.cache_key = hashlib.sha256(pcm).hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        self.made += 1
        yield self.pcm[:100]
        yield self.pcm[100:]


async def listen(call: AgiCall) -> object:
    return await call.line.listen(LIMITS)


async def test_the_caller_hears_the_speech_whole(door: Door) -> None:
    words = Words(tone(1.5, 16_000))
    handler, outcome = asks(lambda call: call.line.say(words))
    peer = await door.call(handler)
    assert outcome.value == Spoken(1.5, whole=True, key=None)
    [sound] = peer.played
    assert (door.spool / "speech" / f"{PurePosixPath(sound).name}.sln16").read_bytes() == words.pcm


async def test_a_speech_is_made_once_for_all_calls(door: Door) -> None:
    words = Words(tone(0.2, 8000), rate=8000)
    for _ in range(2):
        handler, outcome = asks(lambda call: call.line.say(words))
        await door.call(handler)
        assert outcome.value.whole
    assert words.made == 1


async def test_a_voice_of_a_rate_asterisk_does_not_know_is_resampled(door: Door) -> None:
    handler, outcome = asks(lambda call: call.line.say(Words(tone(1.0, 22_050), rate=22_050)))
    peer = await door.call(handler)
    assert outcome.value.seconds == pytest.approx(1.0, abs=0.01)
    assert (door.spool / "speech" / f"{PurePosixPath(peer.played[0]).name}.sln16").exists()


async def test_a_key_cuts_a_speech_short(door: Door) -> None:
    handler, outcome = asks(lambda call: call.line.say(Words(tone(2.0, 16_000))))
    await door.call(handler, answers={"STREAM FILE": b"200 result=48 endpos=8000\n"})
    assert outcome.value == Spoken(0.5, whole=False, key="0")


@pytest.mark.parametrize(
    ("words", "answers", "code"),
    [
        (Words(b""), {}, "speech_empty"),
        (Words(tone(0.1)), {"STREAM FILE": b"200 result=-1 endpos=0\n"}, "not_played"),
    ],
)
async def test_a_speech_that_cannot_be_heard_is_an_error(door: Door, words, answers, code) -> None:
    handler, outcome = asks(lambda call: call.line.say(words))
    peer = await door.call(handler, answers=answers)
    assert outcome.error.code == code
    assert "CALL_OUTCOME" not in peer.variables


async def test_a_speech_that_finds_the_disk_full_is_an_error(door: Door, monkeypatch) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(spool_module.tempfile, "mkstemp", full)
    handler, outcome = asks(lambda call: call.line.say(Words(tone(0.1))))
    await door.call(handler)
    assert outcome.error.code == "speech_not_written"


async def test_no_speech_is_written_outside_its_folder(door: Door) -> None:
    words = Words(tone(0.1))
    words.cache_key = "../../etc/passwd"
    handler, outcome = asks(lambda call: call.line.say(words))
    await door.call(handler)
    assert outcome.error.code == "speech_not_written"


async def test_what_the_caller_says_comes_in_wideband_and_is_kept(door: Door) -> None:
    said = quiet(0.3) + tone(1.0, hertz=6000.0) + quiet(1.0)
    handler, outcome = asks(listen)
    peer = await door.call(handler, utterances=[said])
    heard = outcome.value
    assert isinstance(heard, Utterance)
    assert heard.audio.rate == 16_000
    assert heard.audio.seconds == pytest.approx(2.3, abs=0.05)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(heard.audio.pcm, "<i2")))
    loudest = np.argmax(spectrum) / heard.audio.seconds
    assert loudest == pytest.approx(6000, abs=20)
    assert heard.source == f"utterances/{peer.call_id}/1.wav"
    with wave.open(io.BytesIO((door.spool / heard.source).read_bytes())) as kept:
        assert (kept.getframerate(), kept.readframes(10**6)) == (16_000, heard.audio.pcm)
    assert [file.name for file in (door.spool / "utterances" / peer.call_id).iterdir()] == ["1.wav"]


async def test_only_the_utterances_own_recording_is_stopped(door: Door) -> None:
    handler, _ = asks(listen)
    peer = await door.call(handler, utterances=[tone(0.5) + quiet(1.0)])
    assert 'EXEC StopMixMonitor "0x7f1"' in peer.commands


async def test_a_caller_who_pauses_is_not_interrupted(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[tone(0.5) + quiet(0.4) + tone(0.5) + quiet(0.7)])
    assert outcome.value.audio.seconds == pytest.approx(2.1, abs=0.05)


async def test_a_caller_who_goes_on_while_the_recording_stops_is_heard_on(door: Door) -> None:
    handler, outcome = asks(listen)
    said = [tone(0.5) + quiet(0.6), tone(0.5) + quiet(0.8)]
    await door.call(handler, utterances=said, late=[tone(0.3)])
    assert isinstance(outcome.value, Utterance)
    assert outcome.value.audio.seconds == pytest.approx(1.1 + 0.3 + 1.3, abs=0.06)


async def test_a_silent_caller_is_silence(door: Door) -> None:
    handler, outcome = asks(listen)
    peer = await door.call(handler, utterances=[quiet(3.0)])
    assert isinstance(outcome.value, Silence)
    assert outcome.value.seconds >= 1.0
    assert list((door.spool / "utterances" / peer.call_id).iterdir()) == []


async def test_a_phone_that_sends_nothing_is_silence_too(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[b""])
    assert isinstance(outcome.value, Silence)


async def test_a_phone_that_stops_sending_when_its_owner_stops_speaking_ends_the_utterance(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[tone(0.5)])
    assert isinstance(outcome.value, Utterance)
    assert not outcome.value.cut


async def test_a_caller_who_does_not_stop_is_cut(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[tone(6.0)])
    assert outcome.value.cut


async def test_half_a_sample_at_the_end_of_a_recording_does_no_harm(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[tone(0.5) + quiet(1.0) + b"\x01"])
    assert isinstance(outcome.value, Utterance)


async def test_a_key_ends_listening(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=["0"])
    assert outcome.value == Key("0")


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"EXEC MixMonitor": b"200 result=-2\n"}, "recording_not_started"),
        ({"GET VARIABLE": b"200 result=0\n"}, "recording_not_started"),
        ({"EXEC MixMonitor": b"200 result=0\n", "GET VARIABLE": b"200 result=1 (0x1)\n"}, "recording_not_written"),
    ],
)
async def test_a_caller_who_cannot_be_recorded_is_an_error(door: Door, answers, code) -> None:
    handler, outcome = asks(listen)
    peer = await door.call(handler, answers=answers)
    assert outcome.error.code == code
    assert "CALL_OUTCOME" not in peer.variables


async def test_a_full_disk_is_an_error_and_not_a_silent_caller(door: Door, monkeypatch) -> None:
    monkeypatch.setattr(spool_module.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[b""])
    assert outcome.error.code == "recording_not_written"


async def test_what_was_said_before_a_hang_up_is_not_lost(door: Door) -> None:
    handler, outcome = asks(listen)
    peer = await door.call(
        handler, utterances=[tone(0.5)], answers={'STREAM FILE "/var/spool/hotline/speech/sil': DEAD}
    )
    assert isinstance(outcome.error, CallerHungUp)
    utterance = outcome.error.utterance
    assert utterance is not None
    assert utterance.audio.seconds == pytest.approx(0.5, abs=0.05)
    assert (door.spool / utterance.source).exists()
    assert "CALL_OUTCOME" not in peer.variables


async def test_a_silent_caller_who_hangs_up_leaves_no_utterance(door: Door) -> None:
    handler, outcome = asks(listen)
    await door.call(handler, utterances=[quiet(0.5)], answers={"STREAM FILE": CLOSE})
    assert isinstance(outcome.error, CallerHungUp)
    assert outcome.error.utterance is None


@pytest.mark.parametrize("when", ["EXEC MixMonitor", "GET VARIABLE", "STREAM FILE", "EXEC StopMixMonitor"])
@pytest.mark.parametrize("how", [DEAD, CLOSE])
async def test_a_hang_up_in_any_step_of_listening_is_one(door: Door, when, how) -> None:
    handler, outcome = asks(listen)
    peer = await door.call(handler, utterances=[tone(0.3) + quiet(1.0)], answers={when: how})
    assert isinstance(outcome.error, CallerHungUp)
    assert "CALL_OUTCOME" not in peer.variables


@pytest.mark.parametrize("how", [DEAD, CLOSE, b"HANGUP\n200 result=-1 endpos=0\n"])
async def test_a_hang_up_while_speaking_is_one(door: Door, how) -> None:
    handler, outcome = asks(lambda call: call.line.say(Words(tone(0.3))))
    await door.call(handler, answers={"STREAM FILE": how})
    assert isinstance(outcome.error, CallerHungUp)


async def test_a_transfer_names_its_reason_and_sets_the_marker_last(door: Door) -> None:
    handler, _ = asks(lambda call: call.line.transfer(TransferReason.CRITICAL, None))
    peer = await door.call(handler)
    assert peer.commands == ['SET VARIABLE "CALL_REASON" "critical"', 'SET VARIABLE "CALL_OUTCOME" "transfer"']


async def test_a_transfer_tells_the_dialplan_the_callers_language_before_the_marker(door: Door) -> None:
    briefing = Briefing("драка", {}, language="kk")
    handler, _ = asks(lambda call: call.line.transfer(TransferReason.DANGER, briefing))
    peer = await door.call(handler)
    assert peer.variables == {"CALL_LANGUAGE": "kk", "CALL_REASON": "danger", "CALL_OUTCOME": "transfer"}
    assert peer.commands[-1] == 'SET VARIABLE "CALL_OUTCOME" "transfer"'


async def test_a_farewell_sets_the_marker_and_nothing_follows(door: Door) -> None:
    async def end(call: AgiCall) -> None:
        await call.line.hang_up()
        with pytest.raises(LineError, match="released"):
            await call.line.say(Words(tone(0.1)))

    handler, outcome = asks(end)
    peer = await door.call(handler)
    assert outcome.error is None
    assert peer.commands == ['SET VARIABLE "CALL_OUTCOME" "completed"']


@pytest.mark.parametrize("path", ["relative", "/a b", "/a,b", "/a)b", '/a"b', "/${SHELL(id)}"])
def test_a_spool_folder_that_asterisk_would_misread_stops_the_start(path: str) -> None:
    with pytest.raises(ConfigurationError, match="spool"):
        Spool(Path("/x"), PurePosixPath(path))
