"""Trains the classifier beside the rules: ``python -m dialogue.scenarios.intake_102.training.train``.

Needs scikit-learn (requirements-dev.txt); what it writes needs numpy alone. With ``--check`` it writes nothing and
prints how well sentences are understood that the model was not trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score

from dialogue.scenarios.intake_102.classifier import MODEL, Classifier, Floats, Head, Vocabulary
from dialogue.scenarios.intake_102.features import Block, Features, extract
from dialogue.scenarios.intake_102.reading import read
from dialogue.scenarios.intake_102.rules import GUESSED, conclude
from dialogue.scenarios.intake_102.schema import Category, Department, Urgency
from dialogue.scenarios.intake_102.training.noise import misheard
from dialogue.scenarios.intake_102.training.sentences import Sentence, fingerprint, load
from dialogue.scenarios.intake_102.triage import rising

_LEAST_SENTENCES = 3
"""Sentences that must have a feature before the model learns it."""

_SHARES = {Block.WORDS: 1.0, Block.PAIRS: 0.7, Block.LETTERS: 1.5, Block.RULES: 0.7}
_FOLDS = 5
_RUN = 12
_LEVELS = 127
"""Largest whole number that a weight is stored as."""

_STRENGTH = 8.0
_STRENGTH_BY_RATIO = 3.0
"""Inverse of the L2 penalty of the two regressions of a head: taken where cross-validation is best."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One logistic regression: its classes, and what is right for a sentence (None: not judged)."""

    classes: tuple[str, ...]
    answer: Callable[[Sentence], str | bool | None]


_HEADS: dict[str, tuple[_Question, ...]] = {
    "urgency": (_Question(tuple(Urgency), lambda sentence: sentence.urgency),),
    "facts": (
        _Question(("weapons",), lambda sentence: sentence.weapons),
        _Question(("current_danger",), lambda sentence: sentence.danger),
    ),
    "category": (_Question(tuple(Category), lambda sentence: sentence.category),),
    "recommended_department": (_Question(tuple(Department), lambda sentence: sentence.department),),
}


def features_of(sentence: Sentence) -> Features:
    """What the classifier sees of a sentence."""
    reading = read(sentence.text, 0, sentence.language)
    found = conclude([reading], reading.language)
    return extract([reading], found.report, GUESSED in found.notes)


def train(sentences: Sequence[Sentence], features: Sequence[Features], made_from: str = "") -> Classifier:
    """Fit every head.

    Args:
        sentences: labelled.
        features: of each of them.
        made_from: fingerprint that the model shall carry.
    """
    vocabulary = _vocabulary(features)
    rows = matrix(vocabulary, features)
    columns: list[Floats] = []
    biases: list[float] = []
    heads: dict[str, Head] = {}
    for name, questions in _HEADS.items():
        classes = tuple(name for question in questions for name in question.classes)
        heads[name] = Head(len(columns), classes, each=len(questions) > 1)
        for question in questions:
            fitted, intercepts = _fit(question, rows, sentences)
            columns += list(fitted)
            biases += intercepts
    weights = np.array(columns, dtype=np.float32).T
    scales = np.maximum(np.abs(weights).max(axis=0), np.finfo(np.float32).tiny) / _LEVELS
    whole = np.rint(weights / scales).astype(np.int8)
    return Classifier(vocabulary, whole, scales, np.array(biases, dtype=np.float32), heads, made_from)


def save(model: Classifier) -> None:
    """Write the model file."""
    about = {
        "made_from": model.made_from,
        "heads": {name: [head.first, head.classes, head.each] for name, head in model.heads.items()},
    }
    np.savez_compressed(
        MODEL,
        about=np.array(json.dumps(about)),
        keys=model.vocabulary.keys,
        values=model.vocabulary.values.astype(np.float16),
        shares=model.vocabulary.shares,
        weights=model.weights,
        scales=model.scales,
        biases=model.biases,
    )


def _vocabulary(features: Sequence[Features]) -> Vocabulary:
    """Features of enough sentences, weighed by how few have them; what the rules say counts alike."""
    often: Counter[int] = Counter()
    blocks: dict[int, int] = {}
    for one in features:
        blocks.update(zip(one.keys.tolist(), one.blocks.tolist(), strict=True))
        often.update(set(one.keys.tolist()))
    keys = sorted(name for name, count in often.items() if count >= _LEAST_SENTENCES)
    rarity = [1.0 if blocks[k] == Block.RULES else 1 + np.log((1 + len(features)) / (1 + often[k])) for k in keys]
    # Half the precision in the file: the model is fitted on what is read back.
    values = np.array(rarity, dtype=np.float16).astype(np.float32)
    shares = np.array([_SHARES[block] for block in Block], dtype=np.float32)
    return Vocabulary(np.array(keys, dtype=np.uint32), values, shares)


def matrix(vocabulary: Vocabulary, features: Sequence[Features]) -> csr_matrix:
    """Sentences as rows of a sparse matrix, as the classifier sees them."""
    vectors = [vocabulary.vector(one) for one in features]
    ends = np.cumsum([0, *(len(rows) for rows, _ in vectors)])
    shape = (len(vectors), len(vocabulary.keys))
    rows, values = (np.concatenate([vector[part] for vector in vectors]) for part in (0, 1))
    return csr_matrix((values, rows, ends), shape=shape)


