"""Police emergency intake: greet, understand, ask for what is missing, hand over or close."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path

from dialogue.errors import ConfigurationError
from dialogue.ports import Answer, Briefing, Message, ModelRequest
from dialogue.scenarios.intake_102 import checks, classifier, lexicon, wording
from dialogue.scenarios.intake_102.address import answered_place, find_place
from dialogue.scenarios.intake_102.reading import Reading, mentioned, read
from dialogue.scenarios.intake_102.rules import GUESSED, Answers, Finding, conclude
from dialogue.scenarios.intake_102.schema import (
    SEVERITY,
    AddressConfidence,
    Category,
    IncidentReport,
    Language,
    Urgency,
    unknown,
)
from dialogue.scenarios.intake_102.slots import Slot
from dialogue.scenarios.intake_102.text import clean
from dialogue.scenarios.intake_102.triage import BY_CLASSIFIER, weigh_up
from dialogue.scenarios.intake_102.words import LANGUAGES, ordered, word_set
from dialogue.turns import Assessment, NextStep, Reply, Transcript, TransferReason, Turn

ASKED_AT_MOST = 2
"""How often the same thing is asked before a person takes over."""

_SHORT = 4
"""Words up to which a bare "human" or "operator" is a request for one."""


@cache
def _prompt(language: str) -> str:
    try:
        return (Path(__file__).parent / "prompts" / f"{language}.md").read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"The prompt prompts/{language}.md of intake_102 cannot be read: {error}.") from error


@cache
def prompt_version(language: str) -> str:
    """``<language>-`` and the first 12 hex digits of the SHA-256 of the prompt file."""
    return f"{language}-{hashlib.sha256(_prompt(language).encode()).hexdigest()[:12]}"


class Intake102:
    """The scenario ``intake_102``. Making one loads lexicons and prompts, so that no call waits for them."""

    name = "intake_102"
    languages: tuple[str, ...] = LANGUAGES

    def __init__(self) -> None:
        for language in LANGUAGES:
            lexicon.load(language)
            prompt_version(language)
            wording.phrase("notice", language)
        classifier.load()

    def open(self, language: str) -> Session:
        """Begin a conversation. Raises ConfigurationError for a language it does not speak."""
        if language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise ConfigurationError(f"intake_102 does not speak {language!r}: choose one of {known}.")
        return Session(language)

    def prompts(self, language: str) -> tuple[str, ...]:
        """Every reply that is the same in each call. Raises ConfigurationError for a language it does not speak."""
        session = self.open(language)
        return tuple(dict.fromkeys([session.greeting().text, *wording.fixed(language)]))


def classify(text: str, language: str | None = None) -> Assessment:
    """What one text means by the rules alone.

    Args:
        text: what a caller said.
        language: ISO 639-1 code, or None to tell by the words.

    Raises:
        ConfigurationError: the scenario does not speak the language.
    """
    session = Intake102().open(language or "ru")
    session.decide((), Transcript(text, language), None)
    return session.assessment()


class Session:
    """One conversation.

    The state is what the last `decide` found; everything else is read from the turns, so that a session opened after
    the call comes to the same outcome from the whole conversation.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._cache: dict[tuple[int, str], Reading] = {}
        self._assessment = self._blank()
        self._report: IncidentReport | None = None
        self._guessed = False
        self._plainly_said = False

    @property
    def language(self) -> str:
        """ISO 639-1 code in which the next reply is given; follows the caller."""
        return self._language

    def fork(self) -> Session:
        """Return an independent copy. Both share assessment and report, which are only ever replaced as a whole."""
        twin = copy(self)
        twin._cache = dict(self._cache)
        return twin

    def greeting(self) -> Reply:
        """Say that an automatic assistant answers and that the call is recorded, and ask what happened."""
        notice, question = (wording.phrase(name, self._language) for name in ("notice", "greeting"))
        return replace(self._reply(f"{notice} {question}", purpose="greeting"), notice=notice)

    def wants_person(self, text: str) -> bool:
        """Whether these words ask for an operator, not merely speak of one."""
        reading = read(text, 0, self._language)
        if mentioned([reading], "not_person"):
            return False
        if mentioned([reading], "wants_person"):
            return True
        return (
            len(reading.tokens) <= _SHORT
            and any(t.norm in word_set("persons_asked_for") for t in reading.tokens[-1:])
            and not any(
                m.concept not in {"child", "elder"} and not m.concept.startswith("answer") for m in reading.mentions
            )
        )

    def request(self, turns: Sequence[Turn], heard: Transcript) -> ModelRequest:
        """The conversation for a model: a constant system prompt, the caller's words only as user messages."""
        language = self._read(len(turns), heard).language
        messages = [Message("system", _prompt(language))]
        for turn in turns:
            if turn.heard is not None and turn.heard.text:
                messages.append(Message("user", clean(turn.heard.text)))
            if turn.said:
                messages.append(Message("assistant", turn.said))
        messages.append(Message("user", clean(heard.text)))
        return ModelRequest(tuple(messages), IncidentReport, prompt_version(language))

    def decide(self, turns: Sequence[Turn], heard: Transcript, answer: Answer | None) -> tuple[Assessment, Reply]:
        """Check the model's answer over the rules' floor (None: rules alone) and say what comes next."""
        readings = [self._read(t.number, t.heard) for t in turns if t.heard is not None and t.heard.text]
        latest = self._read(len(turns), heard)
        readings.append(latest)
        self._follow(latest)
        floor = self._floor(turns, readings)
        if answer is not None and isinstance(answer.value, IncidentReport):
            found = checks.merge(answer.value, floor, readings)
            summary = found.report.summary
        else:
            answer, found, summary = None, floor, ""
        report = found.report
        report.language = Language(self._language)
        if not summary:
            words = ". ".join(r.text.rstrip(" .") for r in readings if r.text)
            report.summary = wording.summarise(report, words, self._language)
        self._report = report
        self._guessed = answer is None and GUESSED in found.notes
        self._plainly_said = answer is not None or not any(
            note.startswith("category") and BY_CLASSIFIER in note for note in found.notes
        )
        self._assessment = Assessment(
            fields=report.model_dump(mode="json"),
            source="llm" if answer else "rules",
            engine=answer.model if answer else "rules",
            evidence=found.evidence,
            notes=found.notes,
            model_answer=answer.text if answer else None,
            prompt_version=prompt_version(latest.language) if answer else "",
        )
        return self._assessment, self._next(turns, report)

    def holding(self) -> Reply:
        """Say that the words are being written down."""
        return self._reply(wording.phrase("holding", self._language), purpose="filler")

    def silent(self, times: int) -> Reply:
        """Ask again after the first silence; a person takes over after the second."""
        if times < ASKED_AT_MOST:
            return self._reply(wording.phrase("silence", self._language), purpose="question")
        return self.hand_over(TransferReason.SILENCE)

    def not_understood(self, times: int) -> Reply:
        """Ask to repeat once; a person takes over after the second time."""
        if times < ASKED_AT_MOST:
            return self._reply(wording.phrase("not_understood", self._language), purpose="apology")
        return self.hand_over(TransferReason.NOT_UNDERSTOOD)

    def hand_over(self, reason: TransferReason) -> Reply:
        """Announce a person."""
        if reason is TransferReason.SILENCE and self._report is None:
            self._assessment = self._silent_call()
        text = wording.hand_over(reason, self._language)
        return Reply(text, self._language, NextStep.TRANSFER, reason, "answer")

    def assessment(self) -> Assessment:
        """The outcome so far; before anything was said every field but the language is null."""
        return self._assessment

    def briefing(self) -> Briefing:
        """Summary and fields for the operator, labels in the language of the call."""
        fields = dict(self._assessment.fields)
        fields["labels"] = {
            kind: wording.label(kind, fields.get(name), self._language)
            for kind, name in (
                ("urgency", "urgency"),
                ("category", "category"),
                ("department", "recommended_department"),
            )
        }
        summary = str(fields.get("summary") or wording.summarise(unknown(), "", self._language))
        return Briefing(summary, fields, self._language)

    def hints(self) -> tuple[str, ...]:
        """Words a recogniser should expect: parts of addresses and what emergencies are called."""
        return ordered("hints", self._language)

    def _read(self, number: int, heard: Transcript) -> Reading:
        key = (number, heard.text)
        if key not in self._cache:
            default = heard.language if heard.language in LANGUAGES else self._language
            self._cache[key] = read(heard.text, number, default or self._language)
        return self._cache[key]

    def _follow(self, latest: Reading) -> None:
        """Go on in the caller's language once they say more than a name or a yes in it."""
        if latest.language != self._language and len(latest.tokens) > 2:
            self._language = latest.language

    def _floor(self, turns: Sequence[Turn], readings: Sequence[Reading]) -> Finding:
        """The rules over the conversation, turn by turn, so that nothing on record goes down."""
        standing = None if self._guessed else self._report
        found = Finding(unknown())
        for count in range(1, len(readings) + 1):
            heard = readings[:count]
            answers = _answers(turns, heard)
            joined = weigh_up(heard, conclude(heard, self._language, answers), answers)
            found = checks.keep_floor(joined, standing)
            if GUESSED not in found.notes:
                standing = found.report
        return found

    def _next(self, turns: Sequence[Turn], report: IncidentReport) -> Reply:
        """Critical and dangerous calls go to a person at once; else ask for what is missing, then close."""
        if report.urgency is Urgency.CRITICAL:
            return self.hand_over(TransferReason.CRITICAL)
        if report.weapons or report.current_danger or _may_not_be_heard(report):
            return self.hand_over(TransferReason.DANGER)
        asked = [q for t in turns if (q := wording.question_asked(t.reply.text))]
        if report.category is None or report.category is Category.SILENT:
            if asked.count("ask_incident") >= ASKED_AT_MOST:
                return self.hand_over(TransferReason.NOT_UNDERSTOOD)
            return self._ask("ask_incident")
        if self._guessed and "ask_incident" not in asked:
            return self._ask("ask_incident")
        if not _needs_place(report):
            # Nobody looks after such a call, and a recogniser's nonsense resembles a question more than a crime.
            return self._close(report) if self._plainly_said else self.hand_over(TransferReason.NOT_UNDERSTOOD)
        unsure = report.address is None or report.address_confidence is AddressConfidence.LOW
        tries = sum(q.startswith("ask_address") for q in asked)
        if unsure and tries < ASKED_AT_MOST:
            return self._ask("ask_address_again" if tries else "ask_address")
        if report.address is None:
            return self.hand_over(TransferReason.NO_ADDRESS)
        if report.current_danger is None and _may_be_dangerous(report) and "ask_danger" not in asked:
            address = report.address if _address_is_new(turns) else None
            question = wording.with_address(wording.phrase("ask_danger", self._language), address, self._language)
            return self._reply(question, purpose="question")
        return self._close(report)

    def _ask(self, name: str) -> Reply:
        reply = self._reply(wording.phrase(name, self._language), purpose="question")
        return replace(reply, expects="address") if name.startswith("ask_address") else reply

    def _close(self, report: IncidentReport) -> Reply:
        """End the call; what is merely guessed, perhaps of a recogniser's nonsense, ends none."""
        if self._guessed:
            return self.hand_over(TransferReason.NOT_UNDERSTOOD)
        text = wording.farewell(report.recommended_department, self._language)
        return Reply(text, self._language, NextStep.CLOSE, purpose="farewell")

    def _reply(self, text: str, purpose: str) -> Reply:
        return Reply(text, self._language, NextStep.LISTEN, purpose=purpose)

    def _blank(self) -> Assessment:
        report = unknown()
        report.language = Language(self._language)
        return Assessment(report.model_dump(mode="json"), "rules", "rules")

    def _silent_call(self) -> Assessment:
        """A call without a word: that it is silent is known, how urgent it is is not, so a person listens."""
        report = unknown()
        report.category, report.language = Category.SILENT, Language(self._language)
        report.summary = wording.summarise(report, "", self._language)
        note = "no word was said; urgency is for a person to judge"
        return Assessment(report.model_dump(mode="json"), "rules", "rules", notes=(note,))


