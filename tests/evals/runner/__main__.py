"""``python -m tests.evals.runner FILE…``: place the calls of scenario files at a PBX and a door that run."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from tests.evals.runner.operators import Operators
from tests.evals.runner.reading import Scene, ScriptError, read_scene
from webadmin.operations.sip_transaction import CallFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.evals.runner", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.yaml")
    parser.add_argument("--repeat", type=int, metavar="N", help="calls of each file, instead of what it says")
    parser.add_argument("--parallel", type=int, default=1, metavar="N", help="calls at once (default 1)")
    parser.add_argument("--pbx", default="127.0.0.1:5060", metavar="HOST:PORT", help="SIP of the PBX")
    parser.add_argument("--extension", metavar="NUMBER", help="dial this instead of what the files say")
    parser.add_argument("--check", action="store_true", help="read the files, place no call")
    parser.add_argument("--no-record", action="store_true", help="judge by ear alone, without the office's database")
    arguments = parser.parse_args()
    scenes, faults = _read(arguments.files, arguments.extension)
    if faults:
        sys.stderr.write("\n".join(faults) + "\n")
        return 2
    if arguments.check:
        print(f"{len(scenes)} files are in order")
        return 0
    if not arguments.no_record:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webadmin.settings")
        django.setup()
    try:
        return asyncio.run(_run(scenes, arguments))
    except (CallFailed, OSError) as error:
        sys.stderr.write(f"The operators' phones cannot register at {arguments.pbx}: {error}; is PBX_DIR that PBX's?\n")
        return 2


def _read(files: list[Path], extension: str | None) -> tuple[list[Scene], list[str]]:
    scenes, faults = [], []
    for path in files:
        try:
            scene = read_scene(path)
        except ScriptError as error:
            faults.append(str(error))
            continue
        if extension:
            scene = Scene(path, scene.script.model_copy(update={"extension": extension}), scene.lines)
        scenes.append(scene)
    return scenes, faults


async def _run(scenes: list[Scene], arguments: argparse.Namespace) -> int:
    from tests.evals.runner.office import DjangoOffice
    from tests.evals.runner.running import Place, run_scenes

    needed = any(scene.script.operators for scene in scenes)
    operators = Operators(f"sip:{arguments.pbx}", _sip_password()) if needed else None
    async with operators or nullcontext():
        place = Place(arguments.pbx, None if arguments.no_record else DjangoOffice(), operators)
        results = await run_scenes(scenes, place, repeats=arguments.repeat, parallel=arguments.parallel)
    for result in results:
        print("\n".join(result.lines()), end="\n\n")
    passed = sum(result.passed for result in results)
    print(f"{passed} of {len(results)} scenarios passed")
    return 0 if passed == len(results) else 1


def _sip_password() -> str:
    """Password of the sandbox's phones."""
    folder = Path(os.environ.get("PBX_DIR") or Path(os.environ.get("VAR_DIR", "var")) / "pbx")
    password: str = json.loads((folder / "secrets.json").read_text("utf-8"))["sip"]
    return password


if __name__ == "__main__":
    sys.exit(main())
