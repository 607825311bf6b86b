"""A voice for the real coqui-tts: a VITS of random weights, as small as its parts allow. It hums, it does not speak."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

LETTERS = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһіїєґabcdefghijklmnopqrstuvwxyz'-"
RATE = 22_050


def make(folder: Path, *, speakers: int = 0, seed: int = 1, hidden: int = 16) -> Path:
    """Write ``model.pth`` and ``config.json`` into a folder and return it.

    Args:
        folder: made where it is not there.
        speakers: 0 for a voice of one speaker.
        seed: of the weights.
        hidden: width of the network; the published voices have 192.
    """
    import torch
    from TTS.config.shared_configs import BaseAudioConfig
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
    from TTS.tts.models.vits import Vits

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "hidden_channels": hidden,
        "hidden_channels_ffn_text_encoder": 4 * hidden,
        "num_heads_text_encoder": 2,
        "num_layers_text_encoder": 6 if hidden > 100 else 2,
        "num_layers_flow": 4,
        "num_layers_posterior_encoder": 16 if hidden > 100 else 2,
        "upsample_initial_channel_decoder": 512 if hidden > 100 else 64,
    }
    if speakers:
        ids = folder / "speakers.json"
        ids.write_text(json.dumps({f"speaker{number}": number for number in range(speakers)}))
        shape |= {"use_speaker_embedding": True, "speakers_file": str(ids)}
    arguments = VitsArgs(init_discriminator=False, **shape)
    config = VitsConfig(
        model_args=arguments,
        audio=BaseAudioConfig(sample_rate=RATE),
        characters=CharactersConfig(
            characters_class="TTS.tts.models.vits.VitsCharacters",
            pad="_", eos="", bos="", blank="", characters=LETTERS, punctuations="!,.:;? –", phonemes="",
        ),
        text_cleaner="basic_cleaners",
        use_phonemes=False,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        model = Vits(config)
    torch.save({"config": config.to_dict(), "model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    return folder
