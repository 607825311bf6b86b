"""Whisper models of a few megabytes: random ones, and ones that say the same words whatever they hear.

They load and run as the published ones do, in openai-whisper's form and converted to faster-whisper's.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ctranslate2.converters.utils import fuse_linear
from ctranslate2.specs import common_spec, whisper_spec
from whisper.model import ModelDimensions
from whisper.model import Whisper as Network
from whisper.tokenizer import Tokenizer, get_tokenizer

LANGUAGES = 99
TINY = ModelDimensions(80, 1500, 64, 2, 1, 51_865, 448, 64, 2, 1)
BASE = ModelDimensions(80, 1500, 512, 8, 6, 51_865, 448, 512, 8, 6)
SMALL = ModelDimensions(80, 1500, 768, 12, 12, 51_865, 448, 768, 12, 12)
"""The dimensions of the published models "base" and "small"."""

BEFORE_WORDS = 4
"""Tokens before the first word: start, language, task, no timestamps."""


def random_checkpoint(path: Path, dims: ModelDimensions = TINY, seed: int = 0) -> Path:
    """Write a model with random weights in openai-whisper's form."""
    torch.manual_seed(seed)
    network = Network(dims)
    with torch.no_grad():
        # Words come out by what is heard and how far the text has come, not by the word before again and again.
        network.decoder.token_embedding.weight.normal_(0, 0.1)
        network.decoder.positional_embedding.normal_(0, 1.0)
        for block in network.decoder.blocks:
            block.cross_attn.out.weight.normal_(0, 1.0)
            block.cross_attn.query.weight.normal_(0, 1.0)
            block.cross_attn.key.weight.normal_(0, 1.0)
    return _save(network, path)


def parrot(path: Path, text: str, language: str = "en", dims: ModelDimensions = TINY) -> Path:
    """Write a model that takes any sound for one language and always says ``text``."""
    tokenizer = get_tokenizer(True, num_languages=LANGUAGES)
    said = [*tokenizer.encode(text), tokenizer.eot]
    torch.manual_seed(0)
    network = Network(dims)
    with torch.no_grad():
        for name, weights in network.decoder.named_parameters():
            # Nothing that is heard or was said before counts, only how far the text has come.
            if name.endswith(("out.weight", "out.bias", "mlp.2.weight", "mlp.2.bias")):
                weights.zero_()
        words = network.decoder.token_embedding.weight
        words.normal_(0, 0.5)
        places = network.decoder.positional_embedding
        places.zero_()
        places[0] = 50 * words[tokenizer.to_language_token(language)]
        for number, token in enumerate(said):
            places[BEFORE_WORDS - 1 + number] = 50 * words[token]
        places[BEFORE_WORDS - 1 + len(said) :] = 50 * words[tokenizer.eot]
    return _save(network, path)


def converted(checkpoint: Path, folder: Path, quantization: str | None = None) -> Path:
    """Write a model of openai-whisper's form into a folder as faster-whisper takes it."""
    stored = torch.load(checkpoint, weights_only=True)
    weights = {name: value.float().numpy() for name, value in stored["model_state_dict"].items()}
    dims = ModelDimensions(**stored["dims"])
    spec = whisper_spec.WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)
    for name in ("conv1", "conv2"):
        _set(getattr(spec.encoder, name), weights, f"encoder.{name}")
    spec.encoder.position_encodings.encodings = weights["encoder.positional_embedding"]
    _set_norm(spec.encoder.layer_norm, weights, "encoder.ln_post")
    for number, layer in enumerate(spec.encoder.layer):
        _set_block(layer, weights, f"encoder.blocks.{number}")
    spec.decoder.embeddings.weight = weights["decoder.token_embedding.weight"]
    spec.decoder.projection.weight = weights["decoder.token_embedding.weight"]
    spec.decoder.position_encodings.encodings = weights["decoder.positional_embedding"]
    _set_norm(spec.decoder.layer_norm, weights, "decoder.ln")
    for number, layer in enumerate(spec.decoder.layer):
        _set_block(layer, weights, f"decoder.blocks.{number}")
    tokenizer = get_tokenizer(True, num_languages=LANGUAGES)
    _set_config(spec.config, tokenizer, dims)
    spec.register_vocabulary(_tokens(tokenizer)[: dims.n_vocab])
    spec.validate()
    spec.optimize(quantization)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text(_tokenizer_json(), "utf-8")
    return folder


