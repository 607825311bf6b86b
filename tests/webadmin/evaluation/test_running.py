import asyncio

import pytest

from dialogue.resilience import Policy, Thinker
from tests.webadmin.evaluation.making import case
from webadmin.evaluation.running import Classifier, side_by_side

RULES = Classifier("intake_102", Thinker([], Policy(budget=1, attempt=1)), max_turns=8)


async def test_the_rules_judge_a_text():
    judged = await RULES.judge(case(text="a man with a knife is attacking my wife", labels={"urgency": "critical"}))

    assert judged.right == {"urgency": True}
    assert judged.heard == ("a man with a knife is attacking my wife",)


async def test_a_short_answer_is_understood_by_the_question_that_the_case_has_before_it():
    def told(*asked):
        turns = [
            {"asked": asked[0], "heard": "somebody stole my bicycle"},
            {"asked": asked[1], "heard": "the old mill"},
        ]
        return case(turns=turns, labels={"address": "old mill"})

    asked_where = await RULES.judge(told("ask_incident", "ask_address"))
    asked_danger = await RULES.judge(told("ask_incident", "ask_danger"))

    assert asked_where.right == {"address": True}
    assert asked_danger.answers == {"address": None}


async def test_a_single_answer_meets_its_question_too():
    one = case(turns=[{"asked": "ask_address", "heard": "the old mill"}], labels={"address": "old mill"})

    assert (await RULES.judge(one)).right == {"address": True}


async def test_what_is_heard_can_be_worse_than_what_is_said():
    judged = await RULES.judge(case(text="fire", labels={"category": "fire"}), lambda _, text: text.replace("fire", ""))

    assert judged.right == {"category": False}


@pytest.mark.parametrize("at_once", [1, 3, 50])
async def test_results_keep_the_order_of_their_cases_however_many_run_together(at_once):
    running = most = done = 0

    async def work(number):
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.001 * (10 - number % 10))
        running -= 1
        return number * number

    def step():
        nonlocal done
        done += 1

    assert await side_by_side(range(20), at_once, work, step) == [n * n for n in range(20)]
    assert most <= at_once
    assert done == 20
