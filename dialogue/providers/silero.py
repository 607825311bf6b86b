"""Silero's voice detector by onnxruntime: how likely each stretch of a sound is a human voice.

The package silero-vad brings the models; it is found and not imported, as importing it would load PyTorch.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from dialogue.errors import ProviderError, Stage

FRAME = 0.032
"""Seconds that are judged at a time."""

Floats = npt.NDArray[np.float32]


def load(model: str) -> Any:
    """Return a session of one of the package's models, on one thread.

    Args:
        model: file name without its ending.

    Raises:
        ProviderError: the package is not installed, or its file is broken.
    """
    spec = find_spec("silero_vad")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise ProviderError(Stage.VOICE_ACTIVITY, "not_installed", "install the Python package silero-vad")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # What the model's exporter left over is no news.
    options.log_severity_level = 3
    path = Path(folders[0]) / "data" / f"{model}.onnx"
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        detail = f"{path.name} of the package silero-vad cannot be loaded: {type(error).__name__}"
        raise ProviderError(Stage.VOICE_ACTIVITY, "model_unusable", detail) from None


class SileroStream:
    """Judges a stream of sound frame by frame.

    Args:
        session: of the model ``silero_vad``.
        rate: Hz, 8000 or 16000.

    Attributes:
        size: samples of a frame.
    """

    def __init__(self, session: Any, rate: int) -> None:
        self.size = rate * 32 // 1000
        self._session = session
        self._rate = np.array(rate, dtype=np.int64)
        self._before = np.zeros(rate // 250, dtype=np.float32)
        self._state = np.zeros((2, 1, 128), dtype=np.float32)

    def judge(self, frame: Floats) -> float:
        """Return the probability of voice in the next frame of `size` samples from -1 to 1."""
        sound = np.concatenate([self._before, frame])[np.newaxis]
        found, self._state = self._session.run(None, {"input": sound, "state": self._state, "sr": self._rate})
        self._before = frame[-len(self._before) :]
        return float(found[0, 0])


def judge_whole(session: Any, samples: Floats) -> Floats:
    """Return the probability of voice for each frame of a whole sound; what is left at its end has none.

    Args:
        session: of the model ``silero_vad_16k_sequence``.
        samples: from -1 to 1, at 16,000 Hz.
    """
    size, before = 512, 64
    count = len(samples) // size
    frames = samples[: count * size].reshape(count, size)
    lead = np.vstack([np.zeros((1, before), dtype=np.float32), frames[:-1, -before:]]) if count else frames[:, :before]
    state = np.zeros((1, 1, 128), dtype=np.float32)
    if not count:
        return np.zeros(0, dtype=np.float32)
    found: Floats = session.run(None, {"input": np.hstack([lead, frames]), "h": state, "c": state})[0]
    return found
