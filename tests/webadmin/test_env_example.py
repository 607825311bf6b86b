"""`.env.example`: every setting of doors and engines, with the default it has."""

from __future__ import annotations

import re
from pathlib import Path

from webadmin.config import Config, load_config

TEXT = (Path(__file__).parents[2] / ".env.example").read_text("utf-8")
SETTINGS = dict(re.findall(r"(?m)^#([A-Z_]+)=(.*)$", TEXT))


def test_every_setting_is_named() -> None:
    assert {name.upper() for name in Config.model_fields} <= set(SETTINGS)


def test_whoever_takes_every_line_as_it_stands_has_the_defaults(tmp_path: Path) -> None:
    folders = {
        name: SETTINGS[name].replace("var", str(tmp_path), 1) for name in ("SPOOL_DIR", "JOURNAL_DIR", "PBX_DIR")
    }
    assert load_config({**SETTINGS, **folders}, tmp_path) == load_config({}, tmp_path)


def test_no_comment_stands_behind_a_value_and_becomes_part_of_it() -> None:
    assert [value for value in SETTINGS.values() if re.search(r"\s", value)] == []
