"""The process that runs parts: one after the other, as it is told, so that torch is loaded once.

It is told a part as a line of JSON, and answers with a line: where it has written the result. It ends with its input. A
part that fails is a result, too.
"""

import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from archcalc.record import asdict
from gpu.parts import done
from gpu.plan import Part


def main(device: str, folder: str) -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # what torch prints is no answer
    for line in sys.stdin:
        part = Part(**json.loads(line))
        path = Path(folder) / f"{part.name}.json"
        path.write_text(json.dumps(result_of(part, device)), encoding="utf-8")
        print(path, file=answers, flush=True)


def result_of(part: Part, device: str) -> dict[str, Any]:
    """What a part gives, with the part itself and its seconds; or the error that ended it."""
    begun = time.perf_counter()
    result: dict[str, Any] = {"part": asdict(part), "on": device}
    try:
        result |= done(part, device)
    except Exception:  # whatever it is, the next part runs
        result["error"] = traceback.format_exc()
        free()
    return result | {"seconds": round(time.perf_counter() - begun, 2)}


def free() -> None:
    """Gives back the memory of a part that failed."""
    import gc  # lazy: only after an error

    import torch  # lazy: only after an error

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(*sys.argv[1:])
