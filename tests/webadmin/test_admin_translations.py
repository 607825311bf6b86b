"""Every sentence of the office exists in each of its languages."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

LANGUAGES = [code for code, _ in settings.LANGUAGES]
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def catalogue(language: str) -> dict[str, str]:
    """Sentences and translations of a text catalogue."""
    text = (Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po").read_text("utf-8")
    assert "#, fuzzy" not in text
    found = {}
    for block in text.split("\n\n")[1:]:
        strings = {
            key: "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', value))
            for key, value in re.findall(r'^(msgid|msgstr) ((?:"(?:[^"\\]|\\.)*"\n?)+)', block, re.MULTILINE)
        }
        if strings.get("msgid"):
            found[strings["msgid"]] = strings["msgstr"]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_lacks_its_translation(language):
    sentences = catalogue(language)
    assert len(sentences) > 150
    assert [sentence for sentence, translated in sentences.items() if not translated] == []
    wrong = [s for s, t in sentences.items() if set(PLACEHOLDER.findall(s)) != set(PLACEHOLDER.findall(t))]
    assert wrong == []


def test_all_languages_have_the_same_sentences():
    assert len({frozenset(catalogue(language)) for language in LANGUAGES}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_runs_is_what_was_translated(language):
    path = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert {s: compiled.gettext(s) for s in catalogue(language)} == catalogue(language)


def test_every_marked_sentence_of_the_source_is_in_the_catalogues():
    root = Path(settings.BASE_DIR) / "webadmin"
    known = set(catalogue("ru"))
    marked = set()
    for path in [*root.rglob("*.py"), *root.rglob("*.html")]:
        text = path.read_text("utf-8")
        if path.suffix == ".py":
            marked |= set(re.findall(r'(?<![\w.])(?:_|gettext|gettext_lazy)\(\s*"((?:[^"\\]|\\.)+)"\s*\)', text))
        else:
            marked |= set(re.findall(r'{% translate "([^"]+)" %}', text)) | set(re.findall(r'_\("([^"]+)"\)', text))
    assert marked - known == set()
