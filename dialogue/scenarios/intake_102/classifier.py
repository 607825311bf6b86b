"""The trained classifier beside the rules: what calls like this one were labelled as.

A linear model over `features`, made by ``training/train.py`` from the sentences beside it and read from
``classifier.npz``. Nothing but numpy is needed to ask it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dialogue.errors import ConfigurationError
from dialogue.scenarios.intake_102.features import NOWHERE, Block, Features

MODEL = Path(__file__).with_name("classifier.npz")
RETRAIN = "python -m dialogue.scenarios.intake_102.training.train"
"""The command that makes the model file anew."""

Floats = NDArray[np.float32]
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Head:
    """One question the classifier answers.

    Args:
        first: number of its first output.
        classes: what its outputs stand for.
        each: whether each class is true or not by itself; else exactly one of them is.
    """

    first: int
    classes: tuple[str, ...]
    each: bool

    @property
    def outputs(self) -> slice:
        """Its columns among all outputs."""
        return slice(self.first, self.first + len(self.classes))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the classifier holds likely, and why.

    Args:
        chances: per head, per class, a probability.
        pushes: for each word of the call (rows), how much it speaks for each output (columns).
        heads: where a head's outputs lie.
    """

    chances: Mapping[str, Mapping[str, float]]
    pushes: Floats
    heads: Mapping[str, Head]

    def likeliest(self, head: str) -> tuple[str, float]:
        """The likeliest class of a head and its probability."""
        return max(self.chances[head].items(), key=lambda pair: pair[1])

    def push(self, head: str, name: str) -> Floats:
        """How much each word speaks for a class; where one class excludes the others, against these."""
        found = self.heads[head]
        own: Floats = self.pushes[:, found.first + found.classes.index(name)]
        if found.each:
            return own
        against: Floats = own - self.pushes[:, found.outputs].mean(axis=1)
        return against


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The features that the training knew, and what each counts.

    Args:
        keys: known features, ascending.
        values: what each counts before its block is brought to length one: rare features more.
        shares: how much each block of features counts.
    """

    keys: NDArray[np.uint32]
    values: Floats
    shares: Floats

    def known(self, features: Features) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The row of each occurrence that is known, and which occurrences those are."""
        if not self.keys.size:
            return np.empty(0, dtype=np.intp), np.zeros(len(features.keys), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.keys, features.keys), len(self.keys) - 1)
        hit = self.keys[at] == features.keys
        return at[hit], hit

    def vector(self, features: Features) -> tuple[NDArray[np.intp], Floats]:
        """A call as a sparse vector: rows that are not zero, ascending, and their values."""
        found, hit = self.known(features)
        rows, first = np.unique(found, return_index=True)
        blocks = features.blocks[hit][first]
        values = self.values[rows]
        lengths = np.sqrt(np.bincount(blocks, values * values, minlength=len(Block)))
        return rows, (values * self.shares[blocks] / np.maximum(lengths, _TINY)[blocks]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Classifier:
    """The model as it is used.

    Args:
        vocabulary: the features it knows.
        weights: of each known feature (rows) for each output (columns), whole numbers.
        scales: what a weight of one is worth, per output.
        biases: per output.
        heads: by name.
        made_from: fingerprint of everything the model was trained on.
    """

    vocabulary: Vocabulary
    weights: NDArray[np.int8]
    scales: Floats
    biases: Floats
    heads: Mapping[str, Head]
    made_from: str

    def ask(self, features: Features, words: int) -> Opinion:
        """What is likely.

        Args:
            features: of the call.
            words: how many words it has.
        """
        rows, values = self.vocabulary.vector(features)
        weights = self.weights[rows].astype(np.float32) * self.scales * values[:, None]
        pushes = np.zeros((words, len(self.biases)), dtype=np.float32)
        found, hit = self.vocabulary.known(features)
        places = features.places[hit]
        somewhere = places != NOWHERE
        np.add.at(pushes, places[somewhere], weights[np.searchsorted(rows, found[somewhere])])
        return Opinion(self._chances(weights.sum(axis=0) + self.biases), pushes, self.heads)

    def _chances(self, logits: Floats) -> dict[str, dict[str, float]]:
        chances = {}
        for name, head in self.heads.items():
            own = logits[head.outputs].astype(np.float64)
            likely = 1 / (1 + np.exp(-own)) if head.each else np.exp(own - own.max())
            likely = likely if head.each else likely / likely.sum()
            chances[name] = dict(zip(head.classes, likely.tolist(), strict=True))
        return chances


@cache
def load(path: Path = MODEL) -> Classifier:
    """The model file, read once.

    Raises:
        ConfigurationError: it is missing, cut short or of another kind.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            heads = {name: Head(at, tuple(classes), each) for name, (at, classes, each) in about["heads"].items()}
            model = Classifier(
                Vocabulary(stored["keys"], stored["values"].astype(np.float32), stored["shares"]),
                stored["weights"],
                stored["scales"],
                stored["biases"],
                heads,
                about["made_from"],
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigurationError(
            f"{path.name} of intake_102 cannot be read ({type(error).__name__}): `{RETRAIN}` makes it anew."
        ) from error
    shape = (len(model.vocabulary.keys), len(model.biases))
    outputs = sum(len(head.classes) for head in heads.values())
    if model.weights.shape != shape or len(model.vocabulary.values) != shape[0] or outputs != shape[1]:
        raise ConfigurationError(f"{path.name} of intake_102 is damaged: `{RETRAIN}` makes it anew.")
    return model
