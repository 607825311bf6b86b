"""What can be told of the dialplan by reading it: nothing of a caller reaches an application unfiltered, no way out is
missing, and its variables are those of `agi/variables.py` and `dialplan/README.md`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from agi import variables
from ari_app import places
from dialogue.audio import read_wav

DOORS = {value for name, value in vars(variables).items() if name.isupper()}
REPOSITORY = Path(__file__).resolve().parents[2]
DIALPLAN = REPOSITORY / "dialplan"
SOURCES = [DIALPLAN / "hotline.conf", DIALPLAN / "sandbox" / "extensions.conf"]
HOTLINE = (DIALPLAN / "hotline.conf").read_text("utf-8")
README = (DIALPLAN / "README.md").read_text("utf-8")
GLOBALS = (DIALPLAN / "hotline-globals.conf.sample").read_text("utf-8")

FOREIGN = (
    "EXTEN",
    "CALLERID",
    "CALLERIDNUM",
    "MEMBERINTERFACE",
    "CALL_OUTCOME",
    "CALL_REASON",
    "HANGUPCAUSE",
    "AGISTATUS",
    "AUDIOSOCKET_ID",
    "AUDIOSOCKET_SERVER",
)
"""Variables whose values come from callers, phones or the doors."""

ASTERISK = {
    *(
        "ARG1",
        "ARG2",
        "EPOCH",
        "QUEUESTATUS",
        "MEMBERINTERFACE",
        "HANGUPCAUSE",
        "AGISTATUS",
        "AGIEXITONHANGUP",
        "BRIDGERESULT",
        "STASISSTATUS",
    ),
    *("CALLERID", "CHANNEL", "TIMEOUT", "UUID", "FILTER", "LEN", "STAT", "IF", "BASE64_DECODE", "FILE", "BRIDGERESULT"),
    *("RAND", "CUT", "FIELDQTY"),
}


def steps(text: str) -> dict[str, list[str]]:
    """Applications by context, in order, with the includes as ``include NAME``."""
    found: dict[str, list[str]] = {}
    context = ""
    for raw in text.splitlines():
        line = raw.strip()
        if header := re.fullmatch(r"\[([\w-]+)\]", line):
            context = header[1]
            found[context] = []
        elif step := re.match(r"(?:exten|same) => (?:[^,]+,)?(?:\d+|n)(?:\(\w+\))?,(.*)", line):
            found[context].append(step[1])
        elif included := re.match(r"include => ([\w-]+)", line):
            found[context].append(f"include {included[1]}")
    return found


def unfiltered(application: str) -> list[str]:
    """Foreign variables that stand in an application other than as the text of FILTER()."""
    without = re.sub(r"\$\{FILTER\([^,()]*,\$\{\w+(?:\(\w+\))?\}\)\}", "", application)
    return [name for name in FOREIGN if re.search(rf"\$\{{{name}\b", without)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_nothing_foreign_reaches_an_application_unfiltered(source: Path) -> None:
    for context, applications in steps(source.read_text("utf-8")).items():
        for application in applications:
            # Comparing is harmless where the value was filtered and set again before.
            if re.match(r"(GotoIf|ExecIf)\(\$\[\"\$\{CALL_OUTCOME\}\"", application):
                continue
            assert not unfiltered(application), f"{context}: {application}"


def test_the_lint_sees_what_it_looks_for() -> None:
    assert unfiltered("Set(X=${EXTEN})") == ["EXTEN"]
    assert unfiltered("Dial(PJSIP/${EXTEN:1})") == ["EXTEN"]
    assert unfiltered("Set(X=${FILTER(0-9,${EXTEN})})") == []
    assert unfiltered("Set(X=${FILTER(0-9+,${CALLERID(num)})}${CALLERID(name)})") == ["CALLERID"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_nothing_runs_a_shell(source: Path) -> None:
    assert not re.search(r"(?i)\b(system|trysystem|shell|externalivr|exec)\(", source.read_text("utf-8"))


def test_every_way_to_a_door_is_followed_by_the_check_of_the_marker() -> None:
    seen = 0
    for applications in steps(HOTLINE).values():
        for position, application in enumerate(applications):
            if application.startswith(("AGI(", "Stasis(")):
                seen += 1
                follows = [
                    step for step in applications[position + 1 :] if not re.search("hotline-socket|STASISSTATUS", step)
                ]
                assert follows[0] == "Goto(hotline-after,s,1)"
                assert "include hotline-timeout" in applications
    assert seen
    after = steps(HOTLINE)["hotline-after"]
    assert after[0] == "Set(TIMEOUT(absolute)=0)"
    assert '"${CALL_OUTCOME}" = "completed"' in after[2]
    assert after[3] == "Goto(hotline-operators,s,1)", "all but the marker leads to a person"


def test_the_time_limit_finds_its_way_out_of_every_context() -> None:
    for context, applications in steps(HOTLINE).items():
        if context not in ("hotline-timeout", "hotline-ended"):
            assert "include hotline-timeout" in applications, context


def test_the_recording_and_the_end_report_are_set_up_before_the_assistant() -> None:
    begin = steps(HOTLINE)["hotline-begin"]
    first = [next(i for i, step in enumerate(begin) if step.startswith(word)) for word in ("Answer", "MixMonitor")]
    handler = next(i for i, step in enumerate(begin) if "hangup_handler_push" in step)
    assert handler < first[0] < first[1]
    assert steps(HOTLINE)["hotline"][0].startswith("Gosub(hotline-begin")


def test_the_doors_variables_are_the_dialplans() -> None:
    for name in DOORS:
        assert re.search(rf"\b{name}\b", HOTLINE), f"{name} is not in the dialplan"
        assert f"`{name}`" in README, f"{name} is not in dialplan/README.md"


def test_every_variable_is_one_of_the_doors_or_documented() -> None:
    used = set(re.findall(r"\$\{(\w+)", HOTLINE)) | set(re.findall(r"Set\((?:__)?(\w+)[=(]", HOTLINE))
    for name in used - DOORS - ASTERISK:
        whole = f"{name}<name>" if name.endswith("_") else name
        assert f"`{whole}`" in README, f"{name} is not in dialplan/README.md"


def test_every_global_has_a_value_in_the_sample() -> None:
    given = set(re.findall(r"(?m)^(\w+)=", GLOBALS))
    assigned = set(re.findall(r"Set\((?:__)?(\w+)=", HOTLINE))
    used = set(re.findall(r"(?:\$\{|CUT\(|FIELDQTY\()(CALL_\w+|AGI_SERVER|ARI_APPS)", HOTLINE))
    assert used - assigned == given


def test_every_announcement_exists_in_every_language() -> None:
    manifest = yaml.safe_load((REPOSITORY / "sounds" / "manifest.yaml").read_text("utf-8"))
    played = set(re.findall(r"\$\{CALL_ANNOUNCE\}/(\w+)\)", HOTLINE))
    assert played == set(manifest["announcements"])
    for name, announcement in manifest["announcements"].items():
        assert set(announcement["text"]) == set(manifest["voices"]) == {"ru", "kk", "uk", "en"}
        for language in announcement["text"]:
            file = REPOSITORY / "sounds" / language / f"{name}.wav"
            assert file.stat().st_size > 2 * manifest["rate"] * 2, f"{file} has two seconds at least"


def test_the_queues_own_words_and_numbers_exist_where_asterisk_brings_none() -> None:
    manifest = yaml.safe_load((REPOSITORY / "sounds" / "manifest.yaml").read_text("utf-8"))
    assert set(manifest["queue"]) == {
        "queue-youarenext",
        "queue-thereare",
        "queue-callswaiting",
        "queue-thankyou",
    }
    for language in ("kk", "uk"):
        numbers = manifest["digits"][language]
        # Numbers up to 99 are said as a ten and a unit.
        assert set(numbers) == {*range(21), *range(30, 100, 10)}
        names = [*manifest["queue"], *(f"digits/{number}" for number in numbers)]
        for name in names:
            sound = read_wav(REPOSITORY / "sounds" / language / f"{name}.wav")
            assert sound.rate == manifest["rate"]
            assert sound.seconds > 0.3, name
        assert all(language in words["text"] for words in manifest["queue"].values())


def test_callers_from_loopback_reach_the_hotline_and_nothing_else() -> None:
    assert steps(SOURCES[1].read_text("utf-8"))["from-loopback"] == [
        f"Goto(hotline,{extension},1)" for extension in (102, 112, 113)
    ]


def test_the_sandbox_listens_on_loopback_only() -> None:
    for file in (DIALPLAN / "sandbox").glob("*.conf"):
        for value in re.findall(r"(?m)^(?:bind|bindaddr)\s*=\s*([^:\s]+)", file.read_text("utf-8")):
            assert value == "127.0.0.1", file.name


def test_the_places_the_live_door_sends_calls_to_are_there_and_take_what_it_says() -> None:
    sent = (
        places.outcome("transfer", "caller_asked", "kk"),
        places.outcome("completed"),
        places.accepted("critical", "ru", "PJSIP/operator1-0000001a"),
        places.socket("0a1b2c3d-0000-4000-8000-000000000001", "pbx.example.org:9092"),
    )
    for context, extension in sent:
        assert f"[{context}]\nexten => _1*.,1," in re.sub(r"(?m)^;.*\n", "", HOTLINE)
        assert len(extension) < 80, "Asterisk cuts an extension there"
        assert f"`{context},1*" in README
