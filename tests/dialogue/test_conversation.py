"""An answer comes piece by piece, may be tried out on a copy, and the conversation knows what was heard of it."""

import asyncio

import pytest

from dialogue.conversation import Conversation
from dialogue.errors import ProviderError, Stage
from dialogue.resilience import Policy, Thinker
from dialogue.scenarios.intake_102.schema import Category, unknown
from dialogue.scenarios.registry import load
from dialogue.sentences import Sentences
from dialogue.turns import NextStep, Transcript, TransferReason
from tests.fakes.dialogue import ScriptedModel
from tests.fakes.streaming import FreeTalk, StepModel

QUICK = Policy(budget=1.0, attempt=0.15, attempts=1, pause=0.01)
DOWN = ProviderError(Stage.LANGUAGE_MODEL, "connection", "d")
HEARD = Transcript("my car is gone", "en")
HAND_OVER = "An operator will help."


def free(*models: StepModel, **options) -> tuple[Conversation, FreeTalk]:
    session = FreeTalk(**options)
    return Conversation(session, Thinker(models, QUICK)), session


def intake(*models, language: str = "en") -> Conversation:
    return Conversation(load("intake_102").open(language), Thinker(models, QUICK))


async def test_a_free_answer_is_spoken_while_the_model_still_writes():
    go_on = asyncio.Event()
    talk, session = free(StepModel("Stay calm. He", go_on, "lp comes."))
    response = talk.respond(HEARD)
    assert await anext(response) == "Stay calm."
    assert response.exchange is None
    assert session.decided == []
    go_on.set()
    assert [piece async for piece in response] == ["Help comes."]
    assert response.exchange is not None
    assert response.exchange.turn.reply.text == "Stay calm. Help comes."
    assert (response.exchange.assessment.source, response.exchange.assessment.engine) == ("llm", "steps")


async def test_what_the_scenario_adds_is_spoken_after_the_models_words():
    talk, _ = free(StepModel("Stay calm."), adds="Where are you? Say the street.")
    response = talk.respond(HEARD)
    assert [piece async for piece in response] == ["Stay calm.", "Where are you?", "Say the street."]
    exchange = await response.settle()
    assert exchange.turn.reply.text == "Stay calm. Where are you? Say the street."


async def test_a_sentence_the_scenario_forbids_is_never_spoken():
    talk, session = free(StepModel("Stay calm. It costs 500. Help comes."), forbidden="500")
    exchange = await talk.hear(HEARD)
    assert exchange.turn.reply.text == "Stay calm. Help comes."
    answer = session.decided[0]
    assert answer is not None
    assert answer.text == "Stay calm. It costs 500. Help comes.", "the record keeps what the model said"


async def test_a_model_that_fails_after_its_first_sentence_ends_in_a_hand_over():
    talk, session = free(StepModel("Stay calm. And", DOWN), StepModel("x", name="second"))
    response = talk.respond(HEARD)
    assert [piece async for piece in response] == ["Stay calm.", HAND_OVER]
    exchange = await response.settle()
    assert exchange.turn.reply.text == f"Stay calm. {HAND_OVER}"
    assert (exchange.turn.reply.then, exchange.turn.reply.reason) == (NextStep.TRANSFER, TransferReason.FAILURE)
    assert exchange.failure is DOWN
    assert session.decided == [None]


async def test_before_the_first_sentence_another_model_answers():
    talk, _ = free(StepModel("Half a sen", DOWN), StepModel("Help comes.", name="second"))
    exchange = await talk.hear(HEARD)
    assert (exchange.turn.reply.text, exchange.failure) == ("Help comes.", None)
    assert [f.code for f in exchange.passed_over] == ["connection"]


async def test_where_no_model_answers_a_person_does():
    talk, _ = free(StepModel(DOWN))
    exchange = await talk.hear(HEARD)
    assert (exchange.turn.reply.text, exchange.turn.reply.reason) == (HAND_OVER, TransferReason.FAILURE)


async def test_who_asks_for_a_person_hears_no_model():
    model = StepModel("Stay calm.")
    talk, _ = free(model)
    exchange = await talk.hear(Transcript("operator"))
    assert (exchange.turn.reply.reason, model.asked) == (TransferReason.CALLER_ASKED, [])


