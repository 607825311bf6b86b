"""Models of recognisers: where they lie, and in one sentence what is wrong with one that does not load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialogue.providers.workers import WorkerFailure

_MEMORY = ("out of memory", "can't allocate", "cannot allocate", "bad_alloc", "not enough memory", "alloc_cpu")
_NETWORK = ("urlopen", "connection", "resol", "offline", "huggingface", "hub", "timed out", "max retries")
_UNKNOWN = ("not found; available models", "invalid model size")
_TRUNCATED = ("incomplete", "failed finding central directory", "pytorchstreamreader", "unexpected eof", "ran out of")


def spoken_by(model: str, languages: frozenset[str]) -> frozenset[str]:
    """Return what a Whisper model understands, by its name: ``small.en`` and its like know English alone."""
    return frozenset({"en"}) if Path(model).stem.endswith(".en") or model.endswith(".en") else languages


def model_path(setting: str, model: str) -> str:
    """Return the model, which must exist where it is given as a path.

    Raises:
        WorkerFailure: ``model_missing``.
    """
    if ("/" in model or model.endswith(".pt")) and not Path(model).exists():
        # Hugging Face's names have one stroke too: owner/model.
        if model.count("/") == 1 and not model.startswith((".", "/", "~")) and not model.endswith(".pt"):
            return model
        raise WorkerFailure("model_missing", f"{setting}={model}: there is no such file or folder")
    return model


@contextmanager
def explained(setting: str, model: str, *, loaded: bool = False) -> Iterator[None]:
    """Turn what an engine raises into a `WorkerFailure` of one sentence that names the model's setting.

    Args:
        setting: its name.
        model: what it says.
        loaded: the model is whole; what fails is its work on one sound.
    """
    try:
        yield
    except WorkerFailure:
        raise
    except MemoryError:
        raise WorkerFailure(
            "out_of_memory", f"{setting}={model} does not fit into the memory; take a smaller one"
        ) from None
    except Exception as error:
        raise _failure(setting, model, error, loaded=loaded) from None


def _failure(setting: str, model: str, error: Exception, *, loaded: bool) -> WorkerFailure:
    text = f"{type(error).__name__} {error}".lower()
    what = f"{setting}={model}"
    if any(sign in text for sign in _MEMORY):
        return WorkerFailure("out_of_memory", f"{what} does not fit into the memory; take a smaller one")
    if loaded:
        return WorkerFailure("engine_failed", f"{what} did not take this sound: {type(error).__name__}")
    if any(sign in text for sign in _UNKNOWN):
        return WorkerFailure("model_missing", f"{what} is neither a known model nor a file")
    if isinstance(error, EOFError) or any(sign in text for sign in _TRUNCATED):
        return WorkerFailure("model_unusable", f"{what} is damaged or not whole; fetch it again")
    if any(sign in text for sign in _NETWORK):
        return WorkerFailure("model_missing", f"{what} is not on this machine and could not be fetched")
    if "cuda" in text or "cudnn" in text or "libcublas" in text:
        return WorkerFailure("no_device", f"{what} cannot use the graphics card: {type(error).__name__}")
    return WorkerFailure("model_unusable", f"{what} is no model of this engine: {type(error).__name__}")