def _save(network: Network, path: Path) -> Path:
    torch.save({"dims": asdict(network.dims), "model_state_dict": network.state_dict()}, path)
    return path


def _set(spec: Any, weights: dict[str, Any], name: str) -> None:
    spec.weight = weights[f"{name}.weight"]
    if f"{name}.bias" in weights:
        spec.bias = weights[f"{name}.bias"]


def _set_norm(spec: Any, weights: dict[str, Any], name: str) -> None:
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _set_block(layer: Any, weights: dict[str, Any], name: str) -> None:
    _set_attention(layer.self_attention, weights, f"{name}.attn", f"{name}.attn_ln", ["query", "key", "value"])
    if hasattr(layer, "attention"):
        cross = f"{name}.cross_attn"
        _set(layer.attention.linear[0], weights, f"{cross}.query")
        _set_attention(layer.attention, weights, cross, f"{cross}_ln", ["key", "value"], first=1)
    _set_norm(layer.ffn.layer_norm, weights, f"{name}.mlp_ln")
    _set(layer.ffn.linear_0, weights, f"{name}.mlp.0")
    _set(layer.ffn.linear_1, weights, f"{name}.mlp.2")


def _set_attention(spec: Any, weights: dict[str, Any], name: str, norm: str, fused: list[str], first: int = 0) -> None:
    _set_norm(spec.layer_norm, weights, norm)
    parts = []
    for part in fused:
        one = common_spec.LinearSpec()
        _set(one, weights, f"{name}.{part}")
        if part == "key":
            one.bias = np.zeros(len(one.weight), dtype=np.float32)
        parts.append(one)
    fuse_linear(spec.linear[first], parts)
    _set(spec.linear[first + 1], weights, f"{name}.out")


def _set_config(config: Any, tokenizer: Tokenizer, dims: ModelDimensions) -> None:
    config.suppress_ids = sorted(tokenizer.non_speech_tokens)
    config.suppress_ids_begin = [*tokenizer.encode(" "), tokenizer.eot]
    config.lang_ids = sorted(tokenizer.all_language_tokens)
    config.alignment_heads = [(dims.n_text_layer - 1, head) for head in range(dims.n_text_head)]


@cache
def _byte_letters() -> dict[int, str]:
    """The letters by which tokenizer files stand for bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + n) for n, byte in enumerate(others)}}


def _tokens(tokenizer: Tokenizer) -> list[str]:
    ranks = tokenizer.encoding._mergeable_ranks
    special = tokenizer.encoding._special_tokens
    letters = _byte_letters()
    plain = ["".join(letters[byte] for byte in token) for token, _ in sorted(ranks.items(), key=lambda entry: entry[1])]
    return plain + [token for token, _ in sorted(special.items(), key=lambda entry: entry[1])]


@cache
def _tokenizer_json() -> str:
    """Whisper's tokens as a file of Hugging Face's tokenizers."""
    tokenizer = get_tokenizer(True, num_languages=LANGUAGES)
    ranks = tokenizer.encoding._mergeable_ranks
    letters = _byte_letters()

    def written(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    merges = [
        [written(part) for part in _parts(token, rank, ranks)]
        for token, rank in sorted(ranks.items(), key=lambda entry: entry[1])
        if len(token) > 1
    ]
    special = [
        {"id": number, "content": token, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False}
        for token, number in sorted(tokenizer.encoding._special_tokens.items(), key=lambda entry: entry[1])
    ]  # fmt: skip
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {written(token): rank for token, rank in ranks.items()}, "merges": merges}
    return json.dumps(
        {"version": "1.0", "added_tokens": special, "normalizer": None, "pre_tokenizer": byte_level,
         "post_processor": None, "decoder": byte_level, "model": model}
    )  # fmt: skip


def _parts(token: bytes, rank: int, ranks: dict[bytes, int]) -> list[bytes]:
    """The two tokens that are joined to this one."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [ranks.get(left + right, rank) for left, right in pairwise(parts)]
        first = min(range(len(pairs)), key=pairs.__getitem__)
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
    return parts
