"""A voice for the real Piper program: a network that hums as long as the sentence is, made without any training."""

from __future__ import annotations

import json
import struct
from pathlib import Path

RATE = 16_000
SAMPLES = 800
"""Of sound for each of Piper's phoneme numbers."""

FLOAT, INT64 = 1, 7
PHONEMES = "_^$ !'(),-.:;?abcdefghijklmnopqrstuvwxyz" + (
    "æçðøħŋœǀɐɑɒɓɔɕɖɗɘəɚɛɜɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʝʟˈˌːˑ˞βθχᵻⱱʲ"
)


def _varint(value: int) -> bytes:
    out = b""
    value &= (1 << 64) - 1
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _node(kind: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    made = b"".join(_bytes(1, name) for name in inputs) + _bytes(2, output) + _bytes(4, kind)
    for name, value in attributes.items():
        made += _bytes(5, _bytes(1, name) + _number(3, value) + _number(20, 2))
    return _bytes(1, made)


def _constant(name: str, kind: int, *values: float) -> bytes:
    raw = struct.pack(f"<{len(values)}{'q' if kind == INT64 else 'f'}", *values)
    dims = b"" if kind == FLOAT else _number(1, len(values))
    return _bytes(5, dims + _number(2, kind) + _bytes(8, name) + _bytes(9, raw))


def _value(field: int, name: str, kind: int, *shape: int | str) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, d) if isinstance(d, str) else _number(1, d)) for d in shape)
    return _bytes(field, _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims))))


def network() -> bytes:
    """Return an ONNX file with the inputs and the output of a Piper voice (opset 14)."""
    graph = (
        _node("Cast", ["input"], "numbers", to=FLOAT)
        + _node("Reshape", ["numbers", "column"], "columns")
        + _node("Tile", ["columns", "times"], "longer")
        + _node("Reshape", ["longer", "row"], "flat")
        + _node("Mul", ["flat", "step"], "steps")
        + _node("CumSum", ["steps", "axis"], "phase")
        + _node("Sin", ["phase"], "wave")
        + _node("Mul", ["wave", "loud"], "output")
        + _bytes(2, "hum")
        + _constant("column", INT64, 1, 1, -1, 1)
        + _constant("times", INT64, 1, 1, 1, SAMPLES)
        + _constant("row", INT64, 1, 1, 1, -1)
        + _constant("axis", INT64, 3)
        + _constant("step", FLOAT, 0.004)
        + _constant("loud", FLOAT, 0.3)
        + _value(11, "input", INT64, "batch", "phonemes")
        + _value(11, "input_lengths", INT64, "batch")
        + _value(11, "scales", FLOAT, 3)
        + _value(12, "output", FLOAT, 1, 1, 1, "time")
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 14))


def make(folder: Path, language: str) -> Path:
    """Write a voice into a folder and return the path of its ``.onnx``."""
    voice = folder / f"{language}_hum.onnx"
    voice.write_bytes(network())
    described = {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": language},
        "phoneme_type": "espeak",
        "inference": {"noise_scale": 0.6, "length_scale": 1.0, "noise_w": 0.8},
        "num_symbols": len(PHONEMES),
        "num_speakers": 1,
        "speaker_id_map": {},
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(PHONEMES)},
    }
    voice.with_name(voice.name + ".json").write_text(json.dumps(described), encoding="utf-8")
    return voice
