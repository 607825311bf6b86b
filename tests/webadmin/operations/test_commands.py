"""The commands people type, run as they type them: in a process of their own, with an SQLite file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECONDS = 90


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("commands")
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "MEDIA_ROOT", "VAR_DIR"}}
    # Nothing listens there, so that doctor finds no door.
    environment = {
        **kept,
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "webadmin.settings",
        "AGI_BIND": "127.0.0.1:1",
    }
    manage(environment, "migrate", "-v0")
    return environment


def manage(environment: dict[str, str], *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("spoken")
    files = []
    for number, text in enumerate(("somebody stole my car last night", "twelve green street")):
        files.append(str(folder / f"{number}.wav"))
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", files[-1]], check=True, timeout=30)
    return files


def test_classify_answers_each_line_in_order_and_names_what_is_wrong_with_one(environment: dict[str, str]) -> None:
    lines = [
        {"id": "a", "language": "en", "text": "a man with a knife is attacking my wife"},
        {"id": "b", "language": "ru", "text": "соседи шумят, улица Абая 15"},
        {"id": "c", "language": "de", "text": "Hilfe"},
        {"id": "d", "language": "kk", "text": ""},
    ]
    typed = "\n".join(json.dumps(line) for line in lines) + "\nnot json\n"

    done = manage(environment, "classify", "--scenario", "intake_102", typed=typed)

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c", "d", None]
    assert (answers[0]["urgency"], answers[0]["weapons"]) == ("critical", True)
    assert (answers[1]["category"], answers[1]["weapons"]) == ("noise", None)
    assert "'de'" in answers[2]["error"]
    assert answers[3]["urgency"] is None
    assert "not a case" in answers[4]["error"]
    assert done.returncode == 1


def test_chat_leads_the_conversation_to_its_end(environment: dict[str, str]) -> None:
    done = manage(
        environment,
        "chat",
        "--scenario",
        "intake_102",
        "--language",
        "ru",
        typed="украли телефон\nулица Абая 15\nнет\n",
    )

    assert done.returncode == 0
    assert "автомат" in done.stdout
    assert "→ close" in done.stdout
    fields = json.loads(done.stdout[done.stdout.index("{") :])
    assert fields["category"] == "theft"
    assert "Абая" in fields["address"]


def test_a_simulated_call_becomes_an_incident_that_is_stored(
    environment: dict[str, str], spoken: list[str], tmp_path: Path
) -> None:
    done = manage(
        environment, "simulate_call", "--scenario", "intake_102", "--language", "en", "--save", str(tmp_path), *spoken
    )

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["category"] == "theft"
    assert "Green" in document["address"]
    assert "stole my car" in document["transcript"]
    assert document["engines"]["stt"] == "pocketsphinx"
    assert len(list(tmp_path.glob("*.wav"))) >= 2


def test_a_file_that_is_no_sound_is_refused_in_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    fake = tmp_path / "fake.wav"
    fake.write_bytes(b"MP3, really")

    done = manage(environment, "simulate_call", str(fake))

    assert done.returncode == 1
    assert "not a PCM WAV file" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_which_part_fails_and_what_to_do(environment: dict[str, str]) -> None:
    done = manage(environment, "doctor", "--json")

    findings = {found["name"]: found for found in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert [name for name, found in findings.items() if not found["ok"]] == ["agi_door"]
    assert "run_agi" in findings["agi_door"]["advice"]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("STT_ENGINE", "ears", "ears"),
        ("CALL_LANGUAGE", "ru", "pocketsphinx"),
        ("AGI_BIND", "here", "AGI_BIND=here"),
        ("OPENAI_BASE_URL", "x", "OPENAI_BASE_URL=x"),
    ],
)
def test_a_bad_setting_stops_the_door_with_one_sentence(
    environment: dict[str, str], setting: str, value: str, said: str
) -> None:
    done = manage({**environment, setting: value}, "run_agi")

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
