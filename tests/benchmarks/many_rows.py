"""A PostgreSQL full of calls and incidents, made by the database itself: what the office's benchmarks run on.

python -m tests.benchmarks.many_rows [--rows 1000000]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.services import PostgreSQL

if TYPE_CHECKING:
    from django.db.models import Model

ROWS = 1_000_000
YEARS = 3

_TEXTS = 1200
_ASSISTANT = {
    "ru": "Назовите, пожалуйста, адрес: улицу и номер дома.",
    "kk": "Мекенжайды айтыңызшы: көше мен үй нөмірін.",
    "en": "Please tell me the address: street and house number.",
}
_STREETS = {
    "ru": "Абая Назарбаева Жандосова Сатпаева Гагарина Фурманова Тимирязева Розыбакиева Байтурсынова Ауэзова "
    "Курмангазы Шевченко Кабанбай-батыра Богенбай-батыра Жамбыла Макатаева Сейфуллина Пушкина Валиханова Момышулы",
    "kk": "Абай Сәтбаев Достық Төле-би Жандосов Әуезов Құрманғазы Жамбыл Мақатаев Сейфуллин Уәлиханов Момышұлы "
    "Байтұрсынұлы Қабанбай-батыр Бөгенбай-батыр Райымбек Алатау Сарыарқа Мәңгілік-ел Тұран",
    "en": "Green Garden Station Abay Mira Park River Church Mill School Bridge Market Hill Lake North South East West "
    "King Queen",
}
_DETAILS = {
    "ru": "он в синей куртке и белых кроссовках|машина серая, стоит у магазина|на вид лет сорок, с бородой|"
    "это третий раз за неделю|я живу на втором этаже, окна во двор|рядом аптека и остановка|их было трое, все молодые|"
    "собака большая, без ошейника|в руках у него была красная сумка|соседка тоже всё видела|ребёнку шесть лет|"
    "он уехал на велосипеде в сторону рынка",
    "kk": "ол көк күрте киген|сұр көлік дүкеннің жанында тұр|жасы қырықтар шамасында, сақалды|аптасына үшінші рет|"
    "екінші қабатта тұрамын|жанында дәріхана мен аялдама бар|олар үшеу болды, бәрі жас|қолында қызыл сөмке болды|"
    "көршім де көрді|бала алты жаста|базар жаққа кетті",
    "en": "he wore a blue jacket and white shoes|the car is grey and stands by the shop|he looked about forty, "
    "with a beard|it is the third time this week|I live on the second floor|there is a pharmacy and a bus stop|"
    "there were three of them, all young|he carried a red bag|my neighbour saw it too|the child is six years old|"
    "he went off towards the market on a bicycle",
}


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, and how long it took."""

    rows: int
    seconds: float
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} calls with an incident each made in {self.seconds:.0f} s "
            f"({self.rows / self.seconds:,.0f} a second, indexes and ANALYZE included), {self.bytes / 1e9:.2f} GB"
        )


def texts() -> list[tuple[Any, ...]]:
    """Templates of calls: language, urgency, category, department, transcript and summary, ``{address}`` in them."""
    from webadmin.operations.seed.stories import stories

    chance = random.Random(102)
    found: list[tuple[Any, ...]] = []
    for number, (story, _) in enumerate(stories(102, _TEXTS)):
        more = chance.sample(_DETAILS[story.language].split("|"), chance.randint(1, 4))
        said = [words.replace(story.address, "{address}") for words in story.says if words[0] not in "~#?"]
        lines = [f"caller: {words}" for words in said]
        lines += [f"assistant: {_ASSISTANT[story.language]}", "caller: {address}"]
        lines += [f"caller: {detail}" for detail in more]
        found.append((number, story.language, *story.right.values(), "\n".join(lines), ". ".join([*said, *more])[:400]))
    return found