def _may_not_be_heard(report: IncidentReport) -> bool:
    """Whether somebody whispers that they cannot speak, and nothing else: questions would put them in danger."""
    return report.category is Category.SILENT and report.caller_safe_to_talk is False


def _needs_place(report: IncidentReport) -> bool:
    """Whether somebody may have to go there: a question or a wrong number needs no address."""
    if report.category is Category.INFORMATION:
        return False
    return not (
        report.category is Category.OTHER
        and report.urgency is Urgency.LOW
        and report.recommended_department != "akimat"
    )


def _may_be_dangerous(report: IncidentReport) -> bool:
    return report.urgency is not None and SEVERITY[report.urgency] >= SEVERITY[Urgency.MEDIUM]


def _address_is_new(turns: Sequence[Turn]) -> bool:
    return bool(turns) and (wording.question_asked(turns[-1].reply.text) or "").startswith("ask_address")


def _answers(turns: Sequence[Turn], readings: Sequence[Reading]) -> Answers:
    """Short answers, understood by the question before them."""
    place = danger = None
    before = {t.number + 1: wording.question_asked(t.reply.text) for t in turns}
    for reading in readings:
        question = before.get(reading.turn)
        if question == "ask_danger" and (said := _yes_or_no(reading)) is not None:
            danger = Slot(said, reading.turn, reading.text)
        elif (
            question in {"ask_address", "ask_address_again"} and not find_place(reading) and _may_name_a_place(reading)
        ):
            place = answered_place(reading) or place
    return Answers(place, danger)


def _yes_or_no(reading: Reading) -> bool | None:
    """The first of yes and no that is said, where nothing else is."""
    first = next((m for m in reading.mentions if m.concept in {"answer_yes", "answer_no"}), None)
    return None if first is None else first.concept == "answer_yes"


def _may_name_a_place(reading: Reading) -> bool:
    refusing = {"do_not_know", "wants_person", "answer_no", "cannot_talk"}
    return not any(m.concept in refusing for m in reading.mentions)
