"""A conversation by the rules alone, for tests."""

from dataclasses import dataclass, field

from dialogue.ports import Answer
from dialogue.scenarios.intake_102.reading import read
from dialogue.scenarios.intake_102.rules import conclude
from dialogue.scenarios.intake_102.scenario import Intake102, Session
from dialogue.scenarios.intake_102.schema import IncidentReport, unknown
from dialogue.turns import Reply, Transcript, Turn


def rules_report(language: str, text: str) -> IncidentReport:
    """What the rules conclude from one utterance, without the classifier."""
    reading = read(text, 0, language)
    return conclude([reading], reading.language).report


@dataclass
class Talk:
    """Says things to a session as a conversation would."""

    language: str
    session: Session = field(init=False)
    turns: list[Turn] = field(init=False)

    def __post_init__(self) -> None:
        self.session = Intake102().open(self.language)
        self.turns = [Turn(0, None, self.session.greeting())]

    def say(self, text: str, answer: Answer | None = None) -> Reply:
        heard = Transcript(text)
        _, reply = self.session.decide(self.turns, heard, answer)
        self.turns.append(Turn(len(self.turns), heard, reply))
        return reply

    @property
    def fields(self):
        return self.session.assessment().fields

    @property
    def notes(self) -> str:
        return " | ".join(self.session.assessment().notes)


def report(**fields) -> IncidentReport:
    """A model's answer that knows only these fields."""
    return IncidentReport.model_validate({**unknown().model_dump(), **fields})


def answer(**fields) -> Answer:
    """The same as a model gives it."""
    value = report(**fields)
    return Answer(value, value.model_dump_json(), "openai:test")
