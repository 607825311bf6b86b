#!/bin/bash
# Installs requirements-speech.txt into an environment (default .venv). coqui-tts imports torchaudio without declaring it.
# PyPI has torchaudio for CUDA alone: it asks for another PyTorch, and its libraries do not load beside PyTorch's CPU
# build. Coqui's voices need none of them, so torchaudio is installed by itself, and where PyTorch is the CPU build its
# libraries are taken out, which it puts up with.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${1:-.venv}

"$venv/bin/pip" install -q --disable-pip-version-check -r requirements-speech.txt
"$venv/bin/pip" install -q --disable-pip-version-check --no-deps torchaudio==2.11.0
if "$venv/bin/python" -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then
    "$venv/bin/python" - <<'PYTHON'
from importlib.util import find_spec
from pathlib import Path

for library in (Path(find_spec("torchaudio").origin).parent / "lib").glob("*.so"):
    library.unlink()
PYTHON
fi