def fill(rows: int) -> Made:
    """Make calls and incidents in the database that Django has; a call each, over the last `YEARS` years."""
    from django.db import connection, transaction

    from webadmin.calls.models import Call
    from webadmin.incidents.models import Incident

    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        _prepare(cursor, rows)
        indexes = _without_indexes(cursor, [Call._meta.db_table, Incident._meta.db_table])
        _insert(cursor, Call, CALL_VALUES)
        _insert(cursor, Incident, INCIDENT_VALUES)
        # An index cannot be made while a foreign key is still to be checked.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for definition in indexes:
            cursor.execute(definition)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE calls_call, incidents_incident")
        cursor.execute("SELECT pg_database_size(current_database())")
        size = cursor.fetchone()[0]
    return Made(rows, time.perf_counter() - began, size)


def _prepare(cursor: Any, rows: int) -> None:
    """Temporary tables: the texts, the streets, and per row what is left to chance, so that both inserts agree."""
    cursor.execute(
        "CREATE TEMP TABLE many_texts (id int PRIMARY KEY, language text, urgency text, category text, "
        "department text, transcript text, summary text) ON COMMIT DROP"
    )
    cursor.executemany("INSERT INTO many_texts VALUES (%s, %s, %s, %s, %s, %s, %s)", texts())
    cursor.execute(
        "CREATE TEMP TABLE many_streets (language text, id int, name text, PRIMARY KEY (language, id)) ON COMMIT DROP"
    )
    streets = [(code, number, name) for code, all_ in _STREETS.items() for number, name in enumerate(all_.split())]
    cursor.executemany("INSERT INTO many_streets VALUES (%s, %s, %s)", streets)
    cursor.execute("SELECT setseed(0.102)")
    cursor.execute(
        """
        CREATE TEMP TABLE many_rows ON COMMIT DROP AS
        SELECT n, md5('many rows ' || n)::uuid AS call_id, floor(random() * %s)::int AS text_id,
            floor(random() * 20)::int AS street, 1 + floor(random() * 300)::int AS house,
            '+7701' || lpad(floor(random() * 400000)::text, 7, '0') AS caller,
            now() - (%s - n + random()) * (interval '1 year' * %s / %s) AS started_at,
            20 + 90 * random() AS seconds, random() AS roll
        FROM generate_series(1, %s) AS n ORDER BY n
        """,
        [_TEXTS, rows, YEARS, rows, rows],
    )
    cursor.execute("ANALYZE many_rows")