def _fit(question: _Question, matrix: csr_matrix, sentences: Sequence[Sentence]) -> tuple[Floats, list[float]]:
    """Weights of shape (classes, features) and a bias for each class.

    The mean of two regressions: one over the features as they are; one for each class in which a feature counts as
    much as it is commoner or rarer there than elsewhere (Wang and Manning 2012, "Baselines and Bigrams"), which gives
    rare telling words their due.
    """
    answers = [question.answer(sentence) for sentence in sentences]
    judged = np.array([number for number, answer in enumerate(answers) if answer is not None])
    wanted = np.array([answers[number] for number in judged])
    rows = matrix[judged]
    plain = LogisticRegression(C=_STRENGTH, max_iter=300, tol=1e-3).fit(rows, wanted)
    alone = len(question.classes) == 1
    order = [0] if alone else [list(plain.classes_).index(name) for name in question.classes]
    weights, biases = [], []
    for name, number in zip(question.classes, order, strict=True):
        own = wanted if alone else wanted == name
        ratio = np.abs(_log_ratio(rows, own))
        weighed = LogisticRegression(C=_STRENGTH_BY_RATIO, max_iter=300, tol=1e-3).fit(rows @ diags(ratio), own)
        weights.append((plain.coef_[number] + weighed.coef_[0] * ratio) / 2)
        biases.append(float(plain.intercept_[number] + weighed.intercept_[0]) / 2)
    return np.array(weights, dtype=np.float32), biases


def _log_ratio(rows: csr_matrix, own: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each feature, the logarithm of how much more of a class's sentences have it than of the others."""
    has = rows.astype(bool)
    shares = [(has[kind].sum(axis=0).A1 + 1) / (kind.sum() + 2) for kind in (own, ~own)]
    ratio: NDArray[np.float64] = np.log(shares[0] / shares[1])
    return ratio


def _folds(sentences: Sequence[Sentence]) -> NDArray[np.int64]:
    """Number of the fold of each sentence: runs of lines, since neighbours are alike and files hold one theme."""
    numbers: dict[tuple[str, int], int] = {}
    lines: Counter[str] = Counter()
    found = []
    for sentence in sentences:
        run = (sentence.file, lines[sentence.file] // _RUN)
        lines[sentence.file] += 1
        found.append(numbers.setdefault(run, len(numbers)) % _FOLDS)
    return np.array(found)


def cross_validate(
    sentences: Sequence[Sentence], features: Sequence[Features], noisy: Sequence[Features]
) -> dict[str, float]:
    """Figures over sentences that were left out of the training, the urgency taken as `triage.rising` does.

    Args:
        sentences: labelled.
        features: of each of them.
        noisy: of each of them as it is misheard; for training only.
    """
    folds = _folds(sentences)
    right: dict[str, list[str | bool]] = {"urgency": [], "category": [], "weapons": []}
    given: dict[str, list[str | bool]] = {name: [] for name in right}
    for fold in range(_FOLDS):
        kept = np.flatnonzero(folds != fold).tolist()
        model = train([sentences[i] for i in kept * 2], [*(features[i] for i in kept), *(noisy[i] for i in kept)])
        for number in np.flatnonzero(folds == fold).tolist():
            sentence, own = sentences[number], features[number]
            opinion = model.ask(own, int(own.places.max()) + 1)
            if sentence.urgency is not None:
                right["urgency"].append(sentence.urgency.value)
                given["urgency"].append(rising(opinion.chances["urgency"]).value)
            right["category"].append(sentence.category.value)
            given["category"].append(opinion.likeliest("category")[0])
            if sentence.weapons is not None:
                right["weapons"].append(sentence.weapons)
                given["weapons"].append(opinion.chances["facts"]["weapons"] >= 0.5)
    return {
        "critical recall": float(
            recall_score(right["urgency"], given["urgency"], labels=["critical"], average="macro")
        ),
        "urgency macro-F1": float(f1_score(right["urgency"], given["urgency"], average="macro")),
        "category macro-F1": float(f1_score(right["category"], given["category"], average="macro")),
        "weapons F1": float(f1_score(right["weapons"], given["weapons"])),
    }


def main() -> None:
    """Train on all sentences and write the model, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="cross-validate and write nothing")
    chosen = parser.parse_args()
    sentences = load()
    features = [features_of(sentence) for sentence in sentences]
    noisy = [features_of(misheard(sentence)) for sentence in sentences]
    if chosen.check:
        for name, figure in cross_validate(sentences, features, noisy).items():
            sys.stdout.write(f"{name}: {figure:.3f}\n")
        return
    model = train([*sentences, *sentences], [*features, *noisy], fingerprint())
    save(model)
    sys.stdout.write(
        f"{len(sentences)} sentences, {len(model.vocabulary.keys)} features, {MODEL.stat().st_size / 1e6:.1f} MB\n"
    )


if __name__ == "__main__":
    main()
