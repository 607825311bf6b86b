#!/usr/bin/env python3
"""Renders `sounds/<language>/<announcement>.wav` from `sounds/manifest.yaml` with espeak-ng: a stand-in until somebody
records them. Run it from the repository with `.venv/bin/python deploy/sandbox/render_sounds.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
WORDS_A_MINUTE = "150"


def main() -> None:
    sys.path.insert(0, str(REPOSITORY))
    from dialogue.audio import read_wav

    folder = REPOSITORY / "sounds"
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text("utf-8"))
    texts = [
        (language, name, text)
        for name, announcement in (manifest["announcements"] | manifest["queue"]).items()
        for language, text in announcement["text"].items()
    ]
    for language, words in manifest["digits"].items():
        texts += [(language, f"digits/{number}", word) for number, word in words.items()]
    for language, name, text in texts:
        command = ["espeak-ng", "-v", manifest["voices"][language], "-s", WORDS_A_MINUTE, "--stdout", "--stdin"]
        wav = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=30).stdout
        target = folder / language / f"{name}.wav"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read_wav(wav).at(manifest["rate"]).to_wav())


if __name__ == "__main__":
    main()
