"""``python -m tests.evals.named_weapons``: how weapons that are only named are told from real ones.

Runs the sentences of `dialogue.scenarios.intake_102.training` in ``next/``, which nobody who writes rules has read,
through rules and classifier, and prints figures as a Markdown table: never a text.
"""

from __future__ import annotations

from sklearn.metrics import precision_recall_fscore_support

from dialogue.scenarios.intake_102.reading import read
from dialogue.scenarios.intake_102.rules import Answers, conclude
from dialogue.scenarios.intake_102.training.sentences import FOLDER, Sentence, load
from dialogue.scenarios.intake_102.triage import weigh_up


def claims(sentence: Sentence) -> tuple[bool, bool]:
    """Whether the rules alone, and rules and classifier together, say that there is a weapon."""
    reading = read(sentence.text, 0, sentence.language)
    found = conclude([reading], reading.language)
    return found.report.weapons is True, weigh_up([reading], found, Answers()).report.weapons is True


def main() -> None:
    judged = [sentence for sentence in load(FOLDER / "next") if sentence.weapons is not None]
    found = [(sentence, *claims(sentence)) for sentence in judged]
    print("| | sentences | with a weapon | rules: precision | recall | F1 | joined: precision | recall | F1 |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for language in ("ru", "kk", "en", "all"):
        some = [one for one in found if language in (one[0].language, "all")]
        wanted = [one[0].weapons for one in some]
        cells = [language, str(len(some)), str(sum(map(bool, wanted)))]
        for answers in ([one[1] for one in some], [one[2] for one in some]):
            figures = precision_recall_fscore_support(wanted, answers, average="binary")[:3]
            cells += [f"{figure:.3f}" for figure in figures]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
