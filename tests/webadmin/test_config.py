"""A wrong setting stops the start with one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue.errors import ConfigurationError
from webadmin.config import load_config

VAR = Path("/nowhere")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"AGI_BIND": "4573"}, "AGI_BIND=4573"),
        ({"MAX_TURNS": "many"}, "MAX_TURNS=many"),
        ({"LLM_ENGINE": "openai"}, "OPENAI_API_KEY"),
        ({"AGI_ALLOWED_PEERS": "everyone"}, "everyone"),
        ({"OPENAI_BASE_URL": "not a url"}, "OPENAI_BASE_URL"),
        ({"CALL_LANGUAGE": "Russian"}, "CALL_LANGUAGE=Russian"),
        ({"STT_SECONDS": "-1"}, "STT_SECONDS=-1"),
        ({"ARI_URL": "8088"}, "ARI_URL=8088"),
        ({"ARI_APP": "hot line"}, "ARI_APP=hot line"),
        ({"MEDIA_TRANSPORT": "rtp"}, "MEDIA_TRANSPORT=rtp"),
        ({"AUDIOSOCKET_BIND": "9092"}, "AUDIOSOCKET_BIND=9092"),
        ({"TRANSFER": "warm"}, "OPERATORS"),
        ({"OPERATORS": "operator1"}, "operator1"),
        ({"LIVE_SHORTEST_SILENCE_SECONDS": "2"}, "LIVE_SHORTEST_"),
    ],
)
def test_a_bad_value_is_named_in_one_line(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_config(environment, VAR)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_a_key_the_rules_work_alone_and_with_one_the_model_does() -> None:
    assert load_config({}, VAR).llm_engines == ()
    assert load_config({"OPENAI_API_KEY": "k"}, VAR).llm_engines == ("openai",)
    assert load_config({"OPENAI_API_KEY": "k", "LLM_ENGINE": "rules"}, VAR).llm_engines == ()
    assert load_config({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "LLM_ENGINE": "openai"}, VAR).llm_engines == (
        "openai",
    )


def test_the_key_is_never_shown() -> None:
    assert "sk-secret" not in repr(load_config({"OPENAI_API_KEY": "sk-secret"}, VAR))


def test_an_empty_value_counts_as_not_set() -> None:
    assert load_config({"AGI_BIND": "", "MAX_TURNS": " "}, VAR) == load_config({}, VAR)


def test_the_sandbox_pbx_s_own_password_serves_until_one_is_set(tmp_path: Path) -> None:
    assert load_config({}, tmp_path).ami_password == ""
    (tmp_path / "pbx").mkdir()
    (tmp_path / "pbx" / "secrets.json").write_text('{"ami": "made by the sandbox"}')
    assert load_config({}, tmp_path).ami_password == "made by the sandbox"
    assert load_config({"AMI_PASSWORD": "set"}, tmp_path).ami_password == "set"
    assert "made by" not in repr(load_config({}, tmp_path))
    (tmp_path / "pbx" / "secrets.json").write_text("[]")
    assert load_config({}, tmp_path).ami_password == ""
