"""Streamed text is cut where a person would breathe, and nothing of it is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.sentences import LONGEST, Sentences


def cut(text: str, step: int = 3, **options) -> list[str]:
    splitter = Sentences(**options)
    found = [s for start in range(0, len(text), step) for s in splitter.feed(text[start : start + step])]
    rest = splitter.rest()
    return found + ([rest] if rest else [])


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    "sentences",
    [
        ["Понял.", "Назовите адрес!", "Вы на улице?", "Жду."],
        ["Вы на ул. Абая, д. 15, кв. 3?", "Подъезд 2."],
        ["Адрес: г. Алматы, мкр. Самал, т.е. рядом с парком.", "Верно?"],
        ["Выезжаем в 10.30, это 1.500 метров.", "Ждите."],
        ["Инспектор А. С. Ким уже едет.", "Не уходите."],
        ["Через 5 мин.", "Ждите у дома 15.", "Хорошо?"],
        ["Полиция, скорая и т.д. уже знают.", "Есть раненые и т.п.", "Останьтесь."],
        ["Я… не знаю.", "Что?!", "Где..."],
        ["Он сказал: «Стой!» и убежал.", "«Куда?» — спросил я.", "Всё."],
        ["Мекенжай: Абай көш. 12, 5-үй.", "Дұрыс па?", "Күтіңіз."],
        ["Вул. Хрещатик, буд. 5?", "Так.", "Чекайте."],
        ["Mr. Smith lives at 5 Main St. near Dr. Brown.", "Is that right?", "No.", "Wait, e.g. outside."],
        ["Call at 7 a.m. or later.", "The fee is $3.50."],
        ["1. Закройте дверь.", "2. Отойдите."],
    ],
)
def test_sentences_end_where_they_end_however_the_text_comes(sentences, step):
    assert cut(" ".join(sentences), step) == sentences


def test_a_new_line_ends_a_sentence():
    assert cut("Список\nпервое\n\nвторое") == ["Список", "первое", "второе"]


def test_a_sentence_comes_out_with_the_first_letter_of_the_next():
    splitter = Sentences()
    assert splitter.feed("Понял.") == []
    assert splitter.feed(" ") == []
    assert splitter.feed("Н") == ["Понял."]
    assert splitter.rest() == "Н"
    assert splitter.rest() is None


def test_the_first_clause_may_come_early_and_only_the_first():
    text = "Я записал ваш адрес и передал дежурному, он уже знает, ждите. Второе, длинное предложение, целиком."
    assert cut(text, first_clause_chars=30) == [
        "Я записал ваш адрес и передал дежурному,",
        "он уже знает, ждите.",
        "Второе, длинное предложение, целиком.",
    ]
    assert cut("Да, понял. Конец.", first_clause_chars=30) == ["Да, понял.", "Конец."]


def test_a_text_without_an_end_is_cut_between_words():
    pieces = cut("слово " * 200)
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert len(pieces) > 3
    assert " ".join(pieces) == ("слово " * 200).strip()


texts = st.one_of(
    st.text(),
    st.text(alphabet="аБ1 .?!…«»\"',;:—-\n\t)т.еул", max_size=400),
    st.lists(
        st.sampled_from(
            ["ул. ", "Абая ", "д. 5", ". ", "?! ", "…", "т.е. ", "\n", "1.500 ", "Mr. ", "да, ", "Я ", "«А» "]
        )
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(1, 40), st.one_of(st.none(), st.integers(0, 50)))
def test_no_character_is_lost_or_moved(text, step, clause):
    pieces = cut(text, step, first_clause_chars=clause)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece == piece.strip() and piece for piece in pieces)


@settings(max_examples=100, deadline=None)
@given(texts, st.integers(1, 40))
def test_how_the_text_comes_changes_nothing_but_very_long_sentences(text, step):
    if all(len(piece) < LONGEST // 2 for piece in cut(text, 10_000)):
        assert cut(text, step) == cut(text, 1)