def _without_indexes(cursor: Any, tables: list[str]) -> list[str]:
    """Drop the indexes that are no constraint's, which are quicker made anew than filled; returns what makes them."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        [tables],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in found]


_STATUS = """CASE
    WHEN r.started_at < now() - interval '2 days' THEN
        CASE WHEN roll < 0.95 THEN 'closed' WHEN roll < 0.98 THEN 'false_call' ELSE 'dispatched' END
    ELSE CASE WHEN roll < 0.3 THEN 'new' WHEN roll < 0.4 THEN 'corrected' WHEN roll < 0.5 THEN 'dispatched'
        ELSE 'closed' END
    END"""
_ADDRESS = """CASE t.language WHEN 'ru' THEN 'улица ' || s.name || ', ' || house
    WHEN 'kk' THEN s.name || ' көшесі, ' || house ELSE house || ' ' || s.name || ' Street' END"""
_SENT = f"({_STATUS}) IN ('dispatched', 'closed')"

_SOURCE = """many_rows r JOIN many_texts t ON t.id = r.text_id
    JOIN many_streets s ON s.language = t.language AND s.id = r.street"""

CALL_VALUES = {
    "id": "r.call_id",
    "scenario": "'intake_102'",
    "door": "CASE WHEN roll < 0.6 THEN 'agi' ELSE 'ari' END",
    "language": "t.language",
    "caller_number": "caller",
    "dialled_number": "'102'",
    "engines": """'{"stt": "faster_whisper", "llm": "rules", "tts": "piper"}'::jsonb""",
    "status": """CASE WHEN t.urgency = 'critical' OR roll < 0.2 THEN 'transferred' WHEN roll > 0.97 THEN 'hung_up'
        WHEN roll > 0.96 THEN 'failed' ELSE 'completed' END""",
    "end_reason": "CASE WHEN t.urgency = 'critical' THEN 'critical' ELSE '' END",
    "transcript": f"replace(t.transcript, '{{address}}', {_ADDRESS})",
    "started_at": "r.started_at",
    "assistant_ended_at": "r.started_at + interval '1 second' * seconds",
    "ended_at": "r.started_at + interval '1 second' * (seconds + 30)",
    "post_processed_at": "r.started_at + interval '1 second' * (seconds + 40)",
}
INCIDENT_VALUES = {
    "call_id": "r.call_id",
    "urgency": "t.urgency",
    "category": "t.category",
    "address": f"CASE WHEN roll < 0.85 OR roll > 0.95 THEN {_ADDRESS} END",
    "current_danger": "CASE WHEN t.urgency = 'critical' THEN true WHEN random() < 0.5 THEN false END",
    "people_involved": "CASE WHEN random() < 0.4 THEN 1 + floor(random() * 5)::int END",
    "weapons": "CASE WHEN t.category = 'weapons' THEN true WHEN random() < 0.3 THEN false END",
    "recommended_department": "t.department",
    "summary": f"replace(t.summary, '{{address}}', {_ADDRESS})",
    "language": "t.language",
    "status": _STATUS,
    "dispatched_to": f"CASE WHEN {_SENT} THEN coalesce(t.department, 'police') END",
    "dispatched_at": f"CASE WHEN {_SENT} THEN r.started_at + interval '4 minutes' END",
    "closed_at": f"CASE WHEN ({_STATUS}) IN ('closed', 'false_call') THEN r.started_at + interval '1 hour' END",
    "details": """'{"injuries": null, "in_progress": true, "address_confidence": "high"}'::jsonb""",
    "evidence": """jsonb_build_object('category', jsonb_build_object('turn', 1, 'words', left(t.summary, 30)))""",
    "source": "'rules'",
    "engine": "'rules'",
    "final": "true",
    "created_at": "r.started_at",
    "updated_at": "r.started_at + interval '1 hour'",
}


def _insert(cursor: Any, model: type[Model], values: Mapping[str, str]) -> None:
    """Insert a row of ``model`` for each of ``many_rows``; a column without an expression gets the field's default."""
    from django.db import connection

    columns, expressions, defaults = [], [], []
    for field in model._meta.concrete_fields:
        if field.generated or (field.primary_key and field.column not in values):
            continue
        columns.append(connection.ops.quote_name(field.column))
        expressions.append(values.get(field.column, "%s").replace("%s", "\0").replace("%", "%%").replace("\0", "%s"))
        if field.column not in values:
            defaults.append(field.get_db_prep_save(field.get_default(), connection))
    cursor.execute(
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
        f"SELECT {', '.join(expressions)} FROM {_SOURCE} ORDER BY r.n",
        defaults,
    )


@contextmanager
def full_office(rows: int) -> Iterator[Made]:
    """Set Django up on a PostgreSQL of our own that holds ``rows`` calls and incidents, and take it down afterwards."""
    server = PostgreSQL()
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        os.environ.update(
            DATABASE_URL=server.url,
            VAR_DIR=folder,
            MEDIA_ROOT=str(Path(folder, "media")),
            ENV_FILE=os.devnull,
            SECRET_KEY="only-for-the-benchmarks",
            DEBUG="0",
            ALLOWED_HOSTS="testserver",
            ADMIN_LANGUAGE="en",
            DJANGO_SETTINGS_MODULE="webadmin.settings",
        )
        try:
            import django
            from django.core.management import call_command
            from django.db import connection

            django.setup()
            Path(folder, "static").mkdir()
            call_command("migrate", verbosity=0)
            yield fill(rows)
            connection.close()
        finally:
            server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args()
    with full_office(asked.rows) as made:
        print(f"- {made}")


if __name__ == "__main__":
    main()