async def test_an_answer_that_was_cut_short_is_settled_by_what_was_said():
    model = StepModel("Stay calm. He", asyncio.Event())
    talk, _ = free(model)
    response = talk.respond(HEARD)
    assert await anext(response) == "Stay calm."
    waiting = asyncio.create_task(anext(response))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    exchange = await response.settle()
    assert exchange.turn.reply.text == "Stay calm."
    assert exchange.failure is None
    assert model.ended == 1
    assert await response.settle() is exchange


async def test_a_decided_answer_is_known_before_its_first_sentence():
    talk = intake()
    talk.greet()
    response = talk.respond(Transcript("a man with a knife is attacking my wife at twelve green street", "en"))
    first = await anext(response)
    assert response.exchange is not None
    reply = response.exchange.turn.reply
    assert reply.then is NextStep.TRANSFER
    pieces = [first, *[piece async for piece in response]]
    assert len(pieces) > 1
    assert " ".join(pieces) == reply.text


async def test_piece_by_piece_and_at_once_come_to_the_same():
    def answer(schema):
        return unknown().model_copy(update={"category": Category.THEFT, "summary": "A car was stolen."})

    whole, streamed = intake(ScriptedModel(answer)), intake(ScriptedModel(answer))
    exchange = await whole.hear(HEARD)
    response = streamed.respond(HEARD)
    pieces = [piece async for piece in response]
    assert response.exchange is not None
    assert response.exchange.turn == exchange.turn
    assert response.exchange.assessment == exchange.assessment
    assert exchange.assessment.engine == "scripted-model:scripted-1"
    splitter = Sentences()
    assert pieces == [*splitter.feed(exchange.turn.reply.text), splitter.rest()]


async def test_a_guess_that_is_thrown_away_leaves_no_trace_and_one_that_is_kept_goes_on():
    talk = intake()
    talk.greet()
    before = talk.assessment()
    for words in ("somebody broke", "a man with a knife is attacking", "тут драка с ножом на улице"):
        guess = talk.fork()
        await guess.hear(Transcript(words))
    assert talk.assessment() == before
    assert talk.language == "en"
    kept = talk.fork()
    exchange = await kept.hear(Transcript("somebody stole my car last night"))
    straight = await talk.hear(Transcript("somebody stole my car last night"))
    assert exchange.turn == straight.turn
    assert exchange.assessment == straight.assessment
    later = await kept.hear(Transcript("twelve green street"))
    assert later.turn.number == 2
    assert later.assessment.fields["category"] == "theft"


async def test_a_dropped_answer_of_a_copy_ends_its_model():
    model = StepModel("Stay calm. He", asyncio.Event())
    talk, session = free(model)
    guess = talk.fork()
    response = guess.respond(HEARD)
    await anext(response)
    await response.aclose()
    assert model.ended == 1
    assert session.decided == []


@pytest.mark.parametrize(("heard", "shown"), [("Please tell", "Please tell"), ("", None)])
async def test_the_model_is_shown_what_the_caller_heard_and_the_question_stays_asked(heard, shown):
    model = ScriptedModel(lambda schema: unknown())
    talk = intake(model)
    talk.greet()
    await talk.hear(Transcript("hello", "en"))
    talk.heard_only(heard)
    await talk.hear(Transcript("hello again", "en"))
    said = [message.content for message in model.asked[-1] if message.role == "assistant"]
    assert said[1:] == ([shown] if shown else [])
    third = await talk.hear(Transcript("hello once more", "en"))
    assert third.turn.reply.reason is TransferReason.NOT_UNDERSTOOD, "asked twice, whatever was heard of it"


@pytest.mark.parametrize(("language", "words"), [("ru", "Секунду"), ("kk", "сәт"), ("en", "moment")])
async def test_a_short_honest_phrase_bridges_a_wait_and_is_no_turn(language, words):
    talk = intake(language=language)
    talk.greet()
    phrase = talk.holding()
    assert phrase is not None
    assert words in phrase.text
    assert (phrase.purpose, phrase.language, phrase.then) == ("filler", language, NextStep.LISTEN)
    assert (await talk.hear(Transcript("x"))).turn.number == 1
