"""What `deploy/sandbox/pbx.py` makes of its settings, and what it says where it cannot start."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

SANDBOX = Path(__file__).resolve().parents[2] / "deploy" / "sandbox"
sys.path.insert(0, str(SANDBOX))

import pbx_config  # noqa: E402


def settings(tmp_path: Path, **values: str) -> pbx_config.Settings:
    folders = {"PBX_DIR": str(tmp_path / "pbx"), "SPOOL_DIR": str(tmp_path / "spool"), "ENV_FILE": os.devnull}
    return pbx_config.read_settings({**folders, **values})


def test_every_placeholder_is_filled_and_only_the_owner_reads_the_result(tmp_path: Path) -> None:
    main = pbx_config.render(
        settings(tmp_path, SANDBOX_SIP_PORT="15061", CALL_LANGUAGE="kk"), Path("/"), Path("/modules")
    )
    for file in main.parent.iterdir():
        assert not re.search(r"@[A-Z_]+@", file.read_text()), file.name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "bind = 127.0.0.1:15061" in (main.parent / "pjsip.conf").read_text()
    assert "\nCALL_DEFAULT_LANGUAGE=kk\n" in (main.parent / "hotline-globals.conf").read_text()
    assert (tmp_path / "spool" / "ended").is_dir()


def test_asterisk_finds_its_own_sounds_and_ours_in_the_languages_it_has_none_for(tmp_path: Path) -> None:
    for _ in range(2):
        main = pbx_config.render(settings(tmp_path), Path("/where"), Path("/modules"))
    data = tmp_path / "pbx" / "data"
    assert f"astdatadir => {data}\n" in main.read_text()
    assert (data / "sounds" / "ru").readlink() == Path("/where/usr/share/asterisk/sounds/ru")
    assert all((data / "sounds" / language / "queue-thereare.wav").is_file() for language in ("kk", "uk"))


def test_passwords_are_made_once_and_differ_between_folders(tmp_path: Path) -> None:
    first = pbx_config.keep_secrets(tmp_path / "a.json", "")
    assert pbx_config.keep_secrets(tmp_path / "a.json", "") == first
    assert pbx_config.keep_secrets(tmp_path / "b.json", "")["ami"] != first["ami"]
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600
    assert pbx_config.keep_secrets(tmp_path / "a.json", "mine")["sip"] == "mine"


def test_settings_come_from_the_env_file_below_the_environment(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# AGI_BIND=1.1.1.1:1\nAGI_BIND=127.0.0.1:7000  # door\nSANDBOX_SIP_PORT='7001'\nOTHER=x\n")
    read = settings(tmp_path, ENV_FILE=str(env), SANDBOX_SIP_PORT="7002")
    assert (read.agi, read.sip) == ("127.0.0.1:7000", 7002)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_SIP_PORT", "0"),
        ("SANDBOX_AMI_PORT", "ami"),
        ("SANDBOX_RTP_END", "19999"),
        ("AGI_BIND", "4573"),
        ("AGI_BIND", "127.0.0.1:4573)\nexten => x"),
        ("CALL_LANGUAGE", "${EPOCH}"),
        ("SANDBOX_SIP_PASSWORD", "a\nb"),
        ("SPOOL_DIR", "/tmp/a;b"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(pbx_config.PbxError, match=name if name != "SPOOL_DIR" else "a;b"):
        settings(tmp_path, **{name: value})


def test_a_door_that_listens_everywhere_is_called_on_loopback(tmp_path: Path) -> None:
    assert settings(tmp_path, AGI_BIND="0.0.0.0:4573").agi == "127.0.0.1:4573"


@pytest.mark.live
def test_a_port_that_is_taken_is_named_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        environment = {**os.environ, "PBX_DIR": str(tmp_path), "SPOOL_DIR": str(tmp_path), "SANDBOX_SIP_PORT": port}
        done = subprocess.run(
            [sys.executable, str(SANDBOX / "pbx.py")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert "SANDBOX_SIP_PORT" in done.stderr
    assert done.stderr.count("\n") == 1
