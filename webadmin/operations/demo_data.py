"""Calls for a look at the office: invented stories, invented addresses, numbers of a range nobody has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Story:
    """What one invented call is about.

    Args:
        language: ISO 639-1 code.
        fields: the incident's fields; ``{address}`` in a text is replaced by one of `ADDRESSES`.
        exchanges: pairs of what the caller says and what is answered; None is silence, ``#0`` a key.
        evidence: per field the caller's words; ``{address}`` as above.
        status: final status of the call. ``failed`` ends without the assistant's last words.
        reason: why it was transferred, or the error.
        confidence: of the recognition, 0 to 1, about.
        notes: findings of the checks.
    """

    language: str
    fields: dict[str, Any]
    exchanges: tuple[tuple[str | None, str], ...]
    evidence: dict[str, str] = field(default_factory=dict)
    status: str = "completed"
    reason: str = ""
    confidence: float = 0.86
    notes: tuple[str, ...] = ()


GREETING = {
    "ru": "Служба сто два, автоматический помощник. Разговор записывается. Что случилось и где вы?",
    "kk": "Жүз екі қызметі, автоматты көмекші. Әңгіме жазылады. Не болды және қай жердесіз?",
    "en": "Emergency service one zero two, automatic assistant. This call is recorded. "
    "What happened, and where are you?",
}
ADDRESSES = {
    "ru": ("улица Абая, 15", "проспект Назарбаева, 220", "улица Толе би, 48", "микрорайон Аксай-4, дом 7"),
    "kk": ("Абай көшесі, 12 үй", "Сәтбаев көшесі, 90", "Достық даңғылы, 34", "Самал-2 ықшамауданы, 5 үй"),
    "en": ("12 Green Street", "15 Garden Street", "the corner of Abay and Mira", "48 Station Road"),
}
_RU_FAREWELL = "Спасибо, всё записано и передано дежурному полиции. Если станет опасно, сразу перезвоните."
_RU_HAND_OVER = "Соединяю вас с оператором прямо сейчас. Пожалуйста, не кладите трубку."
_KK_HAND_OVER = "Сізді қазір операторға қосамын. Өтінемін, тұтқаны қоймаңыз."
_KK_FAREWELL = "Рақмет, бәрі жазылып, полиция кезекшісіне берілді. Сау болыңыз."
_EN_HAND_OVER = "I am connecting you to an operator right now. Please stay on the line."
_EN_FAREWELL = "Thank you, it is all written down and passed on to the police. Good-bye."


def _fields(
    urgency: str | None,
    category: str | None,
    department: str | None,
    summary: str,
    *,
    address: str | None = "{address}",
    danger: bool | None = False,
    people: int | None = None,
    weapons: bool | None = False,
    **further: Any,
) -> dict[str, Any]:
    return {
        "urgency": urgency,
        "category": category,
        "address": address,
        "current_danger": danger,
        "people_involved": people,
        "weapons": weapons,
        "recommended_department": department,
        "summary": summary,
        **further,
    }


STORIES = (
    Story(
        "ru",
        _fields(
            "critical",
            "domestic",
            "police",
            "Муж с ножом угрожает жене, в квартире двое детей.",
            danger=True,
            people=3,
            weapons=True,
            weapon_kind="knife",
            in_progress=True,
            suspect_present=True,
        ),
        (
            (
                "Помогите, муж пьяный, ходит с ножом и кричит, что всех убьёт! {address}, у меня двое детей!",
                _RU_HAND_OVER,
            ),
        ),
        {
            "urgency": "ходит с ножом",
            "weapons": "с ножом",
            "current_danger": "кричит, что всех убьёт",
            "address": "{address}",
        },
        "transferred",
        "critical",
    ),
    Story(
        "ru",
        _fields(
            "critical", "fire", "rescue", "Пожар в квартире на пятом этаже, внутри люди.", danger=True, in_progress=True
        ),
        (
            (
                "Горит квартира на пятом этаже, там люди, дым чёрный!",
                "Назовите, пожалуйста, адрес: улицу и номер дома.",
            ),
            ("{address}, скорее!", _RU_HAND_OVER),
        ),
        {"urgency": "там люди", "category": "Горит квартира", "address": "{address}"},
        "transferred",
        "critical",
    ),
    Story(
        "ru",
        _fields(
            "high",
            "robbery",
            "police",
            "Только что отобрали телефон и сумку, нападавший убежал.",
            people=1,
            injuries=False,
            suspect_description="высокий, чёрная куртка, капюшон",
            suspect_present=False,
        ),
        (
            ("У меня только что вырвали сумку и телефон!", "Назовите, пожалуйста, адрес: улицу и номер дома."),
            (
                "{address}, возле магазина. Он высокий, в чёрной куртке и капюшоне, побежал во дворы.",
                "Вам или кому-то рядом сейчас угрожает опасность?",
            ),
            ("Нет, он убежал, со мной всё в порядке.", _RU_FAREWELL),
        ),
        {"category": "вырвали сумку", "address": "{address}", "current_danger": "он убежал"},
    ),
    Story(
        "ru",
        _fields("medium", "theft", "police", "Ночью украли велосипед из подъезда.", in_progress=False),
        (
            (
                "Здравствуйте, у меня ночью из подъезда украли велосипед.",
                "Назовите, пожалуйста, адрес: улицу и номер дома.",
            ),
            ("{address}.", _RU_FAREWELL),
        ),
        {"category": "украли велосипед", "address": "{address}"},
    ),
    Story(
        "ru",
        _fields("low", "noise", "police", "Соседи громко слушают музыку после одиннадцати вечера."),
        (("Соседи опять музыку на всю включили, спать невозможно. {address}, третий подъезд.", _RU_FAREWELL),),
        {"category": "музыку на всю включили", "address": "{address}"},
        confidence=0.93,
    ),
    Story(
        "ru",
        _fields("low", "information", "akimat", "На улице не горят фонари."),
        (
            (
                "На улице вторую неделю не горят фонари, темно. {address}.",
                "Спасибо, обращение записано и передано в службу акимата. До свидания.",
            ),
        ),
        {"category": "не горят фонари", "address": "{address}"},
    ),
    Story(
        "ru",
        _fields("critical", "medical", "ambulance", "Мужчина упал и не дышит.", danger=True, people=1, injuries=True),
        (("Человеку плохо, он упал и не дышит! {address}!", _RU_HAND_OVER),),
        {"urgency": "не дышит", "address": "{address}"},
        "transferred",
        "critical",
        0.71,
    ),
    Story(
        "ru",
        _fields(
            "medium", "fraud", "police", "Перевела деньги «сотруднику банка», возможно мошенничество.", address=None
        ),
        (
            (
                "Мне позвонили из банка, я перевела деньги, а теперь понимаю, что это мошенники.",
                "Назовите, пожалуйста, адрес: улицу и номер дома.",
            ),
            ("Зачем адрес? Соедините меня с оператором.", "Соединяю вас с оператором. Оставайтесь на линии."),
        ),
        {"category": "мошенники"},
        "transferred",
        "caller_asked",
    ),
    Story(
        "ru",
        _fields(None, "silent", "police", "Звонок без слов.", address=None, danger=None, weapons=None),
        (
            (None, "Я вас не слышу. Если можете говорить, скажите, что случилось."),
            (None, "Соединяю вас с оператором. Оставайтесь на линии, даже если не можете говорить."),
        ),
        {},
        "transferred",
        "silence",
    ),
    Story(
        "ru",
        _fields(
            "high",
            "traffic",
            "police",
            "Авария, двое пострадавших, водитель в сознании.",
            address=None,
            people=2,
            injuries=True,
        ),
        (("Тут авария, две машины, люди ранены…", "Назовите, пожалуйста, адрес: улицу и номер дома."),),
        {"urgency": "люди ранены", "category": "авария"},
        "hung_up",
        "",
        0.44,
        ("address: not given before the caller left",),
    ),
    Story(
        "kk",
        _fields(
            "critical",
            "assault",
            "police",
            "Көшеде бірнеше адам бір жігітті ұрып жатыр.",
            danger=True,
            people=4,
            in_progress=True,
            injuries=True,
        ),
        (("Көшеде бір жігітті ұрып жатыр, төрт адам, қан кетіп жатыр! {address}!", _KK_HAND_OVER),),
        {"urgency": "қан кетіп жатыр", "category": "ұрып жатыр", "address": "{address}"},
        "transferred",
        "critical",
        0.68,
    ),
    Story(
        "kk",
        _fields("high", "missing_person", "police", "Жеті жасар бала мектептен үйге келмеді.", people=1),
        (
            ("Балам мектептен келмеді, жеті жаста, екі сағат болды.", "Мекенжайды айтыңызшы: көше мен үй нөмірін."),
            ("{address}.", _KK_FAREWELL),
        ),
        {"category": "мектептен келмеді", "urgency": "жеті жаста", "address": "{address}"},
    ),
    Story(
        "kk",
        _fields("medium", "burglary", "police", "Саяжайға біреу кіріп, заттарды алып кеткен.", address=None),
        (
            ("Саяжайымызға біреу түсіп, заттарды алып кетіпті.", "Мекенжайды айтыңызшы: көше мен үй нөмірін."),
            ("Білмеймін, қала сыртында.", "Сізді дәлірек табу үшін операторға қосамын. Тұтқаны қоймаңыз."),
        ),
        {"category": "заттарды алып кетіпті"},
        "transferred",
        "no_address",
        0.59,
    ),
    Story(
        "kk",
        _fields("low", "animal", "akimat", "Аулада қаңғыбас иттер жүр."),
        (
            (
                "Аулада қаңғыбас иттер көп, балалар қорқады. {address}.",
                "Рақмет, өтінішіңіз жазылып, әкімдік қызметіне берілді. Сау болыңыз.",
            ),
        ),
        {"category": "қаңғыбас иттер", "address": "{address}"},
    ),
    Story(
        "en",
        _fields(
            "critical",
            "weapons",
            "police",
            "A man with a gun is threatening people outside a shop.",
            danger=True,
            weapons=True,
            people=2,
            weapon_kind="firearm",
            in_progress=True,
        ),
        (("There is a man with a gun outside the shop at {address}, he is pointing it at people!", _EN_HAND_OVER),),
        {"weapons": "a man with a gun", "current_danger": "pointing it at people", "address": "{address}"},
        "transferred",
        "critical",
        0.77,
    ),
    Story(
        "en",
        _fields("high", "disorder", "police", "A drunk driver is on the road now."),
        (
            (
                "A white van is going from side to side, I think the driver is drunk.",
                "Please tell me the address or what is near.",
            ),
            ("{address}, going towards the station.", _EN_FAREWELL),
        ),
        {"urgency": "the driver is drunk", "address": "{address}"},
    ),
    Story(
        "en",
        _fields("low", "noise", "police", "Neighbours are playing loud music."),
        (("My neighbours are playing loud music at {address}.", _EN_FAREWELL),),
        {"category": "playing loud music", "address": "{address}"},
        confidence=0.91,
    ),
    Story(
        "en",
        _fields("medium", "suspicious", "police", "A bag was left at a bus stop.", danger=None),
        (
            ("Somebody left a big bag at the bus stop, {address}.", "Is anybody in danger at this moment?"),
            ("#0", "I am connecting you to an operator. Stay on the line."),
        ),
        {"category": "left a big bag", "address": "{address}"},
        "transferred",
        "caller_asked",
    ),
    Story(
        "ru",
        _fields("medium", "vandalism", "police", "Разбили стекло припаркованной машины.", address=None),
        (("Мне разбили стекло в машине, когда я", ""),),
        {"category": "разбили стекло"},
        "failed",
        "llm_timeout",
        0.62,
    ),
)
"""Every urgency, all three languages, and each way a call can end."""
