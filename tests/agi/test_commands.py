"""A caller's text stays one argument, and whatever Asterisk answers is read as what it is or refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi.commands import MAX_LINE_BYTES, command_line, parse_headers, parse_result, quote
from dialogue.errors import LineError

NASTY = ['"', '\\"', "a\\", 'x" "y', "one\ntwo", "a\r\nHANGUP", "${SHELL(reboot)}", "\x00", "", "\u2028", "Абая 5"]


def asterisk_arguments(line: str) -> list[str]:
    """Take a command apart as Asterisk documents it: blanks separate, quotes group, a backslash makes literal."""
    words: list[str] = []
    quoted = escaped = False
    between = True
    for character in line:
        if not escaped and character == "\\":
            escaped = True
        elif not escaped and character == '"':
            quoted = not quoted
            if quoted and between:
                words.append("")
                between = False
        elif character in " \t" and not quoted and not escaped:
            between = True
        else:
            if between:
                words.append("")
                between = False
            words[-1] += character
            escaped = False
    return words


@given(st.one_of(st.text(), st.sampled_from(NASTY)))
def test_any_text_reaches_asterisk_as_one_argument(text: str) -> None:
    line = f"SET VARIABLE {quote(text)} end"
    words = asterisk_arguments(line)
    assert words[:2] == ["SET", "VARIABLE"]
    assert words[3:] == ["end"]
    assert not any(character in line for character in "\r\n\0")


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_text_without_control_characters_arrives_unchanged(text: str) -> None:
    assert asterisk_arguments(f"NOOP {quote(text)}")[1:] == [text]


@given(st.lists(st.text(max_size=50), max_size=5))
def test_a_command_is_one_line(arguments: list[str]) -> None:
    line = command_line("SET VARIABLE", *arguments)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_a_shell_call_in_a_callers_words_is_only_text() -> None:
    assert command_line("SET VARIABLE", "X", 'a" ${SHELL(id)}\nHANGUP') == (
        b'SET VARIABLE "X" "a\\" ${SHELL(id)} HANGUP"\n'
    )


def test_a_line_that_asterisk_would_cut_is_not_sent() -> None:
    with pytest.raises(LineError, match="command_too_long"):
        command_line("SET VARIABLE", "X", "я" * MAX_LINE_BYTES)


@pytest.mark.parametrize(
    ("line", "result", "data", "endpos"),
    [
        ("200 result=0", "0", "", None),
        ("200 result=-1", "-1", "", None),
        ("200 result=0 endpos=46560", "0", "", 46560),
        ("200 result=48 (dtmf) endpos=160", "48", "dtmf", 160),
        ("200 result= (timeout)", "", "timeout", None),
        ("200 result=1 (a (b) c)", "1", "a (b) c", None),
        ("200 result=1 (x) endpos=9)", "1", "x) endpos=9", None),
        ("200 result=1 ()", "1", "", None),
    ],
)
def test_replies_are_read_with_their_data(line: str, result: str, data: str, endpos: int | None) -> None:
    read = parse_result(line)
    assert (read.result, read.data, read.endpos) == (result, data, endpos)


@given(st.one_of(st.text(), st.text().map("200 result=".__add__), st.text().map("200 result=1 (".__add__)))
def test_no_reply_breaks_the_parser(line: str) -> None:
    with suppress(LineError):
        read = parse_result(line)
        assert line.startswith(f"200 result={read.result}")
        assert isinstance(read.number, int)


def test_a_result_that_should_be_a_number_and_is_none_is_an_error_of_the_line() -> None:
    with pytest.raises(LineError, match="bad_reply"):
        _ = parse_result("200 result= (timeout)").number


def test_a_line_break_in_a_header_cannot_name_another_call() -> None:
    with pytest.raises(LineError, match="bad_header"):
        parse_headers("agi_arg_1: a\nagi_callerid: x\nagi_arg_1: b\n\n")


def test_headers_keep_colons_and_other_line_separators_in_their_values() -> None:
    assert parse_headers("agi_request: agi://h:1/s\nagi_calleridname: a\u2028b\nagi_accountcode: \n\n") == {
        "agi_request": "agi://h:1/s",
        "agi_calleridname": "a\u2028b",
        "agi_accountcode": "",
    }
