"""The sandbox PBX's settings and configuration: `dialplan/` with this machine's ports and paths in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DIALPLAN = REPOSITORY / "dialplan"
SOUNDS = REPOSITORY / "sounds"
PHONES = ("operator1", "operator2", "phone1")
DATA = (
    "agi-bin",
    "documentation",
    "firmware",
    "keys",
    "phoneprov",
    "rest-api",
    "static-http",
    "sounds/en",
    "sounds/ru",
)
# Languages for which Asterisk has no sounds of its own.
OUR_SOUNDS = ("kk", "uk")
# Files that Asterisk complains of where they are missing, though its defaults serve.
EMPTY = ("acl", "ccss", "cel", "chan_websocket", "features", "pjproject", "stasis", "udptl", "websocket_client")

DEFAULTS = {
    "SANDBOX_SIP_PORT": "5060",
    "SANDBOX_AMI_PORT": "5038",
    "SANDBOX_HTTP_PORT": "8088",
    "SANDBOX_RTP_START": "20000",
    "SANDBOX_RTP_END": "20999",
    "AGI_BIND": "127.0.0.1:4573",
    "SPOOL_DIR": "",
    "PBX_DIR": "",
    "VAR_DIR": "var",
    "CALL_LANGUAGE": "",
    "SANDBOX_SIP_PASSWORD": "",
    "ASTERISK_ROOT": "",
}


class PbxError(Exception):
    """The PBX cannot run. Its text says what to do."""


@dataclass(frozen=True)
class Settings:
    """What the environment says, checked."""

    sip: int
    ami: int
    http: int
    rtp_start: int
    rtp_end: int
    agi: str
    spool: Path
    pbx: Path
    language: str
    sip_password: str
    asterisk_root: Path


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Check the settings.

    Raises:
        PbxError: one makes no sense.
    """
    values = {**DEFAULTS, **_dotenv(environment), **{k: v for k, v in environment.items() if k in DEFAULTS and v}}
    var = _folder(values["VAR_DIR"])
    agi = values["AGI_BIND"]
    if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):\d{1,5}", agi):
        raise PbxError(f"AGI_BIND must be host:port, not {agi!r}")
    agi = re.sub(r"^(0\.0\.0\.0|\[::\]):", "127.0.0.1:", agi)
    if values["CALL_LANGUAGE"] and not re.fullmatch("[a-z]{2}", values["CALL_LANGUAGE"]):
        raise PbxError("CALL_LANGUAGE must be two small letters, or empty")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", values["SANDBOX_SIP_PASSWORD"]):
        raise PbxError("SANDBOX_SIP_PASSWORD may hold letters, digits, - and _ only")
    settings = Settings(
        sip=_port(values, "SANDBOX_SIP_PORT"),
        ami=_port(values, "SANDBOX_AMI_PORT"),
        http=_port(values, "SANDBOX_HTTP_PORT"),
        rtp_start=_port(values, "SANDBOX_RTP_START"),
        rtp_end=_port(values, "SANDBOX_RTP_END"),
        agi=agi,
        spool=_folder(values["SPOOL_DIR"] or str(var / "spool")),
        pbx=_folder(values["PBX_DIR"] or str(var / "pbx")),
        language=values["CALL_LANGUAGE"],
        sip_password=values["SANDBOX_SIP_PASSWORD"],
        asterisk_root=_folder(values["ASTERISK_ROOT"] or str(REPOSITORY / "var" / "asterisk-root")),
    )
    if settings.rtp_end - settings.rtp_start < 3:
        raise PbxError("SANDBOX_RTP_END must be greater than SANDBOX_RTP_START by 3 at least")
    for path in (settings.spool, settings.pbx, REPOSITORY):
        if re.search(r"[^\w/.+-]", str(path)):
            raise PbxError(
                f"Asterisk's configuration cannot hold the path {path}: use letters, digits and / . _ + - only"
            )
    return settings


