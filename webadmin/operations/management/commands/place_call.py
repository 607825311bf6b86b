"""``manage.py place_call``: call a number and say one recorded sentence after the other."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from dialogue.audio import Audio, AudioFormatError, read_wav
from webadmin.operations.command import HotlineCommand
from webadmin.operations.sip_message import SipSyntaxError
from webadmin.operations.sip_phone import CallFailed, SipPhone
from webadmin.operations.sip_rtp import CODECS


class Command(HotlineCommand):
    help = "Place a SIP call; say each WAV file when the other side has fallen silent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("uri", help="whom to call, e.g. sip:102@127.0.0.1:5060")
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE.wav", help="what to say, turn by turn")
        parser.add_argument("--codec", choices=sorted(CODECS), default="G722")
        parser.add_argument("--caller", default="+77010000000", help="number to call from")
        parser.add_argument("--keys", default="", help="keys to press after the last file, e.g. 0")
        parser.add_argument("--save", type=Path, metavar="FILE.wav", help="write what was heard")
        parser.add_argument("--longest", type=float, default=300.0, metavar="SECONDS", help="hang up after this long")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sounds = [(path.name, read_wav(path)) for path in options["files"]]
        except AudioFormatError as error:
            raise CommandError(str(error)) from error
        self._began = time.monotonic()
        try:
            heard = self.run_async(self._call(options, sounds))
        except CallFailed as error:
            raise CommandError(f"The call was not answered: {error}") from error
        except SipSyntaxError as error:
            raise CommandError(str(error)) from error
        if heard is not None and options["save"]:
            options["save"].write_bytes(heard.to_wav())
            self._show(f"wrote {options['save']}, {heard.seconds:.1f} s")

    async def _call(self, options: dict[str, Any], sounds: list[tuple[str, Audio]]) -> Audio:
        longest = options["longest"]
        async with SipPhone(user=options["caller"]) as phone:
            self._show(f"calling {options['uri']} with {options['codec']}")
            call = await phone.call(options["uri"], codec=options["codec"])
            self._show("answered")
            for name, sound in sounds:
                heard = await call.hear_until_quiet(longest_seconds=longest)
                if call.ended.is_set():
                    break
                self._show(f"heard {heard.seconds:.1f} s; saying {name}, {sound.seconds:.1f} s")
                await call.say(sound)
            for key in options["keys"]:
                self._show(f"pressing {key}")
                await call.press(key)
            try:
                end = await call.wait_ended(max(1.0, longest - (time.monotonic() - self._began)))
                self._show(f"the other side hung up, cause {end.cause or 'unknown'}")
            except TimeoutError:
                self._show("hanging up: the longest time is over")
                await call.hang_up()
            return call.received

    def _show(self, text: str) -> None:
        self.stdout.write(f"{time.monotonic() - self._began:6.1f} s  {text}")
        self.stdout.flush()
