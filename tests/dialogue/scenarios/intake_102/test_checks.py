"""A model may raise what the rules found, never lower it, and says nothing without evidence."""

import pytest

from tests.dialogue.scenarios.intake_102.talk import Talk, answer


def after(text, **fields):
    talk = Talk("ru")
    talk.say(text, answer(**fields))
    return talk


def test_a_model_cannot_lower_urgency_weapon_or_danger():
    talk = after(
        "мужчина с ножом бросается на людей",
        urgency="low",
        category="other",
        weapons=False,
        current_danger=False,
        summary="Ничего важного",
    )
    assert talk.fields["urgency"] == "critical"
    assert talk.fields["weapons"] is True
    assert talk.fields["current_danger"] is True
    assert talk.fields["category"] != "other"
    assert "urgency raised to critical by the rules" in talk.notes


def test_a_model_may_raise_urgency():
    talk = after(
        "соседка странно себя ведёт", urgency="critical", category="assault", current_danger=True, summary="Странно"
    )
    assert talk.fields["urgency"] == "critical"
    assert talk.fields["category"] == "assault"
    assert "current_danger unsupported" in talk.notes


def test_what_a_model_raised_stays_through_the_call():
    talk = after("соседка странно кричит", urgency="high", category="assault", summary="Крики")
    talk.say("улица Абая 15", answer(urgency="low", category="noise", summary="Шум"))
    assert talk.fields["urgency"] == "high"


def test_an_address_the_caller_never_said_is_doubted():
    talk = after("соседи шумят", urgency="low", category="noise", address="улица Пушкина 7", summary="Шум")
    assert talk.fields["address_confidence"] == "low"
    assert "address not in the caller's words" in talk.notes
    assert "address unsupported" in talk.notes


def test_the_callers_address_wins_over_an_invented_one():
    talk = after("шумят на улице Абая 15", urgency="low", category="noise", address="улица Пушкина 7", summary="Шум")
    assert talk.fields["address"] == "улица Абая 15"


def test_an_address_in_another_case_with_digits_is_the_callers():
    talk = after(
        "шумят на улице абая пятнадцать", urgency="low", category="noise", address="Улица Абая, 15", summary="Шум"
    )
    assert talk.fields["address"] == "Улица Абая, 15"
    assert "address" in talk.session.assessment().evidence
    assert "not in the caller's words" not in talk.notes


def test_a_number_of_people_nobody_said_is_marked():
    talk = after("украли велосипед", urgency="medium", category="theft", people_involved=4, summary="Кража")
    assert talk.fields["people_involved"] == 4
    assert "people_involved unsupported" in talk.notes


def test_an_absurd_number_of_people_is_dropped():
    talk = after("украли велосипед", urgency="medium", category="theft", people_involved=-3, summary="Кража")
    assert talk.fields["people_involved"] is None


@pytest.mark.parametrize("summary", ["x" * 5000, "a\x00b\x1b[31m\u202ec " + "д" * 900])
def test_a_summary_is_bounded_and_free_of_control_characters(summary):
    talk = after("украли велосипед", urgency="medium", category="theft", summary=summary)
    found = talk.fields["summary"]
    assert 0 < len(found) <= 500
    assert found.isprintable()


def test_contradictions_are_noted():
    talk = after(
        "соседка говорит неправду", urgency="low", category="noise", weapons=True, current_danger=True, summary="Крики"
    )
    assert talk.fields["urgency"] == "high"
    assert "contradiction" in talk.notes


def test_what_a_model_leaves_out_the_rules_fill_in():
    talk = after("соседи шумят на улице Абая 15", urgency="low", category="noise", summary="Шум")
    assert talk.fields["address"] == "улица Абая 15"
    assert talk.fields["recommended_department"] == "police"


@pytest.mark.parametrize(
    ("text", "field", "claimed"),
    [
        ("оружия нет, просто соседи шумят", "weapons", True),
        ("украли велосипед, никто не пострадал", "injuries", True),
        ("их было двое, отобрали сумку", "people_involved", 7),
        ("мужчина с ножом бросается на людей", "weapon_kind", "firearm"),
        ("украли велосипед, вор уже убежал", "suspect_present", True),
        ("соседи шумят, перезвоните на 8 701 123 45 67", "callback_number", "+77010000000"),
    ],
)
def test_a_fact_that_the_words_deny_is_kept_and_marked(text, field, claimed):
    talk = after(text, urgency="medium", category="other", summary="Вызов", **{field: claimed})
    assert talk.fields[field] == claimed
    assert f"contradiction: {field}" in talk.notes
    assert field not in talk.session.assessment().evidence


def test_a_contradicted_field_leaves_the_rest_of_the_answer():
    talk = after(
        "оружия нет, просто соседи шумят на улице Абая 15",
        urgency="medium",
        category="noise",
        weapons=True,
        recommended_department="akimat",
        summary="Шум во дворе",
    )
    assert talk.fields["summary"] == "Шум во дворе"
    assert talk.fields["recommended_department"] == "akimat"
    assert talk.fields["address"] == "улица Абая 15"


def test_every_field_rests_on_words_or_is_marked():
    talk = after(
        "двое парней украли велосипед",
        urgency="high",
        category="robbery",
        people_involved=3,
        weapons=True,
        suspect_description="высокий, в маске",
        summary="Грабёж",
    )
    found = talk.session.assessment()
    open_fields = {"summary", "language", "address_confidence"}
    for name, value in found.fields.items():
        if value is not None and name not in open_fields and name not in found.evidence:
            assert any(note.startswith((f"{name} ", f"contradiction: {name}")) for note in found.notes), name