def render(settings: Settings, root: Path, modules: Path) -> Path:
    """Write the configuration to `PBX_DIR/etc` and make the folders Asterisk writes to. Returns `asterisk.conf`.

    Args:
        settings: ports and paths.
        root: root of Asterisk's file system, as Asterisk sees the path.
        modules: Asterisk's modules, as Asterisk sees the path.
    """
    pbx, etc = settings.pbx, settings.pbx / "etc"
    for folder in (etc, *(pbx / name for name in ("lib/keys", "run", "log", "spool/recording", "agi-bin"))):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("recordings", "ended"):
        (settings.spool / name).mkdir(parents=True, exist_ok=True)
    known = keep_secrets(pbx / "secrets.json", settings.sip_password)
    values = {
        "ETC": etc,
        "MODULES": modules,
        "PBX": pbx,
        "DATA": _data(pbx / "data", root / "usr/share/asterisk"),
        "SBIN": root / "usr/sbin",
        "DIALPLAN": DIALPLAN,
        "SIP_PORT": settings.sip,
        "AMI_PORT": settings.ami,
        "HTTP_PORT": settings.http,
        "RTP_START": settings.rtp_start,
        "RTP_END": settings.rtp_end,
        "AMI_SECRET": known["ami"],
        "ARI_SECRET": known["ari"],
        "PHONES": "\n".join(_phone(name, known["sip"]) for name in PHONES),
    }
    for template in sorted((DIALPLAN / "sandbox").glob("*.conf")):
        text = re.sub(r"@([A-Z_]+)@", lambda found: str(values[found[1]]), template.read_text("utf-8"))
        _write_private(etc / template.name, text)
    for name in EMPTY:
        _write_private(etc / f"{name}.conf", "")
    _write_private(etc / "hotline-globals.conf", _globals(settings))
    return etc / "asterisk.conf"


def keep_secrets(path: Path, sip_password: str) -> dict[str, str]:
    """Return the passwords of AMI, ARI (both user `hotline`) and of the phones, made once and kept in ``path``."""
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(path.read_text("utf-8"))
    for name in ("ami", "ari", "sip"):
        known.setdefault(name, secrets.token_urlsafe(24))
    if sip_password:
        known["sip"] = sip_password
    _write_private(path, json.dumps(known, indent=1) + "\n")
    return known


def _data(folder: Path, installed: Path) -> Path:
    """Make a data folder of links: Asterisk's own, and ours among its sounds. Returns it.

    Args:
        folder: to be made.
        installed: Asterisk's data, as Asterisk sees the path.
    """
    links = {name: installed / name for name in DATA} | {f"sounds/{name}": SOUNDS / name for name in OUR_SOUNDS}
    for name, target in links.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return folder


def _globals(settings: Settings) -> str:
    """The sample of the globals with the sandbox's values in it."""
    values = {
        "AGI_SERVER": settings.agi,
        "CALL_SPOOL": str(settings.spool),
        "CALL_SOUNDS": str(SOUNDS),
        "CALL_DEFAULT_LANGUAGE": settings.language,
    }
    text = (DIALPLAN / "hotline-globals.conf.sample").read_text("utf-8")
    for name, value in values.items():
        text = re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", text)
    return text


def _phone(name: str, password: str) -> str:
    return f"""[{name}](softphone)
auth = {name}
aors = {name}
callerid = {name} <{name}>

[{name}]
type = auth
auth_type = userpass
username = {name}
password = {password}

[{name}](account)
"""


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, in one step."""
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _dotenv(environment: Mapping[str, str]) -> dict[str, str]:
    """Our settings out of the file the office reads as well: plain NAME=value lines."""
    path = Path(environment.get("ENV_FILE") or REPOSITORY / ".env")
    if not path.is_file():
        return {}
    found = re.findall(r"(?m)^\s*(?:export\s+)?([A-Z_]+)=([^\s#]*)", path.read_text("utf-8", "replace"))
    return {name: value.strip("'\"") for name, value in found if name in DEFAULTS and value}


def _folder(text: str) -> Path:
    return (REPOSITORY / Path(text).expanduser()).resolve()


def _port(values: Mapping[str, str], name: str) -> int:
    try:
        port = int(values[name])
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise PbxError(f"{name} must be a port, 1 to 65535, not {values[name]!r}")
    return port
