#!/usr/bin/env python3
"""The sandbox PBX: renders Asterisk's configuration from `dialplan/` and runs Asterisk in the foreground.

Everything listens on 127.0.0.1. Settings come from the environment, else from `.env`, else from `pbx_config.DEFAULTS`.
Needs nothing but Python's standard library, and no root once Asterisk is installed.

    pbx.py                       run until SIGINT or SIGTERM
    pbx.py --cli "queue show"    run a command on the Asterisk that runs with the same PBX_DIR
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pbx_config import DIALPLAN, SOUNDS, PbxError, Settings, read_settings, render

BOOT_SECONDS = 60.0
STOP_SECONDS = 10.0
OLDEST_WITHOUT_KNOWN_HOLES = {20: (20, 20, 1), 22: (22, 10, 1)}


@dataclass(frozen=True)
class Asterisk:
    """An Asterisk that can be run.

    Args:
        root: folder that holds its file system; `/` for an installed one.
        entered: whether bubblewrap makes `root` its file system, so that folders keep their usual paths in it.
    """

    root: Path
    entered: bool = False

    @property
    def seen(self) -> Path:
        """Its root as it sees the path itself."""
        return Path("/") if self.entered else self.root

    @property
    def modules(self) -> Path:
        """Its modules, as it sees the path."""
        library = self.root / "usr/lib"
        for found in [*sorted(library.glob("*/asterisk/modules")), *library.glob("asterisk/modules")]:
            return self.seen / found.relative_to(self.root)
        raise PbxError(f"Asterisk under {self.root} has no modules: run `make system`")

    def command(self, writable: list[Path], readable: list[Path]) -> list[str]:
        """Return the words that stand before Asterisk's own arguments. Neither way leaves mounts behind."""
        program = str(self.seen / "usr/sbin/asterisk")
        if self.entered:
            binds = [word for path in writable for word in ("--bind", str(path), str(path))]
            binds += [word for path in readable for word in ("--ro-bind", str(path), str(path))]
            return [
                *("bwrap", "--die-with-parent", *_capabilities()),
                *("--ro-bind", str(self.root / "usr"), "/usr"),
                *("--ro-bind", str(self.root / "etc"), "/etc", "--symlink", "usr/bin", "/bin"),
                *("--symlink", "usr/sbin", "/sbin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
                *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--dir", "/var"),  # noqa: S108
                *binds,
                program,
            ]
        if self.root == Path("/"):
            return [program]
        for loader in self.root.glob("usr/lib/*/ld-linux*.so*"):
            return [str(loader), "--library-path", str(loader.parent), program]
        raise PbxError(f"{self.root} has no program loader: remove it and run `make system`")


def find_asterisk(root: Path) -> Asterisk:
    """Choose an installed Asterisk that is new enough, else the root file system, else an older one with a warning.

    Raises:
        PbxError: there is none.
    """
    installed = Path("/usr/sbin/asterisk")
    version = _version(installed)
    if version and _without_known_holes(version):
        return Asterisk(Path("/"))
    if (root / "usr/sbin/asterisk").exists():
        return Asterisk(root, entered=_bubblewrap_works())
    if version:
        text = ".".join(map(str, version))
        sys.stderr.write(f"WARNING: Asterisk {text} is older than 22.10.1 (20.20.1) and has known holes.\n")
        return Asterisk(Path("/"))
    raise PbxError("Asterisk is not installed: run `make system`")


def check_ports(settings: Settings) -> None:
    """Make sure that nobody else has the ports.

    Raises:
        PbxError: somebody has one.
    """
    wanted = (
        ("SANDBOX_SIP_PORT", settings.sip, socket.SOCK_DGRAM),
        ("SANDBOX_AMI_PORT", settings.ami, socket.SOCK_STREAM),
        ("SANDBOX_HTTP_PORT", settings.http, socket.SOCK_STREAM),
    )
    for name, port, kind in wanted:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise PbxError(
                    f"Port {port} on 127.0.0.1 is taken ({error.strerror}): stop what has it, or set {name}"
                ) from error


def run(settings: Settings) -> int:
    """Run Asterisk until a signal ends it. Returns the exit status."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    asterisk = find_asterisk(settings.asterisk_root)
    control = settings.pbx / "run" / "asterisk.ctl"
    if _cli(settings, asterisk, "core show version").returncode == 0:
        raise PbxError(f"An Asterisk runs already with {settings.pbx}: stop it, or set PBX_DIR")
    check_ports(settings)
    control.unlink(missing_ok=True)
    config = render(settings, asterisk.seen, asterisk.modules)
    # -p: before whatever else wants the processor, where it may be; it owns the callers' clock.
    command = [*_prefix(settings, asterisk), "-f", "-T", "-p", "-C", str(config)]
    log = (settings.pbx / "log" / "console").open("wb")
    with log:
        # A session of its own: a terminal's Ctrl-C reaches us alone, and we end Asterisk in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=settings.pbx,
            preexec_fn=_end_with_parent(),
        )
    try:
        if not _booted(settings, asterisk, process, stopping):
            return 0
        sys.stdout.write(
            f"Sandbox PBX is up: SIP 127.0.0.1:{settings.sip} (UDP), AMI {settings.ami}, HTTP {settings.http}; "
            f"the hotline is extension 102 at AGI {settings.agi}; log {settings.pbx / 'log'}\n"
        )
        sys.stdout.flush()
        while process.poll() is None and not stopping:
            time.sleep(0.1)
        if process.poll() is not None:
            raise PbxError(f"Asterisk ended by itself with status {process.returncode}: {_why(settings)}")
        return 0
    finally:
        _stop(settings, asterisk, process)


def cli(settings: Settings, command: str) -> int:
    """Run a command on the running Asterisk and print its answer. Returns the exit status."""
    done = _cli(settings, find_asterisk(settings.asterisk_root), command)
    if done.returncode:
        raise PbxError(f"No Asterisk runs with {settings.pbx}: start it with `make pbx`")
    sys.stdout.write(done.stdout)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cli", metavar="COMMAND", help="run this on the running Asterisk's command line")
    arguments = parser.parse_args()
    try:
        settings = read_settings(os.environ)
        return cli(settings, arguments.cli) if arguments.cli else run(settings)
    except PbxError as error:
        sys.stderr.write(f"pbx: {error}\n")
        return 1


def _booted(settings: Settings, asterisk: Asterisk, process: subprocess.Popen[bytes], stopping: list[int]) -> bool:
    """Wait until Asterisk takes calls; False where it was told to stop meanwhile."""
    end = time.monotonic() + BOOT_SECONDS
    while not stopping:
        if process.poll() is not None:
            raise PbxError(f"Asterisk did not start: {_why(settings)}")
        if time.monotonic() > end:
            raise PbxError(f"Asterisk did not come up within {BOOT_SECONDS:g} s: {_why(settings)}")
        if (settings.pbx / "run" / "asterisk.ctl").exists():
            done = _cli(settings, asterisk, "core waitfullybooted")
            if done.returncode == 0 and "fully booted" in done.stdout:
                return True
        time.sleep(0.05)
    return False


def _stop(settings: Settings, asterisk: Asterisk, process: subprocess.Popen[bytes]) -> None:
    """End Asterisk: calls are hung up, so that each leaves its report, then the process goes."""
    if process.poll() is None:
        _cli(settings, asterisk, "core stop now")
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
    process.wait()


def _cli(settings: Settings, asterisk: Asterisk, command: str) -> subprocess.CompletedProcess[str]:
    config = settings.pbx / "etc" / "asterisk.conf"
    if not config.exists():
        return subprocess.CompletedProcess([], 1, "", "")
    words = [*_prefix(settings, asterisk), "-C", str(config), "-r", "-x", command]
    try:
        return subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=BOOT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, "", "")


def _prefix(settings: Settings, asterisk: Asterisk) -> list[str]:
    return asterisk.command(writable=[settings.pbx, settings.spool], readable=[DIALPLAN, SOUNDS])


def _why(settings: Settings) -> str:
    lines = (settings.pbx / "log" / "console").read_text("utf-8", "replace").strip().splitlines()
    return (lines[-1] if lines else "no message") + f" (log: {settings.pbx / 'log'})"


def _end_with_parent() -> Callable[[], None]:
    """Return what makes a child end with us, also where we are killed."""
    libc, set_death_signal = ctypes.CDLL(None), 1
    return lambda: libc.prctl(set_death_signal, signal.SIGTERM, 0, 0, 0)


def _capabilities() -> list[str]:
    """What bubblewrap leaves to root, else nothing: the right to real-time priority, for Asterisk's ``-p``."""
    return ["--cap-add", "CAP_SYS_NICE"] if os.geteuid() == 0 else []


def _bubblewrap_works() -> bool:
    """Whether this user may enter a root file system: some kernels and Ubuntu's AppArmor refuse it without root.

    Asterisk then runs straight out of the folder, with the folder's own libraries.
    """
    if shutil.which("bwrap") is None:
        return False
    words = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    return subprocess.run(words, capture_output=True, timeout=BOOT_SECONDS, check=False).returncode == 0


def _version(program: Path) -> tuple[int, ...] | None:
    if not program.exists():
        return None
    text = subprocess.run([str(program), "-V"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Asterisk (\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (0,)


def _without_known_holes(version: tuple[int, ...]) -> bool:
    return version >= OLDEST_WITHOUT_KNOWN_HOLES.get(version[0], OLDEST_WITHOUT_KNOWN_HOLES[22])


if __name__ == "__main__":
    sys.exit(main())
